/*
 * Hashes of plans, inputs and segments. What is hashed is a sequence of numbers (eight bytes,
 * little end first) and of texts behind their lengths, so that no two different contents give the
 * same bytes; each kind of hash starts with its own name.
 */
#include "job/plan_internal.h"

#include "base/codec.h"
#include "job/document.h"

#include <string.h>

/* Small pieces are collected: a call of the digest costs more than its bytes. */
struct hasher {
    struct digest *digest;
    uint8_t buffer[4096];
    size_t used;
};

static void add_bytes(struct hasher *hasher, const void *data, size_t size) {
    if (size > sizeof hasher->buffer - hasher->used) {
        digest_add(hasher->digest, hasher->buffer, hasher->used);
        hasher->used = 0;
    }
    if (size > sizeof hasher->buffer) {
        digest_add(hasher->digest, data, size);
        return;
    }
    memcpy(hasher->buffer + hasher->used, data, size);
    hasher->used += size;
}

static void add_number(struct hasher *hasher, uint64_t number) {
    uint8_t bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(number >> 8 * i);
    add_bytes(hasher, bytes, sizeof bytes);
}

static void add_text(struct hasher *hasher, const char *text) {
    size_t length = strlen(text);
    add_number(hasher, length);
    add_bytes(hasher, text, length);
}

static void add_rational(struct hasher *hasher, struct rational value) {
    add_number(hasher, (uint64_t)value.num);
    add_number(hasher, (uint64_t)value.den);
}

/* The normal form holds every setting, also those to come. */
static void add_settings(struct hasher *hasher, const struct settings *settings) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    add_text(hasher, document_text(arena, settings_to_json(settings)));
}

static void start(struct hasher *hasher, const char *kind) {
    hasher->digest = digest_new(DIGEST_SHA256);
    hasher->used = 0;
    add_text(hasher, kind);
}

static void finish(struct hasher *hasher, char ret[SHA256_HEX_SIZE]) {
    uint8_t hash[SHA256_SIZE];
    digest_add(hasher->digest, hasher->buffer, hasher->used);
    digest_take(hasher->digest, hash);
    digest_free(hasher->digest);
    hex_encode(hash, sizeof hash, ret);
}

static void add_asset(struct hasher *hasher, const struct plan_asset *asset) {
    add_number(hasher, asset->name != NULL);
    if (asset->name) {
        add_text(hasher, asset->etag);
        add_number(hasher, asset->size);
    }
}

/* What the encoder and the compositor go by. */
static void add_encoding(struct hasher *hasher, const struct plan *plan) {
    const struct settings *settings = &plan->manifest.settings;
    add_number(hasher, settings->codec);
    add_number(hasher, settings->format);
    add_rational(hasher, settings->fps);
    add_number(hasher, settings->width);
    add_number(hasher, settings->height);
    add_number(hasher, settings->fit);
    add_bytes(hasher, settings->background, sizeof settings->background);
    add_number(hasher, settings->quality);
    add_number(hasher, settings->speed);
    add_number(hasher, settings->held_frames);
    add_number(hasher, settings->transition);
    add_number(hasher, plan->timeline.transition_frames);
    add_number(hasher, settings->seed);
    add_number(hasher, settings->deflicker);
    add_number(hasher, settings->stamp);
    add_number(hasher, settings->stamp_corner);
    add_asset(hasher, &plan->watermark);
    add_number(hasher, settings->watermark_corner);
    add_asset(hasher, &plan->audio);
    if (plan->audio.name) {
        add_rational(hasher, settings->audio_fade);
        add_rational(hasher, settings->audio_gain);
        add_number(hasher, settings->audio_loop);
        /* Where it ends depends on the whole film. */
        add_number(hasher, plan->timeline.frame_count);
    }
}

static void add_image(struct hasher *hasher, const struct manifest_image *image) {
    add_text(hasher, image->name);
    add_number(hasher, (uint64_t)image->size);
    add_number(hasher, image->type != NULL);
    add_text(hasher, image->type ? image->type : "");
    add_number(hasher, image->has_hold);
    if (image->has_hold)
        add_rational(hasher, image->hold);
    add_number(hasher, image->has_motion);
    add_number(hasher, image->motion);
    add_number(hasher, image->rotate);
    add_text(hasher, image->caption ? image->caption : "");
}

