/*
 * `tachyscope render`: images to video on this machine, without store or server.
 *
 * The same manifest, plan, segments and file layout as a job on a server, so the bytes are the same
 * too. Images are read as the renderer asks for them, finished segments go to disk at once: memory
 * does not grow with the number of images but for the tables of samples.
 */
#include "base/os.h"
#include "cli/assets.h"
#include "cli/cli.h"
#include "cli/facts.h"
#include "cli/film.h"
#include "cli/images.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/text.h"
#include "media/load.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_THREADS = 256, MAX_WARNINGS_TOLD = 20 };

static const struct option_row rows[] = {
    {"output", 'o', "FILE",
     "the video to make (.mp4, .mov, .webm, .gif); replaced only when the new one is whole"},
    {"threads", 0, "N", "segments encoded side by side (0: one a core); the bytes stay the same"},
    {"poster-file", 0, "FILE", "also write the poster picture (.jpg)"},
    {"json", 0, NULL, "print what was made as one JSON object"},
    {"quiet", 'q', NULL, "no progress, no summary"},
    {0},
};

static const struct command_syntax syntax = {
    .name = "render",
    .operands = "IMAGES… -o FILE",
    .summary =
        "Makes a video from images on this machine. IMAGES are files, folders (natural order)\n"
        "or globs; JPEG, PNG, HEIC, WebP, … (docs/formats.md), told by content.",
    .example =
        "Examples:\n"
        "  tachyscope render photos/ -o timelapse.mp4\n"
        "  tachyscope render a.jpg b.png c.jpg --hold 2.5 --size 1080p --fit cover -o s.mp4\n",
    .rows = rows,
    .takes_settings = true,
};

/* One run; the callbacks of the renderer's threads share it. */
struct run {
    const struct image_list *images;
    const struct asset_list *assets;
    const struct plan *plan;
    uint32_t *bad_images; /* on-bad-image=skip: found so far, ascending */
    uint32_t bad_image_count;
    struct str sound; /* the film's, encoded (media/sound.h); empty: none */
    struct film *film;
    struct progress *progress;
    json_t *receipts; /* array by image; the renderer makes one call at a time */
    bool quiet;
    pthread_mutex_t lock; /* of the two below */
    uint32_t *segment_frames;
    uint64_t frames_done;
};

/* What `--json` and the summary tell. */
struct made {
    uint64_t bytes;
    double elapsed_seconds;
};

static const struct image_file *image_of(const struct run *run, uint32_t image) {
    return images_by_name(run->images, run->plan->manifest.images[image].name);
}

static bool fetch(void *context, uint32_t image, struct arena *arena, struct str *ret,
                  struct error *err) {
    const struct run *run = context;
    return read_file(arena, image_of(run, image)->path, MANIFEST_MAX_IMAGE_BYTES, ret, err);
}

static bool read_asset(void *context, const struct plan_asset *asset, struct arena *arena,
                       struct str *ret, struct error *err) {
    const struct run *run = context;
    return read_file(arena, assets_by_name(run->assets, asset->name)->path,
                     MANIFEST_MAX_ASSET_BYTES, ret, err);
}

static bool take_segment(void *context, const struct media_segment *segment, struct error *err) {
    struct run *run = context;
    return film_add(run->film, segment, err);
}

static void take_receipt(void *context, uint32_t image, const struct receipt *receipt) {
    struct run *run = context;
    struct receipt shown = *receipt;
    shown.name = image_of(run, image)->shown;
    json_array_set_new(run->receipts, image, receipt_to_json(&shown));
}

static void take_progress(void *context, uint32_t segment, uint32_t frames) {
    struct run *run = context;
    pthread_mutex_lock(&run->lock);
    if (frames > run->segment_frames[segment]) {
        run->frames_done += frames - run->segment_frames[segment];
        run->segment_frames[segment] = frames;
    }
    uint64_t done = run->frames_done;
    pthread_mutex_unlock(&run->lock);
    struct progress_state state = {
        .label = "rendering",
        .unit = "frames",
        .done = done,
        .total = run->plan->timeline.frame_count,
        .fraction = -1,
    };
    progress_update(run->progress, &state);
}

