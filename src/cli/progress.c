/*
 * What is drawn is a pure function of the state and the time; the rest decides when. Updates come
 * as often as the work likes: most return after a look at the clock.
 */
#include "cli/progress.h"
#include "base/error.h"
#include "base/os.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    BAR_INTERVAL_MS = 100,
    LINE_INTERVAL_MS = 2000,
    MIN_BAR = 10,
    MAX_BAR = 40,
    MAX_COLUMNS = 200,
};

struct progress {
    enum progress_mode mode;
    pthread_mutex_t lock; /* of everything below */
    bool started, ended, drawn;
    int64_t started_ms;
    int64_t drawn_ms;
};

enum progress_mode progress_mode_of(bool quiet) {
    const char *terminal = getenv("TERM");
    if (quiet)
        return PROGRESS_QUIET;
    if (!isatty(STDERR_FILENO) || terminal == NULL || strcmp(terminal, "dumb") == 0)
        return PROGRESS_LINES;
    return PROGRESS_BAR;
}

struct progress *progress_new(enum progress_mode mode) {
    struct progress *progress = calloc(1, sizeof *progress);
    if (progress == NULL)
        die_out_of_memory();
    progress->mode = mode;
    pthread_mutex_init(&progress->lock, NULL);
    return progress;
}

void progress_duration(double seconds, char *ret) {
    uint64_t whole = seconds < 0 ? 0 : seconds > 1e9 ? 1000000000 : (uint64_t)(seconds + 0.5);
    unsigned s = (unsigned)(whole % 60);
    unsigned m = (unsigned)(whole / 60 % 60);
    unsigned h = (unsigned)(whole / 3600);
    if (h > 0)
        snprintf(ret, 32, "%u:%02u:%02u", h, m, s);
    else if (m > 0)
        snprintf(ret, 32, "%u:%02u", m, s);
    else
        snprintf(ret, 32, "%u s", s);
}

void progress_bytes(uint64_t bytes, char *ret) {
    static const char *const units[] = {"kB", "MB", "GB", "TB"};
    if (bytes < 1000) {
        snprintf(ret, 32, "%u bytes", (unsigned)bytes);
        return;
    }
    double value = (double)bytes / 1000;
    size_t unit = 0;
    /* 999.95 would be printed as 1000.0. */
    while (value >= 999.95 && unit + 1 < ARRAY_SIZE(units)) {
        value /= 1000;
        unit++;
    }
    snprintf(ret, 32, "%.1f %s", value, units[unit]);
}

static double fraction_of(const struct progress_state *state) {
    double fraction = state->fraction;
    if (fraction < 0)
        fraction = state->total == 0 ? 0 : (double)state->done / (double)state->total;
    return fraction > 1 ? 1 : fraction;
}

/* ` 41%  97.3/s  ETA 0:12` */
static void numbers_text(const struct progress_view *view, char *ret, size_t size) {
    double fraction = fraction_of(&view->state);
    double elapsed = view->elapsed_seconds;
    char rate[32] = "";
    char rest[48] = "";
    /* Before the first half second a rate is noise. */
    if (elapsed >= 0.5 && view->state.done > 0)
        snprintf(rate, sizeof rate, "  %.1f/s", (double)view->state.done / elapsed);
    if (elapsed >= 0.5 && fraction > 0 && fraction < 1) {
        char duration[32];
        progress_duration(elapsed * (1 - fraction) / fraction, duration);
        snprintf(rest, sizeof rest, "  ETA %s", duration);
    }
    snprintf(ret, size, "%3u%%%s%s", (unsigned)(fraction * 100), rate, rest);
}

static void words_text(const struct progress_state *state, char *ret, size_t size) {
    char count[80] = "";
    if (state->total > 0)
        snprintf(count, sizeof count, " %llu/%llu %.20s", (unsigned long long)state->done,
                 (unsigned long long)state->total, state->unit);
    snprintf(ret, size, "%.40s%s%s%.80s", state->label, count, state->detail == NULL ? "" : ", ",
             state->detail == NULL ? "" : state->detail);
}

void progress_text(const struct progress_view *view, char ret[PROGRESS_TEXT_SIZE]) {
    char words[256];
    char numbers[128];
    words_text(&view->state, words, sizeof words);
    numbers_text(view, numbers, sizeof numbers);
    unsigned columns = view->columns > MAX_COLUMNS ? MAX_COLUMNS : view->columns;
    if (columns == 0) {
        snprintf(ret, PROGRESS_TEXT_SIZE, "%s %s", words, numbers);
        return;
    }

    /* `words [=====>     ] numbers` */
    size_t fixed = strlen(words) + strlen(numbers) + 4;
    char bar[MAX_BAR + 1] = "";
    if (fixed + MIN_BAR <= columns) {
        size_t room = columns - fixed;
        size_t width = room > MAX_BAR ? MAX_BAR : room;
        size_t full = (size_t)(fraction_of(&view->state) * (double)width);
        memset(bar, ' ', width);
        memset(bar, '=', full);
        if (full < width)
            bar[full] = '>';
        bar[width] = '\0';
        snprintf(ret, PROGRESS_TEXT_SIZE, "%s [%s] %s", words, bar, numbers);
        return;
    }
    /* Too narrow for a bar: what fits, so that the line never wraps. */
    snprintf(ret, PROGRESS_TEXT_SIZE, "%s %s", words, numbers);
    if (strlen(ret) > columns)
        ret[columns] = '\0';
}

static unsigned terminal_columns(void) {
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 2)
        return 79;
    /* The last column stays free: some terminals wrap as soon as it is written. */
    return size.ws_col - 1u;
}

static void draw(struct progress *progress, const struct progress_state *state, int64_t now_ms) {
    bool bar = progress->mode == PROGRESS_BAR;
    struct progress_view view = {
        .state = *state,
        .elapsed_seconds = (double)(now_ms - progress->started_ms) / 1000,
        .columns = bar ? terminal_columns() : 0,
    };
    char text[PROGRESS_TEXT_SIZE];
    progress_text(&view, text);
    fprintf(stderr, bar ? "\r%s\033[K" : "%s\n", text);
    fflush(stderr);
    progress->drawn = true;
    progress->drawn_ms = now_ms;
}

void progress_update(struct progress *progress, const struct progress_state *state) {
    if (progress->mode == PROGRESS_QUIET)
        return;
    int64_t interval_ms = progress->mode == PROGRESS_BAR ? BAR_INTERVAL_MS : LINE_INTERVAL_MS;
    int64_t now_ms = clock_monotonic_ms();
    pthread_mutex_lock(&progress->lock);
    if (!progress->started) {
        progress->started = true;
        progress->started_ms = now_ms;
        /* Short work prints no lines at all; a bar shows at once. */
        progress->drawn_ms = progress->mode == PROGRESS_BAR ? now_ms - interval_ms : now_ms;
    }
    if (!progress->ended && now_ms - progress->drawn_ms >= interval_ms)
        draw(progress, state, now_ms);
    pthread_mutex_unlock(&progress->lock);
}

void progress_end(struct progress *progress) {
    pthread_mutex_lock(&progress->lock);
    if (progress->mode == PROGRESS_BAR && progress->drawn && !progress->ended) {
        fputs("\r\033[K", stderr);
        fflush(stderr);
    }
    progress->ended = true;
    pthread_mutex_unlock(&progress->lock);
}

void progress_free(struct progress *progress) {
    if (progress == NULL)
        return;
    progress_end(progress);
    pthread_mutex_destroy(&progress->lock);
    free(progress);
}
