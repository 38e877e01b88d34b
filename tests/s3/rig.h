/*
 * A store in a temporary folder with its S3 server on a free port, and signed calls to it.
 */
#ifndef TEST_S3_RIG_H
#define TEST_S3_RIG_H

#include "http/client.h"
#include "s3/server.h"
#include "sign/sigv4.h"

#define ROOT_KEY     "ROOTKEY"
#define ROOT_SECRET  "root/secret+of=this store"
/* May read `photos/` of bucket `box` and put below `in/` of it, nothing else. */
#define GUEST_KEY    "GUESTKEY"
#define GUEST_SECRET "guest-secret"

struct rig {
    char folder[64];
    struct store *store;
    struct s3_server *server;
    struct http_client *http;
    struct arena *arena; /* for all that the calls return */
    const char *host;    /* "127.0.0.1:port" */
    const char *url;     /* "http://127.0.0.1:port" */
};

/* Fails the test when it cannot. Bucket `box` exists. */
void rig_start(struct rig *rig);
void rig_stop(struct rig *rig);

struct rig_call {
    const char *method;
    const char *path;         /* raw */
    const char *query;        /* raw; NULL: none */
    const char *headers[8];   /* name, value, …, NULL */
    const char *body;         /* NULL: none */
    size_t body_size;         /* 0: strlen of it */
    const char *payload_hash; /* NULL: the body's own */
    const char *access_key;   /* NULL: root's */
    bool anonymous;
    int64_t clock_offset_ms;
};

/* Signs and sends it. */
struct http_reply rig_send(struct rig *rig, const struct rig_call *call);

/* Text of the error document's <Code>, "" when there is none. */
const char *rig_code(struct rig *rig, const struct http_reply *reply);
/* Text of a child of the document's root. */
const char *rig_text(struct rig *rig, const struct http_reply *reply, const char *child);
const char *rig_header(const struct http_reply *reply, const char *name); /* "" when absent */

/* A table of calls with what is expected of each; also checks what every answer has. */
struct rig_expected {
    struct rig_call call;
    unsigned status;
    const char *code; /* of the error document; NULL: none */
};
void rig_check(struct rig *rig, const struct rig_expected *cases, size_t count);
#define CHECK_ALL(rig, cases) rig_check(rig, cases, ARRAY_SIZE(cases))

/* For cmocka: a rig of its own for each test, as `*state`. */
int rig_setup(void **state);
int rig_teardown(void **state);
#define RIG_TEST(function) cmocka_unit_test_setup_teardown(function, rig_setup, rig_teardown)

/* Puts an object with the root key; fails the test when it cannot. */
void rig_put(struct rig *rig, const char *path, const void *data, size_t size);

#endif
