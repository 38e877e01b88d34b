/*
 * Each gatherer leaves at the first thing that is missing; the event of that thing calls again. So
 * nothing waits, and a job whose settings need no facts costs no call at all.
 *
 * The facts of one version of an image or asset lie under its name and ETag: those of a replaced
 * one are never taken for the new one's.
 */
#include "functions/facts.h"

#include "job/document.h"
#include "job/keys.h"
#include "job/receipt.h"

#include <jansson.h>
#include <string.h>

enum { MAX_FACTS_BYTES = 65536 };

struct gathering {
    struct functions *functions;
    struct arena *arena;
    const char *job;
    const struct manifest *manifest;
    enum facts_state state;
    struct facts_refusal refusal;
};

/* What `render` found out about one object. */
struct found {
    bool there; /* false: the object or its facts are not there */
    bool is_audio;
    unsigned width, height;
    struct receipt receipt;    /* image */
    struct rational seconds;   /* audio */
    const char *audio_refused; /* NULL: it can be used */
};

static void wait_for_more(struct gathering *g) {
    if (g->state == FACTS_READY)
        g->state = FACTS_WAITING;
}

static void refuse(struct gathering *g, struct facts_refusal refusal) {
    g->state = FACTS_REFUSED;
    g->refusal = refusal;
}

static bool parse_audio(struct arena *arena, const json_t *audio, struct found *ret,
                        struct error *err) {
    uint64_t samples, rate;
    ret->is_audio = true;
    if (json_object_get(audio, "refused") != NULL)
        return document_member(arena, audio, "refused", 4096, false, &ret->audio_refused, err);
    if (!document_number(audio, "samples", INT64_MAX, &samples, err) ||
        !document_number(audio, "rate", 1000000, &rate, err))
        return false;
    if (samples == 0 || rate == 0)
        return error_set(err, ERROR_INVALID, NULL, "the length is out of range");
    ret->seconds = rational_reduce((int64_t)samples, (int64_t)rate);
    return true;
}

static bool parse_image(struct arena *arena, const json_t *root, struct found *ret,
                        struct error *err) {
    json_int_t width = json_integer_value(json_object_get(root, "width"));
    json_int_t height = json_integer_value(json_object_get(root, "height"));
    if (!receipt_from_json(arena, json_object_get(root, "receipt"), &ret->receipt, err))
        return false;
    if (ret->receipt.refused == NULL &&
        (width < 1 || width > 65535 || height < 1 || height > 65535))
        return error_set(err, ERROR_INVALID, NULL, "size is out of range");
    ret->width = (unsigned)width;
    ret->height = (unsigned)height;
    return true;
}

static bool parse(struct arena *arena, struct str text, struct found *ret, struct error *err) {
    json_error_t why;
    json_t *root CLEANUP(document_release) = json_loadb(text.ptr, text.len, 0, &why);
    if (root == NULL)
        return error_set(err, ERROR_INVALID, NULL, "facts are not JSON: %s", why.text);
    const json_t *audio = json_object_get(root, "audio");
    *ret = (struct found){.there = true};
    bool ok =
        audio != NULL ? parse_audio(arena, audio, ret, err) : parse_image(arena, root, ret, err);
    return ok || error_prefix(err, "facts");
}

/* The facts of one version; asks for them where they are not there. What cannot be read refuses the
 * job: nobody would ever write it anew. */
static bool find(struct gathering *g, const char *what, const char *name, const char *etag,
                 struct found *ret, struct error *err) {
    struct functions *functions = g->functions;
    struct str text;
    struct error why;
    *ret = (struct found){0};
    if (!functions_get_text(functions, g->arena, functions->work,
                            key_facts(g->arena, g->job, name, etag), MAX_FACTS_BYTES, &text, err)) {
        if (err->kind != ERROR_NOT_FOUND)
            return false;
        wait_for_more(g);
        return functions_put_text(functions, g->arena, functions->work,
                                  key_task_probe(g->arena, g->job, name, etag), "{}", true, NULL,
                                  err);
    }
    if (!parse(g->arena, text, ret, &why))
        refuse(g, (struct facts_refusal){
                      .code = "probe",
                      .image = name,
                      .detail = arena_printf(g->arena, "%s '%s': %s", what, name, why.text)});
    return true;
}

/* ---- assets ---- */

static bool check_size(struct gathering *g, const char *name, uint64_t size) {
    int64_t expected = -1;
    for (size_t i = 0; i < g->manifest->asset_count; i++)
        if (strcmp(g->manifest->assets[i].name, name) == 0)
            expected = g->manifest->assets[i].size;
    if (size <= MANIFEST_MAX_ASSET_BYTES && (expected < 0 || (uint64_t)expected == size))
        return true;
    const char *detail =
        size > MANIFEST_MAX_ASSET_BYTES
            ? arena_printf(g->arena, "asset '%s' has %llu bytes, over the limit of %llu", name,
                           (unsigned long long)size, (unsigned long long)MANIFEST_MAX_ASSET_BYTES)
            : arena_printf(g->arena, "asset '%s' has %llu bytes, but the manifest says %lld", name,
                           (unsigned long long)size, (long long)expected);
    refuse(g, (struct facts_refusal){.code = "asset-size", .detail = detail});
    return false;
}

