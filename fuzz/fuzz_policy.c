/*
 * A POST policy, given as the JSON text that a form would carry in base64. What is accepted has not
 * expired, and speaks of every field.
 */
#include "base/codec.h"
#include "sign/policy.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct policy_field fields[] = {{"key", "up/a"}, {"Content-Type", "image/jpeg"}};
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    const struct policy_form form = {"box", fields, ARRAY_SIZE(fields)};
    uint64_t min_bytes;
    uint64_t max_bytes;
    struct error err;
    const char *text = base64_encode(arena, data, size);
    if (policy_check(arena, str_c(text), &form, 1700000000000, &min_bytes, &max_bytes, &err) &&
        (!memmem(data, size, "expiration", 10) || !memmem(data, size, "conditions", 10)))
        abort();
    /* As it comes, it is base64 hardly ever. */
    struct str raw = {(const char *)data, size};
    if (policy_check(arena, raw, &form, 1700000000000, &min_bytes, &max_bytes, &err))
        return 0;
    return 0;
}
