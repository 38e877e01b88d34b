/*
 * HEIC and AVIF through libheif. Of phones' grids each tile is decoded by itself, as Y'CbCr, into
 * its place (see heif_items.h); everything else is one call. Rotation and mirroring are handed on
 * as an orientation, which costs nothing later; the orientation in EXIF means nothing in these
 * files.
 *
 * Only the primary picture counts: gain maps, depth and thumbnails are other items, and of a
 * sequence or a Live Photo the primary picture is the still.
 */
#include "media/heif.h"

#include "media/unpack.h"

enum {
    HEIF_MAX_SIDE = 65535,
    EXIF_OFFSET_BYTES = 4, /* before the EXIF block: where in it the TIFF structure begins */
};

static void heif_clear(struct heif *heif) {
    heif_image_handle_release(heif->primary);
    heif_decoding_options_free(heif->options);
    heif_context_free(heif->context);
}

static void release_image(struct heif_image **image) {
    heif_image_release(*image);
}

static void free_nclx(struct heif_color_profile_nclx **nclx) {
    heif_nclx_color_profile_free(*nclx);
}

static void free_frame(AVFrame **frame) {
    av_frame_free(frame);
}

static bool refuse(struct heif_error error, struct error *err) {
    if (error.code == heif_error_Memory_allocation_error ||
        error.subcode == heif_suberror_Security_limit_exceeded)
        return error_set(err, ERROR_LIMIT, NULL, "over the limits of the library: '%s'",
                         error.message);
    if (error.subcode == heif_suberror_No_meta_box || error.subcode == heif_suberror_No_pitm_box)
        return error_set(err, ERROR_INVALID, NULL, "there is no still picture in it");
    if (error.code == heif_error_Unsupported_feature ||
        error.code == heif_error_Unsupported_filetype)
        return error_set(err, ERROR_INVALID, NULL, "uses a variant that is not supported: '%s'",
                         error.message);
    return error_set(err, ERROR_INVALID, NULL, "truncated or damaged: '%s'", error.message);
}

static bool open_heif(struct str image, struct heif *heif, struct error *err) {
    if (!heif_items_are_sound(image))
        return error_set(err, ERROR_INVALID, NULL,
                         "damaged: its boxes do not fit, or its pictures are made of themselves");
    heif->context = heif_context_alloc();
    heif->options = heif_decoding_options_alloc();
    if (heif->context == NULL || heif->options == NULL)
        die_out_of_memory();
    heif_context_set_maximum_image_size_limit(heif->context, HEIF_MAX_SIDE);
    heif_context_set_max_decoding_threads(heif->context, 0); /* the calling one alone */
    struct heif_error error =
        heif_context_read_from_memory_without_copy(heif->context, image.ptr, image.len, NULL);
    if (error.code == heif_error_Ok)
        error = heif_context_get_primary_image_handle(heif->context, &heif->primary);
    if (error.code != heif_error_Ok)
        return refuse(error, err);
    if (!heif_items_read(image, &heif->items))
        return error_set(err, ERROR_INVALID, NULL, "damaged: its picture has no size");
    heif->turns_itself = heif->items.is_cropped;
    heif->options->ignore_transformations = !heif->turns_itself;
    heif->options->strict_decoding = 1;
    return true;
}

/* What files without colour numbers mean is sRGB. */
static struct image_colour read_colour(struct arena *arena, const struct heif *heif) {
    struct image_colour colour = {0};
    struct heif_color_profile_nclx *nclx CLEANUP(free_nclx) = NULL;
    if (heif_image_handle_get_nclx_color_profile(heif->primary, &nclx).code == heif_error_Ok) {
        colour.primaries = (uint8_t)nclx->color_primaries;
        colour.transfer = (uint8_t)nclx->transfer_characteristics;
    }
    size_t size = heif_image_handle_get_raw_color_profile_size(heif->primary);
    if (size > 0 && size <= CONTAINER_MAX_PROFILE_BYTES) {
        char *profile = arena_alloc(arena, size);
        if (heif_image_handle_get_raw_color_profile(heif->primary, profile).code == heif_error_Ok)
            colour.profile = (struct str){profile, size};
    }
    return colour;
}

