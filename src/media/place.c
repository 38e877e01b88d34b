/*
 * Geometry of one picture on the canvas. Only divisions and multiplications of doubles: the same on
 * every machine.
 */
#include "media/place.h"

/* Nearest even number of at least 2. */
static unsigned even(double value) {
    unsigned half = (unsigned)(value / 2 + 0.5);
    return half == 0 ? 2 : 2 * half;
}

static void place_contained(const struct compose_target *target, struct placement *place) {
    unsigned width = target->width, height = target->height;
    bool is_wider = (uint64_t)place->width * height >= (uint64_t)place->height * width;
    place->target_width = is_wider ? width : even((double)place->width * height / place->height);
    place->target_height = is_wider ? even((double)place->height * width / place->width) : height;
    if (place->target_width > width)
        place->target_width = width;
    if (place->target_height > height)
        place->target_height = height;
    place->x = (width - place->target_width) / 4 * 2;
    place->y = (height - place->target_height) / 4 * 2;
    place->crop_width = place->width;
    place->crop_height = place->height;
}

static void place_covering(const struct compose_target *target, struct placement *place) {
    double width = place->width, height = place->height;
    place->target_width = target->width;
    place->target_height = target->height;
    if (width * target->height >= height * target->width) {
        place->crop_height = height;
        place->crop_width = height * target->width / target->height;
    } else {
        place->crop_width = width;
        place->crop_height = width * target->height / target->width;
    }
    place->crop_x = (width - place->crop_width) / 2;
    place->crop_y = (height - place->crop_height) / 2;
}

static void place_stretched(const struct compose_target *target, struct placement *place) {
    place->target_width = target->width;
    place->target_height = target->height;
    place->crop_width = place->width;
    place->crop_height = place->height;
}

unsigned place_rotate(unsigned orientation, unsigned degrees) {
    /* By orientation: what it becomes after a quarter turn. */
    static const unsigned char quarter[] = {0, 6, 7, 8, 5, 2, 3, 4, 1};
    for (; degrees >= 90; degrees -= 90)
        orientation = quarter[orientation];
    return orientation;
}

struct placement place_picture(const struct compose_target *target,
                               const struct image_header *header) {
    unsigned orientation = header->orientation;
    struct placement place = {
        .swaps_sides = orientation >= 5,
        .mirrors_x = orientation == 2 || orientation == 3 || orientation >= 7,
        .mirrors_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7,
        .width = orientation >= 5 ? header->height : header->width,
        .height = orientation >= 5 ? header->width : header->height,
    };
    if (target->fit == FIT_COVER)
        place_covering(target, &place);
    else if (target->fit == FIT_STRETCH)
        place_stretched(target, &place);
    else
        place_contained(target, &place);
    return place;
}

void place_wanted_size(const struct placement *place, unsigned *ret_width, unsigned *ret_height) {
    double width = place->target_width * (place->width / place->crop_width);
    double height = place->target_height * (place->height / place->crop_height);
    *ret_width = (unsigned)(place->swaps_sides ? height : width);
    *ret_height = (unsigned)(place->swaps_sides ? width : height);
}

struct side place_side(const struct placement *place, bool is_x, bool is_chroma) {
    unsigned divisor = is_chroma ? 2 : 1;
    if (is_x)
        return (struct side){
            .crop = place->crop_x,
            .crop_length = place->crop_width,
            .length = place->width,
            .target = place->target_width / divisor,
            .phase = is_chroma ? 0.25 : 0.5, /* sited left */
        };
    return (struct side){
        .crop = place->crop_y,
        .crop_length = place->crop_height,
        .length = place->height,
        .target = place->target_height / divisor,
        .phase = 0.5,
    };
}
