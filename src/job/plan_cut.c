/*
 * Cutting: frames into segments, segments into tasks.
 *
 * A segment ends where an image is alone for the first time (it starts, or its transition is over),
 * as late as the allowed length lets it: the new picture hides the IDR. Where that does not happen
 * in time, a hold that fits into the budget is one segment, and a longer one is cut inside into
 * equal pieces. The allowed length is the budget, and half of what is left towards the end of the
 * film: when the last photo arrives, little is left to encode.
 */
#include "job/plan_internal.h"

#include <assert.h>

enum {
    BUDGET_FRAMES = 240,       /* the largest that costs no parallelism in an ordinary film */
    BUDGET_FRAMES_LARGE = 120, /* of pictures over 1080p, and where encoding is slow */
    BUDGET_FRAMES_INTRA = 60,  /* GIF keeps them for its palette; ProRes has a megabyte a frame */
    LARGE_PIXELS = 1920 * 1088,
    LEAST_FRAMES = 30, /* of the taper: an IDR more often than once a second costs too much */

    TASK_BYTES = 8 * 1024 * 1024,
    TASK_SHARE = 3, /* a task takes at most this part of what is left */

    /* The low estimate of a segment's bytes: 0.03 a pixel of each picture, and its skips. */
    BYTES_PER_100_PIXELS = 3,
    BYTES_PER_FRAME = 300,
};

static uint32_t budget_of(const struct settings *settings) {
    uint64_t pixels = (uint64_t)settings->width * settings->height;
    if (settings->codec == CODEC_GIF || settings->codec == CODEC_PRORES)
        return BUDGET_FRAMES_INTRA;
    return settings->speed == SPEED_SMALL || pixels > LARGE_PIXELS ? BUDGET_FRAMES_LARGE
                                                                   : BUDGET_FRAMES;
}

static uint64_t allowed_at(const struct timeline *timeline, uint64_t frame, uint32_t budget) {
    uint64_t allowed = (timeline->frame_count - frame) / 2;
    if (allowed < LEAST_FRAMES)
        allowed = LEAST_FRAMES;
    return allowed < budget ? allowed : budget;
}

static uint64_t equal_piece(uint64_t frames, uint32_t budget) {
    uint64_t pieces = (frames + budget - 1) / budget;
    return (frames + pieces - 1) / pieces;
}

/* Where an image is alone for the first time; for the number of images, the film's end. */
static uint64_t cut_at(const struct timeline *timeline, size_t image) {
    bool has_transition = image > 0 && image < timeline->image_count;
    return timeline->starts[image] + (has_transition ? timeline->transition_frames : 0);
}

/* Where the segment from `frame` ends; `image` is the last one that was alone by then. */
static uint64_t segment_end(const struct timeline *timeline, uint64_t frame, size_t image,
                            uint32_t budget) {
    uint64_t left_of_hold = cut_at(timeline, image + 1) - frame;
    /* Inside a hold we are only between its pieces. */
    if (cut_at(timeline, image) < frame)
        return frame + equal_piece(left_of_hold, budget);
    uint64_t limit = frame + allowed_at(timeline, frame, budget);
    uint64_t end = frame;
    for (size_t next = image + 1; next <= timeline->image_count && cut_at(timeline, next) <= limit;
         next++)
        end = cut_at(timeline, next);
    return end > frame ? end : frame + equal_piece(left_of_hold, budget);
}

struct segment plan_segment_at(const struct timeline *timeline, uint64_t first_frame,
                               uint32_t frame_count, size_t *image) {
    while (timeline->starts[*image + 1] <= first_frame)
        ++*image;
    bool in_transition =
        *image > 0 && first_frame < timeline->starts[*image] + timeline->transition_frames;
    size_t first = *image - in_transition;
    while (timeline->starts[*image + 1] < first_frame + frame_count)
        ++*image;
    return (struct segment){
        .first_frame = first_frame,
        .frame_count = frame_count,
        .first_image = (uint32_t)first,
        .image_count = (uint32_t)(*image - first + 1),
    };
}

/* Writes the segments where there is room for them; returns their number. */
static uint32_t cut(const struct timeline *timeline, uint32_t budget, struct segment *ret) {
    uint32_t count = 0;
    uint64_t frame = 0;
    size_t alone = 0, image = 0;
    while (frame < timeline->frame_count) {
        while (cut_at(timeline, alone + 1) <= frame)
            alone++;
        uint64_t end = segment_end(timeline, frame, alone, budget);
        if (ret)
            ret[count] = plan_segment_at(timeline, frame, (uint32_t)(end - frame), &image);
        count++;
        frame = end;
    }
    return count;
}

void plan_cut_segments(struct arena *arena, struct plan *plan) {
    uint32_t budget = budget_of(&plan->manifest.settings);
    uint32_t count = cut(&plan->timeline, budget, NULL);
    /* TIMELINE_MAX_FRAMES over the least average length is far below. */
    assert(count <= PLAN_MAX_SEGMENTS);
    plan->segments = arena_array(arena, count, sizeof *plan->segments);
    plan->segment_count = cut(&plan->timeline, budget, plan->segments);
}

static uint64_t estimated_bytes(const struct plan *plan, const struct segment *segment) {
    const struct settings *settings = &plan->manifest.settings;
    uint64_t pixels = (uint64_t)settings->width * settings->height;
    return segment->image_count * pixels * BYTES_PER_100_PIXELS / 100 +
           (uint64_t)segment->frame_count * BYTES_PER_FRAME;
}

static uint32_t task_length(const struct plan *plan, uint32_t first) {
    uint32_t left = plan->segment_count - first;
    uint32_t most = (left + TASK_SHARE - 1) / TASK_SHARE;
    if (most > PLAN_MAX_TASK_SEGMENTS)
        most = PLAN_MAX_TASK_SEGMENTS;
    uint64_t bytes = 0;
    uint32_t count = 0;
    while (count < most && bytes < TASK_BYTES)
        bytes += estimated_bytes(plan, &plan->segments[first + count++]);
    return count;
}

void plan_cut_tasks(struct arena *arena, struct plan *plan) {
    struct segment_range *tasks = arena_array(arena, plan->segment_count, sizeof *tasks);
    uint32_t count = 0;
    for (uint32_t first = 0; first < plan->segment_count; first += tasks[count++].count)
        tasks[count] = (struct segment_range){first, task_length(plan, first)};
    plan->tasks = tasks;
    plan->task_count = count;
}
