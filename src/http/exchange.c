/*
 * From libmicrohttpd's callbacks to a handler's. An exchange is made when the request line is read
 * (the only moment at which the target is still raw), begins when the head is there, takes pieces
 * of the body, finishes, and is closed when the answer has gone out or the client has.
 *
 * libmicrohttpd takes an answer before the body or behind it, never in the middle. Hence a refusal
 * waits until the rest of a body was dropped, where that is short enough to be worth it.
 */
#include "http/exchange.h"

#include "base/os.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    /* A refused body of a known length up to this is read, and the connection stays. */
    MAX_SHORT_BYTES = 1024 * 1024,
    /* A longer one is read after the answer, before closing: closing with unread bytes makes the
     * kernel reset the connection under the answer. More than the socket buffers of both sides
     * hold, so that the client comes to see the answer. */
    MAX_DRAIN_BYTES = 16 * 1024 * 1024,
    MAX_DRAIN_MS = 1000,
    /* Of a body that was refused in its middle. */
    MAX_DROPPED_BYTES = 64 * 1024 * 1024,
    EXTENT_PIECE_BYTES = 256 * 1024,
};

enum stage {
    STAGE_HEAD,    /* nothing of it was told to the handler */
    STAGE_BODY,    /* begun: pieces go to the handler */
    STAGE_REFUSED, /* the response is filled in: pieces are dropped */
    STAGE_ANSWERED,
};

struct exchange {
    struct http_exchange x;
    enum stage stage;
    bool begun; /* `close` is owed */
    bool drain; /* the answer goes out before the body was read */
    struct exchange_shared *shared;
    uint64_t dropped_bytes;
};

void *exchange_on_target(void *context, const char *target, struct MHD_Connection *connection) {
    (void)context, (void)connection;
    struct arena *arena = arena_new();
    struct exchange *e = arena_alloc(arena, sizeof *e);
    e->x.arena = arena;
    struct str query;
    struct str path = str_split(str_c(target), '?', &query);
    e->x.request.path = arena_strndup(arena, path.ptr, path.len);
    e->x.request.query = query.len > 0 ? arena_strndup(arena, query.ptr, query.len) : "";
    return e;
}

static enum MHD_Result add_header(void *context, enum MHD_ValueKind kind, const char *name,
                                  const char *value) {
    (void)kind;
    struct exchange *e = context;
    if (e->x.request.headers.count > HTTP_MAX_HEADERS)
        return MHD_NO;
    http_headers_add(e->x.arena, &e->x.request.headers, name, value ? value : "");
    return MHD_YES;
}

static const char *peer_of(struct arena *arena, struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    char text[INET6_ADDRSTRLEN] = "";
    if (info && info->client_addr->sa_family == AF_INET) {
        const struct sockaddr_in *address = (const void *)info->client_addr;
        inet_ntop(AF_INET, &address->sin_addr, text, sizeof text);
    } else if (info && info->client_addr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *address = (const void *)info->client_addr;
        inet_ntop(AF_INET6, &address->sin6_addr, text, sizeof text);
    }
    /* What comes over IPv4 to a socket for both. */
    static const char mapped[] = "::ffff:";
    bool is_mapped = str_starts_with(str_c(text), mapped) && strchr(text, '.');
    return arena_strdup(arena, is_mapped ? text + sizeof mapped - 1 : text);
}

/* "http://host/path", as a proxy would be asked: only the path is of interest. */
static void strip_origin(struct http_request *request) {
    struct str path = str_c(request->path);
    if (!str_starts_with(path, "http://") && !str_starts_with(path, "https://"))
        return;
    const char *slash = strchr(strchr(request->path, ':') + strlen("://"), '/');
    request->path = slash ? slash : "/";
}

