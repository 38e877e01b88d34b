/*
 * Files as cameras write them beside JPEGs, as far as a reader of their previews looks: real raw
 * files are large and belong to somebody. The sensor's samples are there, and mean nothing.
 */
#ifndef TESTS_MEDIA_RAW_FILES_H
#define TESTS_MEDIA_RAW_FILES_H

#include "base/arena.h"
#include "base/str.h"

enum raw_kind { RAW_DNG, RAW_CR2, RAW_NEF, RAW_ARW, RAW_KINDS };

struct raw_options {
    struct str preview; /* JPEG; empty: without */
    unsigned preview_width, preview_height;
    unsigned orientation; /* 1 to 8 */
    const char *captured; /* "2024:05:01 12:33:44" */
};
struct str raw_of(struct arena *arena, enum raw_kind kind, const struct raw_options *options);

#endif
