/*
 * Uploads by HTML form: POST of multipart/form-data to a bucket, allowed by a signed policy.
 *
 * Nothing of the request itself is signed; who asks and what he may is in the fields, which stand
 * before the file. So the call is authenticated in the middle of its body, when the file begins.
 * From then on the fields stand in place of the request's headers, and the rest is as with a PUT.
 */
#include "base/codec.h"
#include "s3/form.h"
#include "s3/internal.h"
#include "sign/policy.h"

#include <string.h>

struct s3_post {
    struct form *form;
    struct policy_field fields[FORM_MAX_FIELDS];
    size_t count;
    const char *content_type; /* of the request */
    uint64_t min_bytes;
    uint64_t max_bytes;
};

bool s3_is_form(const struct s3_call *call) {
    const char *type = s3_header(call, "content-type");
    return strcmp(call->x->request.method, "POST") == 0 && call->bucket[0] != '\0' &&
           call->key[0] == '\0' && !s3_header(call, "authorization") &&
           !http_query_get(&call->query, "X-Amz-Algorithm") && type &&
           str_starts_with(str_c(type), "multipart/");
}

static const char *field(const struct s3_post *post, const char *name) {
    for (size_t i = 0; i < post->count; i++) {
        if (str_equal_nocase(str_c(post->fields[i].name), str_c(name)))
            return post->fields[i].value;
    }
    return NULL;
}

static bool take_field(void *context, const char *name, const char *value, struct error *err) {
    struct s3_call *call = context;
    struct s3_post *post = call->post;
    if (field(post, name))
        return error_set(err, ERROR_INVALID, "InvalidArgument",
                         "the form has more than one field '%.64s'", name);
    post->fields[post->count++] = (struct policy_field){name, value};
    return true;
}

/* `${filename}` becomes the file's own name, without the folders that some browsers send. */
static bool take_key(struct s3_call *call, const char *file_name, struct error *err) {
    static const char variable[] = "${filename}";
    struct s3_post *post = call->post;
    const char *key = field(post, "key");
    if (!key)
        return error_set(err, ERROR_INVALID, "InvalidArgument",
                         "Bucket POST must contain a field named 'key'. If it is specified, please "
                         "check the order of the fields.");
    const char *base = file_name;
    for (const char *c = file_name; *c != '\0'; c++) {
        if (*c == '/' || *c == '\\')
            base = c + 1;
    }
    const char *place = strstr(key, variable);
    if (place)
        key = arena_printf(call->arena, "%.*s%s%s", (int)(place - key), key, base,
                           place + strlen(variable));
    if (key[0] == '\0')
        return error_set(err, ERROR_INVALID, "UserKeyMustBeSpecified", "the key is empty");
    if (strlen(key) > STORE_MAX_KEY_BYTES)
        return error_set(err, ERROR_INVALID, "KeyTooLongError", "the key is too long");
    for (size_t i = 0; i < post->count; i++) {
        if (str_equal_nocase(str_c(post->fields[i].name), str_c("key")))
            post->fields[i].value = key;
    }
    call->key = key;
    return true;
}

static bool authenticate(struct s3_call *call, struct error *err) {
    struct s3_post *post = call->post;
    const char *policy = field(post, "policy");
    const struct sigv4_form claimed = {
        .algorithm = field(post, "x-amz-algorithm"),
        .credential = field(post, "x-amz-credential"),
        .date = field(post, "x-amz-date"),
        .signature = field(post, "x-amz-signature"),
        .session_token = field(post, "x-amz-security-token"),
    };
    if (!policy)
        return error_set(err, ERROR_DENIED, "AccessDenied",
                         "Access Denied: the form has no policy");
    if (field(post, "signature") || field(post, "awsaccesskeyid"))
        return error_set(err, ERROR_INVALID, "InvalidRequest",
                         "The authorization mechanism you have provided is not supported. Please "
                         "use AWS4-HMAC-SHA256.");
    const struct policy_form form = {call->bucket, post->fields, post->count};
    return sigv4_read_form(call->arena, &claimed, &call->claim, err) && s3_find_key(call, err) &&
           sigv4_verify_form(call->arena, &call->claim, policy, call->secret_key,
                             call->server->region, "s3", err) &&
           policy_check(call->arena, str_c(policy), &form, call->now_unix_ms, &post->min_bytes,
                        &post->max_bytes, err) &&
           s3_authorise(call, "PutObject", call->bucket, call->key, err);
}

/* From here on the fields are the headers; of the request's own only those that CORS looks at stay.
 */
static void replace_headers(struct s3_call *call) {
    static const char *const kept[] = {"host", "origin"};
    struct s3_post *post = call->post;
    struct http_headers headers = {0};
    for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
        const char *value = s3_header(call, kept[i]);
        if (value)
            http_headers_add(call->arena, &headers, kept[i], value);
    }
    for (size_t i = 0; i < post->count; i++) {
        const char *name = post->fields[i].name;
        if (str_equal_nocase(str_c(name), str_c("acl")))
            name = "x-amz-acl";
        if (!str_equal_nocase(str_c(name), str_c("host")) &&
            !str_equal_nocase(str_c(name), str_c("origin")))
            http_headers_add(call->arena, &headers, name, post->fields[i].value);
    }
    call->x->request.headers = headers;
}

