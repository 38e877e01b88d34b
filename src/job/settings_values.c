/*
 * Values of the common kinds: words of a list, true and false, fractions and whole numbers within
 * bounds. Each kind also says its JSON Schema, so that reading and description stand side by side.
 */
#include "job/settings_values.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { CHOICES_SIZE = 256 };

static void *field_of(const struct setting_rule *rule, struct settings *settings) {
    return (char *)settings + rule->field;
}

static const void *value_of(const struct setting_rule *rule, const struct settings *settings) {
    return (const char *)settings + rule->field;
}

json_t *setting_checked(json_t *value) {
    if (!value)
        die_out_of_memory();
    return value;
}

/* ---- words of a list ---- */

/* "contain, cover" */
static void join(const char *const *words, char *ret, size_t size) {
    size_t used = 0;
    ret[0] = '\0';
    for (size_t i = 0; words[i] && used < size; i++)
        used += (size_t)snprintf(ret + used, size - used, "%s%s", i > 0 ? ", " : "", words[i]);
}

bool setting_find_word(const char *const *words, struct str text, unsigned *ret) {
    for (unsigned i = 0; words[i]; i++) {
        if (str_equal_c(text, words[i])) {
            *ret = i;
            return true;
        }
    }
    return false;
}

bool setting_refuse_word(const char *const *words, const char *text, struct error *err) {
    char choices[CHOICES_SIZE];
    join(words, choices, sizeof choices);
    return error_set(err, ERROR_INVALID, NULL, "'%s' is not known (%s)", text, choices);
}

/* The fields of all choices are enums without negative values, which both compilers store as
 * unsigned. */
_Static_assert(sizeof(enum fit) == sizeof(unsigned), "choices are read and written as unsigned");

bool setting_parse_choice(const struct setting_rule *rule, const char *text,
                          struct settings *settings, struct error *err) {
    unsigned choice;
    if (!setting_find_word(rule->choices, str_c(text), &choice))
        return setting_refuse_word(rule->choices, text, err);
    memcpy(field_of(rule, settings), &choice, sizeof choice);
    return true;
}

json_t *setting_print_choice(const struct setting_rule *rule, const struct settings *settings) {
    unsigned choice;
    memcpy(&choice, value_of(rule, settings), sizeof choice);
    return json_string(rule->choices[choice]);
}

static json_t *schema_words(const char *const *words) {
    json_t *list = json_array();
    for (size_t i = 0; words[i]; i++)
        if (json_array_append_new(list, json_string(words[i])) != 0)
            die_out_of_memory();
    return list;
}

json_t *setting_schema_choice(const struct setting_rule *rule) {
    return setting_checked(
        json_pack("{s:s, s:o}", "type", "string", "enum", schema_words(rule->choices)));
}

bool setting_parse_flag(const struct setting_rule *rule, const char *text,
                        struct settings *settings, struct error *err) {
    static const char *const words[] = {"false", "true", NULL};
    unsigned choice;
    if (!setting_find_word(words, str_c(text), &choice))
        return error_set(err, ERROR_INVALID, NULL, "'%s' must be true or false", text);
    *(bool *)field_of(rule, settings) = choice == 1;
    return true;
}

json_t *setting_print_flag(const struct setting_rule *rule, const struct settings *settings) {
    return json_boolean(*(const bool *)value_of(rule, settings));
}

json_t *setting_schema_flag(const struct setting_rule *rule) {
    (void)rule;
    return setting_checked(json_pack("{s:[b, b, s, s]}", "enum", false, true, "false", "true"));
}

/* ---- numbers ---- */

static bool parse_signed(const char *text, struct rational *ret) {
    bool negative = text[0] == '-';
    if (!rational_parse(str_c(text + negative), ret))
        return false;
    if (negative)
        ret->num = -ret->num;
    return true;
}

bool setting_parse_rational(const struct setting_rule *rule, const char *text,
                            struct settings *settings, struct error *err) {
    struct rational value;
    if (!parse_signed(text, &value) ||
        rational_compare(value, (struct rational){rule->min, 1}) < 0 ||
        rational_compare(value, (struct rational){rule->max, 1}) > 0 ||
        (rule->over_min && value.num == rule->min * value.den)) {
        if (rule->over_min)
            return error_set(err, ERROR_INVALID, NULL,
                             "'%s' must be over %" PRId64 " and at most %" PRId64 "%s", text,
                             rule->min, rule->max, rule->unit);
        return error_set(err, ERROR_INVALID, NULL, "'%s' must be from %" PRId64 " to %" PRId64 "%s",
                         text, rule->min, rule->max, rule->unit);
    }
    *(struct rational *)field_of(rule, settings) = value;
    return true;
}

