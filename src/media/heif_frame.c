/*
 * A picture of libheif as a frame of libavutil, so that everything that pixels may mean is dealt
 * with in one place (unpack.c). No sample is copied.
 */
#include "media/heif.h"

#include <libavutil/pixdesc.h>
#include <stdio.h>

static void free_nclx(struct heif_color_profile_nclx **nclx) {
    heif_nclx_color_profile_free(*nclx);
}

void heif_set_colours(const struct heif *heif, AVFrame *frame) {
    struct heif_color_profile_nclx *nclx CLEANUP(free_nclx) = NULL;
    if (heif_image_handle_get_nclx_color_profile(heif->primary, &nclx).code == heif_error_Ok) {
        frame->colorspace = (enum AVColorSpace)nclx->matrix_coefficients;
        frame->color_range = nclx->full_range_flag != 0 ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
        frame->color_trc = (enum AVColorTransferCharacteristic)nclx->transfer_characteristics;
    }
    if (frame->colorspace == AVCOL_SPC_UNSPECIFIED)
        frame->colorspace = AVCOL_SPC_SMPTE170M;
    if (frame->color_range == AVCOL_RANGE_UNSPECIFIED)
        frame->color_range = AVCOL_RANGE_JPEG;
}

struct layout {
    const char *name; /* of the pixel format, without depth */
    unsigned planes;
    enum heif_channel channels[4]; /* in libavutil's order */
};

static const struct layout *layout_of(const struct heif_image *image, bool is_gbr) {
    static const struct layout grey = {"gray", 1, {heif_channel_Y}};
    static const struct layout rgb = {
        "gbr", 3, {heif_channel_G, heif_channel_B, heif_channel_R, heif_channel_Alpha}};
    static const struct layout gbr = {
        "gbr", 3, {heif_channel_Y, heif_channel_Cb, heif_channel_Cr, heif_channel_Alpha}};
    static const struct layout yuv[] = {
        {"yuv420", 3, {heif_channel_Y, heif_channel_Cb, heif_channel_Cr, heif_channel_Alpha}},
        {"yuv422", 3, {heif_channel_Y, heif_channel_Cb, heif_channel_Cr, heif_channel_Alpha}},
        {"yuv444", 3, {heif_channel_Y, heif_channel_Cb, heif_channel_Cr, heif_channel_Alpha}},
    };
    enum heif_chroma chroma = heif_image_get_chroma_format(image);
    switch (heif_image_get_colorspace(image)) {
    case heif_colorspace_monochrome:
        return &grey;
    case heif_colorspace_RGB:
        return chroma == heif_chroma_444 ? &rgb : NULL;
    case heif_colorspace_YCbCr:
        if (chroma < heif_chroma_420 || chroma > heif_chroma_444)
            return NULL;
        return is_gbr && chroma == heif_chroma_444 ? &gbr : &yuv[chroma - heif_chroma_420];
    default:
        return NULL;
    }
}

/* Of all channels; 0 when they differ. */
static int depth_of(const struct heif_image *image, const struct layout *layout, unsigned planes) {
    int depth = heif_image_get_bits_per_pixel_range(image, layout->channels[0]);
    for (unsigned i = 1; i < planes; i++) {
        if (heif_image_get_bits_per_pixel_range(image, layout->channels[i]) != depth)
            return 0;
    }
    return depth;
}

/* As a frame that looks into the image. False when there is no pixel format for it. */
/* What the library's decoder found in the coded picture. */
static void copy_colours(const struct heif_image *image, AVFrame *frame) {
    struct heif_color_profile_nclx *nclx CLEANUP(free_nclx) = NULL;
    if (heif_image_get_nclx_color_profile(image, &nclx).code != heif_error_Ok)
        return;
    frame->colorspace = (enum AVColorSpace)nclx->matrix_coefficients;
    frame->color_range = nclx->full_range_flag != 0 ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
    frame->color_trc = (enum AVColorTransferCharacteristic)nclx->transfer_characteristics;
}

bool heif_view(const struct heif *heif, const struct heif_image *image, AVFrame *frame) {
    copy_colours(image, frame);
    heif_set_colours(heif, frame);
    bool has_alpha = heif_image_has_channel(image, heif_channel_Alpha) != 0;
    const struct layout *layout = layout_of(image, frame->colorspace == AVCOL_SPC_RGB);
    if (layout == NULL || (has_alpha && layout->planes == 1))
        return false;
    unsigned planes = layout->planes + (has_alpha ? 1 : 0);
    int depth = depth_of(image, layout, planes);
    /* "yuv420p", "yuva420p10le", "gbrp", "gray12le". */
    char name[48], bits[16] = "";
    if (depth > 8)
        snprintf(bits, sizeof bits, "%dle", depth);
    snprintf(name, sizeof name, "%.3s%s%s%s%s", layout->name, has_alpha ? "a" : "",
             layout->name + 3, layout->planes == 3 ? "p" : "", bits);
    frame->format = depth < 8 ? AV_PIX_FMT_NONE : av_get_pix_fmt(name);
    if (frame->format == AV_PIX_FMT_NONE)
        return false;
    if (heif_image_get_colorspace(image) == heif_colorspace_RGB) {
        frame->colorspace = AVCOL_SPC_RGB;
        frame->color_range = AVCOL_RANGE_JPEG;
    }
    frame->width = heif_image_get_width(image, layout->channels[0]);
    frame->height = heif_image_get_height(image, layout->channels[0]);
    for (unsigned i = 0; i < planes; i++)
        frame->data[i] = (uint8_t *)(uintptr_t)heif_image_get_plane_readonly(
            image, layout->channels[i], &frame->linesize[i]);
    return true;
}
