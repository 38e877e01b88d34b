/*
 * Writing S3's XML documents into a growing buffer.
 */
#ifndef S3_XML_WRITE_H
#define S3_XML_WRITE_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>

#define S3_XML_NAMESPACE "http://s3.amazonaws.com/doc/2006-03-01/"

/* After a write that did not fit, later ones do nothing and xml_writer_text fails. */
struct xml_writer {
    struct arena *arena; /* for escaped text */
    struct buf buf;
    bool failed;
    struct error error;
};

/* Writes the declaration. */
void xml_writer_init(struct xml_writer *w, struct arena *arena);
void xml_writer_clear(struct xml_writer *w); /* also for CLEANUP */

/* The root element, with S3's namespace. */
void xml_open_root(struct xml_writer *w, const char *name);
void xml_open(struct xml_writer *w, const char *name);
void xml_close(struct xml_writer *w, const char *name);
/* <name>value</name>, escaped. */
void xml_text(struct xml_writer *w, const char *name, const char *value);
void xml_number(struct xml_writer *w, const char *name, uint64_t value);
void xml_bool(struct xml_writer *w, const char *name, bool value);
/* With quotes around it. */
void xml_etag(struct xml_writer *w, const char *etag);
/* As S3 tells it in documents: whole seconds, so that it equals the Last-Modified header. */
void xml_time(struct xml_writer *w, const char *name, int64_t unix_ms);
/* Text that is XML already. */
void xml_raw(struct xml_writer *w, const char *text);

/* The document, copied into the arena. */
MUST_CHECK bool xml_writer_text(struct xml_writer *w, struct str *ret, struct error *err);

#endif
