/*
 * Keys are built by printf and read from both ends: the folder and the job from the left, and from
 * the right what stands behind an image's name, which may itself hold any `-` and `.`. A reader
 * takes one part off the text and says whether it was well formed.
 */
#include "job/keys.h"

#include <stdlib.h>
#include <string.h>

enum {
    SEGMENT_DIGITS = 6,
    MAX_SEGMENT = 999999,
    MAX_FRAMES = 999999999,
    MAX_PARTS_DIGITS = 5,
    MIN_HASH_ETAG = 32,
    MAX_ETAG = 64,
    MAX_CONNECTION_ID = 128,
};

/* ---- building ---- */

char *key_manifest(struct arena *arena, const char *job) {
    return arena_printf(arena, "jobs/%s/manifest.json", job);
}

char *key_image(struct arena *arena, const char *job, const char *name) {
    return arena_printf(arena, "jobs/%s/images/%s", job, name);
}

char *key_asset(struct arena *arena, const char *job, const char *name) {
    return arena_printf(arena, "jobs/%s/assets/%s", job, name);
}

char *key_images_prefix(struct arena *arena, const char *job) {
    return arena_printf(arena, "jobs/%s/images/", job);
}

char *key_nudge(struct arena *arena, const char *job) {
    return arena_printf(arena, "jobs/%s/nudge", job);
}

char *key_task_segments(struct arena *arena, const char *job, struct segment_range range,
                        const char *input, unsigned generation) {
    return arena_printf(arena, "tasks/%s/%06u-%06u-%s-%u.json", job, range.first, range.count,
                        input, generation);
}

char *key_task_probe(struct arena *arena, const char *job, const char *name, const char *etag) {
    return arena_printf(arena, "tasks/%s/probe-%s-%s.json", job, name, etag);
}

char *key_task_audio(struct arena *arena, const char *job, unsigned generation) {
    return arena_printf(arena, "tasks/%s/audio-%u.json", job, generation);
}

char *key_task_splice(struct arena *arena, const char *job, unsigned generation) {
    return arena_printf(arena, "tasks/%s/splice-%u.json", job, generation);
}

char *key_task_purge(struct arena *arena, const char *job, unsigned generation) {
    return arena_printf(arena, "tasks/%s/purge-%u.json", job, generation);
}

char *key_tasks_prefix(struct arena *arena, const char *job) {
    return arena_printf(arena, "tasks/%s/", job);
}

char *key_plan(struct arena *arena, const char *job) {
    return arena_printf(arena, "plans/%s.json", job);
}

char *key_facts(struct arena *arena, const char *job, const char *name, const char *etag) {
    return arena_printf(arena, "facts/%s/%s-%s.json", job, name, etag);
}

char *key_audio(struct arena *arena, const char *job) {
    return arena_printf(arena, "audio/%s", job);
}

char *key_cancelled(struct arena *arena, const char *job) {
    return arena_printf(arena, "cancelled/%s", job);
}

char *key_chunk(struct arena *arena, const char *job, struct segment_range range,
                const char *input) {
    return arena_printf(arena, "chunks/%s/%06u-%06u-%s", job, range.first, range.count, input);
}

char *key_chunks_prefix(struct arena *arena, const char *job) {
    return arena_printf(arena, "chunks/%s/", job);
}

char *key_splice(struct arena *arena, const char *job) {
    return arena_printf(arena, "splice/%s.json", job);
}

char *key_progress(struct arena *arena, const char *job, uint32_t segment, uint32_t frames) {
    return arena_printf(arena, "progress/%s/%06u/%u", job, segment, frames);
}

char *key_progress_prefix(struct arena *arena, const char *job) {
    return arena_printf(arena, "progress/%s/", job);
}

char *key_connection(struct arena *arena, const char *job, const char *id) {
    return arena_printf(arena, "connections/%s/%s", job, id);
}

char *key_connections_prefix(struct arena *arena, const char *job) {
    return arena_printf(arena, "connections/%s/", job);
}

char *key_video(struct arena *arena, const char *job, enum format format) {
    return arena_printf(arena, "%s/video.%s", job, settings_format_ending(format));
}

char *key_poster(struct arena *arena, const char *job) {
    return arena_printf(arena, "%s/poster.jpg", job);
}

char *key_receipts(struct arena *arena, const char *job) {
    return arena_printf(arena, "%s/receipts.json", job);
}

char *key_result(struct arena *arena, const char *job) {
    return arena_printf(arena, "%s/result.json", job);
}

/* ---- reading: parts ---- */

static bool take_prefix(struct str *text, const char *prefix) {
    if (!str_starts_with(*text, prefix))
        return false;
    size_t length = strlen(prefix);
    text->ptr += length;
    text->len -= length;
    return true;
}

static bool take_suffix(struct str *text, const char *suffix) {
    if (!str_ends_with(*text, suffix))
        return false;
    text->len -= strlen(suffix);
    return true;
}

