/*
 * PNG, WebP and BMP through libavcodec: one packet in, one frame out.
 */
#include "media/media.h"
#include "media/readers.h"
#include "media/unpack.h"

#include <libavcodec/avcodec.h>
#include <string.h>

static void free_codec(AVCodecContext **codec) {
    avcodec_free_context(codec);
}

static void free_packet(AVPacket **packet) {
    av_packet_free(packet);
}

static void free_frame(AVFrame **frame) {
    av_frame_free(frame);
}

static bool refuse(int code, struct error *err) {
    char text[AV_ERROR_MAX_STRING_SIZE] = "";
    if (code == AVERROR(ENOMEM))
        return error_set(err, ERROR_LIMIT, NULL, "too large for the memory");
    if (code == AVERROR_PATCHWELCOME || code == AVERROR(ENOSYS))
        return error_set(err, ERROR_INVALID, NULL, "uses a rare variant that is not supported");
    av_strerror(code, text, sizeof text);
    return error_set(err, ERROR_INVALID, NULL, "truncated or damaged: '%s'", text);
}

/* What a decoder leaves unwritten in a damaged file shall be black, not somebody's old memory. */
static int get_black_buffer(AVCodecContext *codec, AVFrame *frame, int flags) {
    int result = avcodec_default_get_buffer2(codec, frame, flags);
    for (int i = 0; result >= 0 && i < AV_NUM_DATA_POINTERS && frame->buf[i] != NULL; i++)
        memset(frame->buf[i]->data, 0, frame->buf[i]->size);
    return result;
}

static bool open_codec(enum image_format format, AVCodecContext **ret, struct error *err) {
    static const enum AVCodecID ids[] = {[IMAGE_PNG] = AV_CODEC_ID_PNG,
                                         [IMAGE_WEBP] = AV_CODEC_ID_WEBP,
                                         [IMAGE_BMP] = AV_CODEC_ID_BMP};
    const AVCodec *decoder = avcodec_find_decoder(ids[format]);
    if (decoder == NULL)
        return error_set(err, ERROR_INTERNAL, NULL, "the media library cannot decode %s",
                         image_format_name(format));
    AVCodecContext *codec = avcodec_alloc_context3(decoder);
    if (codec == NULL)
        die_out_of_memory();
    codec->thread_count = 1;
    codec->max_pixels = MEDIA_MAX_PIXELS;
    codec->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER | AV_EF_EXPLODE;
    codec->get_buffer2 = get_black_buffer;
    int result = avcodec_open2(codec, decoder, NULL);
    if (result < 0) {
        avcodec_free_context(&codec);
        return refuse(result, err);
    }
    *ret = codec;
    return true;
}

static bool decode_frame(struct str image, const struct image_header *header, AVFrame *frame,
                         struct error *err) {
    AVCodecContext *codec CLEANUP(free_codec) = NULL;
    AVPacket *packet CLEANUP(free_packet) = av_packet_alloc();
    if (packet == NULL)
        die_out_of_memory();
    if (!open_codec(header->format, &codec, err))
        return false;
    if (image.len > INT32_MAX - AV_INPUT_BUFFER_PADDING_SIZE)
        return error_set(err, ERROR_LIMIT, NULL, "is larger than 2 GiB");
    /* The decoder reads a little behind the end: the copy has room there. */
    if (av_new_packet(packet, (int)image.len) < 0)
        die_out_of_memory();
    memcpy(packet->data, image.ptr, image.len);
    int result = avcodec_send_packet(codec, packet);
    if (result >= 0)
        result = avcodec_receive_frame(codec, frame);
    if (result < 0)
        return refuse(result == AVERROR(EAGAIN) ? AVERROR_INVALIDDATA : result, err);
    if ((unsigned)frame->width != header->width || (unsigned)frame->height != header->height)
        return error_set(err, ERROR_INVALID, NULL, "damaged: it has two sizes");
    return true;
}

bool avimage_decode(const struct reading *reading, struct pixels *ret, struct error *err) {
    AVFrame *frame CLEANUP(free_frame) = av_frame_alloc();
    if (frame == NULL)
        die_out_of_memory();
    if (!decode_frame(reading->image, reading->header, frame, err))
        return false;
    /* PNG says it in a chunk that the decoder does not know. */
    if (reading->header->colour.transfer == AVCOL_TRC_SMPTE2084 ||
        reading->header->colour.transfer == AVCOL_TRC_ARIB_STD_B67)
        frame->color_trc = (enum AVColorTransferCharacteristic)reading->header->colour.transfer;
    if (!unpack_frame(frame, reading->planes, ret, err))
        return false;
    ret->premultiplied = reading->header->premultiplied;
    return true;
}
