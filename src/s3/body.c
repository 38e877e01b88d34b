/*
 * The body of a call: where it goes, and whether it is what the head promised.
 *
 * Promises are the signed SHA-256, Content-MD5, and one x-amz-checksum-… header or trailer.
 * Checksums in the query are not looked at: the JavaScript SDK pre-signs uploads with the checksum
 * of an empty body.
 */
#include "base/codec.h"
#include "s3/internal.h"

#include <string.h>

static bool fail_two_checksums(struct error *err) {
    return error_set(err, ERROR_INVALID, "InvalidRequest",
                     "Expecting a single x-amz-checksum- header. Multiple checksum Types are not "
                     "allowed.");
}

static bool fail_checksum_value(enum checksum_kind kind, struct error *err) {
    return error_set(err, ERROR_INVALID, "InvalidRequest", "Value for %s header is invalid.",
                     checksum_header(kind));
}

/* Headers that look like a checksum's, but tell something about it. */
static bool is_about_checksums(struct str name) {
    return str_equal_nocase(name, str_c("x-amz-checksum-algorithm")) ||
           str_equal_nocase(name, str_c("x-amz-checksum-mode")) ||
           str_equal_nocase(name, str_c("x-amz-checksum-type"));
}

static bool read_checksum_header(struct s3_call *call, const struct http_header *header,
                                 struct error *err) {
    struct s3_body *body = &call->body;
    enum checksum_kind kind = checksum_kind_of_header(str_c(header->name));
    if (kind == CHECKSUM_NONE && is_about_checksums(str_c(header->name)))
        return true;
    if (kind == CHECKSUM_NONE)
        return error_set(err, ERROR_INVALID, "NotImplemented",
                         "%.64s is not supported; use CRC32, CRC32C, CRC64NVME, SHA1 or SHA256",
                         header->name);
    if (body->expected_checksum)
        return fail_two_checksums(err);
    if (!checksum_is_well_formed(kind, call->arena, str_c(header->value)))
        return fail_checksum_value(kind, err);
    body->expected_checksum = header->value;
    checksum_init(&body->checksum, kind);
    return true;
}

static bool read_promises(struct s3_call *call, struct error *err) {
    const struct http_headers *headers = &call->x->request.headers;
    for (size_t i = 0; i < headers->count; i++) {
        struct str name = str_c(headers->items[i].name);
        struct str start = {name.ptr, name.len < 15 ? name.len : 15};
        if (!call->body.checksum_is_objects && str_equal_nocase(start, str_c("x-amz-checksum-")) &&
            !read_checksum_header(call, &headers->items[i], err))
            return false;
    }
    const char *md5_header = s3_header(call, "content-md5");
    if (md5_header) {
        uint8_t *hash;
        size_t size;
        if (!base64_decode(call->arena, str_trim(str_c(md5_header)), &hash, &size) ||
            size != MD5_SIZE)
            return error_set(err, ERROR_INVALID, "InvalidDigest",
                             "The Content-MD5 you specified was invalid.");
        call->body.expected_md5 = base64_encode(call->arena, hash, size);
    }
    return true;
}

static bool is_streaming(const struct s3_call *call) {
    return str_starts_with(str_c(call->claim.payload_hash), "STREAMING-");
}

/* x-amz-trailer names the checksum that stands behind the body. */
static bool read_trailer_name(struct s3_call *call, const char **ret, struct error *err) {
    struct s3_body *body = &call->body;
    const char *trailer = s3_header(call, "x-amz-trailer");
    *ret = NULL;
    if (!trailer)
        return true;
    enum checksum_kind kind = checksum_kind_of_header(str_trim(str_c(trailer)));
    if (kind == CHECKSUM_NONE)
        return error_set(err, ERROR_INVALID, "InvalidRequest",
                         "The value specified in the x-amz-trailer header is not supported");
    if (body->expected_checksum)
        return fail_two_checksums(err);
    checksum_init(&body->checksum, kind);
    *ret = checksum_header(kind);
    return true;
}

static bool begin_chunked(struct s3_call *call, struct error *err) {
    const struct sigv4_claim *claim = &call->claim;
    const char *size_text = s3_header(call, "x-amz-decoded-content-length");
    uint64_t size;
    const char *trailer;
    if (!size_text || !str_to_u64(str_c(size_text), INT64_MAX, &size))
        return error_set(err, ERROR_INVALID, "MissingContentLength",
                         "no x-amz-decoded-content-length");
    if (size > STORE_MAX_PUT_BYTES)
        return error_set(err, ERROR_LIMIT, "EntityTooLarge", "the body is over 5 GiB");
    if (!read_trailer_name(call, &trailer, err))
        return false;
    struct chunked_options options = {
        .payload_hash = claim->payload_hash,
        .decoded_size = size,
        .trailer = trailer,
        .secret_key = call->secret_key,
        .date = claim->date,
        .region = claim->region,
        .service = claim->service,
        .signed_at_unix_ms = claim->signed_at_unix_ms,
        .seed_signature = claim->signature,
    };
    call->body.chunked = chunked_new(&options);
    return true;
}

