/*
 * JPEG XL (ISO 18181) through libjxl, bare or in a container. Orientation stays out of the decoder
 * and is handed on. Pictures that are stored in the codec's own colours (XYB, what lossy ones are)
 * are asked for as sRGB, or as Display P3 where they may be more colourful than that; what is
 * stored in its original colours comes with that profile.
 */
#include "media/planes.h"
#include "media/readers.h"

#include <jxl/decode.h>
#include <string.h>

enum {
    DISPLAY_P3 = 12, /* ITU-T H.273 */
    PQ = 16,
    HLG = 18,
    EXIF_OFFSET_BYTES = 4, /* before the EXIF block: where in it the TIFF structure begins */
    BOX_STEP_BYTES = 16 * 1024,
    /* The decoder takes about 16 bytes a pixel, three times what others do. */
    MAX_PIXELS = 100 * 1000 * 1000,
};

struct jxl {
    JxlDecoder *decoder;
    JxlBasicInfo info;
    bool is_known, is_high_dynamic;
    struct image_colour colour;
    /* The Exif box, as far as it has come. */
    uint8_t *exif;
    size_t exif_size, exif_capacity;
    bool is_in_exif;
    struct pixels *pixels; /* where rows go; NULL: only facts are wanted */
};

static void close_jxl(struct jxl *jxl) {
    JxlDecoderDestroy(jxl->decoder);
}

static bool damaged(struct error *err) {
    return error_set(err, ERROR_INVALID, NULL, "truncated or damaged");
}

static bool open_jxl(struct str image, int events, struct jxl *jxl) {
    jxl->decoder = JxlDecoderCreate(NULL);
    if (jxl->decoder == NULL)
        die_out_of_memory();
    bool is_open =
        JxlDecoderSubscribeEvents(jxl->decoder, events) == JXL_DEC_SUCCESS &&
        JxlDecoderSetKeepOrientation(jxl->decoder, JXL_TRUE) == JXL_DEC_SUCCESS &&
        JxlDecoderSetDecompressBoxes(jxl->decoder, JXL_TRUE) == JXL_DEC_SUCCESS &&
        JxlDecoderSetInput(jxl->decoder, (const uint8_t *)image.ptr, image.len) == JXL_DEC_SUCCESS;
    JxlDecoderCloseInput(jxl->decoder);
    return is_open;
}

/* The numbers that are understood by themselves; other colours are told by a profile. */
static bool colour_of(const JxlColorEncoding *encoding, struct image_colour *ret) {
    *ret = (struct image_colour){.primaries = 1, .transfer = (uint8_t)encoding->transfer_function};
    bool is_known_curve = encoding->transfer_function == JXL_TRANSFER_FUNCTION_SRGB ||
                          encoding->transfer_function == JXL_TRANSFER_FUNCTION_PQ ||
                          encoding->transfer_function == JXL_TRANSFER_FUNCTION_HLG;
    if (encoding->white_point != JXL_WHITE_POINT_D65 || !is_known_curve)
        return false;
    if (encoding->color_space == JXL_COLOR_SPACE_GRAY)
        return encoding->transfer_function == JXL_TRANSFER_FUNCTION_SRGB;
    if (encoding->color_space != JXL_COLOR_SPACE_RGB)
        return false;
    if (encoding->primaries == JXL_PRIMARIES_P3)
        ret->primaries = DISPLAY_P3;
    else
        ret->primaries = (uint8_t)encoding->primaries;
    return encoding->primaries != JXL_PRIMARIES_CUSTOM;
}

static void read_profile(struct arena *arena, struct jxl *jxl) {
    size_t size = 0;
    if (JxlDecoderGetICCProfileSize(jxl->decoder, NULL, JXL_COLOR_PROFILE_TARGET_DATA, &size) !=
            JXL_DEC_SUCCESS ||
        size == 0 || size > CONTAINER_MAX_PROFILE_BYTES)
        return;
    uint8_t *profile = arena_alloc(arena, size);
    if (JxlDecoderGetColorAsICCProfile(jxl->decoder, NULL, JXL_COLOR_PROFILE_TARGET_DATA, profile,
                                       size) == JXL_DEC_SUCCESS)
        jxl->colour.profile = (struct str){(const char *)profile, size};
}

/* What the decoder shall make of a picture in its own colours. */
static void prefer_colours(struct jxl *jxl, const JxlColorEncoding *original) {
    JxlColorEncoding wanted = {
        .color_space =
            jxl->info.num_color_channels == 1 ? JXL_COLOR_SPACE_GRAY : JXL_COLOR_SPACE_RGB,
        .white_point = JXL_WHITE_POINT_D65,
        .primaries = JXL_PRIMARIES_P3,
        .transfer_function = JXL_TRANSFER_FUNCTION_SRGB,
        .rendering_intent = JXL_RENDERING_INTENT_RELATIVE,
    };
    if (original != NULL && original->color_space == JXL_COLOR_SPACE_RGB &&
        original->primaries == JXL_PRIMARIES_SRGB)
        wanted.primaries = JXL_PRIMARIES_SRGB;
    /* A preference only: what comes of it is asked for afterwards. */
    (void)JxlDecoderSetPreferredColorProfile(jxl->decoder, &wanted);
}

