/*
 * XML over expat. The handlers build the tree while expat reads; one text buffer per depth joins
 * the character data of the element that is open there, because mixed content arrives interleaved.
 *
 * A document type declaration stops the parser at once: without one there are no entities but the
 * five of the language. UTF-8 is imposed, so no text grows by conversion.
 */
#include "base/xml.h"

#include <expat.h>
#include <stdio.h>
#include <string.h>

struct reader {
    XML_Parser parser;
    struct arena *arena;
    struct error *err;
    bool failed; /* expat may still call handlers after it was told to stop */
    struct xml_element *root;
    struct open_element {
        struct xml_element *element;
        struct xml_element **child_end;
        struct buf text;
    } open[XML_MAX_DEPTH];
    unsigned depth;
    unsigned element_count;
};

static void stop(struct reader *reader, enum error_kind kind, const char *reason) {
    if (reader->failed)
        return;
    reader->failed = true;
    error_set(reader->err, kind, NULL, "XML, line %lu: %s",
              (unsigned long)XML_GetCurrentLineNumber(reader->parser), reason);
    XML_StopParser(reader->parser, XML_FALSE);
}

static void on_doctype(void *context, const char *name, const char *system_id,
                       const char *public_id, int has_subset) {
    (void)name, (void)system_id, (void)public_id, (void)has_subset;
    stop(context, ERROR_INVALID, "a document type declaration is not allowed");
}

static void on_start(void *context, const char *name, const char **attributes) {
    (void)attributes;
    struct reader *reader = context;
    if (reader->failed)
        return;
    if (reader->depth == XML_MAX_DEPTH) {
        stop(reader, ERROR_INVALID, "elements are nested too deep");
        return;
    }
    if (reader->element_count == XML_MAX_ELEMENTS) {
        stop(reader, ERROR_INVALID, "too many elements");
        return;
    }
    reader->element_count++;
    const char *colon = strrchr(name, ':');
    struct xml_element *element = arena_alloc(reader->arena, sizeof *element);
    element->name = arena_strdup(reader->arena, colon ? colon + 1 : name);
    if (reader->depth == 0) {
        reader->root = element;
    } else {
        struct open_element *parent = &reader->open[reader->depth - 1];
        *parent->child_end = element;
        parent->child_end = &element->next;
    }
    struct open_element *here = &reader->open[reader->depth++];
    here->element = element;
    here->child_end = &element->first_child;
    here->text.size = 0;
}

static void on_end(void *context, const char *name) {
    (void)name;
    struct reader *reader = context;
    if (reader->failed)
        return;
    struct open_element *here = &reader->open[--reader->depth];
    here->element->text = arena_str(reader->arena, buf_str(&here->text));
}

static void on_text(void *context, const char *text, int length) {
    struct reader *reader = context;
    if (reader->failed || reader->depth == 0)
        return;
    struct error err;
    if (!buf_append(&reader->open[reader->depth - 1].text, text, (size_t)length, &err))
        stop(reader, ERROR_INVALID, "too much text");
}

static bool parse(struct reader *reader, struct str document) {
    XML_SetUserData(reader->parser, reader);
    XML_SetStartDoctypeDeclHandler(reader->parser, on_doctype);
    XML_SetElementHandler(reader->parser, on_start, on_end);
    XML_SetCharacterDataHandler(reader->parser, on_text);
    /* Size was checked against XML_MAX_BYTES, so it fits an int. */
    const char *data = document.len > 0 ? document.ptr : "";
    enum XML_Status status = XML_Parse(reader->parser, data, (int)document.len, XML_TRUE);
    if (reader->failed)
        return false;
    if (status == XML_STATUS_OK)
        return true;
    enum XML_Error number = XML_GetErrorCode(reader->parser);
    if (number == XML_ERROR_NO_MEMORY)
        die_out_of_memory();
    return error_set(reader->err, ERROR_INVALID, NULL, "XML, line %lu: %s",
                     (unsigned long)XML_GetCurrentLineNumber(reader->parser),
                     XML_ErrorString(number));
}

bool xml_parse(struct arena *arena, struct str document, struct xml_element **ret_root,
               struct error *err) {
    if (document.len > XML_MAX_BYTES)
        return error_set(err, ERROR_LIMIT, NULL, "XML of %zu bytes is over the limit of %d",
                         document.len, XML_MAX_BYTES);
    /* What expat would take for UTF-16, and what no XML in UTF-8 holds. */
    if (document.len > 0 && memchr(document.ptr, '\0', document.len))
        return error_set(err, ERROR_INVALID, NULL, "XML, line 1: not UTF-8");
    struct reader reader = {.arena = arena, .err = err, .parser = XML_ParserCreate("UTF-8")};
    if (!reader.parser)
        die_out_of_memory();
    for (size_t i = 0; i < XML_MAX_DEPTH; i++)
        buf_init(&reader.open[i].text, document.len);
    bool ok = parse(&reader, document);
    for (size_t i = 0; i < XML_MAX_DEPTH; i++)
        buf_clear(&reader.open[i].text);
    XML_ParserFree(reader.parser);
    if (ok)
        *ret_root = reader.root;
    return ok;
}

static struct xml_element *find_named(struct xml_element *element, const char *name) {
    while (element && strcmp(element->name, name) != 0)
        element = element->next;
    return element;
}

struct xml_element *xml_child(const struct xml_element *parent, const char *name) {
    return find_named(parent->first_child, name);
}

struct xml_element *xml_next_named(const struct xml_element *element) {
    return find_named(element->next, element->name);
}

struct str xml_child_text(const struct xml_element *parent, const char *name) {
    const struct xml_element *child = xml_child(parent, name);
    return child ? child->text : (struct str){"", 0};
}

/* The longest replacement is `&quot;`. */
enum { MAX_ESCAPED_SIZE = 6 };

static const char *escape_of(uint32_t character) {
    switch (character) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    case '\t':
        return "&#9;";
    case '\n':
        return "&#10;";
    case '\r':
        return "&#13;";
    case 0x7F:
        return "&#127;";
    default:
        break;
    }
    if (character < 0x20 || character == 0xFFFE || character == 0xFFFF)
        return "\xEF\xBF\xBD";
    return NULL;
}

char *xml_escape(struct arena *arena, struct str text) {
    char *escaped = arena_array(arena, text.len + 1, MAX_ESCAPED_SIZE);
    char *out = escaped;
    while (text.len > 0) {
        uint32_t character = 0; /* what is not UTF-8 counts as U+0000: not allowed */
        size_t length = str_utf8_step(text, &character);
        const char *replacement = escape_of(character);
        if (length == 0)
            length = 1;
        const char *source = replacement ? replacement : text.ptr;
        size_t size = replacement ? strlen(replacement) : length;
        memcpy(out, source, size);
        out += size;
        text.ptr += length;
        text.len -= length;
    }
    *out = '\0';
    return escaped;
}
