/*
 * The one exported function of media.so: the table of what it can do.
 */
#include "media/media.h"

#include "media/audio.h"
#include "media/audio_decode.h"
#include "media/build_id.h"
#include "media/compose.h"
#include "media/render.h"

#include <stdlib.h>

media_api_function tachyscope_media;

static bool probe(struct arena *arena, const char *name, struct str image, struct receipt *ret,
                  unsigned *ret_width, unsigned *ret_height) {
    compose_probe(arena, image, ret, ret_width, ret_height);
    ret->name = arena_strdup(arena, name);
    return true;
}

__attribute__((visibility("default"))) const struct media_api *tachyscope_media(void) {
    static const struct media_api api = {
        .abi_version = MEDIA_ABI_VERSION,
        .build_id = MEDIA_BUILD_ID,
        .probe = probe,
        .probe_audio = audio_probe,
        .encode_audio = audio_encode,
        .render = render_range,
    };
    /* This is called before there are threads. SVT-AV1 writes its settings to standard error. */
    (void)setenv("SVT_LOG", "1", 0);
    audio_pin_instructions();
    return &api;
}
