/*
 * Each file is written whole before it is used, so a crash leaves it either missing (made again,
 * with nothing signed by it yet) or complete.
 */
#include "cli/secrets.h"
#include "base/codec.h"
#include "base/os.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_FILE_BYTES = 64 * 1024,
    ACCESS_KEY_LENGTH = 20, /* as S3's own */
    SECRET_BYTES = 30,      /* 40 characters */
    MIN_SECRET_LENGTH = 16,
};

struct key_pair secrets_new_pair(struct arena *arena) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint8_t random[ACCESS_KEY_LENGTH];
    char access_key[ACCESS_KEY_LENGTH + 1] = "";
    uint8_t secret[SECRET_BYTES];
    random_bytes(random, sizeof random);
    random_bytes(secret, sizeof secret);
    for (size_t i = 0; i < sizeof random; i++)
        access_key[i] = letters[random[i] % (sizeof letters - 1)];
    return (struct key_pair){arena_strdup(arena, access_key),
                             base64url_encode(arena, secret, sizeof secret)};
}

/* False with NOT_FOUND when the file is missing, so that the caller makes it. */
static bool read_text(struct arena *arena, const char *path, struct str *ret, struct error *err) {
    return read_file(arena, path, MAX_FILE_BYTES, ret, err);
}

static bool usable(struct str text) {
    return text.len > 0 && text.len <= 128 && str_is_utf8(text) && !str_has_control(text) &&
           memchr(text.ptr, ' ', text.len) == NULL;
}

static bool load_root(struct arena *arena, const char *folder, struct key_pair *ret,
                      struct error *err) {
    const char *path = arena_printf(arena, "%s/root.key", folder);
    struct str text, rest;
    if (!read_text(arena, path, &text, err)) {
        if (err->kind != ERROR_NOT_FOUND)
            return false;
        struct key_pair pair = secrets_new_pair(arena);
        const char *lines = arena_printf(arena, "%s\n%s\n", pair.access_key, pair.secret_key);
        if (!publish_file(path, lines, strlen(lines), 0600, err))
            return false;
        *ret = pair;
        return true;
    }
    struct str access_key = str_split(text, '\n', &rest);
    struct str secret_key = str_split(rest, '\n', &rest);
    if (!usable(access_key) || !usable(secret_key) || secret_key.len < MIN_SECRET_LENGTH ||
        rest.len > 0)
        return error_set(err, ERROR_INVALID, NULL,
                         "'%s' must have two lines: access key and secret key", path);
    ret->access_key = arena_strndup(arena, access_key.ptr, access_key.len);
    ret->secret_key = arena_strndup(arena, secret_key.ptr, secret_key.len);
    return true;
}

static json_t *pairs_to_json(const struct key_pair *pairs) {
    json_t *object = json_object();
    for (unsigned i = 0; i < RIGHTS_FUNCTION_COUNT; i++)
        json_object_set_new(object, rights_functions[i],
                            json_pack("{s:s, s:s}", "access_key", pairs[i].access_key, "secret_key",
                                      pairs[i].secret_key));
    return object;
}

static bool publish_pairs(const char *path, const struct key_pair *pairs, struct error *err) {
    json_auto_t *object = pairs_to_json(pairs);
    char *text = json_dumps(object, JSON_INDENT(2));
    if (text == NULL)
        die_out_of_memory();
    bool ok = publish_file(path, text, strlen(text), 0600, err);
    free(text);
    return ok;
}

/* A function that the file does not know yet (of a later version) gets a pair. */
static bool read_pairs(struct arena *arena, const char *path, struct str text,
                       struct key_pair *pairs, bool *ret_changed, struct error *err) {
    json_auto_t *object = json_loadb(text.ptr, text.len, 0, NULL);
    if (!json_is_object(object))
        return error_set(err, ERROR_INVALID, NULL, "'%s' is not a JSON object of keys", path);
    for (unsigned i = 0; i < RIGHTS_FUNCTION_COUNT; i++) {
        const json_t *pair = json_object_get(object, rights_functions[i]);
        const char *access_key = json_string_value(json_object_get(pair, "access_key"));
        const char *secret_key = json_string_value(json_object_get(pair, "secret_key"));
        if (pair == NULL) {
            pairs[i] = secrets_new_pair(arena);
            *ret_changed = true;
            continue;
        }
        if (access_key == NULL || secret_key == NULL || !usable(str_c(access_key)) ||
            !usable(str_c(secret_key)) || strlen(secret_key) < MIN_SECRET_LENGTH)
            return error_set(err, ERROR_INVALID, NULL, "'%s': the key of '%s' is not one", path,
                             rights_functions[i]);
        pairs[i].access_key = arena_strdup(arena, access_key);
        pairs[i].secret_key = arena_strdup(arena, secret_key);
    }
    return true;
}

static bool load_pairs(struct arena *arena, const char *folder, struct key_pair *ret,
                       struct error *err) {
    const char *path = arena_printf(arena, "%s/keys.json", folder);
    struct str text;
    bool changed = false;
    if (read_text(arena, path, &text, err)) {
        if (!read_pairs(arena, path, text, ret, &changed, err))
            return false;
        return !changed || publish_pairs(path, ret, err);
    }
    if (err->kind != ERROR_NOT_FOUND)
        return false;
    for (unsigned i = 0; i < RIGHTS_FUNCTION_COUNT; i++)
        ret[i] = secrets_new_pair(arena);
    return publish_pairs(path, ret, err);
}

static bool load_signing(struct arena *arena, const char *folder, const char **ret,
                         struct error *err) {
    const char *path = arena_printf(arena, "%s/secret", folder);
    struct str text, rest;
    if (!read_text(arena, path, &text, err)) {
        if (err->kind != ERROR_NOT_FOUND)
            return false;
        uint8_t random[SECRET_BYTES];
        random_bytes(random, sizeof random);
        const char *made = base64url_encode(arena, random, sizeof random);
        const char *line = arena_printf(arena, "%s\n", made);
        if (!publish_file(path, line, strlen(line), 0600, err))
            return false;
        *ret = made;
        return true;
    }
    struct str line = str_split(text, '\n', &rest);
    if (!usable(line) || line.len < MIN_SECRET_LENGTH || rest.len > 0)
        return error_set(err, ERROR_INVALID, NULL,
                         "'%s' must be one line of at least %d characters", path,
                         MIN_SECRET_LENGTH);
    *ret = arena_strndup(arena, line.ptr, line.len);
    return true;
}

bool secrets_load(struct arena *arena, const char *folder, struct secrets *ret, struct error *err) {
    struct secrets secrets = {0};
    if (!load_root(arena, folder, &secrets.root, err) ||
        !load_pairs(arena, folder, secrets.functions, err) ||
        !load_signing(arena, folder, &secrets.signing, err))
        return false;
    *ret = secrets;
    return true;
}
