/*
 * Log lines: built in a buffer on the stack and written at once. Control characters become `?`, so
 * that a text from outside cannot pretend to be a line of its own.
 */
#include "base/log.h"

#include "base/codec.h"
#include "base/os.h"
#include "base/str.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

/* A pipe takes up to PIPE_BUF = 4,096 bytes in one piece. */
enum { MAX_LINE_SIZE = 4096 };

static _Atomic(enum log_level) max_level = LOG_LEVEL_INFO;

void log_set_level(enum log_level level) {
    atomic_store(&max_level, level);
}

static void write_line(enum log_level level, const char *component, const char *format,
                       va_list args) PRINTF_LIKE(3, 0);

static void write_line(enum log_level level, const char *component, const char *format,
                       va_list args) {
    static const char *const names[] = {"error", "warning", "info", "debug"};
    if (level > atomic_load(&max_level))
        return;
    char date[DATE_SIZE];
    date_format_iso(clock_unix_ms(), date);
    char line[MAX_LINE_SIZE];
    int start = snprintf(line, sizeof line - 1, "%s %s %.100s: ", date, names[level], component);
    if (start < 0)
        return;
    size_t length = (size_t)start;
    size_t room = sizeof line - 1 - length;
    int text = vsnprintf(line + length, room, format, args);
    if (text < 0)
        return;
    length += (size_t)text < room ? (size_t)text : room - 1;
    for (size_t i = 0; i < length; i++)
        if (str_has_control((struct str){line + i, 1}))
            line[i] = '?';
    line[length++] = '\n';
    /* Where stderr is gone there is nobody to tell. */
    ssize_t written = write(STDERR_FILENO, line, length);
    (void)written;
}

void log_error(const char *component, const char *format, ...) {
    va_list args;
    va_start(args, format);
    write_line(LOG_LEVEL_ERROR, component, format, args);
    va_end(args);
}

void log_warning(const char *component, const char *format, ...) {
    va_list args;
    va_start(args, format);
    write_line(LOG_LEVEL_WARNING, component, format, args);
    va_end(args);
}

void log_info(const char *component, const char *format, ...) {
    va_list args;
    va_start(args, format);
    write_line(LOG_LEVEL_INFO, component, format, args);
    va_end(args);
}

void log_debug(const char *component, const char *format, ...) {
    va_list args;
    va_start(args, format);
    write_line(LOG_LEVEL_DEBUG, component, format, args);
    va_end(args);
}
