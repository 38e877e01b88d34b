/*
 * xml_parse on any bytes; and any bytes, escaped, must be a document's text.
 */
#include "base/xml.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count_elements(const struct xml_element *element, size_t depth) {
    if (depth > XML_MAX_DEPTH)
        abort();
    size_t count = 0;
    for (; element; element = element->next) {
        if (!element->name || (element->text.len > 0 && !str_is_utf8(element->text)))
            abort();
        count += 1 + count_elements(element->first_child, depth + 1);
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct str text = {(const char *)data, size};
    struct xml_element *root;
    struct error err;
    if (xml_parse(arena, text, &root, &err) && count_elements(root, 1) > XML_MAX_ELEMENTS)
        abort();
    const char *document = arena_printf(arena, "<a>%s</a>", xml_escape(arena, text));
    if (!xml_parse(arena, str_c(document), &root, &err))
        abort();
    return 0;
}
