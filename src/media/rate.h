/*
 * How finely x264 quantises: its CRF for a quality (encode.h), and the quantiser of pictures that
 * it cannot judge by itself.
 */
#ifndef MEDIA_RATE_H
#define MEDIA_RATE_H

#include "job/settings.h"

#include <stdbool.h>
#include <stdint.h>
#include <x264.h>

/* The quantiser of a picture that is seen for `seconds`. `is_key`: of an IDR frame. */
int rate_qp(const x264_param_t *param, float seconds, bool is_key);

/* The seconds that a picture counts for which stays for `count` frames after a fade of `fade`
 * frames towards it. */
float rate_held_seconds(const x264_param_t *param, enum speed speed, uint32_t fade, uint32_t count);

#endif
