/*
 * The splice task, step 5 of the protocol: the final file out of the frozen list of chunks.
 *
 * Only the indexes, the seams below 5 MiB and the file's head pass through here; everything else
 * the store copies by itself. Parts follow from the list alone, so a twin makes the same bytes, and
 * a crashed or put-back splice continues the same upload.
 */
#include "functions/outcome.h"
#include "functions/render.h"
#include "functions/sound.h"
#include "functions/tail.h"
#include "functions/task.h"

#include "base/log.h"
#include "base/os.h"
#include "media/chunk.h"
#include "media/mux.h"
#include "media/splice.h"

#include <stdlib.h>
#include <string.h>

enum {
    MARGIN_MS = 3000,                   /* kept for the put-back */
    MAX_GLUED_BYTES = 64 * 1024 * 1024, /* of chunks, in one part */
    MAX_POSTER_BYTES = 64 * 1024 * 1024,
};

struct splice {
    struct functions *functions;
    const struct render_call *call;
    const struct plan *plan;
    struct splice_task task;
    struct chunk_index *indexes; /* one per entry of the task */
    struct str header, trailer;
    struct splice_part *parts;
    size_t part_count;
    const char *video_key;
    const char *upload_id;
    struct s3_traffic before; /* of this invocation */
};

/* ---- what the film consists of ---- */

static bool read_index(struct splice *splice, struct arena *arena, const struct splice_entry *entry,
                       struct chunk_index *ret, struct error *err) {
    struct tail tail;
    if (!tail_read(splice->functions, arena, entry->chunk, entry->etag, chunk_index_size, &tail,
                   err))
        return false;
    if (tail.object_size != entry->chunk_bytes)
        return error_set(err, ERROR_INVALID, NULL, "'%s' is not of the size that the list tells",
                         entry->chunk);
    if (!chunk_index_parse(arena, tail.index, entry->chunk_bytes, splice->plan, ret, err))
        return error_prefix(err, "'%s'", entry->chunk);
    if (ret->segments[0].number != entry->chunk_range.first ||
        ret->segment_count != entry->chunk_range.count)
        return error_set(err, ERROR_INVALID, NULL, "'%s' holds other segments than its name says",
                         entry->chunk);
    return true;
}

static bool read_indexes(struct splice *splice, struct arena *arena, struct error *err) {
    splice->indexes = arena_array(arena, splice->task.count, sizeof *splice->indexes);
    for (size_t i = 0; i < splice->task.count; i++)
        if (!read_index(splice, arena, &splice->task.entries[i], &splice->indexes[i], err))
            return false;
    const struct chunk_index *first = &splice->indexes[0];
    for (size_t i = 1; i < splice->task.count; i++)
        if (splice->indexes[i].config_size != first->config_size ||
            (first->config_size > 0 &&
             memcmp(splice->indexes[i].config, first->config, first->config_size) != 0))
            return error_set(err, ERROR_INVALID, NULL,
                             "'%s' and '%s' were encoded with different parameters",
                             splice->task.entries[0].chunk, splice->task.entries[i].chunk);
    return true;
}

static const struct chunk_segment *used_segment(const struct splice *splice, size_t entry,
                                                uint32_t index) {
    uint32_t skipped =
        splice->task.entries[entry].use.first - splice->indexes[entry].segments[0].number;
    return &splice->indexes[entry].segments[skipped + index];
}

static struct mux_run run_of(const struct chunk_segment *segment) {
    return (struct mux_run){
        .size = segment->size,
        .samples = segment->samples,
        .sample_count = segment->sample_count,
        .sound_sizes = segment->sound_sizes,
        .sound_count = segment->sound_count,
    };
}

