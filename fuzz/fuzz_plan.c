/*
 * Any bytes as a plan, and as a manifest that is planned: what is taken covers its film and comes
 * back with the same hash. The second way gets behind the hash, which no fuzzer guesses.
 */
#include "job/plan.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Films of a day say nothing that shorter ones do not, and take long. */
enum { MAX_FRAMES = 200000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok) {
    if (!ok)
        abort();
}

static void check_cover(const struct plan *plan) {
    uint64_t frame = 0;
    uint32_t segment = 0;
    for (uint32_t i = 0; i < plan->segment_count; i++) {
        const struct segment *it = &plan->segments[i];
        require(it->first_frame == frame && it->frame_count > 0);
        require(it->frame_count <= PLAN_MAX_SEGMENT_FRAMES && it->image_count > 0);
        require(it->first_image + it->image_count <= plan->manifest.image_count);
        frame += it->frame_count;
    }
    for (uint32_t i = 0; i < plan->task_count; i++) {
        require(plan->tasks[i].first == segment && plan->tasks[i].count > 0);
        segment += plan->tasks[i].count;
    }
    require(frame == plan->timeline.frame_count && segment == plan->segment_count);
    require(plan->poster_frame < frame);
}

static void check_text(struct arena *arena, const struct plan *plan) {
    struct plan again;
    struct error err;
    require(plan_parse(arena, str_c(plan_to_text(arena, plan)), &again, &err));
    require(strcmp(again.hash, plan->hash) == 0);
    check_cover(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct str text = {(const char *)data, size};
    struct plan_facts facts = {.first_width = (unsigned)size * 7 % 9000,
                               .first_height = (unsigned)size * 13 % 9000};
    struct manifest manifest;
    struct timeline timeline;
    struct plan plan;
    struct error err;
    if (plan_parse(arena, text, &plan, &err)) {
        check_cover(&plan);
        check_text(arena, &plan);
    }
    if (!manifest_parse(arena, text, &manifest, &err) || manifest.image_count == 0 ||
        !timeline_build(arena, &manifest, &timeline, &err) || timeline.frame_count > MAX_FRAMES)
        return 0;
    if (plan_build(arena, "fuzz", "fuzz", &manifest, &facts, &plan, &err)) {
        check_cover(&plan);
        check_text(arena, &plan);
    }
    return 0;
}
