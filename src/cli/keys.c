/*
 * `tachyscope keys`: the access keys of a store's folder. Works also while a server has the folder,
 * which takes changes over with its next request.
 */
#include "base/codec.h"
#include "base/os.h"
#include "cli/cli.h"
#include "cli/data_folder.h"
#include "cli/options.h"
#include "cli/secrets.h"
#include "cli/text.h"
#include "store/store.h"

#include <stdio.h>
#include <string.h>

enum { MAX_EXPIRES_SECONDS = 365 * 24 * 60 * 60, TOKEN_BYTES = 30 };

static const struct option_row rows[] = {
    {"data", 0, "DIR", "folder of the store ($XDG_DATA_HOME/tachyscope)"},
    {"access-key", 0, "KEY", "the new key's name (a random one)"},
    {"expires", 0, "SECONDS", "a temporary key, with a session token"},
    {"json", 0, NULL, "print documents"},
    {0},
};

static const struct command_syntax syntax = {
    .name = "keys",
    .operands = "add ACTIONS:BUCKET[/PREFIX]… | list | remove KEY",
    .summary =
        "Makes, lists and removes access keys of a store. A key may do what its statements say "
        "and\n"
        "nothing else. ACTIONS are names such as GetObject, with commas between, or '*'; BUCKET "
        "is\n"
        "one name or '*'; a PREFIX with stars in it is a pattern of the whole key. The secret is\n"
        "shown once, when the key is made.",
    .example = "Examples:\n"
               "  tachyscope keys add GetObject,ListBucket:photos/2026/ PutObject:scratch\n"
               "  tachyscope keys add '*:scratch' --expires 3600\n",
    .rows = rows,
};

struct keys {
    struct arena *arena;
    const struct options *options;
    struct store *store;
    bool json;
};

/* ---- statements ---- */

/* The names that the store's routes ask for; a wrong one would be a right that never counts. */
static const char *const actions[] = {
    "*",
    "AbortMultipartUpload",
    "CreateBucket",
    "DeleteBucket",
    "DeleteObject",
    "DeleteObjectTagging",
    "GetBucketAcl",
    "GetBucketCors",
    "GetBucketLocation",
    "GetBucketLogging",
    "GetBucketNotification",
    "GetBucketObjectLockConfiguration",
    "GetBucketOwnershipControls",
    "GetBucketPolicy",
    "GetBucketPublicAccessBlock",
    "GetBucketRequestPayment",
    "GetBucketTagging",
    "GetBucketVersioning",
    "GetBucketWebsite",
    "GetEncryptionConfiguration",
    "GetLifecycleConfiguration",
    "GetObject",
    "GetObjectAcl",
    "GetObjectAttributes",
    "GetObjectTagging",
    "GetReplicationConfiguration",
    "ListAllMyBuckets",
    "ListBucket",
    "ListBucketMultipartUploads",
    "PutBucketAcl",
    "PutBucketCors",
    "PutBucketNotification",
    "PutLifecycleConfiguration",
    "PutObject",
    "PutObjectAcl",
    "PutObjectTagging",
};

static const char *find_action(struct str name) {
    if (str_starts_with(name, "s3:"))
        name = (struct str){name.ptr + 3, name.len - 3};
    for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
        if (str_equal_c(name, actions[i]))
            return actions[i];
    }
    return NULL;
}

/* One operand: a statement for each of its actions. */
static bool read_operand(struct arena *arena, const char *text, struct store_statement *statements,
                         size_t *count, struct error *err) {
    struct str rest, prefix;
    struct str names = str_split(str_c(text), ':', &rest);
    struct str bucket = str_split(rest, '/', &prefix);
    if (names.len == 0 || bucket.len == 0)
        return error_set(err, ERROR_INVALID, NULL, "'%s' is not ACTIONS:BUCKET[/PREFIX]", text);
    while (names.len > 0) {
        struct str name = str_split(names, ',', &names);
        const char *action = find_action(name);
        if (action == NULL)
            return error_set(err, ERROR_INVALID, NULL, "'%s': action '%.*s' is not known", text,
                             STR_ARG(name));
        if (*count == STORE_MAX_STATEMENTS)
            return error_set(err, ERROR_LIMIT, NULL, "a key has at most %d statements",
                             STORE_MAX_STATEMENTS);
        statements[(*count)++] = (struct store_statement){
            .action = action,
            .bucket = arena_strndup(arena, bucket.ptr, bucket.len),
            .prefix = arena_strndup(arena, prefix.len > 0 ? prefix.ptr : "", prefix.len),
        };
    }
    return true;
}

