/*
 * Tags of objects: up to ten pairs of texts. The store keeps them as one form-encoded text, which
 * is also how they come in a header; documents and headers are read into that text and checked on
 * the way.
 */
#include "base/codec.h"
#include "s3/internal.h"

#include <string.h>

enum { MAX_TAGS = 10, MAX_NAME_CHARACTERS = 128, MAX_VALUE_CHARACTERS = 256 };

struct tags {
    const char *text;
    const char *names[MAX_TAGS];
    size_t count;
};

static size_t count_characters(struct str text) {
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    return count;
}

static bool fail_tag(struct error *err, const char *text) {
    return error_set(err, ERROR_INVALID, "InvalidTag", "%s", text);
}

static bool add_tag(struct arena *arena, struct tags *tags, struct str name, struct str value,
                    struct error *err) {
    if (tags->count == MAX_TAGS)
        return error_set(err, ERROR_INVALID, "BadRequest", "Object tags cannot be greater than %d",
                         MAX_TAGS);
    if (name.len == 0 || !str_is_utf8(name) || memchr(name.ptr, '\0', name.len) ||
        count_characters(name) > MAX_NAME_CHARACTERS || str_starts_with(name, "aws:"))
        return fail_tag(err, "The TagKey you have provided is invalid");
    if (!str_is_utf8(value) || (value.len > 0 && memchr(value.ptr, '\0', value.len)) ||
        count_characters(value) > MAX_VALUE_CHARACTERS)
        return fail_tag(err, "The TagValue you have provided is invalid");
    const char *encoded = percent_encode(arena, name, false);
    for (size_t i = 0; i < tags->count; i++) {
        if (strcmp(tags->names[i], encoded) == 0)
            return fail_tag(err, "Cannot provide multiple Tags with the same key");
    }
    tags->names[tags->count] = encoded;
    tags->text = arena_printf(arena, "%s%s%s=%s", tags->text, tags->count > 0 ? "&" : "", encoded,
                              percent_encode(arena, value, false));
    tags->count++;
    return true;
}

bool s3_read_tags_header(const struct s3_call *call, const char **ret, struct error *err) {
    const char *header = s3_header(call, "x-amz-tagging");
    struct tags tags = {.text = ""};
    struct str rest = str_c(header ? header : "");
    while (rest.len > 0) {
        struct str raw_value, name, value;
        struct str raw_name = str_split(str_split(rest, '&', &rest), '=', &raw_value);
        if (!percent_decode(call->arena, raw_name, true, &name) ||
            !percent_decode(call->arena, raw_value, true, &value))
            return error_set(err, ERROR_INVALID, "InvalidArgument",
                             "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded "
                             "URL query parameters without tag name duplicates.");
        if (!add_tag(call->arena, &tags, name, value, err))
            return false;
    }
    *ret = tags.text;
    return tags.count == 0 || s3_authorise(call, "PutObjectTagging", call->bucket, call->key, err);
}

bool s3_read_tags_xml(struct arena *arena, const struct xml_element *root, const char **ret,
                      struct error *err) {
    const struct xml_element *set = xml_child(root, "TagSet");
    struct tags tags = {.text = ""};
    if (!set)
        return error_set(err, ERROR_INVALID, "MalformedXML", "Tagging without TagSet");
    for (const struct xml_element *e = set->first_child; e; e = e->next) {
        if (strcmp(e->name, "Tag") != 0 || !xml_child(e, "Key") || !xml_child(e, "Value"))
            return error_set(err, ERROR_INVALID, "MalformedXML", "a tag has a Key and a Value");
        if (!add_tag(arena, &tags, xml_child_text(e, "Key"), xml_child_text(e, "Value"), err))
            return false;
    }
    *ret = tags.text;
    return true;
}

size_t s3_count_tags(const char *tags) {
    size_t count = tags[0] != '\0';
    for (; *tags != '\0'; tags++)
        count += *tags == '&';
    return count;
}

static const char *decode(struct arena *arena, struct str text) {
    struct str decoded = {"", 0};
    return percent_decode(arena, text, false, &decoded)
               ? arena_strndup(arena, decoded.ptr, decoded.len)
               : "";
}

bool s3_get_tags(struct s3_call *call, struct error *err) {
    struct store_object object;
    if (!s3_refuse_features(call, err))
        return false;
    if (!store_head(call->store, call->arena, call->bucket, call->key, &object, err))
        return s3_hide_missing_key(call, err);
    struct xml_writer w CLEANUP(xml_writer_clear);
    xml_writer_init(&w, call->arena);
    xml_open_root(&w, "Tagging");
    xml_open(&w, "TagSet");
    struct str rest = str_c(object.tags);
    while (rest.len > 0) {
        struct str value;
        struct str name = str_split(str_split(rest, '&', &rest), '=', &value);
        xml_open(&w, "Tag");
        xml_text(&w, "Key", decode(call->arena, name));
        xml_text(&w, "Value", decode(call->arena, value));
        xml_close(&w, "Tag");
    }
    xml_close(&w, "TagSet");
    xml_close(&w, "Tagging");
    return s3_respond_xml(call, &w, err);
}

bool s3_put_tags(struct s3_call *call, struct error *err) {
    struct xml_element *root;
    const char *tags = "";
    if (!s3_refuse_features(call, err) || !s3_body_xml(call, "Tagging", &root, err) ||
        !s3_read_tags_xml(call->arena, root, &tags, err))
        return false;
    if (!store_put_tags(call->store, call->bucket, call->key, tags, err))
        return s3_hide_missing_key(call, err);
    s3_respond_empty(call, 200);
    return true;
}

bool s3_delete_tags(struct s3_call *call, struct error *err) {
    if (!s3_refuse_features(call, err))
        return false;
    if (!store_put_tags(call->store, call->bucket, call->key, "", err))
        return s3_hide_missing_key(call, err);
    s3_respond_empty(call, 204);
    return true;
}
