/*
 * A machine of five states. Lines (a chunk's head, the trailers) are gathered until their CRLF and
 * then judged as a whole; data passes through. A chunk's signature covers the one before it, so
 * the chain starts with the signature of the request's head and no chunk can be left out, swapped
 * or cut.
 */
#include "sign/chunked.h"

#include "base/arena.h"
#include "base/codec.h"
#include "sign/digest.h"
#include "sign/sigv4.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_LINE_BYTES = 1024,
    MIN_CHUNK_BYTES = 8192, /* of all but the last, as S3 wants it */
    MAX_SIZE_DIGITS = 16,
};

enum state {
    STATE_HEAD,     /* in the line that tells a chunk's size */
    STATE_DATA,     /* `left` bytes of it to come */
    STATE_DATA_END, /* in the CRLF behind it */
    STATE_TRAILER,  /* in the lines behind the empty chunk */
    STATE_DONE,
};

struct chunked {
    struct arena *arena;
    struct chunked_options options;
    bool is_signed;
    bool has_trailer; /* the kind of body may have one */
    enum state state;
    char line[MAX_LINE_BYTES];
    size_t line_size;
    uint64_t left;
    uint64_t decoded;
    bool short_chunk; /* the last chunk of data was smaller than S3 wants */
    struct digest *digest;
    char signature[SHA256_HEX_SIZE]; /* of the chunk at hand, as the client gave it */
    char previous[SHA256_HEX_SIZE];
    const char *trailer;
    bool trailer_signed;
};

static const char *copy(struct arena *arena, const char *text) {
    return text ? arena_strdup(arena, text) : NULL;
}

struct chunked *chunked_new(const struct chunked_options *options) {
    struct chunked *c = calloc(1, sizeof *c);
    if (!c)
        die_out_of_memory();
    c->arena = arena_new();
    c->options = *options;
    c->options.payload_hash = copy(c->arena, options->payload_hash);
    c->options.trailer = copy(c->arena, options->trailer);
    c->options.secret_key = copy(c->arena, options->secret_key);
    c->options.date = copy(c->arena, options->date);
    c->options.region = copy(c->arena, options->region);
    c->options.service = copy(c->arena, options->service);
    c->is_signed = strcmp(options->payload_hash, CHUNKED_UNSIGNED_TRAILER) != 0;
    c->has_trailer = strcmp(options->payload_hash, CHUNKED_SIGNED) != 0;
    if (c->is_signed) {
        c->digest = digest_new(DIGEST_SHA256);
        size_t length = strnlen(options->seed_signature, SHA256_HEX_SIZE - 1);
        memcpy(c->previous, options->seed_signature, length);
    }
    c->options.seed_signature = NULL; /* taken over */
    return c;
}

void chunked_free(struct chunked *c) {
    if (!c)
        return;
    if (c->digest)
        digest_free(c->digest);
    arena_free(c->arena);
    free(c);
}

static bool fail_incomplete(struct error *err) {
    return error_set(err, ERROR_INVALID, "IncompleteBody",
                     "The request body terminated unexpectedly");
}

/* ---- signatures ---- */

/* Compares with what the chain says, and makes it the next link. `hash` is what the third and
 * following lines of the string to sign hold. */
static bool check_link(struct chunked *c, const char *algorithm, const char *hashes,
                       const char *signature, struct error *err) {
    const struct chunked_options *o = &c->options;
    char time[DATE_SIZE];
    date_format_basic(o->signed_at_unix_ms, time);
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    const char *text = arena_printf(arena, "%s\n%s\n%s/%s/%s/aws4_request\n%s\n%s", algorithm, time,
                                    o->date, o->region, o->service, c->previous, hashes);
    char expected[SHA256_HEX_SIZE];
    sigv4_sign_text(o->secret_key, o->date, o->region, o->service, str_c(text), expected);
    if (strlen(signature) != SHA256_HEX_SIZE - 1 ||
        !equal_constant_time(expected, signature, SHA256_HEX_SIZE - 1))
        return error_set(err, ERROR_DENIED, "SignatureDoesNotMatch",
                         "the signature of a chunk does not match");
    memcpy(c->previous, expected, sizeof expected);
    return true;
}

static bool check_chunk(struct chunked *c, struct error *err) {
    if (!c->is_signed)
        return true;
    uint8_t hash[SHA256_SIZE];
    char empty[SHA256_HEX_SIZE];
    char data[SHA256_HEX_SIZE];
    digest_take(c->digest, hash);
    hex_encode(hash, sizeof hash, data);
    sha256_hex("", 0, empty);
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    return check_link(c, "AWS4-HMAC-SHA256-PAYLOAD", arena_printf(arena, "%s\n%s", empty, data),
                      c->signature, err);
}

static bool check_trailer(struct chunked *c, struct str signature, struct error *err) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    const char *canonical =
        c->trailer ? arena_printf(arena, "%s:%s\n", c->options.trailer, c->trailer) : "";
    char hash[SHA256_HEX_SIZE];
    sha256_hex(canonical, strlen(canonical), hash);
    c->trailer_signed = true;
    return check_link(c, "AWS4-HMAC-SHA256-TRAILER", hash,
                      arena_strndup(arena, signature.ptr, signature.len), err);
}

/* ---- lines ---- */

