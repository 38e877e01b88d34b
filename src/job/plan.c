/*
 * Making a plan, and asking it. Every step is in integers and exact fractions, so that all machines
 * agree.
 */
#include "job/plan.h"

#include "job/document.h"
#include "job/plan_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef unsigned __int128 wide;

bool plan_needs_first_image(const struct manifest *manifest) {
    return manifest->settings.size != SIZE_FIXED;
}

bool plan_needs_captured(const struct manifest *manifest) {
    return manifest->settings.order == ORDER_CAPTURED;
}

bool plan_needs_audio_duration(const struct manifest *manifest) {
    return manifest->settings.hold_is_music;
}

/* ---- order by time ---- */

/* An image and the time it was taken; NULL: not known. */
struct taken {
    const char *captured;
    const char *name;
    size_t index;
};

static int by_time(const void *a, const void *b) {
    const struct taken *x = a, *y = b;
    if (!x->captured != !y->captured)
        return x->captured ? -1 : 1;
    int order = x->captured ? strcmp(x->captured, y->captured) : 0;
    if (order == 0)
        order = str_compare_natural(str_c(x->name), str_c(y->name));
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

static struct taken taken_of(const struct manifest *manifest, const char *const *captured,
                             size_t image) {
    return (struct taken){captured ? captured[image] : NULL, manifest->images[image].name, image};
}

size_t plan_first_image(const struct manifest *manifest, const char *const *captured) {
    size_t first = 0;
    for (size_t i = 1; plan_needs_captured(manifest) && i < manifest->image_count; i++) {
        struct taken best = taken_of(manifest, captured, first);
        struct taken other = taken_of(manifest, captured, i);
        if (by_time(&other, &best) < 0)
            first = i;
    }
    return first;
}

static void sort_by_time(struct arena *arena, const char *const *captured,
                         struct manifest *manifest) {
    size_t count = manifest->image_count;
    struct taken *taken = arena_array(arena, count, sizeof *taken);
    struct manifest_image *sorted = arena_array(arena, count, sizeof *sorted);
    for (size_t i = 0; i < count; i++)
        taken[i] = taken_of(manifest, captured, i);
    qsort(taken, count, sizeof *taken, by_time);
    for (size_t i = 0; i < count; i++)
        sorted[i] = manifest->images[taken[i].index];
    manifest->images = sorted;
}

/* ---- music ---- */

/* The music's length less what the images' own holds take, shared by the others. */
static bool spread_over_music(struct manifest *manifest, struct rational music, struct error *err) {
    struct settings *settings = &manifest->settings;
    wide num = (wide)music.num, den = (wide)music.den;
    size_t sharing = 0;
    for (size_t i = 0; i < manifest->image_count; i++) {
        const struct manifest_image *image = &manifest->images[i];
        struct rational own = image->hold;
        if (!image->has_hold) {
            sharing++;
            continue;
        }
        if (own.num == 0)
            own = (struct rational){settings->fps.den, settings->fps.num};
        wide taken = (wide)own.num * den;
        num = num * (wide)own.den;
        den = den * (wide)own.den;
        if (taken >= num)
            return error_set(err, ERROR_INVALID, NULL,
                             "setting 'hold': the images' own holds are longer than the music");
        num -= taken;
        while ((num >> 62) > 0 || (den >> 62) > 0) {
            /* Some 10^-9 of a second are lost; the film's length is rounded to frames anyway. */
            num >>= 1;
            den >>= 1;
        }
    }
    settings->hold_is_music = false;
    if (sharing == 0)
        return true;
    wide each_nanoseconds = num * 1000000000 / (den * sharing);
    if (each_nanoseconds == 0 || each_nanoseconds > (wide)SETTINGS_MAX_HOLD_SECONDS * 1000000000)
        return error_set(err, ERROR_INVALID, NULL,
                         "setting 'hold': the music does not last for %zu images", sharing);
    settings->hold = rational_reduce((int64_t)each_nanoseconds, 1000000000);
    return true;
}

/* ---- building ---- */

static bool check_names(const struct plan *plan, struct error *err) {
    char quoted[DOCUMENT_QUOTE_SIZE];
    struct str job = str_c(plan->job), build = str_c(plan->build_id);
    if (!job_id_valid(job))
        return error_set(err, ERROR_INVALID, NULL, "'%s' is no job id",
                         document_quote(job, quoted));
    if (build.len == 0 || build.len > PLAN_MAX_BUILD_ID_BYTES || !str_is_utf8(build) ||
        str_has_control(build))
        return error_set(err, ERROR_INVALID, NULL, "'%s' is no build id",
                         document_quote(build, quoted));
    return true;
}

/* The frame on the screen at that time. */
static uint64_t frame_at_seconds(struct rational seconds, struct rational fps) {
    wide frame = (wide)seconds.num * (wide)fps.num / ((wide)seconds.den * (wide)fps.den);
    return frame > UINT64_MAX ? UINT64_MAX : (uint64_t)frame;
}

static bool find_poster(struct plan *plan, struct error *err) {
    const struct settings *settings = &plan->manifest.settings;
    uint64_t frames = plan->timeline.frame_count;
    uint64_t frame = settings->poster_in_seconds ? frame_at_seconds(settings->poster, settings->fps)
                                                 : (uint64_t)settings->poster.num;
    if (frame >= frames)
        return error_set(err, ERROR_INVALID, NULL,
                         "setting 'poster': frame %" PRIu64 " is beyond the film's %" PRIu64
                         " frames",
                         frame, frames);
    plan->poster_frame = frame;
    return true;
}

bool plan_complete(struct arena *arena, struct plan *plan, struct error *err) {
    if (!check_names(plan, err))
        return false;
    if (plan->manifest.image_count == 0 || plan->manifest.image_count > MANIFEST_MAX_IMAGES)
        return error_set(err, ERROR_INVALID, NULL, "a plan needs 1 to %d images, not %zu",
                         MANIFEST_MAX_IMAGES, plan->manifest.image_count);
    return timeline_build(arena, &plan->manifest, &plan->timeline, err) && find_poster(plan, err);
}

static struct manifest copy_manifest(struct arena *arena, const struct manifest *manifest) {
    struct manifest copy = *manifest;
    copy.lists_images = true;
    copy.images = arena_array(arena, manifest->image_count, sizeof *copy.images);
    for (size_t i = 0; i < manifest->image_count; i++) {
        copy.images[i] = manifest->images[i];
        copy.images[i].name = arena_strdup(arena, manifest->images[i].name);
        if (manifest->images[i].type)
            copy.images[i].type = arena_strdup(arena, manifest->images[i].type);
        if (manifest->images[i].caption)
            copy.images[i].caption = arena_strdup(arena, manifest->images[i].caption);
    }
    return copy;
}

static struct plan_asset copy_asset(struct arena *arena, const struct plan_asset *asset) {
    struct plan_asset copy = *asset;
    if (asset->name) {
        copy.name = arena_strdup(arena, asset->name);
        copy.etag = arena_strdup(arena, asset->etag);
    }
    return copy;
}

static bool is_asset(const char *setting, const struct plan_asset *asset) {
    return asset->name ? strcmp(setting, asset->name) == 0 : setting[0] == '\0';
}

static bool check_asset(const char *setting, const struct plan_asset *asset, struct error *err) {
    if (!asset->name)
        return true;
    if (!asset->etag || strlen(asset->etag) > PLAN_MAX_ETAG_BYTES ||
        !str_is_utf8(str_c(asset->etag)) || str_has_control(str_c(asset->etag)))
        return error_set(err, ERROR_INVALID, NULL, "%s: the ETag is no ETag", setting);
    return true;
}

bool plan_check_assets(const struct plan *plan, struct error *err) {
    const struct settings *settings = &plan->manifest.settings;
    if (!is_asset(settings->audio, &plan->audio) ||
        !is_asset(settings->watermark, &plan->watermark))
        return error_set(err, ERROR_INVALID, NULL, "its assets are not those of the settings");
    return check_asset("audio", &plan->audio, err) &&
           check_asset("watermark", &plan->watermark, err);
}

/* What the facts decide. */
static bool apply_facts(struct arena *arena, const struct plan_facts *facts, struct plan *plan,
                        struct error *err) {
    struct manifest *manifest = &plan->manifest;
    if (plan_needs_captured(manifest) && facts->captured)
        sort_by_time(arena, facts->captured, manifest);
    manifest->settings.order = ORDER_GIVEN;
    plan->audio = copy_asset(arena, &facts->audio);
    plan->watermark = copy_asset(arena, &facts->watermark);
    if (plan_needs_audio_duration(manifest)) {
        if (facts->audio_seconds.num <= 0)
            return error_set(err, ERROR_INVALID, NULL, "the length of the music is not known");
        if (!spread_over_music(manifest, facts->audio_seconds, err))
            return false;
    }
    bool turns = manifest->image_count > 0 && manifest->images[0].rotate % 180 != 0;
    unsigned width = turns ? facts->first_height : facts->first_width;
    unsigned height = turns ? facts->first_width : facts->first_height;
    return plan_check_assets(plan, err) &&
           settings_resolve_size(&manifest->settings, width, height, err);
}

bool plan_build(struct arena *arena, const char *job, const char *build_id,
                const struct manifest *manifest, const struct plan_facts *facts, struct plan *ret,
                struct error *err) {
    struct plan plan = {
        .job = arena_strdup(arena, job),
        .build_id = arena_strdup(arena, build_id),
        .manifest = copy_manifest(arena, manifest),
    };
    static const struct plan_facts nothing;
    if (!apply_facts(arena, facts ? facts : &nothing, &plan, err) ||
        !plan_complete(arena, &plan, err))
        return false;
    plan_cut_segments(arena, &plan);
    plan_cut_tasks(arena, &plan);
    plan_set_hash(&plan);
    *ret = plan;
    return true;
}

/* ---- asking ---- */

uint32_t plan_deflicker_reach(const struct plan *plan) {
    return plan->manifest.settings.deflicker / 2;
}

void plan_images_of(const struct plan *plan, struct segment_range range, uint32_t *ret_first,
                    uint32_t *ret_count) {
    const struct segment *first = &plan->segments[range.first];
    const struct segment *last = &plan->segments[range.first + range.count - 1];
    uint32_t reach = plan_deflicker_reach(plan);
    uint32_t begin = first->first_image, end = last->first_image + last->image_count;
    uint32_t all = (uint32_t)plan->manifest.image_count;
    begin = begin > reach ? begin - reach : 0;
    end = all - end > reach ? end + reach : all;
    *ret_first = begin;
    *ret_count = end - begin;
}

struct candidate {
    struct segment_range range;
    size_t index;
};

static int best_first(const void *a, const void *b) {
    const struct candidate *x = a, *y = b;
    if (x->range.first != y->range.first)
        return x->range.first < y->range.first ? -1 : 1;
    if (x->range.count != y->range.count)
        return x->range.count > y->range.count ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static size_t sort_candidates(const struct plan *plan, const struct segment_range *ranges,
                              size_t count, struct candidate *ret) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (ranges[i].count > 0 && ranges[i].first < plan->segment_count &&
            ranges[i].count <= plan->segment_count - ranges[i].first)
            ret[kept++] = (struct candidate){ranges[i], i};
    qsort(ret, kept, sizeof *ret, best_first);
    return kept;
}

/* Walks over the candidates in their order; writes where `ret_used` is not NULL. False at a gap. */
static bool cover(const struct plan *plan, const struct candidate *candidates, size_t count,
                  size_t *ret_used) {
    uint32_t next = 0;
    for (size_t i = 0; i < count; i++) {
        struct segment_range range = candidates[i].range;
        if (range.first > next)
            return false;
        for (; next < range.first + range.count; next++)
            if (ret_used)
                ret_used[next] = candidates[i].index;
    }
    return next == plan->segment_count;
}

bool plan_cover(const struct plan *plan, const struct segment_range *ranges, size_t count,
                size_t *ret_used) {
    struct candidate *candidates = calloc(count + 1, sizeof *candidates);
    if (!candidates)
        die_out_of_memory();
    size_t kept = sort_candidates(plan, ranges, count, candidates);
    bool covered = cover(plan, candidates, kept, NULL);
    if (covered)
        cover(plan, candidates, kept, ret_used);
    free(candidates);
    return covered;
}
