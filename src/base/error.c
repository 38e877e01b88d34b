/*
 * Errors are plain values: formatting into a fixed buffer cannot fail itself.
 */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool error_set(struct error *err, enum error_kind kind, const char *code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char text[sizeof err->text];
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    err->kind = kind;
    err->code = code;
    memcpy(err->text, text, sizeof text);
    return false;
}

static enum error_kind kind_of_errno(int number) {
    switch (number) {
    case ENOENT:
        return ERROR_NOT_FOUND;
    case EACCES:
    case EPERM:
        return ERROR_DENIED;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return ERROR_LIMIT;
    default:
        return ERROR_INTERNAL;
    }
}

bool error_errno(struct error *err, const char *format, ...) {
    int number = errno;
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    /* Of the C library, in English and safe with threads; NULL for numbers that it does not know.
     */
    const char *reason = strerrordesc_np(number);
    err->kind = kind_of_errno(number);
    err->code = NULL;
    snprintf(err->text, sizeof err->text, "%.800s: %s", text,
             reason != NULL ? reason : "unknown error");
    return false;
}

bool error_prefix(struct error *err, const char *format, ...) {
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (length < 0 || (size_t)length >= sizeof text - 3)
        return false;
    char *rest = text + length;
    size_t room = sizeof text - (size_t)length;
    size_t kept = strlen(err->text);
    if (kept > room - 3)
        kept = room - 3;
    memcpy(rest, ": ", 2);
    memcpy(rest + 2, err->text, kept);
    rest[2 + kept] = '\0';
    memcpy(err->text, text, (size_t)length + 2 + kept + 1);
    return false;
}

const char *error_kind_name(enum error_kind kind) {
    static const char *const names[] = {
        [ERROR_INVALID] = "invalid",
        [ERROR_DENIED] = "denied",
        [ERROR_NOT_FOUND] = "not found",
        [ERROR_CONFLICT] = "conflict",
        [ERROR_LIMIT] = "limit",
        [ERROR_UNAVAILABLE] = "unavailable",
        [ERROR_INTERNAL] = "internal error",
    };
    return kind >= ERROR_INVALID && kind <= ERROR_INTERNAL ? names[kind] : "unknown";
}

void die_out_of_memory(void) {
    fputs("tachyscope: out of memory\n", stderr);
    exit(1);
}
