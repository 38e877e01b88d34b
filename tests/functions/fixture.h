/*
 * A real store behind the real S3 server in the test's process, and functions that are called by
 * hand: nothing runs unless a test delivers its event. Events of PUTs wait in the store's queue, as
 * they would for the host.
 *
 * One store serves all tests of a program; each test uses job ids of its own. Failures of the
 * fixture itself fail the test.
 */
#ifndef TEST_FUNCTIONS_FIXTURE_H
#define TEST_FUNCTIONS_FIXTURE_H

#include "functions/context.h"
#include "job/keys.h"
#include "store/store.h"

#include <jansson.h>

#define INPUT  "tachyscope-input"
#define WORK   "tachyscope-work"
#define OUTPUT "tachyscope-output"
#define OWNER  "the-owner"

struct steps {
    char folder[64];
    struct store *store;
    struct s3_server *server;
    struct functions *functions; /* the process that most tests need only one of */
    struct arena *arena;         /* of the test */
    int64_t image_ms;            /* LastModified of the next image: each a second later */
};

/* Of the program, and of each test: the queue is empty when a test begins. */
int steps_open(void **state);
int steps_close(void **state);
int steps_begin(void **state);
int steps_end(void **state);
#define STEPS_TEST(function) cmocka_unit_test_setup_teardown(function, steps_begin, steps_end)

/* Another process of the same functions. */
struct functions *steps_new_functions(struct steps *steps);

/* ---- objects ---- */

/* `count` images of eight seconds, 64x48: each is one segment of 240 frames. `settings` go over
 * that: "" or `, "name": value…`. */
void steps_put_manifest(struct steps *steps, const char *job, unsigned count, const char *settings);
char *steps_image_name(struct steps *steps, unsigned index);
/* Equal versions are equal bytes; each PUT is a second younger than the one before. */
void steps_put_image(struct steps *steps, const char *job, unsigned index, unsigned version);
/* The same with a time of its own. */
void steps_put_image_at(struct steps *steps, const char *job, unsigned index, unsigned version,
                        int64_t modified_unix_ms);
/* Manifest, plan and images [0, count), all of version 0; their tasks are put and wait. */
void steps_make_job(struct steps *steps, const char *job, unsigned count);

void steps_put(struct steps *steps, const char *bucket, const char *key, const char *text);
void steps_put_bytes(struct steps *steps, const char *bucket, const char *key, const void *data,
                     size_t size);
void steps_delete(struct steps *steps, const char *bucket, const char *key);
/* NULL where there is none. */
const char *steps_get(struct steps *steps, const char *bucket, const char *key);
bool steps_exists(struct steps *steps, const char *bucket, const char *key);
const char *steps_etag(struct steps *steps, const char *bucket, const char *key);
/* Keys under a prefix. */
const char **steps_keys(struct steps *steps, const char *bucket, const char *prefix,
                        size_t *ret_count);
size_t steps_count(struct steps *steps, const char *bucket, const char *prefix);

const struct plan *steps_plan(struct steps *steps, const char *job);
/* Key of the task `index` of the plan for the images that lie there now. */
char *steps_task_key(struct steps *steps, const char *job, unsigned index);
/* A chunk of current images, made of noise in place of encoded frames. */
void steps_put_chunk(struct steps *steps, const char *job, struct segment_range range,
                     size_t segment_bytes);
/* The finished film of `steps_make_job`'s images, made in one go. */
struct str steps_reference(struct steps *steps, unsigned count);

/* "done", …, or "" without a result. */
const char *steps_state(struct steps *steps, const char *job);
const char *steps_error_code(struct steps *steps, const char *job);
/* Empty where there is none. */
struct str steps_video(struct steps *steps, const char *job);

/* ---- events ---- */

enum { LONG_MS = 900000 };

/* Delivers the event of one object to `handler`. */
bool steps_deliver(struct functions *functions, runtime_handler *handler, const char *bucket,
                   const char *key, int64_t deadline_in_ms, struct error *err);
/* The same; the handler must succeed. */
void steps_intake(struct steps *steps, const char *bucket, const char *key);
void steps_render(struct steps *steps, const char *key);
/* The record of an event whose invocations all failed. */
void steps_on_failure(struct steps *steps, const char *bucket, const char *key);

/* Two processes get the same event at the same time; both must succeed. */
void steps_twins(struct steps *steps, runtime_handler *handler, const char *bucket,
                 const char *key);

/* "intake", "render", or "notify": that one has an event for each chunk that was put. */
size_t steps_waiting(struct steps *steps, const char *function);
/* Number of the youngest event that waits, 0: none. Later PUTs have higher ones. */
int64_t steps_youngest(struct steps *steps, const char *function);
/* Forgets what waits. */
void steps_lose(struct steps *steps);
/* Takes the oldest event that waits for `function`; NULL: none. */
const char *steps_take(struct steps *steps, const char *function, const char **ret_bucket);
/* Delivers what waits, and what comes of it, until all is quiet. */
void steps_run(struct steps *steps);

#endif
