/*
 * The store's S3 face: HTTP, SigV4, rights and CORS in front of store/.
 *
 * While it runs, the lifecycle rules of the buckets are carried out, at the start and every hour.
 *
 * Path style only. Every request is authenticated (header or pre-signed query) and allowed by a
 * statement of its key, or refused; preflights are answered without. Operations and refusals are
 * listed in docs/s3.md.
 */
#ifndef S3_SERVER_H
#define S3_SERVER_H

#include "base/error.h"
#include "store/store.h"

#include <stdbool.h>

struct s3_server;

struct s3_server_options {
    const char *address;         /* "127.0.0.1:9000"; port 0 takes a free one */
    const char *region;          /* "local" */
    struct store *store;         /* must outlive the server */
    const char *tls_certificate; /* PEM texts, the chain and its key; NULL: plain HTTP */
    const char *tls_key;
};

MUST_CHECK bool s3_server_start(const struct s3_server_options *options, struct s3_server **ret,
                                struct error *err);
const char *s3_server_address(const struct s3_server *server);
/* Waits for running requests. NULL is fine. */
void s3_server_free(struct s3_server *server);

#endif
