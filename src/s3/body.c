/*
 * The body of a call: where it goes, and whether it is what the head promised.
 *
 * Promises are the signed SHA-256, Content-MD5, and one x-amz-checksum-… header. Checksums in the
 * query are not looked at: the JavaScript SDK pre-signs uploads with the checksum of an empty body.
 */
#include "base/codec.h"
#include "s3/internal.h"

#include <string.h>

static bool read_checksum_header(struct s3_call *call, const struct http_header *header,
                                 struct error *err) {
    struct s3_body *body = &call->body;
    enum checksum_kind kind = checksum_kind_of_header(str_c(header->name));
    if (kind == CHECKSUM_NONE) {
        struct str name = str_c(header->name);
        for (const char *const *known =
                 (const char *const[]){"x-amz-checksum-algorithm", "x-amz-checksum-mode",
                                       "x-amz-checksum-type", NULL};
             *known; known++) {
            if (str_equal_nocase(name, str_c(*known)))
                return true;
        }
        return error_set(err, ERROR_INVALID, "NotImplemented",
                         "%.64s is not supported; use CRC32, CRC32C, CRC64NVME or SHA256",
                         header->name);
    }
    if (body->expected_checksum)
        return error_set(err, ERROR_INVALID, "InvalidRequest",
                         "Expecting a single x-amz-checksum- header. Multiple checksum Types are "
                         "not allowed.");
    if (!checksum_is_well_formed(kind, call->arena, str_c(header->value)))
        return error_set(err, ERROR_INVALID, "InvalidRequest", "Value for %s header is invalid.",
                         checksum_header(kind));
    body->expected_checksum = header->value;
    checksum_init(&body->checksum, kind);
    return true;
}

static bool read_promises(struct s3_call *call, struct error *err) {
    const struct http_headers *headers = &call->x->request.headers;
    for (size_t i = 0; i < headers->count; i++) {
        struct str name = str_c(headers->items[i].name);
        struct str start = {name.ptr, name.len < 15 ? name.len : 15};
        if (str_equal_nocase(start, str_c("x-amz-checksum-")) &&
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

bool s3_body_begin(struct s3_call *call, struct error *err) {
    const struct http_request *request = &call->x->request;
    buf_init(&call->body.document, call->route->max_document_bytes);
    if (strncmp(call->claim.payload_hash, "STREAMING-", 10) == 0)
        return error_set(err, ERROR_INVALID, "NotImplemented",
                         "bodies in signed chunks (%.64s) are not supported",
                         call->claim.payload_hash);
    if (!read_promises(call, err))
        return false;
    if (call->route->intake == S3_DOCUMENT)
        return true;
    if (request->content_length < 0 && !request->chunked)
        return error_set(err, ERROR_INVALID, "MissingContentLength", "no Content-Length");
    if (request->content_length > (int64_t)STORE_MAX_PUT_BYTES)
        return error_set(err, ERROR_LIMIT, "EntityTooLarge", "the body is over 5 GiB");
    return store_body_new(call->store, &call->body.stored, err);
}

bool s3_body_add(struct s3_call *call, const void *data, size_t size, struct error *err) {
    struct s3_body *body = &call->body;
    if (body->stored) {
        checksum_add(&body->checksum, data, size);
        return store_body_add(body->stored, data, size, err);
    }
    if (size > body->document.max_size - body->document.size)
        return error_set(err, ERROR_LIMIT, "MaxMessageLengthExceeded",
                         "the body is over the limit of %zu bytes", body->document.max_size);
    checksum_add(&body->checksum, data, size);
    return buf_append(&body->document, data, size, err);
}

static bool check_payload_hash(struct s3_call *call, const uint8_t hash[SHA256_SIZE],
                               struct error *err) {
    char computed[SHA256_HEX_SIZE];
    hex_encode(hash, SHA256_SIZE, computed);
    if (strcmp(call->claim.payload_hash, SIGV4_UNSIGNED_PAYLOAD) == 0 ||
        strcmp(call->claim.payload_hash, computed) == 0)
        return true;
    s3_error_detail(call, "ClientComputedContentSHA256", call->claim.payload_hash);
    s3_error_detail(call, "S3ComputedContentSHA256", computed);
    return error_set(err, ERROR_INVALID, "XAmzContentSHA256Mismatch", "the body is another one");
}

bool s3_body_end(struct s3_call *call, struct error *err) {
    struct s3_body *body = &call->body;
    uint8_t hash[SHA256_SIZE];
    uint8_t md5_hash[MD5_SIZE];
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
    if (body->expected_checksum &&
        strcmp(body->expected_checksum, checksum_text(&body->checksum, call->arena, hash)) != 0)
        return error_set(err, ERROR_INVALID, "BadDigest",
                         "The %s you specified did not match the calculated checksum.",
                         checksum_name(body->checksum.kind));
    return true;
}

void s3_body_clear(struct s3_call *call) {
    store_body_free(call->body.stored);
    call->body.stored = NULL;
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