static bool lay_out(struct splice *splice, struct arena *arena, struct error *err) {
    struct mux_run *runs = arena_array(arena, splice->plan->segment_count, sizeof *runs);
    struct splice_run *ranges = arena_array(arena, splice->task.count, sizeof *ranges);
    struct film_sound sound;
    uint32_t count = 0;
    if (!film_sound_read(splice->functions, arena, splice->plan, &sound, err))
        return false;
    for (size_t i = 0; i < splice->task.count; i++) {
        uint32_t used = splice->task.entries[i].use.count;
        ranges[i] =
            (struct splice_run){.chunk = (uint32_t)i, .offset = used_segment(splice, i, 0)->offset};
        for (uint32_t k = 0; k < used; k++) {
            const struct chunk_segment *segment = used_segment(splice, i, k);
            runs[count++] = run_of(segment);
            ranges[i].length += segment->size;
        }
    }
    struct mux_film film = {
        .plan = splice->plan,
        .config = splice->indexes[0].config,
        .config_size = splice->indexes[0].config_size,
        .sound = sound.index,
        .runs = runs,
        .run_count = count,
    };
    splice->trailer = mux_trailer(splice->plan);
    if (!mux_header(arena, &film, &splice->header, err))
        return false;
    struct splice_film parts = {
        .header_bytes = splice->header.len,
        .trailer_bytes = splice->trailer.len,
        .runs = ranges,
        .run_count = splice->task.count,
    };
    return splice_layout(arena, &parts, &splice->parts, &splice->part_count, err);
}

/* ---- the upload ---- */

static bool parse_note(struct arena *arena, struct str text, const char **ret_upload_id) {
    json_t *note = json_loadb(text.ptr, text.len, 0, NULL);
    const char *id = json_string_value(json_object_get(note, "upload"));
    bool good = id != NULL && id[0] != '\0';
    if (good)
        *ret_upload_id = arena_strdup(arena, id);
    json_decref(note);
    return good;
}

/* One upload for all who splice this job: the first to name it wins, the loser aborts its own. */
static bool agree_on_upload(struct splice *splice, struct arena *arena, struct error *err) {
    struct functions *functions = splice->functions;
    const char *key = key_splice(arena, splice->plan->job);
    const char *mine = NULL;
    struct str text;
    bool put;
    if (!functions_get_text(functions, arena, functions->work, key, 4096, &text, err)) {
        if (err->kind != ERROR_NOT_FOUND)
            return false;
        if (!s3_create_upload(functions->s3, arena, functions->output, splice->video_key,
                              settings_media_type(splice->plan->manifest.settings.format), &mine,
                              err))
            return false;
        json_t *note = json_pack("{ss}", "upload", mine);
        char *dumped = json_dumps(note, JSON_COMPACT);
        json_decref(note);
        if (dumped == NULL)
            die_out_of_memory();
        bool ok =
            functions_put_text(functions, arena, functions->work, key, dumped, true, &put, err);
        free(dumped);
        if (!ok)
            return false;
        splice->upload_id = mine;
        if (put)
            return true;
        if (!functions_get_text(functions, arena, functions->work, key, 4096, &text, err))
            return false;
    }
    if (!parse_note(arena, text, &splice->upload_id))
        return error_set(err, ERROR_INVALID, NULL, "'%s' names no upload", key);
    /* A PUT that was sent again after its answer was lost finds itself there. */
    return mine == NULL || strcmp(mine, splice->upload_id) == 0 ||
           s3_abort_upload(functions->s3, arena, functions->output, splice->video_key, mine, err);
}

/* The bytes of one part that passes through here. */
static bool gather(struct splice *splice, struct arena *arena, const struct splice_part *part,
                   struct str *ret, struct error *err) {
    if (part->length > splice->header.len + MAX_GLUED_BYTES)
        return error_set(err, ERROR_LIMIT, NULL, "a glued part of %llu bytes is over the limit",
                         (unsigned long long)part->length);
    char *bytes = arena_alloc(arena, (size_t)part->length);
    size_t size = 0;
    for (size_t i = 0; i < part->piece_count; i++) {
        const struct splice_piece *piece = &part->pieces[i];
        if (piece->origin != SPLICE_CHUNK) {
            struct str own = piece->origin == SPLICE_HEADER ? splice->header : splice->trailer;
            memcpy(bytes + size, own.ptr, (size_t)piece->length);
        } else {
            const struct splice_entry *entry = &splice->task.entries[piece->chunk];
            struct s3_get_options options = {
                .if_match = entry->etag,
                .range_first = piece->offset,
                .range_length = piece->length,
                .max_bytes = (size_t)piece->length,
            };
            struct s3_object object;
            if (!s3_get(splice->functions->s3, arena, splice->functions->work, entry->chunk,
                        &options, &object, err))
                return false;
            if (object.body.len != piece->length)
                return error_set(err, ERROR_UNAVAILABLE, NULL, "'%s' came short", entry->chunk);
            memcpy(bytes + size, object.body.ptr, (size_t)piece->length);
        }
        size += (size_t)piece->length;
    }
    *ret = (struct str){bytes, size};
    return true;
}