/* Text before the first `/`, which is taken too. */
static bool take_job(struct arena *arena, struct str *text, struct key *key) {
    struct str rest;
    struct str job = str_split(*text, '/', &rest);
    if (job.len == text->len || !job_id_valid(job))
        return false;
    key->job = arena_strndup(arena, job.ptr, job.len);
    *text = rest;
    return true;
}

static bool is_job(struct arena *arena, struct str text, struct key *key) {
    if (!job_id_valid(text))
        return false;
    key->job = arena_strndup(arena, text.ptr, text.len);
    return true;
}

static bool is_name(struct arena *arena, struct str text, struct key *key) {
    struct error ignored;
    if (!manifest_check_name(text, &ignored))
        return false;
    key->name = arena_strndup(arena, text.ptr, text.len);
    return true;
}

static bool take_segment(struct str *text, uint32_t *ret) {
    uint64_t number;
    if (text->len < SEGMENT_DIGITS ||
        !str_to_u64((struct str){text->ptr, SEGMENT_DIGITS}, MAX_SEGMENT, &number))
        return false;
    *ret = (uint32_t)number;
    text->ptr += SEGMENT_DIGITS;
    text->len -= SEGMENT_DIGITS;
    return true;
}

/* A number as printf writes it. */
static bool is_number(struct str text, uint64_t max, uint64_t *ret) {
    return (text.len == 1 || (text.len > 1 && text.ptr[0] != '0')) && str_to_u64(text, max, ret);
}

static bool is_generation(struct str text, struct key *key) {
    uint64_t generation;
    if (!is_number(text, KEY_MAX_GENERATION, &generation))
        return false;
    key->generation = (unsigned)generation;
    return true;
}

static bool is_hex(struct str text) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return true;
}

/* `<first>-<count>-<in>` */
static bool take_range(struct arena *arena, struct str *text, struct key *key) {
    enum { HEX = SHA256_HEX_SIZE - 1 };
    if (!take_segment(text, &key->range.first) || !take_prefix(text, "-") ||
        !take_segment(text, &key->range.count) || !take_prefix(text, "-") || text->len < HEX ||
        !is_hex((struct str){text->ptr, HEX}))
        return false;
    if (key->range.count == 0 || key->range.count > MAX_SEGMENT + 1 - key->range.first)
        return false;
    key->input = arena_strndup(arena, text->ptr, HEX);
    text->ptr += HEX;
    text->len -= HEX;
    return true;
}

/* Length of `text` up to the last `-`, or `text.len` when there is none. */
static size_t before_last_dash(struct str text) {
    for (size_t i = text.len; i > 0; i--)
        if (text.ptr[i - 1] == '-')
            return i - 1;
    return text.len;
}

static bool is_alphanumeric(struct str text) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
            return false;
    }
    return true;
}

/* Where the ETag at the end of `<name>-<etag>` starts; 0 when there is none. The ETag of a
 * multipart upload has a `-` of its own, before the number of parts. */
static size_t find_etag(struct str text) {
    size_t dash = before_last_dash(text);
    if (dash == text.len)
        return 0;
    struct str last = {text.ptr + dash + 1, text.len - dash - 1};
    uint64_t parts;
    if (last.len <= MAX_PARTS_DIGITS && is_number(last, UINT32_MAX, &parts) && parts > 0) {
        struct str head = {text.ptr, dash};
        size_t earlier = before_last_dash(head);
        struct str hash = {text.ptr + earlier + 1, dash - earlier - 1};
        if (earlier < dash && hash.len >= MIN_HASH_ETAG && hash.len <= MAX_ETAG && is_hex(hash))
            return earlier + 1;
    }
    bool good = last.len >= 1 && last.len <= MAX_ETAG && is_alphanumeric(last);
    return good ? dash + 1 : 0;
}

/* `<name>-<etag>.json` */
static bool is_version(struct arena *arena, struct str text, struct key *key) {
    if (!take_suffix(&text, ".json"))
        return false;
    size_t etag = find_etag(text);
    if (etag == 0 || !is_name(arena, (struct str){text.ptr, etag - 1}, key))
        return false;
    key->etag = arena_strndup(arena, text.ptr + etag, text.len - etag);
    return true;
}

/* ---- reading: buckets ---- */

static enum key_kind parse_input(struct arena *arena, struct str text, struct key *key) {
    if (!take_prefix(&text, "jobs/") || !take_job(arena, &text, key))
        return KEY_UNKNOWN;
    if (str_equal_c(text, "manifest.json"))
        return KEY_MANIFEST;
    if (str_equal_c(text, "nudge"))
        return KEY_NUDGE;
    if (take_prefix(&text, "images/"))
        return is_name(arena, text, key) ? KEY_IMAGE : KEY_UNKNOWN;
    if (take_prefix(&text, "assets/"))
        return is_name(arena, text, key) ? KEY_ASSET : KEY_UNKNOWN;
    return KEY_UNKNOWN;
}

