/*
 * What the head of a request asks: features, conditions, metadata.
 *
 * A header that asks for something the store does not do is refused rather than dropped, where
 * dropping it would break a promise (encryption, locks, tags); harmless values pass.
 */
#include "base/codec.h"
#include "s3/internal.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct feature {
    const char *header;
    const char *const *harmless; /* values that ask for what is so anyway; NULL: none */
    const char *code;
};

static const char *const standard_class[] = {"STANDARD", NULL};
static const char *const owner_acls[] = {"private", "bucket-owner-full-control", NULL};
static const char *const false_value[] = {"false", "False", NULL};

static const struct feature features[] = {
    {"x-amz-acl", owner_acls, "AccessControlListNotSupported"},
    {"x-amz-grant-full-control", NULL, "AccessControlListNotSupported"},
    {"x-amz-grant-read", NULL, "AccessControlListNotSupported"},
    {"x-amz-grant-read-acp", NULL, "AccessControlListNotSupported"},
    {"x-amz-grant-write", NULL, "AccessControlListNotSupported"},
    {"x-amz-grant-write-acp", NULL, "AccessControlListNotSupported"},
    {"x-amz-storage-class", standard_class, "InvalidStorageClass"},
    {"x-amz-server-side-encryption", NULL, "NotImplemented"},
    {"x-amz-server-side-encryption-aws-kms-key-id", NULL, "NotImplemented"},
    {"x-amz-server-side-encryption-customer-algorithm", NULL, "NotImplemented"},
    {"x-amz-object-lock-mode", NULL, "NotImplemented"},
    {"x-amz-object-lock-retain-until-date", NULL, "NotImplemented"},
    {"x-amz-object-lock-legal-hold", NULL, "NotImplemented"},
    {"x-amz-bucket-object-lock-enabled", false_value, "NotImplemented"},
    {"x-amz-website-redirect-location", NULL, "NotImplemented"},
    {"x-amz-write-offset-bytes", NULL, "NotImplemented"},
};

static bool is_one_of(const char *value, const char *const *list) {
    for (; list && *list; list++) {
        if (strcmp(value, *list) == 0)
            return true;
    }
    return false;
}

bool s3_refuse_features(const struct s3_call *call, struct error *err) {
    for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
        const char *value = s3_header(call, features[i].header);
        if (value && !is_one_of(value, features[i].harmless))
            return error_set(err, ERROR_INVALID, features[i].code,
                             "'%s: %.200s' is not supported by this store", features[i].header,
                             value);
    }
    const char *version = s3_parameter(call, "versionId");
    if (version && strcmp(version, "null") != 0)
        return error_set(err, ERROR_NOT_FOUND, "NoSuchVersion", "objects have no versions here");
    return true;
}

/* Headers that are kept with an object beside Content-Type, and what overrides them. */
static const struct {
    const char *header;
    const char *parameter;
} kept[] = {
    {"Cache-Control", "response-cache-control"},
    {"Content-Disposition", "response-content-disposition"},
    {"Content-Encoding", "response-content-encoding"},
    {"Content-Language", "response-content-language"},
    {"Expires", "response-expires"},
};

/* `aws-chunked` says how a body travelled, not what it is. */
static const char *strip_aws_chunked(struct arena *arena, const char *encodings) {
    const char *left = "";
    struct str rest = str_c(encodings);
    while (rest.len > 0) {
        struct str one = str_trim(str_split(rest, ',', &rest));
        if (one.len > 0 && !str_equal_nocase(one, str_c("aws-chunked")))
            left = arena_printf(arena, "%s%s%.*s", left, left[0] ? ", " : "", STR_ARG(one));
    }
    return left;
}

static bool set_text(json_t *object, const char *name, const char *value, struct error *err) {
    if (!str_is_utf8(str_c(value)))
        return error_set(err, ERROR_INVALID, "InvalidArgument", "the header '%.64s' is not UTF-8",
                         name);
    if (json_object_set_new(object, name, json_string(value)) != 0)
        die_out_of_memory();
    return true;
}

static bool collect_user_metadata(const struct s3_call *call, json_t *object, struct error *err) {
    const struct http_headers *headers = &call->x->request.headers;
    size_t size = 0;
    for (size_t i = 0; i < headers->count; i++) {
        struct str name = str_c(headers->items[i].name);
        struct str start = {name.ptr, name.len < 11 ? name.len : 11};
        if (!str_equal_nocase(start, str_c("x-amz-meta-")))
            continue;
        char *lower = arena_strdup(call->arena, name.ptr);
        for (char *c = lower; *c; c++) {
            if (*c >= 'A' && *c <= 'Z')
                *c = (char)(*c - 'A' + 'a');
        }
        size += name.len - 11 + strlen(headers->items[i].value);
        if (size > STORE_MAX_METADATA_BYTES)
            return error_set(err, ERROR_LIMIT, "MetadataTooLarge", "metadata over %d bytes",
                             STORE_MAX_METADATA_BYTES);
        if (!set_text(object, lower, headers->items[i].value, err))
            return false;
    }
    return true;
}

static void json_cleanup(json_t **json) {
    json_decref(*json);
}

