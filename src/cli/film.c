/*
 * The header's size depends on all segments, so they wait in a file of their own and are moved
 * behind it by copy_file_range: on file systems that share blocks nothing is copied, elsewhere the
 * kernel does it.
 */
#include "cli/film.h"
#include "base/os.h"
#include "media/mux.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

/* A segment is at most 240 frames. */
enum { MAX_SEGMENT_BYTES = 1 << 30 };

struct film {
    struct arena *arena; /* tables, configuration, poster */
    const struct plan *plan;
    struct sound_index sound_index;
    struct mux_sound_source sound;
    int fd; /* segments */
    struct buf segment;
    uint64_t bytes;
    struct mux_run *runs;
    uint32_t run_count;
    uint32_t run_capacity;
    const uint8_t *config;
    size_t config_size;
    struct str poster;
};

static bool open_sound(struct film *film, struct str object, struct error *err) {
    uint64_t size;
    if (object.len == 0)
        return true;
    size_t tail = object.len < SOUND_TRAILER_BYTES ? object.len : SOUND_TRAILER_BYTES;
    struct str trailer = {object.ptr + object.len - tail, tail};
    if (!sound_index_size(trailer, object.len, &size, err))
        return false;
    struct str index = {trailer.ptr - size, (size_t)size};
    if (!sound_index_parse(film->arena, index, object.len, &film->sound_index, err))
        return false;
    film->sound.index = &film->sound_index;
    film->sound.data = (struct str){object.ptr, (size_t)(index.ptr - object.ptr)};
    return true;
}

bool film_new(const char *output_path, const struct plan *plan, struct str sound, struct film **ret,
              struct error *err) {
    struct arena *arena = arena_new();
    struct film *film = arena_alloc(arena, sizeof *film);
    film->arena = arena;
    film->plan = plan;
    buf_init(&film->segment, MAX_SEGMENT_BYTES);
    if (!open_sound(film, sound, err) || !output_scratch(output_path, &film->fd, err)) {
        arena_free(arena);
        return false;
    }
    *ret = film;
    return true;
}

void film_free(struct film *film) {
    if (film == NULL)
        return;
    close(film->fd);
    free(film->runs);
    buf_clear(&film->segment);
    arena_free(film->arena);
}

static bool same_config(struct film *film, const struct media_segment *segment, struct error *err) {
    if (film->run_count == 0) {
        film->config = (const uint8_t *)arena_strndup(film->arena, (const char *)segment->config,
                                                      segment->config_size);
        film->config_size = segment->config_size;
        return true;
    }
    if (film->config_size != segment->config_size ||
        (segment->config_size > 0 &&
         memcmp(film->config, segment->config, segment->config_size) != 0))
        return error_set(err, ERROR_INTERNAL, NULL,
                         "segment %u has another decoder configuration than the first",
                         segment->number);
    return true;
}

static void keep_tables(struct film *film, const struct media_segment *segment,
                        const struct mux_sound *sound) {
    if (film->run_count == film->run_capacity) {
        film->run_capacity = film->run_capacity == 0 ? 64 : 2 * film->run_capacity;
        film->runs = reallocarray(film->runs, film->run_capacity, sizeof *film->runs);
        if (film->runs == NULL)
            die_out_of_memory();
    }
    struct media_sample *samples = arena_array(film->arena, segment->sample_count, sizeof *samples);
    memcpy(samples, segment->samples, segment->sample_count * sizeof *samples);
    film->runs[film->run_count++] = (struct mux_run){
        .size = film->segment.size,
        .samples = samples,
        .sample_count = segment->sample_count,
        .sound_sizes = sound->sizes, /* the index's, which stays */
        .sound_count = sound->count,
    };
}

bool film_add(struct film *film, const struct media_segment *segment, struct error *err) {
    struct mux_sound sound;
    film->segment.size = 0;
    if (!same_config(film, segment, err) ||
        !mux_sound_take(&film->sound, film->plan, segment->number, &sound, err))
        return false;
    if (!mux_segment(film->plan, segment, &sound, film->sound.index, &film->segment, err) ||
        !write_all(film->fd, film->segment.data, film->segment.size, err))
        return error_prefix(err, "segment %u", segment->number);
    film->bytes += film->segment.size;
    keep_tables(film, segment, &sound);
    if (segment->poster != NULL && segment->poster_size > 0)
        film->poster = arena_str(film->arena,
                                 (struct str){(const char *)segment->poster, segment->poster_size});
    return true;
}

struct str film_poster(const struct film *film) {
    return film->poster;
}

/* One step of the kernel's copy; falls back once when the file system cannot. */
static ssize_t copy_some(int from, int to, off_t *offset, size_t size, bool *ranges) {
    if (*ranges) {
        ssize_t copied = copy_file_range(from, offset, to, NULL, size, 0);
        if (copied >= 0 || (errno != EXDEV && errno != EINVAL && errno != ENOSYS &&
                            errno != EOPNOTSUPP && errno != EBADF))
            return copied;
        *ranges = false;
    }
    return sendfile(to, from, offset, size);
}

static bool copy_segments(const struct film *film, int to, struct error *err) {
    off_t offset = 0;
    bool ranges = true;
    while ((uint64_t)offset < film->bytes) {
        uint64_t left = film->bytes - (uint64_t)offset;
        /* A gigabyte at a time stays within what both calls take. */
        size_t size = left > (UINT64_C(1) << 30) ? (size_t)1 << 30 : (size_t)left;
        ssize_t copied = copy_some(film->fd, to, &offset, size, &ranges);
        if (copied < 0 && errno == EINTR)
            continue;
        if (copied < 0)
            return error_errno(err, "copying the segments");
        if (copied == 0)
            return error_set(err, ERROR_INTERNAL, NULL, "the file of segments ended early");
    }
    return true;
}

bool film_write(struct film *film, int fd, uint64_t *ret_bytes, struct error *err) {
    struct mux_film parts = {
        .plan = film->plan,
        .config = film->config,
        .config_size = film->config_size,
        .sound = film->sound.index,
        .runs = film->runs,
        .run_count = film->run_count,
    };
    struct str header, trailer = mux_trailer(film->plan);
    if (!mux_header(film->arena, &parts, &header, err) ||
        !write_all(fd, header.ptr, header.len, err) || !copy_segments(film, fd, err) ||
        !write_all(fd, trailer.ptr, trailer.len, err))
        return false;
    *ret_bytes = header.len + film->bytes + trailer.len;
    return true;
}
