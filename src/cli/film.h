/*
 * A film on its way into a file: segments come in order, their bytes go to an unnamed file beside
 * the output, only their tables stay in memory. At the end header, segments and trailer become one
 * file, the same bytes as the splice on a store makes.
 */
#ifndef CLI_FILM_H
#define CLI_FILM_H

#include "base/error.h"
#include "cli/output.h"
#include "media/media.h"

#include <stdint.h>

struct film;

/* Plan and sound object (media/sound.h; empty: the film is silent) outlive the film. */
MUST_CHECK bool film_new(const char *output_path, const struct plan *plan, struct str sound,
                         struct film **ret, struct error *err);
void film_free(struct film *film); /* NULL is fine */

/* Copies what it keeps. Segments in order. INTERNAL when their configurations differ. */
MUST_CHECK bool film_add(struct film *film, const struct media_segment *segment, struct error *err);

/* The poster that came with a segment; empty without. Lives as long as the film. */
struct str film_poster(const struct film *film);

/* Writes the whole file. Does not commit. */
MUST_CHECK bool film_write(struct film *film, int fd, uint64_t *ret_bytes, struct error *err);

#endif
