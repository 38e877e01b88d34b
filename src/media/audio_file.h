/*
 * What an audio file is, told by its first bytes, and which parts of it a demuxer needs to see.
 *
 * Tags, pictures and padding are left out, so that nobody has to parse them; what the file says
 * about its own length is kept, so that a truncated file is noticed. Pure.
 */
#ifndef MEDIA_AUDIO_FILE_H
#define MEDIA_AUDIO_FILE_H

#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    AUDIO_FILE_MAX_PARTS = 4,
    AUDIO_FILE_MAX_JUNK_BYTES = 64 * 1024, /* before the first frame of MP3 and AAC */
};

enum audio_format {
    AUDIO_MP3,
    AUDIO_AAC, /* ADTS */
    AUDIO_MP4, /* M4A, MP4, MOV */
    AUDIO_WAV, /* also RF64 and BW64 */
    AUDIO_FLAC,
    AUDIO_OGG,
    AUDIO_AIFF, /* also AIFF-C */
};

struct audio_file {
    enum audio_format format;
    struct str parts[AUDIO_FILE_MAX_PARTS]; /* of the file, one after the other */
    unsigned part_count;
    /* What the header says is heard: `length` units of which `timescale` make a second; 0 and 0
     * where it says nothing. A timescale of 0 with a length: samples. */
    uint64_t length;
    uint32_t timescale;
};

/* INVALID: not audio that this version reads (the text says what it looks like), or shorter than
 * its header says. The parts point into `file`. */
MUST_CHECK bool audio_file_read(struct str file, struct audio_file *ret, struct error *err);

/* "MP3", "AAC", … */
const char *audio_format_name(enum audio_format format);

#endif
