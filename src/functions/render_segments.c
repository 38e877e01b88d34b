/*
 * The segments task, step 3 of the protocol: encode what nobody has encoded yet, flush it as
 * chunks, put back what the deadline does not allow, end with the check of step 4.
 *
 * One `struct work` holds the state of an invocation; the renderer's threads call back into it. Its
 * lock guards what they share.
 */
#include "functions/outcome.h"
#include "functions/render.h"
#include "functions/reuse.h"
#include "functions/sound.h"
#include "functions/stock.h"

#include "base/log.h"
#include "base/os.h"
#include "media/chunk.h"
#include "media/load.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    FLUSH_BYTES = 8 * 1024 * 1024, /* a chunk of at least this is worth a PUT of its own */
    /* A rest smaller than a multipart part (5 MiB) would have to pass through the splice. */
    MIN_REST_BYTES = 6 * 1024 * 1024,
    PROGRESS_MS = 1000,
    MARGIN_MS = 2000, /* kept for the last flush and the put-back */
};

struct work {
    struct functions *functions;
    const struct render_call *call;
    const struct plan *plan;
    const struct media_api *media;
    const struct segments_task *task;
    uint64_t flush_bytes;
    struct film_sound sound;

    pthread_mutex_t lock; /* of everything below */
    struct chunk_writer *chunk;
    struct mux_sound_source packets; /* of the run being rendered */
    uint32_t run_end;                /* segment behind it */
    uint64_t done_bytes;             /* of segments finished in this invocation */
    uint64_t done_frames;
    uint32_t done_segments;
    uint32_t taken_segments;  /* of them, out of another job */
    int64_t *started_ms;      /* monotonic; by segment of the task */
    int64_t longest_ms;       /* from a segment's start to its delivery */
    int64_t last_progress_ms; /* monotonic */
    char **written;           /* keys of chunks, for a cancel that comes late */
    size_t written_count;
    bool out_of_time;
    bool cancelled;
    bool superseded;        /* an image was replaced: the newer version has its own task */
    bool asset_gone;        /* the watermark was removed or replaced */
    uint32_t missing_image; /* index + 1 of an image that is gone, 0: none */
    struct arena *arena;    /* for the callbacks that hold the lock */
};

/* ---- callbacks of the renderer ---- */

static bool fetch(void *context, uint32_t image, struct arena *arena, struct str *ret,
                  struct error *err) {
    struct work *work = context;
    const struct image_version *version = &work->task->versions[image - work->task->first_image];
    struct s3_get_options options = {
        .if_match = version->etag,
        .max_bytes = MANIFEST_MAX_IMAGE_BYTES,
    };
    struct s3_object object;
    if (s3_get(work->functions->s3, arena, work->functions->input,
               key_image(arena, work->plan->job, version->name), &options, &object, err)) {
        *ret = object.body;
        return true;
    }
    pthread_mutex_lock(&work->lock);
    if (err->kind == ERROR_CONFLICT)
        work->superseded = true;
    else if (err->kind == ERROR_NOT_FOUND)
        work->missing_image = image + 1;
    pthread_mutex_unlock(&work->lock);
    return false;
}

/* The watermark, as it was when the film was planned. */
static bool asset(void *context, const struct plan_asset *asset, struct arena *arena,
                  struct str *ret, struct error *err) {
    struct work *work = context;
    struct s3_get_options options = {.if_match = asset->etag,
                                     .max_bytes = MANIFEST_MAX_ASSET_BYTES};
    struct s3_object object;
    if (s3_get(work->functions->s3, arena, work->functions->input,
               key_asset(arena, work->plan->job, asset->name), &options, &object, err)) {
        *ret = object.body;
        return true;
    }
    pthread_mutex_lock(&work->lock);
    work->asset_gone =
        work->asset_gone || err->kind == ERROR_CONFLICT || err->kind == ERROR_NOT_FOUND;
    pthread_mutex_unlock(&work->lock);
    return false;
}

