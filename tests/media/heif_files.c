/*
 * The tiles are frames of an all-intra HEVC stream that libx265 encodes; libavformat's MP4 gives
 * their parameter sets (hvcC) and their length-prefixed units, which is what HEIF wants. The boxes
 * around them are ISO/IEC 23008-12 and 14496-12.
 */
#include "heif_files.h"

#include <libavformat/avformat.h>
#include <libavutil/opt.h>
#include <libswscale/swscale.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TILES = 256, MAX_META_BYTES = 64 * 1024 };

struct tiles {
    unsigned columns, rows, side;
    struct str header; /* hvcC */
    struct str data[MAX_TILES];
};

static void check(int result) {
    if (result < 0)
        abort();
}

static AVCodecContext *open_encoder(const struct heic_options *options, unsigned side) {
    AVCodecContext *codec = avcodec_alloc_context3(avcodec_find_encoder_by_name("libx265"));
    codec->width = codec->height = (int)side;
    codec->pix_fmt = options->is_deep ? AV_PIX_FMT_YUV420P10 : AV_PIX_FMT_YUV420P;
    codec->color_range = options->is_limited ? AVCOL_RANGE_MPEG : AVCOL_RANGE_JPEG;
    codec->time_base = (AVRational){1, 25};
    codec->gop_size = 1;
    codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
    char parameters[128];
    snprintf(parameters, sizeof parameters,
             "keyint=1:crf=%u:log-level=none:pools=none:frame-threads=1:info=0:range=%s",
             options->quality == 0 ? 16 : options->quality,
             options->is_limited ? "limited" : "full");
    check(av_opt_set(codec->priv_data, "preset", "fast", 0));
    check(av_opt_set(codec->priv_data, "x265-params", parameters, 0));
    check(avcodec_open2(codec, NULL, NULL));
    return codec;
}

/* One tile of the picture; what lies outside of it repeats the edge. */
static void fill_tile(AVFrame *frame, const struct picture *picture, unsigned left, unsigned top,
                      const struct heic_options *options) {
    unsigned side = (unsigned)frame->width;
    uint8_t *rgb = malloc((size_t)side * side * 3);
    for (unsigned y = 0; y < side; y++) {
        for (unsigned x = 0; x < side; x++) {
            unsigned from_x = left + x < picture->width ? left + x : picture->width - 1;
            unsigned from_y = top + y < picture->height ? top + y : picture->height - 1;
            memcpy(rgb + 3 * ((size_t)y * side + x),
                   picture->rgb + 3 * ((size_t)from_y * picture->width + from_x), 3);
        }
    }
    struct SwsContext *scaler = sws_getContext(
        frame->width, frame->height, AV_PIX_FMT_RGB24, frame->width, frame->height, frame->format,
        SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP, NULL, NULL, NULL);
    const int *weights = sws_getCoefficients(options->matrix == 1   ? SWS_CS_ITU709
                                             : options->matrix == 9 ? SWS_CS_BT2020
                                                                    : SWS_CS_ITU601);
    sws_setColorspaceDetails(scaler, weights, 1, weights, !options->is_limited, 0, 1 << 16,
                             1 << 16);
    const uint8_t *source[] = {rgb};
    const int stride[] = {(int)side * 3};
    sws_scale(scaler, source, stride, 0, frame->height, frame->data, frame->linesize);
    sws_freeContext(scaler);
    free(rgb);
}

static void drain(AVCodecContext *codec, AVFormatContext *file, AVPacket *packet) {
    while (avcodec_receive_packet(codec, packet) == 0) {
        packet->duration = 1;
        av_packet_rescale_ts(packet, codec->time_base, file->streams[0]->time_base);
        check(av_write_frame(file, packet));
    }
}

