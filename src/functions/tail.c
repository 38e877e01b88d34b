/*
 * The first GET asks for what nearly always holds the whole index; a longer one takes a second.
 */
#include "functions/tail.h"

enum { FIRST_BYTES = 128 * 1024 };

static bool get_end(struct functions *functions, struct arena *arena, const char *key,
                    const char *etag, size_t bytes, struct s3_object *ret, struct error *err) {
    struct s3_get_options options = {
        .if_match = etag,
        .range_length = bytes,
        .suffix = true,
        .max_bytes = bytes,
    };
    return s3_get(functions->s3, arena, functions->work, key, &options, ret, err);
}

bool tail_read(struct functions *functions, struct arena *arena, const char *key, const char *etag,
               tail_size_function *index_size, struct tail *ret, struct error *err) {
    struct s3_object end;
    uint64_t size;
    if (!get_end(functions, arena, key, etag, FIRST_BYTES, &end, err))
        return false;
    if (end.body.len < TAIL_TRAILER_BYTES)
        return error_set(err, ERROR_INVALID, NULL, "'%s' is too short", key);
    struct str trailer = {end.body.ptr + end.body.len - TAIL_TRAILER_BYTES, TAIL_TRAILER_BYTES};
    if (!index_size(trailer, end.size, &size, err))
        return error_prefix(err, "'%s'", key);
    if (size + TAIL_TRAILER_BYTES > end.body.len) {
        etag = end.etag;
        if (!get_end(functions, arena, key, etag, (size_t)size + TAIL_TRAILER_BYTES, &end, err))
            return false;
        if (end.body.len != size + TAIL_TRAILER_BYTES)
            return error_set(err, ERROR_UNAVAILABLE, NULL, "'%s' came short", key);
    }
    *ret = (struct tail){
        .index = {end.body.ptr + end.body.len - TAIL_TRAILER_BYTES - size, (size_t)size},
        .object_size = end.size,
        .etag = end.etag,
    };
    return true;
}