/* Before each segment: a cancelled job gets no further one, and none that would not be finished
 * before the deadline is begun. */
static bool may_start(void *context, uint32_t segment) {
    struct work *work = context;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    bool cancelled = false;
    struct error ignored;
    /* When the store cannot be asked, the next PUT will tell. */
    if (!functions_exists(work->functions, arena, work->functions->work,
                          key_cancelled(arena, work->plan->job), &cancelled, &ignored))
        cancelled = false;
    pthread_mutex_lock(&work->lock);
    int64_t left = work->call->deadline_unix_ms - clock_unix_ms() - MARGIN_MS;
    work->cancelled = work->cancelled || cancelled;
    if (left < work->longest_ms + work->longest_ms / 2)
        work->out_of_time = true;
    bool go = !work->cancelled && !work->out_of_time && !work->superseded;
    work->started_ms[segment - work->task->range.first] = clock_monotonic_ms();
    pthread_mutex_unlock(&work->lock);
    return go;
}

static bool flush(struct work *work, struct error *err) {
    struct functions *functions = work->functions;
    struct segment_range range = chunk_writer_range(work->chunk);
    if (range.count == 0)
        return true;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct segments_task part = segments_task_part(work->plan, work->task, range);
    char input[SHA256_HEX_SIZE];
    plan_chunk_input(work->plan, range, part.versions, input);
    char *key = key_chunk(work->arena, work->plan->job, range, input);
    struct str bytes = chunk_writer_finish(work->chunk);
    /* Once: a frozen list may name the twin's chunk by its ETag, and receipts come in any order. */
    struct s3_put_options once = {.if_none_match = true};
    if (!s3_put(functions->s3, arena, functions->work, key, bytes.ptr, bytes.len, &once, NULL,
                err) &&
        (err->code == NULL || strcmp(err->code, "PreconditionFailed") != 0))
        return false;
    work->written[work->written_count++] = key;
    chunk_writer_reset(work->chunk);
    return true;
}

/* Whether what would be left of the run is worth a chunk of its own, by the bytes per frame so far.
 */
static bool rest_is_large(const struct work *work, uint32_t next) {
    uint64_t frames = 0;
    for (uint32_t i = next; i < work->run_end; i++)
        frames += work->plan->segments[i].frame_count;
    return work->done_bytes / work->done_frames * frames >= MIN_REST_BYTES;
}

static void segment_hash(const struct work *work, uint32_t number, char ret[SHA256_HEX_SIZE]) {
    uint32_t first, count;
    plan_images_of(work->plan, (struct segment_range){number, 1}, &first, &count);
    plan_segment_hash(work->plan, number, work->task->versions + (first - work->task->first_image),
                      ret);
}

static bool segment(void *context, const struct media_segment *segment, struct error *err) {
    struct work *work = context;
    char hash[SHA256_HEX_SIZE];
    const struct segment *place = &work->plan->segments[segment->number];
    segment_hash(work, segment->number, hash);
    pthread_mutex_lock(&work->lock);
    int64_t took =
        clock_monotonic_ms() - work->started_ms[segment->number - work->task->range.first];
    if (took > work->longest_ms)
        work->longest_ms = took;
    work->done_bytes += segment->size;
    work->done_frames += place->frame_count;
    work->done_segments++;
    struct mux_sound sound;
    bool ok = mux_sound_take(&work->packets, work->plan, segment->number, &sound, err) &&
              chunk_writer_add(work->chunk, segment, &sound, hash, err);
    if (ok && chunk_writer_size(work->chunk) >= work->flush_bytes &&
        rest_is_large(work, segment->number + 1))
        ok = flush(work, err);
    pthread_mutex_unlock(&work->lock);
    return ok;
}

static void receipt(void *context, uint32_t image, const struct receipt *receipt) {
    struct work *work = context;
    pthread_mutex_lock(&work->lock);
    chunk_writer_add_receipt(work->chunk, image, receipt);
    pthread_mutex_unlock(&work->lock);
}

