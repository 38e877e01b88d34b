/*
 * The probe task: facts of one image, as planning needs them. The facts' name carries the image's
 * ETag, so facts of a replaced image are never taken for the new one's.
 */
#include "functions/render.h"

#include "job/document.h"
#include "media/load.h"

static char *facts_text(struct arena *arena, const struct receipt *receipt, unsigned width,
                        unsigned height) {
    json_t *facts = json_pack("{si si so}", "width", (int)width, "height", (int)height, "receipt",
                              receipt_to_json(receipt));
    return document_text(arena, facts);
}

bool render_probe(struct functions *functions, struct arena *arena, const struct render_call *call,
                  struct error *err) {
    const struct media_api *media;
    struct s3_get_options options = {
        .if_match = call->key.etag,
        .max_bytes = MANIFEST_MAX_IMAGE_BYTES,
    };
    struct s3_object object;
    struct receipt receipt;
    unsigned width = 0, height = 0;
    if (!media_load(&media, err))
        return false;
    if (!s3_get(functions->s3, arena, functions->input,
                key_image(arena, call->key.job, call->key.name), &options, &object, err)) {
        /* Replaced or removed meanwhile: the newer version asks for its own probe. */
        return err->kind == ERROR_CONFLICT || err->kind == ERROR_NOT_FOUND;
    }
    if (!media->probe(arena, call->key.name, object.body, &receipt, &width, &height))
        return error_set(err, ERROR_INTERNAL, NULL, "probe of image '%s' failed", call->key.name);
    return functions_put_text(functions, arena, functions->work,
                              key_facts(arena, call->key.job, call->key.name, call->key.etag),
                              facts_text(arena, &receipt, width, height), false, NULL, err);
}
