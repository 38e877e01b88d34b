/*
 * Handlers for small bodies: the body is collected, then one function answers.
 */
#include "base/arena.h"
#include "http/server.h"

static void refuse(const struct http_small_handler *small, struct http_exchange *x) {
    if (small->too_large)
        small->too_large(small->context, x);
    else
        http_respond(x, 413, "text/plain", str_c(http_status_text(413)));
}

static bool begin(void *context, struct http_exchange *x) {
    const struct http_small_handler *small = context;
    if (x->request.content_length > 0 &&
        (uint64_t)x->request.content_length > small->max_body_bytes) {
        refuse(small, x);
        return false;
    }
    struct buf *body = arena_alloc(x->arena, sizeof *body);
    buf_init(body, small->max_body_bytes);
    x->state = body;
    return true;
}

static bool take_body(void *context, struct http_exchange *x, const void *data, size_t size) {
    struct error err;
    if (buf_append(x->state, data, size, &err))
        return true;
    refuse(context, x);
    return false;
}

static void finish(void *context, struct http_exchange *x) {
    const struct http_small_handler *small = context;
    small->handle(small->context, x, buf_str(x->state));
}

/* Not earlier: the answer may point into the body. */
static void close_exchange(void *context, struct http_exchange *x) {
    (void)context;
    if (x->state)
        buf_clear(x->state);
}

struct http_handler http_small_handler(const struct http_small_handler *small) {
    return (struct http_handler){
        .context = (void *)small,
        .begin = begin,
        .body = take_body,
        .finish = finish,
        .close = close_exchange,
    };
}

void http_respond(struct http_exchange *x, unsigned status, const char *content_type,
                  struct str text) {
    struct str copy = arena_str(x->arena, text);
    x->response.status = status;
    x->response.body = copy.ptr;
    x->response.body_size = copy.len;
    http_headers_add(x->arena, &x->response.headers, "Content-Type", content_type);
}
