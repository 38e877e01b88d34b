/*
 * A policy is a JSON object of an expiration and a list of conditions. Each condition must hold for
 * the form, and each field of the form must be spoken of by a condition; a few fields are exempt
 * because they carry the policy itself.
 */
#include "sign/policy.h"

#include "base/codec.h"

#include <jansson.h>
#include <string.h>

static bool fail_document(struct error *err, const char *text) {
    return error_set(err, ERROR_INVALID, "InvalidPolicyDocument", "Invalid Policy: %s", text);
}

static bool fail_condition(struct error *err, const char *text) {
    return error_set(err, ERROR_DENIED, "AccessDenied",
                     "Invalid according to Policy: Policy Condition failed: %s", text);
}

static void json_cleanup(json_t **json) {
    json_decref(*json);
}

static bool is_named(const char *name, const char *other) {
    return str_equal_nocase(str_c(name), str_c(other));
}

/* The value that a condition speaks of; "" when the form has none. */
static const char *find_field(const struct policy_form *form, const char *name) {
    if (is_named(name, "bucket"))
        return form->bucket;
    for (size_t i = 0; i < form->count; i++) {
        if (is_named(form->fields[i].name, name))
            return form->fields[i].value;
    }
    return "";
}

/* A condition on Content-Type holds for each type of a list. */
static bool starts_with(const char *name, const char *value, const char *start) {
    if (!is_named(name, "content-type"))
        return str_starts_with(str_c(value), start);
    struct str rest = str_c(value);
    do {
        if (!str_starts_with(str_trim(str_split(rest, ',', &rest)), start))
            return false;
    } while (rest.len > 0);
    return true;
}

struct check {
    struct arena *arena;
    const struct policy_form *form;
    const char *covered[POLICY_MAX_CONDITIONS]; /* names that conditions speak of */
    size_t covered_count;
    uint64_t min_bytes;
    uint64_t max_bytes;
};

static bool hold(struct check *check, bool exact, const char *name, const char *expected,
                 struct error *err) {
    const char *value = find_field(check->form, name);
    if (check->covered_count == POLICY_MAX_CONDITIONS)
        return fail_document(err, "too many conditions.");
    check->covered[check->covered_count++] = name;
    if (exact ? strcmp(value, expected) == 0 : starts_with(name, value, expected))
        return true;
    return fail_condition(err, arena_printf(check->arena, "[\"%s\", \"$%.128s\", \"%.256s\"]",
                                            exact ? "eq" : "starts-with", name, expected));
}

/* {"acl": "private"}: one pair, equal. */
static bool hold_object(struct check *check, json_t *condition, struct error *err) {
    const char *name;
    json_t *value;
    if (json_object_size(condition) != 1)
        return fail_document(err, "Invalid Simple-Condition: Simple-Conditions must have exactly "
                                  "one property specified.");
    json_object_foreach(condition, name, value) {
        if (!json_is_string(value))
            return fail_document(err, "Invalid Simple-Condition: value must be a string.");
        return hold(check, true, name, json_string_value(value), err);
    }
    return false;
}

/* S3 takes the bounds as numbers or as text. */
static bool read_bound(const json_t *value, uint64_t *ret) {
    if (json_is_string(value))
        return str_to_u64(str_c(json_string_value(value)), INT64_MAX, ret);
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *ret = (uint64_t)json_integer_value(value);
    return true;
}

static bool take_range(struct check *check, const json_t *condition, struct error *err) {
    uint64_t min;
    uint64_t max;
    if (!read_bound(json_array_get(condition, 1), &min) ||
        !read_bound(json_array_get(condition, 2), &max))
        return fail_document(err, "Invalid content-length-range: bounds must be numbers.");
    if (min > check->min_bytes)
        check->min_bytes = min;
    if (max < check->max_bytes)
        check->max_bytes = max;
    return true;
}

/* ["eq", "$key", "a"], ["starts-with", "$key", ""], ["content-length-range", 1, 10] */
static bool hold_array(struct check *check, const json_t *condition, struct error *err) {
    const char *kind = json_string_value(json_array_get(condition, 0));
    if (json_array_size(condition) != 3 || !kind)
        return fail_document(err, "Invalid Condition: wrong number of arguments.");
    if (is_named(kind, "content-length-range"))
        return take_range(check, condition, err);
    bool exact = is_named(kind, "eq");
    const char *name = json_string_value(json_array_get(condition, 1));
    const char *expected = json_string_value(json_array_get(condition, 2));
    if (!exact && !is_named(kind, "starts-with"))
        return fail_document(err, "Invalid Condition: unknown operation.");
    if (!name || !expected || name[0] != '$')
        return fail_document(err, "Invalid Condition: a field is named with a dollar sign.");
    return hold(check, exact, name + 1, expected, err);
}

static bool is_exempt(const char *name) {
    static const char *const exempt[] = {"policy", "signature", "x-amz-signature", "awsaccesskeyid",
                                         "file"};
    for (size_t i = 0; i < ARRAY_SIZE(exempt); i++) {
        if (is_named(name, exempt[i]))
            return true;
    }
    struct str start = {name, strnlen(name, strlen("x-ignore-"))};
    return str_equal_nocase(start, str_c("x-ignore-"));
}

static bool check_covered(const struct check *check, struct error *err) {
    for (size_t i = 0; i < check->form->count; i++) {
        const char *name = check->form->fields[i].name;
        bool covered = is_exempt(name);
        for (size_t j = 0; j < check->covered_count && !covered; j++)
            covered = is_named(check->covered[j], name);
        if (!covered)
            return error_set(err, ERROR_DENIED, "AccessDenied",
                             "Invalid according to Policy: Extra input fields: %.128s", name);
    }
    return true;
}

static bool check_expiration(const json_t *policy, int64_t now_unix_ms, struct error *err) {
    const char *text = json_string_value(json_object_get(policy, "expiration"));
    int64_t expiration;
    if (!text)
        return fail_document(err, "Policy missing expiration.");
    if (!date_parse_iso(str_c(text), &expiration))
        return fail_document(err, "Invalid 'expiration' value.");
    if (expiration > now_unix_ms)
        return true;
    return error_set(err, ERROR_DENIED, "AccessDenied",
                     "Invalid according to Policy: Policy expired.");
}

bool policy_check(struct arena *arena, struct str policy, const struct policy_form *form,
                  int64_t now_unix_ms, uint64_t *ret_min_bytes, uint64_t *ret_max_bytes,
                  struct error *err) {
    uint8_t *text;
    size_t size;
    if (policy.len > POLICY_MAX_BYTES || !base64_decode(arena, policy, &text, &size))
        return fail_document(err, "the policy is not base64.");
    json_t *root CLEANUP(json_cleanup) =
        json_loadb((const char *)text, size, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(root))
        return fail_document(err, "Invalid JSON.");
    if (!check_expiration(root, now_unix_ms, err))
        return false;
    const json_t *conditions = json_object_get(root, "conditions");
    if (!json_is_array(conditions))
        return fail_document(err, "Policy missing conditions.");
    struct check check = {.arena = arena, .form = form, .max_bytes = UINT64_MAX};
    size_t i;
    json_t *condition;
    json_array_foreach(conditions, i, condition) {
        if (!json_is_object(condition) && !json_is_array(condition))
            return fail_document(err, "Invalid Condition: neither list nor object.");
        if (!(json_is_object(condition) ? hold_object(&check, condition, err)
                                        : hold_array(&check, condition, err)))
            return false;
    }
    if (!check_covered(&check, err))
        return false;
    *ret_min_bytes = check.min_bytes;
    *ret_max_bytes = check.max_bytes;
    return true;
}
