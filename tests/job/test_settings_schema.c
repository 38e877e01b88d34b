/*
 * The JSON Schema says what the parser does. A validator of the keywords that the schema uses
 * stands here, so that both can be held against the same cases; a keyword that it does not know
 * fails the test.
 */
#include "job/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "settings_cases.h"

/* ---- a validator ---- */

static bool valid(const json_t *schema, const json_t *value);

static bool is_of_type(const char *type, const json_t *value) {
    if (strcmp(type, "object") == 0)
        return json_is_object(value);
    if (strcmp(type, "string") == 0)
        return json_is_string(value);
    if (strcmp(type, "number") == 0)
        return json_is_number(value);
    assert_string_equal(type, "integer");
    return json_is_integer(value) || (json_is_real(value) && fmod(json_real_value(value), 1) == 0);
}

static bool has_pattern(const char *pattern, const json_t *value) {
    regex_t regex;
    if (!json_is_string(value))
        return true;
    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    bool found = regexec(&regex, json_string_value(value), 0, NULL, 0) == 0;
    regfree(&regex);
    return found;
}

static bool within(const char *keyword, const json_t *bound, const json_t *value) {
    double limit = json_number_value(bound), number = json_number_value(value);
    if (!json_is_number(value))
        return true;
    if (strcmp(keyword, "minimum") == 0)
        return number >= limit;
    if (strcmp(keyword, "exclusiveMinimum") == 0)
        return number > limit;
    return number <= limit;
}

static size_t count_valid(const json_t *schemas, const json_t *value) {
    size_t count = 0, i;
    json_t *schema;
    json_array_foreach((json_t *)schemas, i, schema) {
        count += valid(schema, value);
    }
    return count;
}

static bool in_list(const json_t *list, const json_t *value) {
    size_t i;
    json_t *item;
    json_array_foreach((json_t *)list, i, item) {
        if (json_equal(item, value))
            return true;
    }
    return false;
}

static bool has_members(const json_t *names, const json_t *value) {
    size_t i;
    json_t *name;
    json_array_foreach((json_t *)names, i, name) {
        if (!json_object_get(value, json_string_value(name)))
            return false;
    }
    return true;
}

static bool depends(const json_t *needs, const json_t *value) {
    const char *name;
    json_t *others;
    json_object_foreach((json_t *)needs, name, others) {
        if (json_object_get(value, name) && !has_members(others, value))
            return false;
    }
    return true;
}

static bool good_members(const json_t *schema, const json_t *value) {
    const json_t *properties = json_object_get(schema, "properties");
    bool closed = json_is_false(json_object_get(schema, "additionalProperties"));
    const char *name;
    json_t *member;
    json_object_foreach((json_t *)value, name, member) {
        const json_t *rule = json_object_get(properties, name);
        if (rule ? !valid(rule, member) : closed)
            return false;
    }
    return true;
}

static bool is_annotation(const char *keyword) {
    static const char *const words[] = {"$schema", "title", "description", "default", "examples"};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (strcmp(words[i], keyword) == 0)
            return true;
    return false;
}

/* One keyword of those that stand for themselves. */
static bool holds(const char *keyword, const json_t *argument, const json_t *schema,
                  const json_t *value) {
    if (strcmp(keyword, "type") == 0)
        return is_of_type(json_string_value(argument), value);
    if (strcmp(keyword, "enum") == 0)
        return in_list(argument, value);
    if (strcmp(keyword, "const") == 0)
        return json_equal(argument, value);
    if (strcmp(keyword, "pattern") == 0)
        return has_pattern(json_string_value(argument), value);
    if (strcmp(keyword, "anyOf") == 0)
        return count_valid(argument, value) > 0;
    if (strcmp(keyword, "allOf") == 0)
        return count_valid(argument, value) == json_array_size(argument);
    if (strcmp(keyword, "not") == 0)
        return !valid(argument, value);
    if (strcmp(keyword, "if") == 0)
        return !valid(argument, value) || valid(json_object_get(schema, "then"), value);
    if (strcmp(keyword, "required") == 0)
        return has_members(argument, value);
    if (strcmp(keyword, "dependentRequired") == 0)
        return depends(argument, value);
    if (strcmp(keyword, "minimum") == 0 || strcmp(keyword, "maximum") == 0 ||
        strcmp(keyword, "exclusiveMinimum") == 0)
        return within(keyword, argument, value);
    if (strcmp(keyword, "properties") == 0 || strcmp(keyword, "additionalProperties") == 0)
        return good_members(schema, value);
    if (strcmp(keyword, "then") != 0 && !is_annotation(keyword))
        fail_msg("the schema has keyword '%s'", keyword);
    return true;
}