static bool parse_size(struct str text, uint64_t *ret) {
    uint64_t size = 0;
    if (text.len == 0 || text.len > MAX_SIZE_DIGITS)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const char *digits = "0123456789abcdefABCDEF";
        const char *digit = text.ptr[i] ? strchr(digits, text.ptr[i]) : NULL;
        if (!digit)
            return false;
        size_t value = (size_t)(digit - digits);
        size = size << 4 | (value > 15 ? value - 6 : value);
    }
    *ret = size;
    return true;
}

/* `hexlen` or `hexlen;chunk-signature=…`. */
static bool take_head(struct chunked *c, struct str line, struct error *err) {
    struct str extension;
    struct str size = str_split(line, ';', &extension);
    if (!parse_size(size, &c->left) || c->left > c->options.decoded_size - c->decoded)
        return fail_incomplete(err);
    if (c->is_signed) {
        static const char name[] = "chunk-signature=";
        if (!str_starts_with(extension, name) ||
            extension.len != sizeof name - 1 + SHA256_HEX_SIZE - 1)
            return fail_incomplete(err);
        memcpy(c->signature, extension.ptr + sizeof name - 1, SHA256_HEX_SIZE - 1);
    }
    if (c->left == 0) {
        c->state = STATE_TRAILER;
        return check_chunk(c, err);
    }
    if (c->short_chunk)
        return error_set(err, ERROR_INVALID, "InvalidChunkSizeError",
                         "Only the last chunk is allowed to have a size less than 8192 bytes");
    c->short_chunk = c->left < MIN_CHUNK_BYTES;
    c->state = STATE_DATA;
    return true;
}

static bool fail_trailer(struct error *err) {
    return error_set(err, ERROR_INVALID, "MalformedTrailerError",
                     "The request contained trailing data that was not well-formed or did not "
                     "conform to our published schema.");
}

/* `name:value`, then for signed bodies `x-amz-trailer-signature:hex`, then an empty line. */
static bool take_trailer(struct chunked *c, struct str line, struct error *err) {
    if (line.len == 0) {
        c->state = STATE_DONE;
        return true;
    }
    struct str value;
    struct str name = str_trim(str_split(line, ':', &value));
    value = str_trim(value);
    if (!c->has_trailer)
        return fail_incomplete(err);
    if (!c->options.trailer || c->trailer_signed)
        return fail_trailer(err);
    if (c->is_signed && str_equal_nocase(name, str_c("x-amz-trailer-signature")))
        return check_trailer(c, value, err);
    if (c->trailer || !str_equal_nocase(name, str_c(c->options.trailer)))
        return fail_trailer(err);
    c->trailer = arena_strndup(c->arena, value.ptr, value.len);
    return true;
}

static bool take_data_end(struct chunked *c, struct str line, struct error *err) {
    if (line.len != 0)
        return fail_incomplete(err);
    c->state = STATE_HEAD;
    return check_chunk(c, err);
}

static bool take_line(struct chunked *c, struct error *err) {
    struct str line = {c->line, c->line_size - 2};
    c->line_size = 0;
    if (str_has_control(line))
        return fail_incomplete(err);
    switch (c->state) {
    case STATE_HEAD:
        return take_head(c, line, err);
    case STATE_DATA_END:
        return take_data_end(c, line, err);
    case STATE_TRAILER:
        return take_trailer(c, line, err);
    case STATE_DATA:
    case STATE_DONE:
        break;
    }
    return fail_incomplete(err);
}

/* ---- bytes ---- */

static bool add_line_byte(struct chunked *c, char byte, struct error *err) {
    if (c->state == STATE_DONE || c->line_size == sizeof c->line)
        return fail_incomplete(err);
    c->line[c->line_size++] = byte;
    if (byte != '\n')
        return true;
    if (c->line_size < 2 || c->line[c->line_size - 2] != '\r')
        return fail_incomplete(err);
    return take_line(c, err);
}

static bool add_data(struct chunked *c, const void *data, size_t size,
                     const struct chunked_sink *sink, struct error *err) {
    if (c->is_signed)
        digest_add(c->digest, data, size);
    c->left -= size;
    c->decoded += size;
    if (c->left == 0)
        c->state = STATE_DATA_END;
    return sink->take(sink->context, data, size, err);
}

bool chunked_add(struct chunked *c, const void *data, size_t size, const struct chunked_sink *sink,
                 struct error *err) {
    const char *bytes = data;
    while (size > 0) {
        size_t taken = 1;
        if (c->state == STATE_DATA) {
            taken = size < c->left ? size : (size_t)c->left;
            if (!add_data(c, bytes, taken, sink, err))
                return false;
        } else if (!add_line_byte(c, *bytes, err)) {
            return false;
        }
        bytes += taken;
        size -= taken;
    }
    return true;
}

bool chunked_end(const struct chunked *c, struct error *err) {
    /* S3 lets the last empty line be missing. */
    bool at_end = c->state == STATE_DONE || (c->state == STATE_TRAILER && c->line_size == 0);
    if (!at_end || c->decoded != c->options.decoded_size)
        return fail_incomplete(err);
    if (c->options.trailer && c->has_trailer && (!c->trailer || c->is_signed != c->trailer_signed))
        return fail_trailer(err);
    return true;
}

const char *chunked_trailer(const struct chunked *c) {
    return c->trailer;
}
