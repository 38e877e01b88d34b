#include "watch.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <math.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MAX_FRAMES = 100000, MAX_STREAMS = 2, IO_BYTES = 4096 };

struct memory {
    struct str file;
    size_t place;
};

static int read_memory(void *opaque, uint8_t *ret, int size) {
    struct memory *memory = opaque;
    size_t left = memory->file.len - memory->place;
    size_t now = left < (size_t)size ? left : (size_t)size;
    if (now == 0)
        return AVERROR_EOF;
    memcpy(ret, memory->file.ptr + memory->place, now);
    memory->place += now;
    return (int)now;
}

static int64_t seek_memory(void *opaque, int64_t offset, int whence) {
    struct memory *memory = opaque;
    if (whence == AVSEEK_SIZE)
        return (int64_t)memory->file.len;
    if (whence == SEEK_CUR)
        offset += (int64_t)memory->place;
    if (whence == SEEK_END)
        offset += (int64_t)memory->file.len;
    if (offset < 0 || offset > (int64_t)memory->file.len)
        return AVERROR(EINVAL);
    memory->place = (size_t)offset;
    return offset;
}

uint64_t watch_sum(const void *data, size_t size) {
    uint64_t sum = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ ((const uint8_t *)data)[i]) * UINT64_C(0x100000001b3);
    return sum;
}

/* Files in milliseconds round their frames' times; elsewhere they are exact. */
static int64_t frames_of(const struct watched *watched, int64_t ticks) {
    if (watched->timescale == 1000)
        return llround((double)ticks * watched->frames_tick);
    assert_int_equal(ticks % watched->ticks_per_frame, 0);
    return ticks / watched->ticks_per_frame;
}

static void keep_planes(struct frame *frame, const AVFrame *picture) {
    frame_init(frame, (unsigned)picture->width, (unsigned)picture->height);
    for (int p = 0; p < 3; p++) {
        unsigned width = p == 0 ? frame->width : frame->width / 2;
        unsigned height = p == 0 ? frame->height : frame->height / 2;
        for (unsigned y = 0; y < height; y++)
            memcpy(frame->planes[p] + y * frame->strides[p],
                   picture->data[p] + (ptrdiff_t)y * picture->linesize[p], width);
    }
}

static void keep_picture(struct watched *watched, const AVFrame *picture) {
    assert_true(watched->frame_count < MAX_FRAMES);
    if (picture->format == AV_PIX_FMT_YUV420P)
        keep_planes(&watched->frames[watched->frame_count], picture);
    watched->times[watched->frame_count++] = frames_of(watched, picture->best_effort_timestamp);
}

static float loudness(const AVFrame *heard, int i) {
    assert_true(heard->format == AV_SAMPLE_FMT_FLTP || heard->format == AV_SAMPLE_FMT_FLT);
    bool planar = heard->format == AV_SAMPLE_FMT_FLTP;
    int step = planar ? 1 : heard->ch_layout.nb_channels;
    return fabsf(((const float *)(const void *)heard->data[0])[i * step]);
}

static void keep_sound(struct watched *watched, const AVFrame *heard) {
    for (int i = 0; i < heard->nb_samples; i++)
        if (loudness(heard, i) > watched->peak) {
            watched->peak = loudness(heard, i);
            watched->sound.loudest = watched->sound.samples + i;
        }
    watched->sound.samples += heard->nb_samples;
}

static void take_frames(struct watched *watched, AVCodecContext *decoder, AVFrame *frame) {
    int status;
    while ((status = avcodec_receive_frame(decoder, frame)) == 0) {
        assert_int_equal(frame->decode_error_flags, 0);
        if (decoder->codec_type == AVMEDIA_TYPE_VIDEO)
            keep_picture(watched, frame);
        else
            keep_sound(watched, frame);
    }
    assert_true(status == AVERROR(EAGAIN) || status == AVERROR_EOF);
}

static AVCodecContext *open_decoder(const AVStream *stream) {
    const AVCodec *codec = avcodec_find_decoder(stream->codecpar->codec_id);
    AVCodecContext *decoder = avcodec_alloc_context3(codec);
    assert_non_null(decoder);
    assert_true(avcodec_parameters_to_context(decoder, stream->codecpar) >= 0);
    decoder->pkt_timebase = stream->time_base;
    decoder->thread_count = 1;
    decoder->err_recognition = AV_EF_EXPLODE | AV_EF_BITSTREAM | AV_EF_BUFFER;
    assert_int_equal(avcodec_open2(decoder, codec, NULL), 0);
    return decoder;
}

static void keep_packet(struct watched *watched, const AVPacket *packet) {
    struct watched_sound *sound = &watched->sound;
    struct watched_packet kept = {
        .size = packet->size,
        .key = packet->flags & AV_PKT_FLAG_KEY,
        .sum = watch_sum(packet->data, (size_t)packet->size),
    };
    assert_true(watched->packet_count < MAX_FRAMES && sound->packet_count < MAX_FRAMES);
    if (packet->stream_index == watched->sound_stream) {
        kept.pts = llround((double)packet->pts * watched->samples_tick);
        sound->packets[sound->packet_count++] = kept;
    } else {
        kept.pts = frames_of(watched, packet->pts);
        kept.dts = frames_of(watched, packet->dts);
        watched->packets[watched->packet_count++] = kept;
    }
}