static bool valid(const json_t *schema, const json_t *value) {
    const char *keyword;
    json_t *argument;
    assert_true(json_is_object(schema));
    json_object_foreach((json_t *)schema, keyword, argument) {
        if (!holds(keyword, argument, schema, value))
            return false;
    }
    return true;
}

/* ---- the same cases ---- */

static void what_is_taken_is_valid(void **state) {
    (void)state;
    json_t *schema = settings_schema();
    for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
        json_t *value = json_loads(taken[i].text, 0, NULL);
        if (!valid(schema, value))
            fail_msg("%s is not valid", taken[i].text);
        json_decref(value);
    }
    json_decref(schema);
}

static void normal_forms_are_valid(void **state) {
    (void)state;
    json_t *schema = settings_schema();
    for (size_t i = 0; i < ARRAY_SIZE(taken); i++) {
        struct settings settings;
        struct error err;
        json_t *value = json_loads(taken[i].text, 0, NULL);
        assert_true(settings_parse(value, &settings, &err));
        json_t *normal = settings_to_json(&settings);
        if (!valid(schema, normal))
            fail_msg("the normal form of %s is not valid", taken[i].text);
        json_decref(normal);
        json_decref(value);
    }
    json_decref(schema);
}

/* What a JSON Schema does not say of what is refused. */
static const char *const beyond[] = {
    "{\"fps\":\"120.000001\"}",
    "{\"fps\":\"999999999999999999/1\"}",
    "{\"fps\":\"29.9700299\"}",
    "{\"hold\":\"86400.1\"}",
    "{\"hold\":0.0000000001}",
    "{\"size\":\"14x720\"}",
    "{\"size\":\"8194x720\"}",
    "{\"format\":\"gif\",\"fps\":\"50.000001\"}",
    "{\"transition\":\"none\",\"transition-duration\":2}",
    "{\"transition\":\"crossfade\",\"transition-duration\":\"60.1\"}",
    "{\"audio\":\"..\"}",
    "{\"audio\":\"none\",\"audio-loop\":true}",
    "{\"audio\":\"a.mp3\",\"audio-gain\":\"-60.001\"}",
    "{\"watermark\":\"logo.png@botom\"}",
    "{\"watermark\":\"@top\"}",
    "{\"stamp\":\"name\",\"watermark\":\"a.png\"}",
    "{\"seed\":\"9223372036854775808\"}",
};

static bool is_beyond(const char *text) {
    for (size_t i = 0; i < ARRAY_SIZE(beyond); i++)
        if (strcmp(beyond[i], text) == 0)
            return true;
    return false;
}

static void what_is_refused_is_not_valid(void **state) {
    (void)state;
    json_t *schema = settings_schema();
    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        json_t *value = json_loads(refused[i].text, 0, NULL);
        bool known = !valid(schema, value);
        if (known == is_beyond(refused[i].text))
            fail_msg("%s is %s", refused[i].text, known ? "not valid" : "valid");
        json_decref(value);
    }
    json_decref(schema);
}

/* ---- what the table says of itself ---- */

