/*
 * libavformat and libavcodec over memory. Which demuxer and which decoder may run is decided here
 * by the file's first bytes; there are no protocols and no other files behind it.
 *
 * A packet that cannot be decoded is an error, with the time at which it stands. Streams of bare
 * frames (MP3, ADTS) are treated more kindly at their very end, where tags of all sorts and half a
 * frame are common. One frame is always held back, because the last one may have to be cut.
 */
#include "media/audio_decode.h"

#include "media/audio_file.h"

#include <assert.h>
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/cpu.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    IO_BYTES = 32 * 1024,
    PROBE_BYTES = 1024 * 1024,
    MAX_TAIL_JUNK_BYTES = 64 * 1024, /* at the end of MP3 and AAC */
    /* A demuxer that hands out empty packets for ever is stopped. */
    MAX_PACKETS_WITHOUT_FRAME = 100000,
};

/* +24 dB; more is a damaged file, and its rounding errors would swallow everything else. */
static const float MAX_SAMPLE = 16;

struct audio_decoder {
    struct audio_file file;
    uint64_t file_size, place; /* of the parts together */
    AVIOContext *io;
    AVFormatContext *demuxer;
    AVStream *stream;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame, *held; /* handed out; next */
    bool has_held, is_ended;
    unsigned rate;    /* of the latest frame */
    uint64_t samples; /* decoded, in the latest rate */
    uint64_t junk_bytes;
    double junk_seconds; /* where the junk began */
};

void audio_pin_instructions(void) {
#if defined(__x86_64__)
    const int common = AV_CPU_FLAG_CMOV | AV_CPU_FLAG_MMX | AV_CPU_FLAG_MMXEXT | AV_CPU_FLAG_SSE |
                       AV_CPU_FLAG_SSE2 | AV_CPU_FLAG_SSE3 | AV_CPU_FLAG_SSSE3 | AV_CPU_FLAG_SSE4 |
                       AV_CPU_FLAG_SSE42;
    int flags = av_get_cpu_flags();
    if ((flags & ~common) != 0)
        av_force_cpu_flags(flags & common);
#endif
    av_log_set_level(AV_LOG_QUIET);
}

static double seconds_of(const struct audio_decoder *decoder) {
    return decoder->rate == 0 ? 0 : (double)decoder->samples / decoder->rate;
}

static bool refuse(const struct audio_decoder *decoder, int code, struct error *err) {
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    if (code == AVERROR(ENOMEM))
        return error_set(err, ERROR_LIMIT, NULL, "too large for the memory");
    av_strerror(code, text, sizeof text);
    return error_set(err, ERROR_INVALID, NULL, "damaged at %.1f s: '%s'", seconds_of(decoder),
                     text);
}

/* The file's parts as one. */

static int read_parts(void *opaque, uint8_t *ret, int size) {
    struct audio_decoder *decoder = opaque;
    uint64_t start = 0;
    for (unsigned i = 0; i < decoder->file.part_count; i++) {
        struct str part = decoder->file.parts[i];
        if (decoder->place < start + part.len) {
            size_t from = (size_t)(decoder->place - start);
            size_t now = part.len - from < (size_t)size ? part.len - from : (size_t)size;
            memcpy(ret, part.ptr + from, now);
            decoder->place += now;
            return (int)now;
        }
        start += part.len;
    }
    return AVERROR_EOF;
}

static int64_t seek_parts(void *opaque, int64_t offset, int whence) {
    struct audio_decoder *decoder = opaque;
    whence &= ~AVSEEK_FORCE;
    if (whence == AVSEEK_SIZE)
        return (int64_t)decoder->file_size;
    int64_t base = whence == SEEK_CUR   ? (int64_t)decoder->place
                   : whence == SEEK_END ? (int64_t)decoder->file_size
                                        : 0;
    if (offset < -base || offset > (int64_t)decoder->file_size - base)
        return AVERROR(EINVAL);
    decoder->place = (uint64_t)(base + offset);
    return (int64_t)decoder->place;
}