/* An MP4 file of the tiles, in memory. */
static size_t encode_tiles(const struct picture *picture, const struct heic_options *options,
                           const struct tiles *tiles, uint8_t **ret) {
    AVCodecContext *codec = open_encoder(options, tiles->side);
    AVFormatContext *file = NULL;
    check(avformat_alloc_output_context2(&file, NULL, "mp4", NULL));
    check(avcodec_parameters_from_context(avformat_new_stream(file, NULL)->codecpar, codec));
    check(avio_open_dyn_buf(&file->pb));
    AVDictionary *flags = NULL;
    av_dict_set(&flags, "movflags", "frag_keyframe+empty_moov+default_base_moof", 0);
    check(avformat_write_header(file, &flags));
    av_dict_free(&flags);
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    frame->width = frame->height = (int)tiles->side;
    frame->format = codec->pix_fmt;
    for (unsigned i = 0; i < tiles->columns * tiles->rows; i++) {
        check(av_frame_get_buffer(frame, 0));
        fill_tile(frame, picture, i % tiles->columns * tiles->side,
                  i / tiles->columns * tiles->side, options);
        frame->pts = i;
        check(avcodec_send_frame(codec, frame));
        drain(codec, file, packet);
        for (int plane = 0; plane < AV_NUM_DATA_POINTERS; plane++)
            av_buffer_unref(&frame->buf[plane]);
    }
    check(avcodec_send_frame(codec, NULL));
    drain(codec, file, packet);
    check(av_write_trailer(file));
    int size = avio_close_dyn_buf(file->pb, ret);
    av_packet_free(&packet);
    av_frame_free(&frame);
    avcodec_free_context(&codec);
    avformat_free_context(file);
    return (size_t)size;
}

struct source {
    const uint8_t *data;
    size_t size, at;
};

static int read_source(void *opaque, uint8_t *target, int size) {
    struct source *source = opaque;
    size_t left = source->size - source->at, count = (size_t)size < left ? (size_t)size : left;
    if (count == 0)
        return AVERROR_EOF;
    memcpy(target, source->data + source->at, count);
    source->at += count;
    return (int)count;
}

static struct str copy_of(struct arena *arena, const void *data, size_t size) {
    char *copy = arena_alloc(arena, size + 1);
    memcpy(copy, data, size);
    return (struct str){copy, size};
}

static void read_tiles(struct arena *arena, const uint8_t *mp4, size_t size, struct tiles *tiles) {
    struct source source = {mp4, size, 0};
    AVFormatContext *file = avformat_alloc_context();
    file->pb = avio_alloc_context(av_malloc(4096), 4096, 0, &source, read_source, NULL, NULL);
    check(avformat_open_input(&file, NULL, NULL, NULL));
    const AVCodecParameters *parameters = file->streams[0]->codecpar;
    tiles->header = copy_of(arena, parameters->extradata, (size_t)parameters->extradata_size);
    AVPacket *packet = av_packet_alloc();
    for (unsigned i = 0; i < tiles->columns * tiles->rows; i++) {
        check(av_read_frame(file, packet));
        tiles->data[packet->pts * 25 / file->streams[0]->time_base.den] =
            copy_of(arena, packet->data, (size_t)packet->size);
        av_packet_unref(packet);
    }
    av_packet_free(&packet);
    AVIOContext *io = file->pb;
    avformat_close_input(&file);
    av_freep(&io->buffer);
    avio_context_free(&io);
}

/* Boxes: their sizes are known when they end. */
struct writer {
    uint8_t bytes[MAX_META_BYTES];
    size_t size;
};

static void put(struct writer *writer, unsigned bytes, uint64_t value) {
    if (writer->size + bytes > sizeof writer->bytes)
        abort();
    for (unsigned i = bytes; i-- > 0;)
        writer->bytes[writer->size++] = (uint8_t)(value >> 8 * i);
}

static void put_bytes(struct writer *writer, const void *data, size_t size) {
    for (size_t i = 0; i < size; i++)
        put(writer, 1, ((const uint8_t *)data)[i]);
}

static size_t box(struct writer *writer, const char *type) {
    size_t at = writer->size;
    put(writer, 4, 0);
    put_bytes(writer, type, 4);
    return at;
}

static size_t full_box(struct writer *writer, const char *type, unsigned version, unsigned flags) {
    size_t at = box(writer, type);
    put(writer, 4, version << 24 | flags);
    return at;
}