/* An empty object whose name is the news; at most one a second. A lost one is no loss. */
static void progress(void *context, uint32_t segment, uint32_t frames) {
    struct work *work = context;
    int64_t now = clock_monotonic_ms();
    pthread_mutex_lock(&work->lock);
    bool due = now - work->last_progress_ms >= PROGRESS_MS;
    if (due)
        work->last_progress_ms = now;
    pthread_mutex_unlock(&work->lock);
    if (!due)
        return;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct error ignored;
    if (!s3_put(work->functions->s3, arena, work->functions->work,
                key_progress(arena, work->plan->job, segment, frames), "", 0, NULL, NULL, &ignored))
        return;
}

/* ---- what follows a run ---- */

static bool put_rest(struct work *work, struct arena *arena, struct segment_range range,
                     unsigned stalled, struct error *err) {
    struct segments_task rest = segments_task_part(work->plan, work->task, range);
    rest.generation = work->task->generation + 1;
    rest.stalled = stalled;
    return functions_put_text(work->functions, arena, work->functions->work,
                              segments_task_key(arena, work->plan, &rest),
                              segments_task_to_text(arena, work->plan, &rest), true, NULL, err);
}

/* Not one segment before the deadline: the same range is tried once more; then the job has failed,
 * unless a twin was faster. */
static bool put_back_stalled(struct work *work, struct arena *arena, uint32_t segment,
                             struct error *err) {
    bool counts;
    if (work->task->stalled == 0)
        return put_rest(work, arena, work->task->range, 1, err);
    if (!stock_failure_counts(work->functions, arena, work->plan, work->task, &counts, err))
        return false;
    if (!counts)
        return true;
    struct outcome_failure failure = {
        .code = "timeout",
        .detail = arena_printf(arena,
                               "segment %u does not fit in the timeout of the render function: "
                               "allow more time or memory, or choose speed=fast or a smaller size",
                               segment),
    };
    return outcome_put_failed(work->functions, arena, work->plan->job, &failure, err);
}

/* A failure of an image ends the job only if the image is still the same one: a bad one the bad
 * one, a missing one missing. */
static bool image_failed(struct work *work, struct arena *arena, uint32_t image, const char *code,
                         const char *detail, struct error *err) {
    struct image_version *now;
    bool splicing;
    const char *name = work->plan->manifest.images[image].name;
    const char *etag = work->task->versions[image - work->task->first_image].etag;
    if (!functions_exists(work->functions, arena, work->functions->work,
                          key_task_splice(arena, work->plan->job, 0), &splicing, err) ||
        !stock_images(work->functions, arena, work->plan, image, 1, &now, err))
        return false;
    bool missing = work->missing_image > 0;
    if (splicing || (missing != (now->etag == NULL)) || (!missing && strcmp(now->etag, etag) != 0))
        return true;
    struct receipt refused = {.name = name, .refused = detail};
    struct outcome_failure failure = {
        .code = code, .detail = detail, .image = name, .receipt = &refused};
    return outcome_put_failed(work->functions, arena, work->plan->job, &failure, err);
}

/* The newer version has its own task, unless the old one was put again within the same second: then
 * it is this one, and its turn comes again. */
static bool leave(struct work *work, struct arena *arena, struct error *err) {
    const struct segments_task *task = work->task;
    struct image_version *now;
    char input[SHA256_HEX_SIZE];
    if (!stock_images(work->functions, arena, work->plan, task->first_image, task->image_count,
                      &now, err))
        return false;
    for (uint32_t i = 0; i < task->image_count; i++)
        if (now[i].etag == NULL)
            return true;
    plan_task_input(work->plan, task->range, now, input);
    if (strcmp(input, work->call->key.input) != 0)
        return true;
    return error_set(err, ERROR_UNAVAILABLE, NULL, "an image was replaced and put back");
}

