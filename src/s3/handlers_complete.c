/*
 * Completing an upload. The object's checksum follows from those of its parts: they are read before
 * the store completes, and given back to it, so that it refuses where a part was replaced between.
 */
#include "base/codec.h"
#include "s3/internal.h"

#include <string.h>

/* Header and trailer names of checksums tell that of the object here. */
bool s3_prepare_complete(struct s3_call *call, struct error *err) {
    call->body.checksum_is_objects = true;
    return s3_refuse_features(call, err);
}

static bool read_part(struct s3_call *call, const struct xml_element *e, enum checksum_kind kind,
                      struct store_part *ret, struct error *err) {
    struct str etag = xml_child_text(e, "ETag");
    uint64_t number;
    if (etag.len == 0 ||
        !str_to_u64(str_trim(xml_child_text(e, "PartNumber")), STORE_MAX_PARTS, &number) ||
        number == 0)
        return error_set(err, ERROR_INVALID, "MalformedXML",
                         "a part of the list has no number or ETag");
    struct str sum = str_trim(xml_child_text(e, checksum_element(kind)));
    *ret = (struct store_part){
        .number = (unsigned)number,
        .etag = s3_unquote_etag(call->arena, arena_strndup(call->arena, etag.ptr, etag.len)),
        .checksum = sum.len > 0 ? arena_strndup(call->arena, sum.ptr, sum.len) : NULL,
    };
    return true;
}

static bool read_parts(struct s3_call *call, enum checksum_kind kind, struct store_part **ret,
                       size_t *ret_count, struct error *err) {
    struct xml_element *root;
    if (!s3_body_xml(call, "CompleteMultipartUpload", &root, err))
        return false;
    struct store_part *parts = arena_array(call->arena, STORE_MAX_PARTS, sizeof *parts);
    size_t count = 0;
    for (struct xml_element *e = xml_child(root, "Part"); e; e = xml_next_named(e)) {
        if (count == STORE_MAX_PARTS)
            return error_set(err, ERROR_INVALID, "MalformedXML", "more than %d parts",
                             STORE_MAX_PARTS);
        if (!read_part(call, e, kind, &parts[count++], err))
            return false;
    }
    if (count == 0)
        return error_set(err, ERROR_INVALID, "MalformedXML", "the list of parts is empty");
    *ret = parts;
    *ret_count = count;
    return true;
}

/* Size and checksum of the listed parts as they are in the store; `parts` are in order. What is not
 * there is for the store to refuse. */
static bool look_up_parts(struct s3_call *call, const char *upload_id, struct store_part *parts,
                          size_t count, struct error *err) {
    unsigned after = 0;
    bool more = true;
    size_t i = 0;
    while (more && i < count) {
        struct store_part *page;
        size_t page_count;
        if (!store_list_parts(call->store, call->arena, call->bucket, call->key, upload_id, after,
                              S3_PAGE_ENTRIES, &page, &page_count, &more, err))
            return false;
        for (size_t j = 0; j < page_count && i < count; j++) {
            after = page[j].number;
            while (i < count && parts[i].number < after)
                i++;
            if (i == count || parts[i].number != after)
                continue;
            parts[i].size = page[j].size;
            /* What the client says of it is compared by the store. */
            if (!parts[i].checksum)
                parts[i].checksum = page[j].checksum;
            i++;
        }
    }
    return true;
}

static bool check_size(const struct s3_call *call, const struct store_part *parts, size_t count,
                       struct error *err) {
    const char *text = s3_header(call, "x-amz-mp-object-size");
    uint64_t expected;
    uint64_t size = 0;
    if (!text)
        return true;
    for (size_t i = 0; i < count; i++)
        size += parts[i].size;
    if (str_to_u64(str_c(text), INT64_MAX, &expected) && expected == size)
        return true;
    return error_set(
        err, ERROR_INVALID, "InvalidRequest",
        "The provided 'x-amz-mp-object-size' header does not match what was computed.");
}

/* The client may say what it expects. */
static bool check_sum(const struct s3_call *call, const struct object_checksum *sum,
                      struct error *err) {
    const char *type = s3_header(call, "x-amz-checksum-type");
    const char *value = s3_header(call, checksum_header(sum->kind));
    if (type && !str_equal_nocase(str_c(type), str_c(checksum_type_name(sum->type))))
        return error_set(err, ERROR_INVALID, "InvalidRequest",
                         "The upload was created using the %s checksum mode. The complete request "
                         "must use the same checksum mode.",
                         checksum_type_name(sum->type));
    if (!value || strcmp(value, sum->value) == 0)
        return true;
    return error_set(err, ERROR_INVALID, "BadDigest",
                     "The %s you specified did not match the calculated checksum.",
                     checksum_name(sum->kind));
}

static bool find_checksum(struct s3_call *call, const struct store_part *parts, size_t count,
                          struct object_checksum *sum, struct error *err) {
    if (sum->kind == CHECKSUM_NONE)
        return true;
    struct checksum_part *summed = arena_array(call->arena, count, sizeof *summed);
    for (size_t i = 0; i < count; i++)
        summed[i] = (struct checksum_part){.size = parts[i].size, .value = parts[i].checksum};
    sum->value = checksum_of_parts(call->arena, sum->kind, sum->type, summed, count);
    if (!sum->value)
        return error_set(err, ERROR_INVALID, "InvalidPart",
                         "a part was not uploaded, or has no %s checksum",
                         checksum_name(sum->kind));
    return check_sum(call, sum, err);
}

static const char *location_of(struct s3_call *call) {
    const char *host = s3_header(call, "host");
    return arena_printf(call->arena, "%s://%s%s", call->server->scheme, host ? host : "",
                        call->x->request.path);
}

static bool answer(struct s3_call *call, const struct store_object *object, struct error *err) {
    struct object_checksum sum = checksum_parse(call->arena, object->checksum);
    struct xml_writer w CLEANUP(xml_writer_clear);
    xml_writer_init(&w, call->arena);
    xml_open_root(&w, "CompleteMultipartUploadResult");
    xml_text(&w, "Location", location_of(call));
    xml_text(&w, "Bucket", call->bucket);
    xml_text(&w, "Key", call->key);
    xml_etag(&w, object->etag);
    s3_write_checksum(&w, &sum);
    xml_close(&w, "CompleteMultipartUploadResult");
    return s3_respond_xml(call, &w, err);
}

bool s3_complete_multipart(struct s3_call *call, struct error *err) {
    struct store_put put = s3_store_put(call, "ObjectCreated:CompleteMultipartUpload");
    struct store_upload upload;
    const char *upload_id;
    struct store_part *parts = NULL;
    size_t count = 0;
    struct store_object object;
    if (!s3_read_upload_id(call, &upload_id, err) || !s3_read_write_conditions(call, &put, err))
        return false;
    /* One that was completed before is the store's to answer. */
    bool open = store_find_upload(call->store, call->arena, call->bucket, call->key, upload_id,
                                  &upload, err);
    if (!open && !(err->code && strcmp(err->code, "NoSuchUpload") == 0))
        return false;
    struct object_checksum sum = checksum_parse(call->arena, open ? upload.checksum : "");
    if (!read_parts(call, sum.kind, &parts, &count, err))
        return false;
    if (open &&
        (!look_up_parts(call, upload_id, parts, count, err) ||
         !check_size(call, parts, count, err) || !find_checksum(call, parts, count, &sum, err)))
        return false;
    put.checksum = checksum_format(call->arena, &sum);
    return store_complete_upload(call->store, call->arena, &put, upload_id, parts, count, &object,
                                 err) &&
           answer(call, &object, err);
}