static int refuse_other_file(AVFormatContext *demuxer, AVIOContext **io, const char *url, int flags,
                             AVDictionary **options) {
    (void)demuxer;
    (void)io;
    (void)url;
    (void)flags;
    (void)options;
    return AVERROR(EACCES);
}

static void make_demuxer(struct audio_decoder *decoder) {
    uint8_t *buffer = av_malloc(IO_BYTES);
    decoder->io = buffer == NULL ? NULL
                                 : avio_alloc_context(buffer, IO_BYTES, 0, decoder, read_parts,
                                                      NULL, seek_parts);
    decoder->demuxer = avformat_alloc_context();
    decoder->packet = av_packet_alloc();
    decoder->frame = av_frame_alloc();
    decoder->held = av_frame_alloc();
    if (decoder->io == NULL || decoder->demuxer == NULL || decoder->packet == NULL ||
        decoder->frame == NULL || decoder->held == NULL)
        die_out_of_memory();
    AVFormatContext *demuxer = decoder->demuxer;
    demuxer->pb = decoder->io;
    demuxer->io_open = refuse_other_file;
    demuxer->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_BITEXACT;
    demuxer->probesize = PROBE_BYTES;
    demuxer->format_probesize = PROBE_BYTES;
    demuxer->max_streams = 64;
}

static bool open_demuxer(struct audio_decoder *decoder, struct error *err) {
    static const char *const names[] = {
        [AUDIO_MP3] = "mp3",   [AUDIO_AAC] = "aac", [AUDIO_MP4] = "mov",   [AUDIO_WAV] = "wav",
        [AUDIO_FLAC] = "flac", [AUDIO_OGG] = "ogg", [AUDIO_AIFF] = "aiff",
    };
    const AVInputFormat *format = av_find_input_format(names[decoder->file.format]);
    if (format == NULL)
        return error_set(err, ERROR_INTERNAL, NULL, "the media library cannot read %s",
                         audio_format_name(decoder->file.format));
    AVDictionary *options = NULL;
    if (av_dict_set(&options, "format_whitelist", format->name, 0) < 0 ||
        av_dict_set(&options, "protocol_whitelist", "none", 0) < 0 ||
        (decoder->file.format == AUDIO_MP4 && av_dict_set(&options, "ignore_chapters", "1", 0) < 0))
        die_out_of_memory();
    make_demuxer(decoder);
    int result = avformat_open_input(&decoder->demuxer, NULL, format, &options);
    av_dict_free(&options);
    return result >= 0 || refuse(decoder, result, err);
}

/* The first stream of sound; nothing of the others is read. */
static bool choose_stream(struct audio_decoder *decoder, struct error *err) {
    for (unsigned i = 0; i < decoder->demuxer->nb_streams; i++) {
        AVStream *stream = decoder->demuxer->streams[i];
        bool is_sound = stream->codecpar->codec_type == AVMEDIA_TYPE_AUDIO;
        if (is_sound && decoder->stream == NULL)
            decoder->stream = stream;
        else
            stream->discard = AVDISCARD_ALL;
    }
    return decoder->stream != NULL || error_set(err, ERROR_INVALID, NULL, "%s without sound",
                                                audio_format_name(decoder->file.format));
}

