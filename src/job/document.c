/*
 * jansson does the parsing. What it lacks is a limit on memory: an array of empty objects takes a
 * hundred times its text. So the text is looked through first for the characters that stand for
 * values, without judging it.
 */
#include "job/document.h"

#include <stdlib.h>
#include <string.h>

void document_release(json_t **document) {
    json_decref(*document);
    *document = NULL;
}

/* At least as many as there are values: each but the outermost one follows `[`, `{`, `,` or `:`. */
static size_t count_values(struct str text) {
    size_t count = 1;
    bool in_string = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string)
            count += c == '[' || c == '{' || c == ',' || c == ':';
    }
    return count;
}

bool document_parse(struct str text, const char *what, size_t max_bytes, size_t max_values,
                    json_t **ret, struct error *err) {
    json_error_t why;
    char quoted[DOCUMENT_QUOTE_SIZE];
    if (text.len > max_bytes)
        return error_set(err, ERROR_LIMIT, NULL, "the %s has more than %zu bytes", what, max_bytes);
    if (count_values(text) > max_values)
        return error_set(err, ERROR_LIMIT, NULL, "the %s has more than %zu values", what,
                         max_values);
    if (text.len == 0)
        return error_set(err, ERROR_INVALID, NULL, "the %s is empty", what);
    json_t *root = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &why);
    if (!root && json_error_code(&why) == json_error_out_of_memory)
        die_out_of_memory();
    if (!root)
        return error_set(err, ERROR_INVALID, NULL, "the %s is not JSON: line %d, column %d: %s",
                         what, why.line, why.column, document_quote(str_c(why.text), quoted));
    if (!json_is_object(root)) {
        error_set(err, ERROR_INVALID, NULL, "the %s must be an object, not %s", what,
                  document_kind(root));
        json_decref(root);
        return false;
    }
    *ret = root;
    return true;
}

char *document_text(struct arena *arena, json_t *document) {
    char *text = document ? json_dumps(document, JSON_COMPACT) : NULL;
    if (!text)
        die_out_of_memory();
    json_decref(document);
    char *kept = arena_strdup(arena, text);
    free(text);
    return kept;
}

/* Copies one character that may stand in a message, or `?` for what may not; returns the bytes
 * taken from `text`, and those written in `ret_written`. */
static size_t copy_character(struct str text, char *to, size_t *ret_written) {
    uint32_t character;
    size_t length = str_utf8_step(text, &character);
    if (length == 0 || character < 0x20 || character == 0x7F) {
        *to = '?';
        *ret_written = 1;
        return length == 0 ? 1 : length;
    }
    memcpy(to, text.ptr, length);
    *ret_written = length;
    return length;
}

json_t *document_string(const char *text) {
    if (!text)
        return json_null();
    json_t *string = json_string(text);
    if (string)
        return string;
    size_t left = strlen(text), used = 0;
    char *clean = malloc(left + 1);
    if (!clean)
        die_out_of_memory();
    while (left > 0) {
        size_t written;
        size_t taken = copy_character((struct str){text, left}, clean + used, &written);
        text += taken;
        left -= taken;
        used += written;
    }
    string = json_stringn(clean, used);
    free(clean);
    if (!string)
        die_out_of_memory();
    return string;
}

const char *document_quote(struct str text, char ret[DOCUMENT_QUOTE_SIZE]) {
    size_t used = 0;
    while (text.len > 0) {
        /* Room for a character of four bytes, and behind it for the dots and the end. */
        if (used + 4 > DOCUMENT_QUOTE_SIZE - 4) {
            memcpy(ret + used, "...", 3);
            used += 3;
            break;
        }
        size_t written;
        size_t taken = copy_character(text, ret + used, &written);
        text.ptr += taken;
        text.len -= taken;
        used += written;
    }
    ret[used] = '\0';
    return ret;
}

const char *document_quote_json(const json_t *string, char ret[DOCUMENT_QUOTE_SIZE]) {
    return document_quote((struct str){json_string_value(string), json_string_length(string)}, ret);
}

const char *document_kind(const json_t *value) {
    if (!value)
        return "missing";
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a text";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
        return "true";
    case JSON_FALSE:
        return "false";
    default:
        return "null";
    }
}

bool document_number(const json_t *object, const char *name, uint64_t max, uint64_t *ret,
                     struct error *err) {
    const json_t *value = json_object_get(object, name);
    if (!value)
        return error_set(err, ERROR_INVALID, NULL, "'%s' is missing", name);
    if (!json_is_integer(value))
        return error_set(err, ERROR_INVALID, NULL, "'%s' must be a whole number, not %s", name,
                         json_is_real(value) ? "a fraction" : document_kind(value));
    if (json_integer_value(value) < 0 || (uint64_t)json_integer_value(value) > max)
        return error_set(err, ERROR_INVALID, NULL, "'%s' must be from 0 to %llu", name,
                         (unsigned long long)max);
    *ret = (uint64_t)json_integer_value(value);
    return true;
}

bool document_member(struct arena *arena, const json_t *object, const char *name, size_t max_bytes,
                     bool optional, const char **ret, struct error *err) {
    const json_t *value = json_object_get(object, name);
    if (optional && (!value || json_is_null(value))) {
        *ret = NULL;
        return true;
    }
    if (!value)
        return error_set(err, ERROR_INVALID, NULL, "'%s' is missing", name);
    if (!json_is_string(value))
        return error_set(err, ERROR_INVALID, NULL, "'%s' must be a text, not %s", name,
                         document_kind(value));
    if (json_string_length(value) > max_bytes)
        return error_set(err, ERROR_INVALID, NULL, "'%s' has more than %zu bytes", name, max_bytes);
    *ret = arena_strndup(arena, json_string_value(value), json_string_length(value));
    return true;
}
