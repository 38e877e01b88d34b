/*
 * A buffer that grows and is kept from image to image: fresh memory costs a page fault for each
 * 4 KiB, which for a photo is milliseconds. Aligned to 64 bytes.
 */
#ifndef MEDIA_SCRATCH_H
#define MEDIA_SCRATCH_H

#include <stddef.h>

struct scratch {
    void *data;
    size_t capacity;
};

/* At least `size` bytes, zeroed when new, contents otherwise whatever the last user left; 64 bytes
 * behind them may be read. The pointer is good until the next call. */
void *scratch_need(struct scratch *scratch, size_t size);
/* Gives the memory back when it is over `max_kept` bytes. */
void scratch_trim(struct scratch *scratch, size_t max_kept);
void scratch_clear(struct scratch *scratch);

#endif
