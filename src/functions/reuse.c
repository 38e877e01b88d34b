/*
 * All segments of the other job in one table, sorted by hash. A segment's hash covers all that its
 * bytes depend on, sound included, so that equal hashes are equal bytes: they pass through here,
 * and nothing is decoded. The poster is part of a chunk and not of a segment; it comes along where
 * the other job's poster is the same frame of the same segment, else the segment is not taken over.
 */
#include "functions/reuse.h"

#include "functions/stock.h"
#include "functions/tail.h"
#include "job/keys.h"

#include <stdlib.h>
#include <string.h>

struct source {
    const struct stock_chunk *chunk;
    const struct chunk_index *index;
    const struct chunk_segment *segment;
};

struct reuse {
    struct functions *functions;
    const struct plan *plan; /* of this job */
    struct plan other;       /* of the job that is reused */
    struct chunk_index *indexes;
    size_t index_count;
    struct source *sources; /* by hash */
    size_t source_count;
    json_t **receipts; /* by image of the other job; borrowed of the indexes; may be NULL */
};

static int by_hash(const void *a, const void *b) {
    const struct source *x = a, *y = b;
    return strcmp(x->segment->hash, y->segment->hash);
}

static int compare_hash(const void *key, const void *element) {
    return strcmp(key, ((const struct source *)element)->segment->hash);
}

static bool read_plan(struct reuse *reuse, struct arena *arena, bool *ret_there,
                      struct error *err) {
    const char *job = reuse->plan->manifest.settings.reuse;
    struct str text;
    struct error why;
    *ret_there = false;
    if (!functions_get_text(reuse->functions, arena, reuse->functions->work, key_plan(arena, job),
                            PLAN_MAX_BYTES, &text, err))
        return err->kind == ERROR_NOT_FOUND;
    *ret_there = plan_parse(arena, text, &reuse->other, &why) &&
                 strcmp(reuse->other.build_id, reuse->plan->build_id) == 0;
    return true;
}

/* A chunk that has gone or is none of ours is left out. */
static bool read_index(struct reuse *reuse, struct arena *arena, const struct stock_chunk *chunk,
                       struct error *err) {
    struct chunk_index *index = &reuse->indexes[reuse->index_count];
    struct tail tail;
    if (!tail_read(reuse->functions, arena, chunk->key, chunk->etag, chunk_index_size, &tail, err))
        return err->kind != ERROR_UNAVAILABLE && err->kind != ERROR_INTERNAL;
    if (!chunk_index_parse(arena, tail.index, tail.object_size, &reuse->other, index, err))
        return true;
    for (uint32_t i = 0; i < index->segment_count; i++)
        reuse->sources[reuse->source_count++] = (struct source){chunk, index, &index->segments[i]};
    size_t k;
    json_t *receipt;
    json_array_foreach(index->receipts, k, receipt) {
        json_int_t image = json_integer_value(json_object_get(receipt, "image"));
        if (image >= 0 && (uint64_t)image < reuse->other.manifest.image_count)
            reuse->receipts[image] = receipt;
    }
    reuse->index_count++;
    return true;
}

bool reuse_open(struct functions *functions, struct arena *arena, const struct plan *plan,
                struct reuse **ret, struct error *err) {
    struct stock_chunk *chunks;
    size_t count, segments = 0;
    bool there;
    *ret = NULL;
    if (plan->manifest.settings.reuse[0] == '\0')
        return true;
    struct reuse *reuse = arena_alloc(arena, sizeof *reuse);
    reuse->functions = functions;
    reuse->plan = plan;
    if (!read_plan(reuse, arena, &there, err))
        return false;
    if (!there)
        return true;
    if (!stock_chunks(functions, arena, plan->manifest.settings.reuse, &chunks, &count, err))
        return false;
    for (size_t i = 0; i < count; i++)
        segments += chunks[i].range.count <= CHUNK_MAX_SEGMENTS ? chunks[i].range.count : 0;
    reuse->indexes = arena_array(arena, count, sizeof *reuse->indexes);
    reuse->sources = arena_array(arena, segments, sizeof *reuse->sources);
    reuse->receipts =
        arena_array(arena, reuse->other.manifest.image_count, sizeof *reuse->receipts);
    for (size_t i = 0; i < count; i++) {
        /* The index's own count is the one that fills the table. */
        bool fits = chunks[i].range.count <= CHUNK_MAX_SEGMENTS;
        if (fits && !read_index(reuse, arena, &chunks[i], err)) {
            reuse_close(reuse);
            return false;
        }
    }
    qsort(reuse->sources, reuse->source_count, sizeof *reuse->sources, by_hash);
    *ret = reuse;
    return true;
}