static void end_box(struct writer *writer, size_t at) {
    size_t end = writer->size;
    writer->size = at;
    put(writer, 4, end - at);
    writer->size = end;
}

static void item_entry(struct writer *writer, unsigned id, const char *type, bool is_hidden) {
    size_t at = full_box(writer, "infe", 2, is_hidden ? 1 : 0);
    put(writer, 2, id);
    put(writer, 2, 0);
    put_bytes(writer, type, 4);
    put(writer, 1, 0);
    end_box(writer, at);
}

static void size_property(struct writer *writer, unsigned width, unsigned height) {
    size_t at = full_box(writer, "ispe", 0, 0);
    put(writer, 4, width);
    put(writer, 4, height);
    end_box(writer, at);
}

static void crop_property(struct writer *writer, unsigned width, unsigned height) {
    size_t at = box(writer, "clap");
    const unsigned values[] = {width, 1, height, 1, 0, 1, 0, 1};
    for (size_t i = 0; i < 8; i++)
        put(writer, 4, values[i]);
    end_box(writer, at);
}

static void byte_property(struct writer *writer, const char *type, unsigned value) {
    size_t at = box(writer, type);
    put(writer, 1, value);
    end_box(writer, at);
}

/* Properties 1 and 2 are the tiles', the rest the grid's, in the order of their application;
 * returns how many there are. */
static unsigned put_properties(struct writer *writer, const struct picture *picture,
                               const struct heic_options *options, const struct tiles *tiles) {
    unsigned count = 3;
    size_t container = box(writer, "ipco");
    size_t at = box(writer, "hvcC");
    put_bytes(writer, tiles->header.ptr, tiles->header.len);
    end_box(writer, at);
    size_property(writer, tiles->side, tiles->side);
    size_property(writer, picture->width, picture->height);
    if (options->profile.len > 0 || options->primaries != 0) {
        at = box(writer, "colr");
        put_bytes(writer, options->profile.len > 0 ? "prof" : "nclx", 4);
        if (options->profile.len > 0) {
            put_bytes(writer, options->profile.ptr, options->profile.len);
        } else {
            put(writer, 2, options->primaries);
            put(writer, 2, options->transfer);
            put(writer, 2, options->matrix);
            put(writer, 1, options->is_limited ? 0 : 0x80);
        }
        end_box(writer, at);
        count++;
    }
    if (options->clap_width != 0) {
        crop_property(writer, options->clap_width, options->clap_height);
        count++;
    }
    if (options->rotation != 0) {
        byte_property(writer, "irot", options->rotation);
        count++;
    }
    if (options->is_mirrored) {
        byte_property(writer, "imir", 1);
        count++;
    }
    end_box(writer, container);
    return count;
}

static void put_associations(struct writer *writer, unsigned tiles, unsigned properties) {
    size_t at = full_box(writer, "ipma", 0, 0);
    put(writer, 4, tiles + 1);
    for (unsigned i = 1; i <= tiles; i++) {
        put(writer, 2, i);
        put(writer, 3, 0x028102); /* two: hvcC (essential), ispe */
    }
    put(writer, 2, tiles + 1);
    put(writer, 1, properties - 2);
    for (unsigned i = 3; i <= properties; i++)
        put(writer, 1, i == 3 ? i : 0x80 | i);
    end_box(writer, at);
}

static void put_location(struct writer *writer, unsigned id, size_t offset, size_t size) {
    put(writer, 2, id);
    put(writer, 2, 0);
    put(writer, 2, 1);
    put(writer, 4, offset);
    put(writer, 4, size);
}

