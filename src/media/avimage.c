/*
 * One packet in, one frame out, then the frame's samples into planes: by plain loops for everything
 * that is RGB or grey of 8 to 16 bits (exact, also where the library's scaler would go by Y'CbCr),
 * by the scaler for the rest.
 */
#include "media/avimage.h"

#include "media/media.h"

#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <string.h>

static void free_codec(AVCodecContext **codec) {
    avcodec_free_context(codec);
}

static void free_packet(AVPacket **packet) {
    av_packet_free(packet);
}

static void free_frame(AVFrame **frame) {
    av_frame_free(frame);
}

static void free_scaler(struct SwsContext **scaler) {
    sws_freeContext(*scaler);
}

static bool refuse(enum image_format format, struct error *err, int code) {
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    if (code == AVERROR(ENOMEM))
        return error_set(err, ERROR_LIMIT, NULL, "too large for the memory");
    if (code == AVERROR_PATCHWELCOME || code == AVERROR(ENOSYS))
        return error_set(err, ERROR_INVALID, NULL, "uses a rare variant that is not supported");
    av_strerror(code, text, sizeof text);
    /* TIFF has more variants than the library reads, and it does not tell which is the case. */
    return error_set(err, ERROR_INVALID, NULL, "truncated or damaged%s: '%s'",
                     format == IMAGE_TIFF ? ", or a variant that is not supported" : "", text);
}

/* Called once the header is read. What a decoder leaves unwritten in a damaged file shall be black,
 * not somebody's old memory. From here on every error counts; before, TIFF's decoder would also
 * stumble over tags that it does not know, orientation among them. */
static int get_first_buffer(AVCodecContext *codec, AVFrame *frame, int flags) {
    codec->err_recognition |= AV_EF_EXPLODE;
    int result = avcodec_default_get_buffer2(codec, frame, flags);
    for (int i = 0; result >= 0 && i < AV_NUM_DATA_POINTERS && frame->buf[i] != NULL; i++)
        memset(frame->buf[i]->data, 0, frame->buf[i]->size);
    return result;
}

static bool open_codec(enum image_format format, AVCodecContext **ret, struct error *err) {
    static const enum AVCodecID ids[] = {[IMAGE_PNG] = AV_CODEC_ID_PNG,
                                         [IMAGE_WEBP] = AV_CODEC_ID_WEBP,
                                         [IMAGE_TIFF] = AV_CODEC_ID_TIFF};
    const AVCodec *decoder = avcodec_find_decoder(ids[format]);
    if (decoder == NULL)
        return error_set(err, ERROR_INTERNAL, NULL, "the media library cannot decode %s",
                         image_format_name(format));
    AVCodecContext *codec = avcodec_alloc_context3(decoder);
    if (codec == NULL)
        die_out_of_memory();
    codec->thread_count = 1;
    codec->max_pixels = MEDIA_MAX_PIXELS;
    codec->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER;
    if (format != IMAGE_TIFF)
        codec->err_recognition |= AV_EF_EXPLODE;
    codec->get_buffer2 = get_first_buffer;
    int result = avcodec_open2(codec, decoder, NULL);
    if (result < 0) {
        avcodec_free_context(&codec);
        return refuse(format, err, result);
    }
    *ret = codec;
    return true;
}

