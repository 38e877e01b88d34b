/*
 * The encoder is fed with the scene's pictures; a picture that stays goes in as one run.
 *
 * An image's receipt belongs to the first segment of the run that shows it.
 */
#include "media/segment.h"

#include "base/os.h"
#include "media/compose.h"
#include "media/encode.h"
#include "media/scene.h"

#include <stdlib.h>

enum { PROGRESS_MS = 200 };

struct finished_segment {
    struct arena *arena; /* receipts and poster */
    struct encoder *encoder;
    struct media_segment segment;
    struct receipt *receipts; /* of images from first_receipt on */
    uint32_t first_receipt;
    uint32_t receipt_count;
};

struct segment_worker {
    const struct media_render *render;
    struct scene *scene;
};

/* One segment under way. */
struct pass {
    struct segment_worker *worker;
    const struct segment *place;
    struct finished_segment *finished;
    uint32_t number;
    uint32_t frames_told;
    int64_t last_progress_ms;
};

/* ---- what is finished ---- */

void finished_segment_free(struct finished_segment *finished) {
    if (!finished)
        return;
    encoder_free(finished->encoder);
    arena_free(finished->arena);
    free(finished);
}

bool finished_segment_deliver(const struct finished_segment *finished, const struct media_io *io,
                              struct error *err) {
    for (uint32_t i = 0; io->receipt && i < finished->receipt_count; i++)
        io->receipt(io->context, finished->first_receipt + i, &finished->receipts[i]);
    return io->segment(io->context, &finished->segment, err);
}

/* The image of the segment's first frame has its receipt from the segment before, if that is in the
 * run and shows it. */
static uint32_t first_receipt(const struct media_render *render, uint32_t number) {
    const struct segment *segments = render->plan->segments;
    if (number == render->range.first)
        return segments[number].first_image;
    uint32_t shown = segments[number - 1].first_image + segments[number - 1].image_count;
    return shown > segments[number].first_image ? shown : segments[number].first_image;
}

static bool new_finished(const struct media_render *render, uint32_t number,
                         struct finished_segment **ret, struct error *err) {
    const struct settings *settings = &render->plan->manifest.settings;
    const struct segment *place = &render->plan->segments[number];
    struct encoder_options options = {
        .codec = settings->codec,
        .width = settings->width,
        .height = settings->height,
        .fps = settings->fps,
        .speed = settings->speed,
        .quality = settings->quality,
        .first_frame = place->first_frame,
        .frame_count = place->frame_count,
        .skip_held = settings->held_frames == HELD_FRAMES_SKIP,
    };
    struct encoder *encoder;
    if (!encoder_new(&options, &encoder, err))
        return false;
    struct finished_segment *finished = calloc(1, sizeof *finished);
    if (!finished)
        die_out_of_memory();
    finished->arena = arena_new();
    finished->encoder = encoder;
    finished->first_receipt = first_receipt(render, number);
    finished->receipt_count = place->first_image + place->image_count - finished->first_receipt;
    finished->receipts =
        arena_array(finished->arena, finished->receipt_count, sizeof *finished->receipts);
    *ret = finished;
    return true;
}

/* ---- one image ---- */

static const char *copy_text(struct arena *arena, const char *text) {
    return text ? arena_strdup(arena, text) : NULL;
}

/* The original lives with the image's bytes, which go at once. */
static void keep_receipt(void *context, uint32_t image, const struct receipt *receipt) {
    struct pass *pass = context;
    struct finished_segment *finished = pass->finished;
    struct arena *arena = finished->arena;
    if (image < finished->first_receipt)
        return;
    const char **warnings = arena_array(arena, receipt->warning_count, sizeof *warnings);
    for (unsigned i = 0; i < receipt->warning_count; i++)
        warnings[i] = copy_text(arena, receipt->warnings[i]);
    struct receipt *copy = &finished->receipts[image - finished->first_receipt];
    *copy = *receipt;
    copy->name = pass->worker->render->plan->manifest.images[image].name;
    copy->format = copy_text(arena, receipt->format);
    copy->profile = copy_text(arena, receipt->profile);
    copy->captured = copy_text(arena, receipt->captured);
    copy->scaling = copy_text(arena, receipt->scaling);
    copy->refused = copy_text(arena, receipt->refused);
    copy->warnings = warnings;
}

