/*
 * One GET of a pre-signed address into a file; what came is counted against what the status
 * promised, so that a cut transfer is never taken for the film.
 */
#include "cli/download.h"
#include "base/arena.h"
#include "base/os.h"

#include <string.h>
#include <unistd.h>

enum { STALL_TIMEOUT_MS = 60000 };

struct sink {
    int fd;
    uint64_t bytes;
};

static bool take_bytes(void *context, const void *data, size_t size, struct error *err) {
    struct sink *sink = context;
    sink->bytes += size;
    return write_all(sink->fd, data, size, err);
}

static const json_t *find_output(const json_t *status, const char *kind) {
    size_t index;
    json_t *output;
    json_array_foreach(json_object_get(status, "outputs"), index, output) {
        const char *name = json_string_value(json_object_get(output, "kind"));
        if (name != NULL && strcmp(name, kind) == 0)
            return output;
    }
    return NULL;
}

bool download_output(struct http_client *http, const json_t *status, const char *kind, int fd,
                     uint64_t *ret_bytes, struct error *err) {
    const json_t *output = find_output(status, kind);
    const char *url = json_string_value(json_object_get(output, "url"));
    const json_t *bytes = json_object_get(output, "bytes");
    if (url == NULL)
        return error_set(err, ERROR_NOT_FOUND, NULL, "the job has no %s", kind);
    if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0)
        return error_errno(err, "the output file");

    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct sink sink = {.fd = fd};
    struct http_call call = http_call("GET", url);
    call.stall_timeout_ms = STALL_TIMEOUT_MS;
    call.max_reply_bytes = 64 * 1024; /* of an error's document */
    call.sink = take_bytes;
    call.sink_context = &sink;
    struct http_reply reply;
    if (!http_client_perform(http, arena, &call, &reply, err))
        return error_prefix(err, "downloading the %s", kind);
    if (reply.status != 200)
        return error_set(err,
                         reply.status == 403   ? ERROR_DENIED
                         : reply.status >= 500 ? ERROR_UNAVAILABLE
                                               : ERROR_INVALID,
                         NULL, "downloading the %s: the store answered %u %s", kind, reply.status,
                         http_status_text(reply.status));
    if (json_is_integer(bytes) && (uint64_t)json_integer_value(bytes) != sink.bytes)
        return error_set(err, ERROR_UNAVAILABLE, NULL,
                         "downloading the %s: %llu bytes came, %lld were promised", kind,
                         (unsigned long long)sink.bytes, (long long)json_integer_value(bytes));
    *ret_bytes = sink.bytes;
    return true;
}
