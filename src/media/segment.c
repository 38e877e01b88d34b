/*
 * While one image is decoded and encoded the next one is fetched; at most two are in memory, and
 * both are gone before the encoder is drained.
 *
 * An image that goes on into the next segment is composed there again: segments share nothing. Its
 * receipt belongs to the first segment of the run that shows it.
 */
#include "media/segment.h"

#include "base/os.h"
#include "media/compose.h"
#include "media/encode.h"
#include "media/fetch.h"

#include <stdlib.h>

enum {
    PROGRESS_MS = 200,
    /* Frames of a hold between two looks at the clock. */
    FRAMES_AT_ONCE = 8,
};

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
    struct composer *composer;
    struct fetcher *fetcher;
    struct frame frame;
};

/* One segment under way. */
struct pass {
    struct segment_worker *worker;
    const struct segment *place;
    struct finished_segment *finished;
    uint32_t number;
    uint32_t frames_done;
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
        .width = settings->width,
        .height = settings->height,
        .fps = settings->fps,
        .speed = settings->speed,
        .quality = settings->quality,
        .frame_count = place->frame_count,
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
static void keep_receipt(struct pass *pass, uint32_t image, const struct receipt *receipt) {
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

/* The picture of `image` into the worker's frame. */
static bool compose(struct pass *pass, uint32_t image, bool last, struct media_failure *ret_failure,
                    struct error *err) {
    struct segment_worker *worker = pass->worker;
    struct arena *arena CLEANUP(arena_cleanup) = NULL;
    struct str bytes;
    struct receipt receipt = {0};
    const char *name = worker->render->plan->manifest.images[image].name;
    bool fetched = fetcher_take(worker->fetcher, &arena, &bytes, err);
    if (fetched && !last)
        fetcher_ask(worker->fetcher, image + 1);
    if (fetched && composer_run(worker->composer, arena, bytes,
                                pass->worker->render->plan->manifest.images[image].rotate,
                                &worker->frame, &receipt, err)) {
        keep_receipt(pass, image, &receipt);
        return true;
    }
    *ret_failure = (struct media_failure){.is_image = fetched, .image = image};
    return error_prefix(err, "image %u '%s'", image + 1, name);
}

static void tell_progress(struct pass *pass) {
    const struct media_io *io = pass->worker->render->io;
    int64_t now = clock_monotonic_ms();
    bool complete = pass->frames_done == pass->place->frame_count;
    if (!io->progress || (!complete && now - pass->last_progress_ms < PROGRESS_MS))
        return;
    pass->last_progress_ms = now;
    io->progress(io->context, pass->number, pass->frames_done);
}

static bool encode_frames(struct pass *pass, uint64_t count, struct error *err) {
    while (count > 0) {
        uint32_t now = count < FRAMES_AT_ONCE ? (uint32_t)count : FRAMES_AT_ONCE;
        if (!encoder_add(pass->finished->encoder, &pass->worker->frame, now, NULL, NULL, err))
            return false;
        count -= now;
        pass->frames_done += now;
        /* The last frames are not done before the encoder is drained. */
        if (pass->frames_done < pass->place->frame_count)
            tell_progress(pass);
    }
    return true;
}

static bool keep_poster(struct pass *pass, uint64_t first_frame, uint64_t end_frame,
                        struct error *err) {
    struct finished_segment *finished = pass->finished;
    uint64_t frame = pass->worker->render->plan->poster_frame;
    struct str poster;
    if (frame < first_frame || frame >= end_frame)
        return true;
    if (!compose_poster(finished->arena, &pass->worker->frame, &poster, err))
        return error_prefix(err, "poster");
    finished->segment.poster = (const uint8_t *)poster.ptr;
    finished->segment.poster_size = poster.len;
    return true;
}

static bool show_image(struct pass *pass, uint32_t image, struct media_failure *ret_failure,
                       struct error *err) {
    const uint64_t *starts = pass->worker->render->plan->timeline.starts;
    uint64_t first = pass->place->first_frame, end = first + pass->place->frame_count;
    bool last = image + 1 == pass->place->first_image + pass->place->image_count;
    if (first < starts[image])
        first = starts[image];
    if (end > starts[image + 1])
        end = starts[image + 1];
    return compose(pass, image, last, ret_failure, err) && keep_poster(pass, first, end, err) &&
           encode_frames(pass, end - first, err);
}

/* ---- one segment ---- */

struct segment_worker *segment_worker_new(const struct media_render *render) {
    const struct settings *settings = &render->plan->manifest.settings;
    struct compose_target target = {
        .width = settings->width,
        .height = settings->height,
        .fit = settings->fit,
        .background = {settings->background[0], settings->background[1], settings->background[2]},
    };
    struct segment_worker *worker = calloc(1, sizeof *worker);
    if (!worker)
        die_out_of_memory();
    worker->render = render;
    worker->composer = composer_new(&target);
    worker->fetcher = fetcher_new(render->io);
    frame_init(&worker->frame, target.width, target.height);
    return worker;
}

void segment_worker_free(struct segment_worker *worker) {
    if (!worker)
        return;
    fetcher_free(worker->fetcher);
    composer_free(worker->composer);
    frame_clear(&worker->frame);
    free(worker);
}

static bool show_images(struct pass *pass, segment_abandon_function *abandon, void *context,
                        struct media_failure *ret_failure, struct error *err) {
    const struct segment *place = pass->place;
    fetcher_ask(pass->worker->fetcher, place->first_image);
    for (uint32_t i = 0; i < place->image_count; i++) {
        if (abandon(context, pass->number))
            return error_set(err, ERROR_INTERNAL, NULL, "given up");
        if (!show_image(pass, place->first_image + i, ret_failure, err))
            return false;
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
    if (!show_images(&pass, abandon, context, ret_failure, err) ||
        !encoder_finish(pass.finished->encoder, &pass.finished->segment, err)) {
        fetcher_drop(worker->fetcher);
        finished_segment_free(pass.finished);
        return false;
    }
    tell_progress(&pass);
    *ret = pass.finished;
    return true;
}
