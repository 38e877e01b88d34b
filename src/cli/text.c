/*
 * A byte that begins no well-formed character is replaced alone, so that what follows it is kept.
 */
#include "cli/text.h"
#include "base/str.h"

#include <string.h>

/* Bytes of the UTF-8 character at `text`, 0 when it is broken or a control character. */
static size_t character_length(const char *text, size_t left) {
    for (size_t length = 1; length <= 4 && length <= left; length++) {
        struct str character = {text, length};
        if (str_is_utf8(character))
            return str_has_control(character) ? 0 : length;
    }
    return 0;
}

size_t text_copy_clean(char *to, size_t room, const char *from) {
    size_t used = 0;
    size_t left = strlen(from);
    while (left > 0) {
        size_t length = character_length(from, left);
        size_t step = length == 0 ? 1 : length;
        if (used + step > room)
            break;
        if (length == 0)
            to[used] = '_';
        else
            memcpy(to + used, from, length);
        used += step;
        from += step;
        left -= step;
    }
    return used;
}

char *text_clean(struct arena *arena, const char *text) {
    size_t room = strlen(text);
    char *copy = arena_alloc(arena, room + 1);
    text_copy_clean(copy, room, text);
    return copy;
}
