#include "openh264.h"

#include <stdio.h>
#include <string.h>
#include <wels/codec_api.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint8_t start_code[] = {0, 0, 0, 1};

struct bytes {
    uint8_t *data;
    size_t size;
};

static void put_unit(struct bytes *to, const uint8_t *unit, size_t size) {
    memcpy(to->data + to->size, start_code, sizeof start_code);
    memcpy(to->data + to->size + sizeof start_code, unit, size);
    to->size += sizeof start_code + size;
}

static size_t get_u16(const uint8_t *data) {
    return (size_t)data[0] << 8 | data[1];
}

static size_t get_u32(const uint8_t *data) {
    return get_u16(data) << 16 | get_u16(data + 2);
}

/* The parameter sets of an avcC. */
static void put_sets(struct bytes *to, const uint8_t *config) {
    const uint8_t *place = config + 5;
    for (int kind = 0; kind < 2; kind++) {
        unsigned count = *place++ & 0x1f;
        while (count-- > 0) {
            size_t size = get_u16(place);
            put_unit(to, place + 2, size);
            place += 2 + size;
        }
    }
}

struct player {
    ISVCDecoder *decoder;
    struct openh264_film *film;
};

static void keep_picture(struct player *player, uint8_t *const planes[3], const SBufferInfo *info) {
    const SSysMEMBuffer *memory = &info->UsrData.sSystemBuffer;
    struct openh264_film *film = player->film;
    if (info->iBufferStatus != 1)
        return;
    uint64_t shown = info->uiOutYuvTimeStamp - 1;
    assert_true(shown < film->room);
    struct frame *frame = &film->frames[shown];
    film->frame_count++;
    assert_null(frame->planes[0]);
    frame_init(frame, (unsigned)memory->iWidth, (unsigned)memory->iHeight);
    for (int p = 0; p < 3; p++) {
        unsigned shift = p == 0 ? 0 : 1;
        for (unsigned y = 0; y < frame->height >> shift; y++)
            memcpy(frame->planes[p] + y * frame->strides[p],
                   planes[p] + (ptrdiff_t)y * memory->iStride[p == 0 ? 0 : 1],
                   frame->width >> shift);
    }
}

static void flush(struct player *player) {
    int left = 0;
    (*player->decoder)
        ->GetOption(player->decoder, DECODER_OPTION_NUM_OF_FRAMES_REMAINING_IN_BUFFER, &left);
    while (left-- > 0) {
        uint8_t *planes[3] = {0};
        SBufferInfo info = {0};
        assert_int_equal((*player->decoder)->FlushFrame(player->decoder, planes, &info),
                         dsErrorFree);
        keep_picture(player, planes, &info);
    }
}

static void decode(struct player *player, const struct bytes *bytes, uint32_t shown) {
    uint8_t *planes[3] = {0};
    SBufferInfo info = {.uiInBsTimeStamp = shown + 1};
    DECODING_STATE state =
        (*player->decoder)
            ->DecodeFrameNoDelay(player->decoder, bytes->data, (int)bytes->size, planes, &info);
    if (state != dsErrorFree)
        fail_msg("openh264: state %#x at frame %u", (unsigned)state, player->film->frame_count);
    keep_picture(player, planes, &info);
}

static void begin(struct player *player) {
    SDecodingParam param = {.eEcActiveIdc = ERROR_CON_DISABLE,
                            .sVideoProperty = {.size = sizeof param.sVideoProperty,
                                               .eVideoBsType = VIDEO_BITSTREAM_AVC}};
    int level = WELS_LOG_ERROR;
    assert_int_equal(WelsCreateDecoder(&player->decoder), 0);
    (*player->decoder)->SetOption(player->decoder, DECODER_OPTION_TRACE_LEVEL, &level);
    assert_int_equal((*player->decoder)->Initialize(player->decoder, &param), 0);
}

static void end(struct player *player) {
    if (!player->decoder)
        return;
    flush(player);
    (*player->decoder)->Uninitialize(player->decoder);
    WelsDestroyDecoder(player->decoder);
    player->decoder = NULL;
}

static void decode_segment(struct player *player, struct arena *arena,
                           const struct media_segment *segment, uint32_t first) {
    const uint8_t *place = segment->data;
    struct bytes bytes = {arena_alloc(arena, 2 * segment->size + 2 * segment->config_size), 0};
    for (uint32_t i = 0; i < segment->sample_count; i++) {
        const struct media_sample *sample = &segment->samples[i];
        const uint8_t *sample_end = place + sample->size;
        bytes.size = 0;
        uint32_t shown = first + i + (uint32_t)sample->composition_offset -
                         (uint32_t)segment->samples[0].composition_offset;
        if (sample->key) {
            end(player);
            begin(player);
            put_sets(&bytes, segment->config);
        }
        for (; place < sample_end; place += 4 + get_u32(place))
            put_unit(&bytes, place + 4, get_u32(place));
        decode(player, &bytes, shown);
    }
}

void openh264_watch(struct arena *arena, const struct media_segment *segments, uint32_t count,
                    struct openh264_film *ret) {
    uint32_t frames = 0;
    struct player player = {.film = ret};
    for (uint32_t i = 0; i < count; i++)
        frames += segments[i].sample_count;
    *ret = (struct openh264_film){.frames = arena_array(arena, frames, sizeof *ret->frames),
                                  .room = frames};
    memset(ret->frames, 0, frames * sizeof *ret->frames);
    for (uint32_t i = 0, first = 0; i < count; first += segments[i++].sample_count)
        decode_segment(&player, arena, &segments[i], first);
    end(&player);
    assert_int_equal(ret->frame_count, frames);
}

void openh264_film_clear(struct openh264_film *film) {
    for (uint32_t i = 0; i < film->frame_count; i++)
        frame_clear(&film->frames[i]);
    film->frame_count = 0;
}