bool s3_body_begin(struct s3_call *call, struct error *err) {
    const struct http_request *request = &call->x->request;
    buf_init(&call->body.document, call->route->max_document_bytes);
    if (!read_promises(call, err) || (is_streaming(call) && !begin_chunked(call, err)))
        return false;
    if (s3_header(call, "x-amz-sdk-checksum-algorithm") && !call->body.checksum_is_objects &&
        call->body.checksum.kind == CHECKSUM_NONE)
        return error_set(err, ERROR_INVALID, "InvalidRequest",
                         "x-amz-sdk-checksum-algorithm specified, but no corresponding "
                         "x-amz-checksum-* or x-amz-trailer headers were found.");
    if (call->body.checksum.kind == CHECKSUM_NONE)
        checksum_init(&call->body.checksum, call->body.default_checksum);
    if (call->route->intake == S3_DOCUMENT)
        return true;
    if (request->content_length < 0 && !request->chunked)
        return error_set(err, ERROR_INVALID, "MissingContentLength", "no Content-Length");
    if (request->content_length > (int64_t)STORE_MAX_PUT_BYTES && !call->body.chunked)
        return error_set(err, ERROR_LIMIT, "EntityTooLarge", "the body is over 5 GiB");
    return store_body_new(call->store, &call->body.stored, err);
}

/* Contents, out of their chunks. */
static bool take(void *context, const void *data, size_t size, struct error *err) {
    struct s3_call *call = context;
    struct s3_body *body = &call->body;
    checksum_add(&body->checksum, data, size);
    if (body->stored)
        return store_body_add(body->stored, data, size, err);
    if (size > body->document.max_size - body->document.size)
        return error_set(err, ERROR_LIMIT, "MaxMessageLengthExceeded",
                         "the body is over the limit of %zu bytes", body->document.max_size);
    return buf_append(&body->document, data, size, err);
}

bool s3_body_take(struct s3_call *call, const void *data, size_t size, struct error *err) {
    return take(call, data, size, err);
}

bool s3_body_add(struct s3_call *call, const void *data, size_t size, struct error *err) {
    if (!call->body.chunked)
        return take(call, data, size, err);
    struct chunked_sink sink = {.take = take, .context = call};
    return chunked_add(call->body.chunked, data, size, &sink, err);
}

/* The checksum behind the body is one more promise. */
static bool end_chunked(struct s3_call *call, struct error *err) {
    struct s3_body *body = &call->body;
    if (!chunked_end(body->chunked, err))
        return false;
    const char *trailer = chunked_trailer(body->chunked);
    if (!trailer)
        return true;
    if (!checksum_is_well_formed(body->checksum.kind, call->arena, str_c(trailer)))
        return fail_checksum_value(body->checksum.kind, err);
    body->expected_checksum = arena_strdup(call->arena, trailer);
    return true;
}

static bool check_payload_hash(struct s3_call *call, const uint8_t hash[SHA256_SIZE],
                               struct error *err) {
    char computed[SHA256_HEX_SIZE];
    hex_encode(hash, SHA256_SIZE, computed);
    struct str promised = str_c(call->claim.payload_hash);
    if (is_streaming(call) || str_equal_c(promised, SIGV4_UNSIGNED_PAYLOAD) ||
        str_equal_nocase(promised, str_c(computed)))
        return true;
    s3_error_detail(call, "ClientComputedContentSHA256", call->claim.payload_hash);
    s3_error_detail(call, "S3ComputedContentSHA256", computed);
    return error_set(err, ERROR_INVALID, "XAmzContentSHA256Mismatch", "the body is another one");
}

bool s3_body_end(struct s3_call *call, struct error *err) {
    struct s3_body *body = &call->body;
    uint8_t hash[SHA256_SIZE];
    uint8_t md5_hash[MD5_SIZE];
    if (body->chunked && !end_chunked(call, err))
        return false;
    if (body->stored) {
        store_body_sha256(body->stored, hash);
        store_body_md5(body->stored, md5_hash);
    } else {
        const void *data = body->document.size ? (const void *)body->document.data : "";
        sha256(data, body->document.size, hash);
        md5(data, body->document.size, md5_hash);
    }
    if (!check_payload_hash(call, hash, err))
        return false;
    if (body->expected_md5 &&
        strcmp(body->expected_md5, base64_encode(call->arena, md5_hash, MD5_SIZE)) != 0)
        return error_set(err, ERROR_INVALID, "BadDigest",
                         "The Content-MD5 you specified did not match what we received.");
    if (body->checksum.kind != CHECKSUM_NONE)
        body->computed_checksum = checksum_text(&body->checksum, call->arena, hash);
    if (body->expected_checksum && strcmp(body->expected_checksum, body->computed_checksum) != 0)
        return error_set(err, ERROR_INVALID, "BadDigest",
                         "The %s you specified did not match the calculated checksum.",
                         checksum_name(body->checksum.kind));
    return true;
}

void s3_body_clear(struct s3_call *call) {
    store_body_free(call->body.stored);
    call->body.stored = NULL;
    chunked_free(call->body.chunked);
    call->body.chunked = NULL;
    checksum_clear(&call->body.checksum);
    buf_clear(&call->body.document);
}

bool s3_body_xml(struct s3_call *call, const char *root_name, struct xml_element **ret,
                 struct error *err) {
    struct str text = buf_str(&call->body.document);
    if (text.len == 0)
        return error_set(err, ERROR_INVALID, "MissingRequestBodyError", "no body");
    struct xml_element *root;
    if (!xml_parse(call->arena, text, &root, err)) {
        err->code = "MalformedXML";
        return false;
    }
    if (strcmp(root->name, root_name) != 0)
        return error_set(err, ERROR_INVALID, "MalformedXML", "the document is '%.64s', not '%s'",
                         root->name, root_name);
    *ret = root;
    return true;
}