json_t *setting_print_rational(const struct setting_rule *rule, const struct settings *settings) {
    char text[RATIONAL_SIZE];
    rational_format(*(const struct rational *)value_of(rule, settings), text);
    return json_string(text);
}

json_t *setting_schema_bounds(const struct setting_rule *rule, const char *type) {
    return setting_checked(json_pack("{s:s, s:I, s:I}", "type", type,
                                     rule->over_min ? "exclusiveMinimum" : "minimum",
                                     (json_int_t)rule->min, "maximum", (json_int_t)rule->max));
}

json_t *setting_schema_pattern(const char *pattern) {
    return setting_checked(json_pack("{s:s, s:s}", "type", "string", "pattern", pattern));
}

json_t *setting_schema_rational(const struct setting_rule *rule) {
    return setting_checked(
        json_pack("{s:[o, o]}", "anyOf", setting_schema_bounds(rule, "number"),
                  setting_schema_pattern(rule->min < 0 ? "^-?" SETTING_NUMBER_PATTERN "$"
                                                       : "^" SETTING_NUMBER_PATTERN "$")));
}

bool setting_parse_fps(const struct setting_rule *rule, const char *text, struct settings *settings,
                       struct error *err) {
    struct settings read = *settings;
    if (!setting_parse_rational(rule, text, &read, err))
        return false;
    if (read.fps.den > SETTINGS_MAX_FPS_DEN)
        return error_set(err, ERROR_INVALID, NULL,
                         "'%s' is too fine: use at most six decimals, or a fraction of at most %d "
                         "below the line",
                         text, SETTINGS_MAX_FPS_DEN);
    *settings = read;
    return true;
}

bool setting_read_whole(const struct setting_rule *rule, const char *text, uint64_t *ret) {
    return str_to_u64(str_c(text), (uint64_t)rule->max, ret) && *ret >= (uint64_t)rule->min;
}

bool setting_parse_whole(const struct setting_rule *rule, const char *text,
                         struct settings *settings, struct error *err) {
    uint64_t value;
    if (!setting_read_whole(rule, text, &value))
        return error_set(err, ERROR_INVALID, NULL,
                         "'%s' must be a whole number from %" PRId64 " to %" PRId64, text,
                         rule->min, rule->max);
    *(unsigned *)field_of(rule, settings) = (unsigned)value;
    return true;
}

json_t *setting_print_whole(const struct setting_rule *rule, const struct settings *settings) {
    return json_integer((json_int_t) * (const unsigned *)value_of(rule, settings));
}

json_t *setting_schema_whole(const struct setting_rule *rule) {
    return setting_checked(json_pack("{s:[o, o]}", "anyOf", setting_schema_bounds(rule, "integer"),
                                     setting_schema_pattern("^[0-9]+$")));
}

bool setting_parse_seed(const struct setting_rule *rule, const char *text,
                        struct settings *settings, struct error *err) {
    if (!setting_read_whole(rule, text, &settings->seed))
        return error_set(err, ERROR_INVALID, NULL, "'%s' must be a whole number from 0 to %" PRId64,
                         text, rule->max);
    return true;
}

json_t *setting_print_seed(const struct setting_rule *rule, const struct settings *settings) {
    (void)rule;
    return json_integer((json_int_t)settings->seed);
}

bool setting_parse_deflicker(const struct setting_rule *rule, const char *text,
                             struct settings *settings, struct error *err) {
    uint64_t frames = 0;
    if (strcmp(text, "off") != 0 && !setting_read_whole(rule, text, &frames))
        return error_set(err, ERROR_INVALID, NULL,
                         "'%s' must be 'off', or a window from %" PRId64 " to %" PRId64 " frames",
                         text, rule->min, rule->max);
    settings->deflicker = (unsigned)frames;
    return true;
}

json_t *setting_print_deflicker(const struct setting_rule *rule, const struct settings *settings) {
    (void)rule;
    return settings->deflicker == 0 ? json_string("off")
                                    : json_integer((json_int_t)settings->deflicker);
}

json_t *setting_schema_deflicker(const struct setting_rule *rule) {
    return setting_checked(json_pack("{s:[{s:s}, o, o]}", "anyOf", "const", "off",
                                     setting_schema_bounds(rule, "integer"),
                                     setting_schema_pattern("^[0-9]+$")));
}
