/*
 * How values of settings are read, written and described: the functions that the table's rows
 * name (see struct setting_rule for what each does), and the parts that they share. Internal to
 * the settings. Pure.
 */
#ifndef JOB_SETTINGS_VALUES_H
#define JOB_SETTINGS_VALUES_H

#include "job/settings_table.h"

/* Instead of an asset's name: none. */
#define SETTINGS_NO_ASSET "none"

/* The texts that rational_parse takes, for patterns. */
#define SETTING_NUMBER_PATTERN "([0-9]{0,9}[.][0-9]{1,9}|[0-9]{1,9}|[0-9]{1,18}/[0-9]{1,10})"

#define SETTING_PARSE(name)                                                                        \
    bool setting_parse_##name(const struct setting_rule *rule, const char *text,                   \
                              struct settings *settings, struct error *err)
#define SETTING_PRINT(name)                                                                        \
    json_t *setting_print_##name(const struct setting_rule *rule, const struct settings *settings)
#define SETTING_SCHEMA(name) json_t *setting_schema_##name(const struct setting_rule *rule)

/* By kind: `field` is an enum, a bool, a struct rational, an unsigned. */
SETTING_PARSE(choice);
SETTING_PRINT(choice);
SETTING_SCHEMA(choice);
SETTING_PARSE(flag);
SETTING_PRINT(flag);
SETTING_SCHEMA(flag);
SETTING_PARSE(rational);
SETTING_PRINT(rational);
SETTING_SCHEMA(rational);
SETTING_PARSE(whole);
SETTING_PRINT(whole);
SETTING_SCHEMA(whole);

/* With a form of their own. */
SETTING_PARSE(fps);
SETTING_PARSE(seed);
SETTING_PRINT(seed);
SETTING_PARSE(deflicker);
SETTING_PRINT(deflicker);
SETTING_SCHEMA(deflicker);
SETTING_PARSE(hold);
SETTING_PRINT(hold);
SETTING_SCHEMA(hold);
SETTING_PARSE(poster);
SETTING_PRINT(poster);
SETTING_SCHEMA(poster);
SETTING_PARSE(size);
SETTING_PRINT(size);
SETTING_SCHEMA(size);
SETTING_PARSE(background);
SETTING_PRINT(background);
SETTING_SCHEMA(background);
SETTING_PARSE(stamp);
SETTING_PRINT(stamp);
SETTING_SCHEMA(stamp);
SETTING_PARSE(audio);
SETTING_PRINT(audio);
SETTING_PARSE(watermark);
SETTING_PRINT(watermark);
SETTING_SCHEMA(asset);
SETTING_PARSE(reuse);
SETTING_PRINT(reuse);
SETTING_SCHEMA(reuse);
SETTING_PARSE(callback_url);
SETTING_PRINT(callback_url);
SETTING_SCHEMA(callback_url);

/* Ends the process on NULL, which jansson gives for lack of memory. */
json_t *setting_checked(json_t *value);
bool setting_find_word(const char *const *words, struct str text, unsigned *ret);
/* INVALID: `'fast' is not known (none, kenburns, …)`. */
bool setting_refuse_word(const char *const *words, const char *text, struct error *err);
/* A whole number within the rule's bounds. */
bool setting_read_whole(const struct setting_rule *rule, const char *text, uint64_t *ret);
/* `{"type": type, "minimum": …, "maximum": …}` */
json_t *setting_schema_bounds(const struct setting_rule *rule, const char *type);
json_t *setting_schema_pattern(const char *pattern);

#endif