static bool decode_frame(struct str image, const struct image_header *header, AVFrame *frame,
                         struct error *err) {
    AVCodecContext *codec CLEANUP(free_codec) = NULL;
    AVPacket *packet CLEANUP(free_packet) = av_packet_alloc();
    if (packet == NULL)
        die_out_of_memory();
    if (!open_codec(header->format, &codec, err))
        return false;
    if (image.len > INT32_MAX - AV_INPUT_BUFFER_PADDING_SIZE)
        return error_set(err, ERROR_LIMIT, NULL, "is larger than 2 GiB");
    /* The decoder reads a little behind the end: the copy has room there. */
    if (av_new_packet(packet, (int)image.len) < 0)
        die_out_of_memory();
    memcpy(packet->data, image.ptr, image.len);
    int result = avcodec_send_packet(codec, packet);
    if (result >= 0)
        result = avcodec_receive_frame(codec, frame);
    if (result < 0)
        return refuse(header->format, err,
                      result == AVERROR(EAGAIN) ? AVERROR_INVALIDDATA : result);
    if ((unsigned)frame->width != header->width || (unsigned)frame->height != header->height)
        return error_set(err, ERROR_INVALID, NULL, "damaged: it has two sizes");
    return true;
}

/* One component of any depth up to 16, to 8 bits with rounding. */
static void unpack_component(const AVFrame *frame, const AVPixFmtDescriptor *description,
                             int component, uint8_t *target, size_t stride) {
    const AVComponentDescriptor *from = &description->comp[component];
    const bool big_endian = (description->flags & AV_PIX_FMT_FLAG_BE) != 0;
    const uint32_t max = (1u << from->depth) - 1;
    const size_t step = (size_t)from->step, width = (size_t)frame->width;
    for (int y = 0; y < frame->height; y++) {
        const uint8_t *source =
            frame->data[from->plane] + (ptrdiff_t)y * frame->linesize[from->plane] + from->offset;
        uint8_t *row = target + (size_t)y * stride;
        if (from->depth == 8) {
            for (size_t x = 0; x < width; x++)
                row[x] = source[x * step];
            continue;
        }
        const size_t high = big_endian ? 0 : 1, low = 1 - high;
        for (size_t x = 0; x < width; x++) {
            uint32_t value = (uint32_t)source[x * step + high] << 8 | source[x * step + low];
            value = value >> from->shift & max;
            row[x] = (uint8_t)((value * 255 + max / 2) / max);
        }
    }
}

static bool is_plain(const AVPixFmtDescriptor *description) {
    const uint64_t odd = AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_HWACCEL |
                         AV_PIX_FMT_FLAG_FLOAT | AV_PIX_FMT_FLAG_BAYER;
    bool is_rgb = (description->flags & AV_PIX_FMT_FLAG_RGB) != 0;
    if ((description->flags & odd) != 0 || (!is_rgb && description->nb_components > 2))
        return false;
    for (int i = 0; i < description->nb_components; i++) {
        const AVComponentDescriptor *component = &description->comp[i];
        bool fills_bytes = component->depth == 8 && component->shift == 0;
        if (!fills_bytes && (component->depth <= 8 || component->depth > 16))
            return false;
    }
    return true;
}

static void unpack_plain(const AVFrame *frame, const AVPixFmtDescriptor *description,
                         struct planes *planes, struct pixels *pixels) {
    int count = description->nb_components;
    bool has_alpha = count == 2 || count == 4;
    pixels->layout = has_alpha ? PIXELS_RGBA : count == 1 ? PIXELS_GREY : PIXELS_RGB;
    planes_need(planes, pixels, has_alpha ? 4 : (unsigned)count);
    /* Grey with alpha becomes RGB with alpha: the background may have a colour. */
    static const int grey_alpha[4] = {0, 0, 0, 1};
    for (int i = 0; i < (has_alpha ? 4 : count); i++)
        unpack_component(frame, description, count == 2 ? grey_alpha[i] : i, pixels->planes[i],
                         pixels->strides[i]);
}

