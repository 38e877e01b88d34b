/*
 * multipart/form-data as it comes from the network: the first byte says in which pieces. What is
 * told must not depend on where the pieces end.
 */
#include "s3/form.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_TOLD_BYTES = 1024 * 1024 };

static bool tell(struct buf *told, const char *kind, const void *data, size_t size,
                 struct error *err) {
    return buf_append(told, kind, strlen(kind), err) && buf_append(told, data, size, err);
}

static bool tell_field(void *context, const char *name, const char *value, struct error *err) {
    return tell(context, "\nfield ", name, strlen(name), err) &&
           tell(context, "=", value, strlen(value), err);
}

static bool tell_file(void *context, const char *file_name, struct error *err) {
    return tell(context, "\nfile ", file_name, strlen(file_name), err) &&
           tell(context, "\n", "", 0, err);
}

static bool tell_contents(void *context, const void *data, size_t size, struct error *err) {
    return tell(context, "", data, size, err);
}

static bool read_form(const uint8_t *data, size_t size, size_t piece, struct buf *told) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    const struct form_sink sink = {told, tell_field, tell_file, tell_contents};
    struct form *form;
    struct error err;
    if (!form_new(arena, "multipart/form-data; boundary=b", &sink, &form, &err))
        abort();
    for (size_t at = 0; at < size; at += piece) {
        size_t part = size - at < piece ? size - at : piece;
        if (!form_add(form, data + at, part, &err))
            return false;
    }
    return form_end(form, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    struct buf whole CLEANUP(buf_clear);
    struct buf pieces CLEANUP(buf_clear);
    buf_init(&whole, MAX_TOLD_BYTES);
    buf_init(&pieces, MAX_TOLD_BYTES);
    bool ok = read_form(data + 1, size - 1, size, &whole);
    if (read_form(data + 1, size - 1, 1 + data[0], &pieces) != ok)
        abort();
    /* A form that is refused may have told more or less of a value before. */
    if (ok && (whole.size != pieces.size || memcmp(whole.data, pieces.data, whole.size) != 0))
        abort();
    return 0;
}
