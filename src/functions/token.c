/*
 * Tokens are keyed hashes with a word for their purpose in front, so that one can never stand for
 * another.
 */
#include "functions/token.h"

#include "base/codec.h"
#include "base/str.h"
#include "sign/digest.h"

#include <string.h>

enum { JOB_ID_BYTES = 16 };

char *token_of_job(struct arena *arena, const char *secret, const char *job) {
    char *text = arena_printf(arena, "job-token:%s", job);
    uint8_t hash[SHA256_SIZE];
    hmac_sha256(secret, strlen(secret), text, strlen(text), hash);
    return base64url_encode(arena, hash, sizeof hash);
}

char *token_job_id(struct arena *arena, const char *secret, const char *owner,
                   const char *idempotency_key) {
    char *text = arena_printf(arena, "job-id:%zu:%s:%s", strlen(owner), owner, idempotency_key);
    uint8_t hash[SHA256_SIZE];
    hmac_sha256(secret, strlen(secret), text, strlen(text), hash);
    char *id = arena_alloc(arena, 2 * JOB_ID_BYTES + 1);
    hex_encode(hash, JOB_ID_BYTES, id);
    return id;
}

static bool bearer_equals(const char *authorization, const char *token) {
    static const char scheme[] = "Bearer ";
    if (authorization == NULL ||
        !str_equal_nocase((struct str){authorization, strnlen(authorization, sizeof scheme - 1)},
                          str_c(scheme)))
        return false;
    const char *given = authorization + sizeof scheme - 1;
    /* Hashes of both are compared, so that not even the length shows in the time. */
    uint8_t a[SHA256_SIZE], b[SHA256_SIZE];
    sha256(given, strlen(given), a);
    sha256(token, strlen(token), b);
    return equal_constant_time(a, b, sizeof a);
}

bool token_is_owner(const char *authorization, const char *owner) {
    return owner[0] == '\0' || bearer_equals(authorization, owner);
}

bool token_is_jobs(struct arena *arena, const char *authorization, const char *secret,
                   const char *job) {
    return secret[0] != '\0' && bearer_equals(authorization, token_of_job(arena, secret, job));
}
