/*
 * Images are composed in their order, one is fetched ahead. Composed pictures wait in a ring: the
 * one that a transition comes from, the one that is shown, and for deflicker as many as its window
 * looks ahead. An image that moves is composed larger, for the camera.
 *
 * Stamp and caption belong to the picture, and change with it; the watermark lies above everything.
 * Segments share nothing: an image that goes on into the next one is composed there again.
 */
#include "media/scene.h"

#include "media/camera.h"
#include "media/compose.h"
#include "media/deflicker.h"
#include "media/fetch.h"
#include "media/overlay.h"
#include "media/transition.h"
#include "sign/digest.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* Of each end of an image's file, for the seed of its motion. */
    SEED_BYTES = 65536,
    MIB = 1 << 20,
};

/* A composed image. */
struct still {
    struct frame frame; /* larger than the film where it moves */
    bool is_canvas;     /* so */
    uint32_t image;
    bool is_evened; /* deflicker's gain is in it */
    uint64_t seed;
    const char *stamp; /* in the still's arena; NULL: none */
    struct arena *arena;
};

/* A composer and the size that it is for; made when first needed. */
struct easel {
    struct composer *composer;
    unsigned width, height;
};

struct scene {
    const struct media_render *render;
    const struct plan *plan;
    struct fetcher *fetcher;
    struct easel plain, canvas;
    struct camera *camera;
    struct overlay *overlay;
    bool has_watermark;

    struct still *stills; /* a ring, by image */
    uint32_t still_count;
    struct frame moved[2], mixed, marked; /* the film's size; made when first needed */

    /* Of the segment. */
    const struct segment *place;
    struct scene_listener listener;
    uint32_t used_first, used_end; /* images */
    uint32_t next;                 /* image to compose */
    uint32_t *lights;              /* by image from used_first; deflicker */
    struct arena *arena;
};

/* ---- memory ---- */

static const struct settings *settings_of(const struct scene *scene) {
    return &scene->plan->manifest.settings;
}

static const struct manifest_image *image_of(const struct scene *scene, uint32_t image) {
    return &scene->plan->manifest.images[image];
}

static uint32_t ring_size(const struct plan *plan) {
    return plan_deflicker_reach(plan) + 2;
}

unsigned scene_memory_mb(const struct plan *plan) {
    const struct settings *settings = &plan->manifest.settings;
    uint64_t frame = (uint64_t)settings->width * settings->height * 3 / 2;
    /* Canvases are larger, and there are up to four more frames. */
    return (unsigned)((ring_size(plan) * frame * 3 / 2 + 4 * frame) / MIB + 1);
}

struct scene *scene_new(const struct media_render *render) {
    struct scene *scene = calloc(1, sizeof *scene);
    if (!scene)
        die_out_of_memory();
    const struct settings *settings = &render->plan->manifest.settings;
    scene->render = render;
    scene->plan = render->plan;
    scene->fetcher = fetcher_new(render->io);
    scene->plain.width = settings->width;
    scene->plain.height = settings->height;
    camera_canvas_size(settings->width, settings->height, &scene->canvas.width,
                       &scene->canvas.height);
    scene->still_count = ring_size(render->plan);
    scene->stills = calloc(scene->still_count, sizeof *scene->stills);
    if (!scene->stills)
        die_out_of_memory();
    return scene;
}

static void clear_still(struct still *still) {
    frame_clear(&still->frame);
    arena_free(still->arena);
    *still = (struct still){0};
}

void scene_free(struct scene *scene) {
    if (!scene)
        return;
    fetcher_free(scene->fetcher);
    composer_free(scene->plain.composer);
    composer_free(scene->canvas.composer);
    camera_free(scene->camera);
    overlay_free(scene->overlay);
    for (uint32_t i = 0; i < scene->still_count; i++)
        clear_still(&scene->stills[i]);
    free(scene->stills);
    frame_clear(&scene->moved[0]);
    frame_clear(&scene->moved[1]);
    frame_clear(&scene->mixed);
    frame_clear(&scene->marked);
    arena_free(scene->arena);
    free(scene);
}

/* A frame of the film's size, kept from then on. */
static struct frame *need_frame(const struct scene *scene, struct frame *frame) {
    if (!frame->planes[0])
        frame_init(frame, scene->plain.width, scene->plain.height);
    return frame;
}

