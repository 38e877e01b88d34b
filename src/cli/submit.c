/*
 * `tachyscope submit`: the same job as `render`, through a server: creates it, uploads the images
 * straight to the store, follows it while they travel, downloads the video.
 *
 * The main thread asks for the status and draws; the uploads have threads of their own. The server
 * starts rendering with the first images, so one bar shows both.
 */
#include "base/os.h"
#include "cli/assets.h"
#include "cli/cli.h"
#include "cli/download.h"
#include "cli/follow.h"
#include "cli/images.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "cli/upload.h"
#include "job/manifest.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MAX_CREATE_TRIES = 3, MAX_DOWNLOAD_TRIES = 4, RETRY_PAUSE_MS = 300 };

/* Share of the uploads in the bar: small, because frames follow the photos closely, so their number
 * tells how far a slow upload is as well. */
#define UPLOAD_SHARE 0.05

static const struct option_row rows[] = {
    {"output", 'o', "FILE", "where the video goes (.mp4, .mov, .webm, .gif)"},
    {"server", 0, "URL", "the server's page (" API_DEFAULT_URL ")"},
    {"token", 0, "T", "the owner's token (or in " API_TOKEN_VARIABLE ")"},
    {"detach", 0, NULL, "leave after the upload; see tachyscope status"},
    {"json", 0, NULL, "print what happened as one JSON object"},
    {"quiet", 'q', NULL, "no progress, no summary"},
    {"resume", 0, "JOB", "take over what this job has rendered (--reuse JOB)"},
    {0},
};

static const struct command_syntax syntax = {
    .name = "submit",
    .operands = "IMAGES… -o FILE",
    .summary =
        "Makes a video from images through a server (tachyscope serve): uploads them, follows\n"
        "the job, downloads the video. IMAGES are files, folders (natural order) or globs.",
    .example = "Examples:\n"
               "  tachyscope submit photos/ -o timelapse.mp4\n"
               "  tachyscope submit photos/ --hold 3 --detach --json\n",
    .rows = rows,
    .takes_settings = true,
};

struct submission {
    const struct options *options;
    const struct api_server *server;
    struct image_list images;
    const struct asset_list *assets;
    const char *job;
    const char *token; /* of the job */
    struct upload *upload;
    struct follow *follow;
    struct progress *progress;
    bool quiet, json, detach;
    int64_t started_ms;
};

static void pause_ms(unsigned milliseconds) {
    struct timespec time = {milliseconds / 1000, (long)(milliseconds % 1000) * 1000000};
    nanosleep(&time, NULL);
}

/* The key makes a repeated creation the same job, so a lost answer costs nothing. */
static bool create_job(struct submission *s, struct arena *arena, json_t **ret_answer,
                       struct error *err) {
    char key[37];
    random_uuid(key);
    json_auto_t *manifest = images_manifest(&s->images, s->options->settings);
    assets_list_in(s->assets, manifest);
    const struct api_request request = {
        .method = "POST",
        .path = "/jobs",
        .body = manifest,
        .idempotency_key = key,
    };
    struct api_answer answer;
    for (unsigned tries = 1;; tries++) {
        if (api_call(s->server, arena, &request, &answer, err))
            break;
        if (err->kind != ERROR_UNAVAILABLE || tries == MAX_CREATE_TRIES)
            return false;
        pause_ms(RETRY_PAUSE_MS * tries);
    }
    const char *id = json_string_value(json_object_get(answer.body, "id"));
    const char *token = json_string_value(json_object_get(answer.body, "token"));
    if (id == NULL || token == NULL || !job_id_valid(str_c(id)) || str_has_control(str_c(token))) {
        json_decref(answer.body);
        return error_set(err, ERROR_INTERNAL, NULL, "server %s: the answer names no job",
                         s->server->url);
    }
    s->job = arena_strdup(arena, id);
    s->token = arena_strdup(arena, token);
    *ret_answer = answer.body;
    return true;
}