static bool run_failed(struct work *work, struct arena *arena, const struct media_failure *failure,
                       struct error *err) {
    if (work->superseded)
        return leave(work, arena, err);
    if (work->asset_gone) {
        struct outcome_failure gone = {
            .code = "missing-asset",
            .detail = arena_printf(arena,
                                   "watermark '%s' was removed or replaced after the film "
                                   "was planned",
                                   work->plan->watermark.name)};
        return outcome_put_failed(work->functions, arena, work->plan->job, &gone, err);
    }
    if (work->missing_image > 0) {
        uint32_t image = work->missing_image - 1;
        return image_failed(work, arena, image, "missing-image",
                            arena_printf(arena, "image %u '%s' was removed while it was rendered",
                                         image + 1, work->plan->manifest.images[image].name),
                            err);
    }
    /* What may work later, or is the machine's fault, is tried again by the host. */
    if (!failure->is_image || (err->kind != ERROR_INVALID && err->kind != ERROR_LIMIT))
        return false;
    return image_failed(work, arena, failure->image, "bad-image",
                        arena_printf(arena, "%s", err->text), err);
}

/* The deadline is near, and nothing else ended the task. */
static bool is_put_back(const struct work *work) {
    return work->out_of_time && !work->cancelled && !work->superseded && work->missing_image == 0;
}

/* Renders one run of segments that nobody has. `*ret_stop`: no further run is to be begun. */
static bool render_run(struct work *work, struct arena *arena, struct segment_range range,
                       bool *ret_stop, struct error *err) {
    struct media_io io = {
        .context = work,
        .fetch = fetch,
        .asset = asset,
        .may_start = may_start,
        .segment = segment,
        .receipt = receipt,
        .progress = progress,
    };
    struct media_render job = {.plan = work->plan, .range = range, .io = &io};
    struct media_failure failure = {0};
    uint32_t done = 0;
    if (!film_sound_packets(work->functions, arena, work->plan, &work->sound, range, &work->packets,
                            err))
        return false;
    work->run_end = range.first + range.count;
    bool ok = work->media->render(&job, &done, &failure, err);
    if (!ok) {
        /* What is finished need not be done again by the next try. */
        struct error ignored;
        if (!flush(work, &ignored))
            log_debug("render", "%s", ignored.text);
        *ret_stop = true;
        return run_failed(work, arena, &failure, err);
    }
    if (!flush(work, err))
        return false;
    *ret_stop = done < range.count;
    struct segment_range rest = {range.first + done, range.count - done};
    if (!is_put_back(work) || rest.count == 0)
        return true;
    return work->done_segments > 0 ? put_rest(work, arena, rest, 0, err)
                                   : put_back_stalled(work, arena, rest.first, err);
}

static bool render_missing(struct work *work, struct arena *arena, const bool *settled,
                           struct error *err) {
    struct segment_range whole = work->task->range;
    bool stop = false;
    for (uint32_t i = 0; i < whole.count;) {
        if (settled[i]) {
            i++;
            continue;
        }
        uint32_t end = i;
        while (end < whole.count && !settled[end])
            end++;
        struct segment_range run = {whole.first + i, end - i};
        if (!stop) {
            if (!render_run(work, arena, run, &stop, err))
                return false;
        } else if (is_put_back(work) && work->done_segments > 0) {
            /* Without a new segment the whole range was put back already. */
            if (!put_rest(work, arena, run, 0, err))
                return false;
        }
        i = end;
    }
    return true;
}

/* Takes over what the job to be reused has, in chunks of neighbours, as long as there is time. */
static bool take_over(struct work *work, struct reuse *reuse, bool *settled, struct error *err) {
    struct segment_range whole = work->task->range;
    for (uint32_t i = 0; i < whole.count; i++) {
        struct arena *scratch CLEANUP(arena_cleanup) = arena_new();
        uint32_t number = whole.first + i;
        struct segment_range open = chunk_writer_range(work->chunk);
        char hash[SHA256_HEX_SIZE];
        bool taken;
        if (clock_unix_ms() > work->call->deadline_unix_ms - 2 * MARGIN_MS)
            break;
        segment_hash(work, number, hash);
        if (settled[i] || !reuse_has(reuse, number, hash))
            continue;
        bool follows = open.count == 0 || number == open.first + open.count;
        if ((!follows || chunk_writer_size(work->chunk) >= work->flush_bytes) && !flush(work, err))
            return false;
        if (!reuse_take(reuse, scratch, number, hash, work->chunk, &taken, err))
            return false;
        settled[i] = taken;
        work->done_segments += taken;
        work->taken_segments += taken;
    }
    return flush(work, err);
}

