/*
 * Log lines on stderr: `2026-11-23T12:44:47.123Z level component: text`.
 *
 * Only edges log (commands, the host, function entry points); library code returns errors. Never
 * a secret, a signature or the query of a pre-signed URL. Each line is one write, so lines of
 * threads and processes do not mix.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/base.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Lines above this level are dropped. Default: INFO. Set once at start. */
void log_set_level(enum log_level level);

void log_error(const char *component, const char *format, ...) PRINTF_LIKE(2, 3);
void log_warning(const char *component, const char *format, ...) PRINTF_LIKE(2, 3);
void log_info(const char *component, const char *format, ...) PRINTF_LIKE(2, 3);
void log_debug(const char *component, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