static void read_packets(struct watched *watched, AVFormatContext *format, bool decode) {
    AVCodecContext *decoders[MAX_STREAMS] = {NULL};
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    for (unsigned i = 0; decode && i < format->nb_streams; i++)
        decoders[i] = open_decoder(format->streams[i]);
    while (av_read_frame(format, packet) == 0) {
        AVCodecContext *decoder = decoders[packet->stream_index];
        keep_packet(watched, packet);
        if (decoder) {
            assert_int_equal(avcodec_send_packet(decoder, packet), 0);
            take_frames(watched, decoder, frame);
        }
        av_packet_unref(packet);
    }
    for (unsigned i = 0; i < MAX_STREAMS; i++) {
        if (decoders[i]) {
            assert_int_equal(avcodec_send_packet(decoders[i], NULL), 0);
            take_frames(watched, decoders[i], frame);
        }
        avcodec_free_context(&decoders[i]);
    }
    av_frame_free(&frame);
    av_packet_free(&packet);
}

static void read_video(struct watched *watched, const AVStream *stream) {
    const AVCodecParameters *parameters = stream->codecpar;
    assert_int_equal(parameters->codec_type, AVMEDIA_TYPE_VIDEO);
    assert_int_equal(stream->time_base.num, 1);
    watched->codec = avcodec_get_name(parameters->codec_id);
    watched->width = (unsigned)parameters->width;
    watched->height = (unsigned)parameters->height;
    watched->timescale = stream->time_base.den;
    watched->duration = stream->duration;
    watched->start = stream->start_time;
    watched->ticks_per_frame = av_rescale_q(1, av_inv_q(stream->avg_frame_rate), stream->time_base);
    watched->frames_tick = av_q2d(stream->avg_frame_rate) * av_q2d(stream->time_base);
    watched->is_bt709_limited = parameters->color_primaries == AVCOL_PRI_BT709 &&
                                parameters->color_trc == AVCOL_TRC_BT709 &&
                                parameters->color_space == AVCOL_SPC_BT709 &&
                                parameters->color_range == AVCOL_RANGE_MPEG;
    watched->has_square_pixels =
        stream->sample_aspect_ratio.num == 1 && stream->sample_aspect_ratio.den == 1;
}

static void read_sound(struct watched *watched, const AVStream *stream) {
    const AVCodecParameters *parameters = stream->codecpar;
    assert_int_equal(parameters->codec_type, AVMEDIA_TYPE_AUDIO);
    watched->sound.codec = avcodec_get_name(parameters->codec_id);
    watched->sound.rate = (unsigned)parameters->sample_rate;
    watched->sound.channels = (unsigned)parameters->ch_layout.nb_channels;
    watched->sound_stream = stream->index;
    watched->samples_tick = av_q2d(stream->time_base) * parameters->sample_rate;
}

static AVFormatContext *open_film(struct memory *memory, bool decode) {
    AVFormatContext *format = avformat_alloc_context();
    AVIOContext *io = avio_alloc_context(av_malloc(IO_BYTES), IO_BYTES, 0, memory, read_memory,
                                         NULL, seek_memory);
    assert_non_null(format);
    assert_non_null(io);
    av_log_set_level(AV_LOG_ERROR);
    format->pb = io;
    /* The samples may be anything when only the tables are of interest. */
    if (!decode)
        format->flags |= AVFMT_FLAG_NOPARSE | AVFMT_FLAG_NOFILLIN;
    assert_int_equal(avformat_open_input(&format, NULL, NULL, NULL), 0);
    if (decode)
        assert_true(avformat_find_stream_info(format, NULL) >= 0);
    return format;
}

void watch(struct arena *arena, struct str film, bool decode, struct watched *ret) {
    struct memory memory = {.file = film};
    AVFormatContext *format = open_film(&memory, decode);
    AVIOContext *io = format->pb;
    assert_in_range(format->nb_streams, 1, MAX_STREAMS);
    *ret = (struct watched){
        .format = format->iformat->name,
        .packets = arena_array(arena, MAX_FRAMES, sizeof *ret->packets),
        .frames = arena_array(arena, decode ? MAX_FRAMES : 0, sizeof *ret->frames),
        .times = arena_array(arena, decode ? MAX_FRAMES : 0, sizeof *ret->times),
        .sound_stream = -1,
    };
    ret->sound.packets = arena_array(arena, MAX_FRAMES, sizeof *ret->sound.packets);
    read_video(ret, format->streams[0]);
    if (format->nb_streams > 1)
        read_sound(ret, format->streams[1]);
    if (ret->duration == AV_NOPTS_VALUE)
        ret->duration = av_rescale(format->duration, ret->timescale, AV_TIME_BASE);
    read_packets(ret, format, decode);
    avformat_close_input(&format);
    av_freep(&io->buffer);
    avio_context_free(&io);
}

void watched_clear(struct watched *watched) {
    for (uint32_t i = 0; i < watched->frame_count; i++)
        frame_clear(&watched->frames[i]);
    watched->frame_count = 0;
}

double picture_error(const struct frame *a, const struct frame *b) {
    double sum = 0;
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    for (unsigned y = 0; y < a->height; y++)
        for (unsigned x = 0; x < a->width; x++) {
            int difference =
                a->planes[0][y * a->strides[0] + x] - b->planes[0][y * b->strides[0] + x];
            sum += difference * difference;
        }
    return sum / a->width / a->height;
}

struct str join(struct arena *arena, const struct str *parts, size_t count) {
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += parts[i].len;
    char *data = arena_alloc(arena, size + 1);
    size_t place = 0;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0)
            memcpy(data + place, parts[i].ptr, parts[i].len);
        place += parts[i].len;
    }
    return (struct str){data, size};
}
