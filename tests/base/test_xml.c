#include "base/xml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static struct arena *arena;

static int set_up(void **state) {
    (void)state;
    arena = arena_new();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_free(arena);
    return 0;
}

static struct xml_element *parsed(const char *document) {
    struct xml_element *root = NULL;
    struct error err;
    if (!xml_parse(arena, str_c(document), &root, &err))
        fail_msg("%s", err.text);
    return root;
}

static void document_becomes_a_tree(void **state) {
    (void)state;
    struct xml_element *root =
        parsed("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
               "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>"
               "<Object><Key>a&amp;b &#xE4;<![CDATA[<x>]]></Key></Object>"
               "<s3:Object><Key>two</Key><VersionId/></s3:Object></Delete>");
    assert_string_equal(root->name, "Delete");
    assert_true(str_equal_c(xml_child_text(root, "Quiet"), "true"));
    assert_int_equal(xml_child_text(root, "Missing").len, 0);
    assert_null(xml_child(root, "Missing"));
    struct xml_element *object = xml_child(root, "Object");
    assert_true(str_equal_c(xml_child_text(object, "Key"), "a&b \xC3\xA4<x>"));
    object = xml_next_named(object);
    assert_true(str_equal_c(xml_child_text(object, "Key"), "two"));
    assert_int_equal(xml_child(object, "VersionId")->text.len, 0);
    assert_null(xml_next_named(object));
    assert_null(root->next);
}

static void mixed_content_is_joined(void **state) {
    (void)state;
    struct xml_element *root = parsed("<a>one<b>x<c>y</c>z</b>two<!-- no --><b/>three</a>");
    assert_true(str_equal_c(root->text, "onetwothree"));
    assert_true(str_equal_c(xml_child_text(root, "b"), "xz"));
    assert_true(str_equal_c(xml_child_text(xml_child(root, "b"), "c"), "y"));
}

static void repeat(char *ret, const char *piece, size_t count) {
    size_t length = strlen(piece);
    for (size_t i = 0; i < count; i++)
        memcpy(ret + i * length, piece, length);
    ret[count * length] = '\0';
}

static void refused(struct str document, enum error_kind kind, const char *part_of_text) {
    struct xml_element *root = NULL;
    struct error err;
    if (xml_parse(arena, document, &root, &err))
        fail_msg("'%.60s' was taken", document.ptr);
    assert_null(root);
    assert_int_equal(err.kind, kind);
    if (!strstr(err.text, part_of_text))
        fail_msg("'%s' lacks '%s'", err.text, part_of_text);
}