static void draw(const struct submission *s, const struct upload_state *sent,
                 const struct job_view *view) {
    double up = sent->total_bytes == 0 ? 1 : (double)sent->sent_bytes / (double)sent->total_bytes;
    double frames =
        view->frames_total == 0 ? 0 : (double)view->frames_done / (double)view->frames_total;
    char detail[64] = "";
    if (view->frames_total > 0 && !sent->finished)
        snprintf(detail, sizeof detail, "%llu/%zu images up", (unsigned long long)sent->images_done,
                 s->images.count);
    bool rendering = view->frames_total > 0;
    const char *label = !rendering       ? (sent->finished ? "waiting" : "uploading")
                        : sent->finished ? "rendering"
                                         : "uploading, rendering";
    struct progress_state state = {
        .label = label,
        .unit = rendering ? "frames" : "images",
        .done = rendering ? view->frames_done : sent->images_done,
        .total = rendering ? view->frames_total : s->images.count,
        .fraction = up * UPLOAD_SHARE + frames * (1 - UPLOAD_SHARE),
        .detail = detail[0] == '\0' ? NULL : detail,
    };
    progress_update(s->progress, &state);
}

static void cancel_quietly(const struct submission *s) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    const struct api_request request = {
        .method = "DELETE",
        .path = arena_printf(arena, "/jobs/%s", s->job),
        .token = s->token,
    };
    struct api_answer answer = {0};
    struct error ignored;
    if (api_call(s->server, arena, &request, &answer, &ignored))
        json_decref(answer.body);
}

/* Ends with a terminal state, or (detached) with the upload. False: the upload or the asking
 * failed. */
static bool follow_job(struct submission *s, struct job_view *ret, struct error *err) {
    bool finished = false;
    for (;;) {
        if (finished)
            pause_ms(follow_pause_ms(s->follow));
        struct upload_state sent = upload_wait(s->upload, follow_pause_ms(s->follow));
        finished = sent.finished;
        if (sent.failed && !job_view_ended(ret)) {
            /* The job may have ended before; then that is the reason worth telling. */
            follow_forget_etag(s->follow);
            if (follow_ask(s->follow, err))
                job_view_read(follow_status(s->follow), ret);
            if (job_view_ended(ret))
                return true;
            /* Without its images the job would wait for ever. */
            cancel_quietly(s);
            *err = upload_error(s->upload);
            return false;
        }
        if (s->detach && finished)
            return true;
        if (!follow_ask(s->follow, err))
            return error_prefix(err, "job %s goes on, but cannot be followed", s->job);
        job_view_read(follow_status(s->follow), ret);
        draw(s, &sent, ret);
        if (job_view_ended(ret))
            return true;
    }
}

static bool download(struct submission *s, struct output *output, uint64_t *ret_bytes,
                     struct error *err) {
    for (unsigned tries = 1;; tries++) {
        if (download_output(s->server->http, follow_status(s->follow), "video", output_fd(output),
                            ret_bytes, err))
            return output_commit(output, err);
        bool again = err->kind == ERROR_DENIED || err->kind == ERROR_UNAVAILABLE;
        if (!again || tries == MAX_DOWNLOAD_TRIES)
            return false;
        pause_ms(RETRY_PAUSE_MS * tries);
        follow_forget_etag(s->follow);
        struct error ignored;
        if (!follow_ask(s->follow, &ignored))
            return false;
    }
}

static int fail_with(const struct submission *s, const char *state, const char *code,
                     const char *detail, const char *image, const struct error *err) {
    if (s->json) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        json_t *document =
            json_pack("{s:s*, s:s*, s:{s:s, s:s*, s:s*}}", "id", s->job, "state", state, "error",
                      "detail", text_clean(arena, detail), "code", code, "image", image);
        if (document != NULL && !cli_print_json(document))
            return STATUS_FAILED;
    }
    return cli_fail(err);
}

static int fail(const struct submission *s, const struct error *err) {
    return fail_with(s, NULL, err->code, err->text, NULL, err);
}

/* A job that failed or was cancelled. The place in front of an image's name is ours; the person
 * knows the path. */
