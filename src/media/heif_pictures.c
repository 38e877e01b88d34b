/*
 * Coded pictures through libavcodec, whose decoder of HEVC takes about half of the time of the one
 * that libheif brings: the tiles of a grid (512x512, say, as phones store their photos) one after
 * the other by one decoder, each copied into its place in one frame, in the form in which they
 * come. A picture without a grid is a single tile.
 */
#include "media/heif.h"

#include "media/media.h"
#include "media/unpack.h"

#include <libavcodec/avcodec.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <string.h>

enum {
    PLANE_ALIGNMENT = 64,
    EDGE = 256, /* blocks of 64, and frames of AV1 that are coded larger */
};

struct grid {
    const struct heif *heif;
    const struct reading *reading;
    struct heif_picture first;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *tile;
    AVFrame *whole; /* without data until the first tile is there */
};

static void grid_clear(struct grid *grid) {
    avcodec_free_context(&grid->codec);
    av_packet_free(&grid->packet);
    av_frame_free(&grid->tile);
    av_frame_free(&grid->whole);
}

static bool damaged(struct error *err) {
    return error_set(err, ERROR_INVALID, NULL, "truncated or damaged");
}

static uint32_t tiles_along(uint32_t whole, uint32_t tile) {
    return (whole + tile - 1) / tile;
}

bool heif_is_plain(const struct heif *heif) {
    const struct heif_items *items = &heif->items;
    struct heif_picture picture;
    if (heif->turns_itself || items->count == 0 ||
        heif_image_handle_has_alpha_channel(heif->primary) != 0 ||
        !heif_items_picture(items, 0, &picture))
        return false;
    if (items->tiles == NULL)
        return picture.width == items->width && picture.height == items->height;
    /* Even sizes, for chroma's sake. */
    return picture.width % 2 == 0 && picture.height % 2 == 0 &&
           (uint64_t)picture.width * picture.height <= MEDIA_MAX_PIXELS &&
           (uint64_t)tiles_along(items->width, picture.width) *
                   tiles_along(items->height, picture.height) ==
               items->count;
}

/* libavcodec's own decoder of AV1 is for hardware only. */
static bool open_codec(struct grid *grid, struct error *err) {
    const struct str configuration = grid->first.configuration;
    const AVCodec *decoder = grid->first.coding == HEIF_CODING_HEVC
                                 ? avcodec_find_decoder(AV_CODEC_ID_HEVC)
                                 : avcodec_find_decoder_by_name("libdav1d");
    AVCodecContext *codec = decoder == NULL ? NULL : avcodec_alloc_context3(decoder);
    if (codec == NULL)
        return error_set(err, ERROR_INTERNAL, NULL, "the media library cannot decode it");
    grid->codec = codec;
    codec->thread_count = 1;
    /* As the file says, with what is cut off at the edges. */
    uint64_t pixels = ((uint64_t)grid->first.width + EDGE) * ((uint64_t)grid->first.height + EDGE);
    codec->max_pixels = pixels < MEDIA_MAX_PIXELS ? (int64_t)pixels : MEDIA_MAX_PIXELS;
    codec->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER | AV_EF_EXPLODE;
    if (configuration.len > INT32_MAX - AV_INPUT_BUFFER_PADDING_SIZE)
        return damaged(err);
    codec->extradata = av_mallocz(configuration.len + AV_INPUT_BUFFER_PADDING_SIZE);
    if (codec->extradata == NULL)
        die_out_of_memory();
    memcpy(codec->extradata, configuration.ptr, configuration.len);
    codec->extradata_size = (int)configuration.len;
    return avcodec_open2(codec, decoder, NULL) >= 0 || damaged(err);
}

/* One picture into `grid->tile`. The end of the stream lets the decoder give what it would still
 * hold back; then it begins anew. */
static bool decode_picture(struct grid *grid, const struct heif_picture *picture,
                           struct error *err) {
    if (picture->data.len > INT32_MAX - AV_INPUT_BUFFER_PADDING_SIZE ||
        av_new_packet(grid->packet, (int)picture->data.len) < 0)
        return damaged(err);
    memcpy(grid->packet->data, picture->data.ptr, picture->data.len);
    bool is_decoded = avcodec_send_packet(grid->codec, grid->packet) >= 0 &&
                      avcodec_send_packet(grid->codec, NULL) >= 0 &&
                      avcodec_receive_frame(grid->codec, grid->tile) >= 0 &&
                      grid->tile->decode_error_flags == 0 &&
                      (grid->tile->flags & AV_FRAME_FLAG_CORRUPT) == 0;
    av_packet_unref(grid->packet);
    avcodec_flush_buffers(grid->codec);
    if (!is_decoded || (uint32_t)grid->tile->width != grid->first.width ||
        (uint32_t)grid->tile->height != grid->first.height)
        return damaged(err);
    heif_set_colours(grid->heif, grid->tile);
    return true;
}

