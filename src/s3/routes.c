/*
 * The table of operations. A call takes the first line whose method and level fit and whose
 * parameter and header it has; so the lines with a parameter stand before the plain ones.
 * Parameters that name no operation (`x-id`, `prefix`, …) do not matter, those that name one which
 * is not here are refused, because doing the plain operation instead would be wrong.
 */
#include "s3/internal.h"

#include <string.h>

#define SMALL S3_DOCUMENT, S3_MAX_CONFIGURATION_BYTES
#define LARGE S3_DOCUMENT, S3_MAX_XML_BYTES
#define BODY  S3_STORED, 0

#define EMPTY_VERSIONING "<VersioningConfiguration xmlns=\"" S3_XML_NAMESPACE "\"/>"
#define EMPTY_LOGGING    "<BucketLoggingStatus xmlns=\"" S3_XML_NAMESPACE "\"/>"
#define OWNER_PAYS                                                                                 \
    "<RequestPaymentConfiguration xmlns=\"" S3_XML_NAMESPACE "\"><Payer>BucketOwner</Payer>"       \
    "</RequestPaymentConfiguration>"

/* clang-format off */
static const struct s3_route routes[] = {
    {"GET", S3_SERVICE, NULL, NULL, "ListAllMyBuckets", SMALL, NULL, NULL, s3_list_buckets},

    {"GET", S3_BUCKET, "location", NULL, "GetBucketLocation", SMALL, NULL, NULL, s3_get_location},
    {"GET", S3_BUCKET, "cors", NULL, "GetBucketCors", SMALL, NULL, NULL, s3_get_cors},
    {"PUT", S3_BUCKET, "cors", NULL, "PutBucketCors", SMALL, NULL, NULL, s3_put_cors},
    {"DELETE", S3_BUCKET, "cors", NULL, "PutBucketCors", SMALL, NULL, NULL, s3_delete_cors},
    {"GET", S3_BUCKET, "notification", NULL, "GetBucketNotification", SMALL, NULL, NULL, s3_get_notification},
    {"PUT", S3_BUCKET, "notification", NULL, "PutBucketNotification", SMALL, NULL, NULL, s3_put_notification},
    {"GET", S3_BUCKET, "acl", NULL, "GetBucketAcl", SMALL, NULL, NULL, s3_get_acl},
    {"PUT", S3_BUCKET, "acl", NULL, "PutBucketAcl", SMALL, NULL, NULL, s3_put_acl},
    {"GET", S3_BUCKET, "versions", NULL, "ListBucket", SMALL, NULL, NULL, s3_list_versions},
    {"GET", S3_BUCKET, "uploads", NULL, "ListBucketMultipartUploads", SMALL, NULL, NULL, s3_list_uploads},
    {"POST", S3_BUCKET, "delete", NULL, NULL, LARGE, NULL, NULL, s3_delete_objects},
    {"GET", S3_BUCKET, "versioning", NULL, "GetBucketVersioning", SMALL, EMPTY_VERSIONING, NULL, s3_answer_constant},
    {"GET", S3_BUCKET, "logging", NULL, "GetBucketLogging", SMALL, EMPTY_LOGGING, NULL, s3_answer_constant},
    {"GET", S3_BUCKET, "requestPayment", NULL, "GetBucketRequestPayment", SMALL, OWNER_PAYS, NULL, s3_answer_constant},
    {"GET", S3_BUCKET, "policy", NULL, "GetBucketPolicy", SMALL, "NoSuchBucketPolicy", NULL, s3_answer_absent},
    {"GET", S3_BUCKET, "lifecycle", NULL, "GetLifecycleConfiguration", SMALL, NULL, NULL, s3_get_lifecycle},
    {"PUT", S3_BUCKET, "lifecycle", NULL, "PutLifecycleConfiguration", LARGE, NULL, NULL, s3_put_lifecycle},
    {"DELETE", S3_BUCKET, "lifecycle", NULL, "PutLifecycleConfiguration", SMALL, NULL, NULL, s3_delete_lifecycle},
    {"GET", S3_BUCKET, "encryption", NULL, "GetEncryptionConfiguration", SMALL, "ServerSideEncryptionConfigurationNotFoundError", NULL, s3_answer_absent},
    {"GET", S3_BUCKET, "object-lock", NULL, "GetBucketObjectLockConfiguration", SMALL, "ObjectLockConfigurationNotFoundError", NULL, s3_answer_absent},
    {"GET", S3_BUCKET, "publicAccessBlock", NULL, "GetBucketPublicAccessBlock", SMALL, "NoSuchPublicAccessBlockConfiguration", NULL, s3_answer_absent},
    {"GET", S3_BUCKET, "tagging", NULL, "GetBucketTagging", SMALL, "NoSuchTagSet", NULL, s3_answer_absent},
    {"GET", S3_BUCKET, "website", NULL, "GetBucketWebsite", SMALL, "NoSuchWebsiteConfiguration", NULL, s3_answer_absent},
    {"GET", S3_BUCKET, "replication", NULL, "GetReplicationConfiguration", SMALL, "ReplicationConfigurationNotFoundError", NULL, s3_answer_absent},
    {"GET", S3_BUCKET, "ownershipControls", NULL, "GetBucketOwnershipControls", SMALL, "OwnershipControlsNotFoundError", NULL, s3_answer_absent},
    {"GET", S3_BUCKET, "list-type", NULL, "ListBucket", SMALL, NULL, NULL, s3_list_objects_v2},
    {"GET", S3_BUCKET, NULL, NULL, "ListBucket", SMALL, NULL, NULL, s3_list_objects},
    {"PUT", S3_BUCKET, NULL, NULL, "CreateBucket", SMALL, NULL, NULL, s3_create_bucket},
    {"HEAD", S3_BUCKET, NULL, NULL, "ListBucket", SMALL, NULL, NULL, s3_head_bucket},
    {"DELETE", S3_BUCKET, NULL, NULL, "DeleteBucket", SMALL, NULL, NULL, s3_delete_bucket},
    {"POST", S3_BUCKET, NULL, NULL, "PutObject", SMALL, NULL, s3_answer_no_form, NULL},

    {"GET", S3_OBJECT, "uploadId", NULL, "PutObject", SMALL, NULL, NULL, s3_get_parts},
    {"PUT", S3_OBJECT, "uploadId", "x-amz-copy-source", "PutObject", SMALL, NULL, s3_prepare_copy, s3_copy_part},
    {"PUT", S3_OBJECT, "uploadId", NULL, "PutObject", BODY, NULL, s3_prepare_part, s3_put_part},
    {"POST", S3_OBJECT, "uploadId", NULL, "PutObject", LARGE, NULL, s3_prepare_complete, s3_complete_multipart},
    {"DELETE", S3_OBJECT, "uploadId", NULL, "AbortMultipartUpload", SMALL, NULL, NULL, s3_abort_multipart},
    {"POST", S3_OBJECT, "uploads", NULL, "PutObject", SMALL, NULL, s3_prepare_multipart, s3_create_multipart},
    {"GET", S3_OBJECT, "acl", NULL, "GetObjectAcl", SMALL, NULL, NULL, s3_get_acl},
    {"GET", S3_OBJECT, "tagging", NULL, "GetObjectTagging", SMALL, NULL, NULL, s3_get_tags},
    {"PUT", S3_OBJECT, "tagging", NULL, "PutObjectTagging", SMALL, NULL, NULL, s3_put_tags},
    {"DELETE", S3_OBJECT, "tagging", NULL, "DeleteObjectTagging", SMALL, NULL, NULL, s3_delete_tags},
    {"GET", S3_OBJECT, "attributes", NULL, "GetObjectAttributes", SMALL, NULL, NULL, s3_get_attributes},
    {"PUT", S3_OBJECT, "acl", NULL, "PutObjectAcl", SMALL, NULL, NULL, s3_put_acl},
    {"PUT", S3_OBJECT, NULL, "x-amz-copy-source", "PutObject", SMALL, NULL, s3_prepare_copy, s3_copy_object},
    {"PUT", S3_OBJECT, NULL, NULL, "PutObject", BODY, NULL, s3_prepare_put, s3_put_object},
    {"GET", S3_OBJECT, NULL, NULL, "GetObject", SMALL, NULL, NULL, s3_get_object},
    {"HEAD", S3_OBJECT, NULL, NULL, "GetObject", SMALL, NULL, NULL, s3_get_object},
    {"DELETE", S3_OBJECT, NULL, NULL, "DeleteObject", SMALL, NULL, NULL, s3_delete_object},
};
/* clang-format on */

