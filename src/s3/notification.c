/*
 * Notification configuration: which created objects a function is called for.
 *
 * Functions are the only destination here. The function's name is the last part of its ARN, so the
 * configuration that is used with S3 and Lambda works as it is. The document is kept for reading
 * back; what the store matches on are the rules made of it.
 */
#include "s3/internal.h"

#include <string.h>

enum { MAX_RULES = 100, MAX_NAME_BYTES = 64, MAX_FILTER_BYTES = 1024 };

/* The events that the store has. */
static const char *const event_names[] = {
    "s3:ObjectCreated:*",
    "s3:ObjectCreated:Put",
    "s3:ObjectCreated:Post",
    "s3:ObjectCreated:Copy",
    "s3:ObjectCreated:CompleteMultipartUpload",
};

static const char *find_event(struct str text) {
    for (size_t i = 0; i < ARRAY_SIZE(event_names); i++) {
        if (str_equal_c(text, event_names[i]))
            return event_names[i];
    }
    return NULL;
}

static const char *copy(struct s3_call *call, struct str text) {
    return arena_strndup(call->arena, text.ptr, text.len);
}

static bool read_function(struct s3_call *call, const struct xml_element *configuration,
                          struct store_rule *rule, struct error *err) {
    struct str arn = str_trim(xml_child_text(configuration, "CloudFunction"));
    struct str name = arn;
    for (size_t i = 0; i < arn.len; i++) {
        if (arn.ptr[i] == ':')
            name = (struct str){arn.ptr + i + 1, arn.len - i - 1};
    }
    if (!str_starts_with(arn, "arn:") || name.len == 0 || name.len > MAX_NAME_BYTES)
        return error_set(err, ERROR_INVALID, "InvalidArgument",
                         "The ARN could not be parsed: '%.*s'",
                         (int)(arn.len < 200 ? arn.len : 200), arn.ptr);
    rule->function = copy(call, name);
    return true;
}

static bool read_filter(struct s3_call *call, const struct xml_element *configuration,
                        struct store_rule *rule, struct error *err) {
    rule->prefix = "";
    rule->suffix = "";
    const struct xml_element *filter = xml_child(configuration, "Filter");
    const struct xml_element *key = filter ? xml_child(filter, "S3Key") : NULL;
    if (!key)
        return true;
    for (struct xml_element *e = xml_child(key, "FilterRule"); e; e = xml_next_named(e)) {
        struct str name = xml_child_text(e, "Name");
        struct str value = xml_child_text(e, "Value");
        bool is_prefix = str_equal_nocase(name, str_c("prefix"));
        const char **field = is_prefix ? &rule->prefix : &rule->suffix;
        if (!is_prefix && !str_equal_nocase(name, str_c("suffix")))
            return error_set(err, ERROR_INVALID, "InvalidArgument",
                             "filter rule name must be either prefix or suffix");
        if ((*field)[0] != '\0')
            return error_set(err, ERROR_INVALID, "InvalidArgument",
                             "Cannot specify more than one %s rule in a filter.",
                             is_prefix ? "prefix" : "suffix");
        if (value.len > MAX_FILTER_BYTES)
            return error_set(err, ERROR_INVALID, "InvalidArgument",
                             "a filter value is over %d bytes", MAX_FILTER_BYTES);
        *field = copy(call, value);
    }
    return true;
}

struct rules {
    struct store_rule *items;
    size_t count;
};

static bool add_configuration(struct s3_call *call, const struct xml_element *configuration,
                              struct rules *rules, struct error *err) {
    struct store_rule rule = {0};
    struct str id = xml_child_text(configuration, "Id");
    if (id.len > 255)
        return error_set(err, ERROR_INVALID, "InvalidArgument", "an Id is over 255 bytes");
    rule.id = id.len > 0 ? copy(call, id) : arena_printf(call->arena, "rule-%zu", rules->count + 1);
    if (!read_function(call, configuration, &rule, err) ||
        !read_filter(call, configuration, &rule, err))
        return false;
    const struct xml_element *event = xml_child(configuration, "Event");
    if (!event)
        return error_set(err, ERROR_INVALID, "MalformedXML", "a configuration without Event");
    for (; event; event = xml_next_named(event)) {
        rule.event = find_event(str_trim(event->text));
        if (!rule.event)
            return error_set(err, ERROR_INVALID, "InvalidArgument",
                             "The event '%.*s' is not supported for notifications; this store has "
                             "s3:ObjectCreated",
                             (int)(event->text.len < 100 ? event->text.len : 100), event->text.ptr);
        if (rules->count == MAX_RULES)
            return error_set(err, ERROR_INVALID, "InvalidArgument", "more than %d rules",
                             MAX_RULES);
        rules->items[rules->count++] = rule;
    }
    return true;
}

static bool events_meet(const char *a, const char *b) {
    return strcmp(a, b) == 0 || strcmp(a, event_names[0]) == 0 || strcmp(b, event_names[0]) == 0;
}

/* Two rules may see the same key when one prefix starts the other and one suffix ends the other. */
static bool filters_meet(const struct store_rule *a, const struct store_rule *b) {
    return (str_starts_with(str_c(a->prefix), b->prefix) ||
            str_starts_with(str_c(b->prefix), a->prefix)) &&
           (str_ends_with(str_c(a->suffix), b->suffix) ||
            str_ends_with(str_c(b->suffix), a->suffix));
}

/* S3 refuses overlaps, so a configuration that has some would fail there. */
static bool check_overlaps(const struct rules *rules, struct error *err) {
    for (size_t i = 0; i < rules->count; i++) {
        for (size_t j = 0; j < i; j++) {
            const struct store_rule *a = &rules->items[i];
            const struct store_rule *b = &rules->items[j];
            if (events_meet(a->event, b->event) && filters_meet(a, b))
                return error_set(err, ERROR_INVALID, "InvalidArgument",
                                 "Configurations overlap. Configurations on the same bucket cannot "
                                 "share a common event type.");
        }
    }
    return true;
}

static bool read_configurations(struct s3_call *call, const struct xml_element *root,
                                struct rules *rules, struct error *err) {
    for (const struct xml_element *e = root->first_child; e; e = e->next) {
        if (strcmp(e->name, "CloudFunctionConfiguration") == 0) {
            if (!add_configuration(call, e, rules, err))
                return false;
            continue;
        }
        return error_set(err, ERROR_INVALID, "InvalidArgument",
                         "'%.64s' is not supported: the only destinations here are functions "
                         "(CloudFunctionConfiguration)",
                         e->name);
    }
    return check_overlaps(rules, err);
}

bool s3_put_notification(struct s3_call *call, struct error *err) {
    struct xml_element *root;
    struct rules rules = {
        .items = arena_array(call->arena, MAX_RULES, sizeof *rules.items),
    };
    if (!s3_body_xml(call, "NotificationConfiguration", &root, err) ||
        !read_configurations(call, root, &rules, err) ||
        !store_set_rules(call->store, call->bucket, rules.items, rules.count, err) ||
        !store_put_document(call->store, call->bucket, "notification",
                            buf_str(&call->body.document), err))
        return false;
    s3_respond_empty(call, 200);
    return true;
}

bool s3_get_notification(struct s3_call *call, struct error *err) {
    struct str document = str_c("<NotificationConfiguration xmlns=\"" S3_XML_NAMESPACE "\"/>");
    if (!store_get_document(call->store, call->arena, call->bucket, "notification", &document,
                            err) &&
        !s3_is_absent(err))
        return false;
    s3_respond_document(call, document);
    return true;
}
