/*
 * Plain loops for everything that is RGB or grey of 8 to 16 bits (exact, also where the library's
 * scaler would go by Y'CbCr) and for planar Y'CbCr, which stays what it is; the scaler for the
 * rest.
 */
#include "media/unpack.h"

#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <string.h>

static void free_scaler(struct SwsContext **scaler) {
    sws_freeContext(*scaler);
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

static bool is_high_dynamic(const AVFrame *frame) {
    return frame->color_trc == AVCOL_TRC_SMPTE2084 || frame->color_trc == AVCOL_TRC_ARIB_STD_B67;
}

/* Of the matrices that pixels may have; 0 for others. What is not said is what JPEG has. */
static uint8_t matrix_of(const AVFrame *frame) {
    switch (frame->colorspace) {
    case AVCOL_SPC_BT709:
        return 1;
    case AVCOL_SPC_UNSPECIFIED:
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M:
        return 6;
    case AVCOL_SPC_BT2020_NCL:
        return 9;
    default:
        return 0;
    }
}

/* Planar Y'CbCr without alpha: what the film's colours are computed from. */
static bool is_yuv(const AVFrame *frame, const AVPixFmtDescriptor *description) {
    const uint64_t odd = AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_BE;
    return (description->flags & odd) == 0 && (description->flags & AV_PIX_FMT_FLAG_PLANAR) != 0 &&
           description->nb_components == 3 && description->comp[0].depth >= 8 &&
           description->comp[0].depth <= 16 && description->comp[0].shift == 0 &&
           description->comp[1].plane == 1 && description->comp[2].plane == 2 &&
           description->log2_chroma_w <= 2 && description->log2_chroma_h <= 2 &&
           matrix_of(frame) != 0 && !is_high_dynamic(frame);
}

/* From `depth` bits to eight, with rounding. */
static unsigned narrow(unsigned value, unsigned depth, bool is_full) {
    unsigned max = (1u << depth) - 1;
    unsigned narrowed =
        is_full ? (value * 255 + max / 2) / max : (value + (1u << (depth - 9))) >> (depth - 8);
    return narrowed > 255 ? 255 : narrowed;
}

static void unpack_yuv_plane(const AVFrame *frame, const AVPixFmtDescriptor *description,
                             unsigned plane, struct pixels *pixels) {
    const unsigned depth = (unsigned)description->comp[plane].depth;
    unsigned width = pixels_plane_width(pixels, plane), height = pixels_plane_height(pixels, plane);
    bool is_full = is_full_range(frame);
    for (unsigned y = 0; y < height; y++) {
        const uint8_t *source = frame->data[plane] + (ptrdiff_t)y * frame->linesize[plane];
        uint8_t *row = pixels->planes[plane] + y * pixels->strides[plane];
        if (depth == 8 && row != source)
            memcpy(row, source, width);
        for (unsigned x = 0; x < width && depth > 8; x++)
            row[x] =
                (uint8_t)narrow(source[2 * x] | (unsigned)source[2 * x + 1] << 8, depth, is_full);
    }
}

static void unpack_yuv(const AVFrame *frame, const AVPixFmtDescriptor *description,
                       struct planes *planes, struct pixels *pixels) {
    pixels->layout = PIXELS_YUV;
    pixels->matrix = matrix_of(frame);
    pixels->full_range = is_full_range(frame);
    pixels->chroma_shift_x = description->log2_chroma_w;
    pixels->chroma_shift_y = description->log2_chroma_h;
    planes_need(planes, pixels, 3);
    for (unsigned i = 0; i < 3; i++)
        unpack_yuv_plane(frame, description, i, pixels);
}

/* Grey of video range, as pictures of Y'CbCr without the chroma have it. */
static void widen_grey(struct pixels *pixels) {
    uint8_t table[256];
    for (int i = 0; i < 256; i++) {
        int wide = ((i - 16) * 255 + 219 / 2) / 219;
        table[i] = (uint8_t)(i <= 16 ? 0 : wide > 255 ? 255 : wide);
    }
    for (unsigned y = 0; y < pixels->height; y++) {
        uint8_t *row = pixels->planes[0] + y * pixels->strides[0];
        for (unsigned x = 0; x < pixels->width; x++)
            row[x] = table[row[x]];
    }
}

/* Matrices that the scaler knows. */
static bool is_convertible(const AVFrame *frame) {
    return matrix_of(frame) != 0 || frame->colorspace == AVCOL_SPC_FCC ||
           frame->colorspace == AVCOL_SPC_SMPTE240M;
}

/* Everything else, such as Y'CbCr with alpha, and pictures of high dynamic range, which need more
 * than eight bits until they are tone-mapped. */
static bool convert(const AVFrame *frame, const AVPixFmtDescriptor *description,
                    struct planes *planes, struct pixels *pixels, struct error *err) {
    bool is_high = is_high_dynamic(frame);
    bool has_alpha = (description->flags & AV_PIX_FMT_FLAG_ALPHA) != 0 && !is_high;
    enum AVPixelFormat format = is_high     ? AV_PIX_FMT_GBRP16LE
                                : has_alpha ? AV_PIX_FMT_GBRAP
                                            : AV_PIX_FMT_GBRP;
    struct SwsContext *scaler CLEANUP(free_scaler) = NULL;
    if (sws_isSupportedInput(frame->format))
        scaler = sws_getContext(
            frame->width, frame->height, frame->format, frame->width, frame->height, format,
            SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP | SWS_BITEXACT,
            NULL, NULL, NULL);
    if (scaler == NULL)
        return error_set(err, ERROR_INVALID, NULL, "pixel format '%s' is not supported",
                         description->name);
    bool is_rgb = (description->flags & AV_PIX_FMT_FLAG_RGB) != 0;
    if (!is_rgb && !is_convertible(frame))
        return error_set(err, ERROR_INVALID, NULL, "colours of matrix %d are not supported",
                         frame->colorspace);
    const int *weights = sws_getCoefficients(frame->colorspace);
    sws_setColorspaceDetails(scaler, weights, is_full_range(frame), weights, 1, 0, 1 << 16,
                             1 << 16);
    pixels->layout = has_alpha ? PIXELS_RGBA : PIXELS_RGB;
    pixels->depth = is_high ? 16 : 8;
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

bool unpack_frame(const AVFrame *frame, struct planes *planes, struct pixels *ret,
                  struct error *err) {
    const AVPixFmtDescriptor *description = av_pix_fmt_desc_get(frame->format);
    if (description == NULL)
        return error_set(err, ERROR_INTERNAL, NULL, "unknown pixel format %d", frame->format);
    struct pixels pixels = {.width = (unsigned)frame->width,
                            .height = (unsigned)frame->height,
                            .depth = 8,
                            .scale_denominator = 1};
    if (frame->format == AV_PIX_FMT_PAL8)
        unpack_palette(frame, planes, &pixels);
    else if (frame->format == AV_PIX_FMT_MONOBLACK || frame->format == AV_PIX_FMT_MONOWHITE)
        unpack_bits(frame, planes, &pixels);
    else if (is_plain(description) && !is_high_dynamic(frame))
        unpack_plain(frame, description, planes, &pixels);
    else if (is_yuv(frame, description))
        unpack_yuv(frame, description, planes, &pixels);
    else if (!convert(frame, description, planes, &pixels, err))
        return false;
    if (pixels.layout == PIXELS_GREY && frame->color_range == AVCOL_RANGE_MPEG)
        widen_grey(&pixels);
    *ret = pixels;
    return true;
}