static bool make_plan(struct arena *arena, const struct media_api *media,
                      const struct fact_files *files, json_t *settings, struct plan *ret,
                      struct error *err) {
    json_auto_t *document = images_manifest(files->images, settings);
    char *text = json_dumps(document, JSON_COMPACT);
    if (text == NULL)
        die_out_of_memory();
    struct manifest manifest;
    struct plan_facts facts = {0};
    bool ok = manifest_parse(arena, str_c(text), &manifest, err) &&
              facts_find(arena, media, &manifest, files, &facts, err) &&
              plan_build(arena, "render", media_build_id(), &manifest, &facts, ret, err);
    free(text);
    return ok;
}

/* Puts the path into an error about an image; returns it. */
static const char *name_culprit(const struct run *run, uint32_t index, struct error *err) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    const struct image_file *image = image_of(run, index);
    /* The plan may have another order than the command line. */
    struct str text = str_c(err->text);
    struct str prefix = str_c(arena_printf(arena, "image %u '%s': ", index + 1, image->name));
    if (text.len > prefix.len && memcmp(text.ptr, prefix.ptr, prefix.len) == 0)
        text = (struct str){text.ptr + prefix.len, text.len - prefix.len};
    error_set(err, err->kind, err->code, "image %zu '%s': %.*s",
              (size_t)(image - run->images->items) + 1, image->path, STR_ARG(text));
    return image->shown;
}

/* Keeps the list in order. */
static void add_bad_image(struct run *run, uint32_t image) {
    uint32_t place = run->bad_image_count++;
    for (; place > 0 && run->bad_images[place - 1] > image; place--)
        run->bad_images[place] = run->bad_images[place - 1];
    run->bad_images[place] = image;
}

static void take_refusal(struct run *run, uint32_t image, const struct error *err) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct receipt receipt = {
        .name = run->plan->manifest.images[image].name,
        .bytes = image_of(run, image)->size,
        .orientation = 1,
        .refused = text_clean(arena, err->text),
    };
    if (!run->quiet)
        cli_warn("%s; it is left out", err->text);
    take_receipt(run, image, &receipt);
}

/* From segment `*first` on, as far as it goes. */
static bool run_range(struct run *run, const struct media_api *media, unsigned threads,
                      uint32_t *first, struct media_failure *ret_failure, struct error *err) {
    const struct media_io io = {
        .context = run,
        .fetch = fetch,
        .asset = read_asset,
        .segment = take_segment,
        .receipt = take_receipt,
        .progress = take_progress,
    };
    const struct media_render render = {
        .plan = run->plan,
        .range = {*first, run->plan->segment_count - *first},
        .threads = threads,
        .io = &io,
        .bad_images = run->bad_images,
        .bad_image_count = run->bad_image_count,
    };
    uint32_t done = 0;
    bool good = media->render(&render, &done, ret_failure, err);
    *first += done;
    return good;
}

/* An image that is bad and may be skipped is put on the list, and its segment begun again: so
 * segments depend on what is bad, not on when it was found out. */
static bool run_renderer(struct run *run, const struct media_api *media, unsigned threads,
                         const char **ret_image, struct error *err) {
    bool skips = run->plan->manifest.settings.on_bad_image == BAD_IMAGE_SKIP;
    uint32_t done = 0;
    struct media_failure failure = {0};
    while (!run_range(run, media, threads, &done, &failure, err)) {
        if (failure.is_image)
            *ret_image = name_culprit(run, failure.image, err);
        if (!failure.is_image || !skips)
            return false;
        *ret_image = NULL;
        take_refusal(run, failure.image, err);
        add_bad_image(run, failure.image);
        failure = (struct media_failure){0};
    }
    if (done == run->plan->segment_count)
        return true;
    return error_set(err, ERROR_INTERNAL, NULL, "only %u of %u segments were rendered", done,
                     run->plan->segment_count);
}

