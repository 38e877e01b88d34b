/*
 * Files for tests made by the programs that people make them with.
 */
#ifndef TESTS_MEDIA_PROGRAMS_H
#define TESTS_MEDIA_PROGRAMS_H

#include "base/arena.h"
#include "base/str.h"

#include <stdbool.h>

/* Runs a program with standard output thrown away, and insists on its success. */
void run_program(const char *const argv[]);
/* Prints what is missing. */
bool has_program(const char *name);

/* Runs `argv`, in which "IN" and "OUT" stand for a file with `contents` and the file that it makes;
 * their names end as given. Returns what it made. */
struct str convert_file(struct arena *arena, struct str contents, const char *in_ending,
                        const char *ending, const char *const argv[]);

#endif