static bool put_part(struct splice *splice, struct arena *arena, unsigned number,
                     const char **ret_etag, struct error *err) {
    struct functions *functions = splice->functions;
    const struct splice_part *part = &splice->parts[number - 1];
    const char *etag;
    bool ok;
    struct arena *scratch = arena_new();
    if (part->copy) {
        const struct splice_entry *entry = &splice->task.entries[part->pieces[0].chunk];
        struct s3_copy_source source = {
            .bucket = functions->work,
            .key = entry->chunk,
            .if_match = entry->etag,
            .first = part->pieces[0].offset,
            .length = part->pieces[0].length,
        };
        ok = s3_upload_part_copy(functions->s3, scratch, functions->output, splice->video_key,
                                 splice->upload_id, number, &source, &etag, err);
    } else {
        struct str bytes;
        ok = gather(splice, scratch, part, &bytes, err) &&
             s3_upload_part(functions->s3, scratch, functions->output, splice->video_key,
                            splice->upload_id, number, bytes.ptr, bytes.len, &etag, err);
    }
    if (ok)
        *ret_etag = arena_strdup(arena, etag);
    arena_free(scratch);
    return ok;
}

enum upload_end { UPLOAD_COMPLETE, UPLOAD_GONE, UPLOAD_OUT_OF_TIME };

/* Puts the parts that are missing and completes. GONE: the upload was completed or aborted by
 * somebody else. */
static bool run_upload(struct splice *splice, struct arena *arena, unsigned *ret_new_parts,
                       enum upload_end *ret_end, struct error *err) {
    struct functions *functions = splice->functions;
    struct s3_part *there;
    size_t there_count;
    struct s3_part *parts = arena_array(arena, splice->part_count, sizeof *parts);
    *ret_new_parts = 0;
    if (!s3_list_parts(functions->s3, arena, functions->output, splice->video_key,
                       splice->upload_id, &there, &there_count, err))
        goto failed;
    for (size_t i = 0; i < there_count; i++)
        if (there[i].number >= 1 && there[i].number <= splice->part_count &&
            there[i].size == splice->parts[there[i].number - 1].length)
            parts[there[i].number - 1] = there[i];
    for (unsigned number = 1; number <= splice->part_count; number++) {
        struct s3_part *part = &parts[number - 1];
        if (part->etag != NULL)
            continue;
        if (clock_unix_ms() > splice->call->deadline_unix_ms - MARGIN_MS) {
            *ret_end = UPLOAD_OUT_OF_TIME;
            return true;
        }
        part->number = number;
        if (!put_part(splice, arena, number, &part->etag, err))
            goto failed;
        ++*ret_new_parts;
    }
    if (!s3_complete_upload(functions->s3, arena, functions->output, splice->video_key,
                            splice->upload_id, parts, splice->part_count, err))
        goto failed;
    *ret_end = UPLOAD_COMPLETE;
    return true;
failed:
    if (err->code == NULL || strcmp(err->code, "NoSuchUpload") != 0)
        return false;
    *ret_end = UPLOAD_GONE;
    return true;
}

/* ---- what lies beside the video ---- */

static bool put_poster(struct splice *splice, struct arena *arena, uint64_t *ret_bytes,
                       struct error *err) {
    struct functions *functions = splice->functions;
    *ret_bytes = 0;
    for (size_t i = 0; i < splice->task.count; i++) {
        const struct chunk_index *index = &splice->indexes[i];
        if (index->poster_size == 0 || index->poster_size > MAX_POSTER_BYTES)
            continue;
        struct s3_get_options get = {
            .if_match = splice->task.entries[i].etag,
            .range_first = index->poster_offset,
            .range_length = index->poster_size,
            .max_bytes = (size_t)index->poster_size,
        };
        struct s3_put_options put = {.content_type = "image/jpeg"};
        struct s3_object poster;
        if (!s3_get(functions->s3, arena, functions->work, splice->task.entries[i].chunk, &get,
                    &poster, err) ||
            !s3_put(functions->s3, arena, functions->output, key_poster(arena, splice->plan->job),
                    poster.body.ptr, poster.body.len, &put, NULL, err))
            return false;
        *ret_bytes = poster.body.len;
        return true;
    }
    return true;
}