static struct str read_exif(struct arena *arena, const struct heif *heif) {
    const struct str none = {NULL, 0};
    heif_item_id id;
    if (heif_image_handle_get_list_of_metadata_block_IDs(heif->primary, "Exif", &id, 1) != 1)
        return none;
    size_t size = heif_image_handle_get_metadata_size(heif->primary, id);
    if (size <= EXIF_OFFSET_BYTES || size > CONTAINER_MAX_EXIF_BYTES)
        return none;
    uint8_t *block = arena_alloc(arena, size);
    if (heif_image_handle_get_metadata(heif->primary, id, block).code != heif_error_Ok)
        return none;
    size_t offset =
        (size_t)block[0] << 24 | (size_t)block[1] << 16 | (size_t)block[2] << 8 | block[3];
    size -= EXIF_OFFSET_BYTES;
    if (offset >= size)
        return none;
    return (struct str){(const char *)block + EXIF_OFFSET_BYTES + offset, size - offset};
}

bool heif_read_facts(struct arena *arena, struct str image, struct image_facts *ret,
                     struct error *err) {
    struct heif heif CLEANUP(heif_clear) = {0};
    if (!open_heif(image, &heif, err))
        return false;
    *ret = (struct image_facts){
        .width = heif.items.width,
        .height = heif.items.height,
        .turned = heif.items.orientation,
        .exif = read_exif(arena, &heif),
        .colour = read_colour(arena, &heif),
        .premultiplied = heif_image_handle_is_premultiplied_alpha(heif.primary) != 0,
    };
    if (heif.turns_itself) {
        ret->width = (uint32_t)heif_image_handle_get_width(heif.primary);
        ret->height = (uint32_t)heif_image_handle_get_height(heif.primary);
        ret->turned = 1;
    }
    return true;
}

static bool decode(const struct heif *heif, bool to_rgb, struct heif_image **ret,
                   struct error *err) {
    struct heif_error error = heif_decode_image(
        heif->primary, ret, to_rgb ? heif_colorspace_RGB : heif_colorspace_undefined,
        to_rgb ? heif_chroma_444 : heif_chroma_undefined, heif->options);
    return error.code == heif_error_Ok || refuse(error, err);
}

static bool decode_by_library(const struct heif *heif, const struct reading *reading,
                              struct pixels *ret, struct error *err) {
    struct heif_image *image CLEANUP(release_image) = NULL;
    struct heif_image *converted CLEANUP(release_image) = NULL;
    AVFrame *frame CLEANUP(free_frame) = av_frame_alloc();
    if (frame == NULL)
        die_out_of_memory();
    if (!heif_check_pictures(heif, reading, err) || !decode(heif, false, &image, err))
        return false;
    if (!heif_view(heif, image, frame)) {
        if (!decode(heif, true, &converted, err))
            return false;
        if (!heif_view(heif, converted, frame))
            return error_set(err, ERROR_INVALID, NULL, "uses a rare variant that is not supported");
    }
    if ((unsigned)frame->width != reading->header->width ||
        (unsigned)frame->height != reading->header->height)
        return error_set(err, ERROR_INVALID, NULL, "damaged: it has two sizes");
    return unpack_frame(frame, reading->planes, ret, err);
}

bool heif_decode(const struct reading *reading, struct pixels *ret, struct error *err) {
    struct heif heif CLEANUP(heif_clear) = {0};
    if (!open_heif(reading->image, &heif, err))
        return false;
    bool is_decoded = heif_is_plain(&heif) ? heif_decode_pictures(&heif, reading, ret, err)
                                           : decode_by_library(&heif, reading, ret, err);
    if (!is_decoded)
        return false;
    ret->premultiplied = reading->header->premultiplied;
    return true;
}
