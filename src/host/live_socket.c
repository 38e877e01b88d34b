/*
 * The thread of the connection sleeps in poll on the socket and on an eventfd that senders ring.
 * wslay does the frames; it is fed and emptied only here, so it needs no lock.
 */
#include "host/live_socket.h"

#include "base/arena.h"
#include "base/codec.h"
#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/sha.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wslay/wslay.h>

enum {
    MAX_QUEUED = 8,
    MAX_RECEIVED_BYTES = 32 * 1024, /* as API Gateway's frames */
    PING_MS = 30000,
    /* Two pings without an answer: the other side is gone without having said so. */
    SILENCE_MS = 75000,
    GOODBYE_MS = 2000,
    KEY_BYTES = 16,
};

struct live_socket {
    pthread_mutex_t mutex; /* guards what follows, up to the empty line */
    struct buf queue[MAX_QUEUED];
    size_t queued;
    unsigned end_code; /* 0: it goes on */

    int wake_fd;
    int fd;
    struct str early;
    int64_t heard_ms; /* monotonic */
};

struct live_socket *live_socket_new(void) {
    struct live_socket *s = calloc(1, sizeof *s);
    if (!s)
        die_out_of_memory();
    pthread_mutex_init(&s->mutex, NULL);
    s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->fd = -1;
    return s;
}

void live_socket_free(struct live_socket *s) {
    if (!s)
        return;
    for (size_t i = 0; i < s->queued; i++)
        buf_clear(&s->queue[i]);
    fd_cleanup(&s->wake_fd);
    pthread_mutex_destroy(&s->mutex);
    free(s);
}

static void wake(const struct live_socket *s) {
    uint64_t one = 1;
    /* A counter that is full wakes as well. */
    if (write(s->wake_fd, &one, sizeof one) < 0)
        return;
}

void live_socket_send(struct live_socket *s, struct str text) {
    struct buf message;
    struct error ignored;
    buf_init(&message, text.len);
    if (!buf_append(&message, text.ptr, text.len, &ignored))
        return;
    pthread_mutex_lock(&s->mutex);
    if (s->queued == MAX_QUEUED) {
        buf_clear(&s->queue[0]);
        memmove(s->queue, s->queue + 1, (MAX_QUEUED - 1) * sizeof *s->queue);
        s->queued--;
    }
    s->queue[s->queued++] = message;
    pthread_mutex_unlock(&s->mutex);
    wake(s);
}

void live_socket_end(struct live_socket *s, unsigned code) {
    pthread_mutex_lock(&s->mutex);
    if (s->end_code == 0)
        s->end_code = code;
    pthread_mutex_unlock(&s->mutex);
    wake(s);
}

/* ---- wslay's callbacks ---- */

