/*
 * The table of the functions' rights. Everything not listed is refused by the store.
 *
 * The input is never written by a function that renders, the output never by the one that faces the
 * net. A pre-signed URL can do what its signer may, so `api` holds the rights of the uploads and
 * downloads that it signs.
 */
#include "cli/rights.h"

const char *const rights_functions[RIGHTS_FUNCTION_COUNT] = {
    [RIGHTS_API] = "api",
    [RIGHTS_INTAKE] = "intake",
    [RIGHTS_RENDER] = "render",
    [RIGHTS_NOTIFY] = "notify",
};

static const struct store_statement api[] = {
    {"PutObject", BUCKET_INPUT, "jobs/"}, /* manifests, nudges; images through signed URLs */
    {"GetObject", BUCKET_INPUT, "jobs/*/manifest.json"},
    {"ListBucket", BUCKET_INPUT, "jobs/"},
    {"GetObject", BUCKET_WORK, ""},
    {"ListBucket", BUCKET_WORK, ""},
    {"PutObject", BUCKET_WORK, "cancelled/"},
    {"PutObject", BUCKET_WORK, "connections/"},
    {"DeleteObject", BUCKET_WORK, "connections/"},
    {"GetObject", BUCKET_OUTPUT, ""}, /* results; videos through signed URLs */
    {"ListBucket", BUCKET_OUTPUT, ""},
};

static const struct store_statement intake[] = {
    {"GetObject", BUCKET_INPUT, ""},
    {"ListBucket", BUCKET_INPUT, ""},
    {"DeleteObject", BUCKET_INPUT, ""}, /* late arrivals */
    {"GetObject", BUCKET_WORK, ""},
    {"ListBucket", BUCKET_WORK, ""},
    {"PutObject", BUCKET_WORK, "plans/"},
    {"PutObject", BUCKET_WORK, "tasks/"},
    {"GetObject", BUCKET_OUTPUT, ""},
    {"ListBucket", BUCKET_OUTPUT, ""},
    {"PutObject", BUCKET_OUTPUT, "*/result.json"},
};

/* clang-format off */
static const struct store_statement render[] = {
    {"GetObject", BUCKET_INPUT, ""},
    {"ListBucket", BUCKET_INPUT, ""},
    {"GetObject", BUCKET_WORK, ""},
    {"ListBucket", BUCKET_WORK, ""},
    {"PutObject", BUCKET_WORK, ""},
    {"DeleteObject", BUCKET_WORK, ""},
    {"GetObject", BUCKET_OUTPUT, ""},
    {"ListBucket", BUCKET_OUTPUT, ""},
    {"PutObject", BUCKET_OUTPUT, ""}, /* and the multipart calls */
    {"DeleteObject", BUCKET_OUTPUT, ""},
    {"AbortMultipartUpload", BUCKET_OUTPUT, ""},
};
/* clang-format on */

/* It reads what the status is made of, and signs the same addresses as `api`. */
static const struct store_statement notify[] = {
    {"GetObject", BUCKET_INPUT, "jobs/*/manifest.json"},
    {"ListBucket", BUCKET_INPUT, "jobs/"},
    {"GetObject", BUCKET_WORK, ""},
    {"ListBucket", BUCKET_WORK, ""},
    {"DeleteObject", BUCKET_WORK, "connections/"},
    {"GetObject", BUCKET_OUTPUT, ""},
    {"ListBucket", BUCKET_OUTPUT, ""},
};

static const struct {
    const struct store_statement *statements;
    size_t count;
} table[RIGHTS_FUNCTION_COUNT] = {
    [RIGHTS_API] = {api, ARRAY_SIZE(api)},
    [RIGHTS_INTAKE] = {intake, ARRAY_SIZE(intake)},
    [RIGHTS_RENDER] = {render, ARRAY_SIZE(render)},
    [RIGHTS_NOTIFY] = {notify, ARRAY_SIZE(notify)},
};

const struct store_statement *rights_of(unsigned function, size_t *ret_count) {
    *ret_count = table[function].count;
    return table[function].statements;
}
