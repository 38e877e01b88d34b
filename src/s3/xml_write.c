/*
 * Failures are kept in the writer and told once at the end, so that the code which writes a
 * document reads like the document.
 */
#include "s3/xml_write.h"

#include "base/codec.h"
#include "base/xml.h"

#include <stdio.h>
#include <string.h>

enum {
    /* A page of 1,000 keys of 1,024 bytes, each byte escaped to six, and what stands around. */
    MAX_DOCUMENT_BYTES = 16 * 1024 * 1024,
};

void xml_raw(struct xml_writer *w, const char *text) {
    if (!w->failed && !buf_append(&w->buf, text, strlen(text), &w->error))
        w->failed = true;
}

void xml_writer_init(struct xml_writer *w, struct arena *arena) {
    w->arena = arena;
    w->failed = false;
    buf_init(&w->buf, MAX_DOCUMENT_BYTES);
    xml_raw(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
}

void xml_writer_clear(struct xml_writer *w) {
    buf_clear(&w->buf);
}

void xml_open_root(struct xml_writer *w, const char *name) {
    xml_raw(w, "<");
    xml_raw(w, name);
    xml_raw(w, " xmlns=\"" S3_XML_NAMESPACE "\">");
}

void xml_open(struct xml_writer *w, const char *name) {
    xml_raw(w, "<");
    xml_raw(w, name);
    xml_raw(w, ">");
}

void xml_close(struct xml_writer *w, const char *name) {
    xml_raw(w, "</");
    xml_raw(w, name);
    xml_raw(w, ">");
}

void xml_text(struct xml_writer *w, const char *name, const char *value) {
    xml_open(w, name);
    xml_raw(w, xml_escape(w->arena, str_c(value)));
    xml_close(w, name);
}

void xml_number(struct xml_writer *w, const char *name, uint64_t value) {
    char digits[24];
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
    xml_text(w, name, digits);
}

void xml_bool(struct xml_writer *w, const char *name, bool value) {
    xml_text(w, name, value ? "true" : "false");
}

void xml_etag(struct xml_writer *w, const char *etag) {
    xml_text(w, "ETag", arena_printf(w->arena, "\"%s\"", etag));
}

void xml_time(struct xml_writer *w, const char *name, int64_t unix_ms) {
    char text[DATE_SIZE];
    date_format_iso(unix_ms - unix_ms % 1000, text);
    xml_text(w, name, text);
}

bool xml_writer_text(struct xml_writer *w, struct str *ret, struct error *err) {
    if (w->failed) {
        *err = w->error;
        return false;
    }
    *ret = arena_str(w->arena, buf_str(&w->buf));
    return true;
}
