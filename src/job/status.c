/*
 * The status document. Frames done are those of segments in chunks, and for the others the most
 * that a progress key tells; both only grow. The ETag is the hash of the document before the parts
 * that change by themselves (addresses and times) are put in.
 */
#include "job/status.h"

#include "base/codec.h"
#include "job/document.h"

#include <stdlib.h>
#include <string.h>

static void set(json_t *object, const char *name, json_t *value) {
    if (json_object_set_new(object, name, value) != 0)
        die_out_of_memory();
}

static void set_number(json_t *object, const char *name, uint64_t number) {
    set(object, name, json_integer((json_int_t)number));
}

static uint64_t result_number(const json_t *result, const char *name) {
    json_int_t number = json_integer_value(json_object_get(result, name));
    return number > 0 ? (uint64_t)number : 0;
}

static const char *result_state(const struct status_input *input) {
    return json_string_value(json_object_get(input->result, "state"));
}

static bool is_done(const struct status_input *input) {
    const char *state = result_state(input);
    return state && strcmp(state, "done") == 0;
}

/* ---- what is known ---- */

static uint64_t count_done(const struct status_input *input) {
    const struct plan *plan = input->plan;
    uint32_t *done = calloc((size_t)plan->segment_count + 1, sizeof *done);
    uint64_t sum = 0;
    if (!done)
        die_out_of_memory();
    for (size_t i = 0; i < input->progress_count; i++) {
        const struct key *key = &input->progress[i];
        if (key->segment < plan->segment_count && key->frames > done[key->segment])
            done[key->segment] = key->frames;
    }
    for (size_t i = 0; i < input->chunk_count; i++) {
        uint64_t end = (uint64_t)input->chunks[i].first + input->chunks[i].count;
        for (uint64_t s = input->chunks[i].first; s < end && s < plan->segment_count; s++)
            done[s] = UINT32_MAX;
    }
    for (uint32_t s = 0; s < plan->segment_count; s++) {
        uint32_t most = plan->segments[s].frame_count;
        sum += done[s] < most ? done[s] : most;
    }
    free(done);
    return sum;
}

static void count_frames(const struct status_input *input, uint64_t *ret_done,
                         uint64_t *ret_total) {
    *ret_done = *ret_total = 0;
    if (is_done(input)) {
        *ret_done = *ret_total = result_number(input->result, "frames");
    } else if (input->plan) {
        *ret_total = input->plan->timeline.frame_count;
        *ret_done = count_done(input);
    }
}

static const char *state_of(const struct status_input *input) {
    if (result_state(input))
        return result_state(input);
    if (input->cancelled)
        return "cancelled";
    if (!input->plan)
        return "waiting";
    if (input->splicing)
        return "finishing";
    bool all_there = input->images_arrived >= input->images_expected;
    bool begun = input->chunk_count > 0 || input->progress_count > 0;
    return all_there || begun ? "rendering" : "waiting";
}

/* At the pace since the plan was made. */
static json_t *foretell(const struct status_input *input, const char *state, uint64_t done,
                        uint64_t total) {
    int64_t elapsed_ms = input->now_unix_ms - input->plan_unix_ms;
    bool known = strcmp(state, "rendering") == 0 && input->plan_unix_ms > 0 && elapsed_ms > 0 &&
                 done > 0 && done <= total;
    if (!known)
        return json_null();
    double left_ms = (double)elapsed_ms * (double)(total - done) / (double)done;
    double seconds = left_ms / 1000;
    /* Whole seconds, rounded up; a year is as good as any larger number. */
    const double year = 365.0 * 86400;
    return json_integer(seconds < year ? (json_int_t)(seconds + 0.999) : (json_int_t)year);
}

/* ---- the document ---- */

static json_t *images_to_json(const struct status_input *input) {
    json_t *images = json_object();
    uint64_t expected = input->images_expected;
    uint64_t arrived = input->images_arrived;
    if (is_done(input))
        expected = arrived = result_number(input->result, "images");
    set(images, "expected", expected > 0 ? json_integer((json_int_t)expected) : json_null());
    set_number(images, "arrived", arrived);
    return images;
}