/* Status of the refusal, or 0 when the head is one that a handler may see. */
static unsigned read_head(struct exchange *e, struct MHD_Connection *connection,
                          const char *method) {
    struct http_request *request = &e->x.request;
    request->method = arena_strdup(e->x.arena, method);
    request->peer = peer_of(e->x.arena, connection);
    request->content_length = -1;
    MHD_get_connection_values(connection, MHD_HEADER_KIND, add_header, e);
    if (request->headers.count > HTTP_MAX_HEADERS)
        return 431;
    if (strlen(request->path) + strlen(request->query) > HTTP_MAX_URL_LENGTH)
        return 414;
    strip_origin(request);
    if (request->path[0] != '/')
        return 400;
    const char *coding = http_headers_get(&request->headers, "transfer-encoding");
    const char *length = http_headers_get(&request->headers, "content-length");
    request->chunked = coding && str_equal_nocase(str_trim(str_c(coding)), str_c("chunked"));
    /* Two lengths are how requests are smuggled past a proxy. */
    if (coding && (length || !request->chunked))
        return 400;
    uint64_t number;
    if (length && !str_to_u64(str_trim(str_c(length)), INT64_MAX, &number))
        return 400;
    if (length)
        request->content_length = (int64_t)number;
    return 0;
}

static void close_extents(struct http_response *response) {
    for (size_t i = 0; i < response->extent_count; i++)
        fd_cleanup(&response->extents[i].fd);
}

/* Body of several extents: libmicrohttpd asks for positions of the whole. */
struct extent_reader {
    size_t count;
    struct http_extent extents[];
};

static ssize_t read_extents(void *context, uint64_t position, char *ret, size_t size) {
    const struct extent_reader *reader = context;
    for (size_t i = 0; i < reader->count; i++) {
        const struct http_extent *extent = &reader->extents[i];
        if (position >= extent->length) {
            position -= extent->length;
            continue;
        }
        if (size > extent->length - position)
            size = (size_t)(extent->length - position);
        ssize_t got;
        do
            got = pread(extent->fd, ret, size, (off_t)(extent->offset + position));
        while (got < 0 && errno == EINTR);
        /* Reading failed behind a promised length: only the connection can end. */
        return got > 0 ? got : MHD_CONTENT_READER_END_WITH_ERROR;
    }
    return MHD_CONTENT_READER_END_OF_STREAM;
}

static void free_extents(void *context) {
    struct extent_reader *reader = context;
    for (size_t i = 0; i < reader->count; i++)
        fd_cleanup(&reader->extents[i].fd);
    free(reader);
}

static struct MHD_Response *response_of_extents(struct http_response *r) {
    size_t size;
    if (__builtin_mul_overflow(r->extent_count, sizeof *r->extents, &size))
        die_out_of_memory();
    struct extent_reader *reader = malloc(sizeof *reader + size);
    if (!reader)
        die_out_of_memory();
    uint64_t total = 0;
    reader->count = r->extent_count;
    for (size_t i = 0; i < r->extent_count; i++) {
        reader->extents[i] = r->extents[i];
        r->extents[i].fd = -1;
        total += reader->extents[i].length;
    }
    struct MHD_Response *response = MHD_create_response_from_callback(
        total, EXTENT_PIECE_BYTES, read_extents, reader, free_extents);
    if (!response)
        free_extents(reader);
    return response;
}

static void count_handler(struct exchange_shared *shared, bool starts) {
    pthread_mutex_lock(&shared->mutex);
    if (starts)
        shared->running_handlers++;
    else
        shared->running_handlers--;
    pthread_cond_broadcast(&shared->changed);
    pthread_mutex_unlock(&shared->mutex);
}

/* The head of the 101 has gone out. libmicrohttpd allows to block here, as each connection has its
 * own thread. */
static void hand_over(void *context, struct MHD_Connection *connection, void *state,
                      const char *early, size_t early_size, int fd,
                      struct MHD_UpgradeResponseHandle *handle) {
    (void)context, (void)connection;
    struct exchange *e = state;
    struct http_response *r = &e->x.response;
    struct exchange_shared *shared = e->shared;
    void (*upgrade)(void *, int, struct str) = r->upgrade;
    r->upgrade = NULL;
    count_handler(shared, true);
    upgrade(r->upgrade_context, fd, (struct str){early, early_size});
    MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
    count_handler(shared, false);
}

