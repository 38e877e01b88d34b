/*
 * The state is what is being read: the lines before a part, a field's value, the file, or what
 * comes behind it. Contents end at CR LF, two dashes and the boundary; bytes that may be the start
 * of that are held back until it is known. A CR can only be the start of the delimiter, never
 * inside it, so after a mismatch only the byte at hand may start it anew.
 */
#include "s3/form.h"

#include <string.h>

enum { MAX_BOUNDARY_BYTES = 70 }; /* RFC 2046 */

enum state {
    STATE_START,    /* before the first boundary */
    STATE_BOUNDARY, /* behind a delimiter: its line must end, or the body does */
    STATE_HEAD,
    STATE_FIELD,
    STATE_FILE,
    STATE_DONE, /* the file is whole; the rest is dropped */
    STATE_END,  /* the form is over, without a file */
};

struct form {
    struct arena *arena;
    struct form_sink sink;
    enum state state;
    char delimiter[4 + MAX_BOUNDARY_BYTES + 1]; /* "\r\n--boundary" */
    size_t delimiter_length;
    size_t matched;                 /* of the delimiter */
    char line[FORM_MAX_HEAD_BYTES]; /* of STATE_BOUNDARY and STATE_HEAD */
    size_t line_length;
    size_t head_bytes;
    const char *name; /* of the part at hand */
    const char *file_name;
    bool is_file;
    size_t field_count;
    size_t field_bytes;
    char value[FORM_MAX_FIELD_BYTES];
    size_t value_length;
};

static bool fail_form(struct error *err) {
    return error_set(err, ERROR_INVALID, "MalformedPOSTRequest",
                     "The body of your POST request is not well-formed multipart/form-data.");
}

static bool fail_length(struct error *err) {
    return error_set(err, ERROR_LIMIT, "MaxPostPreDataLengthExceededError",
                     "Your POST request fields preceding the upload file were too large.");
}

/* Value of a parameter `name=value` or `name="value"`; browsers escape quotes as %22. */
static bool find_parameter(struct str text, const char *name, struct str *ret) {
    struct str rest = text;
    str_split(rest, ';', &rest);
    while (rest.len > 0) {
        struct str value;
        rest = str_trim(rest);
        struct str found = str_trim(str_split(rest, '=', &value));
        bool quoted = value.len > 0 && value.ptr[0] == '"';
        if (quoted)
            value = str_split((struct str){value.ptr + 1, value.len - 1}, '"', &rest);
        else
            value = str_split(value, ';', &rest);
        if (quoted)
            str_split(rest, ';', &rest);
        if (str_equal_nocase(found, str_c(name))) {
            *ret = quoted ? value : str_trim(value);
            return true;
        }
    }
    return false;
}

bool form_new(struct arena *arena, const char *content_type, const struct form_sink *sink,
              struct form **ret, struct error *err) {
    struct str type = str_c(content_type ? content_type : "");
    struct str rest;
    struct str boundary;
    if (!str_equal_nocase(str_trim(str_split(type, ';', &rest)), str_c("multipart/form-data")) ||
        !find_parameter(type, "boundary", &boundary) || boundary.len == 0 ||
        boundary.len > MAX_BOUNDARY_BYTES || str_has_control(boundary))
        return error_set(err, ERROR_INVALID, "PreconditionFailed",
                         "Bucket POST must be of the enclosure-type multipart/form-data");
    struct form *form = arena_alloc(arena, sizeof *form);
    form->arena = arena;
    form->sink = *sink;
    form->state = STATE_START;
    form->matched = 2; /* the first one has no line break before it */
    memcpy(form->delimiter, "\r\n--", 4);
    memcpy(form->delimiter + 4, boundary.ptr, boundary.len);
    form->delimiter_length = 4 + boundary.len;
    *ret = form;
    return true;
}

/* Contents of the part at hand. */
static bool give(struct form *form, const char *data, size_t size, struct error *err) {
    if (size == 0)
        return true;
    switch (form->state) {
    case STATE_FIELD:
        if (size > FORM_MAX_FIELD_BYTES - form->field_bytes - form->value_length)
            return fail_length(err);
        memcpy(form->value + form->value_length, data, size);
        form->value_length += size;
        return true;
    case STATE_FILE:
        return form->sink.contents(form->sink.context, data, size, err);
    case STATE_START: /* a preamble means nothing */
    default:
        return true;
    }
}

static bool end_part(struct form *form, struct error *err) {
    if (form->state == STATE_FILE) {
        form->state = STATE_DONE;
        return true;
    }
    bool is_field = form->state == STATE_FIELD;
    form->state = STATE_BOUNDARY;
    form->line_length = 0;
    if (!is_field)
        return true;
    if (form->field_count++ == FORM_MAX_FIELDS)
        return fail_length(err);
    form->field_bytes += form->value_length;
    if (memchr(form->value, '\0', form->value_length) ||
        !str_is_utf8((struct str){form->value, form->value_length}))
        return fail_form(err);
    return form->sink.field(form->sink.context, form->name,
                            arena_strndup(form->arena, form->value, form->value_length), err);
}

