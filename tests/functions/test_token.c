/*
 * Tokens: the right one opens, nothing else does.
 */
#include "functions/token.h"

#include "job/manifest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void the_owners_token(void **state) {
    (void)state;
    static const struct {
        const char *authorization;
        const char *owner;
        bool is_owner;
    } cases[] = {
        {NULL, "", true},
        {"Bearer anything", "", true},
        {"Bearer secret", "secret", true},
        {"bearer secret", "secret", true},
        {NULL, "secret", false},
        {"", "secret", false},
        {"Bearer", "secret", false},
        {"Bearer ", "secret", false},
        {"Bearer secre", "secret", false},
        {"Bearer secrets", "secret", false},
        {"Basic secret", "secret", false},
        {"secret", "secret", false},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(token_is_owner(cases[i].authorization, cases[i].owner), cases[i].is_owner);
}

static void a_jobs_token_is_of_one_job_and_one_secret(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    char *header = arena_printf(arena, "Bearer %s", token_of_job(arena, "s1", "job-a"));
    assert_true(token_is_jobs(arena, header, "s1", "job-a"));
    assert_false(token_is_jobs(arena, header, "s1", "job-b"));
    assert_false(token_is_jobs(arena, header, "s2", "job-a"));
    assert_false(token_is_jobs(arena, NULL, "s1", "job-a"));
    /* Without a secret there are no capability tokens, not ones that anybody can make. */
    header = arena_printf(arena, "Bearer %s", token_of_job(arena, "", "job-a"));
    assert_false(token_is_jobs(arena, header, "", "job-a"));
    arena_free(arena);
}

static void job_ids_follow_from_the_key(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    char *id = token_job_id(arena, "s", "owner", "key");
    assert_true(job_id_valid(str_c(id)));
    assert_string_equal(id, token_job_id(arena, "s", "owner", "key"));
    assert_string_not_equal(id, token_job_id(arena, "s", "owner", "key2"));
    assert_string_not_equal(id, token_job_id(arena, "s", "owne", "rkey"));
    assert_string_not_equal(id, token_job_id(arena, "t", "owner", "key"));
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_owners_token),
        cmocka_unit_test(a_jobs_token_is_of_one_job_and_one_secret),
        cmocka_unit_test(job_ids_follow_from_the_key),
    };
    return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