static json_t *receipts_to_json(const struct status_input *input) {
    json_t *receipts = json_object(), *refused = json_array();
    const json_t *all = json_object_get(input->result, "refused");
    for (size_t i = 0; i < json_array_size(all) && i < STATUS_MAX_REFUSED; i++)
        if (json_array_append(refused, json_array_get(all, i)) != 0)
            die_out_of_memory();
    set(receipts, "url", json_null());
    set(receipts, "refused", refused);
    set_number(receipts, "warnings", result_number(input->result, "warnings"));
    return receipts;
}

static json_t *error_to_json(const struct status_input *input) {
    static const char *const names[] = {"code", "detail", "image"};
    const json_t *error = json_object_get(input->result, "error");
    if (!json_is_object(error))
        return json_null();
    json_t *copy = json_object();
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        json_t *value = json_object_get(error, names[i]);
        set(copy, names[i], value ? json_incref(value) : json_null());
    }
    return copy;
}

static json_t *output_to_json(const struct status_input *input, const char *kind,
                              const char *bytes) {
    json_t *output = json_object();
    set(output, "kind", json_string(kind));
    set(output, "url", json_null());
    set_number(output, "bytes", result_number(input->result, bytes));
    set_number(output, "width", result_number(input->result, "width"));
    set_number(output, "height", result_number(input->result, "height"));
    return output;
}

static json_t *outputs_to_json(const struct status_input *input) {
    json_t *outputs = json_array();
    if (!is_done(input))
        return outputs;
    json_t *video = output_to_json(input, "video", "video_bytes");
    double seconds = json_number_value(json_object_get(input->result, "seconds"));
    enum format format = result_format(input->result);
    set(video, "format", document_string(settings_format_ending(format)));
    set(video, "type", document_string(settings_media_type(format)));
    set_number(video, "frames", result_number(input->result, "frames"));
    set(video, "seconds", json_real(seconds));
    set(video, "expires_at", json_null());
    int failed = json_array_append_new(outputs, video);
    /* A video whose end was found by somebody else tells nothing of its poster. */
    if (result_number(input->result, "poster_bytes") > 0) {
        json_t *poster = output_to_json(input, "poster", "poster_bytes");
        set(poster, "expires_at", json_null());
        failed |= json_array_append_new(outputs, poster);
    }
    if (failed)
        die_out_of_memory();
    return outputs;
}

static void make_etag(const json_t *document, char ret[STATUS_ETAG_SIZE]) {
    char *text = json_dumps(document, JSON_COMPACT);
    if (!text)
        die_out_of_memory();
    ret[0] = '"';
    sha256_hex(text, strlen(text), ret + 1);
    memcpy(ret + SHA256_HEX_SIZE, "\"", 2);
    free(text);
}

/* Addresses, and until when they hold. */
static void add_urls(const struct status_input *input, json_t *document) {
    const char *urls[] = {input->video_url, input->poster_url};
    json_t *outputs = json_object_get(document, "outputs");
    char expires[DATE_SIZE];
    date_format_iso(input->urls_expire_unix_ms, expires);
    for (size_t i = 0; i < json_array_size(outputs) && i < ARRAY_SIZE(urls); i++) {
        json_t *output = json_array_get(outputs, i);
        if (!urls[i])
            continue;
        set(output, "url", document_string(urls[i]));
        set(output, "expires_at", json_string(expires));
    }
    set(json_object_get(document, "receipts"), "url", document_string(input->receipts_url));
}

json_t *status_document(const struct status_input *input, char *ret_etag) {
    const char *state = state_of(input);
    json_t *document = json_object(), *frames = json_object();
    uint64_t done, total;
    count_frames(input, &done, &total);
    set_number(frames, "done", done);
    set_number(frames, "total", total);
    set(document, "id", document_string(input->job));
    set(document, "state", document_string(state));
    set(document, "images", images_to_json(input));
    set(document, "frames", frames);
    set(document, "eta_seconds", json_null());
    set(document, "receipts", receipts_to_json(input));
    set(document, "error", error_to_json(input));
    set(document, "outputs", outputs_to_json(input));
    make_etag(document, ret_etag);
    set(document, "eta_seconds", foretell(input, state, done, total));
    add_urls(input, document);
    return document;
}