const struct s3_route s3_form_route = {.method = "POST", .level = S3_BUCKET, .intake = S3_STORED};

/* Parameters that make another operation of a call. */
static const char *const operations[] = {
    "accelerate",
    "acl",
    "analytics",
    "attributes",
    "cors",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metadataTable",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "renameObject",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "session",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versioning",
    "versions",
    "website",
};

static enum s3_level find_level(const struct s3_call *call) {
    if (call->key[0] != '\0')
        return S3_OBJECT;
    return call->bucket[0] != '\0' ? S3_BUCKET : S3_SERVICE;
}

static const char *find_operation(const struct s3_call *call) {
    for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
        if (http_query_get(&call->query, operations[i]))
            return operations[i];
    }
    return NULL;
}

bool s3_find_route(const struct s3_call *call, const struct s3_route **ret, struct error *err) {
    const char *method = call->x->request.method;
    enum s3_level level = find_level(call);
    const char *operation = find_operation(call);
    for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
        const struct s3_route *route = &routes[i];
        if (route->level != level || strcmp(route->method, method) != 0)
            continue;
        if (route->parameter ? !http_query_get(&call->query, route->parameter) : operation != NULL)
            continue;
        if (route->header && !s3_header(call, route->header))
            continue;
        *ret = route;
        return true;
    }
    if (operation)
        return error_set(err, ERROR_INVALID, "NotImplemented",
                         "%s with '?%s' is not supported by this store", method, operation);
    return error_set(err, ERROR_INVALID, "MethodNotAllowed", "%s is not allowed here", method);
}
