/*
 * Waits on a condition, so that it ends at once when asked. A round that fails is logged and tried
 * again an hour later: what it has removed is removed.
 */
#include "s3/housekeeper.h"

#include "base/log.h"
#include "base/os.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { ROUND_SECONDS = 3600 };

struct s3_housekeeper {
    struct store *store;
    pthread_t thread;
    bool started;
    pthread_mutex_t mutex; /* guards `stopped` */
    pthread_cond_t changed;
    bool stopped;
};

static void do_round(struct store *store) {
    struct error err;
    uint64_t removed = 0;
    if (!store_run_lifecycle(store, clock_unix_ms(), &removed, &err))
        log_error("s3", "lifecycle: %s", err.text);
    else if (removed > 0)
        log_info("s3", "lifecycle: %llu objects and uploads removed", (unsigned long long)removed);
}

static void *run(void *context) {
    struct s3_housekeeper *keeper = context;
    pthread_mutex_lock(&keeper->mutex);
    while (!keeper->stopped) {
        pthread_mutex_unlock(&keeper->mutex);
        do_round(keeper->store);
        pthread_mutex_lock(&keeper->mutex);
        struct timespec next;
        clock_gettime(CLOCK_MONOTONIC, &next);
        next.tv_sec += ROUND_SECONDS;
        int result = 0;
        while (!keeper->stopped && result == 0)
            result = pthread_cond_timedwait(&keeper->changed, &keeper->mutex, &next);
    }
    pthread_mutex_unlock(&keeper->mutex);
    return NULL;
}

struct s3_housekeeper *housekeeper_start(struct store *store) {
    struct s3_housekeeper *keeper = calloc(1, sizeof *keeper);
    if (!keeper)
        die_out_of_memory();
    keeper->store = store;
    pthread_mutex_init(&keeper->mutex, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&keeper->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    keeper->started = pthread_create(&keeper->thread, NULL, run, keeper) == 0;
    if (!keeper->started)
        log_error("s3", "lifecycle: cannot start a thread");
    return keeper;
}

void housekeeper_stop(struct s3_housekeeper *keeper) {
    if (!keeper)
        return;
    pthread_mutex_lock(&keeper->mutex);
    keeper->stopped = true;
    pthread_cond_signal(&keeper->changed);
    pthread_mutex_unlock(&keeper->mutex);
    if (keeper->started)
        pthread_join(keeper->thread, NULL);
    pthread_cond_destroy(&keeper->changed);
    pthread_mutex_destroy(&keeper->mutex);
    free(keeper);
}
