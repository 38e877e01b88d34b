/*
 * What an embedded store holds before the first job: buckets, keys and their rights, which object
 * is an event for which function, and who may upload from a browser.
 */
#ifndef CLI_SETUP_H
#define CLI_SETUP_H

#include "base/arena.h"
#include "base/error.h"
#include "cli/address.h"
#include "cli/secrets.h"
#include "store/store.h"

/* Buckets, keys and notification rules. Repeating it changes nothing. */
MUST_CHECK bool setup_buckets(struct store *store, struct arena *arena,
                              const struct secrets *secrets, struct error *err);

/* CORS of the input and output buckets for the page at `page`; a loopback page has all its names.
 */
MUST_CHECK bool setup_cors(struct store *store, struct arena *arena, const struct address *page,
                           struct error *err);

/* The documents, for tests and `GET ?notification`, `?cors`. */
char *setup_notification_xml(struct arena *arena, const struct store_rule *rules, size_t count);
char *setup_cors_xml(struct arena *arena, const struct address *page);

#endif