static void read_colours(struct arena *arena, struct jxl *jxl) {
    JxlColorEncoding encoding;
    bool has_numbers =
        JxlDecoderGetColorAsEncodedProfile(jxl->decoder, NULL, JXL_COLOR_PROFILE_TARGET_ORIGINAL,
                                           &encoding) == JXL_DEC_SUCCESS;
    jxl->is_high_dynamic = has_numbers && jxl->info.num_color_channels == 3 &&
                           (encoding.transfer_function == JXL_TRANSFER_FUNCTION_PQ ||
                            encoding.transfer_function == JXL_TRANSFER_FUNCTION_HLG);
    if (!jxl->info.uses_original_profile && !jxl->is_high_dynamic)
        prefer_colours(jxl, has_numbers ? &encoding : NULL);
    bool is_known =
        JxlDecoderGetColorAsEncodedProfile(jxl->decoder, NULL, JXL_COLOR_PROFILE_TARGET_DATA,
                                           &encoding) == JXL_DEC_SUCCESS &&
        colour_of(&encoding, &jxl->colour);
    if (!is_known) {
        jxl->colour = (struct image_colour){.primaries = 0};
        read_profile(arena, jxl);
    }
    jxl->is_high_dynamic = jxl->is_high_dynamic && is_known;
    jxl->is_known = true;
}

/* Gives the decoder room for more of the Exif box. */
static bool take_exif(struct arena *arena, struct jxl *jxl) {
    jxl->exif_size = jxl->exif_capacity - JxlDecoderReleaseBoxBuffer(jxl->decoder);
    if (jxl->exif_size + BOX_STEP_BYTES > CONTAINER_MAX_EXIF_BYTES)
        return false;
    if (jxl->exif_size + BOX_STEP_BYTES > jxl->exif_capacity) {
        size_t capacity = 2 * jxl->exif_capacity + BOX_STEP_BYTES;
        uint8_t *larger = arena_alloc(arena, capacity);
        if (jxl->exif_size > 0)
            memcpy(larger, jxl->exif, jxl->exif_size);
        jxl->exif = larger;
        jxl->exif_capacity = capacity;
    }
    return JxlDecoderSetBoxBuffer(jxl->decoder, jxl->exif + jxl->exif_size,
                                  jxl->exif_capacity - jxl->exif_size) == JXL_DEC_SUCCESS;
}

static void end_exif(struct jxl *jxl) {
    if (jxl->is_in_exif)
        jxl->exif_size = jxl->exif_capacity - JxlDecoderReleaseBoxBuffer(jxl->decoder);
    jxl->is_in_exif = false;
}

static bool start_box(struct arena *arena, struct jxl *jxl) {
    JxlBoxType type;
    end_exif(jxl);
    if (JxlDecoderGetBoxType(jxl->decoder, type, JXL_TRUE) != JXL_DEC_SUCCESS)
        return false;
    if (memcmp(type, "Exif", 4) != 0 || jxl->exif_size > 0)
        return true;
    jxl->is_in_exif = true;
    return take_exif(arena, jxl);
}

static void put_row(void *context, size_t x, size_t y, size_t count, const void *samples) {
    struct pixels *pixels = context;
    unsigned channels = pixels->layout == PIXELS_GREY ? 1 : pixels->layout == PIXELS_RGBA ? 4 : 3;
    size_t bytes = pixels->depth / 8;
    /* The decoder's own sizes are the header's; this is about damaged files in a faulty library. */
    if (y >= pixels->height || x > pixels->width || count > pixels->width - x)
        return;
    for (unsigned c = 0; c < channels; c++) {
        uint8_t *target = pixels->planes[c] + y * pixels->strides[c] + x * bytes;
        const uint8_t *source = (const uint8_t *)samples + c * bytes;
        for (size_t i = 0; i < count; i++)
            memcpy(target + i * bytes, source + i * channels * bytes, bytes);
    }
}

static bool start_picture(const struct reading *reading, struct jxl *jxl, struct error *err) {
    struct pixels *pixels = jxl->pixels;
    bool has_alpha = jxl->info.alpha_bits > 0 && !jxl->is_high_dynamic;
    bool is_grey = jxl->info.num_color_channels == 1 && !has_alpha;
    unsigned channels = is_grey ? 1 : has_alpha ? 4 : 3;
    if (!jxl->is_known || jxl->info.xsize != reading->header->width ||
        jxl->info.ysize != reading->header->height)
        return error_set(err, ERROR_INVALID, NULL, "damaged: it has two sizes");
    *pixels = (struct pixels){
        .layout = is_grey     ? PIXELS_GREY
                  : has_alpha ? PIXELS_RGBA
                              : PIXELS_RGB,
        .depth = jxl->is_high_dynamic ? 16 : 8,
        .width = jxl->info.xsize,
        .height = jxl->info.ysize,
        .premultiplied = has_alpha && jxl->info.alpha_premultiplied,
        .scale_denominator = 1,
    };
    planes_need(reading->planes, pixels, channels);
    const JxlPixelFormat format = {
        channels, jxl->is_high_dynamic ? JXL_TYPE_UINT16 : JXL_TYPE_UINT8, JXL_NATIVE_ENDIAN, 0};
    return JxlDecoderSetImageOutCallback(jxl->decoder, &format, put_row, pixels) ==
               JXL_DEC_SUCCESS ||
           damaged(err);
}

