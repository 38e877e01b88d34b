/*
 * One walk over the film's bytes in order. A part of bytes is open while it holds the header or too
 * little to stand alone (all parts but the last need 5 MiB); it takes from the head of the next run
 * until it is large enough, and all of that run where the rest would be too small to be copied by
 * itself. Everything else is a copy.
 */
#include "media/splice.h"

/* Limits of S3's multipart uploads. */
#define MIN_PART_BYTES (UINT64_C(5) << 20)
#define MAX_PART_BYTES (UINT64_C(5) << 30)
#define MAX_FILM_BYTES (UINT64_C(5) << 40)
enum { MAX_PARTS = 10000 };

struct layout {
    struct splice_part *parts;
    size_t count;
    struct splice_piece *pieces; /* all parts' pieces back to back */
    size_t piece_count;
    struct splice_part *open; /* the part of bytes that is being filled, or NULL */
};

static bool add_part(struct layout *layout, bool copy, struct error *err) {
    if (layout->count == MAX_PARTS)
        return error_set(err, ERROR_LIMIT, NULL, "the film needs more than %d parts", MAX_PARTS);
    struct splice_part *part = &layout->parts[layout->count++];
    *part = (struct splice_part){.copy = copy, .pieces = layout->pieces + layout->piece_count};
    layout->open = copy ? NULL : part;
    return true;
}

static void add_piece(struct layout *layout, struct splice_piece piece) {
    struct splice_part *part = &layout->parts[layout->count - 1];
    part->pieces[part->piece_count++] = piece;
    part->length += piece.length;
    layout->piece_count++;
}

static struct splice_piece piece_of(const struct splice_run *run, uint64_t length) {
    return (struct splice_piece){
        .origin = SPLICE_CHUNK, .chunk = run->chunk, .offset = run->offset, .length = length};
}

static void advance(struct splice_run *run, uint64_t length) {
    run->offset += length;
    run->length -= length;
}

/* Copies all of the run, in parts of at most 5 GiB; what is left over must not be too small. */
static bool copy_run(struct layout *layout, struct splice_run *run, struct error *err) {
    while (run->length > 0) {
        uint64_t length = run->length;
        if (length > MAX_PART_BYTES)
            length = length - MAX_PART_BYTES < MIN_PART_BYTES ? MAX_PART_BYTES - MIN_PART_BYTES
                                                              : MAX_PART_BYTES;
        if (!add_part(layout, true, err))
            return false;
        add_piece(layout, piece_of(run, length));
        advance(run, length);
    }
    return true;
}

/* Fills the open part from the head of the run, which may use it up. */
static void fill_open(struct layout *layout, struct splice_run *run, bool is_last) {
    uint64_t have = layout->open->length;
    uint64_t need = have < MIN_PART_BYTES ? MIN_PART_BYTES - have : 0;
    uint64_t take = need < run->length ? need : run->length;
    if (run->length > take && run->length - take < MIN_PART_BYTES && !is_last)
        take = run->length;
    if (take > 0)
        add_piece(layout, piece_of(run, take));
    advance(run, take);
    if (layout->open->length >= MIN_PART_BYTES)
        layout->open = NULL;
}

static bool add_run(struct layout *layout, struct splice_run run, bool is_last, struct error *err) {
    if (!layout->open && run.length < MIN_PART_BYTES && !is_last && !add_part(layout, false, err))
        return false;
    if (layout->open)
        fill_open(layout, &run, is_last);
    return copy_run(layout, &run, err);
}

/* Runs without the empty ones, neighbours in one chunk joined. */
static size_t join_runs(const struct splice_run *runs, size_t count, struct splice_run *ret) {
    size_t joined = 0;
    for (size_t i = 0; i < count; i++) {
        struct splice_run *last = joined > 0 ? &ret[joined - 1] : NULL;
        if (runs[i].length == 0)
            continue;
        if (last && last->chunk == runs[i].chunk && last->offset + last->length == runs[i].offset)
            last->length += runs[i].length;
        else
            ret[joined++] = runs[i];
    }
    return joined;
}

static bool check_sizes(const struct splice_film *film, struct error *err) {
    bool fits = film->header_bytes <= MAX_PART_BYTES - 2 * MIN_PART_BYTES &&
                film->trailer_bytes <= MIN_PART_BYTES;
    uint64_t total = film->header_bytes + film->trailer_bytes;
    for (size_t i = 0; fits && i < film->run_count; i++) {
        const struct splice_run *run = &film->runs[i];
        fits = run->length <= MAX_FILM_BYTES && run->offset <= MAX_FILM_BYTES;
        total += run->length;
        fits = fits && total <= MAX_FILM_BYTES;
    }
    if (!fits)
        return error_set(err, ERROR_LIMIT, NULL, "the film is over the limit of 5 TiB");
    return true;
}

/* Header or trailer, which go into the part of bytes at hand. */
static bool add_own(struct layout *layout, enum splice_origin origin, uint64_t bytes,
                    struct error *err) {
    if (bytes == 0)
        return true;
    bool at_hand = layout->count > 0 && !layout->parts[layout->count - 1].copy;
    if (!at_hand && !add_part(layout, false, err))
        return false;
    add_piece(layout, (struct splice_piece){.origin = origin, .length = bytes});
    return true;
}

bool splice_layout(struct arena *arena, const struct splice_film *film,
                   struct splice_part **ret_parts, size_t *ret_count, struct error *err) {
    if (!check_sizes(film, err))
        return false;
    struct splice_run *joined = arena_array(arena, film->run_count, sizeof *joined);
    size_t count = join_runs(film->runs, film->run_count, joined);
    /* A run is cut at most once besides the cuts at 5 GiB, and those are part limits. */
    struct layout layout = {
        .parts = arena_array(arena, MAX_PARTS, sizeof *layout.parts),
        .pieces = arena_array(arena, 2 + 2 * count + MAX_PARTS, sizeof *layout.pieces),
    };
    if (!add_own(&layout, SPLICE_HEADER, film->header_bytes, err))
        return false;
    for (size_t i = 0; i < count; i++) {
        bool is_last = i + 1 == count && film->trailer_bytes == 0;
        if (!add_run(&layout, joined[i], is_last, err))
            return false;
    }
    if (!add_own(&layout, SPLICE_TRAILER, film->trailer_bytes, err))
        return false;
    *ret_parts = layout.parts;
    *ret_count = layout.count;
    return true;
}
