/*
 * Cross-origin sharing: which pages may call the store and see its answers.
 *
 * A bucket's configuration is kept as the document that was put, after it has been checked. It is
 * read again for each request that carries an Origin; those are a page's, a few hundred a job.
 */
#include "s3/internal.h"

#include <string.h>

enum { MAX_RULES = 100, MAX_MAX_AGE_SECONDS = 31536000 };

static const char *const methods[] = {"GET", "PUT", "POST", "DELETE", "HEAD"};

static bool is_method(struct str text) {
    for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
        if (str_equal_c(text, methods[i]))
            return true;
    }
    return false;
}

/* At most one `*` in the pattern stands for any text. */
static bool matches(struct str pattern, struct str text, bool fold_case) {
    const char *star = pattern.len ? memchr(pattern.ptr, '*', pattern.len) : NULL;
    if (!star)
        return fold_case ? str_equal_nocase(pattern, text) : str_equal(pattern, text);
    struct str head = {pattern.ptr, (size_t)(star - pattern.ptr)};
    struct str tail = {star + 1, pattern.len - head.len - 1};
    if (text.len < head.len + tail.len)
        return false;
    struct str text_head = {text.ptr, head.len};
    struct str text_tail = {text.ptr + text.len - tail.len, tail.len};
    if (fold_case)
        return str_equal_nocase(head, text_head) && str_equal_nocase(tail, text_tail);
    return str_equal(head, text_head) && str_equal(tail, text_tail);
}

static size_t count_stars(struct str text) {
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == '*';
    return count;
}

/* ---- the configuration ---- */

static bool check_patterns(const struct xml_element *rule, const char *name, struct error *err) {
    for (struct xml_element *e = xml_child(rule, name); e; e = xml_next_named(e)) {
        if (e->text.len == 0 || str_has_control(e->text))
            return error_set(err, ERROR_INVALID, "MalformedXML", "an empty or odd '%s'", name);
        if (count_stars(e->text) > 1)
            return error_set(err, ERROR_INVALID, "InvalidRequest",
                             "%s \"%.*s\" can not have more than one wildcard.", name,
                             STR_ARG(e->text));
    }
    return true;
}

static bool check_rule(const struct xml_element *rule, struct error *err) {
    if (!xml_child(rule, "AllowedOrigin") || !xml_child(rule, "AllowedMethod"))
        return error_set(err, ERROR_INVALID, "MalformedXML",
                         "a CORSRule needs AllowedOrigin and AllowedMethod");
    if (!check_patterns(rule, "AllowedOrigin", err) || !check_patterns(rule, "AllowedHeader", err))
        return false;
    for (struct xml_element *e = xml_child(rule, "AllowedMethod"); e; e = xml_next_named(e)) {
        if (!is_method(e->text))
            return error_set(err, ERROR_INVALID, "InvalidRequest",
                             "Found unsupported HTTP method in CORS config. Unsupported method is "
                             "%.*s",
                             (int)(e->text.len < 32 ? e->text.len : 32), e->text.ptr);
    }
    for (struct xml_element *e = xml_child(rule, "ExposeHeader"); e; e = xml_next_named(e)) {
        if (e->text.len == 0 || str_has_control(e->text) || count_stars(e->text) > 0)
            return error_set(err, ERROR_INVALID, "InvalidRequest",
                             "ExposeHeader must name a header, without a wildcard");
    }
    uint64_t age;
    const struct xml_element *max_age = xml_child(rule, "MaxAgeSeconds");
    if (max_age && !str_to_u64(str_trim(max_age->text), MAX_MAX_AGE_SECONDS, &age))
        return error_set(err, ERROR_INVALID, "MalformedXML", "MaxAgeSeconds is not a number");
    return true;
}

bool s3_put_cors(struct s3_call *call, struct error *err) {
    struct xml_element *root;
    if (!s3_body_xml(call, "CORSConfiguration", &root, err))
        return false;
    size_t count = 0;
    for (struct xml_element *e = xml_child(root, "CORSRule"); e; e = xml_next_named(e)) {
        if (!check_rule(e, err))
            return false;
        count++;
    }
    if (count == 0 || count > MAX_RULES)
        return error_set(err, ERROR_INVALID, "MalformedXML", "%zu rules; 1 to %d are possible",
                         count, MAX_RULES);
    if (!store_put_document(call->store, call->bucket, "cors", buf_str(&call->body.document), err))
        return false;
    s3_respond_empty(call, 200);
    return true;
}

bool s3_get_cors(struct s3_call *call, struct error *err) {
    struct str document;
    if (!store_get_document(call->store, call->arena, call->bucket, "cors", &document, err)) {
        if (s3_is_absent(err))
            err->code = "NoSuchCORSConfiguration";
        return false;
    }
    s3_respond_document(call, document);
    return true;
}

bool s3_delete_cors(struct s3_call *call, struct error *err) {
    struct str nothing = {.ptr = "", .len = 0};
    if (!store_put_document(call->store, call->bucket, "cors", nothing, err))
        return false;
    s3_respond_empty(call, 204);
    return true;
}