static struct overlay *need_overlay(struct scene *scene) {
    if (!scene->overlay)
        scene->overlay = overlay_new(scene->plain.width, scene->plain.height);
    return scene->overlay;
}

static struct composer *need_composer(const struct scene *scene, struct easel *easel) {
    const struct settings *settings = settings_of(scene);
    struct compose_target target = {
        .width = easel->width, .height = easel->height, .fit = settings->fit};
    memcpy(target.background, settings->background, sizeof target.background);
    if (!easel->composer)
        easel->composer = composer_new(&target);
    return easel->composer;
}

/* ---- a segment ---- */

void scene_begin(struct scene *scene, uint32_t segment, const struct scene_listener *listener) {
    uint32_t count;
    scene->place = &scene->plan->segments[segment];
    scene->listener = *listener;
    plan_images_of(scene->plan, (struct segment_range){segment, 1}, &scene->used_first, &count);
    scene->used_end = scene->used_first + count;
    scene->next = scene->used_first;
    arena_free(scene->arena);
    scene->arena = arena_new();
    scene->lights = arena_array(scene->arena, count, sizeof *scene->lights);
}

void scene_end(struct scene *scene) {
    fetcher_drop(scene->fetcher);
}

/* ---- bad images ---- */

static bool is_bad(const struct media_render *render, uint32_t image) {
    uint32_t low = 0, high = render->bad_image_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (render->bad_images[middle] < image)
            low = middle + 1;
        else
            high = middle;
    }
    return low < render->bad_image_count && render->bad_images[low] == image;
}

/* The image that takes the place of `image`; the number of images when all are bad. */
static uint32_t stand_in(const struct scene *scene, uint32_t image) {
    const struct media_render *render = scene->render;
    uint32_t count = (uint32_t)scene->plan->manifest.image_count;
    for (uint32_t i = image + 1; i-- > 0;)
        if (!is_bad(render, i))
            return i;
    while (++image < count)
        if (!is_bad(render, image))
            return image;
    return count;
}

/* ---- composing ---- */

static enum motion motion_of(const struct scene *scene, uint32_t image) {
    const struct manifest_image *it = image_of(scene, image);
    return it->has_motion ? it->motion : settings_of(scene)->motion;
}

/* The image's own, so that it moves the same way wherever it stands. */
static uint64_t seed_of(struct str bytes, uint64_t seed) {
    uint8_t hash[SHA256_SIZE];
    uint64_t number = 0;
    size_t part = bytes.len < SEED_BYTES ? bytes.len : SEED_BYTES;
    struct digest *digest = digest_new(DIGEST_SHA256);
    digest_add(digest, bytes.ptr, part);
    digest_add(digest, bytes.ptr + bytes.len - part, part);
    digest_take(digest, hash);
    digest_free(digest);
    for (size_t i = 0; i < sizeof number; i++)
        number = number << 8 | hash[i];
    return number ^ seed * UINT64_C(0x9e3779b97f4a7c15);
}

static void ask_ahead(struct scene *scene) {
    uint32_t count = (uint32_t)scene->plan->manifest.image_count;
    uint32_t source = scene->next < scene->used_end ? stand_in(scene, scene->next) : count;
    if (source < count)
        fetcher_ask(scene->fetcher, source);
}

static bool is_shown(const struct scene *scene, uint32_t image) {
    const struct segment *place = scene->place;
    return image >= place->first_image && image - place->first_image < place->image_count;
}

static void size_still(struct still *still, const struct easel *easel, bool is_canvas) {
    struct arena *arena = still->arena;
    if (still->frame.planes[0] &&
        (still->frame.width != easel->width || still->frame.height != easel->height))
        frame_clear(&still->frame);
    if (!still->frame.planes[0])
        frame_init(&still->frame, easel->width, easel->height);
    arena_free(arena);
    *still = (struct still){.frame = still->frame, .is_canvas = is_canvas, .arena = arena_new()};
}

/* Draws what belongs to the picture; `frame` has the film's size. */
static bool write_on(struct scene *scene, const struct still *still, struct frame *frame,
                     const char **ret_warning, struct error *err) {
    const char *caption = image_of(scene, still->image)->caption;
    const char *warning = NULL;
    *ret_warning = NULL;
    if (still->stamp && !overlay_stamp(need_overlay(scene), still->arena, still->stamp,
                                       settings_of(scene)->stamp_corner, frame, ret_warning, err))
        return error_prefix(err, "stamp");
    if (caption &&
        !overlay_caption(need_overlay(scene), still->arena, caption, frame, &warning, err))
        return error_prefix(err, "caption");
    if (warning)
        *ret_warning = warning;
    return true;
}