static bool read_statements(const struct keys *keys, struct store_statement *statements,
                            size_t *ret_count, struct error *err) {
    size_t count = 0;
    if (keys->options->operand_count < 2)
        return error_set(err, ERROR_INVALID, NULL,
                         "say what the key may do, such as 'GetObject:photos'");
    for (size_t i = 1; i < keys->options->operand_count; i++) {
        if (!read_operand(keys->arena, keys->options->operands[i], statements, &count, err))
            return false;
    }
    *ret_count = count;
    return true;
}

/* ---- add, list, remove ---- */

static const char *new_token(struct arena *arena) {
    uint8_t random[TOKEN_BYTES];
    random_bytes(random, sizeof random);
    return base64url_encode(arena, random, sizeof random);
}

static int print_new(const struct keys *keys, const struct store_temporary_key *key) {
    char expires[DATE_SIZE] = "";
    if (key->expires_unix_ms != 0)
        date_format_iso(key->expires_unix_ms, expires);
    if (keys->json) {
        json_t *document =
            json_pack("{s:s, s:s}", "access_key", key->access_key, "secret_key", key->secret_key);
        if (key->expires_unix_ms != 0) {
            json_object_set_new(document, "session_token", json_string(key->session_token));
            json_object_set_new(document, "expires_at", json_string(expires));
        }
        return cli_print_json(document) ? STATUS_DONE : STATUS_FAILED;
    }
    bool told = printf("AWS_ACCESS_KEY_ID=%s\nAWS_SECRET_ACCESS_KEY=%s\n", key->access_key,
                       key->secret_key) >= 0;
    if (key->expires_unix_ms != 0)
        told = told && printf("AWS_SESSION_TOKEN=%s\n", key->session_token) >= 0;
    return told && fflush(stdout) == 0 ? STATUS_DONE : STATUS_FAILED;
}

static bool name_is_usable(const char *name, struct error *err) {
    struct str text = str_c(name);
    if (text.len > 0 && text.len <= 128 && str_is_utf8(text) && !str_has_control(text) &&
        strpbrk(name, " ,/") == NULL)
        return true;
    return error_set(err, ERROR_INVALID, NULL, "'%s' cannot be an access key", name);
}

static bool is_taken(const struct keys *keys, const char *access_key) {
    struct store_key key;
    struct error ignored;
    return store_get_key(keys->store, keys->arena, access_key, &key, &ignored);
}

static int add(const struct keys *keys) {
    struct error err;
    uint64_t seconds = 0;
    size_t count = 0;
    struct store_statement *statements =
        arena_array(keys->arena, STORE_MAX_STATEMENTS, sizeof *statements);
    struct key_pair pair = secrets_new_pair(keys->arena);
    const char *name = options_value(keys->options, "access-key");
    if (!options_number(keys->options, "expires", 1, MAX_EXPIRES_SECONDS, &seconds, &err) ||
        !read_statements(keys, statements, &count, &err) ||
        (name != NULL && !name_is_usable(name, &err)))
        return cli_usage(syntax.name, &err);
    const struct store_temporary_key key = {
        .access_key = name != NULL ? name : pair.access_key,
        .secret_key = pair.secret_key,
        .session_token = seconds > 0 ? new_token(keys->arena) : "",
        .expires_unix_ms = seconds > 0 ? clock_unix_ms() + (int64_t)seconds * 1000 : 0,
    };
    /* The store's own keys have names too. */
    if (is_taken(keys, key.access_key)) {
        error_set(&err, ERROR_CONFLICT, NULL, "access key '%s' exists; remove it first",
                  key.access_key);
        return cli_fail(&err);
    }
    if (!store_put_temporary_key(keys->store, &key, statements, count, &err))
        return cli_fail(&err);
    return print_new(keys, &key);
}