void plan_set_hash(struct plan *plan) {
    const struct settings *settings = &plan->manifest.settings;
    struct hasher hasher;
    start(&hasher, "plan 2");
    add_text(&hasher, plan->job);
    add_text(&hasher, plan->build_id);
    add_encoding(&hasher, plan);
    add_rational(&hasher, settings->hold);
    add_number(&hasher, settings->motion);
    add_number(&hasher, settings->on_bad_image);
    add_text(&hasher, settings->audio);
    add_text(&hasher, settings->watermark);
    add_rational(&hasher, settings->poster);
    add_number(&hasher, settings->poster_in_seconds);
    add_number(&hasher, plan->poster_frame);
    add_number(&hasher, plan->manifest.image_count);
    for (size_t i = 0; i < plan->manifest.image_count; i++) {
        add_image(&hasher, &plan->manifest.images[i]);
        add_number(&hasher, plan->timeline.starts[i]);
    }
    add_number(&hasher, plan->timeline.frame_count);
    add_number(&hasher, plan->segment_count);
    for (uint32_t i = 0; i < plan->segment_count; i++)
        add_number(&hasher, plan->segments[i].frame_count);
    add_number(&hasher, plan->task_count);
    for (uint32_t i = 0; i < plan->task_count; i++)
        add_number(&hasher, plan->tasks[i].count);
    add_settings(&hasher, settings);
    finish(&hasher, plan->hash);
}

static void hash_input(const char *kind, const struct plan *plan, struct segment_range range,
                       const struct image_version *versions, bool with_times,
                       char ret[SHA256_HEX_SIZE]) {
    struct hasher hasher;
    uint32_t first, count;
    plan_images_of(plan, range, &first, &count);
    start(&hasher, kind);
    add_text(&hasher, plan->hash);
    add_number(&hasher, range.first);
    add_number(&hasher, range.count);
    for (uint32_t i = 0; i < count; i++) {
        add_text(&hasher, versions[i].name);
        add_text(&hasher, versions[i].etag);
        if (with_times)
            add_number(&hasher, (uint64_t)versions[i].modified_unix_ms);
    }
    finish(&hasher, ret);
}

void plan_task_input(const struct plan *plan, struct segment_range range,
                     const struct image_version *versions, char ret[SHA256_HEX_SIZE]) {
    hash_input("task input 1", plan, range, versions, true, ret);
}

void plan_chunk_input(const struct plan *plan, struct segment_range range,
                      const struct image_version *versions, char ret[SHA256_HEX_SIZE]) {
    hash_input("chunk input 1", plan, range, versions, false, ret);
}

/* How an image of the segment is shown. Frames count from the segment's first. */
static void add_shown(struct hasher *hasher, const struct plan *plan, const struct segment *segment,
                      uint32_t image) {
    const struct settings *settings = &plan->manifest.settings;
    const struct manifest_image *it = &plan->manifest.images[image];
    uint64_t start = plan->timeline.starts[image], first = segment->first_frame;
    uint64_t alone = start + plan->timeline.transition_frames;
    enum motion motion = it->has_motion ? it->motion : settings->motion;
    add_number(hasher, start > first ? start - first : 0);
    add_number(hasher, alone > first ? alone - first : 0);
    add_number(hasher, motion);
    if (motion != MOTION_NONE) {
        uint64_t span_first, span_count;
        timeline_image_span(&plan->timeline, image, &span_first, &span_count);
        add_number(hasher, span_first - first);
        add_number(hasher, span_count);
    }
    add_number(hasher, it->rotate);
    add_text(hasher, it->caption ? it->caption : "");
    if (settings->stamp == STAMP_NAME)
        add_text(hasher, it->name);
    if (settings->stamp == STAMP_INDEX)
        add_number(hasher, image);
}

void plan_segment_hash(const struct plan *plan, uint32_t segment,
                       const struct image_version *versions, char ret[SHA256_HEX_SIZE]) {
    const struct segment *it = &plan->segments[segment];
    enum format format = plan->manifest.settings.format;
    struct hasher hasher;
    uint32_t first, count;
    plan_images_of(plan, (struct segment_range){segment, 1}, &first, &count);
    start(&hasher, "segment 2");
    add_text(&hasher, plan->build_id);
    add_encoding(&hasher, plan);
    add_number(&hasher, it->frame_count);
    add_number(&hasher, it->image_count);
    /* Those files, and sound, carry absolute times. */
    if (plan->audio.name || format == FORMAT_WEBM || format == FORMAT_GIF)
        add_number(&hasher, it->first_frame);
    for (uint32_t i = 0; i < it->image_count; i++)
        add_shown(&hasher, plan, it, it->first_image + i);
    add_number(&hasher, it->first_image - first);
    for (uint32_t i = 0; i < count; i++)
        add_text(&hasher, versions[i].etag);
    finish(&hasher, ret);
}