/* The version of an asset that lies there now. `name` may be empty: none is asked for. */
static bool find_asset(struct gathering *g, const char *name, struct plan_asset *ret,
                       struct error *err) {
    struct s3_object object;
    if (name[0] == '\0')
        return true;
    if (!s3_head(g->functions->s3, g->arena, g->functions->input, key_asset(g->arena, g->job, name),
                 &object, err)) {
        if (err->kind != ERROR_NOT_FOUND)
            return false;
        wait_for_more(g);
        return true;
    }
    if (check_size(g, name, object.size))
        *ret = (struct plan_asset){name, object.etag, object.size};
    return true;
}

static bool find_music(struct gathering *g, struct plan_facts *facts, struct error *err) {
    const struct plan_asset *audio = &facts->audio;
    struct found found;
    if (audio->name == NULL)
        return true;
    if (!find(g, "audio", audio->name, audio->etag, &found, err))
        return false;
    if (!found.there || g->state == FACTS_REFUSED)
        return true;
    if (!found.is_audio || found.audio_refused != NULL)
        refuse(g, (struct facts_refusal){.code = "bad-audio",
                                         .detail =
                                             arena_printf(g->arena, "audio '%s': %s", audio->name,
                                                          found.is_audio ? found.audio_refused
                                                                         : "this is a picture")});
    facts->audio_seconds = found.seconds;
    return true;
}

/* ---- images ---- */

static void refuse_image(struct gathering *g, size_t image, const struct receipt *receipt) {
    const char *name = g->manifest->images[image].name;
    struct receipt *kept = arena_alloc(g->arena, sizeof *kept);
    *kept = *receipt;
    refuse(g, (struct facts_refusal){.code = "bad-image",
                                     .image = name,
                                     .receipt = kept,
                                     .detail = arena_printf(g->arena, "image %zu '%s': %s",
                                                            image + 1, name, receipt->refused)});
}

/* Facts of one image of the manifest as it lies there now. */
static bool find_image(struct gathering *g, size_t image, struct found *ret, struct error *err) {
    const char *name = g->manifest->images[image].name;
    struct s3_object object;
    *ret = (struct found){0};
    if (!s3_head(g->functions->s3, g->arena, g->functions->input, key_image(g->arena, g->job, name),
                 &object, err)) {
        wait_for_more(g);
        return err->kind == ERROR_NOT_FOUND;
    }
    return find(g, arena_printf(g->arena, "image %zu", image + 1), name, object.etag, ret, err);
}

/* The size of the first image by order; a bad one that may be skipped gives way to the next. */
static bool find_size(struct gathering *g, struct plan_facts *facts, struct error *err) {
    size_t count = g->manifest->image_count;
    for (size_t i = plan_first_image(g->manifest, facts->captured); i < count; i++) {
        struct found found;
        if (!find_image(g, i, &found, err))
            return false;
        if (!found.there || g->state == FACTS_REFUSED)
            return true;
        if (found.is_audio)
            found.receipt.refused = "this is a sound";
        if (found.receipt.refused == NULL) {
            facts->first_width = found.width;
            facts->first_height = found.height;
            return true;
        }
        if (g->manifest->settings.on_bad_image == BAD_IMAGE_FAIL || i + 1 == count) {
            refuse_image(g, i, &found.receipt);
            return true;
        }
    }
    return true;
}

/* Times of all images. The last one is looked at first: most calls, while the others are still on
 * their way, end there. */
static bool find_times(struct gathering *g, struct plan_facts *facts, struct error *err) {
    size_t count = g->manifest->image_count;
    const char **captured = arena_array(g->arena, count, sizeof *captured);
    for (size_t i = count; i > 0; i--) {
        struct found found;
        if (!find_image(g, i - 1, &found, err))
            return false;
        if (!found.there || g->state == FACTS_REFUSED)
            return true;
        captured[i - 1] = found.receipt.captured;
    }
    facts->captured = captured;
    return true;
}

/* ---- all ---- */

static bool gather(struct gathering *g, struct plan_facts *facts, struct error *err) {
    const struct settings *settings = &g->manifest->settings;
    if (!find_asset(g, settings->audio, &facts->audio, err) ||
        !find_asset(g, settings->watermark, &facts->watermark, err))
        return false;
    if (plan_needs_audio_duration(g->manifest) && !find_music(g, facts, err))
        return false;
    if (g->state == FACTS_READY && plan_needs_captured(g->manifest) && !find_times(g, facts, err))
        return false;
    return g->state != FACTS_READY || !plan_needs_first_image(g->manifest) ||
           find_size(g, facts, err);
}

bool facts_gather(struct functions *functions, struct arena *arena, const char *job,
                  const struct manifest *manifest, struct plan_facts *ret,
                  enum facts_state *ret_state, struct facts_refusal *ret_refusal,
                  struct error *err) {
    struct gathering g = {functions, arena, job, manifest, FACTS_READY, {0}};
    struct plan_facts facts = {0};
    if (!gather(&g, &facts, err))
        return false;
    *ret = facts;
    *ret_state = g.state;
    *ret_refusal = g.refusal;
    return true;
}

bool facts_arrived(struct functions *functions, struct arena *arena, const char *job,
                   const struct manifest *manifest, const char *name, struct error *err) {
    struct gathering g = {functions, arena, job, manifest, FACTS_READY, {0}};
    struct s3_object object;
    struct found ignored;
    if (!plan_needs_captured(manifest))
        return true;
    if (!s3_head(functions->s3, arena, functions->input, key_image(arena, job, name), &object, err))
        return err->kind == ERROR_NOT_FOUND;
    return find(&g, "image", name, object.etag, &ignored, err);
}