static void tell_progress(void *context, uint32_t frames) {
    struct pass *pass = context;
    const struct media_io *io = pass->worker->render->io;
    int64_t now = clock_monotonic_ms();
    bool complete = frames == pass->place->frame_count;
    if (!io->progress || frames <= pass->frames_told ||
        (!complete && now - pass->last_progress_ms < PROGRESS_MS))
        return;
    pass->last_progress_ms = now;
    pass->frames_told = frames;
    io->progress(io->context, pass->number, frames);
}

/* It is asked of the scene once more: a frame of a fade is a picture only there. */
static bool keep_poster(struct pass *pass, uint64_t first_frame, uint32_t count,
                        struct media_failure *ret_failure, struct error *err) {
    struct finished_segment *finished = pass->finished;
    uint64_t frame = pass->worker->render->plan->poster_frame;
    struct scene_run run;
    struct str poster;
    if (frame < first_frame || frame - first_frame >= count)
        return true;
    if (!scene_take(pass->worker->scene, frame, 0, &run, ret_failure, err))
        return false;
    if (!compose_poster(finished->arena, run.picture, &poster, err))
        return error_prefix(err, "poster");
    finished->segment.poster = (const uint8_t *)poster.ptr;
    finished->segment.poster_size = poster.len;
    return true;
}

/* ---- one segment ---- */

struct segment_worker *segment_worker_new(const struct media_render *render) {
    struct segment_worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        die_out_of_memory();
    worker->render = render;
    worker->scene = scene_new(render);
    return worker;
}

void segment_worker_free(struct segment_worker *worker) {
    if (!worker)
        return;
    scene_free(worker->scene);
    free(worker);
}

static bool encode_run(struct pass *pass, const struct scene_run *run, struct error *err) {
    struct encoder *encoder = pass->finished->encoder;
    return run->fade > 0 ? encoder_fade(encoder, run->fade, run->picture, run->count, err)
                         : encoder_add(encoder, run->picture, run->count, tell_progress, pass, err);
}

static bool show_pictures(struct pass *pass, segment_abandon_function *abandon, void *context,
                          struct media_failure *ret_failure, struct error *err) {
    const struct segment *place = pass->place;
    struct encoder *encoder = pass->finished->encoder;
    for (uint32_t done = 0; done < place->frame_count;) {
        struct scene_run run;
        uint64_t frame = place->first_frame + done;
        uint32_t max_fade = encoder_may_fade(encoder) ? ENCODER_MAX_FADE : 0;
        if (abandon(context, pass->number))
            return error_set(err, ERROR_INTERNAL, NULL, "given up");
        if (!scene_take(pass->worker->scene, frame, max_fade, &run, ret_failure, err) ||
            !encode_run(pass, &run, err) ||
            !keep_poster(pass, frame, run.fade + run.count, ret_failure, err))
            return false;
        done += run.fade + run.count;
        /* The last frames are not done before the encoder is drained. */
        if (done < place->frame_count)
            tell_progress(pass, done);
    }
    return true;
}

bool segment_worker_run(struct segment_worker *worker, uint32_t segment,
                        segment_abandon_function *abandon, void *context,
                        struct finished_segment **ret, struct media_failure *ret_failure,
                        struct error *err) {
    struct pass pass = {
        .worker = worker,
        .place = &worker->render->plan->segments[segment],
        .number = segment,
        .last_progress_ms = clock_monotonic_ms(),
    };
    if (!new_finished(worker->render, segment, &pass.finished, err))
        return false;
    pass.finished->segment.number = segment;
    scene_begin(worker->scene, segment, &(struct scene_listener){&pass, keep_receipt});
    bool shown = show_pictures(&pass, abandon, context, ret_failure, err);
    scene_end(worker->scene);
    if (!shown || !encoder_finish(pass.finished->encoder, &pass.finished->segment, err)) {
        finished_segment_free(pass.finished);
        return false;
    }
    tell_progress(&pass, pass.place->frame_count);
    *ret = pass.finished;
    return true;
}