/* The film's sound, where it has any. */
static bool make_sound(struct arena *arena, struct run *run, const struct media_api *media,
                       struct error *err) {
    struct arena *bytes CLEANUP(arena_cleanup) = arena_new();
    struct str file;
    if (run->plan->audio.name == NULL)
        return true;
    return (read_asset(run, &run->plan->audio, bytes, &file, err) &&
            media->encode_audio(arena, run->plan, file, &run->sound, err)) ||
           error_prefix(err, "audio '%s'", run->plan->audio.name);
}

static bool write_film(struct run *run, struct output *output, const char *poster_file,
                       uint64_t *ret_bytes, struct error *err) {
    if (!film_write(run->film, output_fd(output), ret_bytes, err))
        return false;
    struct str poster = film_poster(run->film);
    if (poster_file != NULL && !publish_file(poster_file, poster.ptr, poster.len, 0644, err))
        return error_prefix(err, "poster '%s'", poster_file);
    return output_commit(output, err);
}

static double film_seconds(const struct plan *plan) {
    struct rational fps = plan->manifest.settings.fps;
    return (double)plan->timeline.frame_count * (double)fps.den / (double)fps.num;
}

static void tell_warnings(const struct run *run) {
    size_t told = 0, index, place;
    json_t *receipt, *warning;
    json_array_foreach(run->receipts, index, receipt) {
        json_array_foreach(json_object_get(receipt, "warnings"), place, warning) {
            if (told++ < MAX_WARNINGS_TOLD)
                cli_warn("'%s': %s", json_string_value(json_object_get(receipt, "name")),
                         json_string_value(warning));
        }
    }
    if (told > MAX_WARNINGS_TOLD)
        cli_warn("%zu more; --json has all", told - MAX_WARNINGS_TOLD);
}

static void tell_made(const struct run *run, const char *path, const struct made *made) {
    char size[32];
    progress_bytes(made->bytes, size);
    double elapsed = made->elapsed_seconds > 0.001 ? made->elapsed_seconds : 0.001;
    fprintf(stderr,
            "%s: %zu image%s, %llu frame%s, %.2f s of video, %ux%u, %s; made in %.2f s "
            "(%.1f frames/s)\n",
            path, run->images->count, run->images->count == 1 ? "" : "s",
            (unsigned long long)run->plan->timeline.frame_count,
            run->plan->timeline.frame_count == 1 ? "" : "s", film_seconds(run->plan),
            run->plan->manifest.settings.width, run->plan->manifest.settings.height, size, elapsed,
            (double)run->plan->timeline.frame_count / elapsed);
}

static bool print_made(const struct run *run, const struct made *made) {
    const struct settings *settings = &run->plan->manifest.settings;
    json_t *document = json_pack(
        "{s:I, s:f, s:I, s:I, s:I, s:I, s:f, s:s, s:O}", "frames",
        (json_int_t)run->plan->timeline.frame_count, "seconds", film_seconds(run->plan), "width",
        (json_int_t)settings->width, "height", (json_int_t)settings->height, "bytes",
        (json_int_t)made->bytes, "images", (json_int_t)run->images->count, "elapsed_seconds",
        made->elapsed_seconds, "renderer", run->plan->build_id, "receipts", run->receipts);
    if (document == NULL)
        die_out_of_memory();
    return cli_print_json(document);
}

/* With --json a failure is a document as well. */
static int fail(const struct options *options, const char *image, const struct error *err) {
    if (options_flag(options, "json")) {
        struct arena *arena CLEANUP(arena_cleanup) = arena_new();
        json_t *document =
            json_pack("{s:{s:s, s:s*, s:s*}}", "error", "detail", text_clean(arena, err->text),
                      "code", err->code, "image", image);
        if (document != NULL && !cli_print_json(document))
            return STATUS_FAILED;
    }
    return cli_fail(err);
}

static json_t *empty_receipts(size_t count) {
    json_t *receipts = json_array();
    for (size_t i = 0; i < count; i++)
        if (json_array_append_new(receipts, json_null()) != 0)
            die_out_of_memory();
    return receipts;
}

