/*
 * Receipts as JSON: `{name, format, bytes, width, height, orientation, profile, captured,
 * scaling, decode_ms, warnings, refused}`, all always there, null for what is not known.
 */
#include "job/receipt.h"

#include "job/document.h"

enum { MAX_SIDE = 1 << 24 }; /* of what a header may claim; images that large are refused */

static void set(json_t *object, const char *name, json_t *value) {
    if (json_object_set_new(object, name, value) != 0)
        die_out_of_memory();
}

json_t *receipt_to_json(const struct receipt *receipt) {
    json_t *object = json_object();
    json_t *warnings = json_array();
    for (unsigned i = 0; i < receipt->warning_count; i++)
        if (json_array_append_new(warnings, document_string(receipt->warnings[i])) != 0)
            die_out_of_memory();
    set(object, "name", document_string(receipt->name));
    set(object, "format", document_string(receipt->format));
    set(object, "bytes", json_integer((json_int_t)receipt->bytes));
    set(object, "width", json_integer((json_int_t)receipt->width));
    set(object, "height", json_integer((json_int_t)receipt->height));
    set(object, "orientation", json_integer((json_int_t)receipt->orientation));
    set(object, "profile", document_string(receipt->profile));
    set(object, "captured", document_string(receipt->captured));
    set(object, "scaling", document_string(receipt->scaling));
    set(object, "decode_ms", json_integer((json_int_t)receipt->decode_ms));
    set(object, "warnings", warnings);
    set(object, "refused", document_string(receipt->refused));
    return object;
}

static bool parse_warnings(struct arena *arena, const json_t *array, struct receipt *receipt,
                           struct error *err) {
    size_t count = json_array_size(array);
    if (!json_is_array(array) || count > RECEIPT_MAX_WARNINGS)
        return error_set(err, ERROR_INVALID, NULL,
                         "'warnings' must be an array of at most %d texts", RECEIPT_MAX_WARNINGS);
    const char **warnings = arena_array(arena, count, sizeof *warnings);
    for (size_t i = 0; i < count; i++) {
        const json_t *warning = json_array_get(array, i);
        if (!json_is_string(warning) || json_string_length(warning) > RECEIPT_MAX_TEXT_BYTES)
            return error_set(err, ERROR_INVALID, NULL, "'warnings' has what is no warning");
        warnings[i] = arena_strdup(arena, json_string_value(warning));
    }
    receipt->warnings = warnings;
    receipt->warning_count = (unsigned)count;
    return true;
}

static bool parse_numbers(const json_t *object, struct receipt *receipt, struct error *err) {
    uint64_t width, height, orientation, decode_ms;
    if (!document_number(object, "bytes", INT64_MAX, &receipt->bytes, err) ||
        !document_number(object, "width", MAX_SIDE, &width, err) ||
        !document_number(object, "height", MAX_SIDE, &height, err) ||
        !document_number(object, "orientation", 8, &orientation, err) ||
        !document_number(object, "decode_ms", UINT32_MAX, &decode_ms, err))
        return false;
    receipt->width = (unsigned)width;
    receipt->height = (unsigned)height;
    receipt->orientation = (unsigned)orientation;
    receipt->decode_ms = (unsigned)decode_ms;
    return true;
}

bool receipt_from_json(struct arena *arena, const json_t *object, struct receipt *ret,
                       struct error *err) {
    const size_t most = RECEIPT_MAX_TEXT_BYTES;
    struct receipt receipt = {0};
    if (!json_is_object(object))
        return error_set(err, ERROR_INVALID, NULL, "a receipt must be an object, not %s",
                         document_kind(object));
    if (!document_member(arena, object, "name", most, false, &receipt.name, err) ||
        !document_member(arena, object, "format", most, true, &receipt.format, err) ||
        !document_member(arena, object, "profile", most, true, &receipt.profile, err) ||
        !document_member(arena, object, "captured", most, true, &receipt.captured, err) ||
        !document_member(arena, object, "scaling", most, true, &receipt.scaling, err) ||
        !document_member(arena, object, "refused", most, true, &receipt.refused, err) ||
        !parse_numbers(object, &receipt, err) ||
        !parse_warnings(arena, json_object_get(object, "warnings"), &receipt, err))
        return error_prefix(err, "receipt");
    *ret = receipt;
    return true;
}