/* One more line in the receipt. */
static void add_warning(struct arena *arena, struct receipt *receipt, const char *warning) {
    const char **warnings = arena_array(arena, receipt->warning_count + 1, sizeof *warnings);
    for (unsigned i = 0; i < receipt->warning_count; i++)
        warnings[i] = receipt->warnings[i];
    warnings[receipt->warning_count++] = warning;
    receipt->warnings = warnings;
}

static bool finish_still(struct scene *scene, struct still *still, struct receipt *receipt,
                         struct error *err) {
    const struct settings *settings = settings_of(scene);
    const char *warning = NULL;
    uint32_t source = stand_in(scene, still->image);
    still->stamp = overlay_stamp_text(still->arena, settings->stamp, receipt->captured,
                                      image_of(scene, source)->name, source);
    if (settings->deflicker > 0)
        scene->lights[still->image - scene->used_first] = deflicker_light(&still->frame);
    else if (!still->is_canvas && !write_on(scene, still, &still->frame, &warning, err))
        return false;
    if (warning)
        add_warning(still->arena, receipt, warning);
    return true;
}

/* Composes scene->next into its place in the ring. */
static bool compose_next(struct scene *scene, struct media_failure *ret_failure,
                         struct error *err) {
    uint32_t image = scene->next, source = stand_in(scene, image);
    if (source == scene->plan->manifest.image_count)
        return error_set(err, ERROR_INVALID, "bad-image", "no image can be used");
    struct still *still = &scene->stills[image % scene->still_count];
    enum motion motion = motion_of(scene, image);
    bool is_canvas = motion != MOTION_NONE;
    struct easel *easel = is_canvas ? &scene->canvas : &scene->plain;
    struct arena *arena CLEANUP(arena_cleanup) = NULL;
    struct str bytes;
    struct receipt receipt = {0};
    if (image == scene->used_first)
        ask_ahead(scene);
    scene->next++;
    bool is_good = fetcher_take(scene->fetcher, &arena, &bytes, err);
    bool was_fetched = is_good;
    if (is_good) {
        ask_ahead(scene);
        size_still(still, easel, is_canvas);
        still->image = image;
        still->seed = seed_of(bytes, settings_of(scene)->seed);
        is_good = composer_run(need_composer(scene, easel), arena, bytes,
                               image_of(scene, image)->rotate, &still->frame, &receipt, err);
    }
    if (!is_good) {
        *ret_failure = (struct media_failure){.is_image = was_fetched, .image = source};
        return error_prefix(err, "image %u '%s'", source + 1, image_of(scene, source)->name);
    }
    if (!finish_still(scene, still, &receipt, err))
        return false;
    if (source == image && is_shown(scene, image))
        scene->listener.receipt(scene->listener.context, image, &receipt);
    return true;
}

/* Once all that its gain depends on is composed. */
static bool even_out(struct scene *scene, struct still *still, struct error *err) {
    uint32_t reach = plan_deflicker_reach(scene->plan), first = scene->used_first;
    uint32_t begin = still->image - first > reach ? still->image - reach : first;
    uint32_t end =
        scene->used_end - still->image > reach + 1 ? still->image + reach + 1 : scene->used_end;
    const char *warning = NULL;
    deflicker_apply(
        deflicker_gain(scene->lights + (begin - first), end - begin, still->image - begin),
        &still->frame);
    still->is_evened = true;
    return still->is_canvas || write_on(scene, still, &still->frame, &warning, err);
}

static bool need_still(struct scene *scene, uint32_t image, struct still **ret,
                       struct media_failure *ret_failure, struct error *err) {
    uint32_t last = image + plan_deflicker_reach(scene->plan);
    while (scene->next < scene->used_end && scene->next <= last)
        if (!compose_next(scene, ret_failure, err))
            return false;
    struct still *still = &scene->stills[image % scene->still_count];
    assert(still->image == image);
    if (settings_of(scene)->deflicker > 0 && !still->is_evened && !even_out(scene, still, err))
        return false;
    *ret = still;
    return true;
}

