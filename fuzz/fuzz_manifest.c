/*
 * Any bytes as a manifest: it is refused with a message that is UTF-8, or comes back from its
 * normal form unchanged.
 */
#include "job/manifest.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok) {
    if (!ok)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct manifest manifest, again;
    struct error err;
    if (!manifest_parse(arena, (struct str){(const char *)data, size}, &manifest, &err)) {
        require(err.kind == ERROR_INVALID || err.kind == ERROR_LIMIT);
        require(str_is_utf8(str_c(err.text)) && !str_has_control(str_c(err.text)));
        return 0;
    }
    const char *text = manifest_to_text(arena, &manifest);
    require(manifest_parse(arena, str_c(text), &again, &err));
    require(again.image_count == manifest.image_count);
    require(strcmp(manifest_to_text(arena, &again), text) == 0);
    return 0;
}
