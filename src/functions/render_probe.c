/*
 * The probe task: facts of one image or of the audio, as planning needs them. The facts' name
 * carries the ETag, so facts of a replaced image are never taken for the new one's.
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

/* An asset is a sound: pictures among them are not asked about. */
static bool probe_asset(struct functions *functions, struct arena *arena,
                        const struct render_call *call, const struct media_api *media,
                        char **ret_facts, struct error *err) {
    struct s3_get_options options = {
        .if_match = call->key.etag,
        .max_bytes = MANIFEST_MAX_ASSET_BYTES,
    };
    struct s3_object object;
    struct media_audio_facts audio;
    json_t *facts;
    *ret_facts = NULL;
    if (!s3_get(functions->s3, arena, functions->input,
                key_asset(arena, call->key.job, call->key.name), &options, &object, err))
        return err->kind == ERROR_CONFLICT || err->kind == ERROR_NOT_FOUND;
    if (media->probe_audio(object.body, &audio, err))
        facts = json_pack("{s{sI si}}", "audio", "samples", (json_int_t)audio.samples, "rate",
                          (int)audio.rate);
    else if (err->kind == ERROR_INVALID || err->kind == ERROR_LIMIT)
        facts = json_pack("{s{so}}", "audio", "refused", document_string(err->text));
    else
        return false;
    *ret_facts = document_text(arena, facts);
    return true;
}

/* NULL in `ret_facts`: replaced or removed meanwhile, and the newer version asks for its own probe.
 */
static bool probe(struct functions *functions, struct arena *arena, const struct render_call *call,
                  char **ret_facts, struct error *err) {
    const struct media_api *media;
    struct s3_get_options options = {
        .if_match = call->key.etag,
        .max_bytes = MANIFEST_MAX_IMAGE_BYTES,
    };
    struct s3_object object;
    struct receipt receipt;
    unsigned width = 0, height = 0;
    *ret_facts = NULL;
    if (!media_load(&media, err))
        return false;
    if (!s3_get(functions->s3, arena, functions->input,
                key_image(arena, call->key.job, call->key.name), &options, &object, err)) {
        if (err->kind == ERROR_NOT_FOUND)
            return probe_asset(functions, arena, call, media, ret_facts, err);
        return err->kind == ERROR_CONFLICT;
    }
    if (!media->probe(arena, call->key.name, object.body, &receipt, &width, &height))
        return error_set(err, ERROR_INTERNAL, NULL, "probe of image '%s' failed", call->key.name);
    *ret_facts = facts_text(arena, &receipt, width, height);
    return true;
}

bool render_probe(struct functions *functions, struct arena *arena, const struct render_call *call,
                  struct error *err) {
    char *facts;
    if (!probe(functions, arena, call, &facts, err))
        return false;
    return facts == NULL ||
           functions_put_text(functions, arena, functions->work,
                              key_facts(arena, call->key.job, call->key.name, call->key.etag),
                              facts, false, NULL, err);
}