/* ---- frames ---- */

/* The image as it looks on `frame`; `room` is for one that moves. */
static bool layer(struct scene *scene, uint32_t image, uint64_t frame, struct frame *room,
                  const struct frame **ret, struct media_failure *ret_failure, struct error *err) {
    struct still *still;
    uint64_t first, count;
    const char *warning;
    if (!need_still(scene, image, &still, ret_failure, err))
        return false;
    *ret = &still->frame;
    if (!still->is_canvas)
        return true;
    timeline_image_span(&scene->plan->timeline, image, &first, &count);
    if (!scene->camera)
        scene->camera = camera_new(scene->plain.width, scene->plain.height);
    struct view view = camera_view(motion_of(scene, image), still->seed, frame - first, count);
    camera_shoot(scene->camera, &still->frame, view, need_frame(scene, room));
    *ret = room;
    return write_on(scene, still, room, &warning, err);
}

static bool load_watermark(struct scene *scene, struct error *err) {
    const struct plan_asset *asset = &scene->plan->watermark;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct str bytes;
    if (scene->has_watermark)
        return true;
    const struct media_io *io = scene->render->io;
    if (!io->asset(io->context, asset, arena, &bytes, err) ||
        !overlay_load_watermark(need_overlay(scene), arena, bytes,
                                settings_of(scene)->watermark_corner, err))
        return error_prefix(err, "watermark '%s'", asset->name);
    scene->has_watermark = true;
    return true;
}

static bool put_watermark(struct scene *scene, const struct frame **picture, struct error *err) {
    if (!scene->plan->watermark.name)
        return true;
    if (!load_watermark(scene, err))
        return false;
    struct frame *marked = need_frame(scene, &scene->marked);
    frame_copy(*picture, marked);
    overlay_watermark(scene->overlay, marked);
    *picture = marked;
    return true;
}

static bool is_still(const struct scene *scene, uint32_t image) {
    return motion_of(scene, image) == MOTION_NONE;
}

/* How the transition goes on from `at`: a crossfade of two pictures that stand still is the same
 * steps again and again, so the caller may mix them. What does not fit into the segment or into one
 * call ends with a picture that is itself a mixture; from there it goes on. */
static uint32_t fade_from(const struct scene *scene, const struct timeline_frame *at,
                          uint32_t max_fade, uint32_t left_in_segment) {
    uint32_t image = (uint32_t)at->image, left = at->steps - at->step;
    if (max_fade == 0 || settings_of(scene)->transition != TRANSITION_CROSSFADE ||
        !is_still(scene, image - 1) || !is_still(scene, image))
        return 0;
    uint32_t fade = left < max_fade ? left : max_fade;
    return fade < left_in_segment ? fade : left_in_segment - 1;
}

bool scene_take(struct scene *scene, uint64_t frame, uint32_t max_fade, struct scene_run *ret,
                struct media_failure *ret_failure, struct error *err) {
    const struct timeline *timeline = &scene->plan->timeline;
    struct timeline_frame at = timeline_frame_at(timeline, frame);
    uint32_t image = (uint32_t)at.image, fade = 0;
    const struct frame *picture, *from;
    uint64_t segment_end = scene->place->first_frame + scene->place->frame_count;
    uint64_t end = timeline->starts[image + 1];
    if (at.in_transition)
        fade = fade_from(scene, &at, max_fade, (uint32_t)(segment_end - frame));
    bool is_mixed = at.in_transition && at.step + fade < at.steps;
    if (is_mixed && !layer(scene, image - 1, frame, &scene->moved[1], &from, ret_failure, err))
        return false;
    if (!layer(scene, image, frame, &scene->moved[0], &picture, ret_failure, err))
        return false;
    if (is_mixed) {
        struct frame *mixed = need_frame(scene, &scene->mixed);
        transition_mix(settings_of(scene)->transition, from, picture, at.step + fade, at.steps,
                       mixed);
        picture = mixed;
    }
    if (!put_watermark(scene, &picture, err))
        return false;
    uint64_t shown = frame + fade;
    *ret = (struct scene_run){.fade = fade, .picture = picture, .count = 1};
    if (!is_mixed && is_still(scene, image))
        ret->count = (uint32_t)((end < segment_end ? end : segment_end) - shown);
    return true;
}
