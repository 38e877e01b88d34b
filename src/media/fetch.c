/*
 * One thread and one slot: asked, fetching, ready, idle again. Where no thread can be had the fetch
 * happens when the image is taken; nothing but the time changes.
 */
#include "media/fetch.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

enum state { IDLE, ASKED, READY, LEAVING };

struct fetcher {
    const struct media_io *io;
    bool has_thread;
    pthread_t thread;
    pthread_mutex_t lock; /* of everything below */
    pthread_cond_t changed;
    enum state state;
    uint32_t image;
    struct arena *arena;
    struct str bytes;
    bool succeeded;
    struct error error;
};

/* Only one thread has the slot while it is ASKED, so the fetch itself needs no lock. */
static void fetch(struct fetcher *fetcher) {
    fetcher->arena = arena_new();
    fetcher->succeeded = fetcher->io->fetch(fetcher->io->context, fetcher->image, fetcher->arena,
                                            &fetcher->bytes, &fetcher->error);
}

static void *run(void *argument) {
    struct fetcher *fetcher = argument;
    pthread_mutex_lock(&fetcher->lock);
    while (fetcher->state != LEAVING) {
        if (fetcher->state != ASKED) {
            pthread_cond_wait(&fetcher->changed, &fetcher->lock);
            continue;
        }
        pthread_mutex_unlock(&fetcher->lock);
        fetch(fetcher);
        pthread_mutex_lock(&fetcher->lock);
        fetcher->state = READY;
        pthread_cond_broadcast(&fetcher->changed);
    }
    pthread_mutex_unlock(&fetcher->lock);
    return NULL;
}

struct fetcher *fetcher_new(const struct media_io *io) {
    struct fetcher *fetcher = calloc(1, sizeof *fetcher);
    if (!fetcher)
        die_out_of_memory();
    fetcher->io = io;
    pthread_mutex_init(&fetcher->lock, NULL);
    pthread_cond_init(&fetcher->changed, NULL);
    fetcher->has_thread = pthread_create(&fetcher->thread, NULL, run, fetcher) == 0;
    return fetcher;
}

void fetcher_free(struct fetcher *fetcher) {
    if (!fetcher)
        return;
    fetcher_drop(fetcher);
    if (fetcher->has_thread) {
        pthread_mutex_lock(&fetcher->lock);
        fetcher->state = LEAVING;
        pthread_cond_broadcast(&fetcher->changed);
        pthread_mutex_unlock(&fetcher->lock);
        pthread_join(fetcher->thread, NULL);
    }
    pthread_cond_destroy(&fetcher->changed);
    pthread_mutex_destroy(&fetcher->lock);
    free(fetcher);
}

void fetcher_ask(struct fetcher *fetcher, uint32_t image) {
    pthread_mutex_lock(&fetcher->lock);
    assert(fetcher->state == IDLE);
    fetcher->image = image;
    fetcher->state = ASKED;
    pthread_cond_broadcast(&fetcher->changed);
    pthread_mutex_unlock(&fetcher->lock);
}

static void wait_until_ready(struct fetcher *fetcher) {
    if (!fetcher->has_thread) {
        fetch(fetcher);
        return;
    }
    while (fetcher->state != READY)
        pthread_cond_wait(&fetcher->changed, &fetcher->lock);
}

bool fetcher_take(struct fetcher *fetcher, struct arena **ret_arena, struct str *ret,
                  struct error *err) {
    pthread_mutex_lock(&fetcher->lock);
    assert(fetcher->state != IDLE);
    wait_until_ready(fetcher);
    fetcher->state = IDLE;
    pthread_mutex_unlock(&fetcher->lock);
    if (!fetcher->succeeded) {
        *err = fetcher->error;
        arena_free(fetcher->arena);
        return false;
    }
    *ret_arena = fetcher->arena;
    *ret = fetcher->bytes;
    return true;
}

void fetcher_drop(struct fetcher *fetcher) {
    struct arena *arena;
    struct str bytes;
    struct error ignored;
    pthread_mutex_lock(&fetcher->lock);
    bool asked = fetcher->state != IDLE;
    pthread_mutex_unlock(&fetcher->lock);
    if (asked && fetcher_take(fetcher, &arena, &bytes, &ignored))
        arena_free(arena);
}