static int render_plan(struct run *run, const struct media_api *media,
                       const struct options *options, unsigned threads) {
    struct error err;
    const char *path = options_value(options, "output");
    const char *bad_image = NULL;
    struct output *output CLEANUP(output_cleanup) = NULL;
    struct made made;
    int64_t started_ms = clock_monotonic_ms();
    bool ok = output_open(path, &output, &err) &&
              film_new(path, run->plan, run->sound, &run->film, &err) &&
              run_renderer(run, media, threads, &bad_image, &err) &&
              write_film(run, output, options_value(options, "poster-file"), &made.bytes, &err);
    progress_end(run->progress);
    if (!ok)
        return fail(options, bad_image, &err);
    made.elapsed_seconds = (double)(clock_monotonic_ms() - started_ms) / 1000;
    if (!run->quiet) {
        tell_warnings(run);
        tell_made(run, path, &made);
    }
    if (options_flag(options, "json") && !print_made(run, &made))
        return STATUS_FAILED;
    return STATUS_DONE;
}

static int render_images(struct arena *arena, const struct options *options,
                         const struct asset_list *assets, enum order order, unsigned threads) {
    struct error err;
    struct image_list images;
    const struct fact_files files = {&images, assets};
    const struct media_api *media;
    struct plan plan;
    if (!images_collect(arena, options->operands, options->operand_count, order, &images, &err) ||
        !images_check(&images, &err) || !media_load(&media, &err) ||
        !make_plan(arena, media, &files, options->settings, &plan, &err))
        return fail(options, NULL, &err);

    struct run run = {
        .images = &images,
        .assets = assets,
        .plan = &plan,
        .bad_images = arena_array(arena, images.count, sizeof *run.bad_images),
        .quiet = options_flag(options, "quiet"),
        .receipts = empty_receipts(images.count),
        .segment_frames = arena_array(arena, plan.segment_count, sizeof *run.segment_frames),
    };
    if (!make_sound(arena, &run, media, &err)) {
        json_decref(run.receipts);
        return fail(options, NULL, &err);
    }
    run.progress = progress_new(progress_mode_of(run.quiet));
    pthread_mutex_init(&run.lock, NULL);
    int status = render_plan(&run, media, options, threads);
    pthread_mutex_destroy(&run.lock);
    progress_free(run.progress);
    film_free(run.film);
    json_decref(run.receipts);
    return status;
}

/* What says something of jobs alone. */
static bool check_settings(const struct settings *settings, struct error *err) {
    const char *name = settings->reuse[0] != '\0'          ? "reuse"
                       : settings->callback_url[0] != '\0' ? "callback-url"
                                                           : NULL;
    return name == NULL || error_set(err, ERROR_INVALID, NULL,
                                     "setting '%s' is for jobs through a server (submit)", name);
}

static bool check_line(const struct options *options, struct settings *ret_settings,
                       uint64_t *ret_threads, struct error *err) {
    const char *path = options_value(options, "output");
    const char *poster = options_value(options, "poster-file");
    if (options->operand_count == 0)
        return error_set(err, ERROR_INVALID, NULL, "no images given");
    if (path == NULL)
        return error_set(err, ERROR_INVALID, NULL, "no output given; add -o FILE.mp4");
    if (poster != NULL && !str_ends_with(str_c(poster), ".jpg") &&
        !str_ends_with(str_c(poster), ".jpeg"))
        return error_set(err, ERROR_INVALID, NULL, "poster file '%s': the name must end in .jpg",
                         poster);
    return output_take_format(path, options->settings, err) &&
           options_number(options, "threads", 0, MAX_THREADS, ret_threads, err) &&
           settings_parse(options->settings, ret_settings, err) &&
           check_settings(ret_settings, err);
}

int command_render(int argc, char **argv) {
    struct error err;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct options options CLEANUP(options_clear) = {0};
    struct settings settings = {0};
    struct asset_list assets;
    uint64_t threads = 0;
    if (!options_parse(arena, &syntax, argc, argv, &options, &err))
        return cli_usage(syntax.name, &err);
    if (options.help) {
        options_print_help(stdout, &syntax);
        return STATUS_DONE;
    }
    if (!assets_collect(arena, options.settings, &assets, &err))
        return fail(&options, NULL, &err);
    if (!check_line(&options, &settings, &threads, &err))
        return cli_usage(syntax.name, &err);
    return render_images(arena, &options, &assets, settings.order, (unsigned)threads);
}
