/*
 * A table of beginnings leads to one reader per container. Files of chunks (WAV, AIFF) are cut down
 * to the chunks that say something about the sound; MP3 and AAC, which have no container, are found
 * by a chain of frame headers behind whatever tags stand before them.
 */
#include "media/audio_file.h"

#include "media/audio_boxes.h"
#include "media/audio_pages.h"
#include "media/bytes.h"

#include <string.h>

enum {
    FORM_BYTES = 12, /* RIFF, size, WAVE */
    CHUNK_BYTES = 8, /* name and size */
    MAX_CHUNKS = 4096,
    MAX_TAGS = 16,
    ID3V1_BYTES = 128,
    APE_FOOTER_BYTES = 32,
    LYRICS_FOOTER_BYTES = 15,
    CHAIN_FRAMES = 4, /* that must follow on each other; random bytes hardly ever do */
};

static const uint8_t *bytes_of(struct str text) {
    return (const uint8_t *)text.ptr;
}

static struct str skip(struct str text, size_t size) {
    return (struct str){text.ptr + size, text.len - size};
}

static bool has_bytes(struct str text, size_t offset, const char *bytes, size_t size) {
    return text.len >= offset + size && memcmp(text.ptr + offset, bytes, size) == 0;
}

static void add_part(struct audio_file *file, struct str part) {
    file->parts[file->part_count++] = part;
}

static bool refuse_truncated(uint64_t there, uint64_t said, struct error *err) {
    return error_set(err, ERROR_INVALID, NULL,
                     "truncated: %llu of the %llu bytes of sound that its header tells of",
                     (unsigned long long)there, (unsigned long long)said);
}

/* Chunks of RIFF and IFF. */

struct chunk {
    struct str name;
    uint64_t said; /* size by the header */
    struct str whole;
};

/* Where a chunk goes beyond the end, `whole` ends there. */
static struct chunk next_chunk(struct str *rest, bool big_endian) {
    const uint8_t *p = bytes_of(*rest);
    struct chunk chunk = {.name = {rest->ptr, 4},
                          .said = big_endian ? read_be32(p + 4) : read_le32(p + 4)};
    uint64_t padded = CHUNK_BYTES + chunk.said + (chunk.said & 1);
    size_t size = padded < rest->len ? (size_t)padded : rest->len;
    chunk.whole = (struct str){rest->ptr, size};
    *rest = skip(*rest, size);
    return chunk;
}

/* The sizes that programs write who do not know yet how long it will get. */
static bool is_open_end(uint32_t size) {
    return size == 0 || size >= 0xffffff00u || size == 0x7fffffffu || size == 0x7ffff000u;
}

static bool read_wave_data(struct str file, const struct chunk *data, uint64_t long_size,
                           struct error *err) {
    uint64_t there = data->whole.len - CHUNK_BYTES, said = data->said;
    bool is_long = !has_bytes(file, 0, "RIFF", 4);
    if (is_long && said == UINT32_MAX)
        said = long_size;
    else if (is_open_end((uint32_t)said) && is_open_end(read_le32(bytes_of(file) + 4)))
        return true;
    return said <= there || refuse_truncated(there, said, err);
}

static bool read_wave(struct str file, struct audio_file *ret, struct error *err) {
    struct str rest = skip(file, FORM_BYTES);
    uint64_t long_size = 0;
    bool has_format = false;
    add_part(ret, (struct str){file.ptr, FORM_BYTES});
    for (int i = 0; i < MAX_CHUNKS && rest.len >= CHUNK_BYTES; i++) {
        struct str from_here = rest;
        struct chunk chunk = next_chunk(&rest, false);
        if (str_equal_c(chunk.name, "ds64") && i == 0 && chunk.whole.len >= CHUNK_BYTES + 28) {
            const uint8_t *p = bytes_of(chunk.whole) + CHUNK_BYTES + 8;
            long_size = (uint64_t)read_le32(p + 4) << 32 | read_le32(p);
            add_part(ret, chunk.whole);
        } else if (str_equal_c(chunk.name, "fmt ") && !has_format) {
            has_format = true;
            add_part(ret, chunk.whole);
        } else if (str_equal_c(chunk.name, "data")) {
            if (!has_format)
                break;
            /* Written by somebody who could not go back: it goes on to the end. */
            if (chunk.said == 0 && is_open_end(read_le32(bytes_of(file) + 4)))
                chunk.whole = from_here;
            add_part(ret, chunk.whole);
            return read_wave_data(file, &chunk, long_size, err);
        }
    }
    return error_set(err, ERROR_INVALID, NULL, "damaged or truncated: WAV without its %s",
                     has_format ? "sound" : "format");
}