/* One byte a pixel, and a table of 256 colours (native-endian ARGB). */
static void unpack_palette(const AVFrame *frame, struct planes *planes, struct pixels *pixels) {
    static const int shifts[4] = {16, 8, 0, 24};
    uint8_t tables[4][256];
    bool has_alpha = false;
    for (size_t i = 0; i < 256; i++) {
        uint32_t colour;
        memcpy(&colour, frame->data[1] + 4 * i, sizeof colour);
        has_alpha = has_alpha || colour >> 24 != 255;
        for (int c = 0; c < 4; c++)
            tables[c][i] = (uint8_t)(colour >> shifts[c]);
    }
    pixels->layout = has_alpha ? PIXELS_RGBA : PIXELS_RGB;
    unsigned count = has_alpha ? 4 : 3;
    planes_need(planes, pixels, count);
    for (unsigned c = 0; c < count; c++) {
        for (unsigned y = 0; y < pixels->height; y++) {
            const uint8_t *source = frame->data[0] + (ptrdiff_t)y * frame->linesize[0];
            uint8_t *row = pixels->planes[c] + y * pixels->strides[c];
            for (unsigned x = 0; x < pixels->width; x++)
                row[x] = tables[c][source[x]];
        }
    }
}

/* One bit a pixel. */
static void unpack_bits(const AVFrame *frame, struct planes *planes, struct pixels *pixels) {
    uint8_t one = frame->format == AV_PIX_FMT_MONOBLACK ? 255 : 0;
    pixels->layout = PIXELS_GREY;
    planes_need(planes, pixels, 1);
    for (unsigned y = 0; y < pixels->height; y++) {
        const uint8_t *source = frame->data[0] + (ptrdiff_t)y * frame->linesize[0];
        uint8_t *row = pixels->planes[0] + y * pixels->strides[0];
        for (unsigned x = 0; x < pixels->width; x++)
            row[x] = (source[x / 8] >> (7 - x % 8) & 1) != 0 ? one : 255 - one;
    }
}

static bool is_full_range(const AVFrame *frame) {
    switch (frame->format) {
    case AV_PIX_FMT_YUVJ420P:
    case AV_PIX_FMT_YUVJ422P:
    case AV_PIX_FMT_YUVJ444P:
    case AV_PIX_FMT_YUVJ440P:
    case AV_PIX_FMT_YUVJ411P:
        return true;
    default:
        return frame->color_range == AVCOL_RANGE_JPEG;
    }
}

/* Planar 8-bit Y'CbCr of BT.601 without alpha: what the film's colours are computed from. */
static bool is_yuv(const AVFrame *frame, const AVPixFmtDescriptor *description) {
    return (description->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_HWACCEL)) == 0 &&
           (description->flags & AV_PIX_FMT_FLAG_PLANAR) != 0 && description->nb_components == 3 &&
           description->comp[0].depth == 8 && description->comp[1].plane == 1 &&
           description->comp[2].plane == 2 && description->log2_chroma_w <= 2 &&
           description->log2_chroma_h <= 2 && frame->colorspace != AVCOL_SPC_BT709 &&
           frame->colorspace != AVCOL_SPC_BT2020_NCL;
}

/* Limited range is widened. */
static void fill_range_table(bool is_chroma, bool is_full, uint8_t ret[256]) {
    for (int i = 0; i < 256; i++) {
        int value = is_chroma ? ((i - 128) * 2 * 255 + 224) : (i - 16) * 2 * 255 + 219;
        int divisor = is_chroma ? 2 * 224 : 2 * 219;
        /* Rounds down also below zero. */
        int wide = (value + 1024 * divisor) / divisor - 1024 + (is_chroma ? 128 : 0);
        if (is_full)
            wide = i;
        ret[i] = (uint8_t)(wide < 0 ? 0 : wide > 255 ? 255 : wide);
    }
}