static const AVCodec *find_codec(enum AVCodecID id) {
    static const struct {
        enum AVCodecID id;
        const char *name; /* NULL: the only one */
    } codecs[] = {
        {AV_CODEC_ID_MP3, "mp3float"}, {AV_CODEC_ID_AAC, "aac"},
        {AV_CODEC_ID_FLAC, "flac"},    {AV_CODEC_ID_VORBIS, "vorbis"},
        {AV_CODEC_ID_OPUS, "opus"},    {AV_CODEC_ID_ALAC, "alac"},
        {AV_CODEC_ID_PCM_U8, NULL},    {AV_CODEC_ID_PCM_S8, NULL},
        {AV_CODEC_ID_PCM_S16LE, NULL}, {AV_CODEC_ID_PCM_S16BE, NULL},
        {AV_CODEC_ID_PCM_S24LE, NULL}, {AV_CODEC_ID_PCM_S24BE, NULL},
        {AV_CODEC_ID_PCM_S32LE, NULL}, {AV_CODEC_ID_PCM_S32BE, NULL},
        {AV_CODEC_ID_PCM_F32LE, NULL}, {AV_CODEC_ID_PCM_F32BE, NULL},
        {AV_CODEC_ID_PCM_F64LE, NULL}, {AV_CODEC_ID_PCM_F64BE, NULL},
        {AV_CODEC_ID_PCM_ALAW, NULL},  {AV_CODEC_ID_PCM_MULAW, NULL},
    };
    for (size_t i = 0; i < ARRAY_SIZE(codecs); i++)
        if (codecs[i].id == id)
            return codecs[i].name != NULL ? avcodec_find_decoder_by_name(codecs[i].name)
                                          : avcodec_find_decoder(id);
    return NULL;
}

static bool check_form(int rate, int channels, struct error *err) {
    if (rate < AUDIO_MIN_RATE || rate > AUDIO_MAX_RATE)
        return error_set(err, ERROR_INVALID, NULL, "%d samples a second are not from %d to %d",
                         rate, AUDIO_MIN_RATE, AUDIO_MAX_RATE);
    if (channels < 1 || channels > AUDIO_MAX_CHANNELS)
        return error_set(err, ERROR_INVALID, NULL, "%d channels are not from 1 to %d", channels,
                         AUDIO_MAX_CHANNELS);
    return true;
}

static bool open_codec(struct audio_decoder *decoder, struct error *err) {
    const AVCodecParameters *parameters = decoder->stream->codecpar;
    const AVCodec *codec = find_codec(parameters->codec_id);
    if (codec == NULL)
        return error_set(err, ERROR_INVALID, NULL, "its sound is %s, which is not supported",
                         avcodec_get_name(parameters->codec_id));
    decoder->codec = avcodec_alloc_context3(codec);
    if (decoder->codec == NULL)
        die_out_of_memory();
    int result = avcodec_parameters_to_context(decoder->codec, parameters);
    decoder->codec->thread_count = 1;
    decoder->codec->flags |= AV_CODEC_FLAG_BITEXACT;
    decoder->codec->pkt_timebase = decoder->stream->time_base;
    /* Lossless codecs have checksums that are right; of the others many encoders' are not. */
    if (parameters->codec_id == AV_CODEC_ID_FLAC || parameters->codec_id == AV_CODEC_ID_ALAC)
        decoder->codec->err_recognition = AV_EF_CRCCHECK | AV_EF_EXPLODE;
    if (result >= 0)
        result = avcodec_open2(decoder->codec, codec, NULL);
    return result >= 0 || refuse(decoder, result, err);
}

uint64_t audio_decoder_samples(const struct audio_decoder *decoder) {
    return decoder->samples;
}

unsigned audio_decoder_rate(const struct audio_decoder *decoder) {
    return decoder->rate;
}

/* Samples by the headers; the demuxer's word for MP3, whose header it has read already. */
static uint64_t samples_said(const struct audio_decoder *decoder) {
    const AVStream *stream = decoder->stream;
    const struct audio_file *file = &decoder->file;
    if (file->format == AUDIO_MP3 && stream->duration > 0)
        return (uint64_t)av_rescale_q(stream->duration, stream->time_base,
                                      (AVRational){1, (int)decoder->rate});
    if (file->timescale > 0 && file->length <= INT64_MAX)
        return (uint64_t)av_rescale((int64_t)file->length, decoder->rate, file->timescale);
    return file->length;
}

static uint64_t max_samples(const struct audio_decoder *decoder) {
    return (uint64_t)AUDIO_MAX_SECONDS * decoder->rate;
}

static bool refuse_length(struct error *err) {
    return error_set(err, ERROR_LIMIT, NULL, "longer than the limit of %d hours",
                     AUDIO_MAX_SECONDS / 3600);
}