/* Inks are an extra channel beside three that are called colours. */
static bool has_black_ink(const struct jxl *jxl) {
    for (size_t i = 0; i < jxl->info.num_extra_channels; i++) {
        JxlExtraChannelInfo channel;
        if (JxlDecoderGetExtraChannelInfo(jxl->decoder, i, &channel) == JXL_DEC_SUCCESS &&
            channel.type == JXL_CHANNEL_BLACK)
            return true;
    }
    return false;
}

static bool read_info(struct jxl *jxl, struct error *err) {
    if (JxlDecoderGetBasicInfo(jxl->decoder, &jxl->info) != JXL_DEC_SUCCESS)
        return damaged(err);
    if ((uint64_t)jxl->info.xsize * jxl->info.ysize > MAX_PIXELS)
        return error_set(
            err, ERROR_LIMIT, NULL, "%ux%u is over the limit of %d megapixels of JPEG XL",
            (unsigned)jxl->info.xsize, (unsigned)jxl->info.ysize, MAX_PIXELS / 1000000);
    if (has_black_ink(jxl))
        return error_set(err, ERROR_INVALID, NULL, "JPEG XL with inks (CMYK) is not supported");
    return true;
}

/* Facts are whole once the file's boxes are walked, a picture once all of it has come. */
static bool run(const struct reading *reading, struct arena *arena, struct jxl *jxl,
                struct error *err) {
    for (;;) {
        switch (JxlDecoderProcessInput(jxl->decoder)) {
        case JXL_DEC_BASIC_INFO:
            if (!read_info(jxl, err))
                return false;
            break;
        case JXL_DEC_COLOR_ENCODING:
            read_colours(arena, jxl);
            break;
        case JXL_DEC_BOX:
            if (!start_box(arena, jxl))
                return damaged(err);
            break;
        case JXL_DEC_BOX_NEED_MORE_OUTPUT:
            if (!take_exif(arena, jxl))
                return error_set(err, ERROR_LIMIT, NULL, "its EXIF is over the limit of 4 MiB");
            break;
        case JXL_DEC_NEED_IMAGE_OUT_BUFFER:
            if (jxl->pixels == NULL || !start_picture(reading, jxl, err))
                return jxl->pixels != NULL ? false : damaged(err);
            break;
        case JXL_DEC_FULL_IMAGE:
            return true;
        case JXL_DEC_SUCCESS:
            end_exif(jxl);
            return (jxl->pixels == NULL && jxl->is_known) || damaged(err);
        default:
            return damaged(err);
        }
    }
}

bool jxl_read_facts(struct arena *arena, struct str image, struct image_facts *ret,
                    struct error *err) {
    struct jxl jxl CLEANUP(close_jxl) = {.decoder = NULL};
    if (!open_jxl(image, JXL_DEC_BASIC_INFO | JXL_DEC_COLOR_ENCODING | JXL_DEC_BOX, &jxl))
        return damaged(err);
    if (!run(NULL, arena, &jxl, err))
        return false;
    *ret = (struct image_facts){
        .width = jxl.info.xsize,
        .height = jxl.info.ysize,
        .turned = (unsigned)jxl.info.orientation,
        .colour = jxl.colour,
        .premultiplied = jxl.info.alpha_bits > 0 && jxl.info.alpha_premultiplied,
    };
    if (jxl.exif_size > EXIF_OFFSET_BYTES) {
        size_t offset = (size_t)jxl.exif[0] << 24 | (size_t)jxl.exif[1] << 16 |
                        (size_t)jxl.exif[2] << 8 | jxl.exif[3];
        size_t size = jxl.exif_size - EXIF_OFFSET_BYTES;
        if (offset < size)
            ret->exif =
                (struct str){(const char *)jxl.exif + EXIF_OFFSET_BYTES + offset, size - offset};
    }
    if (jxl.info.have_animation)
        ret->warning = "only the first picture of the animation is used";
    return true;
}

bool jxl_decode(const struct reading *reading, struct pixels *ret, struct error *err) {
    struct pixels pixels;
    struct jxl jxl CLEANUP(close_jxl) = {.decoder = NULL, .pixels = &pixels};
    if (!open_jxl(reading->image, JXL_DEC_BASIC_INFO | JXL_DEC_COLOR_ENCODING | JXL_DEC_FULL_IMAGE,
                  &jxl))
        return damaged(err);
    if (!run(reading, reading->arena, &jxl, err))
        return false;
    *ret = pixels;
    return true;
}
