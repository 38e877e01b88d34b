/*
 * The client over libcurl's easy interface. An easy handle keeps its connection, so handles are
 * kept in a stack: the one used last is the one whose connection is most likely still open. A
 * handle belongs to one thread while a call runs; the stack alone is shared.
 */
#include "http/client.h"

#include "base/os.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    MAX_IDLE_HANDLES = 64,
    DEFAULT_CONNECT_TIMEOUT_MS = 5000,
    /* With a sink the caller set no limit, but a refusal's body is kept. */
    MAX_REFUSAL_BYTES = 1024 * 1024,
    MAX_HEAD_BYTES = 256 * 1024,
    /* Fewer, larger system calls than with curl's 16 and 64 KiB. */
    TRANSFER_BUFFER_BYTES = 256 * 1024,
};

/* `mutex` guards the stack of idle handles. */
struct http_client {
    pthread_mutex_t mutex;
    CURL *idle[MAX_IDLE_HANDLES];
    size_t idle_count;
    const char *certificates; /* bundle of authorities, NULL: curl's own choice */
};

/* One call, as curl's callbacks see it. */
struct transfer {
    const struct http_call *call;
    CURL *curl;
    struct arena *arena;
    struct error *err;
    bool failed; /* a callback gave up and filled in `err` */
    uint64_t read_offset;
    struct http_headers headers;
    size_t head_bytes;
    bool head_ended; /* by its empty line, which curl itself does not insist on */
    char *body;      /* in the arena, of body_capacity, when the length was told beforehand */
    size_t body_size;
    size_t body_capacity;
    struct buf unsized_body;
    curl_off_t moved_bytes;
    int64_t moved_at_ms;
    char reason[CURL_ERROR_SIZE];
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void init_curl(void) {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        die_out_of_memory();
}

/* The path compiled into libcurl is that of one distribution; programs run on others too. */
static const char *find_certificates(void) {
    const char *chosen = getenv("SSL_CERT_FILE");
    if (chosen && chosen[0])
        return chosen;
    static const char *const usual[] = {
        "/etc/ssl/certs/ca-certificates.crt", /* Debian, Ubuntu, Alpine */
        "/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora, Amazon Linux */
        "/etc/ssl/ca-bundle.pem",             /* SUSE */
    };
    for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
        if (access(usual[i], R_OK) == 0)
            return usual[i];
    return NULL;
}

struct http_client *http_client_new(void) {
    pthread_once(&curl_once, init_curl);
    struct http_client *client = calloc(1, sizeof *client);
    if (!client)
        die_out_of_memory();
    pthread_mutex_init(&client->mutex, NULL);
    client->certificates = find_certificates();
    return client;
}

void http_client_free(struct http_client *client) {
    if (!client)
        return;
    for (size_t i = 0; i < client->idle_count; i++)
        curl_easy_cleanup(client->idle[i]);
    pthread_mutex_destroy(&client->mutex);
    free(client);
}

static CURL *take_handle(struct http_client *client) {
    CURL *curl = NULL;
    pthread_mutex_lock(&client->mutex);
    if (client->idle_count > 0)
        curl = client->idle[--client->idle_count];
    pthread_mutex_unlock(&client->mutex);
    if (!curl)
        curl = curl_easy_init();
    if (!curl)
        die_out_of_memory();
    return curl;
}

static void give_handle(struct http_client *client, CURL *curl) {
    /* Options point into the call that is over. Connections survive the reset. */
    curl_easy_reset(curl);
    pthread_mutex_lock(&client->mutex);
    bool kept = client->idle_count < MAX_IDLE_HANDLES;
    if (kept)
        client->idle[client->idle_count++] = curl;
    pthread_mutex_unlock(&client->mutex);
    if (!kept)
        curl_easy_cleanup(curl);
}

struct http_call http_call(const char *method, const char *url) {
    return (struct http_call){.method = method, .url = url, .body_fd = -1};
}

static size_t on_header(char *data, size_t one, size_t size, void *context) {
    struct transfer *t = context;
    struct str line = {data, size * one};
    while (line.len > 0 && (line.ptr[line.len - 1] == '\r' || line.ptr[line.len - 1] == '\n'))
        line.len--;
    /* A new status line: what came before belonged to `100 Continue`. */
    if (str_starts_with(line, "HTTP/")) {
        t->headers = (struct http_headers){0};
        t->head_ended = false;
    }
    t->head_ended = t->head_ended || line.len == 0;
    t->head_bytes += line.len;
    struct str value;
    struct str name = str_split(line, ':', &value);
    bool is_header = name.len < line.len;
    if (t->head_bytes > MAX_HEAD_BYTES || (is_header && t->headers.count == HTTP_MAX_HEADERS)) {
        t->failed = true;
        error_set(t->err, ERROR_LIMIT, NULL, "the answer has too many headers");
        return 0;
    }
    if (is_header) {
        value = str_trim(value);
        uint64_t length;
        if (str_equal_nocase(name, str_c("content-length")) &&
            !str_to_u64(value, INT64_MAX, &length)) {
            /* curl would take the end of the connection for the end of the body. */
            t->failed = true;
            error_set(t->err, ERROR_UNAVAILABLE, NULL, "the answer has a bad Content-Length");
            return 0;
        }
        http_headers_add(t->arena, &t->headers, arena_strndup(t->arena, name.ptr, name.len),
                         arena_strndup(t->arena, value.ptr, value.len));
    }
    return size * one;
}

static unsigned status_of(CURL *curl) {
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return (unsigned)status;
}

static size_t max_body_bytes(const struct http_call *call) {
    if (call->sink && call->max_reply_bytes < MAX_REFUSAL_BYTES)
        return MAX_REFUSAL_BYTES;
    return call->max_reply_bytes;
}

/* The length is known for nearly every answer, and then nothing is copied twice. */
static bool prepare_body(struct transfer *t) {
    curl_off_t length = -1;
    curl_easy_getinfo(t->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    size_t max_bytes = max_body_bytes(t->call);
    if (length >= 0 && (uint64_t)length > max_bytes)
        return error_set(t->err, ERROR_LIMIT, NULL, "the answer has more than %zu bytes",
                         max_bytes);
    if (length >= 0) {
        t->body_capacity = (size_t)length;
        t->body = arena_alloc(t->arena, t->body_capacity + 1);
    }
    return true;
}

static bool keep_body(struct transfer *t, const char *data, size_t size) {
    bool first = !t->body && t->unsized_body.size == 0;
    if (first && !prepare_body(t))
        return false;
    if (!t->body) {
        if (buf_append(&t->unsized_body, data, size, t->err))
            return true;
        return error_prefix(t->err, "the answer");
    }
    if (size > t->body_capacity - t->body_size)
        return error_set(t->err, ERROR_UNAVAILABLE, NULL, "the answer is longer than it says");
    memcpy(t->body + t->body_size, data, size);
    t->body_size += size;
    return true;
}

static size_t on_body(char *data, size_t one, size_t size, void *context) {
    struct transfer *t = context;
    size *= one;
    unsigned status = status_of(t->curl);
    bool success = status >= 200 && status <= 299;
    bool taken = success && t->call->sink ? t->call->sink(t->call->sink_context, data, size, t->err)
                                          : keep_body(t, data, size);
    if (taken)
        return size;
    t->failed = true;
    return size > 0 ? 0 : 1; /* anything but the size stops curl */
}

static size_t on_read(char *ret, size_t one, size_t size, void *context) {
    struct transfer *t = context;
    size *= one;
    uint64_t left = t->call->body_size - t->read_offset;
    if (size > left)
        size = (size_t)left;
    if (size == 0)
        return 0;
    if (t->call->body) {
        memcpy(ret, (const char *)t->call->body + t->read_offset, size);
        t->read_offset += size;
        return size;
    }
    ssize_t got;
    do
        got = pread(t->call->body_fd, ret, size, (off_t)(t->call->body_offset + t->read_offset));
    while (got < 0 && errno == EINTR);
    if (got > 0) {
        t->read_offset += (uint64_t)got;
        return (size_t)got;
    }
    t->failed = true;
    if (got < 0)
        error_errno(t->err, "cannot read the file to send");
    else
        error_set(t->err, ERROR_CONFLICT, NULL, "the file to send has become shorter");
    return CURL_READFUNC_ABORT;
}

/* curl goes back to the start when a kept connection turns out to be dead. */
static int on_seek(void *context, curl_off_t offset, int origin) {
    struct transfer *t = context;
    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > t->call->body_size)
        return CURL_SEEKFUNC_FAIL;
    t->read_offset = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

static int on_progress(void *context, curl_off_t total_in, curl_off_t in, curl_off_t total_out,
                       curl_off_t out) {
    (void)total_in, (void)total_out;
    struct transfer *t = context;
    const struct http_call *call = t->call;
    if (call->progress && !call->progress(call->progress_context, (uint64_t)out)) {
        t->failed = true;
        error_set(t->err, ERROR_UNAVAILABLE, NULL, "the call was stopped");
        return 1;
    }
    int64_t now_ms = clock_monotonic_ms();
    if (in + out != t->moved_bytes) {
        t->moved_bytes = in + out;
        t->moved_at_ms = now_ms;
    }
    if (call->stall_timeout_ms > 0 && now_ms - t->moved_at_ms > call->stall_timeout_ms) {
        t->failed = true;
        error_set(t->err, ERROR_UNAVAILABLE, NULL, "no byte moved for %u ms",
                  call->stall_timeout_ms);
        return 1;
    }
    return 0;
}

static bool has_body(const struct http_call *call) {
    return call->body_size > 0 || strcmp(call->method, "PUT") == 0 ||
           strcmp(call->method, "POST") == 0;
}

static void set_method(CURL *curl, struct transfer *t) {
    const struct http_call *call = t->call;
    if (has_body(call)) {
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->body_size);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
        curl_easy_setopt(curl, CURLOPT_READDATA, t);
        curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_seek);
        curl_easy_setopt(curl, CURLOPT_SEEKDATA, t);
        curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, (long)TRANSFER_BUFFER_BYTES);
    } else if (strcmp(call->method, "HEAD") == 0) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    }
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
}