static bool read_aiff(struct str file, struct audio_file *ret, struct error *err) {
    struct str rest = skip(file, FORM_BYTES);
    struct str common = {0}, sound = {0};
    uint64_t said = 0;
    for (int i = 0; i < MAX_CHUNKS && rest.len >= CHUNK_BYTES; i++) {
        struct chunk chunk = next_chunk(&rest, true);
        if (str_equal_c(chunk.name, "COMM") && common.len == 0)
            common = chunk.whole;
        if (str_equal_c(chunk.name, "SSND") && sound.len == 0) {
            sound = chunk.whole;
            said = chunk.said;
        }
    }
    if (common.len == 0 || sound.len == 0)
        return error_set(err, ERROR_INVALID, NULL, "damaged or truncated: AIFF without its %s",
                         common.len == 0 ? "format" : "sound");
    if (said > sound.len - CHUNK_BYTES)
        return refuse_truncated(sound.len - CHUNK_BYTES, said, err);
    add_part(ret, (struct str){file.ptr, FORM_BYTES});
    add_part(ret, common);
    add_part(ret, sound);
    return true;
}

static bool read_flac(struct str file, struct audio_file *ret, struct error *err) {
    /* Magic number, header of the block, and in STREAMINFO 36 bits at 13 1/2. */
    if (file.len < 42)
        return error_set(err, ERROR_INVALID, NULL, "truncated in its header");
    const uint8_t *p = bytes_of(file) + 8 + 13;
    ret->length = (uint64_t)(p[0] & 15) << 32 | read_be32(p + 1);
    add_part(ret, file);
    return true;
}

static bool read_ogg(struct str file, struct audio_file *ret, struct error *err) {
    if (!audio_pages_check(file, err))
        return false;
    add_part(ret, file);
    return true;
}

static bool read_boxes(struct str file, struct audio_file *ret, struct error *err) {
    struct audio_boxes boxes;
    if (!audio_boxes_read(file, &boxes, err))
        return false;
    ret->length = boxes.heard;
    ret->timescale = boxes.heard > 0 ? boxes.timescale : 0;
    add_part(ret, file);
    return true;
}

static const struct {
    size_t offset;
    const char *bytes;
    size_t kind_offset; /* of a second sign, 0: none */
    const char *kind;
    enum audio_format format;
    bool (*read)(struct str file, struct audio_file *ret, struct error *err);
} containers[] = {
    {0, "RIFF", 8, "WAVE", AUDIO_WAV, read_wave},  {0, "RF64", 8, "WAVE", AUDIO_WAV, read_wave},
    {0, "BW64", 8, "WAVE", AUDIO_WAV, read_wave},  {0, "FORM", 8, "AIFF", AUDIO_AIFF, read_aiff},
    {0, "FORM", 8, "AIFC", AUDIO_AIFF, read_aiff}, {0, "fLaC", 0, NULL, AUDIO_FLAC, read_flac},
    {0, "OggS", 0, NULL, AUDIO_OGG, read_ogg},     {4, "ftyp", 0, NULL, AUDIO_MP4, read_boxes},
    {4, "moov", 0, NULL, AUDIO_MP4, read_boxes},   {4, "mdat", 0, NULL, AUDIO_MP4, read_boxes},
    {4, "wide", 0, NULL, AUDIO_MP4, read_boxes},   {4, "free", 0, NULL, AUDIO_MP4, read_boxes},
    {4, "skip", 0, NULL, AUDIO_MP4, read_boxes},
};

