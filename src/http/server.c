/*
 * The server over libmicrohttpd, one thread for each connection. The socket is made here, so that a
 * bad address and a taken port can be told apart and so that listening can end before the
 * connections do.
 */
#include "http/server.h"

#include "base/os.h"
#include "http/exchange.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    DEFAULT_MAX_CONNECTIONS = 1000,
    BACKLOG = 1024,
    /* Holds the head of a request and then pieces of its body: fewer calls for large uploads. */
    CONNECTION_MEMORY_BYTES = 128 * 1024,
    /* How long answers that are being sent may hold up the end. */
    GRACE_MS = 2000,
};

struct http_server {
    struct exchange_shared shared;
    struct MHD_Daemon *daemon;
    int listen_fd;
    char address[64];
};

union socket_address {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
};

/* "127.0.0.1:8080", "localhost:8080", "[::1]:0" */
static bool parse_address(const char *text, union socket_address *ret, socklen_t *ret_size) {
    const char *colon = strrchr(text, ':');
    uint64_t port;
    char host[INET6_ADDRSTRLEN + 2];
    if (!colon || (size_t)(colon - text) >= sizeof host ||
        !str_to_u64(str_c(colon + 1), 65535, &port))
        return false;
    size_t length = (size_t)(colon - text);
    memcpy(host, text, length);
    host[length] = '\0';
    memset(ret, 0, sizeof *ret);
    if (length > 2 && host[0] == '[' && host[length - 1] == ']') {
        host[length - 1] = '\0';
        ret->ipv6.sin6_family = AF_INET6;
        ret->ipv6.sin6_port = htons((uint16_t)port);
        *ret_size = sizeof ret->ipv6;
        return inet_pton(AF_INET6, host + 1, &ret->ipv6.sin6_addr) == 1;
    }
    const char *number = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    ret->ipv4.sin_family = AF_INET;
    ret->ipv4.sin_port = htons((uint16_t)port);
    *ret_size = sizeof ret->ipv4;
    return inet_pton(AF_INET, number, &ret->ipv4.sin_addr) == 1;
}

static void format_address(const union socket_address *address, char *ret, size_t size) {
    char host[INET6_ADDRSTRLEN] = "";
    if (address->any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &address->ipv6.sin6_addr, host, sizeof host);
        snprintf(ret, size, "[%s]:%u", host, (unsigned)ntohs(address->ipv6.sin6_port));
    } else {
        inet_ntop(AF_INET, &address->ipv4.sin_addr, host, sizeof host);
        snprintf(ret, size, "%s:%u", host, (unsigned)ntohs(address->ipv4.sin_port));
    }
}

static bool listen_on(struct http_server *server, const char *text, struct error *err) {
    union socket_address address;
    socklen_t size;
    if (!parse_address(text, &address, &size))
        return error_set(err, ERROR_INVALID, NULL, "'%s' is not an address to listen on", text);
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_errno(err, "cannot make a socket");
    server->listen_fd = fd;
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, &address.any, size) != 0 || listen(fd, BACKLOG) != 0) {
        bool taken = errno == EADDRINUSE || errno == EADDRNOTAVAIL;
        error_errno(err, "cannot listen on '%s'", text);
        if (taken)
            err->kind = ERROR_UNAVAILABLE;
        return false;
    }
    if (getsockname(fd, &address.any, &size) != 0)
        return error_errno(err, "cannot tell the address of the socket");
    format_address(&address, server->address, sizeof server->address);
    return true;
}

/* The path goes to the handler as it came, so there is nothing to decode. */
static size_t keep_escapes(void *context, struct MHD_Connection *connection, char *text) {
    (void)context, (void)connection;
    return strlen(text);
}

static bool start_daemon(struct http_server *server, const struct http_server_options *options,
                         struct error *err) {
    unsigned max_connections =
        options->max_connections > 0 ? options->max_connections : DEFAULT_MAX_CONNECTIONS;
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
                     MHD_USE_POLL | MHD_USE_ITC | MHD_ALLOW_UPGRADE;
    struct exchange_shared *shared = &server->shared;
    /* TLS 1.2 and later, and what the library calls its normal set within them. */
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)options->tls_certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)options->tls_key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
        {MHD_OPTION_END, 0, NULL},
    };
    if (options->tls_certificate)
        flags |= MHD_USE_TLS;
    else
        tls[0] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
    server->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, exchange_on_request, shared, MHD_OPTION_LISTEN_SOCKET,
        server->listen_fd, MHD_OPTION_CONNECTION_LIMIT, max_connections,
        MHD_OPTION_CONNECTION_TIMEOUT, options->idle_timeout_seconds,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES,
        MHD_OPTION_URI_LOG_CALLBACK, exchange_on_target, shared, MHD_OPTION_UNESCAPE_CALLBACK,
        keep_escapes, NULL, MHD_OPTION_NOTIFY_COMPLETED, exchange_on_completed, shared,
        MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
    if (!server->daemon && options->tls_certificate)
        return error_set(err, ERROR_INVALID, NULL,
                         "cannot start the HTTPS server on '%s': are certificate and key a pair of "
                         "PEM files?",
                         options->address);
    if (!server->daemon)
        return error_set(err, ERROR_INTERNAL, NULL, "cannot start the HTTP server on '%s'",
                         options->address);
    return true;
}

bool http_server_start(const struct http_server_options *options, struct http_server **ret,
                       struct error *err) {
    struct http_server *server = calloc(1, sizeof *server);
    if (!server)
        die_out_of_memory();
    server->listen_fd = -1;
    server->shared.handler = options->handler;
    server->shared.idle_timeout_seconds = options->idle_timeout_seconds;
    pthread_mutex_init(&server->shared.mutex, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&server->shared.changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (!listen_on(server, options->address, err) || !start_daemon(server, options, err)) {
        http_server_free(server);
        return false;
    }
    *ret = server;
    return true;
}

const char *http_server_address(const struct http_server *server) {
    return server->address;
}

void http_server_quiesce(struct http_server *server) {
    pthread_mutex_lock(&server->shared.mutex);
    bool done = server->shared.quiesced;
    server->shared.quiesced = true;
    pthread_mutex_unlock(&server->shared.mutex);
    if (done)
        return;
    /* The daemon may still hold the descriptor, so it is only shut down here and closed last. */
    MHD_quiesce_daemon(server->daemon);
    shutdown(server->listen_fd, SHUT_RDWR);
}

/* Handlers may take as long as they need; sending their answers may not. */
static void wait_for_exchanges(struct exchange_shared *shared) {
    pthread_mutex_lock(&shared->mutex);
    while (shared->running_handlers > 0)
        pthread_cond_wait(&shared->changed, &shared->mutex);
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += GRACE_MS / 1000;
    int result = 0;
    while (shared->open_exchanges > 0 && result == 0)
        result = pthread_cond_timedwait(&shared->changed, &shared->mutex, &end);
    pthread_mutex_unlock(&shared->mutex);
}

void http_server_free(struct http_server *server) {
    if (!server)
        return;
    if (server->daemon) {
        http_server_quiesce(server);
        wait_for_exchanges(&server->shared);
        MHD_stop_daemon(server->daemon);
    }
    fd_cleanup(&server->listen_fd);
    pthread_cond_destroy(&server->shared.changed);
    pthread_mutex_destroy(&server->shared.mutex);
    free(server);
}
