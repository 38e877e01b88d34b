/*
 * Progress for a person: a bar that is drawn over itself on a terminal, plain lines otherwise,
 * nothing when quiet. On stderr. Thread-safe.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "base/base.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum progress_mode { PROGRESS_QUIET, PROGRESS_LINES, PROGRESS_BAR };

/* Bar where stderr is a terminal that can move its cursor. */
enum progress_mode progress_mode_of(bool quiet);

struct progress_state {
    const char *label; /* "rendering" */
    const char *unit;  /* "frames" */
    uint64_t done;
    uint64_t total;     /* 0: not known yet */
    double fraction;    /* of the whole work, 0 to 1; below 0: done / total */
    const char *detail; /* further words, or NULL */
};

struct progress;
struct progress *progress_new(enum progress_mode mode);
/* Draws when the last drawing is old enough (0.1 s for a bar, 2 s for lines). */
void progress_update(struct progress *progress, const struct progress_state *state);
/* Takes the bar off the terminal; later updates are ignored. */
void progress_end(struct progress *progress);
void progress_free(struct progress *progress); /* ends it too; NULL is fine */

/* The text of one drawing, pure. */
enum { PROGRESS_TEXT_SIZE = 512 };
struct progress_view {
    struct progress_state state;
    double elapsed_seconds; /* since the first update */
    unsigned columns;       /* at most this wide with a bar; 0: a plain line */
};
void progress_text(const struct progress_view *view, char ret[PROGRESS_TEXT_SIZE]);

/* "7 s", "3:05", "1:02:03"; room for 32. */
void progress_duration(double seconds, char *ret);

/* "734 bytes", "1.2 MB" (powers of 1,000); room for 32. */
void progress_bytes(uint64_t bytes, char *ret);

#endif
