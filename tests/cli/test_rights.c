#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/secrets.h"
#include "cli/setup.h"

#include "folder.h"

/* The design's table, and what stands beside it: each line is asked of a real store. */
static const struct {
    unsigned function;
    const char *action, *bucket, *key;
    bool allowed;
} cases[] = {
    {RIGHTS_API, "PutObject", BUCKET_INPUT, "jobs/j/manifest.json", true},
    {RIGHTS_API, "PutObject", BUCKET_INPUT, "jobs/j/images/a", true},
    {RIGHTS_API, "PutObject", BUCKET_INPUT, "jobs/j/nudge", true},
    {RIGHTS_API, "GetObject", BUCKET_INPUT, "jobs/j/manifest.json", true},
    {RIGHTS_API, "ListBucket", BUCKET_INPUT, "jobs/j/images/", true},
    {RIGHTS_API, "GetObject", BUCKET_WORK, "plans/j.json", true},
    {RIGHTS_API, "ListBucket", BUCKET_WORK, "chunks/j/", true},
    {RIGHTS_API, "PutObject", BUCKET_WORK, "cancelled/j", true},
    {RIGHTS_API, "PutObject", BUCKET_WORK, "connections/j/1", true},
    {RIGHTS_API, "DeleteObject", BUCKET_WORK, "connections/j/1", true},
    {RIGHTS_API, "GetObject", BUCKET_OUTPUT, "j/video.mp4", true},
    {RIGHTS_API, "ListBucket", BUCKET_OUTPUT, "", true},

    {RIGHTS_API, "PutObject", BUCKET_INPUT, "elsewhere", false},
    {RIGHTS_API, "GetObject", BUCKET_INPUT, "jobs/j/images/a", false},
    {RIGHTS_INTAKE, "PutObject", BUCKET_OUTPUT, "j/video.mp4", false},
    {RIGHTS_API, "GetObject", BUCKET_INPUT, "jobs/j/images/a", false},
    {RIGHTS_API, "GetObject", BUCKET_INPUT, "jobs/j/nudge", false},
    {RIGHTS_API, "DeleteObject", BUCKET_INPUT, "jobs/j/images/a", false},
    {RIGHTS_API, "PutObject", BUCKET_WORK, "plans/j.json", false},
    {RIGHTS_API, "PutObject", BUCKET_WORK, "tasks/j/splice-0.json", false},
    {RIGHTS_API, "PutObject", BUCKET_WORK, "chunks/j/0", false},
    {RIGHTS_API, "DeleteObject", BUCKET_WORK, "cancelled/j", false},
    {RIGHTS_API, "PutObject", BUCKET_OUTPUT, "j/result.json", false},
    {RIGHTS_API, "DeleteObject", BUCKET_OUTPUT, "j/video.mp4", false},
    {RIGHTS_API, "GetObject", "another", "jobs/j/manifest.json", false},

    {RIGHTS_INTAKE, "GetObject", BUCKET_INPUT, "jobs/j/manifest.json", true},
    {RIGHTS_INTAKE, "ListBucket", BUCKET_INPUT, "jobs/j/images/", true},
    {RIGHTS_INTAKE, "DeleteObject", BUCKET_INPUT, "jobs/j/images/a", true},
    {RIGHTS_INTAKE, "PutObject", BUCKET_WORK, "plans/j.json", true},
    {RIGHTS_INTAKE, "PutObject", BUCKET_WORK, "tasks/j/a.json", true},
    {RIGHTS_INTAKE, "GetObject", BUCKET_WORK, "facts/j/a", true},
    {RIGHTS_INTAKE, "ListBucket", BUCKET_WORK, "chunks/j/", true},
    {RIGHTS_INTAKE, "PutObject", BUCKET_OUTPUT, "j/result.json", true},
    {RIGHTS_INTAKE, "ListBucket", BUCKET_OUTPUT, "j/", true},

    {RIGHTS_INTAKE, "PutObject", BUCKET_INPUT, "jobs/j/images/a", false},
    {RIGHTS_INTAKE, "PutObject", BUCKET_WORK, "chunks/j/0", false},
    {RIGHTS_INTAKE, "PutObject", BUCKET_WORK, "facts/j/a", false},
    {RIGHTS_INTAKE, "PutObject", BUCKET_WORK, "cancelled/j", false},
    {RIGHTS_INTAKE, "DeleteObject", BUCKET_WORK, "tasks/j/a.json", false},
    {RIGHTS_INTAKE, "PutObject", BUCKET_OUTPUT, "j/video.mp4", false},
    {RIGHTS_INTAKE, "DeleteObject", BUCKET_OUTPUT, "j/video.mp4", false},

    {RIGHTS_RENDER, "GetObject", BUCKET_INPUT, "jobs/j/images/a", true},
    {RIGHTS_RENDER, "ListBucket", BUCKET_INPUT, "jobs/j/images/", true},
    {RIGHTS_RENDER, "PutObject", BUCKET_WORK, "chunks/j/0", true},
    {RIGHTS_RENDER, "GetObject", BUCKET_WORK, "tasks/j/a.json", true},
    {RIGHTS_RENDER, "DeleteObject", BUCKET_WORK, "progress/j/0/1", true},
    {RIGHTS_RENDER, "PutObject", BUCKET_OUTPUT, "j/video.mp4", true},
    {RIGHTS_RENDER, "AbortMultipartUpload", BUCKET_OUTPUT, "j/video.mp4", true},
    {RIGHTS_RENDER, "DeleteObject", BUCKET_OUTPUT, "j/video.mp4", true},

    {RIGHTS_RENDER, "PutObject", BUCKET_INPUT, "jobs/j/images/a", false},
    {RIGHTS_RENDER, "PutObject", BUCKET_INPUT, "jobs/j/manifest.json", false},
    {RIGHTS_RENDER, "DeleteObject", BUCKET_INPUT, "jobs/j/images/a", false},
    {RIGHTS_RENDER, "AbortMultipartUpload", BUCKET_INPUT, "jobs/j/images/a", false},
    {RIGHTS_RENDER, "GetObject", "another", "x", false},
};

/* What no function may, whatever it is. */
static const char *const administration[] = {
    "CreateBucket",     "DeleteBucket",          "PutBucketCors",
    "GetBucketCors",    "PutBucketNotification", "GetBucketNotification",
    "ListAllMyBuckets", "GetBucketLocation",     "PutObjectAcl",
};

static void functions_may_what_the_table_says(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    char *folder = folder_new(arena);
    struct store *store;
    struct secrets secrets;
    struct error err;
    assert_true(store_open(folder, &store, &err));
    assert_true(secrets_load(arena, folder, &secrets, &err));
    assert_true(setup_buckets(store, arena, &secrets, &err));
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *key = secrets.functions[cases[i].function].access_key;
        if (store_allows(store, key, cases[i].action, cases[i].bucket, cases[i].key) !=
            cases[i].allowed)
            fail_msg("%s: %s %s/%s", rights_functions[cases[i].function], cases[i].action,
                     cases[i].bucket, cases[i].key);
    }
    for (unsigned function = 0; function < RIGHTS_FUNCTION_COUNT; function++)
        for (size_t i = 0; i < ARRAY_SIZE(administration); i++)
            assert_false(store_allows(store, secrets.functions[function].access_key,
                                      administration[i], BUCKET_INPUT, ""));
    assert_true(store_allows(store, secrets.root.access_key, "CreateBucket", "new", ""));
    assert_false(store_allows(store, "nobody", "GetObject", BUCKET_OUTPUT, "j/video.mp4"));
    store_close(store);
    folder_remove(arena, folder);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_may_what_the_table_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
