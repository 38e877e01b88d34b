/*
 * Decode, then develop at the target's size, then the margins; and the receipt of it all.
 */
#include "media/compose.h"

#include "base/os.h"
#include "media/blur.h"
#include "media/colour.h"
#include "media/decode.h"
#include "media/develop.h"
#include "media/place.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WARNINGS = PIXELS_MAX_WARNINGS + 3 };

struct composer {
    struct compose_target target;
    uint8_t background[3]; /* Y', Cb, Cr */
    struct blur *blur;     /* of FIT_BLUR, else NULL */
    struct decoder *decoder;
    struct developer *developer;
};

struct composer *composer_new(const struct compose_target *target) {
    assert(target->width <= SETTINGS_MAX_SIDE && target->height <= SETTINGS_MAX_SIDE);
    struct composer *composer = calloc(1, sizeof *composer);
    if (composer == NULL)
        die_out_of_memory();
    composer->target = *target;
    colour_of_rgb(target->background, composer->background);
    if (target->fit == FIT_BLUR)
        composer->blur = blur_new(target->width, target->height);
    composer->decoder = decoder_new();
    composer->developer = developer_new();
    return composer;
}

void composer_free(struct composer *composer) {
    if (composer == NULL)
        return;
    decoder_free(composer->decoder);
    blur_free(composer->blur);
    developer_free(composer->developer);
    free(composer);
}

static void fill_rectangle(struct frame *frame, unsigned plane, unsigned x, unsigned y,
                           unsigned width, unsigned height, uint8_t value) {
    for (unsigned i = 0; i < height && width > 0; i++)
        memset(frame->planes[plane] + (y + i) * frame->strides[plane] + x, value, width);
}

/* Everything but the picture. */
static void fill_margins(const struct composer *composer, const struct placement *place,
                         struct frame *frame) {
    for (unsigned plane = 0; plane < 3; plane++) {
        unsigned shift = plane > 0 ? 1 : 0;
        unsigned width = frame->width >> shift, height = frame->height >> shift;
        unsigned left = place->x >> shift, top = place->y >> shift;
        unsigned right = left + (place->target_width >> shift);
        unsigned bottom = top + (place->target_height >> shift);
        uint8_t value = composer->background[plane];
        fill_rectangle(frame, plane, 0, 0, width, top, value);
        fill_rectangle(frame, plane, 0, bottom, width, height - bottom, value);
        fill_rectangle(frame, plane, 0, top, left, bottom - top, value);
        fill_rectangle(frame, plane, right, top, width - right, bottom - top, value);
    }
}

static const char *describe_scaling(struct arena *arena, const struct pixels *pixels,
                                    const struct placement *place) {
    unsigned width = place->swaps_sides ? pixels->height : pixels->width;
    unsigned height = place->swaps_sides ? pixels->width : pixels->height;
    const char *codec = "";
    if (pixels->scale_denominator > 1)
        codec = arena_printf(arena, "jpeg %u/8", 8 / pixels->scale_denominator);
    if (width == place->target_width && height == place->target_height)
        return codec[0] == '\0' ? "none" : codec;
    bool is_cropped = place->crop_width < place->width || place->crop_height < place->height;
    return arena_printf(arena, "%s%slanczos3 %ux%u%s", codec, codec[0] == '\0' ? "" : ", ",
                        place->target_width, place->target_height, is_cropped ? ", cropped" : "");
}

static void add_warning(struct receipt *receipt, const char **warnings, const char *text) {
    if (text == NULL || receipt->warning_count == MAX_WARNINGS)
        return;
    warnings[receipt->warning_count++] = text;
    receipt->warnings = warnings;
}

/* Fills what the header says; the warnings have room for more. */
static void describe_header(struct str image, const struct image_header *header,
                            const char **warnings, struct receipt *receipt) {
    receipt->format = image_format_name(header->format);
    receipt->bytes = image.len;
    receipt->width = header->width;
    receipt->height = header->height;
    receipt->orientation = header->orientation;
    receipt->captured = header->captured;
    add_warning(receipt, warnings, header->warning);
}

static void describe_space(struct arena *arena, const struct space *space, const char **warnings,
                           struct receipt *receipt) {
    if (space->name[0] != '\0')
        receipt->profile = arena_strdup(arena, space->name);
    add_warning(receipt, warnings, space->warning);
}

static void start_receipt(struct str image, struct receipt *ret) {
    enum image_format format = image_format_of(image);
    *ret = (struct receipt){
        .name = ret->name,
        .format = format == IMAGE_UNKNOWN ? NULL : image_format_name(format),
        .bytes = image.len,
        .orientation = 1,
    };
}

bool composer_run(struct composer *composer, struct arena *arena, struct str image, unsigned rotate,
                  struct frame *frame, struct receipt *ret_receipt, struct error *err) {
    int64_t started_ms = clock_monotonic_ms();
    const char **warnings = arena_array(arena, MAX_WARNINGS, sizeof *warnings);
    struct image_header header;
    struct pixels pixels;
    start_receipt(image, ret_receipt);
    bool is_good = image_read_header(arena, image, &header, err);
    if (is_good) {
        describe_header(image, &header, warnings, ret_receipt);
        const struct space *space = developer_space(composer->developer, &header.colour);
        describe_space(arena, space, warnings, ret_receipt);
        header.orientation = place_rotate(header.orientation, rotate);
        struct placement place = place_picture(&composer->target, &header);
        unsigned wanted_width, wanted_height;
        place_wanted_size(&place, &wanted_width, &wanted_height);
        is_good = decoder_run(composer->decoder, arena, image, &header, wanted_width, wanted_height,
                              &pixels, err);
        if (is_good) {
            add_warning(ret_receipt, warnings,
                        developer_run(composer->developer, &pixels, space, &place,
                                      composer->target.background, frame));
            if (composer->blur != NULL)
                blur_margins(composer->blur, &place, frame);
            else
                fill_margins(composer, &place, frame);
            for (unsigned i = 0; i < pixels.warning_count; i++)
                add_warning(ret_receipt, warnings, pixels.warnings[i]);
            ret_receipt->scaling = describe_scaling(arena, &pixels, &place);
        }
    }
    if (!is_good)
        ret_receipt->refused = arena_strdup(arena, err->text);
    ret_receipt->decode_ms = (unsigned)(clock_monotonic_ms() - started_ms);
    return is_good;
}

void compose_probe(struct arena *arena, struct str image, struct receipt *ret, unsigned *ret_width,
                   unsigned *ret_height) {
    struct error err;
    struct image_header header;
    start_receipt(image, ret);
    *ret_width = *ret_height = 0;
    if (!image_read_header(arena, image, &header, &err)) {
        ret->refused = arena_strdup(arena, err.text);
        return;
    }
    const char **warnings = arena_array(arena, MAX_WARNINGS, sizeof *warnings);
    describe_header(image, &header, warnings, ret);
    struct space *space = space_new(&header.colour);
    describe_space(arena, space, warnings, ret);
    space_free(space);
    bool swaps_sides = header.orientation >= 5;
    *ret_width = swaps_sides ? header.height : header.width;
    *ret_height = swaps_sides ? header.width : header.height;
}
