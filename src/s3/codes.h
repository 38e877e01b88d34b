/*
 * The error codes of S3 that this project knows: their HTTP status, the kind they mean to a caller,
 * and S3's wording. One table, read by the client (code -> kind) and the server (code -> status).
 */
#ifndef S3_CODES_H
#define S3_CODES_H

#include "base/error.h"
#include "base/str.h"

struct s3_code {
    const char *code;
    unsigned status;
    enum error_kind kind;
    const char *message; /* NULL: the code has many reasons, each with its own text */
};

/* NULL when unknown. */
const struct s3_code *s3_code_find(struct str code);

#endif
