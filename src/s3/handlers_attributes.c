/*
 * GetObjectAttributes, and what checksums look like in headers and documents.
 */
#include "base/codec.h"
#include "s3/internal.h"

#include <string.h>

void s3_add_checksum_headers(struct s3_call *call, const struct object_checksum *sum) {
    if (sum->kind == CHECKSUM_NONE)
        return;
    s3_add_header(call, checksum_header(sum->kind), sum->value);
    s3_add_header(call, "x-amz-checksum-type", checksum_type_name(sum->type));
}

void s3_write_checksum(struct xml_writer *w, const struct object_checksum *sum) {
    if (sum->kind == CHECKSUM_NONE || !sum->value)
        return;
    xml_text(w, checksum_element(sum->kind), sum->value);
    xml_text(w, "ChecksumType", checksum_type_name(sum->type));
}

enum {
    WANTS_ETAG = 1,
    WANTS_CHECKSUM = 2,
    WANTS_PARTS = 4,
    WANTS_CLASS = 8,
    WANTS_SIZE = 16,
};

static const struct {
    const char *name;
    unsigned flag;
} attributes[] = {
    {"ETag", WANTS_ETAG},          {"Checksum", WANTS_CHECKSUM}, {"ObjectParts", WANTS_PARTS},
    {"StorageClass", WANTS_CLASS}, {"ObjectSize", WANTS_SIZE},
};

static bool read_attributes(const struct s3_call *call, unsigned *ret, struct error *err) {
    const char *header = s3_header(call, "x-amz-object-attributes");
    struct str rest = str_c(header ? header : "");
    *ret = 0;
    while (rest.len > 0) {
        struct str name = str_trim(str_split(rest, ',', &rest));
        unsigned flag = 0;
        for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
            if (str_equal_c(name, attributes[i].name))
                flag = attributes[i].flag;
        }
        if (flag == 0)
            return error_set(err, ERROR_INVALID, "InvalidArgument",
                             "Invalid attribute name specified.");
        *ret |= flag;
    }
    if (*ret == 0)
        return error_set(err, ERROR_INVALID, "InvalidRequest",
                         "The x-amz-object-attributes header specifying the attributes to be "
                         "retrieved is either missing or empty");
    return true;
}

struct parts_question {
    uint64_t after;
    uint64_t max_parts;
};

static bool read_number(const struct s3_call *call, const char *name, uint64_t max, uint64_t *ret,
                        struct error *err) {
    const char *text = s3_header(call, name);
    return !text || str_to_u64(str_c(text), max, ret) ||
           error_set(err, ERROR_INVALID, "InvalidArgument", "%s is not a number of S3's", name);
}

static bool write_parts(struct s3_call *call, const struct store_object *object,
                        const struct parts_question *question, struct xml_writer *w,
                        struct error *err) {
    struct object_checksum sum = checksum_parse(call->arena, object->checksum);
    struct store_part *parts;
    size_t count;
    bool truncated;
    if (!store_list_object_parts(call->store, call->arena, object->version,
                                 (unsigned)question->after, (size_t)question->max_parts, &parts,
                                 &count, &truncated, err))
        return false;
    xml_open(w, "ObjectParts");
    xml_number(w, "PartsCount", object->part_count);
    xml_number(w, "PartNumberMarker", question->after);
    xml_number(w, "NextPartNumberMarker", count ? parts[count - 1].number : 0);
    xml_number(w, "MaxParts", question->max_parts);
    xml_bool(w, "IsTruncated", truncated);
    for (size_t i = 0; i < count; i++) {
        xml_open(w, "Part");
        xml_number(w, "PartNumber", parts[i].number);
        xml_number(w, "Size", parts[i].size);
        if (sum.kind != CHECKSUM_NONE && parts[i].checksum[0] != '\0')
            xml_text(w, checksum_element(sum.kind), parts[i].checksum);
        xml_close(w, "Part");
    }
    xml_close(w, "ObjectParts");
    return true;
}

static bool write_attributes(struct s3_call *call, const struct store_object *object,
                             unsigned wanted, const struct parts_question *question,
                             struct xml_writer *w, struct error *err) {
    struct object_checksum sum = checksum_parse(call->arena, object->checksum);
    /* Without quotes here, as S3 has it. */
    if (wanted & WANTS_ETAG)
        xml_text(w, "ETag", object->etag);
    if (wanted & WANTS_CHECKSUM && sum.kind != CHECKSUM_NONE) {
        xml_open(w, "Checksum");
        s3_write_checksum(w, &sum);
        xml_close(w, "Checksum");
    }
    if (wanted & WANTS_PARTS && object->part_count > 0 &&
        !write_parts(call, object, question, w, err))
        return false;
    if (wanted & WANTS_CLASS)
        xml_text(w, "StorageClass", "STANDARD");
    if (wanted & WANTS_SIZE)
        xml_number(w, "ObjectSize", object->size);
    return true;
}

bool s3_get_attributes(struct s3_call *call, struct error *err) {
    struct store_object object;
    struct parts_question question = {.max_parts = S3_PAGE_ENTRIES};
    unsigned wanted;
    if (!s3_refuse_features(call, err) || !read_attributes(call, &wanted, err) ||
        !read_number(call, "x-amz-part-number-marker", STORE_MAX_PARTS, &question.after, err) ||
        !read_number(call, "x-amz-max-parts", INT32_MAX, &question.max_parts, err) ||
        !s3_authorise(call, "GetObject", call->bucket, call->key, err))
        return false;
    if (question.max_parts > S3_PAGE_ENTRIES)
        question.max_parts = S3_PAGE_ENTRIES;
    if (!store_head(call->store, call->arena, call->bucket, call->key, &object, err))
        return s3_hide_missing_key(call, err);

    struct xml_writer w CLEANUP(xml_writer_clear);
    xml_writer_init(&w, call->arena);
    xml_open_root(&w, "GetObjectAttributesResponse");
    if (!write_attributes(call, &object, wanted, &question, &w, err))
        return false;
    xml_close(&w, "GetObjectAttributesResponse");
    char modified[DATE_SIZE];
    date_format_http(object.modified_unix_ms, modified);
    s3_add_header(call, "Last-Modified", arena_strdup(call->arena, modified));
    return s3_respond_xml(call, &w, err);
}
