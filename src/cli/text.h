/*
 * Text from outside (names of files, words of a server) made fit for documents and terminals. Pure.
 */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include "base/arena.h"

#include <stddef.h>

/* Copies `from`, with `_` for each byte of broken UTF-8 and each control character, as many whole
 * characters as fit into `room`; returns the bytes written. No NUL. */
size_t text_copy_clean(char *to, size_t room, const char *from);

/* The whole of it, in the arena. */
char *text_clean(struct arena *arena, const char *text);

#endif