static enum key_kind parse_task(struct arena *arena, struct str text, struct key *key) {
    if (!take_job(arena, &text, key))
        return KEY_UNKNOWN;
    if (take_prefix(&text, "probe-"))
        return is_version(arena, text, key) ? KEY_TASK_PROBE : KEY_UNKNOWN;
    if (!take_suffix(&text, ".json"))
        return KEY_UNKNOWN;
    if (take_prefix(&text, "audio-"))
        return is_generation(text, key) ? KEY_TASK_AUDIO : KEY_UNKNOWN;
    if (take_prefix(&text, "splice-"))
        return is_generation(text, key) ? KEY_TASK_SPLICE : KEY_UNKNOWN;
    if (take_prefix(&text, "purge-"))
        return is_generation(text, key) ? KEY_TASK_PURGE : KEY_UNKNOWN;
    return take_range(arena, &text, key) && take_prefix(&text, "-") && is_generation(text, key)
               ? KEY_TASK_SEGMENTS
               : KEY_UNKNOWN;
}

static enum key_kind parse_progress(struct arena *arena, struct str text, struct key *key) {
    uint64_t frames;
    if (!take_job(arena, &text, key) || !take_segment(&text, &key->segment) ||
        !take_prefix(&text, "/") || !is_number(text, MAX_FRAMES, &frames))
        return KEY_UNKNOWN;
    key->frames = (uint32_t)frames;
    return KEY_PROGRESS;
}

bool key_connection_valid(struct str id) {
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-=";
    for (size_t i = 0; i < id.len; i++)
        if (id.ptr[i] == '\0' || strchr(letters, id.ptr[i]) == NULL)
            return false;
    return id.len >= 1 && id.len <= MAX_CONNECTION_ID;
}

static enum key_kind parse_connection(struct arena *arena, struct str text, struct key *key) {
    if (!take_job(arena, &text, key) || !key_connection_valid(text))
        return KEY_UNKNOWN;
    key->name = arena_strndup(arena, text.ptr, text.len);
    return KEY_CONNECTION;
}

static enum key_kind parse_work(struct arena *arena, struct str text, struct key *key) {
    if (take_prefix(&text, "tasks/"))
        return parse_task(arena, text, key);
    if (take_prefix(&text, "progress/"))
        return parse_progress(arena, text, key);
    if (take_prefix(&text, "connections/"))
        return parse_connection(arena, text, key);
    if (take_prefix(&text, "plans/"))
        return take_suffix(&text, ".json") && is_job(arena, text, key) ? KEY_PLAN : KEY_UNKNOWN;
    if (take_prefix(&text, "splice/"))
        return take_suffix(&text, ".json") && is_job(arena, text, key) ? KEY_SPLICE : KEY_UNKNOWN;
    if (take_prefix(&text, "audio/"))
        return is_job(arena, text, key) ? KEY_AUDIO : KEY_UNKNOWN;
    if (take_prefix(&text, "cancelled/"))
        return is_job(arena, text, key) ? KEY_CANCELLED : KEY_UNKNOWN;
    if (take_prefix(&text, "facts/"))
        return take_job(arena, &text, key) && is_version(arena, text, key) ? KEY_FACTS
                                                                           : KEY_UNKNOWN;
    if (take_prefix(&text, "chunks/"))
        return take_job(arena, &text, key) && take_range(arena, &text, key) && text.len == 0
                   ? KEY_CHUNK
                   : KEY_UNKNOWN;
    return KEY_UNKNOWN;
}

static bool is_format(struct str text, struct key *key) {
    static const enum format formats[] = {FORMAT_MP4, FORMAT_MOV, FORMAT_WEBM, FORMAT_GIF};
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
        if (str_equal_c(text, settings_format_ending(formats[i]))) {
            key->format = formats[i];
            return true;
        }
    return false;
}

static enum key_kind parse_output(struct arena *arena, struct str text, struct key *key) {
    static const struct {
        const char *name;
        enum key_kind kind;
    } files[] = {
        {"poster.jpg", KEY_POSTER},
        {"receipts.json", KEY_RECEIPTS},
        {"result.json", KEY_RESULT},
    };
    if (!take_job(arena, &text, key))
        return KEY_UNKNOWN;
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        if (str_equal_c(text, files[i].name))
            return files[i].kind;
    return take_prefix(&text, "video.") && is_format(text, key) ? KEY_VIDEO : KEY_UNKNOWN;
}

void key_parse(struct arena *arena, enum key_bucket bucket, struct str text, struct key *ret) {
    struct key key = {.kind = KEY_UNKNOWN};
    switch (bucket) {
    case KEY_BUCKET_INPUT:
        key.kind = parse_input(arena, text, &key);
        break;
    case KEY_BUCKET_WORK:
        key.kind = parse_work(arena, text, &key);
        break;
    case KEY_BUCKET_OUTPUT:
        key.kind = parse_output(arena, text, &key);
        break;
    }
    /* Parts of a key that is not one of ours must not be taken for something. */
    *ret = key.kind == KEY_UNKNOWN ? (struct key){.kind = KEY_UNKNOWN} : key;
}
