/*
 * The service and its buckets, and the short answers about what no bucket here has.
 */
#include "base/codec.h"
#include "s3/codes.h"
#include "s3/internal.h"

#include <string.h>

bool s3_list_buckets(struct s3_call *call, struct error *err) {
    struct store_bucket *buckets;
    size_t count;
    if (!store_list_buckets(call->store, call->arena, &buckets, &count, err))
        return false;
    struct xml_writer w CLEANUP(xml_writer_clear);
    xml_writer_init(&w, call->arena);
    xml_open_root(&w, "ListAllMyBucketsResult");
    s3_write_owner(&w, "Owner");
    xml_open(&w, "Buckets");
    for (size_t i = 0; i < count; i++) {
        xml_open(&w, "Bucket");
        xml_text(&w, "Name", buckets[i].name);
        xml_time(&w, "CreationDate", buckets[i].created_unix_ms);
        xml_close(&w, "Bucket");
    }
    xml_close(&w, "Buckets");
    xml_close(&w, "ListAllMyBucketsResult");
    return s3_respond_xml(call, &w, err);
}

/* The body may name the region, which must be this one. */
static bool check_location(struct s3_call *call, struct error *err) {
    if (call->body.document.size == 0)
        return true;
    struct xml_element *root;
    if (!s3_body_xml(call, "CreateBucketConfiguration", &root, err))
        return false;
    struct str location = str_trim(xml_child_text(root, "LocationConstraint"));
    if (location.len > 0 && !str_equal_c(location, call->server->region))
        return error_set(err, ERROR_INVALID, "InvalidLocationConstraint", "another region");
    return true;
}

bool s3_create_bucket(struct s3_call *call, struct error *err) {
    if (!s3_refuse_features(call, err) || !check_location(call, err) ||
        !store_create_bucket(call->store, call->bucket, call->now_unix_ms, err))
        return false;
    s3_add_header(call, "Location", arena_printf(call->arena, "/%s", call->bucket));
    s3_respond_empty(call, 200);
    return true;
}

bool s3_head_bucket(struct s3_call *call, struct error *err) {
    if (!store_head_bucket(call->store, call->bucket, err))
        return false;
    s3_add_header(call, "x-amz-bucket-region", call->server->region);
    s3_respond_empty(call, 200);
    return true;
}

bool s3_delete_bucket(struct s3_call *call, struct error *err) {
    if (!store_delete_bucket(call->store, call->bucket, err))
        return false;
    s3_respond_empty(call, 204);
    return true;
}

bool s3_get_location(struct s3_call *call, struct error *err) {
    if (!store_head_bucket(call->store, call->bucket, err))
        return false;
    /* S3's oldest region has an empty name here. */
    bool oldest = strcmp(call->server->region, "us-east-1") == 0;
    struct xml_writer w CLEANUP(xml_writer_clear);
    xml_writer_init(&w, call->arena);
    xml_open_root(&w, "LocationConstraint");
    xml_raw(&w, oldest ? "" : xml_escape(call->arena, str_c(call->server->region)));
    xml_close(&w, "LocationConstraint");
    return s3_respond_xml(call, &w, err);
}

static bool check_exists(struct s3_call *call, struct error *err) {
    if (call->key[0] == '\0')
        return store_head_bucket(call->store, call->bucket, err);
    struct store_object object;
    return store_head(call->store, call->arena, call->bucket, call->key, &object, err);
}

bool s3_get_acl(struct s3_call *call, struct error *err) {
    if (!check_exists(call, err))
        return s3_hide_missing_key(call, err);
    struct xml_writer w CLEANUP(xml_writer_clear);
    xml_writer_init(&w, call->arena);
    xml_open_root(&w, "AccessControlPolicy");
    s3_write_owner(&w, "Owner");
    xml_open(&w, "AccessControlList");
    xml_open(&w, "Grant");
    xml_raw(&w, "<Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
                "xsi:type=\"CanonicalUser\">");
    s3_write_identity(&w);
    xml_close(&w, "Grantee");
    xml_text(&w, "Permission", "FULL_CONTROL");
    xml_close(&w, "Grant");
    xml_close(&w, "AccessControlList");
    xml_close(&w, "AccessControlPolicy");
    return s3_respond_xml(call, &w, err);
}

/* Only what is so anyway: the owner has all rights, nobody else has any. */
bool s3_put_acl(struct s3_call *call, struct error *err) {
    if (!s3_refuse_features(call, err) || !check_exists(call, err))
        return false;
    if (call->body.document.size > 0 || !s3_header(call, "x-amz-acl"))
        return error_set(err, ERROR_INVALID, "AccessControlListNotSupported",
                         "only the canned ACL private");
    s3_respond_empty(call, 200);
    return true;
}

bool s3_answer_constant(struct s3_call *call, struct error *err) {
    if (!store_head_bucket(call->store, call->bucket, err))
        return false;
    struct xml_writer w CLEANUP(xml_writer_clear);
    xml_writer_init(&w, call->arena);
    xml_raw(&w, call->route->text);
    return s3_respond_xml(call, &w, err);
}

bool s3_answer_absent(struct s3_call *call, struct error *err) {
    if (!store_head_bucket(call->store, call->bucket, err))
        return false;
    return error_set(err, ERROR_NOT_FOUND, call->route->text, "there is none");
}

bool s3_answer_no_form(struct s3_call *call, struct error *err) {
    (void)call;
    return error_set(err, ERROR_INVALID, "PreconditionFailed",
                     "Bucket POST must be of the enclosure-type multipart/form-data");
}
