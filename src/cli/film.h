/*
 * A film on its way into a file: segments come in order, their samples go to an unnamed file beside
 * the output, only their tables stay in memory. At the end header and samples become one MP4, the
 * same bytes as the splice on a store makes.
 */
#ifndef CLI_FILM_H
#define CLI_FILM_H

#include "base/error.h"
#include "cli/output.h"
#include "media/media.h"

#include <stdint.h>

struct film;

MUST_CHECK bool film_new(const char *output_path, struct film **ret, struct error *err);
void film_free(struct film *film); /* NULL is fine */

/* Copies what it keeps. Segments in order. INTERNAL when their configurations differ. */
MUST_CHECK bool film_add(struct film *film, const struct media_segment *segment, struct error *err);

/* The poster that came with a segment; empty without. Lives as long as the film. */
struct str film_poster(const struct film *film);

/* Writes the whole file. Does not commit. */
MUST_CHECK bool film_write(struct film *film, const struct settings *settings, int fd,
                           uint64_t *ret_bytes, struct error *err);

#endif