/* A response for each kind of body. The file descriptors it takes over become -1. */
static struct MHD_Response *build_response(struct http_response *r, bool has_body) {
    struct MHD_Response *response;
    if (r->upgrade) {
        response = MHD_create_response_for_upgrade(hand_over, NULL);
    } else if (!has_body || (!r->body && r->extent_count == 0)) {
        response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    } else if (r->body) {
        /* libmicrohttpd does not write to it, its parameter is only not const. */
        response =
            MHD_create_response_from_buffer(r->body_size, (void *)r->body, MHD_RESPMEM_PERSISTENT);
    } else if (r->extent_count == 1 && r->extents[0].fd >= 0 && r->extents[0].length > 0) {
        struct http_extent *extent = &r->extents[0];
        response =
            MHD_create_response_from_fd_at_offset64(extent->length, extent->fd, extent->offset);
        if (response)
            extent->fd = -1;
    } else {
        response = response_of_extents(r);
    }
    if (!response)
        die_out_of_memory();
    return response;
}

static void add_response_headers(struct MHD_Response *response, const struct http_response *r) {
    static const char *const own[] = {"content-length", "date", "connection", "transfer-encoding"};
    for (size_t i = 0; i < r->headers.count; i++) {
        struct str name = str_c(r->headers.items[i].name);
        bool is_own = false;
        for (size_t j = 0; j < ARRAY_SIZE(own); j++)
            is_own = is_own || str_equal_nocase(name, str_c(own[j]));
        /* libmicrohttpd refuses line breaks and empty values, which is as well. */
        if (!is_own)
            MHD_add_response_header(response, name.ptr, r->headers.items[i].value);
    }
    if (r->close)
        MHD_add_response_header(response, "Connection", "close");
}

/* Once the length is promised, a shorter file could only cut the connection, and sendfile(2) would
 * try for ever. */
static bool are_extents_whole(const struct http_response *r, bool is_head) {
    for (size_t i = 0; i < r->extent_count; i++) {
        const struct http_extent *extent = &r->extents[i];
        struct stat info;
        uint64_t end;
        if (extent->length == 0 || (extent->fd < 0 && is_head))
            continue;
        if (__builtin_add_overflow(extent->offset, extent->length, &end) ||
            fstat(extent->fd, &info) != 0 || end > (uint64_t)info.st_size)
            return false;
    }
    return true;
}

static void drop_upgrade(struct http_response *r) {
    if (r->upgrade)
        r->upgrade(r->upgrade_context, -1, (struct str){0});
    r->upgrade = NULL;
}

static enum MHD_Result answer(struct exchange *e, struct MHD_Connection *connection) {
    struct http_response *r = &e->x.response;
    bool is_head = strcmp(e->x.request.method, "HEAD") == 0;
    bool upgrades = r->status == 101 && r->upgrade && !is_head;
    if (!upgrades && (r->status < 200 || r->status > 599 || !are_extents_whole(r, is_head))) {
        drop_upgrade(r);
        close_extents(r);
        *r = (struct http_response){.status = 500, .close = true};
    }
    bool has_body = r->status != 204 && r->status != 304;
    struct MHD_Response *response = build_response(r, has_body);
    close_extents(r);
    add_response_headers(response, r);
    enum MHD_Result queued = MHD_queue_response(connection, r->status, response);
    MHD_destroy_response(response);
    e->stage = STAGE_ANSWERED;
    return queued;
}

/* The response is filled in before the body was read. To queue it now ends the connection, so that
 * is only done where the body is too long to be read, or where it may never come. */
static enum MHD_Result refuse_head(struct exchange *e, struct MHD_Connection *connection) {
    const struct http_request *request = &e->x.request;
    bool is_awaited = http_headers_get(&request->headers, "expect") != NULL;
    bool is_short = !request->chunked && request->content_length <= MAX_SHORT_BYTES;
    if (is_short && (!is_awaited || request->content_length <= 0)) {
        e->stage = STAGE_REFUSED;
        return MHD_YES;
    }
    e->drain = !is_awaited;
    return answer(e, connection);
}

static void respond_plainly(struct exchange *e, unsigned status) {
    e->x.response.close = true;
    http_respond(&e->x, status, "text/plain", str_c(http_status_text(status)));
}

