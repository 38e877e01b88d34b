/*
 * Tables of buckets and rules, put into the store at each start: a newer version's rules replace
 * those of an older one.
 */
#include "cli/setup.h"
#include "base/os.h"
#include "base/xml.h"

#include <string.h>

#define EVENT "s3:ObjectCreated:*"
#define XMLNS "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\""

static const struct store_rule input_rules[] = {
    {"arrivals", "intake", EVENT, "jobs/", ""},
};

static const struct store_rule work_rules[] = {
    {"tasks", "render", EVENT, "tasks/", ""},
    {"plans", "intake", EVENT, "plans/", ""},
    {"facts", "intake", EVENT, "facts/", ""},
    {"audio", "intake", EVENT, "audio/", ""},
    {"cancelled", "intake", EVENT, "cancelled/", ""},
    {"progress", "notify", EVENT, "progress/", ""},
    {"chunks", "notify", EVENT, "chunks/", ""},
    {"splice", "notify", EVENT, "splice/", ""},
    {"connections", "notify", EVENT, "connections/", ""},
};

static const struct store_rule output_rules[] = {
    {"results", "notify", EVENT, "", "/result.json"},
};

static const struct {
    const char *name;
    const struct store_rule *rules;
    size_t count;
} buckets[] = {
    {BUCKET_INPUT, input_rules, ARRAY_SIZE(input_rules)},
    {BUCKET_WORK, work_rules, ARRAY_SIZE(work_rules)},
    {BUCKET_OUTPUT, output_rules, ARRAY_SIZE(output_rules)},
};

char *setup_notification_xml(struct arena *arena, const struct store_rule *rules, size_t count) {
    char *text = arena_strdup(arena, "");
    for (size_t i = 0; i < count; i++) {
        const char *suffix =
            rules[i].suffix[0] == '\0'
                ? ""
                : arena_printf(arena,
                               "<FilterRule><Name>suffix</Name><Value>%s</Value></FilterRule>",
                               xml_escape(arena, str_c(rules[i].suffix)));
        text = arena_printf(
            arena,
            "%s<CloudFunctionConfiguration><Id>%s</Id>"
            "<CloudFunction>arn:aws:lambda:local:000000000000:function:%s</CloudFunction>"
            "<Event>%s</Event><Filter><S3Key><FilterRule><Name>prefix</Name><Value>%s</Value>"
            "</FilterRule>%s</S3Key></Filter></CloudFunctionConfiguration>",
            text, rules[i].id, rules[i].function, rules[i].event,
            xml_escape(arena, str_c(rules[i].prefix)), suffix);
    }
    return arena_printf(
        arena, "<NotificationConfiguration " XMLNS ">%s</NotificationConfiguration>", text);
}

static bool make_bucket(struct store *store, struct arena *arena, size_t index, struct error *err) {
    const char *name = buckets[index].name;
    if (!store_create_bucket(store, name, clock_unix_ms(), err) && err->kind != ERROR_CONFLICT)
        return error_prefix(err, "bucket '%s'", name);
    const char *document =
        buckets[index].count == 0
            ? ""
            : setup_notification_xml(arena, buckets[index].rules, buckets[index].count);
    return store_set_rules(store, name, buckets[index].rules, buckets[index].count, err) &&
           store_put_document(store, name, "notification", str_c(document), err);
}

static bool make_keys(struct store *store, const struct secrets *secrets, struct error *err) {
    static const struct store_statement everything = {"*", "*", ""};
    if (!store_put_key(store, secrets->root.access_key, secrets->root.secret_key, &everything, 1,
                       err))
        return false;
    for (unsigned i = 0; i < RIGHTS_FUNCTION_COUNT; i++) {
        size_t count;
        const struct store_statement *statements = rights_of(i, &count);
        if (!store_put_key(store, secrets->functions[i].access_key,
                           secrets->functions[i].secret_key, statements, count, err))
            return false;
    }
    return true;
}

bool setup_buckets(struct store *store, struct arena *arena, const struct secrets *secrets,
                   struct error *err) {
    for (size_t i = 0; i < ARRAY_SIZE(buckets); i++)
        if (!make_bucket(store, arena, i, err))
            return false;
    return make_keys(store, secrets, err);
}

char *setup_cors_xml(struct arena *arena, const struct address *page) {
    /* The same page under another name is another origin to a browser. */
    static const char *const loopback[] = {"127.0.0.1", "localhost", "[::1]"};
    char *origins =
        arena_printf(arena, "<AllowedOrigin>http://%s</AllowedOrigin>", address_text(arena, page));
    for (size_t i = 0; page->loopback && i < ARRAY_SIZE(loopback); i++)
        origins = arena_printf(arena, "%s<AllowedOrigin>http://%s:%u</AllowedOrigin>", origins,
                               loopback[i], page->port);
    return arena_printf(arena,
                        "<CORSConfiguration " XMLNS "><CORSRule>%s"
                        "<AllowedMethod>PUT</AllowedMethod><AllowedMethod>GET</AllowedMethod>"
                        "<AllowedMethod>HEAD</AllowedMethod><AllowedHeader>*</AllowedHeader>"
                        "<ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>3600</MaxAgeSeconds>"
                        "</CORSRule></CORSConfiguration>",
                        origins);
}

bool setup_cors(struct store *store, struct arena *arena, const struct address *page,
                struct error *err) {
    struct str document = str_c(setup_cors_xml(arena, page));
    return store_put_document(store, BUCKET_INPUT, "cors", document, err) &&
           store_put_document(store, BUCKET_OUTPUT, "cors", document, err);
}
