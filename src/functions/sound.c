/*
 * Index by the object's tail, packets by one range.
 */
#include "functions/sound.h"

#include "functions/tail.h"
#include "job/keys.h"

#include <assert.h>

/* Of one task: an hour, which 16 segments at one frame a second last, at the highest rate. */
enum { MAX_RANGE_BYTES = 256 * 1024 * 1024 };

static_assert((int)TAIL_TRAILER_BYTES == (int)SOUND_TRAILER_BYTES, "one form of trailers");

bool film_sound_read(struct functions *functions, struct arena *arena, const struct plan *plan,
                     struct film_sound *ret, struct error *err) {
    struct film_sound sound = {0};
    if (plan->audio.name != NULL) {
        const char *key = key_audio(arena, plan->job);
        struct sound_index *index = arena_alloc(arena, sizeof *index);
        struct tail tail;
        if (!tail_read(functions, arena, key, NULL, sound_index_size, &tail, err)) {
            if (err->kind != ERROR_NOT_FOUND)
                return false;
            return error_set(err, ERROR_UNAVAILABLE, NULL, "the sound '%s' is not there", key);
        }
        if (!sound_index_parse(arena, tail.index, tail.object_size, index, err))
            return error_prefix(err, "'%s'", key);
        sound = (struct film_sound){index, tail.etag};
    }
    *ret = sound;
    return true;
}

bool film_sound_packets(struct functions *functions, struct arena *arena, const struct plan *plan,
                        const struct film_sound *sound, struct segment_range range,
                        struct mux_sound_source *ret, struct error *err) {
    struct mux_sound_source source = {.index = sound->index};
    if (sound->index != NULL) {
        const char *key = key_audio(arena, plan->job);
        struct sound_range part = sound_range_of(sound->index, plan, range);
        source.next = part.first;
        if (part.size > MAX_RANGE_BYTES)
            return error_set(err, ERROR_LIMIT, NULL, "the sound of segments %u+%u is too large",
                             range.first, range.count);
        if (part.size > 0) {
            struct s3_get_options options = {
                .if_match = sound->etag,
                .range_first = part.offset,
                .range_length = part.size,
                .max_bytes = (size_t)part.size,
            };
            struct s3_object object;
            if (!s3_get(functions->s3, arena, functions->work, key, &options, &object, err))
                return false;
            if (object.body.len != part.size)
                return error_set(err, ERROR_UNAVAILABLE, NULL, "'%s' came short", key);
            source.data = object.body;
        }
    }
    *ret = source;
    return true;
}
