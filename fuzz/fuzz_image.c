/*
 * Images of all formats, from their first bytes to the composed picture. What comes out must be in
 * the film's range, and probing must say what composing says.
 */
#include "media/compose.h"
#include "media/decode.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    SIDE = 32,
    /* A header may ask for much more than the bytes behind it are worth. */
    MAX_PIXELS = 1024 * 1024,
};

static struct composer *composers[2];
static struct frame frame;

static void set_up(void) {
    for (int i = 0; i < 2; i++) {
        struct compose_target target = {SIDE, SIDE, i == 0 ? FIT_CONTAIN : FIT_COVER, {9, 99, 200}};
        composers[i] = composer_new(&target);
    }
    frame_init(&frame, SIDE, SIDE);
}

static void check_frame(void) {
    for (unsigned plane = 0; plane < 3; plane++) {
        unsigned side = plane == 0 ? SIDE : SIDE / 2, max = plane == 0 ? 235 : 240;
        for (unsigned y = 0; y < side; y++) {
            const uint8_t *row = frame.planes[plane] + y * frame.strides[plane];
            for (unsigned x = 0; x < side; x++)
                assert(row[x] >= 16 && row[x] <= max);
        }
    }
}

static void compose(struct arena *arena, struct str image) {
    struct error err;
    struct image_header header;
    struct receipt probed = {0}, composed = {0};
    unsigned width, height;
    compose_probe(arena, image, &probed, &width, &height);
    bool is_readable = image_read_header(arena, image, &header, &err);
    assert(is_readable == (probed.refused == NULL));
    if (is_readable && (uint64_t)width * height > MAX_PIXELS)
        return;
    for (size_t i = 0; i < 2; i++) {
        bool is_good = composer_run(composers[i], arena, image, 0, &frame, &composed, &err);
        assert(is_good == (composed.refused == NULL));
        assert(composed.width == probed.width && composed.orientation == probed.orientation);
        assert(is_readable || !is_good);
        if (is_good)
            check_frame();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (composers[0] == NULL)
        set_up();
    struct arena *arena = arena_new();
    compose(arena, (struct str){(const char *)data, size});
    arena_free(arena);
    return 0;
}
