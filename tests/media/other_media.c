/* A library that looks like media.so but is of another build. */
#include "media/media.h"

media_api_function tachyscope_media;

__attribute__((visibility("default"))) const struct media_api *tachyscope_media(void) {
    static const struct media_api api = {.abi_version = OTHER_ABI, .build_id = "another"};
    return &api;
}
