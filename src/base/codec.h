/*
 * Small encodings: hex, base64, percent, form, and the date formats of HTTP and AWS. Pure.
 */
#ifndef BASE_CODEC_H
#define BASE_CODEC_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Lower-case hex of `size` bytes; `ret_text` has room for 2 * size + 1. */
void hex_encode(const void *data, size_t size, char *ret_text);
/* Exactly `size` bytes from 2 * size hex digits of either case. */
bool hex_decode(struct str text, void *ret_data, size_t size);

/* RFC 4648 section 4, with padding. */
char *base64_encode(struct arena *arena, const void *data, size_t size);
/* Section 5 (URL and file name safe), without padding. */
char *base64url_encode(struct arena *arena, const void *data, size_t size);
/* Section 4; false on anything else. `*ret_data` lives in the arena. */
bool base64_decode(struct arena *arena, struct str text, uint8_t **ret_data, size_t *ret_size);

/* RFC 3986: everything but A-Z a-z 0-9 - . _ ~ becomes %XX (upper-case hex); with `keep_slash`
 * `/` stays. This is also SigV4's UriEncode. */
char *percent_encode(struct arena *arena, struct str text, bool keep_slash);
/* %XX to bytes; with `plus_is_space` also `+` to space (form encoding, keys in S3 events). False
 * on a broken escape. */
bool percent_decode(struct arena *arena, struct str text, bool plus_is_space, struct str *ret);
/* application/x-www-form-urlencoded of a key as S3 writes it in events: `+` for space, `/` kept. */
char *form_encode_key(struct arena *arena, struct str text);

/* Times are milliseconds since 1970-01-01 UTC. Each `format_*` needs room for DATE_SIZE. */
#define DATE_SIZE 40
void date_format_iso(int64_t unix_ms, char *ret);            /* 2026-11-23T12:44:47.000Z */
void date_format_http(int64_t unix_ms, char *ret);           /* Mon, 23 Nov 2026 12:44:47 GMT */
void date_format_basic(int64_t unix_ms, char *ret);          /* 20261123T124447Z, of SigV4 */
bool date_parse_iso(struct str text, int64_t *ret_unix_ms);  /* with or without milliseconds */
bool date_parse_http(struct str text, int64_t *ret_unix_ms); /* IMF-fixdate only */
bool date_parse_basic(struct str text, int64_t *ret_unix_ms);

#endif
