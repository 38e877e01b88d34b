#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/follow.h"

#include <string.h>

static void lines_of_jobs(void **state) {
    static const struct {
        const char *document, *line;
    } cases[] = {
        {"{\"id\":\"j1\",\"state\":\"waiting\",\"images\":{\"expected\":60,\"arrived\":2}}",
         "j1  waiting    2/60 images"},
        {"{\"id\":\"j1\",\"state\":\"rendering\",\"images\":{\"expected\":60,\"arrived\":60},"
         "\"frames\":{\"done\":120,\"total\":300},\"eta_seconds\":12.4}",
         "j1  rendering  60/60 images  120/300 frames  12 s left"},
        {"{\"id\":\"j1\",\"state\":\"done\",\"images\":{\"expected\":3,\"arrived\":3},"
         "\"frames\":{\"done\":3,\"total\":3},\"eta_seconds\":0}",
         "j1  done       3/3 images  3/3 frames"},
        {"{\"id\":\"j1\",\"state\":\"failed\",\"images\":{\"expected\":3,\"arrived\":3},"
         "\"error\":{\"code\":\"bad-image\",\"detail\":\"truncated\",\"image\":\"a\"}}",
         "j1  failed     3/3 images  error: truncated"},
        {"{}", "?             0/0 images"},
        {"{\"id\":7,\"state\":[],\"images\":{\"expected\":-1,\"arrived\":\"x\"},"
         "\"frames\":7,\"eta_seconds\":\"soon\",\"error\":\"no\"}",
         "?             0/0 images"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        json_t *document = json_loads(cases[i].document, 0, NULL);
        struct job_view view;
        char line[256];
        job_view_read(document, &view);
        job_view_line(&view, line, sizeof line);
        assert_string_equal(line, cases[i].line);
        json_decref(document);
    }
}

static void ends_are_known(void **state) {
    static const struct {
        const char *state;
        bool ended;
    } cases[] = {
        {"waiting", false},    {"rendering", false}, {"finishing", false}, {"", false},
        {"unheard-of", false}, {"done", true},       {"failed", true},     {"cancelled", true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        json_t *document = json_pack("{s:s}", "state", cases[i].state);
        struct job_view view;
        job_view_read(document, &view);
        assert_int_equal(job_view_ended(&view), cases[i].ended);
        json_decref(document);
    }
    struct job_view nothing;
    job_view_read(NULL, &nothing);
    assert_false(job_view_ended(&nothing));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_jobs),
        cmocka_unit_test(ends_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