bool audio_decoder_new(struct str file, struct audio_decoder **ret, struct error *err) {
    struct audio_decoder *decoder CLEANUP(audio_decoder_cleanup) = calloc(1, sizeof *decoder);
    if (decoder == NULL)
        die_out_of_memory();
    audio_pin_instructions();
    if (!audio_file_read(file, &decoder->file, err))
        return false;
    for (unsigned i = 0; i < decoder->file.part_count; i++)
        decoder->file_size += decoder->file.parts[i].len;
    if (!open_demuxer(decoder, err) || !choose_stream(decoder, err) || !open_codec(decoder, err))
        return false;
    *ret = decoder;
    decoder = NULL;
    return true;
}

void audio_decoder_free(struct audio_decoder *decoder) {
    if (decoder == NULL)
        return;
    avcodec_free_context(&decoder->codec);
    av_packet_free(&decoder->packet);
    av_frame_free(&decoder->frame);
    av_frame_free(&decoder->held);
    avformat_close_input(&decoder->demuxer);
    if (decoder->io != NULL)
        av_freep(&decoder->io->buffer);
    avio_context_free(&decoder->io);
    free(decoder);
}

void audio_decoder_cleanup(struct audio_decoder **decoder) {
    audio_decoder_free(*decoder);
}

/* Damage in a stream of bare frames counts only when sound follows it, or when there is much of
 * it. */
static bool take_junk(struct audio_decoder *decoder, int result, int size, struct error *err) {
    bool is_bare = decoder->file.format == AUDIO_MP3 || decoder->file.format == AUDIO_AAC;
    if (!is_bare || decoder->samples == 0)
        return refuse(decoder, result, err);
    if (decoder->junk_bytes == 0)
        decoder->junk_seconds = seconds_of(decoder);
    decoder->junk_bytes += (uint64_t)size;
    return decoder->junk_bytes <= MAX_TAIL_JUNK_BYTES || refuse(decoder, result, err);
}

/* Gives the decoder one packet, or tells it that there are no more. */
static bool feed(struct audio_decoder *decoder, struct error *err) {
    AVPacket *packet = decoder->packet;
    int result;
    do {
        av_packet_unref(packet);
        result = av_read_frame(decoder->demuxer, packet);
    } while (result >= 0 && packet->stream_index != decoder->stream->index);
    if (result == AVERROR_EOF) {
        result = avcodec_send_packet(decoder->codec, NULL);
        return result >= 0 || result == AVERROR_EOF || refuse(decoder, result, err);
    }
    /* A sample of MP4 whose end is missing. */
    if (result >= 0 && decoder->file.format == AUDIO_MP4 &&
        (packet->flags & AV_PKT_FLAG_CORRUPT) != 0)
        result = AVERROR_INVALIDDATA;
    if (result < 0)
        return refuse(decoder, result, err);
    int size = packet->size;
    result = avcodec_send_packet(decoder->codec, packet);
    av_packet_unref(packet);
    return result >= 0 || take_junk(decoder, result, size, err);
}

/* Decodes into `decoder->frame`; `*ret` false at the end. */
static bool decode(struct audio_decoder *decoder, bool *ret, struct error *err) {
    for (int i = 0; i < MAX_PACKETS_WITHOUT_FRAME; i++) {
        av_frame_unref(decoder->frame);
        int result = avcodec_receive_frame(decoder->codec, decoder->frame);
        *ret = result >= 0;
        if (result >= 0 && decoder->junk_bytes > 0)
            return error_set(err, ERROR_INVALID, NULL, "damaged at %.1f s", decoder->junk_seconds);
        if (result >= 0 && decoder->frame->nb_samples > 0)
            return true;
        if (result == AVERROR_EOF)
            return true;
        if (result < 0 && result != AVERROR(EAGAIN) && !take_junk(decoder, result, 1, err))
            return false;
        if (result < 0 && !feed(decoder, err))
            return false;
    }
    return refuse(decoder, AVERROR_INVALIDDATA, err);
}