/* One receipt per image, in the film's order; the first chunk that tells of an image counts. */
static bool put_receipts(struct splice *splice, struct arena *arena, uint64_t *ret_warnings,
                         struct error *err) {
    size_t images = splice->plan->manifest.image_count;
    json_t **by_image = arena_array(arena, images, sizeof *by_image);
    *ret_warnings = 0;
    for (size_t i = 0; i < splice->task.count; i++) {
        size_t k;
        json_t *receipt;
        json_array_foreach(splice->indexes[i].receipts, k, receipt) {
            json_int_t image = json_integer_value(json_object_get(receipt, "image"));
            if (image >= 0 && (uint64_t)image < images && by_image[image] == NULL)
                by_image[image] = receipt;
        }
    }
    json_t *all = json_array();
    for (size_t i = 0; i < images; i++) {
        if (by_image[i] == NULL)
            continue;
        *ret_warnings += json_array_size(json_object_get(by_image[i], "warnings"));
        json_array_append(all, by_image[i]);
    }
    char *text = json_dumps(all, JSON_COMPACT);
    json_decref(all);
    if (text == NULL)
        die_out_of_memory();
    bool ok = functions_put_text(splice->functions, arena, splice->functions->output,
                                 key_receipts(arena, splice->plan->job), text, false, NULL, err);
    free(text);
    return ok;
}

/* Parts of an upload that nobody will complete are paid for. */
static bool abort_upload(struct functions *functions, struct arena *arena, const char *job,
                         const char *video_key, struct error *err) {
    struct str text;
    const char *upload_id;
    if (!functions_get_text(functions, arena, functions->work, key_splice(arena, job), 4096, &text,
                            err))
        return err->kind == ERROR_NOT_FOUND;
    return !parse_note(arena, text, &upload_id) ||
           s3_abort_upload(functions->s3, arena, functions->output, video_key, upload_id, err);
}

/* The video may stay only when the result says done. */
static bool remove_unless_done(struct functions *functions, struct arena *arena, const char *job,
                               struct error *err) {
    enum outcome outcome;
    const struct plan *plan;
    if (!outcome_get(functions, arena, job, &outcome, err))
        return false;
    if (outcome == OUTCOME_DONE || outcome == OUTCOME_NONE)
        return true;
    /* Without a plan nothing was spliced. */
    if (!functions_plan(functions, job, &plan, err))
        return err->kind == ERROR_NOT_FOUND;
    const char *video_key = key_video(arena, job, plan->manifest.settings.format);
    return abort_upload(functions, arena, job, video_key, err) &&
           s3_delete(functions->s3, arena, functions->output, video_key, err) &&
           s3_delete(functions->s3, arena, functions->output, key_poster(arena, job), err) &&
           s3_delete(functions->s3, arena, functions->output, key_receipts(arena, job), err);
}

static bool finish(struct splice *splice, struct arena *arena, struct error *err) {
    struct functions *functions = splice->functions;
    struct s3_object video;
    uint64_t poster_bytes, warnings;
    struct s3_traffic now = s3_client_traffic(functions->s3);
    if (!s3_head(functions->s3, arena, functions->output, splice->video_key, &video, err)) {
        bool ended;
        if (err->kind != ERROR_NOT_FOUND)
            return false;
        /* Removed again by somebody who found the job cancelled or failed. */
        if (!outcome_ended(functions, arena, splice->plan->job, &ended, err))
            return false;
        return ended ||
               error_set(err, ERROR_UNAVAILABLE, NULL,
                         "the upload of '%s' is gone and so is the video", splice->video_key);
    }
    log_info("render", "job %s: splice of %llu bytes: received=%llu sent=%llu", splice->plan->job,
             (unsigned long long)video.size,
             (unsigned long long)(now.received_bytes - splice->before.received_bytes),
             (unsigned long long)(now.sent_bytes - splice->before.sent_bytes));
    return put_poster(splice, arena, &poster_bytes, err) &&
           put_receipts(splice, arena, &warnings, err) &&
           outcome_put_done(functions, arena, splice->plan, video.size, poster_bytes, warnings,
                            err) &&
           remove_unless_done(functions, arena, splice->plan->job, err);
}