/* What people take for music. */
static const struct {
    size_t offset;
    const char *bytes;
    size_t size;
    const char *name;
} strangers[] = {
    {0, "\xff\xd8\xff", 3, "a picture (JPEG)"},
    {0, "\x89PNG", 4, "a picture (PNG)"},
    {0, "GIF8", 4, "a picture (GIF)"},
    {8, "WEBP", 4, "a picture (WebP)"},
    {0, "II*\0", 4, "a picture (TIFF)"},
    {0, "MM\0*", 4, "a picture (TIFF)"},
    {8, "heic", 4, "a picture (HEIC)"},
    {8, "heix", 4, "a picture (HEIC)"},
    {8, "mif1", 4, "a picture (HEIC)"},
    {8, "avif", 4, "a picture (AVIF)"},
    {0, "\xff\x0a", 2, "a picture (JPEG XL)"},
    {4, "JXL ", 4, "a picture (JPEG XL)"},
    {0, "%PDF-", 5, "a document (PDF)"},
    {0, "PK\3\4", 4, "an archive (ZIP)"},
    {0, "\x1f\x8b", 2, "an archive (gzip)"},
    {0, "\x1a\x45\xdf\xa3", 4, "WebM or Matroska, which is not supported for sound"},
    {8, "AVI ", 4, "AVI, which is not supported for sound"},
    {0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11", 8, "Windows Media, which is not supported"},
    {0, "MThd", 4, "MIDI, which is notes and not sound"},
    {0, "#!AMR", 5, "AMR, which is not supported"},
    {0, ".snd", 4, "Sun audio, which is not supported"},
    {0, "caff", 4, "Core Audio, which is not supported"},
    {0, "MAC ", 4, "Monkey's Audio, which is not supported"},
    {0, "wvpk", 4, "WavPack, which is not supported"},
    {0, "ADIF", 4, "AAC in ADIF, which is not supported"},
};

static bool looks_like_text(struct str file) {
    struct str sample = {file.ptr, file.len < 512 ? file.len : 512};
    for (size_t i = 0; i < sample.len; i++) {
        unsigned char c = (unsigned char)sample.ptr[i];
        if (c == 0x7f || (c < 0x20 && strchr("\t\n\v\f\r\x1b", c) == NULL) || c == 0)
            return false;
    }
    /* A character may be cut at the end of the sample. */
    for (int i = 0; i < 3 && sample.len > 0 && !str_is_utf8(sample); i++)
        sample.len--;
    return sample.len > 0 && str_is_utf8(sample);
}

static bool refuse(struct str file, struct error *err) {
    for (size_t i = 0; i < ARRAY_SIZE(strangers); i++)
        if (has_bytes(file, strangers[i].offset, strangers[i].bytes, strangers[i].size))
            return error_set(err, ERROR_INVALID, NULL, "this is %s", strangers[i].name);
    if (looks_like_text(file))
        return error_set(err, ERROR_INVALID, NULL, "this looks like text");
    return error_set(err, ERROR_INVALID, NULL,
                     "not a sound file of a known format (MP3, AAC, M4A, WAV, FLAC, Ogg Vorbis, "
                     "Opus, AIFF)");
}

/* MP3 and AAC. */

/* Behind ID3v2 tags. */
static struct str skip_tags(struct str file) {
    for (int i = 0; i < MAX_TAGS && file.len >= 10 && has_bytes(file, 0, "ID3", 3); i++) {
        const uint8_t *p = bytes_of(file);
        size_t size = (size_t)(p[6] & 127) << 21 | (size_t)(p[7] & 127) << 14 |
                      (size_t)(p[8] & 127) << 7 | (p[9] & 127);
        size += (p[5] & 0x10) != 0 ? 20 : 10;
        if (size >= file.len)
            return (struct str){file.ptr, 0};
        file = skip(file, size);
    }
    return file;
}

/* Size of the tag at the end, 0: none. */
static size_t tag_at_end(struct str file) {
    if (file.len >= ID3V1_BYTES && has_bytes(file, file.len - ID3V1_BYTES, "TAG", 3))
        return ID3V1_BYTES;
    if (file.len >= APE_FOOTER_BYTES &&
        has_bytes(file, file.len - APE_FOOTER_BYTES, "APETAGEX", 8)) {
        const uint8_t *p = bytes_of(file) + file.len - APE_FOOTER_BYTES;
        size_t size = read_le32(p + 12) + (size_t)((p[23] & 0x80) != 0 ? APE_FOOTER_BYTES : 0);
        return size >= APE_FOOTER_BYTES && size <= file.len ? size : 0;
    }
    if (file.len >= LYRICS_FOOTER_BYTES && has_bytes(file, file.len - 9, "LYRICS200", 9)) {
        uint64_t size;
        struct str digits = {file.ptr + file.len - LYRICS_FOOTER_BYTES, 6};
        if (str_to_u64(digits, file.len - LYRICS_FOOTER_BYTES, &size))
            return (size_t)size + LYRICS_FOOTER_BYTES;
    }
    return 0;
}

/* Length of the frame of MPEG layer III at p (4 bytes), 0: none. ISO 11172-3, 13818-3, and the
 * lower rates of "MPEG 2.5". */
static size_t mp3_frame_bytes(const uint8_t *p) {
    static const uint16_t kilobits[2][15] = {
        {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
        {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
    };
    static const uint16_t rates[3] = {44100, 48000, 32000};
    unsigned version = p[1] >> 3 & 3, bitrate = p[2] >> 4, rate = p[2] >> 2 & 3;
    if (p[0] != 0xff || (p[1] & 0xe6) != 0xe2 || version == 1 || bitrate == 0 || bitrate == 15 ||
        rate == 3)
        return 0;
    bool is_low = version != 3;
    unsigned hertz = rates[rate] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
    return (is_low ? 72u : 144u) * kilobits[is_low][bitrate] * 1000 / hertz + (p[2] >> 1 & 1);
}

/* The same of ADTS (7 bytes). ISO 13818-7. */
static size_t adts_frame_bytes(const uint8_t *p) {
    size_t size = (size_t)(p[3] & 3) << 11 | (size_t)p[4] << 3 | p[5] >> 5;
    bool is_header = p[0] == 0xff && (p[1] & 0xf6) == 0xf0 && (p[2] >> 2 & 15) < 13;
    return is_header && size > 7 ? size : 0;
}

/* Are there frames back to back from here, to the end or at least `CHAIN_FRAMES`? */
static bool is_chain(struct str rest, size_t header_bytes, size_t (*frame_bytes)(const uint8_t *)) {
    for (int i = 0; i < CHAIN_FRAMES; i++) {
        size_t size = rest.len >= header_bytes ? frame_bytes(bytes_of(rest)) : 0;
        if (size == 0)
            return false;
        if (size >= rest.len)
            return i > 0 || size == rest.len;
        rest = skip(rest, size);
    }
    return true;
}

static bool read_frames(struct str file, struct audio_file *ret, struct error *err) {
    struct str rest = file;
    for (size_t cut; (cut = tag_at_end(rest)) > 0;)
        rest.len -= cut;
    for (size_t i = 0; i < AUDIO_FILE_MAX_JUNK_BYTES && rest.len > 0; i++, rest = skip(rest, 1)) {
        if (*bytes_of(rest) != 0xff)
            continue;
        bool is_mp3 = is_chain(rest, 4, mp3_frame_bytes);
        if (!is_mp3 && !is_chain(rest, 7, adts_frame_bytes))
            continue;
        ret->format = is_mp3 ? AUDIO_MP3 : AUDIO_AAC;
        add_part(ret, rest);
        return true;
    }
    return refuse(file, err);
}

static bool is_stranger(struct str file) {
    for (size_t i = 0; i < ARRAY_SIZE(strangers); i++)
        if (has_bytes(file, strangers[i].offset, strangers[i].bytes, strangers[i].size))
            return true;
    return false;
}

bool audio_file_read(struct str file, struct audio_file *ret, struct error *err) {
    struct audio_file found = {0};
    if (file.len == 0)
        return error_set(err, ERROR_INVALID, NULL, "is empty");
    struct str rest = skip_tags(file);
    if (rest.len == 0)
        return error_set(err, ERROR_INVALID, NULL, "truncated in its tags");
    if (is_stranger(rest) || looks_like_text(rest))
        return refuse(rest, err);
    bool (*read)(struct str, struct audio_file *, struct error *) = read_frames;
    for (size_t i = 0; i < ARRAY_SIZE(containers); i++) {
        bool is_kind = containers[i].kind == NULL ||
                       has_bytes(rest, containers[i].kind_offset, containers[i].kind, 4);
        if (!is_kind || !has_bytes(rest, containers[i].offset, containers[i].bytes, 4))
            continue;
        found.format = containers[i].format;
        read = containers[i].read;
        break;
    }
    if (!read(rest, &found, err))
        return false;
    *ret = found;
    return true;
}

const char *audio_format_name(enum audio_format format) {
    static const char *const names[] = {
        [AUDIO_MP3] = "MP3",   [AUDIO_AAC] = "AAC", [AUDIO_MP4] = "MP4",   [AUDIO_WAV] = "WAV",
        [AUDIO_FLAC] = "FLAC", [AUDIO_OGG] = "Ogg", [AUDIO_AIFF] = "AIFF",
    };
    return names[format];
}