static json_t *key_to_json(const struct store_key *key) {
    json_t *statements = json_array();
    for (size_t i = 0; i < key->count; i++)
        json_array_append_new(
            statements, json_pack("{s:s, s:s, s:s}", "action", key->statements[i].action, "bucket",
                                  key->statements[i].bucket, "prefix", key->statements[i].prefix));
    json_t *document =
        json_pack("{s:s, s:o}", "access_key", key->access_key, "statements", statements);
    if (key->expires_unix_ms != 0) {
        char expires[DATE_SIZE];
        date_format_iso(key->expires_unix_ms, expires);
        json_object_set_new(document, "expires_at", json_string(expires));
    }
    return document;
}

static bool print_key(struct arena *arena, const struct store_key *key) {
    bool told = printf("%s", text_clean(arena, key->access_key)) >= 0;
    for (size_t i = 0; i < key->count && told; i++) {
        const struct store_statement *s = &key->statements[i];
        const char *line = arena_printf(arena, "%s:%s%s%s", s->action, s->bucket,
                                        s->prefix[0] != '\0' ? "/" : "", s->prefix);
        told = printf(" %s", text_clean(arena, line)) >= 0;
    }
    return told && putchar('\n') != EOF;
}

static int list(const struct keys *keys) {
    struct error err;
    struct store_key *all;
    size_t count;
    if (!store_list_keys(keys->store, keys->arena, &all, &count, &err))
        return cli_fail(&err);
    if (keys->json) {
        json_t *document = json_array();
        for (size_t i = 0; i < count; i++)
            json_array_append_new(document, key_to_json(&all[i]));
        return cli_print_json(document) ? STATUS_DONE : STATUS_FAILED;
    }
    for (size_t i = 0; i < count; i++) {
        if (!print_key(keys->arena, &all[i]))
            return STATUS_FAILED;
    }
    return fflush(stdout) == 0 ? STATUS_DONE : STATUS_FAILED;
}

static int remove_key(const struct keys *keys) {
    struct error err;
    const char *name = keys->options->operand_count == 2 ? keys->options->operands[1] : NULL;
    if (name == NULL) {
        error_set(&err, ERROR_INVALID, NULL, "name the one access key to remove");
        return cli_usage(syntax.name, &err);
    }
    if (!is_taken(keys, name)) {
        error_set(&err, ERROR_NOT_FOUND, NULL, "access key '%s' does not exist", name);
        return cli_fail(&err);
    }
    return store_delete_key(keys->store, name, &err) ? STATUS_DONE : cli_fail(&err);
}

static int run(struct keys *keys) {
    static const struct {
        const char *name;
        int (*run)(const struct keys *keys);
    } verbs[] = {{"add", add}, {"list", list}, {"remove", remove_key}};
    struct error err;
    const char *data = options_value(keys->options, "data");
    const char *verb = keys->options->operand_count > 0 ? keys->options->operands[0] : "";
    if (data == NULL && !data_folder_default(keys->arena, &data, &err))
        return cli_usage(syntax.name, &err);
    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
        if (strcmp(verbs[i].name, verb) != 0)
            continue;
        if (!store_open_keys(data, &keys->store, &err))
            return cli_fail(&err);
        int status = verbs[i].run(keys);
        store_close(keys->store);
        return status;
    }
    error_set(&err, ERROR_INVALID, NULL, "say add, list or remove");
    return cli_usage(syntax.name, &err);
}

int command_keys(int argc, char **argv) {
    struct error err;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct options options CLEANUP(options_clear) = {0};
    if (!options_parse(arena, &syntax, argc, argv, &options, &err))
        return cli_usage(syntax.name, &err);
    if (options.help) {
        options_print_help(stdout, &syntax);
        return STATUS_DONE;
    }
    struct keys keys = {
        .arena = arena, .options = &options, .json = options_flag(&options, "json")};
    return run(&keys);
}
