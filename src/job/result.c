/*
 * result.json, the end of a job. It is written by one function and read by all; what is read is
 * checked member by member, since those who read it go by `state` alone.
 */
#include "job/status.h"

#include "job/document.h"

#include <string.h>

enum { MAX_TEXT_BYTES = 16384, MAX_VALUES = 1000000 };

static void set(json_t *object, const char *name, json_t *value) {
    if (json_object_set_new(object, name, value) != 0)
        die_out_of_memory();
}

static void set_number(json_t *object, const char *name, uint64_t number) {
    set(object, name, json_integer((json_int_t)number));
}

static json_t *error_to_json(const struct result *result) {
    json_t *error = json_object();
    set(error, "code", document_string(result->error_code));
    set(error, "detail", document_string(result->error_detail));
    set(error, "image", document_string(result->error_image));
    return error;
}

char *result_to_text(struct arena *arena, const struct result *result) {
    json_t *root = json_object();
    set(root, "version", json_integer(1));
    set(root, "state", document_string(result->state));
    if (strcmp(result->state, "done") == 0) {
        set_number(root, "frames", result->frames);
        set(root, "seconds", json_real(result->seconds));
        set_number(root, "width", result->width);
        set_number(root, "height", result->height);
        set(root, "format", document_string(settings_format_ending(result->format)));
        set_number(root, "images", result->images);
        set_number(root, "video_bytes", result->video_bytes);
        set_number(root, "poster_bytes", result->poster_bytes);
        set_number(root, "warnings", result->warning_count);
    }
    if (result->renderer)
        set(root, "renderer", document_string(result->renderer));
    if (result->refused && json_object_set(root, "refused", (json_t *)result->refused) != 0)
        die_out_of_memory();
    if (result->error_code)
        set(root, "error", error_to_json(result));
    return document_text(arena, root);
}

static bool find_format(const char *ending, enum format *ret) {
    static const enum format formats[] = {FORMAT_MP4, FORMAT_MOV, FORMAT_WEBM, FORMAT_GIF};
    for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
        if (strcmp(settings_format_ending(formats[i]), ending) == 0) {
            *ret = formats[i];
            return true;
        }
    return false;
}

enum format result_format(const json_t *result) {
    enum format format = FORMAT_MP4;
    const char *ending = json_string_value(json_object_get(result, "format"));
    return ending && find_format(ending, &format) ? format : FORMAT_MP4;
}

static bool check_format(const json_t *root, struct error *err) {
    enum format ignored;
    const json_t *format = json_object_get(root, "format");
    return !format ||
           (json_is_string(format) && find_format(json_string_value(format), &ignored)) ||
           error_set(err, ERROR_INVALID, NULL, "'format' is not one of a film");
}

static bool check_number(const json_t *root, const char *name, struct error *err) {
    uint64_t ignored;
    return !json_object_get(root, name) || document_number(root, name, INT64_MAX, &ignored, err);
}

static bool check_done(const json_t *root, struct error *err) {
    static const char *const numbers[] = {"frames",      "width",        "height",  "images",
                                          "video_bytes", "poster_bytes", "warnings"};
    uint64_t ignored;
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        if (!document_number(root, numbers[i], INT64_MAX, &ignored, err))
            return false;
    if (!check_format(root, err))
        return false;
    const json_t *seconds = json_object_get(root, "seconds");
    return (json_is_number(seconds) && json_number_value(seconds) >= 0) ||
           error_set(err, ERROR_INVALID, NULL, "'seconds' is missing or no duration");
}

static bool check_failed(struct arena *arena, const json_t *root, struct error *err) {
    const json_t *error = json_object_get(root, "error");
    const char *ignored;
    if (!json_is_object(error))
        return error_set(err, ERROR_INVALID, NULL, "'error' must be an object");
    return document_member(arena, error, "code", MAX_TEXT_BYTES, false, &ignored, err) &&
           document_member(arena, error, "detail", MAX_TEXT_BYTES, true, &ignored, err) &&
           document_member(arena, error, "image", MAX_TEXT_BYTES, true, &ignored, err);
}

static bool check_result(struct arena *arena, const json_t *root, struct error *err) {
    const json_t *refused = json_object_get(root, "refused");
    const char *state, *ignored;
    if (!document_member(arena, root, "state", MAX_TEXT_BYTES, false, &state, err) ||
        !document_member(arena, root, "renderer", MAX_TEXT_BYTES, true, &ignored, err) ||
        !check_number(root, "warnings", err))
        return false;
    if (refused && !json_is_array(refused))
        return error_set(err, ERROR_INVALID, NULL, "'refused' must be an array");
    if (strcmp(state, "done") == 0)
        return check_done(root, err);
    if (strcmp(state, "failed") == 0)
        return check_failed(arena, root, err);
    char quoted[DOCUMENT_QUOTE_SIZE];
    return strcmp(state, "cancelled") == 0 ||
           error_set(err, ERROR_INVALID, NULL, "the state '%s' is not known",
                     document_quote(str_c(state), quoted));
}

bool result_parse(struct str text, json_t **ret, struct error *err) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    json_t *root CLEANUP(document_release) = NULL;
    if (!document_parse(text, "result", RESULT_MAX_BYTES, MAX_VALUES, &root, err) ||
        !check_result(arena, root, err))
        return false;
    *ret = json_incref(root);
    return true;
}
