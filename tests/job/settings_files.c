/*
 * Keeps the files that are made from the settings table: the JSON Schema, and the same in the API's
 * description. Writes them; with --check it only looks, and says which is not what the table says.
 *
 *     settings_files [--check] settings.schema.json openapi.json
 */
#include "base/arena.h"
#include "base/os.h"
#include "job/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE_BYTES = 1 << 20 };

/* As the files lie there: two blanks a step, a line's end behind. Drops the reference. */
static char *text_of(struct arena *arena, json_t *document) {
    char *text = json_dumps(document, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
    if (!text)
        die_out_of_memory();
    char *kept = arena_printf(arena, "%s\n", text);
    free(text);
    json_decref(document);
    return kept;
}

static bool keep(struct arena *arena, bool check, const char *path, const char *text,
                 struct error *err) {
    struct str now;
    if (!check)
        return publish_file(path, text, strlen(text), 0644, err);
    return read_file(arena, path, MAX_FILE_BYTES, &now, err) &&
           (str_equal_c(now, text) ||
            error_set(err, ERROR_INVALID, NULL,
                      "'%s' is not what the settings table says; ninja settings-files writes it",
                      path));
}

/* The API's description with the schema as its component. */
static bool description_of(struct arena *arena, const char *path, const json_t *schema, char **ret,
                           struct error *err) {
    struct str text;
    json_error_t why;
    if (!read_file(arena, path, MAX_FILE_BYTES, &text, err))
        return false;
    json_t *root = json_loadb(text.ptr, text.len, 0, &why);
    json_t *schemas = json_object_get(json_object_get(root, "components"), "schemas");
    json_t *settings = json_deep_copy(schema);
    json_object_del(settings, "$schema");
    if (!schemas || json_object_set_new(schemas, "Settings", settings) != 0) {
        json_decref(root);
        return error_set(err, ERROR_INVALID, NULL, "'%s' has no components", path);
    }
    *ret = text_of(arena, root);
    return true;
}

static bool run(struct arena *arena, bool check, char **paths, struct error *err) {
    char *description;
    json_t *schema = settings_schema();
    bool good = description_of(arena, paths[1], schema, &description, err);
    const char *text = text_of(arena, schema);
    return good && keep(arena, check, paths[0], text, err) &&
           keep(arena, check, paths[1], description, err);
}

int main(int argc, char **argv) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct error err;
    bool check = argc == 4 && strcmp(argv[1], "--check") == 0;
    if (argc != 3 && !check) {
        fprintf(stderr, "usage: settings_files [--check] settings.schema.json openapi.json\n");
        return 2;
    }
    if (run(arena, check, argv + argc - 2, &err))
        return 0;
    fprintf(stderr, "%s\n", err.text);
    return 1;
}
