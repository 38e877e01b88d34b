/*
 * multipart/form-data in pieces of every size, and what is none.
 */
#include "s3/form.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

struct seen {
    struct arena *arena;
    const char *text;
    struct buf file;
};

static bool see_field(void *context, const char *name, const char *value, struct error *err) {
    (void)err;
    struct seen *seen = context;
    seen->text = arena_printf(seen->arena, "%s%s=%s;", seen->text, name, value);
    return true;
}

static bool see_file(void *context, const char *file_name, struct error *err) {
    (void)err;
    struct seen *seen = context;
    seen->text = arena_printf(seen->arena, "%s<%s>", seen->text, file_name);
    return true;
}

static bool see_contents(void *context, const void *data, size_t size, struct error *err) {
    struct seen *seen = context;
    return buf_append(&seen->file, data, size, err);
}

#define TYPE             "multipart/form-data; boundary=\"XyZ\""
#define PART(name, more) "Content-Disposition: form-data; name=\"" name "\"" more "\r\n\r\n"
#define NEXT             "\r\n--XyZ\r\n"

static bool read_form(struct seen *seen, struct arena *arena, const char *type, const char *body,
                      size_t size, size_t piece, struct error *err) {
    *seen = (struct seen){.arena = arena, .text = ""};
    buf_init(&seen->file, 1 << 20);
    const struct form_sink sink = {seen, see_field, see_file, see_contents};
    struct form *form;
    if (!form_new(arena, type, &sink, &form, err))
        return false;
    for (size_t at = 0; at < size; at += piece) {
        size_t part = size - at < piece ? size - at : piece;
        if (!form_add(form, body + at, part, err))
            return false;
    }
    return form_end(form, err);
}

static void test_forms(void **state) {
    (void)state;
    static const struct {
        const char *body;
        const char *text;
        const char *file;
    } cases[] = {
        {"--XyZ\r\n" PART("key", "") "a" NEXT PART("file",
                                                   "; filename=\"p.jpg\"") "data"
                                                                           "\r\n--XyZ--\r\n",
         "key=a;<p.jpg>", "data"},
        /* Empty contents; contents that nearly are the delimiter. */
        {"--XyZ\r\n" PART("key", "") "" NEXT PART("file", "") ""
                                                              "\r\n--XyZ--",
         "key=;<>", ""},
        {"--XyZ\r\n" PART("File", "; filename=a") "\r\r\n\r\n--Xy\r\n--X\n--XyZ\r\n--XyZ--\r\n",
         "<a>", "\r\r\n\r\n--Xy\r\n--X\n--XyZ"},
        /* What follows the file is dropped; a preamble means nothing. */
        {"pre\r\n--XyZ\r\n" PART("file", "") "x" NEXT PART("late", "") "y"
                                                                       "\r\n--XyZ--\r\n",
         "<>", "x"},
        {"--XyZ  \r\ncontent-type: text/plain\r\n" PART("a", "") "\xc3\xa4" NEXT PART(
             "file", "; filename=\"C:\\b\"") "x"
                                             "\r\n--XyZ",
         "a=\xc3\xa4;<C:\\b>", "x"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        size_t size = strlen(cases[i].body);
        for (size_t piece = 1; piece <= size; piece++) {
            struct arena *arena = arena_new();
            struct seen seen;
            struct error err;
            if (!read_form(&seen, arena, TYPE, cases[i].body, size, piece, &err))
                fail_msg("case %zu in pieces of %zu: %s", i, piece, err.text);
            assert_string_equal(seen.text, cases[i].text);
            assert_int_equal(seen.file.size, strlen(cases[i].file));
            if (seen.file.size > 0)
                assert_memory_equal(seen.file.data, cases[i].file, seen.file.size);
            buf_clear(&seen.file);
            arena_free(arena);
        }
    }
}

static void check_refused(const char *type, const char *body, size_t size, const char *code) {
    struct arena *arena = arena_new();
    struct seen seen;
    struct error err;
    if (read_form(&seen, arena, type, body, size, 7, &err))
        fail_msg("taken: %.100s", body);
    assert_string_equal(err.code, code);
    buf_clear(&seen.file);
    arena_free(arena);
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        const char *body;
        const char *code;
    } cases[] = {
        {"", "InvalidArgument"},
        {"--XyZ--\r\n", "InvalidArgument"},
        {"--XyZ\r\n" PART("key", "") "a"
                                     "\r\n--XyZ--\r\n",
         "InvalidArgument"},
        {"--XyZ\r\n" PART("key", "") "a", "InvalidArgument"},
        {"--XyZ\r\n" PART("file", "") "no end", "MalformedPOSTRequest"},
        {"--XyZnot\r\n" PART("file", "") "x", "MalformedPOSTRequest"},
        {"--XyZ\r\n\r\nx", "MalformedPOSTRequest"},
        {"--XyZ\r\n" PART("", "") "x", "MalformedPOSTRequest"},
        {"--XyZ\n" PART("file", "") "x", "MalformedPOSTRequest"},
        {"--XyZ\r\n" PART("a", "") "\xff" NEXT, "MalformedPOSTRequest"},
        {"--XyZ\r\n" PART("a\xff", "") "x" NEXT, "MalformedPOSTRequest"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        check_refused(TYPE, cases[i].body, strlen(cases[i].body), cases[i].code);
    static const char *const types[] = {
        "text/plain", "multipart/form-data",
        "multipart/form-data; boundary=", "multipart/mixed; boundary=a", ""};
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        check_refused(types[i], "", 0, "PreconditionFailed");
}

static void test_limits(void **state) {
    (void)state;
    struct arena *arena = arena_new();
    enum { size = 3 * FORM_MAX_FIELD_BYTES };
    static char body[size + 200];
    const char *head = "--XyZ\r\n" PART("a", "");
    memcpy(body, head, strlen(head));
    memset(body + strlen(head), 'x', size);
    check_refused(TYPE, body, size, "MaxPostPreDataLengthExceededError");
    memcpy(body, "--XyZ\r\nA: ", 10);
    memset(body + 10, 'x', size);
    check_refused(TYPE, body, size, "MaxPostPreDataLengthExceededError");
    const char *many = "--XyZ\r\n";
    for (int i = 0; i <= FORM_MAX_FIELDS; i++)
        many = arena_printf(arena, "%s" PART("a%d", "") NEXT, many, i);
    check_refused(TYPE, many, strlen(many), "MaxPostPreDataLengthExceededError");
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
