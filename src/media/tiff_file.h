/*
 * An open TIFF file and what its first directory says of the samples: between tiff.c, which
 * decides, and tiff_samples.c.
 */
#ifndef MEDIA_TIFF_FILE_H
#define MEDIA_TIFF_FILE_H

#include "base/error.h"
#include "media/readers.h"

#include <stdbool.h>
#include <stdint.h>
#include <tiffio.h>

/* Of one image in memory; stays where it is while it is open. */
struct tiff_file {
    TIFF *tiff;
    struct str image;
    uint64_t at;
    bool is_cut;     /* values of a tag lie behind the end */
    char error[128]; /* the library's first complaint; empty: none */
};

enum tiff_alpha { TIFF_ALPHA_NONE, TIFF_ALPHA_STRAIGHT, TIFF_ALPHA_PREMULTIPLIED };

struct tiff_kind {
    uint32_t width, height;
    unsigned bits, samples, format, compression, ink_set;
    uint16_t photometric;
    bool is_planar; /* each sample in strips or tiles of its own */
    enum tiff_alpha alpha;
};

MUST_CHECK bool tiff_open(struct str image, struct tiff_file *ret, struct error *err);
void tiff_close(struct tiff_file *file);
void tiff_read_kind(struct tiff_file *file, struct tiff_kind *ret);
/* Sets INVALID with the library's complaint; returns false. */
bool tiff_refuse(const struct tiff_file *file, struct error *err);

/* Whether tiff_decode_samples reads it: whole bytes of grey, R'G'B' or CMYK. */
bool tiff_is_plain(const struct tiff_kind *kind);
MUST_CHECK bool tiff_decode_samples(struct tiff_file *file, const struct tiff_kind *kind,
                                    const struct reading *reading, struct pixels *ret,
                                    struct error *err);

#endif