static void set_limits(CURL *curl, struct transfer *t) {
    const struct http_call *call = t->call;
    unsigned connect_timeout_ms =
        call->connect_timeout_ms > 0 ? call->connect_timeout_ms : DEFAULT_CONNECT_TIMEOUT_MS;
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_timeout_ms);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
    if (call->stall_timeout_ms == 0 && !call->progress)
        return;
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t);
    t->moved_at_ms = clock_monotonic_ms();
}

static bool is_loopback(const char *host) {
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           str_starts_with(str_c(host), "127.");
}

static void set_connection(CURL *curl, const struct http_client *client,
                           const struct http_url *url) {
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, (long)TRANSFER_BUFFER_BYTES);
    /* `..` is an ordinary part of an S3 key. */
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (is_loopback(url->host))
        curl_easy_setopt(curl, CURLOPT_PROXY, "");
    if (client->certificates)
        curl_easy_setopt(curl, CURLOPT_CAINFO, client->certificates);
}

static void append_line(struct curl_slist **lines, const char *line) {
    struct curl_slist *longer = curl_slist_append(*lines, line);
    if (!longer)
        die_out_of_memory();
    *lines = longer;
}

static bool build_lines(struct arena *arena, const struct http_headers *headers,
                        struct curl_slist **ret_lines, struct error *err) {
    for (size_t i = 0; i < headers->count; i++) {
        struct str name = str_c(headers->items[i].name);
        struct str value = str_c(headers->items[i].value);
        if (str_has_control(name) || str_has_control(value) || name.len == 0)
            return error_set(err, ERROR_INVALID, NULL, "header '%s' holds control characters",
                             headers->items[i].name);
        if (str_equal_nocase(name, str_c("content-length")))
            continue;
        /* curl's way to write a header without a value is a semicolon. */
        append_line(ret_lines, value.len > 0 ? arena_printf(arena, "%s: %s", name.ptr, value.ptr)
                                             : arena_printf(arena, "%s;", name.ptr));
    }
    append_line(ret_lines, "Expect:");
    return true;
}

