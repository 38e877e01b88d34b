/*
 * The embedded Tachyscope: store, S3 server, queue, function host and gateway in one process.
 */
#ifndef CLI_EMBEDDED_H
#define CLI_EMBEDDED_H

#include "base/error.h"
#include "cli/address.h"

#include <stdbool.h>

struct embedded_options {
    const char *data;      /* folder; made where it is missing */
    struct address listen; /* page and API */
    struct address s3_listen;
    unsigned concurrency;  /* render functions at once, at least 1 */
    unsigned idle_seconds; /* a function's process ends after so long without work */
    const char *token;     /* owner's; "" for none */
    bool require_sandbox;  /* no start where the kernel cannot shut functions in */
};

struct embedded;

/* Starts everything; when it returns true, requests are answered. UNAVAILABLE when another server
 * has the folder or a port is taken. The options' strings must outlive it. */
MUST_CHECK bool embedded_start(const struct embedded_options *options, struct embedded **ret,
                               struct error *err);

/* "http://127.0.0.1:8080" */
const char *embedded_page_url(const struct embedded *embedded);
const char *embedded_s3_url(const struct embedded *embedded);

/* Takes no more requests, lets functions at work finish for a moment, ends them, closes the store.
 * What was not finished is done after the next start. NULL is fine. */
void embedded_stop(struct embedded *embedded);

#endif
