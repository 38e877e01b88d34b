/*
 * Buffers kept from image to image.
 */
#include "media/scratch.h"

#include "base/error.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SCRATCH_ALIGNMENT = 64, SCRATCH_SLACK = 64 };

void *scratch_need(struct scratch *scratch, size_t size) {
    if (size <= scratch->capacity && scratch->data != NULL)
        return scratch->data;
    if (size > SIZE_MAX / 2)
        die_out_of_memory();
    scratch_clear(scratch);
    size_t rounded = (size + SCRATCH_ALIGNMENT - 1) / SCRATCH_ALIGNMENT * SCRATCH_ALIGNMENT;
    scratch->data = aligned_alloc(SCRATCH_ALIGNMENT, rounded + SCRATCH_SLACK);
    if (scratch->data == NULL)
        die_out_of_memory();
    memset(scratch->data, 0, rounded + SCRATCH_SLACK);
    scratch->capacity = rounded;
    return scratch->data;
}

void scratch_trim(struct scratch *scratch, size_t max_kept) {
    if (scratch->capacity > max_kept)
        scratch_clear(scratch);
}

void scratch_clear(struct scratch *scratch) {
    free(scratch->data);
    *scratch = (struct scratch){0};
}
