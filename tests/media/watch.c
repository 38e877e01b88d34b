#include "watch.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MAX_FRAMES = 100000, IO_BYTES = 4096 };

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

static void keep_picture(struct watched *watched, const AVFrame *picture) {
    assert_int_equal(picture->format, AV_PIX_FMT_YUV420P);
    struct frame *frame = &watched->frames[watched->frame_count];
    frame_init(frame, (unsigned)picture->width, (unsigned)picture->height);
    for (int p = 0; p < 3; p++) {
        unsigned width = p == 0 ? frame->width : frame->width / 2;
        unsigned height = p == 0 ? frame->height : frame->height / 2;
        for (unsigned y = 0; y < height; y++)
            memcpy(frame->planes[p] + y * frame->strides[p],
                   picture->data[p] + (ptrdiff_t)y * picture->linesize[p], width);
    }
    watched->times[watched->frame_count++] = picture->pts / watched->ticks_per_frame;
}

static void take_pictures(struct watched *watched, AVCodecContext *decoder, AVFrame *picture) {
    int status;
    while ((status = avcodec_receive_frame(decoder, picture)) == 0) {
        assert_int_equal(picture->decode_error_flags, 0);
        keep_picture(watched, picture);
    }
    assert_true(status == AVERROR(EAGAIN) || status == AVERROR_EOF);
}

static AVCodecContext *open_decoder(const AVStream *stream) {
    const AVCodec *codec = avcodec_find_decoder(stream->codecpar->codec_id);
    AVCodecContext *decoder = avcodec_alloc_context3(codec);
    assert_non_null(decoder);
    assert_true(avcodec_parameters_to_context(decoder, stream->codecpar) >= 0);
    decoder->thread_count = 1;
    decoder->err_recognition = AV_EF_EXPLODE | AV_EF_BITSTREAM | AV_EF_BUFFER;
    assert_int_equal(avcodec_open2(decoder, codec, NULL), 0);
    return decoder;
}

static void read_packets(struct watched *watched, AVFormatContext *format, bool decode) {
    AVCodecContext *decoder = decode ? open_decoder(format->streams[0]) : NULL;
    AVPacket *packet = av_packet_alloc();
    AVFrame *picture = av_frame_alloc();
    while (av_read_frame(format, packet) == 0) {
        assert_true(watched->packet_count < MAX_FRAMES);
        assert_int_equal(packet->pts % watched->ticks_per_frame, 0);
        assert_int_equal(packet->dts % watched->ticks_per_frame, 0);
        watched->packets[watched->packet_count++] = (struct watched_packet){
            .pts = packet->pts / watched->ticks_per_frame,
            .dts = packet->dts / watched->ticks_per_frame,
            .size = packet->size,
            .key = packet->flags & AV_PKT_FLAG_KEY,
        };
        if (decoder) {
            assert_int_equal(avcodec_send_packet(decoder, packet), 0);
            take_pictures(watched, decoder, picture);
        }
        av_packet_unref(packet);
    }
    if (decoder) {
        assert_int_equal(avcodec_send_packet(decoder, NULL), 0);
        take_pictures(watched, decoder, picture);
    }
    av_frame_free(&picture);
    av_packet_free(&packet);
    avcodec_free_context(&decoder);
}

static void read_stream(struct watched *watched, const AVStream *stream) {
    const AVCodecParameters *parameters = stream->codecpar;
    assert_int_equal(parameters->codec_id, AV_CODEC_ID_H264);
    assert_int_equal(stream->time_base.num, 1);
    watched->width = (unsigned)parameters->width;
    watched->height = (unsigned)parameters->height;
    watched->timescale = stream->time_base.den;
    watched->duration = stream->duration;
    watched->start = stream->start_time;
    watched->ticks_per_frame = av_rescale_q(1, av_inv_q(stream->avg_frame_rate), stream->time_base);
    watched->is_bt709_limited = parameters->color_primaries == AVCOL_PRI_BT709 &&
                                parameters->color_trc == AVCOL_TRC_BT709 &&
                                parameters->color_space == AVCOL_SPC_BT709 &&
                                parameters->color_range == AVCOL_RANGE_MPEG;
    watched->has_square_pixels =
        stream->sample_aspect_ratio.num == 1 && stream->sample_aspect_ratio.den == 1;
}

void watch(struct arena *arena, struct str film, bool decode, struct watched *ret) {
    struct memory memory = {.file = film};
    AVFormatContext *format = avformat_alloc_context();
    AVIOContext *io = avio_alloc_context(av_malloc(IO_BYTES), IO_BYTES, 0, &memory, read_memory,
                                         NULL, seek_memory);
    assert_non_null(format);
    assert_non_null(io);
    av_log_set_level(AV_LOG_ERROR);
    format->pb = io;
    /* The samples may be anything when only the tables are of interest. */
    if (!decode)
        format->flags |= AVFMT_FLAG_NOPARSE | AVFMT_FLAG_NOFILLIN;
    assert_int_equal(avformat_open_input(&format, NULL, av_find_input_format("mp4"), NULL), 0);
    assert_int_equal(format->nb_streams, 1);
    if (decode)
        assert_true(avformat_find_stream_info(format, NULL) >= 0);
    *ret = (struct watched){
        .packets = arena_array(arena, MAX_FRAMES, sizeof *ret->packets),
        .frames = arena_array(arena, decode ? MAX_FRAMES : 0, sizeof *ret->frames),
        .times = arena_array(arena, decode ? MAX_FRAMES : 0, sizeof *ret->times),
    };
    read_stream(ret, format->streams[0]);
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
