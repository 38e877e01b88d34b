/*
 * The compiler attributes that the project uses; the only extension of C17 in it.
 */
#ifndef BASE_BASE_H
#define BASE_BASE_H

/* The caller must look at the result. */
#define MUST_CHECK __attribute__((warn_unused_result))

/* Arguments `first_arg`… belong to the printf format in argument `format_arg`. */
#define PRINTF_LIKE(format_arg, first_arg) __attribute__((format(printf, format_arg, first_arg)))

/* When the variable leaves its scope, `function(&variable)` is called. */
#define CLEANUP(function) __attribute__((cleanup(function)))

#define NORETURN __attribute__((noreturn))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
