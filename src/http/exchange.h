/*
 * One request and its answer, as libmicrohttpd's callbacks drive it. Private to src/http.
 */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include "http/server.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* What all exchanges of a server share. `mutex` guards the counts and `quiesced`. */
struct exchange_shared {
    struct http_handler handler;
    unsigned idle_timeout_seconds;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t running_handlers; /* inside of `finish` */
    size_t open_exchanges;   /* begun and not closed yet */
    bool quiesced;
};

/* Callbacks of libmicrohttpd; `context` is the struct exchange_shared. */
void *exchange_on_target(void *context, const char *target, struct MHD_Connection *connection);
enum MHD_Result exchange_on_request(void *context, struct MHD_Connection *connection,
                                    const char *path, const char *method, const char *version,
                                    const char *data, size_t *data_size, void **state);
void exchange_on_completed(void *context, struct MHD_Connection *connection, void **state,
                           enum MHD_RequestTerminationCode reason);

#endif