static enum MHD_Result begin(struct exchange_shared *shared, struct exchange *e,
                             struct MHD_Connection *connection, const char *method) {
    unsigned refusal = read_head(e, connection, method);
    pthread_mutex_lock(&shared->mutex);
    if (refusal == 0 && shared->quiesced)
        refusal = 503;
    if (refusal == 0) {
        shared->open_exchanges++;
        e->begun = true;
    }
    pthread_mutex_unlock(&shared->mutex);
    if (refusal != 0) {
        respond_plainly(e, refusal);
        return refuse_head(e, connection);
    }
    e->stage = STAGE_BODY;
    e->shared = shared;
    if (shared->handler.begin(shared->handler.context, &e->x))
        return MHD_YES;
    return refuse_head(e, connection);
}

static enum MHD_Result take_piece(struct exchange_shared *shared, struct exchange *e,
                                  const char *data, size_t size) {
    if (e->stage == STAGE_BODY) {
        if (!shared->handler.body(shared->handler.context, &e->x, data, size))
            e->stage = STAGE_REFUSED;
        return MHD_YES;
    }
    e->dropped_bytes += size;
    return e->dropped_bytes <= MAX_DROPPED_BYTES ? MHD_YES : MHD_NO;
}

static enum MHD_Result dispatch(struct exchange_shared *shared, struct exchange *e,
                                struct MHD_Connection *connection, const char *method,
                                const char *data, size_t *data_size) {
    if (e->stage == STAGE_HEAD)
        return begin(shared, e, connection, method);
    if (*data_size > 0) {
        size_t size = *data_size;
        *data_size = 0;
        return take_piece(shared, e, data, size);
    }
    if (e->stage == STAGE_BODY) {
        count_handler(shared, true);
        shared->handler.finish(shared->handler.context, &e->x);
        count_handler(shared, false);
    }
    return answer(e, connection);
}

enum MHD_Result exchange_on_request(void *context, struct MHD_Connection *connection,
                                    const char *path, const char *method, const char *version,
                                    const char *data, size_t *data_size, void **state) {
    (void)path, (void)version;
    struct exchange_shared *shared = context;
    /* The time a handler takes is not the client's idleness: without this, a long poll would be
     * cut off as soon as it has an answer. Setting the timeout anew also starts its clock. */
    if (shared->idle_timeout_seconds > 0)
        MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
    enum MHD_Result result = dispatch(shared, *state, connection, method, data, data_size);
    if (shared->idle_timeout_seconds > 0)
        MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT,
                                  shared->idle_timeout_seconds);
    return result;
}

/* Ends our side and reads what the client still sends, for a moment. */
static void drain(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (!info)
        return;
    int fd = info->connect_fd;
    shutdown(fd, SHUT_WR);
    int64_t end_ms = clock_monotonic_ms() + MAX_DRAIN_MS;
    size_t drained_bytes = 0;
    char piece[16384];
    while (drained_bytes < MAX_DRAIN_BYTES) {
        int64_t left_ms = end_ms - clock_monotonic_ms();
        struct pollfd waiting = {.fd = fd, .events = POLLIN};
        if (left_ms <= 0 || poll(&waiting, 1, (int)left_ms) <= 0)
            return;
        ssize_t got = recv(fd, piece, sizeof piece, MSG_DONTWAIT);
        if (got <= 0)
            return;
        drained_bytes += (size_t)got;
    }
}

void exchange_on_completed(void *context, struct MHD_Connection *connection, void **state,
                           enum MHD_RequestTerminationCode reason) {
    struct exchange_shared *shared = context;
    struct exchange *e = *state;
    if (!e)
        return;
    *state = NULL;
    if (e->drain && reason == MHD_REQUEST_TERMINATED_COMPLETED_OK)
        drain(connection);
    if (e->begun && shared->handler.close)
        shared->handler.close(shared->handler.context, &e->x);
    close_extents(&e->x.response);
    drop_upgrade(&e->x.response);
    bool counted = e->begun;
    arena_free(e->x.arena);
    if (!counted)
        return;
    pthread_mutex_lock(&shared->mutex);
    shared->open_exchanges--;
    pthread_cond_broadcast(&shared->changed);
    pthread_mutex_unlock(&shared->mutex);
}
