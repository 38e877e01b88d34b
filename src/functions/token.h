/*
 * Who may ask for what: the owner's token, and each job's capability token (an HMAC of its id, so
 * nothing needs to be kept). Pure; compared in constant time.
 */
#ifndef FUNCTIONS_TOKEN_H
#define FUNCTIONS_TOKEN_H

#include "base/arena.h"

#include <stdbool.h>

/* 43 characters of base64url: HMAC-SHA256 of the job's id under the secret. */
char *token_of_job(struct arena *arena, const char *secret, const char *job);

/* A job id of 32 hex digits, the same for the same owner, secret and Idempotency-Key. */
char *token_job_id(struct arena *arena, const char *secret, const char *owner,
                   const char *idempotency_key);

/* `authorization` is the header's value or NULL. With an empty `owner` everybody is the owner. */
bool token_is_owner(const char *authorization, const char *owner);
bool token_is_jobs(struct arena *arena, const char *authorization, const char *secret,
                   const char *job);

#endif