static int fail_job(const struct submission *s, const struct job_view *view) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct error err;
    const char *detail = view->error_detail == NULL ? view->state : view->error_detail;
    const char *shown = view->error_image;
    const struct image_file *image = shown == NULL ? NULL : images_by_name(&s->images, shown);
    if (image != NULL) {
        detail = images_reword(arena, &s->images, image, detail);
        shown = image->shown;
    }
    if (view->cancelled)
        error_set(&err, ERROR_CONFLICT, NULL, "job %s was cancelled", s->job);
    else
        error_set(&err, ERROR_INVALID, NULL, "job %s failed: %s: %s", s->job,
                  view->error_code == NULL ? "unknown" : view->error_code, detail);
    return fail_with(s, view->state, view->error_code, detail, shown, &err);
}

static int tell_detached(const struct submission *s) {
    if (s->json) {
        json_t *document = json_pack("{s:s, s:s}", "id", s->job, "token", s->token);
        return document != NULL && cli_print_json(document) ? STATUS_DONE : STATUS_FAILED;
    }
    printf("%s\n", s->job);
    if (!s->quiet)
        fprintf(stderr, "%zu images are up; tachyscope status %s%s tells how far the job is\n",
                s->images.count, s->job[0] == '-' ? "-- " : "", s->job);
    return STATUS_DONE;
}

/* The video among the outputs of the newest status. */
static const json_t *find_video(const struct submission *s) {
    size_t i;
    json_t *output;
    json_array_foreach(json_object_get(follow_status(s->follow), "outputs"), i, output) {
        const char *kind = json_string_value(json_object_get(output, "kind"));
        if (kind != NULL && strcmp(kind, "video") == 0)
            return output;
    }
    return NULL;
}

static int tell_done(const struct submission *s, const struct job_view *view, uint64_t bytes) {
    const char *path = options_value(s->options, "output");
    double elapsed = (double)(clock_monotonic_ms() - s->started_ms) / 1000;
    const json_t *video = find_video(s);
    double seconds = json_number_value(json_object_get(video, "seconds"));
    json_int_t width = json_integer_value(json_object_get(video, "width"));
    json_int_t height = json_integer_value(json_object_get(video, "height"));
    if (!s->quiet) {
        char size[32];
        progress_bytes(bytes, size);
        fprintf(stderr,
                "%s: %zu image%s, %llu frame%s, %.2f s of video, %lldx%lld, %s; made in %.2f s by "
                "job %s\n",
                path, s->images.count, s->images.count == 1 ? "" : "s",
                (unsigned long long)view->frames_total, view->frames_total == 1 ? "" : "s", seconds,
                (long long)width, (long long)height, size, elapsed, s->job);
    }
    if (!s->json)
        return STATUS_DONE;
    json_t *document =
        json_pack("{s:s, s:s, s:I, s:I, s:f, s:I, s:I, s:I, s:f}", "id", s->job, "state",
                  view->state, "images", (json_int_t)s->images.count, "frames",
                  (json_int_t)view->frames_total, "seconds", seconds, "width", width, "height",
                  height, "bytes", (json_int_t)bytes, "elapsed_seconds", elapsed);
    return document != NULL && cli_print_json(document) ? STATUS_DONE : STATUS_FAILED;
}

static int follow_and_fetch(struct submission *s, struct output *output) {
    struct error err;
    struct job_view view = {.state = ""};
    bool followed = follow_job(s, &view, &err);
    progress_end(s->progress);
    if (!followed)
        return fail(s, &err);
    if (view.failed || view.cancelled)
        return fail_job(s, &view);
    if (s->detach)
        return tell_detached(s);
    uint64_t bytes;
    if (!download(s, output, &bytes, &err)) {
        error_prefix(&err, "job %s is done, its video stays on the server", s->job);
        return fail(s, &err);
    }
    /* A retried download has fetched a newer document. */
    job_view_read(follow_status(s->follow), &view);
    return tell_done(s, &view, bytes);
}

/* Sound and watermark go first: nothing is rendered without them. */
static bool send_assets(const struct submission *s, const json_t *uploads, struct error *err) {
    size_t i;
    json_t *upload;
    json_array_foreach(uploads, i, upload) {
        const char *name = json_string_value(json_object_get(upload, "name"));
        const char *url = json_string_value(json_object_get(upload, "url"));
        const struct asset_file *asset = name == NULL ? NULL : assets_by_name(s->assets, name);
        if (asset == NULL || url == NULL)
            return error_set(err, ERROR_INTERNAL, NULL, "server %s: the answer names no asset",
                             s->server->url);
        for (unsigned tries = 1; !upload_file(s->server->http, url, asset->path, asset->size, err);
             tries++) {
            if (err->kind != ERROR_UNAVAILABLE || tries == MAX_CREATE_TRIES)
                return error_prefix(err, "%s '%s'", asset->setting, asset->path);
            pause_ms(RETRY_PAUSE_MS * tries);
        }
    }
    return true;
}

