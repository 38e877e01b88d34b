/*
 * The header's size depends on all samples, so they wait in a file of their own and are moved
 * behind it by copy_file_range: on file systems that share blocks nothing is copied, elsewhere the
 * kernel does it.
 */
#include "cli/film.h"
#include "base/os.h"
#include "media/mp4.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

struct film {
    struct arena *arena; /* sample tables, configuration, poster */
    int fd;              /* samples */
    uint64_t bytes;
    struct mp4_run *runs;
    uint32_t run_count;
    uint32_t run_capacity;
    const uint8_t *config;
    size_t config_size;
    struct str poster;
};

bool film_new(const char *output_path, struct film **ret, struct error *err) {
    int fd;
    if (!output_scratch(output_path, &fd, err))
        return false;
    struct arena *arena = arena_new();
    struct film *film = arena_alloc(arena, sizeof *film);
    film->arena = arena;
    film->fd = fd;
    *ret = film;
    return true;
}

void film_free(struct film *film) {
    if (film == NULL)
        return;
    close(film->fd);
    free(film->runs);
    arena_free(film->arena);
}

static bool same_config(struct film *film, const struct media_segment *segment, struct error *err) {
    if (film->config == NULL) {
        film->config = (const uint8_t *)arena_strndup(film->arena, (const char *)segment->config,
                                                      segment->config_size);
        film->config_size = segment->config_size;
        return true;
    }
    if (film->config_size != segment->config_size ||
        memcmp(film->config, segment->config, segment->config_size) != 0)
        return error_set(err, ERROR_INTERNAL, NULL,
                         "segment %u has another decoder configuration than the first",
                         segment->number);
    return true;
}

static void keep_samples(struct film *film, const struct media_segment *segment) {
    if (film->run_count == film->run_capacity) {
        film->run_capacity = film->run_capacity == 0 ? 64 : 2 * film->run_capacity;
        film->runs = reallocarray(film->runs, film->run_capacity, sizeof *film->runs);
        if (film->runs == NULL)
            die_out_of_memory();
    }
    struct media_sample *samples = arena_array(film->arena, segment->sample_count, sizeof *samples);
    memcpy(samples, segment->samples, segment->sample_count * sizeof *samples);
    film->runs[film->run_count++] = (struct mp4_run){samples, segment->sample_count};
}

bool film_add(struct film *film, const struct media_segment *segment, struct error *err) {
    if (!same_config(film, segment, err))
        return false;
    if (!write_all(film->fd, segment->data, segment->size, err))
        return error_prefix(err, "segment %u", segment->number);
    film->bytes += segment->size;
    keep_samples(film, segment);
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

static bool copy_samples(const struct film *film, int to, struct error *err) {
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
            return error_errno(err, "copying the samples");
        if (copied == 0)
            return error_set(err, ERROR_INTERNAL, NULL, "the file of samples ended early");
    }
    return true;
}

bool film_write(struct film *film, const struct settings *settings, int fd, uint64_t *ret_bytes,
                struct error *err) {
    struct mp4_movie movie = {
        .width = settings->width,
        .height = settings->height,
        .fps = settings->fps,
        .config = film->config,
        .config_size = film->config_size,
        .runs = film->runs,
        .run_count = film->run_count,
    };
    struct str header;
    if (!mp4_header(film->arena, &movie, &header, err) ||
        !write_all(fd, header.ptr, header.len, err) || !copy_samples(film, fd, err))
        return false;
    *ret_bytes = header.len + film->bytes;
    return true;
}
