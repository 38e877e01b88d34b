/*
 * Names of a job's objects: builds and reads the keys of the three buckets. Pure; the table in
 * ARCHITECTURE.md and this header are the same.
 *
 * <job> is as job_id_valid has it, <name> as manifest_check_name has it; <first>, <count> and
 * <segment> are segment numbers of six digits, <frames> a number without leading zeros, <gen> one
 * of up to four digits, <in> 64 lower-case hex digits. <etag> is 1 to 64 letters and digits, or 32
 * to 64 hex digits, `-` and a count of parts; it has no quotes.
 */
#ifndef JOB_KEYS_H
#define JOB_KEYS_H

#include "base/arena.h"
#include "job/plan.h"

#include <stdbool.h>
#include <stdint.h>

enum key_kind {
    KEY_UNKNOWN,
    /* input */
    KEY_MANIFEST, /* jobs/<job>/manifest.json */
    KEY_IMAGE,    /* jobs/<job>/images/<name> */
    KEY_ASSET,    /* jobs/<job>/assets/<name> */
    KEY_NUDGE,    /* jobs/<job>/nudge */
    /* work */
    KEY_TASK_SEGMENTS, /* tasks/<job>/<first>-<count>-<in>-<gen>.json */
    KEY_TASK_PROBE,    /* tasks/<job>/probe-<name>-<etag>.json */
    KEY_TASK_AUDIO,    /* tasks/<job>/audio-<gen>.json */
    KEY_TASK_SPLICE,   /* tasks/<job>/splice-<gen>.json */
    KEY_TASK_PURGE,    /* tasks/<job>/purge-<gen>.json */
    KEY_PLAN,          /* plans/<job>.json */
    KEY_FACTS,         /* facts/<job>/<name>-<etag>.json */
    KEY_AUDIO,         /* audio/<job> */
    KEY_CANCELLED,     /* cancelled/<job> */
    KEY_CHUNK,         /* chunks/<job>/<first>-<count>-<in> */
    KEY_SPLICE,        /* splice/<job>.json */
    KEY_PROGRESS,      /* progress/<job>/<segment>/<frames> */
    KEY_CONNECTION,    /* connections/<job>/<id>, as key_connection_valid has it */
    /* output */
    KEY_VIDEO,    /* <job>/video.<mp4, mov, webm or gif> */
    KEY_POSTER,   /* <job>/poster.jpg */
    KEY_RECEIPTS, /* <job>/receipts.json */
    KEY_RESULT,   /* <job>/result.json */
};

struct key {
    enum key_kind kind;
    const char *job;
    const char *name;           /* image, asset; of probe and facts too; a connection's id */
    const char *etag;           /* probe, facts */
    struct segment_range range; /* segments task, chunk */
    const char *input;          /* <in> */
    unsigned generation;        /* segments task, audio, splice, purge */
    uint32_t segment;           /* progress */
    uint32_t frames;            /* progress */
    enum format format;         /* video */
};

enum key_bucket { KEY_BUCKET_INPUT, KEY_BUCKET_WORK, KEY_BUCKET_OUTPUT };

enum { KEY_MAX_GENERATION = 9999 };

/* KEY_UNKNOWN in `ret` for anything else (with `job` NULL). Decoded keys. What the functions below
 * build from such parts comes back as it was; texts live in the arena. */
void key_parse(struct arena *arena, enum key_bucket bucket, struct str text, struct key *ret);

char *key_manifest(struct arena *arena, const char *job);
char *key_image(struct arena *arena, const char *job, const char *name);
char *key_asset(struct arena *arena, const char *job, const char *name);
char *key_images_prefix(struct arena *arena, const char *job);
char *key_nudge(struct arena *arena, const char *job);
char *key_task_segments(struct arena *arena, const char *job, struct segment_range range,
                        const char *input, unsigned generation);
char *key_task_probe(struct arena *arena, const char *job, const char *name, const char *etag);
char *key_task_audio(struct arena *arena, const char *job, unsigned generation);
char *key_task_splice(struct arena *arena, const char *job, unsigned generation);
char *key_task_purge(struct arena *arena, const char *job, unsigned generation);
char *key_tasks_prefix(struct arena *arena, const char *job);
char *key_plan(struct arena *arena, const char *job);
char *key_facts(struct arena *arena, const char *job, const char *name, const char *etag);
char *key_audio(struct arena *arena, const char *job);
char *key_cancelled(struct arena *arena, const char *job);
char *key_chunk(struct arena *arena, const char *job, struct segment_range range,
                const char *input);
char *key_chunks_prefix(struct arena *arena, const char *job);
char *key_splice(struct arena *arena, const char *job);
char *key_progress(struct arena *arena, const char *job, uint32_t segment, uint32_t frames);
char *key_progress_prefix(struct arena *arena, const char *job);
char *key_connection(struct arena *arena, const char *job, const char *id);
char *key_connections_prefix(struct arena *arena, const char *job);
/* Ids of listeners: 1 to 128 of A-Z a-z 0-9 _ - = */
bool key_connection_valid(struct str id);
char *key_video(struct arena *arena, const char *job, enum format format);
char *key_poster(struct arena *arena, const char *job);
char *key_receipts(struct arena *arena, const char *job);
char *key_result(struct arena *arena, const char *job);

#endif
