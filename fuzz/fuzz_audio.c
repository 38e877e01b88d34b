/*
 * Sound files of all formats, from their first bytes to what is heard: finite samples of one or two
 * channels, the same when it is read again, and as many as counting them says.
 */
#include "media/audio_decode.h"
#include "media/audio_source.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum {
    BLOCK_FRAMES = 2048,
    /* Longer sounds say nothing that shorter ones do not, and a few bytes may be hours of them. */
    MAX_FRAMES = 20 * AUDIO_RATE,
};

static void check_samples(const float *samples, size_t count) {
    /* The decoder's limit, and what filter and mix may add to it. */
    for (size_t i = 0; i < count; i++)
        assert(fabsf(samples[i]) <= 100);
}

/* Frames heard, MAX_FRAMES or a block more: there are more than that; -1: an error. */
static int64_t listen(struct audio_source *source, float *first) {
    int64_t sum = 0;
    struct error err;
    while (sum < MAX_FRAMES) {
        float block[BLOCK_FRAMES * 2];
        size_t count;
        if (!audio_source_read(source, block, BLOCK_FRAMES, &count, &err)) {
            assert(err.kind == ERROR_INVALID || err.kind == ERROR_LIMIT);
            return -1;
        }
        check_samples(block, count * audio_source_channels(source));
        if (count == 0)
            break;
        size_t channels = audio_source_channels(source);
        size_t room = sum < BLOCK_FRAMES ? BLOCK_FRAMES - (size_t)sum : 0;
        memcpy(first + (BLOCK_FRAMES - room) * channels, block,
               (count < room ? count : room) * channels * sizeof *block);
        sum += (int64_t)count;
    }
    return sum;
}

/* The same by the decoder alone. */
static int64_t count_frames(struct str file) {
    struct audio_decoder *decoder CLEANUP(audio_decoder_cleanup) = NULL;
    const AVFrame *frame;
    struct error err;
    if (!audio_decoder_new(file, &decoder, &err))
        return -1;
    do {
        if (!audio_decoder_next(decoder, &frame, &err))
            return -1;
    } while (frame != NULL && audio_decoder_samples(decoder) / audio_decoder_rate(decoder) <
                                  MAX_FRAMES / AUDIO_RATE);
    return (int64_t)(audio_decoder_samples(decoder) * AUDIO_RATE / audio_decoder_rate(decoder));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static float first[BLOCK_FRAMES * 2], again[BLOCK_FRAMES * 2];
    struct str file = {(const char *)data, size};
    struct audio_source *source CLEANUP(audio_source_cleanup) = NULL;
    struct error err;
    if (!audio_source_new(file, &source, &err)) {
        assert(err.kind == ERROR_INVALID || err.kind == ERROR_LIMIT);
        return 0;
    }
    memset(first, 0, sizeof first);
    memset(again, 0, sizeof again);
    int64_t heard = listen(source, first);
    assert((heard < 0) == (count_frames(file) < 0) || heard >= MAX_FRAMES);
    if (heard < 0 || !audio_source_rewind(source, &err))
        return 0;
    int64_t second = listen(source, again);
    assert(second == heard && memcmp(first, again, sizeof first) == 0);
    return 0;
}
