/*
 * Asking costs the server a few listings, so the interval grows with the job's age; being late
 * costs the person, so it is short where the end is near. An answer 304 is no news.
 */
#include "cli/follow.h"
#include "base/os.h"
#include "cli/progress.h"

#include <stdio.h>
#include <string.h>

enum {
    FIRST_PAUSE_MS = 100,
    MAX_PAUSE_MS = 1000,
    LATE_PAUSE_MS = 200,      /* when the film is nearly done */
    PAUSE_SHARE = 16,         /* of the time so far: what asking late costs at most */
    NUDGE_AFTER_MS = 60000,   /* a lost event shows as a job that does not move */
    GIVE_UP_AFTER_MS = 60000, /* of answers that may pass */
};

struct follow {
    struct arena *arena;
    const struct api_server *server;
    const char *job;
    const char *token;
    json_t *status;
    char etag[256]; /* "" for none */
    int64_t started_ms;
    int64_t changed_ms; /* last news or nudge */
    int64_t answered_ms;
};

static uint64_t number(const json_t *object, const char *outer, const char *inner) {
    json_int_t value = json_integer_value(json_object_get(json_object_get(object, outer), inner));
    return value < 0 ? 0 : (uint64_t)value;
}

void job_view_read(const json_t *status, struct job_view *ret) {
    const json_t *state = json_object_get(status, "state");
    const json_t *eta = json_object_get(status, "eta_seconds");
    const json_t *error = json_object_get(status, "error");
    *ret = (struct job_view){
        .id = json_string_value(json_object_get(status, "id")),
        .state = json_is_string(state) ? json_string_value(state) : "",
        .images_expected = number(status, "images", "expected"),
        .images_arrived = number(status, "images", "arrived"),
        .frames_done = number(status, "frames", "done"),
        .frames_total = number(status, "frames", "total"),
        .eta_seconds = json_is_number(eta) ? json_number_value(eta) : -1,
        .error_code = json_string_value(json_object_get(error, "code")),
        .error_detail = json_string_value(json_object_get(error, "detail")),
        .error_image = json_string_value(json_object_get(error, "image")),
    };
    ret->done = strcmp(ret->state, "done") == 0;
    ret->failed = strcmp(ret->state, "failed") == 0;
    ret->cancelled = strcmp(ret->state, "cancelled") == 0;
}

bool job_view_ended(const struct job_view *view) {
    return view->done || view->failed || view->cancelled;
}

void job_view_line(const struct job_view *view, char *ret, size_t size) {
    char frames[64] = "";
    char eta[64] = "";
    char error[512] = "";
    if (view->frames_total > 0)
        snprintf(frames, sizeof frames, "  %llu/%llu frames", (unsigned long long)view->frames_done,
                 (unsigned long long)view->frames_total);
    if (view->eta_seconds > 0 && !job_view_ended(view)) {
        char duration[32];
        progress_duration(view->eta_seconds, duration);
        snprintf(eta, sizeof eta, "  %s left", duration);
    }
    if (view->error_detail != NULL)
        snprintf(error, sizeof error, "  %s%.400s",
                 view->error_code == NULL ? "" : "error: ", view->error_detail);
    snprintf(ret, size, "%s  %-9s  %llu/%llu images%s%s%s", view->id == NULL ? "?" : view->id,
             view->state, (unsigned long long)view->images_arrived,
             (unsigned long long)view->images_expected, frames, eta, error);
}

struct follow *follow_new(const struct api_server *server, const char *job, const char *token) {
    struct arena *arena = arena_new();
    struct follow *follow = arena_alloc(arena, sizeof *follow);
    follow->arena = arena;
    follow->server = server;
    follow->job = arena_strdup(arena, job);
    follow->token = token == NULL ? NULL : arena_strdup(arena, token);
    follow->started_ms = follow->changed_ms = follow->answered_ms = clock_monotonic_ms();
    return follow;
}

void follow_free(struct follow *follow) {
    if (follow == NULL)
        return;
    json_decref(follow->status);
    arena_free(follow->arena);
}

static bool may_pass(enum error_kind kind) {
    return kind == ERROR_UNAVAILABLE || kind == ERROR_LIMIT || kind == ERROR_INTERNAL;
}

static void take_status(struct follow *follow, struct api_answer *answer, int64_t now_ms) {
    json_decref(follow->status);
    follow->status = answer->body;
    follow->changed_ms = now_ms;
    /* An ETag that does not fit is not one of ours: ask without. */
    follow->etag[0] = '\0';
    if (answer->etag != NULL && strlen(answer->etag) < sizeof follow->etag)
        memcpy(follow->etag, answer->etag, strlen(answer->etag) + 1);
}

bool follow_ask(struct follow *follow, struct error *err) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    int64_t now_ms = clock_monotonic_ms();
    bool nudge = now_ms - follow->changed_ms >= NUDGE_AFTER_MS;
    struct api_request request = {
        .method = "GET",
        .path = arena_printf(arena, "/jobs/%s%s", follow->job, nudge ? "?nudge=1" : ""),
        .token = follow->token,
        .if_none_match = follow->etag[0] == '\0' ? NULL : follow->etag,
    };

    struct api_answer answer;
    if (!api_call(follow->server, arena, &request, &answer, err))
        return may_pass(err->kind) && now_ms - follow->answered_ms < GIVE_UP_AFTER_MS;
    follow->answered_ms = clock_monotonic_ms();
    if (nudge)
        follow->changed_ms = now_ms;
    if (answer.body != NULL)
        take_status(follow, &answer, now_ms);
    return true;
}

const json_t *follow_status(const struct follow *follow) {
    return follow->status;
}

unsigned follow_pause_ms(const struct follow *follow) {
    struct job_view view;
    job_view_read(follow->status, &view);
    int64_t pause_ms = (clock_monotonic_ms() - follow->started_ms) / PAUSE_SHARE;
    bool late = strcmp(view.state, "finishing") == 0 ||
                (view.eta_seconds >= 0 && view.eta_seconds * 1000 < MAX_PAUSE_MS) ||
                (view.frames_total > 0 && view.frames_done * 10 >= view.frames_total * 9);
    if (late && pause_ms > LATE_PAUSE_MS)
        return LATE_PAUSE_MS;
    if (pause_ms > MAX_PAUSE_MS)
        return MAX_PAUSE_MS;
    return pause_ms < FIRST_PAUSE_MS ? FIRST_PAUSE_MS : (unsigned)pause_ms;
}

void follow_forget_etag(struct follow *follow) {
    follow->etag[0] = '\0';
}
