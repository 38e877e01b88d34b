/*
 * Lifecycle configuration: when objects expire and uploads that nobody completes are aborted. The
 * document is kept for reading back; what the store acts on are the rules made of it. What it
 * cannot do (transitions, old versions) is refused.
 */
#include "base/codec.h"
#include "s3/internal.h"

#include <string.h>

enum { MAX_DAYS = 36500, MAX_ID_BYTES = 255 };

static bool fail_xml(struct error *err, const char *text) {
    return error_set(err, ERROR_INVALID, "MalformedXML", "%s", text);
}

static const char *copy(struct s3_call *call, struct str text) {
    return arena_strndup(call->arena, text.ptr ? text.ptr : "", text.len);
}

static bool read_days(const struct xml_element *parent, const char *name, unsigned *ret,
                      struct error *err) {
    uint64_t days;
    if (!str_to_u64(str_trim(xml_child_text(parent, name)), MAX_DAYS, &days) || days == 0)
        return error_set(err, ERROR_INVALID, "InvalidArgument", "'%s' must be a positive integer",
                         name);
    *ret = (unsigned)days;
    return true;
}

static bool read_date(struct str text, int64_t *ret, struct error *err) {
    if (date_parse_iso(str_trim(text), ret) && *ret % (24 * 60 * 60 * 1000) == 0)
        return true;
    return error_set(err, ERROR_INVALID, "InvalidArgument", "'Date' must be at midnight GMT");
}

static bool read_expiration(const struct xml_element *e, struct store_lifecycle_rule *rule,
                            struct error *err) {
    bool has_days = xml_child(e, "Days") != NULL;
    bool has_date = xml_child(e, "Date") != NULL;
    /* There are no delete markers here, so there is nothing to remove. */
    if (xml_child(e, "ExpiredObjectDeleteMarker") && !has_days && !has_date)
        return true;
    if (has_days == has_date)
        return fail_xml(err, "an Expiration has Days or a Date");
    return has_days ? read_days(e, "Days", &rule->expire_days, err)
                    : read_date(xml_child_text(e, "Date"), &rule->expire_at_unix_ms, err);
}

static bool read_tag(struct s3_call *call, const struct xml_element *tag,
                     struct store_lifecycle_rule *rule, struct error *err) {
    struct str name = xml_child_text(tag, "Key");
    if (name.len == 0)
        return fail_xml(err, "a Tag has a Key");
    const char *pair =
        arena_printf(call->arena, "%s=%s", percent_encode(call->arena, name, false),
                     percent_encode(call->arena, xml_child_text(tag, "Value"), false));
    rule->tags =
        rule->tags[0] == '\0' ? pair : arena_printf(call->arena, "%s&%s", rule->tags, pair);
    return true;
}

/* What is in a Filter, or in the And of one. */
static bool read_filter(struct s3_call *call, const struct xml_element *filter,
                        struct store_lifecycle_rule *rule, struct error *err) {
    for (const struct xml_element *e = filter->first_child; e; e = e->next) {
        if (strcmp(e->name, "Prefix") == 0) {
            rule->prefix = copy(call, e->text);
        } else if (strcmp(e->name, "Tag") == 0) {
            if (!read_tag(call, e, rule, err))
                return false;
        } else if (strcmp(e->name, "ObjectSizeGreaterThan") == 0) {
            if (!str_to_u64(str_trim(e->text), INT64_MAX - 1, &rule->size_over))
                return fail_xml(err, "ObjectSizeGreaterThan is no number");
            rule->has_size_over = true;
        } else if (strcmp(e->name, "ObjectSizeLessThan") == 0) {
            if (!str_to_u64(str_trim(e->text), INT64_MAX - 1, &rule->size_under))
                return fail_xml(err, "ObjectSizeLessThan is no number");
            rule->has_size_under = true;
        } else if (strcmp(e->name, "And") == 0 && strcmp(filter->name, "And") != 0) {
            if (!read_filter(call, e, rule, err))
                return false;
        } else {
            return fail_xml(err, "a Filter has something that is unknown");
        }
    }
    return true;
}

