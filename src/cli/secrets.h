/*
 * The keys of an embedded store's folder, made at its first start and kept, so that addresses
 * signed before a restart stay valid: `root.key` (two lines: access key, secret key), `keys.json`
 * (one pair a function) and `secret` (for capability tokens). All with mode 0600.
 */
#ifndef CLI_SECRETS_H
#define CLI_SECRETS_H

#include "base/arena.h"
#include "base/error.h"
#include "cli/rights.h"

struct key_pair {
    const char *access_key;
    const char *secret_key;
};

struct secrets {
    struct key_pair root;
    struct key_pair functions[RIGHTS_FUNCTION_COUNT];
    const char *signing;
};

/* Reads the files, makes those that are missing. INVALID for one that is not what it should be: a
 * key is never replaced silently. */
MUST_CHECK bool secrets_load(struct arena *arena, const char *folder, struct secrets *ret,
                             struct error *err);

/* A new pair, as the folder's own are made. */
struct key_pair secrets_new_pair(struct arena *arena);

#endif