static void make_finite(AVFrame *frame) {
    enum AVSampleFormat format = av_get_packed_sample_fmt(frame->format);
    if (format != AV_SAMPLE_FMT_FLT && format != AV_SAMPLE_FMT_DBL)
        return;
    bool is_planar = av_sample_fmt_is_planar(frame->format);
    size_t count =
        (size_t)frame->nb_samples * (is_planar ? 1 : (size_t)frame->ch_layout.nb_channels);
    if (av_frame_make_writable(frame) < 0)
        die_out_of_memory();
    for (int plane = 0; plane < (is_planar ? frame->ch_layout.nb_channels : 1); plane++) {
        float *floats = (float *)frame->extended_data[plane];
        double *doubles = (double *)frame->extended_data[plane];
        for (size_t i = 0; i < count && format == AV_SAMPLE_FMT_FLT; i++)
            if (!(fabsf(floats[i]) <= MAX_SAMPLE))
                floats[i] = isnan(floats[i]) ? 0 : copysignf(MAX_SAMPLE, floats[i]);
        for (size_t i = 0; i < count && format == AV_SAMPLE_FMT_DBL; i++)
            if (!(fabs(doubles[i]) <= (double)MAX_SAMPLE))
                doubles[i] = isnan(doubles[i]) ? 0 : copysign((double)MAX_SAMPLE, doubles[i]);
    }
}

/* Counts a frame that was decoded. */
static bool take_frame(struct audio_decoder *decoder, struct error *err) {
    AVFrame *frame = decoder->frame;
    if (!check_form(frame->sample_rate, frame->ch_layout.nb_channels, err))
        return false;
    unsigned rate = (unsigned)frame->sample_rate;
    if (decoder->rate != 0 && rate != decoder->rate)
        decoder->samples = (uint64_t)av_rescale((int64_t)decoder->samples, rate, decoder->rate);
    decoder->rate = rate;
    decoder->samples += (uint64_t)frame->nb_samples;
    if (decoder->samples > max_samples(decoder) || samples_said(decoder) > max_samples(decoder))
        return refuse_length(err);
    make_finite(frame);
    return true;
}

/* The end of the file against what its header said. More than the last frame is not cut off: then
 * the header is wrong. */
static bool check_end(struct audio_decoder *decoder, struct error *err) {
    if (decoder->rate == 0)
        return error_set(err, ERROR_INVALID, NULL, "there is no sound in it");
    uint64_t said = samples_said(decoder), last = (uint64_t)decoder->held->nb_samples;
    /* A header in another unit of time may be off by a rounding; MP4's may leave out a packet. */
    uint64_t slack = decoder->file.format == AUDIO_FLAC ? 0 : 4096;
    if (said > decoder->samples + slack)
        return error_set(err, ERROR_INVALID, NULL,
                         "damaged or truncated: %.1f of %.1f s can be decoded", seconds_of(decoder),
                         (double)said / decoder->rate);
    if (decoder->file.format == AUDIO_MP4 && said > 0 && decoder->samples > said &&
        decoder->samples - said < last) {
        decoder->held->nb_samples -= (int)(decoder->samples - said);
        decoder->samples = said;
    }
    return true;
}

bool audio_decoder_next(struct audio_decoder *decoder, const AVFrame **ret, struct error *err) {
    for (bool has_frame = true; !decoder->is_ended;) {
        if (!decode(decoder, &has_frame, err) || (has_frame && !take_frame(decoder, err)))
            return false;
        if (!has_frame) {
            decoder->is_ended = true;
            if (!check_end(decoder, err))
                return false;
            break;
        }
        AVFrame *next = decoder->frame;
        bool had_held = decoder->has_held;
        decoder->frame = decoder->held;
        decoder->held = next;
        decoder->has_held = true;
        if (had_held) {
            *ret = decoder->frame;
            return true;
        }
    }
    *ret = NULL;
    if (decoder->has_held) {
        av_frame_move_ref(decoder->frame, decoder->held);
        decoder->has_held = false;
        *ret = decoder->frame;
    }
    return true;
}