static bool read_actions(const struct xml_element *e, struct store_lifecycle_rule *rule,
                         struct error *err) {
    static const char *const unsupported[] = {"Transition", "NoncurrentVersionTransition"};
    for (size_t i = 0; i < ARRAY_SIZE(unsupported); i++) {
        if (xml_child(e, unsupported[i]))
            return error_set(err, ERROR_INVALID, "NotImplemented",
                             "%s is not supported: there is one storage class", unsupported[i]);
    }
    const struct xml_element *expiration = xml_child(e, "Expiration");
    const struct xml_element *abort = xml_child(e, "AbortIncompleteMultipartUpload");
    if (!expiration && !abort && !xml_child(e, "NoncurrentVersionExpiration"))
        return error_set(err, ERROR_INVALID, "InvalidRequest",
                         "At least one action needs to be specified in a rule.");
    if (expiration && !read_expiration(expiration, rule, err))
        return false;
    if (!abort)
        return true;
    if (rule->tags[0] != '\0')
        return error_set(err, ERROR_INVALID, "InvalidRequest",
                         "AbortIncompleteMultipartUpload cannot be specified with Tags.");
    return read_days(abort, "DaysAfterInitiation", &rule->abort_days, err);
}

static bool read_rule(struct s3_call *call, const struct xml_element *e, size_t number,
                      struct store_lifecycle_rule *ret, struct error *err) {
    struct str id = xml_child_text(e, "ID");
    struct str status = str_trim(xml_child_text(e, "Status"));
    const struct xml_element *filter = xml_child(e, "Filter");
    *ret = (struct store_lifecycle_rule){
        .id = id.len > 0 ? copy(call, id) : arena_printf(call->arena, "rule-%zu", number),
        .enabled = str_equal_c(status, "Enabled"),
        .prefix = copy(call, xml_child_text(e, "Prefix")),
        .tags = "",
    };
    if (id.len > MAX_ID_BYTES)
        return error_set(err, ERROR_INVALID, "InvalidArgument", "an ID is over %d bytes",
                         MAX_ID_BYTES);
    if (!ret->enabled && !str_equal_c(status, "Disabled"))
        return fail_xml(err, "Status is Enabled or Disabled");
    if (!filter && !xml_child(e, "Prefix"))
        return fail_xml(err, "a rule has a Filter or a Prefix");
    return (!filter || read_filter(call, filter, ret, err)) && read_actions(e, ret, err);
}

bool s3_put_lifecycle(struct s3_call *call, struct error *err) {
    struct xml_element *root;
    if (!s3_body_xml(call, "LifecycleConfiguration", &root, err))
        return false;
    struct store_lifecycle_rule *rules =
        arena_array(call->arena, STORE_MAX_LIFECYCLE_RULES, sizeof *rules);
    size_t count = 0;
    for (struct xml_element *e = xml_child(root, "Rule"); e; e = xml_next_named(e)) {
        if (count == STORE_MAX_LIFECYCLE_RULES)
            return error_set(err, ERROR_INVALID, "InvalidRequest", "more than %d rules",
                             STORE_MAX_LIFECYCLE_RULES);
        if (!read_rule(call, e, count + 1, &rules[count], err))
            return false;
        count++;
    }
    if (count == 0)
        return fail_xml(err, "a configuration has at least one Rule");
    if (!store_set_lifecycle(call->store, call->bucket, rules, count, buf_str(&call->body.document),
                             err))
        return false;
    s3_respond_empty(call, 200);
    return true;
}

bool s3_get_lifecycle(struct s3_call *call, struct error *err) {
    struct str document;
    if (!store_get_document(call->store, call->arena, call->bucket, "lifecycle", &document, err)) {
        if (s3_is_absent(err))
            err->code = "NoSuchLifecycleConfiguration";
        return false;
    }
    s3_respond_document(call, document);
    return true;
}

bool s3_delete_lifecycle(struct s3_call *call, struct error *err) {
    if (!store_set_lifecycle(call->store, call->bucket, NULL, 0, str_c(""), err))
        return false;
    s3_respond_empty(call, 204);
    return true;
}