/* Parser and schema take the value. Settings that need another one have it beside them. */
static void check_value(const json_t *schema, const char *name, json_t *value) {
    json_t *object = json_object();
    struct settings settings;
    struct error err;
    if (strncmp(name, "audio-", 6) == 0 || (json_is_string(value) && strcmp(name, "hold") == 0 &&
                                            strcmp(json_string_value(value), "music") == 0))
        json_object_set_new(object, "audio", json_string("a.mp3"));
    if (strcmp(name, "transition-duration") == 0)
        json_object_set_new(object, "transition", json_string("crossfade"));
    json_object_set(object, name, value);
    char *text = json_dumps(value, JSON_ENCODE_ANY);
    if (!settings_parse(object, &settings, &err))
        fail_msg("%s: %s was refused: %s", name, text, err.text);
    if (!valid(schema, object))
        fail_msg("%s: %s is not valid", name, text);
    free(text);
    json_decref(object);
}

static void words_of_rows_are_good(const json_t *schema, const struct setting_help *row) {
    struct str rest = str_c(row->values);
    unsigned count = 0;
    while (rest.len > 0) {
        char word[64];
        struct str part =
            str_trim(str_split(rest, rest.ptr[strcspn(rest.ptr, ";,")] == ';' ? ';' : ',', &rest));
        /* Free values are told in several words, or in capital letters. */
        if (part.len == 0 || part.len >= sizeof word || memchr(part.ptr, ' ', part.len) ||
            strcspn(part.ptr, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") < part.len ||
            strncmp(part.ptr, "#rrggbb", part.len) == 0 ||
            strncmp(part.ptr, "seconds", part.len) == 0 || strncmp(part.ptr, "dB", part.len) == 0)
            continue;
        snprintf(word, sizeof word, "%.*s", STR_ARG(part));
        json_t *value = json_string(word);
        check_value(schema, row->name, value);
        json_decref(value);
        count++;
    }
    if (count == 0)
        fail_msg("%s has no default", row->name);
}

static void help_defaults_and_examples_are_good(void **state) {
    (void)state;
    json_t *schema = settings_schema();
    for (const struct setting_help *row = settings_help(); row->name; row++) {
        const json_t *rule = json_object_get(json_object_get(schema, "properties"), row->name);
        size_t i;
        json_t *value;
        assert_string_equal(json_string_value(json_object_get(rule, "description")), row->meaning);
        check_value(schema, row->name, json_object_get(rule, "default"));
        json_array_foreach(json_object_get(rule, "examples"), i, value) {
            check_value(schema, row->name, value);
        }
        json_array_foreach(json_object_get(rule, "enum"), i, value) {
            check_value(schema, row->name, value);
            char *text = json_dumps(value, JSON_ENCODE_ANY);
            const char *word = json_is_string(value) ? json_string_value(value) : text;
            if (!strchr(word, '@') && !strstr(row->values, word))
                fail_msg("the help of %s has not '%s'", row->name, word);
            free(text);
        }
        words_of_rows_are_good(schema, row);
    }
    json_decref(schema);
}

/* The first word of the help is the default. */
static void help_starts_with_the_default(void **state) {
    (void)state;
    struct settings defaults;
    settings_default(&defaults);
    for (const struct setting_help *row = settings_help(); row->name; row++) {
        struct settings settings;
        struct error err;
        struct str rest;
        struct str first = str_split(str_c(row->values), ';', &rest);
        json_t *object = json_pack("{s:s#, s:s, s:s}", row->name, first.ptr, (int)first.len,
                                   strcmp(row->name, "audio") == 0 ? "seed" : "audio",
                                   strcmp(row->name, "audio") == 0 ? "0" : "none",
                                   strcmp(row->name, "transition") == 0 ? "seed" : "transition",
                                   strcmp(row->name, "transition") == 0 ? "0" : "none");
        if (!settings_parse(object, &settings, &err))
            fail_msg("%s: %s", row->name, err.text);
        json_t *given = settings_to_json(&settings), *normal = settings_to_json(&defaults);
        if (!json_equal(given, normal))
            fail_msg("the help of %s does not start with the default", row->name);
        json_decref(given);
        json_decref(normal);
        json_decref(object);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_taken_is_valid),
        cmocka_unit_test(normal_forms_are_valid),
        cmocka_unit_test(what_is_refused_is_not_valid),
        cmocka_unit_test(help_defaults_and_examples_are_good),
        cmocka_unit_test(help_starts_with_the_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
