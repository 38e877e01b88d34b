/*
 * The JSON side of this folder's documents: strict loading within limits, compact writing, and
 * texts of strangers made fit for messages. Pure.
 */
#ifndef JOB_DOCUMENT_H
#define JOB_DOCUMENT_H

#include "base/arena.h"
#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DOCUMENT_QUOTE_SIZE = 304, /* room of document_quote: a whole image name fits */
};

/* For CLEANUP(document_release) on a `json_t *` variable. */
void document_release(json_t **document);

/* The object in `text`, a new reference. No member twice. LIMIT over `max_bytes`, or over
 * `max_values` values of any kind (jansson takes far more memory than the text); INVALID when it is
 * no JSON object: `the manifest is not JSON: …` with `what` "manifest". */
MUST_CHECK bool document_parse(struct str text, const char *what, size_t max_bytes,
                               size_t max_values, json_t **ret, struct error *err);

/* Compact text; drops the reference. NULL, which jansson gives for lack of memory, ends the
 * process. */
char *document_text(struct arena *arena, json_t *document);

/* A JSON string, or null for NULL; what is not UTF-8 or a control character in `text` becomes `?`.
 */
json_t *document_string(const char *text);

/* The text for a message: control characters and bytes that are not UTF-8 become `?`, and it is cut
 * between characters, with `...` behind, where it does not fit. Returns `ret`. */
const char *document_quote(struct str text, char ret[DOCUMENT_QUOTE_SIZE]);
const char *document_quote_json(const json_t *string, char ret[DOCUMENT_QUOTE_SIZE]);

/* "a number", "an array", … for messages. */
const char *document_kind(const json_t *value);

/* Member `name` as a whole number from 0 to `max`; INVALID when it is missing or something else. */
MUST_CHECK bool document_number(const json_t *object, const char *name, uint64_t max, uint64_t *ret,
                                struct error *err);

/* Member `name` as text of at most `max_bytes`, copied. With `optional`, missing and null are NULL.
 */
MUST_CHECK bool document_member(struct arena *arena, const json_t *object, const char *name,
                                size_t max_bytes, bool optional, const char **ret,
                                struct error *err);

#endif
