/*
 * Resampling is no worse than libswscale's Lanczos, on a zone plate and on photographs.
 */
#include "base/base.h"
#include "base/os.h"
#include "sharpness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

/* Of rounding alone: both give 8 bits. */
static const double rounding = 0.00005;

static void check(struct arena *arena, const char *name, const struct grey *grey, unsigned width,
                  unsigned height) {
    struct sharpness s = sharpness_measure(arena, grey, width, height);
    print_message("%-14s %4ux%-4u to %4ux%-4u  %.5f (swscale %.5f)  back %.5f (%.5f)\n", name,
                  grey->width, grey->height, width, height, s.small_ours, s.small_swscale,
                  s.back_ours, s.back_swscale);
    assert_true(s.small_ours >= s.small_swscale - rounding);
    assert_true(s.back_ours >= s.back_swscale - rounding);
    assert_true(s.small_ours > 0.997);
}

static void zone_plates(void **state) {
    (void)state;
    static const unsigned sizes[][2] = {{300, 200}, {160, 107}, {97, 64}, {480, 320}, {451, 301}};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct grey plate = grey_zone_plate(arena, 480, 320);
        check(arena, "zone plate", &plate, sizes[i][0], sizes[i][1]);
    }
}

static void photographs(void **state) {
    (void)state;
    static const char *const names[] = {"Garden.jpg", "LadyBird.jpg", "RainDrops.jpg"};
    const char *folder = getenv("PHOTOS");
    /* Before anything is allocated: a skip does not come back. */
    if (folder == NULL || access(folder, R_OK) != 0) {
        print_message("no photographs (tools/get-photos fetches them): skipped\n");
        skip();
    }
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        struct grey photo;
        struct str file;
        struct error err;
        const char *path = arena_printf(arena, "%s/%s", folder, names[i]);
        if (!read_file(arena, path, 64 * 1024 * 1024, &file, &err))
            fail_msg("%s", err.text);
        assert_true(grey_photo(arena, file, &photo));
        /* A part is enough, and takes a tenth of the time. */
        photo.height = photo.height / 5;
        check(arena, names[i], &photo, photo.width / 3, photo.height / 3);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zone_plates),
        cmocka_unit_test(photographs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
