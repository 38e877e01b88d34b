/*
 * The timeline adds up holds in units of frames: whole frames in one number, the rest as a fraction
 * below one. So nothing grows with the length of the film but the denominator, and that only where
 * holds have different ones. A film whose holds do not add up within 64 bits is refused; none that
 * is written in decimals can come there.
 */
#include "job/timeline.h"

#include "job/document.h"

#include <assert.h>

__extension__ typedef unsigned __int128 wide;

/* Sums of two fractions below one with such denominators stay within 128 bits. */
#define MAX_DEN UINT64_C(1000000000000000000)

/* whole + num / den, in frames; num < den <= MAX_DEN. */
struct position {
    uint64_t whole;
    uint64_t num;
    uint64_t den;
};

static wide greatest_divisor(wide a, wide b) {
    while (b != 0) {
        wide rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static uint64_t greatest_divisor_64(uint64_t a, uint64_t b) {
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* False when the fraction is too fine. */
static bool frames_of(struct rational fps, struct rational hold, struct position *ret) {
    if (hold.num == 0) {
        *ret = (struct position){1, 0, 1};
        return true;
    }
    wide num = (wide)fps.num * (wide)hold.num;
    wide den = (wide)fps.den * (wide)hold.den;
    wide divisor = greatest_divisor(num, den);
    assert(num > 0 && den > 0 && divisor > 0);
    num /= divisor;
    den /= divisor;
    if (den > MAX_DEN)
        return false;
    /* Whatever is over the limit is refused by the caller. */
    wide whole = num / den > TIMELINE_MAX_FRAMES ? TIMELINE_MAX_FRAMES + 1 : num / den;
    *ret = (struct position){(uint64_t)whole, (uint64_t)(num % den), (uint64_t)den};
    return true;
}

static bool add(struct position *sum, const struct position *step) {
    sum->whole += step->whole;
    if (step->num == 0)
        return true;
    wide den = sum->den;
    if (sum->den != step->den)
        den = (wide)sum->den / greatest_divisor_64(sum->den, step->den) * step->den;
    if (den > MAX_DEN)
        return false;
    wide num = sum->num * (den / sum->den) + step->num * (den / step->den);
    if (num >= den) {
        num -= den;
        sum->whole++;
    }
    uint64_t divisor = greatest_divisor_64((uint64_t)den, (uint64_t)num);
    sum->num = (uint64_t)num / divisor;
    sum->den = (uint64_t)den / divisor;
    return true;
}

static uint64_t rounded(const struct position *position) {
    return position->whole + (2 * position->num >= position->den);
}

static bool too_fine(const struct manifest *manifest, size_t image, struct error *err) {
    char quoted[DOCUMENT_QUOTE_SIZE];
    return error_set(err, ERROR_LIMIT, NULL,
                     "image %zu '%s': the holds up to here do not add up to a fraction that can be "
                     "kept exactly; use fewer decimals",
                     image + 1, document_quote(str_c(manifest->images[image].name), quoted));
}

static struct rational hold_of(const struct manifest *manifest, size_t image) {
    const struct manifest_image *it = &manifest->images[image];
    return it->has_hold ? it->hold : manifest->settings.hold;
}

/* Rounded, halves up; at least one frame. */
static uint32_t transition_frames(const struct settings *settings) {
    struct rational fps = settings->fps, duration = settings->transition_duration;
    if (settings->transition == TRANSITION_NONE)
        return 0;
    wide num = 2 * (wide)fps.num * (wide)duration.num, den = 2 * (wide)fps.den * (wide)duration.den;
    wide frames = (num + den / 2) / den;
    return frames < 1 ? 1 : (uint32_t)frames;
}

static bool transitions_fit(const struct timeline *timeline, const struct manifest *manifest,
                            struct error *err) {
    for (size_t i = 1; i < timeline->image_count; i++) {
        uint64_t frames = timeline->starts[i + 1] - timeline->starts[i];
        char quoted[DOCUMENT_QUOTE_SIZE];
        if (frames < timeline->transition_frames)
            return error_set(err, ERROR_INVALID, NULL,
                             "image %zu '%s': its %llu frames are too few for a transition of %u; "
                             "use a longer 'hold' or a shorter 'transition-duration'",
                             i + 1, document_quote(str_c(manifest->images[i].name), quoted),
                             (unsigned long long)frames, timeline->transition_frames);
    }
    return true;
}

bool timeline_build(struct arena *arena, const struct manifest *manifest, struct timeline *ret,
                    struct error *err) {
    size_t count = manifest->image_count;
    uint64_t *starts = arena_array(arena, count + 1, sizeof *starts);
    struct position at = {0, 0, 1}, step = {1, 0, 1};
    struct rational step_hold = {0, 1};
    for (size_t i = 0; i < count; i++) {
        struct rational hold = hold_of(manifest, i);
        /* Neighbours mostly share their hold. */
        if (rational_compare(hold, step_hold) != 0 &&
            !frames_of(manifest->settings.fps, hold, &step))
            return too_fine(manifest, i, err);
        step_hold = hold;
        if (!add(&at, &step))
            return too_fine(manifest, i, err);
        uint64_t next = rounded(&at);
        starts[i + 1] = next > starts[i] ? next : starts[i] + 1;
        if (starts[i + 1] > TIMELINE_MAX_FRAMES)
            return error_set(err, ERROR_LIMIT, NULL, "the film would have more than %d frames",
                             TIMELINE_MAX_FRAMES);
    }
    struct timeline timeline = {
        .starts = starts,
        .image_count = count,
        .frame_count = starts[count],
        .transition_frames = transition_frames(&manifest->settings),
    };
    if (!transitions_fit(&timeline, manifest, err))
        return false;
    *ret = timeline;
    return true;
}

size_t timeline_image_at(const struct timeline *timeline, uint64_t frame) {
    size_t low = 0, high = timeline->image_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (timeline->starts[middle] <= frame)
            low = middle;
        else
            high = middle;
    }
    return low;
}

struct timeline_frame timeline_frame_at(const struct timeline *timeline, uint64_t frame) {
    size_t image = timeline_image_at(timeline, frame);
    uint64_t into = frame - timeline->starts[image];
    bool in_transition = image > 0 && into < timeline->transition_frames;
    return (struct timeline_frame){
        .image = image,
        .in_transition = in_transition,
        .step = in_transition ? (uint32_t)into + 1 : 0,
        .steps = in_transition ? timeline->transition_frames + 1 : 0,
    };
}

void timeline_image_span(const struct timeline *timeline, size_t image, uint64_t *ret_first,
                         uint64_t *ret_count) {
    uint64_t end = timeline->starts[image + 1];
    if (image + 1 < timeline->image_count)
        end += timeline->transition_frames;
    *ret_first = timeline->starts[image];
    *ret_count = end - timeline->starts[image];
}