bool s3_read_metadata(const struct s3_call *call, const char **ret_content_type,
                      const char **ret_metadata, struct error *err) {
    json_t *object CLEANUP(json_cleanup) = json_object();
    if (!object)
        die_out_of_memory();
    for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
        const char *value = s3_header(call, kept[i].header);
        if (value && i == 2)
            value = strip_aws_chunked(call->arena, value);
        if (value && value[0] != '\0' && !set_text(object, kept[i].header, value, err))
            return false;
    }
    if (!collect_user_metadata(call, object, err))
        return false;
    *ret_metadata = "";
    if (json_object_size(object) > 0) {
        char *text = json_dumps(object, JSON_COMPACT);
        if (!text)
            die_out_of_memory();
        *ret_metadata = arena_strdup(call->arena, text);
        free(text);
    }
    const char *content_type = s3_header(call, "content-type");
    *ret_content_type =
        content_type && content_type[0] != '\0' ? content_type : "binary/octet-stream";
    return true;
}

/* The value that the query puts in place of the object's own, or NULL. A value becomes a header
 * line, so it must be one. */
static bool read_override(const struct s3_call *call, const char *parameter, const char **ret,
                          struct error *err) {
    *ret = s3_parameter(call, parameter);
    if (*ret && str_has_control(str_c(*ret)))
        return error_set(err, ERROR_INVALID, "InvalidArgument", "'%s' holds a control character",
                         parameter);
    return true;
}

bool s3_write_metadata(struct s3_call *call, const struct store_object *object, struct error *err) {
    json_t *metadata CLEANUP(json_cleanup) =
        object->metadata[0] ? json_loads(object->metadata, 0, NULL) : NULL;
    const char *type;
    if (!read_override(call, "response-content-type", &type, err))
        return false;
    s3_add_header(call, "Content-Type", type ? type : object->content_type);
    for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
        const char *value;
        if (!read_override(call, kept[i].parameter, &value, err))
            return false;
        if (!value)
            value = json_string_value(json_object_get(metadata, kept[i].header));
        if (value)
            s3_add_header(call, kept[i].header, arena_strdup(call->arena, value));
    }
    const char *name;
    json_t *value;
    json_object_foreach(metadata, name, value) {
        if (str_starts_with(str_c(name), "x-amz-meta-") && json_is_string(value))
            s3_add_header(call, arena_strdup(call->arena, name),
                          arena_strdup(call->arena, json_string_value(value)));
    }
    return true;
}

const char *s3_unquote_etag(struct arena *arena, const char *text) {
    struct str etag = str_trim(str_c(text));
    if (etag.len >= 2 && etag.ptr[0] == '"' && etag.ptr[etag.len - 1] == '"')
        etag = (struct str){etag.ptr + 1, etag.len - 2};
    return arena_strndup(arena, etag.ptr, etag.len);
}

bool s3_read_write_conditions(const struct s3_call *call, struct store_put *put,
                              struct error *err) {
    const char *none_match = s3_header(call, "if-none-match");
    const char *match = s3_header(call, "if-match");
    if (none_match && !str_equal_c(str_trim(str_c(none_match)), "*"))
        return error_set(err, ERROR_INVALID, "NotImplemented",
                         "a write takes only 'If-None-Match: *'");
    if (match && str_equal_c(str_trim(str_c(match)), "*"))
        return error_set(err, ERROR_INVALID, "NotImplemented",
                         "a write takes only an ETag in If-Match");
    put->if_none_match = none_match != NULL;
    put->if_match = match ? s3_unquote_etag(call->arena, match) : NULL;
    return true;
}

/* `"a", W/"b"` or `*`. S3's clients also leave the quotes out. */
static bool etag_is_listed(const char *list, const char *etag) {
    struct str rest = str_c(list);
    while (rest.len > 0) {
        struct str one = str_trim(str_split(rest, ',', &rest));
        if (str_starts_with(one, "W/"))
            one = (struct str){one.ptr + 2, one.len - 2};
        if (one.len >= 2 && one.ptr[0] == '"' && one.ptr[one.len - 1] == '"')
            one = (struct str){one.ptr + 1, one.len - 2};
        if (str_equal_c(one, "*") || str_equal_c(one, etag))
            return true;
    }
    return false;
}

static const char *condition(const struct s3_call *call, const char *prefix, const char *name) {
    return s3_header(call, arena_printf(call->arena, "%s%s", prefix, name));
}

enum s3_condition s3_check_read_conditions(const struct s3_call *call, const char *prefix,
                                           const struct store_object *object) {
    const char *match = condition(call, prefix, "if-match");
    const char *unmodified = condition(call, prefix, "if-unmodified-since");
    const char *none_match = condition(call, prefix, "if-none-match");
    const char *modified = condition(call, prefix, "if-modified-since");
    /* The header tells whole seconds, so that is what comes back. */
    int64_t told_ms = object->modified_unix_ms - object->modified_unix_ms % 1000;
    int64_t since;
    if (match) {
        if (!etag_is_listed(match, object->etag))
            return S3_FAILS;
    } else if (unmodified && date_parse_http(str_c(unmodified), &since) && told_ms > since) {
        return S3_FAILS;
    }
    if (none_match)
        return etag_is_listed(none_match, object->etag) ? S3_NOT_MODIFIED : S3_HOLDS;
    if (modified && date_parse_http(str_c(modified), &since) && told_ms <= since)
        return S3_NOT_MODIFIED;
    return S3_HOLDS;
}

struct store_put s3_store_put(const struct s3_call *call, const char *event_name) {
    return (struct store_put){
        .bucket = call->bucket,
        .key = call->key,
        .content_type = "",
        .metadata = "",
        .event_name = event_name,
        .request_id = call->request_id,
        .source_ip = call->x->request.peer,
        .principal = call->claim.access_key,
        .now_unix_ms = call->now_unix_ms,
    };
}