/* A cancel that came while we wrote: the chunks of this invocation go again. */
static bool clean_up(struct work *work, struct arena *arena, struct error *err) {
    bool cancelled;
    if (!functions_exists(work->functions, arena, work->functions->work,
                          key_cancelled(arena, work->plan->job), &cancelled, err))
        return false;
    if (!cancelled)
        return true;
    for (size_t i = 0; i < work->written_count; i++)
        if (!s3_delete(work->functions->s3, arena, work->functions->work, work->written[i], err))
            return false;
    return outcome_put_cancelled(work->functions, arena, work->plan->job, err);
}

/* Chunks grow with the film, so that it stays under the 10,000 parts of a multipart upload; an
 * eighth of a byte per pixel is more than any film takes. */
static uint64_t flush_size(const struct plan *plan) {
    const struct settings *settings = &plan->manifest.settings;
    uint64_t film = plan->timeline.frame_count * settings->width * settings->height / 8;
    return film / 9000 > FLUSH_BYTES ? film / 9000 : FLUSH_BYTES;
}

static bool load_task(struct functions *functions, struct arena *arena,
                      const struct render_call *call, const struct plan **ret_plan,
                      struct segments_task *ret, struct error *err) {
    struct str text;
    return functions_plan(functions, call->key.job, ret_plan, err) &&
           render_check_build(*ret_plan, err) &&
           functions_get_text(functions, arena, functions->work, call->key_text, TASK_MAX_BYTES,
                              &text, err) &&
           segments_task_parse(arena, text, &call->key, *ret_plan, ret, err);
}

bool render_segments(struct functions *functions, struct arena *arena,
                     const struct render_call *call, struct error *err) {
    struct segments_task task;
    struct work work = {.functions = functions, .call = call, .arena = arena};
    struct reuse *reuse;
    bool ended;
    if (!outcome_ended(functions, arena, call->key.job, &ended, err))
        return false;
    if (ended)
        return true;
    if (!load_task(functions, arena, call, &work.plan, &task, err) || !media_load(&work.media, err))
        return false;
    bool *settled = arena_array(arena, task.range.count, sizeof *settled);
    if (!stock_covered(functions, arena, work.plan, &task, settled, err) ||
        !stock_handed_on(functions, arena, work.plan, &task, settled, err) ||
        !film_sound_read(functions, arena, work.plan, &work.sound, err) ||
        !reuse_open(functions, arena, work.plan, &reuse, err))
        return false;
    work.task = &task;
    work.flush_bytes = flush_size(work.plan);
    work.written = arena_array(arena, task.range.count, sizeof *work.written);
    work.started_ms = arena_array(arena, task.range.count, sizeof *work.started_ms);
    work.last_progress_ms = clock_monotonic_ms();
    work.chunk = chunk_writer_new(work.plan, work.sound.index);
    pthread_mutex_init(&work.lock, NULL);
    bool ok = take_over(&work, reuse, settled, err) && render_missing(&work, arena, settled, err);
    reuse_close(reuse);
    pthread_mutex_destroy(&work.lock);
    chunk_writer_free(work.chunk);
    log_info("render", "job %s segments %u+%u: %u encoded, %u taken over", work.plan->job,
             task.range.first, task.range.count, work.done_segments - work.taken_segments,
             work.taken_segments);
    struct error ignored;
    if (!clean_up(&work, arena, ok ? err : &ignored))
        ok = false;
    return ok && stock_check(functions, arena, work.plan, NULL, err);
}
