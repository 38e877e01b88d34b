/*
 * Elements of EBML (RFC 8794), the form of WebM files, put into a sink. Values of fixed width, so
 * that an element's size never depends on what it says.
 */
#ifndef MEDIA_EBML_H
#define MEDIA_EBML_H

#include "media/sink.h"

#include <stdbool.h>

/* The identifier, its marker included: 1 to 4 bytes. */
void ebml_id(struct sink *sink, uint32_t id);
/* A size in as few bytes as it takes, at most 2^56 - 2; and how many those are. */
void ebml_size(struct sink *sink, uint64_t size);
unsigned ebml_size_width(uint64_t size);

/* Elements of elements, of a size in eight bytes: begin gives the place that end wants. */
size_t ebml_begin(struct sink *sink, uint32_t id);
void ebml_end(struct sink *sink, size_t place);
/* The same where the contents follow later. */
enum { EBML_MASTER_SIZE = 8 };
void ebml_begin_sized(struct sink *sink, uint32_t id, uint64_t size);

void ebml_unsigned(struct sink *sink, uint32_t id, uint64_t value, unsigned width);
void ebml_float(struct sink *sink, uint32_t id, double value);
void ebml_text(struct sink *sink, uint32_t id, const char *text);
void ebml_bytes(struct sink *sink, uint32_t id, const void *data, size_t size);

#endif