/* `data` is where the tiles' bytes begin in the file: tiles, grid, EXIF. */
static void put_meta(struct writer *writer, const struct picture *picture,
                     const struct heic_options *options, const struct tiles *tiles, size_t data) {
    unsigned count = tiles->columns * tiles->rows, grid = count + 1, exif = count + 2;
    bool has_exif = options->exif.len > 0;
    size_t meta = full_box(writer, "meta", 0, 0);
    size_t at = full_box(writer, "hdlr", 0, 0);
    put(writer, 4, 0);
    put_bytes(writer, "pict\0\0\0\0\0\0\0\0\0\0\0\0\0", 17);
    end_box(writer, at);
    at = full_box(writer, "pitm", 0, 0);
    put(writer, 2, grid);
    end_box(writer, at);
    at = full_box(writer, "iinf", 0, 0);
    put(writer, 2, count + (has_exif ? 2 : 1));
    for (unsigned i = 1; i <= count; i++)
        item_entry(writer, i, "hvc1", true);
    item_entry(writer, grid, "grid", false);
    if (has_exif)
        item_entry(writer, exif, "Exif", true);
    end_box(writer, at);
    at = full_box(writer, "iref", 0, 0);
    size_t reference = box(writer, "dimg");
    put(writer, 2, grid);
    put(writer, 2, count);
    for (unsigned i = 1; i <= count; i++)
        put(writer, 2, i);
    end_box(writer, reference);
    if (has_exif) {
        reference = box(writer, "cdsc");
        put(writer, 2, exif);
        put(writer, 2, 1);
        put(writer, 2, grid);
        end_box(writer, reference);
    }
    end_box(writer, at);
    at = box(writer, "iprp");
    unsigned properties = put_properties(writer, picture, options, tiles);
    put_associations(writer, count, properties);
    end_box(writer, at);
    at = full_box(writer, "iloc", 0, 0);
    put(writer, 2, 0x4400);
    put(writer, 2, count + (has_exif ? 2 : 1));
    for (unsigned i = 0; i < count; i++) {
        put_location(writer, i + 1, data, tiles->data[i].len);
        data += tiles->data[i].len;
    }
    put_location(writer, grid, data, 8);
    if (has_exif)
        put_location(writer, exif, data + 8, options->exif.len + 4);
    end_box(writer, at);
    end_box(writer, meta);
}

struct str heic_of(struct arena *arena, const struct picture *picture,
                   const struct heic_options *options) {
    struct tiles *tiles = arena_alloc(arena, sizeof *tiles);
    tiles->side = options->tile_side == 0 ? 512 : options->tile_side;
    tiles->columns = (picture->width + tiles->side - 1) / tiles->side;
    tiles->rows = (picture->height + tiles->side - 1) / tiles->side;
    uint8_t *mp4 = NULL;
    size_t size = encode_tiles(picture, options, tiles, &mp4);
    read_tiles(arena, mp4, size, tiles);
    av_free(mp4);

    struct writer *writer = arena_alloc(arena, sizeof *writer);
    size_t header = 0;
    /* Twice: the first time for the size, which the second one's offsets need. */
    for (int round = 0; round < 2; round++) {
        writer->size = 0;
        size_t at = box(writer, "ftyp");
        put_bytes(writer, options->is_deep ? "heix\0\0\0\0mif1heix" : "heic\0\0\0\0mif1heic", 16);
        end_box(writer, at);
        put_meta(writer, picture, options, tiles, header);
        size_t data = 8 + 8 + (options->exif.len > 0 ? options->exif.len + 4 : 0);
        for (unsigned i = 0; i < tiles->columns * tiles->rows; i++)
            data += tiles->data[i].len;
        put(writer, 4, data);
        put_bytes(writer, "mdat", 4);
        header = writer->size;
        size = header + data - 8;
    }
    char *file = arena_alloc(arena, size);
    memcpy(file, writer->bytes, header);
    char *end = file + header;
    for (unsigned i = 0; i < tiles->columns * tiles->rows; i++) {
        memcpy(end, tiles->data[i].ptr, tiles->data[i].len);
        end += tiles->data[i].len;
    }
    const uint8_t grid[8] = {0,
                             0,
                             (uint8_t)(tiles->rows - 1),
                             (uint8_t)(tiles->columns - 1),
                             (uint8_t)(picture->width >> 8),
                             (uint8_t)picture->width,
                             (uint8_t)(picture->height >> 8),
                             (uint8_t)picture->height};
    memcpy(end, grid, 8);
    if (options->exif.len > 0) {
        memset(end + 8, 0, 4); /* where in the block the TIFF structure begins */
        memcpy(end + 12, options->exif.ptr, options->exif.len);
    }
    return (struct str){file, size};
}
