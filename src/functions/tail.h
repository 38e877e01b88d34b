/*
 * Objects of the work bucket that have their index at the end, behind it its length and four
 * letters: chunks and sounds.
 */
#ifndef FUNCTIONS_TAIL_H
#define FUNCTIONS_TAIL_H

#include "functions/context.h"

enum { TAIL_TRAILER_BYTES = 8 };

/* The size of the index from the object's last TAIL_TRAILER_BYTES: chunk_index_size,
 * sound_index_size. */
typedef bool tail_size_function(struct str trailer, uint64_t object_size, uint64_t *ret_size,
                                struct error *err);

struct tail {
    struct str index;
    uint64_t object_size;
    const char *etag;
};

/* Usually one GET. `etag` (NULL: any) is insisted on. */
MUST_CHECK bool tail_read(struct functions *functions, struct arena *arena, const char *key,
                          const char *etag, tail_size_function *index_size, struct tail *ret,
                          struct error *err);

#endif
