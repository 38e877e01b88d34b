/*
 * Each worker takes the next segment, renders it alone and leaves it in a ring; whoever finds the
 * next one in order there, and nobody delivering, delivers. So segments leave in order, one at a
 * time, and a slow delivery holds up nobody until the ring is full.
 *
 * The first failing segment decides, whatever the threads' timing: segments are taken in order, so
 * all before it are under way and are finished and delivered; those after it are given up.
 */
#include "media/render.h"

#include "base/os.h"
#include "media/segment.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    /* The program, its libraries, what waits in the ring. */
    MEMORY_BASE_MB = 128,
    /* A progressive JPEG of 24 megapixels keeps all its coefficients. */
    MEMORY_DECODE_MB = 100,
    MAX_THREADS = 256,
};

struct pool {
    const struct media_render *render;
    unsigned thread_count;
    uint32_t window; /* segments taken and not delivered, at most; size of the ring */

    pthread_mutex_t lock; /* of everything below */
    pthread_cond_t changed;
    uint32_t taken; /* leading segments of the range, as all numbers here */
    uint32_t delivered;
    uint32_t failed; /* lowest failing segment; the range's count: none */
    bool asking;     /* somebody is asking may_start */
    bool stopped;    /* may_start said no */
    bool delivering;
    struct finished_segment **ring;
    struct error error; /* of `failed` */
    struct media_failure failure;
};

/* ---- how many ---- */

unsigned render_thread_count(const struct settings *settings, unsigned wanted, unsigned memory_mb) {
    /* x264 at 1920x1080, measured. */
    static const unsigned encoder_mb[] = {
        [SPEED_FAST] = 150, [SPEED_BALANCED] = 355, [SPEED_SMALL] = 450};
    uint64_t pixels = (uint64_t)settings->width * settings->height;
    uint64_t each = MEMORY_DECODE_MB + encoder_mb[settings->speed] * pixels / (1920 * 1080);
    uint64_t count = wanted > 0 ? wanted : core_count();
    if (memory_mb > 0) {
        uint64_t fit = memory_mb > MEMORY_BASE_MB ? (memory_mb - MEMORY_BASE_MB) / each : 0;
        count = fit < count ? fit : count;
    }
    if (count == 0)
        return 1;
    return count < MAX_THREADS ? (unsigned)count : MAX_THREADS;
}

/* What Lambda and the function host tell. */
static unsigned function_memory_mb(void) {
    const char *text = getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE");
    uint64_t value;
    if (!text || !str_to_u64(str_c(text), UINT32_MAX, &value))
        return 0;
    return (unsigned)value;
}

/* ---- taking ---- */

static bool is_over(const struct pool *pool) {
    return pool->stopped || pool->taken == pool->render->range.count ||
           pool->failed < pool->render->range.count;
}

static bool may_start(const struct pool *pool, uint32_t place) {
    const struct media_io *io = pool->render->io;
    return !io->may_start || io->may_start(io->context, pool->render->range.first + place);
}

static bool take(struct pool *pool, uint32_t *ret_place) {
    pthread_mutex_lock(&pool->lock);
    while (!is_over(pool) && (pool->asking || pool->taken - pool->delivered >= pool->window))
        pthread_cond_wait(&pool->changed, &pool->lock);
    bool got = !is_over(pool);
    if (got) {
        uint32_t place = pool->taken;
        pool->asking = true;
        pthread_mutex_unlock(&pool->lock);
        bool may = may_start(pool, place);
        pthread_mutex_lock(&pool->lock);
        pool->asking = false;
        pool->stopped = !may;
        got = !is_over(pool);
        if (got)
            pool->taken++;
        *ret_place = place;
        pthread_cond_broadcast(&pool->changed);
    }
    pthread_mutex_unlock(&pool->lock);
    return got;
}

/* ---- delivering, failing ---- */