static bool is_method(const char *method) {
    size_t length = strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    return length > 0 && length <= 16 && method[length] == '\0';
}

static enum error_kind kind_of(CURLcode result) {
    switch (result) {
    case CURLE_URL_MALFORMAT:
        return ERROR_INVALID;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
        return ERROR_DENIED;
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_FAILED_INIT:
    case CURLE_BAD_FUNCTION_ARGUMENT:
        return ERROR_INTERNAL;
    default:
        return ERROR_UNAVAILABLE;
    }
}

/* The URL itself stays out of the text: its query may be a signature. */
static bool fail(struct transfer *t, CURLcode result, const struct http_url *url) {
    if (result == CURLE_OUT_OF_MEMORY)
        die_out_of_memory();
    if (!t->failed) {
        const char *reason = t->reason[0] ? t->reason : curl_easy_strerror(result);
        error_set(t->err, kind_of(result), NULL, "%s", reason);
    }
    return error_prefix(t->err, "%s %s", t->call->method, http_url_host(t->arena, url));
}

static struct str take_body(struct transfer *t) {
    if (t->body)
        return (struct str){t->body, t->body_size};
    return arena_str(t->arena, buf_str(&t->unsized_body));
}

static bool perform(struct http_client *client, struct transfer *t, const struct http_url *url,
                    struct curl_slist *lines, struct http_reply *ret) {
    CURL *curl = t->curl;
    set_connection(curl, client, url);
    set_limits(curl, t);
    set_method(curl, t);
    curl_easy_setopt(curl, CURLOPT_URL, t->call->url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, lines);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, t->reason);
    CURLcode result = curl_easy_perform(curl);
    if (result == CURLE_OK && !t->head_ended)
        result = CURLE_GOT_NOTHING;
    if (result != CURLE_OK)
        return fail(t, result, url);
    *ret = (struct http_reply){status_of(curl), t->headers, take_body(t)};
    return true;
}

bool http_client_perform(struct http_client *client, struct arena *arena,
                         const struct http_call *call, struct http_reply *ret, struct error *err) {
    struct http_url url;
    if (!http_url_parse(arena, call->url, &url, err))
        return false;
    if (!is_method(call->method))
        return error_set(err, ERROR_INVALID, NULL, "'%s' is not a method", call->method);
    struct curl_slist *lines = NULL;
    if (!build_lines(arena, &call->headers, &lines, err)) {
        curl_slist_free_all(lines);
        return false;
    }
    struct transfer t = {.call = call, .arena = arena, .err = err, .curl = take_handle(client)};
    buf_init(&t.unsized_body, max_body_bytes(call));
    bool ok = perform(client, &t, &url, lines, ret);
    buf_clear(&t.unsized_body);
    curl_slist_free_all(lines);
    give_handle(client, t.curl);
    return ok;
}
