/*
 * Made-up jobs for tests: a deterministic generator, and manifests of it.
 */
#ifndef TESTS_JOB_MADE_H
#define TESTS_JOB_MADE_H

#include "job/plan.h"

#include <string.h>

/* xorshift64*: the same numbers everywhere. */
static inline uint64_t made_number(uint64_t *state, uint64_t below) {
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (*state * UINT64_C(2685821657736338717) >> 16) % below;
}

/* `count` images `000001-a.jpg`, …, at 640x480 and 30 frames per second, one frame each. */
static inline struct manifest made_manifest(struct arena *arena, size_t count) {
    struct manifest manifest = {.lists_images = true, .image_count = count};
    settings_default(&manifest.settings);
    manifest.settings.size = SIZE_FIXED;
    manifest.settings.width = 640;
    manifest.settings.height = 480;
    manifest.images = arena_array(arena, count, sizeof *manifest.images);
    for (size_t i = 0; i < count; i++)
        manifest.images[i] =
            (struct manifest_image){.name = arena_printf(arena, "%06zu-a.jpg", i + 1), .size = -1};
    return manifest;
}

/* As above with holds, rates and sizes of many kinds. */
static inline struct manifest made_random_manifest(struct arena *arena, uint64_t *state) {
    static const struct rational rates[] = {{30, 1}, {24, 1},  {30000, 1001}, {2997, 100},
                                            {1, 1},  {120, 1}, {24000, 1001}, {25, 2}};
    struct manifest manifest = made_manifest(arena, 1 + made_number(state, 200));
    struct settings *settings = &manifest.settings;
    settings->fps = rates[made_number(state, ARRAY_SIZE(rates))];
    settings->speed = (enum speed)made_number(state, 3);
    settings->width = 2 * (8 + (unsigned)made_number(state, 2000));
    settings->height = 2 * (8 + (unsigned)made_number(state, 2000));
    settings->quality = (unsigned)made_number(state, 101);
    settings->fit = (enum fit)made_number(state, 2);
    if (made_number(state, 2))
        settings->hold = rational_reduce(1 + (int64_t)made_number(state, 3000), 1000);
    for (size_t i = 0; i < manifest.image_count; i++) {
        struct manifest_image *image = &manifest.images[i];
        image->size = made_number(state, 3) ? 1 + (int64_t)made_number(state, 100000) : -1;
        image->type = made_number(state, 3) ? NULL : "image/jpeg";
        image->has_hold = made_number(state, 4) == 0;
        if (image->has_hold && made_number(state, 3))
            image->hold = rational_reduce(1 + (int64_t)made_number(state, 20000), 1000);
        else if (image->has_hold)
            image->hold = rational_reduce(1, 1 + (int64_t)made_number(state, 12));
    }
    if (made_number(state, 3) == 0) {
        settings->transition = TRANSITION_CROSSFADE;
        settings->transition_duration = (struct rational){1, 2};
        settings->hold = (struct rational){1 + (int64_t)made_number(state, 4), 1};
        for (size_t i = 0; i < manifest.image_count; i++)
            manifest.images[i].has_hold = false;
    }
    if (made_number(state, 3) == 0)
        settings->deflicker = 2 + (unsigned)made_number(state, 30);
    for (size_t i = 0; i < manifest.image_count; i++) {
        struct manifest_image *image = &manifest.images[i];
        image->has_motion = made_number(state, 5) == 0;
        image->motion = image->has_motion ? (enum motion)made_number(state, 8) : MOTION_NONE;
        image->rotate = made_number(state, 5) ? 0 : 90 * (unsigned)made_number(state, 4);
        image->caption = made_number(state, 5) ? NULL : "a caption";
    }
    return manifest;
}

static inline struct plan made_plan(struct arena *arena, const struct manifest *manifest) {
    struct plan plan = {0};
    struct error err = {0};
    if (!plan_build(arena, "job-1", "build-1", manifest, NULL, &plan, &err))
        plan.segment_count = 0;
    return plan;
}

/* Replaces the first `old` in a copy of the text; NULL when there is none. */
static inline char *made_changed(struct arena *arena, const char *text, const char *old,
                                 const char *new) {
    const char *place = strstr(text, old);
    if (!place)
        return NULL;
    return arena_printf(arena, "%.*s%s%s", (int)(place - text), text, new, place + strlen(old));
}

#endif