static ssize_t on_recv(wslay_event_context_ptr ws, uint8_t *data, size_t size, int flags,
                       void *context) {
    (void)flags;
    struct live_socket *s = context;
    if (s->early.len > 0) {
        size_t taken = size < s->early.len ? size : s->early.len;
        memcpy(data, s->early.ptr, taken);
        s->early.ptr += taken;
        s->early.len -= taken;
        return (ssize_t)taken;
    }
    ssize_t got;
    do
        got = recv(s->fd, data, size, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    if (got > 0) {
        s->heard_ms = clock_monotonic_ms();
        return got;
    }
    bool later = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    wslay_event_set_error(ws, later ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

static ssize_t on_send(wslay_event_context_ptr ws, const uint8_t *data, size_t size, int flags,
                       void *context) {
    struct live_socket *s = context;
    int more = flags & WSLAY_MSG_MORE ? MSG_MORE : 0;
    ssize_t sent;
    do
        sent = send(s->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL | more);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return sent;
    bool later = errno == EAGAIN || errno == EWOULDBLOCK;
    wslay_event_set_error(ws, later ? WSLAY_ERR_WOULDBLOCK : WSLAY_ERR_CALLBACK_FAILURE);
    return -1;
}

/* ---- serving ---- */

/* Hands what was queued to wslay, which sends it piece by piece. While it has something, the rest
 * waits here, where newer messages displace older ones. */
static bool take_queued(struct live_socket *s, wslay_event_context_ptr ws) {
    bool ok = true;
    pthread_mutex_lock(&s->mutex);
    while (ok && s->queued > 0 && wslay_event_get_queued_msg_count(ws) == 0) {
        struct buf *first = &s->queue[0];
        const struct wslay_event_msg message = {WSLAY_TEXT_FRAME, first->data, first->size};
        ok = wslay_event_queue_msg(ws, &message) == 0;
        buf_clear(first);
        memmove(s->queue, s->queue + 1, (s->queued - 1) * sizeof *s->queue);
        s->queued--;
    }
    pthread_mutex_unlock(&s->mutex);
    return ok;
}

/* True when the connection is to be cut: `*end_ms` is when, once it is to end. */
static bool is_over(struct live_socket *s, wslay_event_context_ptr ws, int64_t now_ms,
                    int64_t *end_ms) {
    pthread_mutex_lock(&s->mutex);
    unsigned code = s->end_code;
    pthread_mutex_unlock(&s->mutex);
    if (code != 0 && *end_ms == 0) {
        wslay_event_queue_close(ws, (uint16_t)code, NULL, 0);
        *end_ms = now_ms + GOODBYE_MS;
    }
    return (*end_ms != 0 && now_ms >= *end_ms) || now_ms - s->heard_ms >= SILENCE_MS;
}

static bool exchange(struct live_socket *s, wslay_event_context_ptr ws, int64_t wait_ms) {
    bool reads = wslay_event_want_read(ws), writes = wslay_event_want_write(ws);
    if (!reads && !writes)
        return false;
    struct pollfd waiting[] = {
        {.fd = s->fd, .events = (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0))},
        {.fd = s->wake_fd, .events = POLLIN},
    };
    int timeout = s->early.len > 0 ? 0 : (int)wait_ms;
    if (poll(waiting, ARRAY_SIZE(waiting), timeout) < 0 && errno != EINTR)
        return false;
    uint64_t rung;
    if ((waiting[1].revents & POLLIN) && read(s->wake_fd, &rung, sizeof rung) < 0)
        return false;
    bool readable = s->early.len > 0 || (waiting[0].revents & (POLLIN | POLLHUP | POLLERR));
    if (reads && readable && wslay_event_recv(ws) != 0)
        return false;
    return !wslay_event_want_write(ws) || wslay_event_send(ws) == 0;
}

static void run(struct live_socket *s, wslay_event_context_ptr ws) {
    int64_t now_ms = clock_monotonic_ms(), ping_ms = now_ms + PING_MS, end_ms = 0;
    s->heard_ms = now_ms;
    for (;;) {
        now_ms = clock_monotonic_ms();
        if (is_over(s, ws, now_ms, &end_ms))
            return;
        if (now_ms >= ping_ms) {
            const struct wslay_event_msg ping = {WSLAY_PING, NULL, 0};
            wslay_event_queue_msg(ws, &ping);
            ping_ms = now_ms + PING_MS;
        }
        if (end_ms == 0 && !take_queued(s, ws))
            return;
        int64_t until_ms = end_ms != 0 && end_ms < ping_ms ? end_ms : ping_ms;
        if (!exchange(s, ws, until_ms - now_ms))
            return;
    }
}

void live_socket_serve(struct live_socket *s, int fd, struct str early) {
    const struct wslay_event_callbacks callbacks = {
        .recv_callback = on_recv,
        .send_callback = on_send,
    };
    wslay_event_context_ptr ws;
    int on = 1;
    int flags = fcntl(fd, F_GETFL);
    s->fd = fd;
    s->early = early;
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (wslay_event_context_server_init(&ws, &callbacks, s) != 0)
        die_out_of_memory();
    wslay_event_config_set_max_recv_msg_length(ws, MAX_RECEIVED_BYTES);
    run(s, ws);
    wslay_event_context_free(ws);
}

bool live_accept_key(const char *key, char ret[LIVE_ACCEPT_SIZE]) {
    static const char magic[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    uint8_t *bytes;
    size_t size;
    if (strlen(key) > 64 || !base64_decode(arena, str_c(key), &bytes, &size) || size != KEY_BYTES)
        return false;
    const char *text = arena_printf(arena, "%s%s", key, magic);
    unsigned char hash[SHA_DIGEST_LENGTH];
    SHA1((const unsigned char *)text, strlen(text), hash);
    const char *accept = base64_encode(arena, hash, sizeof hash);
    memcpy(ret, accept, LIVE_ACCEPT_SIZE);
    return true;
}