/* With the lock. */
static void fail(struct pool *pool, uint32_t place, const struct media_failure *failure,
                 const struct error *error) {
    if (place >= pool->failed)
        return;
    pool->failed = place;
    pool->failure = *failure;
    pool->error = *error;
    pthread_cond_broadcast(&pool->changed);
}

/* Delivers the next segment; with the lock, which is given up meanwhile. */
static void deliver_next(struct pool *pool, struct finished_segment *finished) {
    struct error error;
    pthread_mutex_unlock(&pool->lock);
    bool good = finished_segment_deliver(finished, pool->render->io, &error);
    finished_segment_free(finished);
    pthread_mutex_lock(&pool->lock);
    if (!good)
        fail(pool, pool->delivered, &(struct media_failure){0}, &error);
    else
        pool->delivered++;
    pthread_cond_broadcast(&pool->changed);
}

static void put(struct pool *pool, uint32_t place, struct finished_segment *finished) {
    pthread_mutex_lock(&pool->lock);
    pool->ring[place % pool->window] = finished;
    while (!pool->delivering && pool->delivered < pool->failed) {
        struct finished_segment **slot = &pool->ring[pool->delivered % pool->window];
        struct finished_segment *next = *slot;
        if (!next)
            break;
        *slot = NULL;
        pool->delivering = true;
        deliver_next(pool, next);
        pool->delivering = false;
    }
    pthread_mutex_unlock(&pool->lock);
}

static bool abandon(void *context, uint32_t segment) {
    struct pool *pool = context;
    pthread_mutex_lock(&pool->lock);
    bool given_up = pool->failed < segment - pool->render->range.first;
    pthread_mutex_unlock(&pool->lock);
    return given_up;
}

/* ---- the pool ---- */

static void *work(void *argument) {
    struct pool *pool = argument;
    struct segment_worker *worker = NULL;
    uint32_t place;
    while (take(pool, &place)) {
        struct finished_segment *finished;
        struct media_failure failure = {0};
        struct error error;
        if (!worker)
            worker = segment_worker_new(pool->render);
        if (segment_worker_run(worker, pool->render->range.first + place, abandon, pool, &finished,
                               &failure, &error)) {
            put(pool, place, finished);
            continue;
        }
        pthread_mutex_lock(&pool->lock);
        fail(pool, place, &failure, &error);
        pthread_mutex_unlock(&pool->lock);
    }
    segment_worker_free(worker);
    return NULL;
}

/* This thread works too, so fewer threads than wanted cost time only. */
static void run_threads(struct pool *pool) {
    pthread_t *threads = calloc(pool->thread_count, sizeof *threads);
    if (!threads)
        die_out_of_memory();
    unsigned started = 0;
    while (started + 1 < pool->thread_count &&
           pthread_create(&threads[started], NULL, work, pool) == 0)
        started++;
    work(pool);
    for (unsigned i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    free(threads);
}

bool render_range(const struct media_render *render, uint32_t *ret_done,
                  struct media_failure *ret_failure, struct error *err) {
    struct pool pool = {.render = render, .failed = render->range.count};
    pool.thread_count = render_thread_count(&render->plan->manifest.settings, render->threads,
                                            function_memory_mb());
    if (pool.thread_count > render->range.count)
        pool.thread_count = render->range.count > 0 ? render->range.count : 1;
    pool.window = 2 * pool.thread_count;
    pool.ring = calloc(pool.window, sizeof *pool.ring);
    if (!pool.ring)
        die_out_of_memory();
    pthread_mutex_init(&pool.lock, NULL);
    pthread_cond_init(&pool.changed, NULL);
    run_threads(&pool);
    pthread_cond_destroy(&pool.changed);
    pthread_mutex_destroy(&pool.lock);
    for (uint32_t i = 0; i < pool.window; i++)
        finished_segment_free(pool.ring[i]);
    free(pool.ring);
    if (pool.failed < render->range.count) {
        *ret_failure = pool.failure;
        *err = pool.error;
    }
    *ret_done = pool.delivered;
    return pool.failed == render->range.count;
}