/* True in `ret` when a put-back of this task lies there: it goes on. */
static bool is_handed_on(struct functions *functions, struct arena *arena, const struct key *key,
                         bool *ret, struct error *err) {
    return functions_exists(functions, arena, functions->work,
                            key_task_splice(arena, key->job, key->generation + 1), ret, err);
}

/* Twice in a row not one part before the deadline. A twin may have been faster. */
static bool give_up(struct splice *splice, struct arena *arena, struct error *err) {
    struct functions *functions = splice->functions;
    bool there, handed_on;
    if (!functions_exists(functions, arena, functions->output, splice->video_key, &there, err) ||
        !is_handed_on(functions, arena, &splice->call->key, &handed_on, err))
        return false;
    if (there)
        return finish(splice, arena, err);
    if (handed_on)
        return true;
    struct outcome_failure failure = {
        .code = "timeout",
        .detail = "one part of the video does not fit in the timeout of the render function: "
                  "allow more time",
    };
    return outcome_put_failed(functions, arena, splice->plan->job, &failure, err);
}

static bool put_back(struct splice *splice, struct arena *arena, unsigned stalled,
                     unsigned new_parts, struct error *err) {
    const struct key *key = &splice->call->key;
    if ((new_parts == 0 && stalled > 0) || key->generation == KEY_MAX_GENERATION)
        return give_up(splice, arena, err);
    return functions_put_text(splice->functions, arena, splice->functions->work,
                              key_task_splice(arena, key->job, key->generation + 1),
                              splice_rest_to_text(arena, new_parts == 0 ? 1 : 0), true, NULL, err);
}

/* The frozen list is that of generation 0, whatever put-back this is. */
static bool load_list(struct splice *splice, struct arena *arena, unsigned *ret_stalled,
                      struct error *err) {
    struct functions *functions = splice->functions;
    const struct key *key = &splice->call->key;
    struct str text;
    *ret_stalled = 0;
    if (!functions_plan(functions, key->job, &splice->plan, err))
        return false;
    if (key->generation > 0 &&
        (!functions_get_text(functions, arena, functions->work, splice->call->key_text,
                             TASK_MAX_BYTES, &text, err) ||
         !splice_rest_parse(text, ret_stalled, err)))
        return false;
    return functions_get_text(functions, arena, functions->work,
                              key_task_splice(arena, key->job, 0), TASK_MAX_BYTES, &text, err) &&
           splice_task_parse(arena, text, splice->plan, &splice->task, err);
}

static void clear(struct splice *splice) {
    for (size_t i = 0; splice->indexes != NULL && i < splice->task.count; i++)
        json_decref(splice->indexes[i].receipts);
}

bool render_splice(struct functions *functions, struct arena *arena, const struct render_call *call,
                   struct error *err) {
    struct splice splice CLEANUP(clear) = {
        .functions = functions,
        .call = call,
        .before = s3_client_traffic(functions->s3),
    };
    unsigned stalled, new_parts;
    enum upload_end end;
    bool ended, handed_on;
    if (!outcome_ended(functions, arena, call->key.job, &ended, err) ||
        !is_handed_on(functions, arena, &call->key, &handed_on, err))
        return false;
    if (ended)
        return remove_unless_done(functions, arena, call->key.job, err);
    if (handed_on)
        return true;
    if (!load_list(&splice, arena, &stalled, err))
        return false;
    splice.video_key = key_video(arena, call->key.job, splice.plan->manifest.settings.format);
    if (!read_indexes(&splice, arena, err) || !lay_out(&splice, arena, err) ||
        !agree_on_upload(&splice, arena, err) || !run_upload(&splice, arena, &new_parts, &end, err))
        return false;
    if (end == UPLOAD_OUT_OF_TIME)
        return put_back(&splice, arena, stalled, new_parts, err);
    return finish(&splice, arena, err);
}