static bool take_file(void *context, const char *file_name, struct error *err) {
    struct s3_call *call = context;
    if (!take_key(call, file_name, err) || !authenticate(call, err))
        return false;
    replace_headers(call);
    return s3_refuse_features(call, err) && s3_body_begin(call, err);
}

static bool take_contents(void *context, const void *data, size_t size, struct error *err) {
    struct s3_call *call = context;
    struct s3_post *post = call->post;
    uint64_t had = store_body_size(call->body.stored);
    if (size > post->max_bytes || had > post->max_bytes - size)
        return error_set(err, ERROR_INVALID, "EntityTooLarge",
                         "the file is over the policy's limit");
    return s3_body_take(call, data, size, err);
}

bool s3_post_begin(struct s3_call *call, struct error *err) {
    const struct http_request *request = &call->x->request;
    const struct form_sink sink = {
        .context = call, .field = take_field, .file = take_file, .contents = take_contents};
    if (request->content_length < 0 && !request->chunked)
        return error_set(err, ERROR_INVALID, "MissingContentLength", "no Content-Length");
    struct s3_post *post = arena_alloc(call->arena, sizeof *post);
    if (!form_new(call->arena, s3_header(call, "content-type"), &sink, &post->form, err))
        return false;
    call->post = post;
    return store_head_bucket(call->store, call->bucket, err);
}

bool s3_post_add(struct s3_call *call, const void *data, size_t size, struct error *err) {
    return form_add(call->post->form, data, size, err);
}

/* ---- the answer ---- */

static const char *location_of(struct s3_call *call) {
    const char *host = s3_header(call, "host");
    return arena_printf(call->arena, "%s://%s/%s/%s", call->server->scheme, host ? host : "",
                        call->bucket, percent_encode(call->arena, str_c(call->key), true));
}

/* Only http and https, and one line: it becomes a header. */
static const char *redirect_of(struct s3_call *call, const char *etag) {
    const char *url = field(call->post, "success_action_redirect");
    if (!url)
        url = field(call->post, "redirect");
    if (!url || str_has_control(str_c(url)) ||
        (!str_starts_with(str_c(url), "http://") && !str_starts_with(str_c(url), "https://")))
        return NULL;
    return arena_printf(
        call->arena, "%s%cbucket=%s&key=%s&etag=%s", url, strchr(url, '?') ? '&' : '?',
        call->bucket, percent_encode(call->arena, str_c(call->key), false),
        percent_encode(call->arena, str_c(arena_printf(call->arena, "\"%s\"", etag)), false));
}

static bool answer(struct s3_call *call, const char *etag, struct error *err) {
    const char *redirect = redirect_of(call, etag);
    const char *status = field(call->post, "success_action_status");
    s3_add_header(call, "ETag", arena_printf(call->arena, "\"%s\"", etag));
    if (redirect) {
        s3_add_header(call, "Location", redirect);
        s3_respond_empty(call, 303);
        return true;
    }
    s3_add_header(call, "Location", location_of(call));
    if (!status || strcmp(status, "201") != 0) {
        s3_respond_empty(call, status && strcmp(status, "200") == 0 ? 200 : 204);
        return true;
    }
    struct xml_writer w CLEANUP(xml_writer_clear);
    xml_writer_init(&w, call->arena);
    xml_open(&w, "PostResponse");
    xml_text(&w, "Location", location_of(call));
    xml_text(&w, "Bucket", call->bucket);
    xml_text(&w, "Key", call->key);
    xml_etag(&w, etag);
    xml_close(&w, "PostResponse");
    if (!s3_respond_xml(call, &w, err))
        return false;
    call->x->response.status = 201;
    return true;
}

static bool read_tags(struct s3_call *call, const char **ret, struct error *err) {
    const char *document = field(call->post, "tagging");
    struct xml_element *root;
    *ret = "";
    if (!document)
        return true;
    if (!xml_parse(call->arena, str_c(document), &root, err) || strcmp(root->name, "Tagging") != 0)
        return error_set(err, ERROR_INVALID, "MalformedXML", "the field 'tagging' is no document");
    return s3_read_tags_xml(call->arena, root, ret, err) &&
           ((*ret)[0] == '\0' ||
            s3_authorise(call, "PutObjectTagging", call->bucket, call->key, err));
}

bool s3_post_object(struct s3_call *call, struct error *err) {
    struct s3_post *post = call->post;
    struct store_put put = s3_store_put(call, "ObjectCreated:Post");
    if (!form_end(post->form, err))
        return false;
    if (store_body_size(call->body.stored) < post->min_bytes)
        return error_set(err, ERROR_INVALID, "EntityTooSmall",
                         "the file is under the policy's limit");
    return s3_body_end(call, err) && read_tags(call, &put.tags, err) &&
           s3_store_body(call, &put, err) && answer(call, call->etag, err);
}
