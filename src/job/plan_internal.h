/*
 * The steps of making a plan, shared by its sources. Pure.
 */
#ifndef JOB_PLAN_INTERNAL_H
#define JOB_PLAN_INTERNAL_H

#include "job/plan.h"

/* Fills segments and tasks from settings and timeline. */
void plan_cut_segments(struct arena *arena, struct plan *plan);
void plan_cut_tasks(struct arena *arena, struct plan *plan);

/* The segment of `frame_count` frames from `first_frame`; `*image` is the image whose span its
 * first frame lies in or an earlier one, and moves on to that of its last frame. */
struct segment plan_segment_at(const struct timeline *timeline, uint64_t first_frame,
                               uint32_t frame_count, size_t *image);

/* Checks everything but segments and tasks, and fills timeline and poster frame. */
MUST_CHECK bool plan_complete(struct arena *arena, struct plan *plan, struct error *err);

/* The assets are those that the settings name. */
MUST_CHECK bool plan_check_assets(const struct plan *plan, struct error *err);

void plan_set_hash(struct plan *plan);

#endif
