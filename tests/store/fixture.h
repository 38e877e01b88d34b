/*
 * What the tests of the store share: a store in a temporary folder, short forms of its calls, a
 * generator of repeatable numbers.
 */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include "store/queue.h"
#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct fixture {
    char folder[64];
    struct store *store;
    struct arena *arena;
    struct error err;
};

/* For cmocka: `*state` becomes a struct fixture with an open store and the bucket "photos". */
int fixture_setup(void **state);
/* Also checks that the store is sound, when it is open. */
int fixture_teardown(void **state);

/* A new temporary folder; `ret` has room for 64. Ends the test on failure. */
void make_temporary_folder(char *ret);
void remove_folder(const char *path);
/* Copies the folder, the store being open or not, as a crash would leave it. */
void copy_folder(const char *from, const char *to);

void fixture_reopen(struct fixture *fixture);

/* Fails the test with the error's text when `ok` is false. */
void assert_ok(struct fixture *fixture, bool ok);
/* `ok` must be false, with this kind and code (NULL for any). */
void assert_fails(struct fixture *fixture, bool ok, enum error_kind kind, const char *code);

struct store_put make_put(const char *key);
/* A body with these bytes, or NULL with the error. */
struct store_body *make_body(struct store *store, const void *data, size_t size, struct error *err);
bool put_bytes(struct store *store, struct arena *arena, const struct store_put *put,
               const void *data, size_t size, struct store_object *ret, struct error *err);
bool put_text(struct fixture *fixture, const char *key, const char *text);
/* `size` bytes that depend on the seed, in the arena. */
uint8_t *make_bytes(struct arena *arena, uint32_t seed, size_t size);
/* All bytes of the extents; closes them. False on an error of reading. */
bool read_extents(const struct store_open_extent *extents, size_t count, uint8_t *ret);
/* The whole object; ends the test when it cannot be read. */
uint8_t *read_object(struct fixture *fixture, const char *key, size_t *ret_size);
void assert_object(struct fixture *fixture, const char *key, const void *data, size_t size);

/* What must hold at any time when nothing is under way: references are counted right, extents
 * belong to somebody and fill their object, files and rows of blobs are the same. */
void assert_sound(const char *folder);

size_t count_blobs(const char *folder);
size_t count_temporary(const char *folder);
uint64_t queue_size(struct fixture *fixture);

/* xorshift: the same numbers on every run. */
uint32_t next_number(uint32_t *seed);

#endif
