/*
 * Prints how true resampling is beside libswscale's Lanczos, as SSIM: of the small picture against
 * one computed in floating point, and of what is got back from it against the whole one.
 * usage: bench-sharpness JPEG…
 */
#include "sharpness.h"
#include "base/base.h"
#include "base/os.h"

#include <stdio.h>
#include <string.h>

static void print_row(struct arena *arena, const char *name, const struct grey *grey, double by) {
    unsigned width = (unsigned)(grey->width / by + 0.5),
             height = (unsigned)(grey->height / by + 0.5);
    struct sharpness s = sharpness_measure(arena, grey, width, height);
    printf("| %-18s | %4ux%-4u | %4ux%-4u | %.5f | %.5f | %.5f | %.5f |\n", name, grey->width,
           grey->height, width, height, s.small_ours, s.small_swscale, s.back_ours, s.back_swscale);
}

int main(int argc, char **argv) {
    static const double factors[] = {1.3, 2, 3.7};
    printf(
        "| picture            | from      | to        | ours    | swscale | ours, back | swscale, "
        "back |\n| --- | --- | --- | --- | --- | --- | --- |\n");
    for (int i = 0; i < argc; i++) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        const char *slash = strrchr(argv[i], '/');
        struct grey grey = grey_zone_plate(arena, 1200, 800);
        struct str file;
        struct error err;
        if (i > 0 && (!read_file(arena, argv[i], 64 * 1024 * 1024, &file, &err) ||
                      !grey_photo(arena, file, &grey))) {
            fprintf(stderr, "%s cannot be read\n", argv[i]);
            return 1;
        }
        for (size_t k = 0; k < ARRAY_SIZE(factors); k++)
            print_row(arena,
                      i == 0          ? "zone plate"
                      : slash == NULL ? argv[i]
                                      : slash + 1,
                      &grey, factors[k]);
    }
    return 0;
}
