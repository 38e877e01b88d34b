/*
 * POST policies: what a browser's form may upload. Pure.
 *
 * Source: AWS S3 API Reference, "Browser-based uploads using POST", "Creating a POST policy".
 */
#ifndef SIGN_POLICY_H
#define SIGN_POLICY_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { POLICY_MAX_BYTES = 20 * 1024, POLICY_MAX_CONDITIONS = 200 };

struct policy_field {
    const char *name; /* any case */
    const char *value;
};

struct policy_form {
    const char *bucket; /* of the request's address; conditions on `bucket` are held against it */
    const struct policy_field *fields; /* in the form, `key` with its ${filename} already put in */
    size_t count;
};

/* Holds a form against the policy that came in it, base64 as signed. `ret_min_bytes` and
 * `ret_max_bytes` are what content-length-range allows, 0 and UINT64_MAX without one. Codes:
 * InvalidPolicyDocument (no base64, no JSON, not a policy), AccessDenied (expired, a condition does
 * not hold, a field that no condition speaks of). */
MUST_CHECK bool policy_check(struct arena *arena, struct str policy, const struct policy_form *form,
                             int64_t now_unix_ms, uint64_t *ret_min_bytes, uint64_t *ret_max_bytes,
                             struct error *err);

#endif
