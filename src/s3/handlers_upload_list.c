/*
 * ListMultipartUploads.
 */
#include "base/codec.h"
#include "s3/internal.h"

#include <string.h>

struct question {
    struct store_upload_list list;
    uint64_t max_uploads;
    bool encoded;
};

static const char *parameter_or_empty(const struct s3_call *call, const char *name) {
    const char *value = s3_parameter(call, name);
    return value ? value : "";
}

static bool read_question(const struct s3_call *call, struct question *ret, struct error *err) {
    const char *encoding = parameter_or_empty(call, "encoding-type");
    const char *max_uploads = parameter_or_empty(call, "max-uploads");
    ret->max_uploads = S3_PAGE_ENTRIES;
    ret->encoded = strcmp(encoding, "url") == 0;
    if (encoding[0] != '\0' && !ret->encoded)
        return error_set(err, ERROR_INVALID, "InvalidArgument",
                         "Invalid Encoding Method specified in Request");
    if (max_uploads[0] != '\0' && !str_to_u64(str_c(max_uploads), INT32_MAX, &ret->max_uploads))
        return error_set(err, ERROR_INVALID, "InvalidArgument",
                         "Argument max-uploads must be an integer between 0 and 2147483647");
    if (ret->max_uploads > S3_PAGE_ENTRIES)
        ret->max_uploads = S3_PAGE_ENTRIES;
    ret->list = (struct store_upload_list){
        .prefix = parameter_or_empty(call, "prefix"),
        .delimiter = parameter_or_empty(call, "delimiter"),
        .key_marker = parameter_or_empty(call, "key-marker"),
        .id_marker = parameter_or_empty(call, "upload-id-marker"),
        .max_uploads = (size_t)ret->max_uploads,
    };
    /* S3: without a key marker the other one means nothing. */
    if (ret->list.key_marker[0] == '\0')
        ret->list.id_marker = "";
    return true;
}

static void write_name(struct xml_writer *w, const struct question *q, const char *element,
                       const char *name) {
    xml_text(w, element, q->encoded ? percent_encode(w->arena, str_c(name), true) : name);
}

static void write_upload(struct xml_writer *w, const struct question *q,
                         const struct store_upload *upload) {
    struct object_checksum sum = checksum_parse(w->arena, upload->checksum);
    xml_open(w, "Upload");
    write_name(w, q, "Key", upload->key);
    xml_text(w, "UploadId", upload->id);
    xml_raw(w, "<Initiator><ID>tachyscope</ID><DisplayName>tachyscope</DisplayName></Initiator>"
               "<Owner><ID>tachyscope</ID><DisplayName>tachyscope</DisplayName></Owner>");
    xml_text(w, "StorageClass", "STANDARD");
    xml_time(w, "Initiated", upload->created_unix_ms);
    if (sum.kind != CHECKSUM_NONE) {
        xml_text(w, "ChecksumAlgorithm", checksum_name(sum.kind));
        xml_text(w, "ChecksumType", checksum_type_name(sum.type));
    }
    xml_close(w, "Upload");
}

bool s3_list_uploads(struct s3_call *call, struct error *err) {
    struct question q;
    struct store_upload_listing page;
    if (!read_question(call, &q, err) ||
        !store_list_uploads(call->store, call->arena, call->bucket, &q.list, &page, err))
        return false;

    struct xml_writer w CLEANUP(xml_writer_clear);
    xml_writer_init(&w, call->arena);
    xml_open_root(&w, "ListMultipartUploadsResult");
    xml_text(&w, "Bucket", call->bucket);
    write_name(&w, &q, "KeyMarker", q.list.key_marker);
    xml_text(&w, "UploadIdMarker", q.list.id_marker);
    if (page.truncated) {
        write_name(&w, &q, "NextKeyMarker", page.next_key);
        xml_text(&w, "NextUploadIdMarker", page.next_id);
    }
    write_name(&w, &q, "Prefix", q.list.prefix);
    if (q.list.delimiter[0] != '\0')
        write_name(&w, &q, "Delimiter", q.list.delimiter);
    if (q.encoded)
        xml_text(&w, "EncodingType", "url");
    xml_number(&w, "MaxUploads", q.max_uploads);
    xml_bool(&w, "IsTruncated", page.truncated);
    for (size_t i = 0; i < page.upload_count; i++)
        write_upload(&w, &q, &page.uploads[i]);
    for (size_t i = 0; i < page.prefix_count; i++) {
        xml_open(&w, "CommonPrefixes");
        write_name(&w, &q, "Prefix", page.prefixes[i]);
        xml_close(&w, "CommonPrefixes");
    }
    xml_close(&w, "ListMultipartUploadsResult");
    return s3_respond_xml(call, &w, err);
}