void reuse_close(struct reuse *reuse) {
    for (size_t i = 0; reuse != NULL && i < reuse->index_count; i++)
        json_decref(reuse->indexes[i].receipts);
}

/* The poster frame counted from the start of the segment, or -1 when it lies elsewhere. */
static int64_t poster_in(const struct plan *plan, uint32_t number) {
    const struct segment *segment = &plan->segments[number];
    bool inside = plan->poster_frame >= segment->first_frame &&
                  plan->poster_frame - segment->first_frame < segment->frame_count;
    return inside ? (int64_t)(plan->poster_frame - segment->first_frame) : -1;
}

static const struct source *find(const struct reuse *reuse, uint32_t number, const char *hash) {
    if (reuse == NULL || reuse->source_count == 0)
        return NULL;
    const struct source *source =
        bsearch(hash, reuse->sources, reuse->source_count, sizeof *reuse->sources, compare_hash);
    if (source == NULL)
        return NULL;
    int64_t poster = poster_in(reuse->plan, number);
    bool same_poster = poster == poster_in(&reuse->other, source->segment->number) &&
                       source->index->poster_size > 0;
    return poster < 0 || same_poster ? source : NULL;
}

bool reuse_has(const struct reuse *reuse, uint32_t number, const char *hash) {
    return find(reuse, number, hash) != NULL;
}

static bool get_range(struct reuse *reuse, struct arena *arena, const struct stock_chunk *chunk,
                      uint64_t first, uint64_t length, struct str *ret, struct error *err) {
    struct s3_get_options options = {
        .if_match = chunk->etag,
        .range_first = first,
        .range_length = length,
        .max_bytes = (size_t)length,
    };
    struct s3_object object;
    *ret = (struct str){0};
    if (length == 0)
        return true;
    if (!s3_get(reuse->functions->s3, arena, reuse->functions->work, chunk->key, &options, &object,
                err))
        return false;
    if (object.body.len != length)
        return error_set(err, ERROR_UNAVAILABLE, NULL, "'%s' came short", chunk->key);
    *ret = object.body;
    return true;
}

/* The images keep what was found out about them, under the names that they have here. */
static void add_receipts(struct reuse *reuse, struct arena *arena, uint32_t number, uint32_t source,
                         struct chunk_writer *chunk) {
    const struct segment *here = &reuse->plan->segments[number];
    const struct segment *there = &reuse->other.segments[source];
    for (uint32_t i = 0; i < here->image_count && i < there->image_count; i++) {
        uint32_t image = here->first_image + i;
        json_t *known = reuse->receipts[there->first_image + i];
        struct receipt receipt;
        struct error ignored;
        if (known == NULL || !receipt_from_json(arena, known, &receipt, &ignored))
            continue;
        receipt.name = reuse->plan->manifest.images[image].name;
        chunk_writer_add_receipt(chunk, image, &receipt);
    }
}

bool reuse_take(struct reuse *reuse, struct arena *arena, uint32_t number, const char *hash,
                struct chunk_writer *chunk, bool *ret_taken, struct error *err) {
    const struct source *source = find(reuse, number, hash);
    struct str bytes, poster = {0};
    *ret_taken = false;
    if (source == NULL)
        return true;
    const struct chunk_index *index = source->index;
    bool wants_poster = poster_in(reuse->plan, number) >= 0;
    if (!get_range(reuse, arena, source->chunk, source->segment->offset, source->segment->size,
                   &bytes, err) ||
        (wants_poster && !get_range(reuse, arena, source->chunk, index->poster_offset,
                                    index->poster_size, &poster, err)))
        return err->kind == ERROR_NOT_FOUND || err->kind == ERROR_CONFLICT;
    const struct chunk_copy copy = {
        .number = number,
        .hash = hash,
        .bytes = bytes,
        .from = source->segment,
        .config = index->config,
        .config_size = index->config_size,
        .poster = poster,
    };
    if (!chunk_writer_copy(chunk, &copy, err))
        return false;
    add_receipts(reuse, arena, number, source->segment->number, chunk);
    *ret_taken = true;
    return true;
}
