/*
 * Reader of multipart/form-data (RFC 7578): bytes are pushed in, fields and the one file come out.
 * Pure.
 *
 * Fields stand before the file; what stands behind it is dropped, as S3 does.
 */
#ifndef S3_FORM_H
#define S3_FORM_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    FORM_MAX_FIELDS = 100,
    FORM_MAX_FIELD_BYTES = 20 * 1024, /* of all names and values together */
    FORM_MAX_HEAD_BYTES = 8 * 1024,   /* of the lines before a part's contents */
};

/* What the reader tells. False stops with the error filled in. */
struct form_sink {
    void *context;
    bool (*field)(void *context, const char *name, const char *value, struct error *err);
    /* The file begins: all fields are known. `file_name` is "" when none was given. */
    bool (*file)(void *context, const char *file_name, struct error *err);
    bool (*contents)(void *context, const void *data, size_t size, struct error *err);
};

struct form;

/* `content_type`: the request's. False (PreconditionFailed) when it is not multipart/form-data with
 * a boundary. Everything lives in the arena. */
MUST_CHECK bool form_new(struct arena *arena, const char *content_type,
                         const struct form_sink *sink, struct form **ret, struct error *err);
/* MalformedPOSTRequest, MaxPostPreDataLengthExceededError, or the sink's error; after one nothing
 * may be added. */
MUST_CHECK bool form_add(struct form *form, const void *data, size_t size, struct error *err);
/* The body has ended: was there a whole file? InvalidArgument, MalformedPOSTRequest. */
MUST_CHECK bool form_end(const struct form *form, struct error *err);

#endif
