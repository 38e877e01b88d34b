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

static bool read_question(const struct s3_call *call, struct question *ret, struct error *err) {
    if (!s3_read_encoding(call, &ret->encoded, err) ||
        !s3_read_page_size(call, "max-uploads", &ret->max_uploads, err))
        return false;
    ret->list = (struct store_upload_list){
        .prefix = s3_parameter_or_empty(call, "prefix"),
        .delimiter = s3_parameter_or_empty(call, "delimiter"),
        .key_marker = s3_parameter_or_empty(call, "key-marker"),
        .id_marker = s3_parameter_or_empty(call, "upload-id-marker"),
        .max_uploads = (size_t)ret->max_uploads,
    };
    /* S3: without a key marker the other one means nothing. */
    if (ret->list.key_marker[0] == '\0')
        ret->list.id_marker = "";
    return true;
}

static void write_upload(struct xml_writer *w, const struct question *q,
                         const struct store_upload *upload) {
    struct object_checksum sum = checksum_parse(w->arena, upload->checksum);
    xml_open(w, "Upload");
    s3_write_name(w, q->encoded, "Key", upload->key);
    xml_text(w, "UploadId", upload->id);
    s3_write_owner(w, "Initiator");
    s3_write_owner(w, "Owner");
    xml_text(w, "StorageClass", "STANDARD");
    xml_time(w, "Initiated", upload->created_unix_ms);
    s3_write_checksum_kind(w, &sum);
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
    s3_write_name(&w, q.encoded, "KeyMarker", q.list.key_marker);
    xml_text(&w, "UploadIdMarker", q.list.id_marker);
    if (page.truncated) {
        s3_write_name(&w, q.encoded, "NextKeyMarker", page.next_key);
        xml_text(&w, "NextUploadIdMarker", page.next_id);
    }
    s3_write_name(&w, q.encoded, "Prefix", q.list.prefix);
    if (q.list.delimiter[0] != '\0')
        s3_write_name(&w, q.encoded, "Delimiter", q.list.delimiter);
    if (q.encoded)
        xml_text(&w, "EncodingType", "url");
    xml_number(&w, "MaxUploads", q.max_uploads);
    xml_bool(&w, "IsTruncated", page.truncated);
    for (size_t i = 0; i < page.upload_count; i++)
        write_upload(&w, &q, &page.uploads[i]);
    for (size_t i = 0; i < page.prefix_count; i++) {
        xml_open(&w, "CommonPrefixes");
        s3_write_name(&w, q.encoded, "Prefix", page.prefixes[i]);
        xml_close(&w, "CommonPrefixes");
    }
    xml_close(&w, "ListMultipartUploadsResult");
    return s3_respond_xml(call, &w, err);
}