static int run_submission(struct submission *s, struct arena *arena, enum order order) {
    struct error err;
    struct output *output CLEANUP(output_cleanup) = NULL;
    json_auto_t *answer = NULL;
    const char *path = options_value(s->options, "output");
    if (!images_collect(arena, s->options->operands, s->options->operand_count, order, &s->images,
                        &err) ||
        !images_check(&s->images, &err) || (!s->detach && !output_open(path, &output, &err)) ||
        !create_job(s, arena, &answer, &err))
        return fail(s, &err);

    const struct upload_options upload = {
        .server = s->server,
        .job = s->job,
        .token = s->token,
        .images = &s->images,
        .uploads = json_object_get(answer, "uploads"),
    };
    if (s->detach && path != NULL)
        cli_warn("--detach leaves before there is a video for '%s'", path);
    if (!send_assets(s, json_object_get(answer, "assets"), &err) ||
        !upload_start(&upload, &s->upload, &err)) {
        cancel_quietly(s);
        return fail(s, &err);
    }
    s->follow = follow_new(s->server, s->job, s->token);
    s->progress = progress_new(progress_mode_of(s->quiet));
    int status = follow_and_fetch(s, output);
    progress_free(s->progress);
    upload_free(s->upload);
    follow_free(s->follow);
    return status;
}

/* A job that failed or was cancelled is resumed by one that reuses it. */
static bool take_resume(const struct options *options, struct error *err) {
    const char *job = options_value(options, "resume");
    if (job == NULL)
        return true;
    if (json_object_get(options->settings, "reuse") != NULL)
        return error_set(err, ERROR_INVALID, NULL, "--resume and --reuse are the same");
    if (json_object_set_new(options->settings, "reuse", json_string(job)) != 0)
        return error_set(err, ERROR_INVALID, NULL, "'%s' is not the id of a job", job);
    return true;
}

static bool check_line(const struct options *options, struct settings *ret_settings,
                       struct error *err) {
    const char *path = options_value(options, "output");
    bool detach = options_flag(options, "detach");
    if (options->operand_count == 0)
        return error_set(err, ERROR_INVALID, NULL, "no images given");
    if (path == NULL && !detach)
        return error_set(err, ERROR_INVALID, NULL,
                         "no output given; add -o FILE.mp4, or --detach to leave the video there");
    return take_resume(options, err) &&
           (path == NULL || output_take_format(path, options->settings, err)) &&
           settings_parse(options->settings, ret_settings, err);
}

int command_submit(int argc, char **argv) {
    struct error err;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct options options CLEANUP(options_clear) = {0};
    struct settings settings = {0};
    struct asset_list assets = {.count = 0};
    struct api_server server;
    if (!options_parse(arena, &syntax, argc, argv, &options, &err))
        return cli_usage(syntax.name, &err);
    if (options.help) {
        options_print_help(stdout, &syntax);
        return STATUS_DONE;
    }
    if (!assets_collect(arena, options.settings, &assets, &err))
        return cli_fail(&err);
    struct http_client *http = http_client_new();
    int status;
    if (!check_line(&options, &settings, &err) ||
        !api_server_init(arena, options_value(&options, "server"), options_value(&options, "token"),
                         http, &server, &err)) {
        status = cli_usage(syntax.name, &err);
    } else {
        struct submission submission = {
            .options = &options,
            .server = &server,
            .assets = &assets,
            .quiet = options_flag(&options, "quiet"),
            .json = options_flag(&options, "json"),
            .detach = options_flag(&options, "detach"),
            .started_ms = clock_monotonic_ms(),
        };
        status = run_submission(&submission, arena, settings.order);
    }
    http_client_free(http);
    return status;
}
