/*
 * XML of S3, over expat: a document becomes a small tree of elements; no namespaces (a prefix or
 * default namespace is accepted and dropped), no DTD (refused, so no entity tricks), no attributes.
 * Writing is text with escaping.
 */
#ifndef BASE_XML_H
#define BASE_XML_H

#include "base/arena.h"
#include "base/base.h"
#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

struct xml_element {
    const char *name;         /* local name */
    struct str text;          /* character data directly inside, joined */
    struct xml_element *next; /* next sibling */
    struct xml_element *first_child;
};

/* Limits on documents from outside. */
enum { XML_MAX_ELEMENTS = 200000, XML_MAX_DEPTH = 16, XML_MAX_BYTES = 64 * 1024 * 1024 };

/* Parses a whole document; INVALID with the line on errors, LIMIT when it is over
 * XML_MAX_BYTES. Everything lives in the arena. */
MUST_CHECK bool xml_parse(struct arena *arena, struct str document, struct xml_element **ret_root,
                          struct error *err);

/* First child of that name, or NULL; `next_named` continues from an element among its siblings. */
struct xml_element *xml_child(const struct xml_element *parent, const char *name);
struct xml_element *xml_next_named(const struct xml_element *element);
/* Text of that child, empty when there is none. */
struct str xml_child_text(const struct xml_element *parent, const char *name);

/* & < > " ' and control characters escaped (what XML 1.0 cannot hold becomes U+FFFD). */
char *xml_escape(struct arena *arena, struct str text);

#endif