/* Room for the whole picture, of the first tile's kind. */
static bool start_whole(struct grid *grid, struct error *err) {
    AVFrame *whole = grid->whole;
    const AVFrame *tile = grid->tile;
    const AVPixFmtDescriptor *description = av_pix_fmt_desc_get(tile->format);
    whole->width = (int)grid->reading->header->width;
    whole->height = (int)grid->reading->header->height;
    whole->format = tile->format;
    whole->colorspace = tile->colorspace;
    whole->color_range = tile->color_range;
    whole->color_trc = tile->color_trc;
    int size =
        av_image_get_buffer_size(whole->format, whole->width, whole->height, PLANE_ALIGNMENT);
    if (size < 0)
        return error_set(err, ERROR_LIMIT, NULL, "too large for the library");
    bool is_planar =
        description->nb_components == 1 || (description->flags & AV_PIX_FMT_FLAG_PLANAR) != 0;
    if (!is_planar || description->log2_chroma_w > 1 || description->log2_chroma_h > 1)
        return error_set(err, ERROR_INVALID, NULL, "uses a rare variant that is not supported");
    av_image_fill_arrays(whole->data, whole->linesize,
                         scratch_need(&grid->reading->planes->staging, (size_t)size), whole->format,
                         whole->width, whole->height, PLANE_ALIGNMENT);
    return true;
}

static int min(int a, int b) {
    return a < b ? a : b;
}

/* What stands out over the right and lower edge is cut off. */
static void place_tile(struct grid *grid, uint32_t index) {
    const AVFrame *whole = grid->whole, *tile = grid->tile;
    const AVPixFmtDescriptor *description = av_pix_fmt_desc_get(tile->format);
    uint32_t columns = tiles_along((uint32_t)whole->width, grid->first.width);
    int bytes = description->comp[0].depth > 8 ? 2 : 1;
    for (int i = 0; i < description->nb_components; i++) {
        int x_shift = i > 0 ? description->log2_chroma_w : 0;
        int y_shift = i > 0 ? description->log2_chroma_h : 0;
        int left = (int)(index % columns) * tile->width >> x_shift;
        int top = (int)(index / columns) * tile->height >> y_shift;
        int width = min(AV_CEIL_RSHIFT(whole->width, x_shift) - left, tile->width >> x_shift);
        int height = min(AV_CEIL_RSHIFT(whole->height, y_shift) - top, tile->height >> y_shift);
        for (int y = 0; y < height; y++)
            memcpy(whole->data[i] + (ptrdiff_t)(top + y) * whole->linesize[i] +
                       (ptrdiff_t)left * bytes,
                   tile->data[i] + (ptrdiff_t)y * tile->linesize[i], (size_t)width * (size_t)bytes);
    }
}

static bool decode_tiles(struct grid *grid, struct error *err) {
    for (uint32_t i = 0; i < grid->heif->items.count; i++) {
        struct heif_picture picture;
        if (!heif_items_picture(&grid->heif->items, i, &picture) ||
            !decode_picture(grid, &picture, err))
            return damaged(err);
        if (i == 0 && !start_whole(grid, err))
            return false;
        if (grid->tile->format != grid->whole->format)
            return error_set(err, ERROR_INVALID, NULL, "damaged: its tiles differ");
        place_tile(grid, i);
        av_frame_unref(grid->tile);
    }
    return true;
}

bool heif_decode_pictures(const struct heif *heif, const struct reading *reading,
                          struct pixels *ret, struct error *err) {
    struct grid grid CLEANUP(grid_clear) = {.heif = heif, .reading = reading};
    grid.packet = av_packet_alloc();
    grid.tile = av_frame_alloc();
    grid.whole = av_frame_alloc();
    if (grid.packet == NULL || grid.tile == NULL || grid.whole == NULL)
        die_out_of_memory();
    const struct heif_items *items = &heif->items;
    if (items->width != reading->header->width || items->height != reading->header->height ||
        !heif_items_picture(items, 0, &grid.first))
        return damaged(err);
    if (!open_codec(&grid, err))
        return false;
    if (items->tiles == NULL)
        return decode_picture(&grid, &grid.first, err) &&
               unpack_frame(grid.tile, reading->planes, ret, err);
    return decode_tiles(&grid, err) && unpack_frame(grid.whole, reading->planes, ret, err);
}

static bool check_picture(const struct heif *heif, const struct reading *reading,
                          const struct heif_picture *picture, struct error *err) {
    struct grid grid CLEANUP(grid_clear) = {.heif = heif, .reading = reading, .first = *picture};
    grid.packet = av_packet_alloc();
    grid.tile = av_frame_alloc();
    if (grid.packet == NULL || grid.tile == NULL)
        die_out_of_memory();
    return open_codec(&grid, err) && decode_picture(&grid, picture, err);
}

bool heif_check_pictures(const struct heif *heif, const struct reading *reading,
                         struct error *err) {
    uint32_t *items = arena_array(reading->arena, HEIF_MAX_TILES, sizeof *items);
    uint32_t count = heif_items_list(&heif->items, items);
    if (count == 0)
        return damaged(err);
    for (uint32_t i = 0; i < count; i++) {
        struct heif_picture picture;
        if (!heif_items_is_consistent(&heif->items, items[i]))
            return damaged(err);
        if (!heif_items_is_coded(&heif->items, items[i]))
            continue;
        if (!heif_items_coded(&heif->items, items[i], &picture))
            return error_set(err, ERROR_INVALID, NULL, "uses a rare variant that is not supported");
        if (!check_picture(heif, reading, &picture, err))
            return false;
    }
    return true;
}