/* ---- its use ---- */

static struct xml_element *read_configuration(struct s3_call *call) {
    struct str document;
    struct xml_element *root;
    struct error ignored;
    if (call->bucket[0] == '\0' ||
        !store_get_document(call->store, call->arena, call->bucket, "cors", &document, &ignored) ||
        !xml_parse(call->arena, document, &root, &ignored))
        return NULL;
    return root;
}

static const struct xml_element *find_pattern(const struct xml_element *rule, const char *name,
                                              struct str text, bool fold_case) {
    for (struct xml_element *e = xml_child(rule, name); e; e = xml_next_named(e)) {
        if (matches(e->text, text, fold_case))
            return e;
    }
    return NULL;
}

/* Every header of the comma-separated list is allowed. */
static bool allows_headers(const struct xml_element *rule, const char *list) {
    struct str rest = str_c(list ? list : "");
    while (rest.len > 0) {
        struct str one = str_trim(str_split(rest, ',', &rest));
        if (one.len > 0 && !find_pattern(rule, "AllowedHeader", one, true))
            return false;
    }
    return true;
}

static const struct xml_element *find_rule(const struct xml_element *root, const char *origin,
                                           const char *method, const char *headers) {
    for (struct xml_element *e = xml_child(root, "CORSRule"); e; e = xml_next_named(e)) {
        if (find_pattern(e, "AllowedOrigin", str_c(origin), false) &&
            find_pattern(e, "AllowedMethod", str_c(method), false) && allows_headers(e, headers))
            return e;
    }
    return NULL;
}

static const char *join(struct arena *arena, const struct xml_element *rule, const char *name) {
    const char *list = "";
    for (struct xml_element *e = xml_child(rule, name); e; e = xml_next_named(e))
        list = arena_printf(arena, "%s%s%.*s", list, list[0] ? ", " : "", STR_ARG(e->text));
    return list;
}

static void add_shared_headers(struct s3_call *call, const struct xml_element *rule,
                               const char *origin) {
    const struct xml_element *pattern = find_pattern(rule, "AllowedOrigin", str_c(origin), false);
    bool anybody = str_equal_c(pattern->text, "*");
    s3_add_header(call, "Access-Control-Allow-Origin", anybody ? "*" : origin);
    if (!anybody)
        s3_add_header(call, "Access-Control-Allow-Credentials", "true");
    s3_add_header(call, "Access-Control-Allow-Methods", join(call->arena, rule, "AllowedMethod"));
    const char *exposed = join(call->arena, rule, "ExposeHeader");
    if (exposed[0] != '\0')
        s3_add_header(call, "Access-Control-Expose-Headers", exposed);
    struct str age = str_trim(xml_child_text(rule, "MaxAgeSeconds"));
    if (age.len > 0)
        s3_add_header(call, "Access-Control-Max-Age", arena_strndup(call->arena, age.ptr, age.len));
    s3_add_header(call, "Vary",
                  "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
}

void s3_cors_add_headers(struct s3_call *call) {
    const char *origin = s3_header(call, "origin");
    if (!origin || strcmp(call->x->request.method, "OPTIONS") == 0)
        return;
    const struct xml_element *root = read_configuration(call);
    const struct xml_element *rule =
        root ? find_rule(root, origin, call->x->request.method, NULL) : NULL;
    if (rule)
        add_shared_headers(call, rule, origin);
}

bool s3_cors_preflight(struct s3_call *call, struct error *err) {
    const char *origin = s3_header(call, "origin");
    const char *method = s3_header(call, "access-control-request-method");
    const char *headers = s3_header(call, "access-control-request-headers");
    if (!origin || origin[0] == '\0')
        return error_set(err, ERROR_INVALID, "InvalidRequest",
                         "Insufficient information. Origin request header needed.");
    if (!method || !is_method(str_c(method)))
        return error_set(err, ERROR_INVALID, "InvalidRequest",
                         "Invalid Access-Control-Request-Method: %.32s", method ? method : "null");
    const struct xml_element *root = read_configuration(call);
    const struct xml_element *rule = root ? find_rule(root, origin, method, headers) : NULL;
    if (!rule) {
        s3_error_detail(call, "Method", method);
        s3_error_detail(call, "ResourceType", call->key[0] ? "OBJECT" : "BUCKET");
        return error_set(err, ERROR_DENIED, "AccessForbidden",
                         root ? "CORSResponse: This CORS request is not allowed. This is usually "
                                "because the evalution of Origin, request method / "
                                "Access-Control-Request-Method or "
                                "Access-Control-Request-Headers are not whitelisted by the "
                                "resource's CORS spec."
                              : "CORSResponse: CORS is not enabled for this bucket.");
    }
    add_shared_headers(call, rule, origin);
    if (headers) {
        char *lower = arena_strdup(call->arena, headers);
        for (char *c = lower; *c; c++) {
            if (*c >= 'A' && *c <= 'Z')
                *c = (char)(*c - 'A' + 'a');
        }
        s3_add_header(call, "Access-Control-Allow-Headers", lower);
    }
    s3_respond_empty(call, 200);
    return true;
}