static void bad_documents_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *document, *text;
    } cases[] = {
        {"", "line 1"},
        {" ", "line 1"},
        {"text", "line 1"},
        {"<a>", "line 1"},
        {"<a><b></a></b>", "line 1"},
        {"<a>\n<b>\n</a>", "line 3"},
        {"<a/><b/>", "line 1"},
        {"<a/>text", "line 1"},
        {"<a>&unknown;</a>", "line 1"},
        {"<a>&#0;</a>", "line 1"},
        {"<a>\x01</a>", "line 1"},
        {"<a>\xFF</a>", "line 1"},
        {"<a>\xED\xA0\x80</a>", "line 1"},
        {"<a b=1/>", "line 1"},
        {"<a b='1' b='2'/>", "line 1"},
        {"<a", "line 1"},
        {"<a>x</a", "line 1"},
        {"<!DOCTYPE a><a/>", "document type"},
        {"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "document type"},
        {"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", "document type"},
        {"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>", "document type"},
        {"<!DOCTYPE a [<!ENTITY % p SYSTEM 'http://127.0.0.1/'> %p;]><a/>", "document type"},
        {"<!DOCTYPE l [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;&a;'>]><l>&b;</l>", "document type"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        refused(str_c(cases[i].document), ERROR_INVALID, cases[i].text);
    refused((struct str){NULL, 0}, ERROR_INVALID, "line 1");
    /* UTF-16, with and without a mark. */
    refused((struct str){"\xFF\xFE<\0a\0/\0>\0", 10}, ERROR_INVALID, "line 1");
    refused((struct str){"<\0a\0/\0>\0", 8}, ERROR_INVALID, "line 1");
}

static void every_prefix_is_refused(void **state) {
    (void)state;
    static const char whole[] = "<?xml version='1.0'?><a x='y'><b>t&lt;<![CDATA[c]]></b></a>";
    for (size_t size = 0; size < sizeof whole - 1; size++) {
        char *copy = malloc(size + 1);
        assert_non_null(copy);
        memcpy(copy, whole, size);
        refused((struct str){copy, size}, ERROR_INVALID, "XML, line");
        free(copy);
    }
    parsed(whole);
}

static void depth_is_limited(void **state) {
    (void)state;
    char document[2000];
    repeat(document, "<a>", XML_MAX_DEPTH);
    repeat(document + strlen(document), "</a>", XML_MAX_DEPTH);
    parsed(document);
    repeat(document, "<a>", XML_MAX_DEPTH + 1);
    repeat(document + strlen(document), "</a>", XML_MAX_DEPTH + 1);
    refused(str_c(document), ERROR_INVALID, "too deep");
    repeat(document, "<a>", XML_MAX_DEPTH);
    repeat(document + strlen(document), "<b/>", 5);
    refused(str_c(document), ERROR_INVALID, "too deep");
}

static void element_count_is_limited(void **state) {
    (void)state;
    static const char child[] = "<b/>";
    size_t size = 3 + sizeof child * XML_MAX_ELEMENTS + 5;
    char *document = malloc(size);
    assert_non_null(document);
    memcpy(document, "<a>", 3);
    repeat(document + 3, child, XML_MAX_ELEMENTS - 1);
    memcpy(document + strlen(document), "</a>", 5);
    parsed(document);
    repeat(document + 3, child, XML_MAX_ELEMENTS);
    memcpy(document + strlen(document), "</a>", 5);
    refused(str_c(document), ERROR_INVALID, "too many");
    free(document);
}

static void size_is_limited(void **state) {
    (void)state;
    /* Never read: the size alone decides. */
    refused((struct str){"<a/>", (size_t)XML_MAX_BYTES + 1}, ERROR_LIMIT, "over the limit");
}

static void escaping(void **state) {
    (void)state;
    static const struct {
        const char *text, *escaped;
    } cases[] = {
        {"", ""},
        {"plain \xC3\xA4", "plain \xC3\xA4"},
        {"<a b=\"c\" d='e'>&", "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;"},
        {"\t\n\r", "&#9;&#10;&#13;"},
        {"\x7F", "&#127;"},
        {"a\x01"
         "b",
         "a\xEF\xBF\xBD"
         "b"},
        {"a\xFF"
         "b",
         "a\xEF\xBF\xBD"
         "b"},
        {"\xE2\x82", "\xEF\xBF\xBD\xEF\xBF\xBD"},
        {"\xEF\xBF\xBF", "\xEF\xBF\xBD"},
        {"\xF0\x9F\x8C\x8C", "\xF0\x9F\x8C\x8C"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_string_equal(xml_escape(arena, str_c(cases[i].text)), cases[i].escaped);
    assert_string_equal(xml_escape(arena, (struct str){"\0", 1}), "\xEF\xBF\xBD");
    assert_string_equal(xml_escape(arena, (struct str){NULL, 0}), "");
}

static void whatever_is_escaped_can_be_read(void **state) {
    (void)state;
    static const char text[] = "]]> <!-- & \r\n\t ' \" \xC3\xA4 \x7F";
    struct xml_element *root =
        parsed(arena_printf(arena, "<a>%s</a>", xml_escape(arena, str_c(text))));
    assert_true(str_equal_c(root->text, text));
    char bytes[256];
    for (int i = 0; i < 256; i++)
        bytes[i] = (char)i;
    parsed(arena_printf(arena, "<a>%s</a>", xml_escape(arena, (struct str){bytes, sizeof bytes})));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(document_becomes_a_tree),
        TEST(mixed_content_is_joined),
        TEST(bad_documents_are_refused),
        TEST(every_prefix_is_refused),
        TEST(depth_is_limited),
        TEST(element_count_is_limited),
        TEST(size_is_limited),
        TEST(escaping),
        TEST(whatever_is_escaped_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