static void unpack_yuv(const AVFrame *frame, const AVPixFmtDescriptor *description,
                       struct planes *planes, struct pixels *pixels) {
    pixels->layout = PIXELS_YUV;
    pixels->matrix = 6;
    pixels->full_range = true;
    pixels->chroma_shift_x = description->log2_chroma_w;
    pixels->chroma_shift_y = description->log2_chroma_h;
    planes_need(planes, pixels, 3);
    for (unsigned i = 0; i < 3; i++) {
        uint8_t table[256];
        fill_range_table(i > 0, is_full_range(frame), table);
        unsigned width = pixels_plane_width(pixels, i), height = pixels_plane_height(pixels, i);
        for (unsigned y = 0; y < height; y++) {
            const uint8_t *source = frame->data[i] + (ptrdiff_t)y * frame->linesize[i];
            uint8_t *row = pixels->planes[i] + y * pixels->strides[i];
            for (unsigned x = 0; x < width; x++)
                row[x] = table[source[x]];
        }
    }
}

/* Everything else, such as Y'CbCr with alpha. */
static bool convert(const AVFrame *frame, const AVPixFmtDescriptor *description,
                    struct planes *planes, struct pixels *pixels, struct error *err) {
    bool has_alpha = (description->flags & AV_PIX_FMT_FLAG_ALPHA) != 0;
    enum AVPixelFormat format = has_alpha ? AV_PIX_FMT_GBRAP : AV_PIX_FMT_GBRP;
    struct SwsContext *scaler CLEANUP(free_scaler) = NULL;
    if (sws_isSupportedInput(frame->format))
        scaler = sws_getContext(
            frame->width, frame->height, frame->format, frame->width, frame->height, format,
            SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP | SWS_BITEXACT,
            NULL, NULL, NULL);
    if (scaler == NULL)
        return error_set(err, ERROR_INVALID, NULL, "pixel format '%s' is not supported",
                         description->name);
    const int *weights =
        sws_getCoefficients(frame->colorspace == AVCOL_SPC_BT709 ? SWS_CS_ITU709 : SWS_CS_ITU601);
    sws_setColorspaceDetails(scaler, weights, is_full_range(frame), weights, 1, 0, 1 << 16,
                             1 << 16);
    pixels->layout = has_alpha ? PIXELS_RGBA : PIXELS_RGB;
    planes_need(planes, pixels, has_alpha ? 4 : 3);
    /* The scaler's order is G, B, R, A. */
    uint8_t *targets[4] = {pixels->planes[1], pixels->planes[2], pixels->planes[0],
                           pixels->planes[3]};
    int strides[4] = {(int)pixels->strides[1], (int)pixels->strides[2], (int)pixels->strides[0],
                      (int)pixels->strides[3]};
    if (sws_scale(scaler, (const uint8_t *const *)frame->data, frame->linesize, 0, frame->height,
                  targets, strides) != frame->height)
        return error_set(err, ERROR_INTERNAL, NULL, "pixel format '%s' could not be converted",
                         description->name);
    return true;
}

bool avimage_decode(struct str image, const struct image_header *header, struct planes *planes,
                    struct pixels *ret, struct error *err) {
    AVFrame *frame CLEANUP(free_frame) = av_frame_alloc();
    if (frame == NULL)
        die_out_of_memory();
    if (!decode_frame(image, header, frame, err))
        return false;
    const AVPixFmtDescriptor *description = av_pix_fmt_desc_get(frame->format);
    if (description == NULL)
        return error_set(err, ERROR_INTERNAL, NULL, "unknown pixel format %d", frame->format);
    struct pixels pixels = {.width = header->width,
                            .height = header->height,
                            .depth = 8,
                            .premultiplied = header->premultiplied,
                            .scale_denominator = 1};
    if (frame->format == AV_PIX_FMT_PAL8)
        unpack_palette(frame, planes, &pixels);
    else if (frame->format == AV_PIX_FMT_MONOBLACK || frame->format == AV_PIX_FMT_MONOWHITE)
        unpack_bits(frame, planes, &pixels);
    else if (is_plain(description))
        unpack_plain(frame, description, planes, &pixels);
    else if (is_yuv(frame, description))
        unpack_yuv(frame, description, planes, &pixels);
    else if (!convert(frame, description, planes, &pixels, err))
        return false;
    *ret = pixels;
    return true;
}
