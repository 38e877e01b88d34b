/*
 * The renderer's stages by themselves, on one core:
 *
 *   bench-stages decode WIDTH HEIGHT FILES…    CPU seconds of libjpeg-turbo's scaled decoding
 *   bench-stages develop WIDTH HEIGHT FILES…   CPU seconds of the resampling and colours behind it
 *   bench-stages frames WIDTH HEIGHT FPS FILES…  the composed pictures, as YUV4MPEG2 on standard
 * output
 *
 * Files are read before the clock starts. Decoding calls the library as little as can be, with what
 * the renderer would ask it for, so that the sum of the stages is a limit and not a copy.
 */
#include "base/os.h"
#include "media/compose.h"
#include "media/develop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <turbojpeg.h>

enum { MAX_FILE_BYTES = 256 * 1024 * 1024 };

struct stage {
    struct compose_target target;
    struct arena *arena; /* of the file at hand */
    struct frame frame;
    double seconds;
};

static double cpu_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static _Noreturn void fail(const char *file, const char *text) {
    fprintf(stderr, "bench-stages: '%s': %s\n", file, text);
    exit(1);
}

/* The library's size of the picture that the renderer would take. */
static unsigned denominator_of(struct stage *stage, struct str image, const char *file) {
    struct error err;
    struct image_header header;
    struct pixels pixels;
    unsigned width, height;
    struct decoder *decoder = decoder_new();
    if (!image_read_header(stage->arena, image, &header, &err))
        fail(file, err.text);
    struct placement place = place_picture(&stage->target, &header);
    place_wanted_size(&place, &width, &height);
    if (!decoder_run(decoder, stage->arena, image, &header, width, height, &pixels, &err))
        fail(file, err.text);
    unsigned denominator = pixels.scale_denominator;
    decoder_free(decoder);
    return denominator;
}

static void decode(struct stage *stage, struct str image, const char *file) {
    static unsigned denominator;
    static unsigned char *planes[3];
    static tjhandle jpeg;
    int width, height, sampling, space, strides[3] = {0};
    const unsigned char *bytes = (const unsigned char *)image.ptr;
    if (!jpeg) {
        jpeg = tjInitDecompress();
        denominator = denominator_of(stage, image, file);
        if (tjDecompressHeader3(jpeg, bytes, image.len, &width, &height, &sampling, &space) != 0)
            fail(file, tjGetErrorStr2(jpeg));
        for (int i = 0; i < 3; i++)
            planes[i] = calloc(1, (size_t)width * (size_t)height);
    }
    double start = cpu_seconds();
    if (tjDecompressHeader3(jpeg, bytes, image.len, &width, &height, &sampling, &space) != 0)
        fail(file, tjGetErrorStr2(jpeg));
    width = (width + (int)denominator - 1) / (int)denominator;
    height = (height + (int)denominator - 1) / (int)denominator;
    if (tjDecompressToYUVPlanes(jpeg, bytes, image.len, planes, width, strides, height, 0) != 0)
        fail(file, tjGetErrorStr2(jpeg));
    stage->seconds += cpu_seconds() - start;
}

static void develop(struct stage *stage, struct str image, const char *file) {
    static struct decoder *decoder;
    static struct developer *developer;
    struct error err;
    struct image_header header;
    struct pixels pixels;
    unsigned width, height;
    if (!decoder) {
        decoder = decoder_new();
        developer = developer_new();
    }
    if (!image_read_header(stage->arena, image, &header, &err))
        fail(file, err.text);
    struct placement place = place_picture(&stage->target, &header);
    place_wanted_size(&place, &width, &height);
    if (!decoder_run(decoder, stage->arena, image, &header, width, height, &pixels, &err))
        fail(file, err.text);
    double start = cpu_seconds();
    developer_run(developer, &pixels, developer_space(developer, &header.colour), &place,
                  stage->target.background, &stage->frame);
    stage->seconds += cpu_seconds() - start;
}

static void write_frame(struct stage *stage, struct str image, const char *file) {
    static struct composer *composer;
    struct receipt receipt = {0};
    struct error err;
    if (!composer)
        composer = composer_new(&stage->target);
    if (!composer_run(composer, stage->arena, image, 0, &stage->frame, &receipt, &err))
        fail(file, err.text);
    fputs("FRAME\n", stdout);
    for (unsigned plane = 0; plane < 3; plane++) {
        unsigned shift = plane > 0;
        for (unsigned y = 0; y < stage->target.height >> shift; y++)
            fwrite(stage->frame.planes[plane] + y * stage->frame.strides[plane], 1,
                   stage->target.width >> shift, stdout);
    }
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        void (*run)(struct stage *stage, struct str image, const char *file);
        int first_file;
    } stages[] = {{"decode", decode, 4}, {"develop", develop, 4}, {"frames", write_frame, 5}};
    size_t which = 0;
    while (which < ARRAY_SIZE(stages) && (argc < 2 || strcmp(argv[1], stages[which].name) != 0))
        which++;
    if (which == ARRAY_SIZE(stages) || argc <= stages[which].first_file) {
        fputs("usage: bench-stages decode|develop WIDTH HEIGHT FILES…, frames WIDTH HEIGHT FPS "
              "FILES…\n",
              stderr);
        return 2;
    }
    struct stage stage = {.target = {.width = (unsigned)strtoul(argv[2], NULL, 10),
                                     .height = (unsigned)strtoul(argv[3], NULL, 10)}};
    frame_init(&stage.frame, stage.target.width, stage.target.height);
    if (stages[which].first_file == 5)
        printf("YUV4MPEG2 W%u H%u F%s:1 Ip A1:1 C420mpeg2\n", stage.target.width,
               stage.target.height, argv[4]);
    for (int i = stages[which].first_file; i < argc; i++) {
        struct error err;
        struct str image;
        stage.arena = arena_new();
        if (!read_file(stage.arena, argv[i], MAX_FILE_BYTES, &image, &err))
            fail(argv[i], err.text);
        stages[which].run(&stage, image, argv[i]);
        arena_free(stage.arena);
    }
    if (stages[which].first_file == 4)
        printf("%.4f\n", stage.seconds);
    return 0;
}
