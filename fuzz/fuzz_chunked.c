/*
 * aws-chunked bodies: the first byte chooses the kind and the size of the pieces. Contents never
 * exceed what was announced, and no signed body is accepted, for no input knows the secret.
 */
#include "sign/chunked.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ANNOUNCED_BYTES = 20000 };

static bool count(void *context, const void *data, size_t size, struct error *err) {
    (void)data, (void)err;
    size_t *total = context;
    *total += size;
    if (*total > ANNOUNCED_BYTES)
        abort();
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const kinds[] = {CHUNKED_UNSIGNED_TRAILER, CHUNKED_SIGNED,
                                        CHUNKED_SIGNED_TRAILER, CHUNKED_UNSIGNED_TRAILER};
    if (size == 0)
        return 0;
    unsigned kind = data[0] % 4;
    size_t piece = 1 + data[0] / 4;
    const struct chunked_options options = {
        .payload_hash = kinds[kind],
        .decoded_size = kind == 3 ? 5 : ANNOUNCED_BYTES,
        .trailer = kind >= 2 ? "x-amz-checksum-crc32" : NULL,
        .secret_key = "a secret that no input holds",
        .date = "20260101",
        .region = "local",
        .service = "s3",
        .seed_signature = "0000000000000000000000000000000000000000000000000000000000000000",
    };
    struct chunked *chunked = chunked_new(&options);
    size_t total = 0;
    const struct chunked_sink sink = {count, &total};
    struct error err;
    bool ok = true;
    for (size_t at = 1; ok && at < size; at += piece)
        ok = chunked_add(chunked, data + at, size - at < piece ? size - at : piece, &sink, &err);
    if (ok && chunked_end(chunked, &err) &&
        (kind == 1 || kind == 2 || total != options.decoded_size))
        abort();
    chunked_free(chunked);
    return 0;
}
