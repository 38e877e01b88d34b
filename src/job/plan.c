/*
 * Making a plan, and asking it. Every step is in integers and exact fractions, so that all machines
 * agree.
 */
#include "job/plan.h"

#include "job/document.h"
#include "job/plan_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef unsigned __int128 wide;

bool plan_needs_first_image(const struct manifest *manifest) {
    return manifest->settings.size != SIZE_FIXED;
}

/* ---- building ---- */

static bool check_names(const struct plan *plan, struct error *err) {
    char quoted[DOCUMENT_QUOTE_SIZE];
    struct str job = str_c(plan->job), build = str_c(plan->build_id);
    if (!job_id_valid(job))
        return error_set(err, ERROR_INVALID, NULL, "'%s' is no job id",
                         document_quote(job, quoted));
    if (build.len == 0 || build.len > PLAN_MAX_BUILD_ID_BYTES || !str_is_utf8(build) ||
        str_has_control(build))
        return error_set(err, ERROR_INVALID, NULL, "'%s' is no build id",
                         document_quote(build, quoted));
    return true;
}

/* The frame on the screen at that time. */
static uint64_t frame_at_seconds(struct rational seconds, struct rational fps) {
    wide frame = (wide)seconds.num * (wide)fps.num / ((wide)seconds.den * (wide)fps.den);
    return frame > UINT64_MAX ? UINT64_MAX : (uint64_t)frame;
}

static bool find_poster(struct plan *plan, struct error *err) {
    const struct settings *settings = &plan->manifest.settings;
    uint64_t frames = plan->timeline.frame_count;
    uint64_t frame = settings->poster_in_seconds ? frame_at_seconds(settings->poster, settings->fps)
                                                 : (uint64_t)settings->poster.num;
    if (frame >= frames)
        return error_set(err, ERROR_INVALID, NULL,
                         "setting 'poster': frame %" PRIu64 " is beyond the film's %" PRIu64
                         " frames",
                         frame, frames);
    plan->poster_frame = frame;
    return true;
}

bool plan_complete(struct arena *arena, struct plan *plan, struct error *err) {
    if (!check_names(plan, err))
        return false;
    if (plan->manifest.image_count == 0 || plan->manifest.image_count > MANIFEST_MAX_IMAGES)
        return error_set(err, ERROR_INVALID, NULL, "a plan needs 1 to %d images, not %zu",
                         MANIFEST_MAX_IMAGES, plan->manifest.image_count);
    return timeline_build(arena, &plan->manifest, &plan->timeline, err) && find_poster(plan, err);
}

static struct manifest copy_manifest(struct arena *arena, const struct manifest *manifest) {
    struct manifest copy = *manifest;
    copy.lists_images = true;
    copy.images = arena_array(arena, manifest->image_count, sizeof *copy.images);
    for (size_t i = 0; i < manifest->image_count; i++) {
        copy.images[i] = manifest->images[i];
        copy.images[i].name = arena_strdup(arena, manifest->images[i].name);
        if (manifest->images[i].type)
            copy.images[i].type = arena_strdup(arena, manifest->images[i].type);
    }
    return copy;
}

bool plan_build(struct arena *arena, const char *job, const char *build_id,
                const struct manifest *manifest, const struct plan_facts *facts, struct plan *ret,
                struct error *err) {
    struct plan plan = {
        .job = arena_strdup(arena, job),
        .build_id = arena_strdup(arena, build_id),
        .manifest = copy_manifest(arena, manifest),
    };
    if (!settings_resolve_size(&plan.manifest.settings, facts ? facts->first_width : 0,
                               facts ? facts->first_height : 0, err) ||
        !plan_complete(arena, &plan, err))
        return false;
    plan_cut_segments(arena, &plan);
    plan_cut_tasks(arena, &plan);
    plan_set_hash(&plan);
    *ret = plan;
    return true;
}

/* ---- asking ---- */

void plan_images_of(const struct plan *plan, struct segment_range range, uint32_t *ret_first,
                    uint32_t *ret_count) {
    const struct segment *first = &plan->segments[range.first];
    const struct segment *last = &plan->segments[range.first + range.count - 1];
    *ret_first = first->first_image;
    *ret_count = last->first_image + last->image_count - first->first_image;
}

struct candidate {
    struct segment_range range;
    size_t index;
};

static int best_first(const void *a, const void *b) {
    const struct candidate *x = a, *y = b;
    if (x->range.first != y->range.first)
        return x->range.first < y->range.first ? -1 : 1;
    if (x->range.count != y->range.count)
        return x->range.count > y->range.count ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static size_t sort_candidates(const struct plan *plan, const struct segment_range *ranges,
                              size_t count, struct candidate *ret) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (ranges[i].count > 0 && ranges[i].first < plan->segment_count &&
            ranges[i].count <= plan->segment_count - ranges[i].first)
            ret[kept++] = (struct candidate){ranges[i], i};
    qsort(ret, kept, sizeof *ret, best_first);
    return kept;
}

/* Walks over the candidates in their order; writes where `ret_used` is not NULL. False at a gap. */
static bool cover(const struct plan *plan, const struct candidate *candidates, size_t count,
                  size_t *ret_used) {
    uint32_t next = 0;
    for (size_t i = 0; i < count; i++) {
        struct segment_range range = candidates[i].range;
        if (range.first > next)
            return false;
        for (; next < range.first + range.count; next++)
            if (ret_used)
                ret_used[next] = candidates[i].index;
    }
    return next == plan->segment_count;
}

bool plan_cover(const struct plan *plan, const struct segment_range *ranges, size_t count,
                size_t *ret_used) {
    struct candidate *candidates = calloc(count + 1, sizeof *candidates);
    if (!candidates)
        die_out_of_memory();
    size_t kept = sort_candidates(plan, ranges, count, candidates);
    bool covered = cover(plan, candidates, kept, NULL);
    if (covered)
        cover(plan, candidates, kept, ret_used);
    free(candidates);
    return covered;
}