static bool take_contents(struct form *form, const char *data, size_t size, size_t *ret_taken,
                          struct error *err) {
    size_t start = 0; /* of what is certain to be contents */
    for (size_t i = 0; i < size; i++) {
        if (form->matched == 0) {
            const char *cr = memchr(data + i, '\r', size - i);
            if (!cr)
                break;
            i = (size_t)(cr - data);
        }
        if (data[i] == form->delimiter[form->matched]) {
            if (form->matched++ == 0) {
                if (!give(form, data + start, i - start, err))
                    return false;
                start = i;
            }
            if (form->matched < form->delimiter_length)
                continue;
            form->matched = 0;
            *ret_taken = i + 1;
            return end_part(form, err);
        }
        /* What was held back was contents: the part of it that came before this piece is the
         * delimiter's own text. */
        size_t held = form->matched;
        size_t here = i - start;
        if (held > here) {
            if (!give(form, form->delimiter, held - here, err))
                return false;
        }
        form->matched = 0;
        if (data[i] == '\r')
            i--; /* looked at again, as a start */
    }
    size_t end = form->matched > 0 ? start : size;
    *ret_taken = size;
    return give(form, data + start, end - start, err);
}

static const char *copy_parameter(struct form *form, struct str value) {
    return arena_strndup(form->arena, value.ptr, value.len);
}

static bool read_head_line(struct form *form, struct str line, struct error *err) {
    struct str value;
    struct str name = str_trim(str_split(line, ':', &value));
    struct str text;
    if (!str_equal_nocase(name, str_c("content-disposition")))
        return true;
    if (find_parameter(value, "name", &text)) {
        if (!str_is_utf8(text) || (text.len > 0 && memchr(text.ptr, '\0', text.len)))
            return fail_form(err);
        form->name = copy_parameter(form, text);
    }
    if (find_parameter(value, "filename", &text)) {
        if (!str_is_utf8(text) || (text.len > 0 && memchr(text.ptr, '\0', text.len)))
            return fail_form(err);
        form->file_name = copy_parameter(form, text);
    }
    return true;
}

static bool begin_contents(struct form *form, struct error *err) {
    if (!form->name || form->name[0] == '\0')
        return fail_form(err);
    size_t length = strlen(form->name);
    if (length > FORM_MAX_FIELD_BYTES - form->field_bytes)
        return fail_length(err);
    form->field_bytes += length;
    form->value_length = 0;
    /* Contents may be empty: then the delimiter follows the head's last line break. */
    form->matched = 0;
    if (!str_equal_nocase(str_c(form->name), str_c("file"))) {
        form->state = STATE_FIELD;
        return true;
    }
    form->state = STATE_FILE;
    return form->sink.file(form->sink.context, form->file_name, err);
}

/* A whole line without its end, of STATE_BOUNDARY or STATE_HEAD. */
static bool take_line(struct form *form, struct str line, struct error *err) {
    if (form->state == STATE_BOUNDARY) {
        bool over = str_equal_c(str_trim(line), "--");
        if (str_trim(line).len > 0 && !over)
            return fail_form(err);
        if (over) {
            form->state = STATE_END;
            return true;
        }
        form->state = STATE_HEAD;
        form->head_bytes = 0;
        form->name = NULL;
        form->file_name = "";
        return true;
    }
    return line.len == 0 ? begin_contents(form, err) : read_head_line(form, line, err);
}

static bool take_lines(struct form *form, const char *data, size_t size, size_t *ret_taken,
                       struct error *err) {
    const char *end = memchr(data, '\n', size);
    size_t taken = end ? (size_t)(end - data) + 1 : size;
    if (taken > sizeof form->line - form->line_length)
        return fail_length(err);
    memcpy(form->line + form->line_length, data, taken);
    form->line_length += taken;
    form->head_bytes += taken;
    if (form->head_bytes > FORM_MAX_HEAD_BYTES)
        return fail_length(err);
    *ret_taken = taken;
    if (!end)
        return true;
    if (form->line_length < 2 || form->line[form->line_length - 2] != '\r')
        return fail_form(err);
    struct str line = {form->line, form->line_length - 2};
    form->line_length = 0;
    return take_line(form, line, err);
}

bool form_add(struct form *form, const void *data, size_t size, struct error *err) {
    const char *bytes = data;
    while (size > 0 && form->state != STATE_DONE && form->state != STATE_END) {
        size_t taken = 0;
        bool lines = form->state == STATE_BOUNDARY || form->state == STATE_HEAD;
        if (!(lines ? take_lines(form, bytes, size, &taken, err)
                    : take_contents(form, bytes, size, &taken, err)))
            return false;
        bytes += taken;
        size -= taken;
    }
    return true;
}

bool form_end(const struct form *form, struct error *err) {
    if (form->state == STATE_DONE)
        return true;
    if (form->state == STATE_FILE)
        return fail_form(err);
    return error_set(err, ERROR_INVALID, "InvalidArgument",
                     "POST requires exactly one file upload per request.");
}
