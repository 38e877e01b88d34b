/*
 * POST policies: what holds, what does not, what is no policy.
 */
#include "base/codec.h"
#include "sign/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define NOW_MS INT64_C(1700000000000) /* 2023-11-14T22:13:20Z */
#define LATER  "\"expiration\": \"2023-11-15T00:00:00Z\", "

static const struct policy_field fields[] = {
    {"key", "up/a.jpg"}, {"Content-Type", "image/jpeg"}, {"acl", "private"},
    {"policy", "x"},     {"x-amz-signature", "x"},       {"x-ignore-me", "x"},
};

static bool check(struct arena *arena, const char *policy, uint64_t *ret_min, uint64_t *ret_max,
                  struct error *err) {
    const struct policy_form form = {"box", fields, ARRAY_SIZE(fields)};
    const char *text = base64_encode(arena, policy, strlen(policy));
    return policy_check(arena, str_c(text), &form, NOW_MS, ret_min, ret_max, err);
}

#define ALL "[\"starts-with\", \"$key\", \"up/\"], {\"acl\": \"private\"}, "

static void test_holds(void **state) {
    (void)state;
    static const char *const policies[] = {
        "{" LATER "\"conditions\": [" ALL "[\"eq\", \"$Content-Type\", \"image/jpeg\"]]}",
        "{" LATER "\"conditions\": [" ALL "{\"content-type\": \"image/jpeg\"},"
        "{\"bucket\": \"box\"}]}",
        "{" LATER "\"conditions\": [" ALL "[\"starts-with\", \"$content-type\", \"\"]]}",
    };
    struct arena *arena = arena_new();
    for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
        uint64_t min = 1;
        uint64_t max = 1;
        struct error err;
        if (!check(arena, policies[i], &min, &max, &err))
            fail_msg("%s: %s", policies[i], err.text);
        assert_int_equal(min, 0);
        assert_true(max == UINT64_MAX);
    }
    arena_free(arena);
}

static void test_range(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    uint64_t min = 0;
    uint64_t max = 0;
    struct error err;
    assert_true(check(arena,
                      "{" LATER "\"conditions\": [" ALL "[\"starts-with\", \"$content-type\", "
                      "\"image/\"], [\"content-length-range\", 5, \"10\"],"
                      "[\"content-length-range\", 1, 9]]}",
                      &min, &max, &err));
    assert_int_equal(min, 5);
    assert_int_equal(max, 9);
    arena_free(arena);
}

static void test_refused(void **state) {
    (void)state;
#define TYPE "[\"starts-with\", \"$content-type\", \"\"]"
    static const struct {
        const char *policy;
        const char *code;
    } cases[] = {
        {"", "InvalidPolicyDocument"},
        {"{", "InvalidPolicyDocument"},
        {"[]", "InvalidPolicyDocument"},
        {"{\"conditions\": []}", "InvalidPolicyDocument"},
        {"{\"Expiration\": \"2023-11-15T00:00:00Z\", \"conditions\": []}", "InvalidPolicyDocument"},
        {"{\"expiration\": \"tomorrow\", \"conditions\": []}", "InvalidPolicyDocument"},
        {"{" LATER "\"conditions\": {}}", "InvalidPolicyDocument"},
        {"{" LATER "\"conditions\": [1]}", "InvalidPolicyDocument"},
        {"{" LATER "\"conditions\": [{\"acl\": 1}]}", "InvalidPolicyDocument"},
        {"{" LATER "\"conditions\": [{\"acl\": \"private\", \"key\": \"x\"}]}",
         "InvalidPolicyDocument"},
        {"{" LATER "\"conditions\": [[\"eq\", \"$key\"]]}", "InvalidPolicyDocument"},
        {"{" LATER "\"conditions\": [[\"eq\", \"key\", \"up/a.jpg\"]]}", "InvalidPolicyDocument"},
        {"{" LATER "\"conditions\": [[\"ends-with\", \"$key\", \"jpg\"]]}",
         "InvalidPolicyDocument"},
        {"{" LATER "\"conditions\": [[\"content-length-range\", -1, 5]]}", "InvalidPolicyDocument"},
        {"{" LATER "\"conditions\": [[\"content-length-range\", 1, \"x\"]]}",
         "InvalidPolicyDocument"},
        {"{\"expiration\": \"2023-11-14T22:13:20Z\", \"conditions\": [" ALL TYPE "]}",
         "AccessDenied"},
        {"{" LATER "\"conditions\": [" ALL TYPE ", {\"bucket\": \"other\"}]}", "AccessDenied"},
        {"{" LATER "\"conditions\": [" ALL TYPE ", [\"eq\", \"$key\", \"up/\"]]}", "AccessDenied"},
        {"{" LATER "\"conditions\": [" ALL TYPE ", {\"tagging\": \"x\"}]}", "AccessDenied"},
        /* A field that no condition speaks of. */
        {"{" LATER "\"conditions\": [" ALL "{\"bucket\": \"box\"}]}", "AccessDenied"},
        {"{" LATER "\"conditions\": []}", "AccessDenied"},
    };
    struct arena *arena = arena_new();
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t min = 7;
        uint64_t max = 7;
        struct error err;
        if (check(arena, cases[i].policy, &min, &max, &err) || strcmp(err.code, cases[i].code) != 0)
            fail_msg("%s", cases[i].policy);
        assert_int_equal(min, 7);
    }
    struct error err;
    uint64_t bytes;
    const struct policy_form form = {"box", fields, ARRAY_SIZE(fields)};
    assert_false(policy_check(arena, str_c("no base64!"), &form, NOW_MS, &bytes, &bytes, &err));
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_holds),
        cmocka_unit_test(test_range),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
