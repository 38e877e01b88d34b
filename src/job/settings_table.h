/*
 * The rows behind settings_help. Internal to the reading, writing and description of settings.
 * Pure.
 */
#ifndef JOB_SETTINGS_TABLE_H
#define JOB_SETTINGS_TABLE_H

#include "job/settings.h"

/* What a value may be as JSON; a text does everywhere. */
enum setting_kind { SETTING_TEXT, SETTING_NUMBER, SETTING_BOOLEAN };

struct setting_rule {
    enum setting_kind kind;
    size_t field;               /* offset in struct settings; of its own functions' use */
    const char *const *choices; /* by the number of their enum, then NULL; NULL: free values */
    int64_t min, max;           /* of numbers */
    bool over_min;              /* `min` itself is too little */
    const char *unit;           /* " seconds"; behind numbers in messages */
    /* `text` is UTF-8 without control characters. Messages leave the setting's name out. */
    bool (*parse)(const struct setting_rule *rule, const char *text, struct settings *settings,
                  struct error *err);
    /* The canonical value, a new reference. */
    json_t *(*print)(const struct setting_rule *rule, const struct settings *settings);
    /* JSON Schema of the value, a new reference; without default and description. */
    json_t *(*schema)(const struct setting_rule *rule);
    const char *examples; /* JSON array of good values */
};

/* In the order of the help; ends with a NULL name. */
extern const struct setting_help settings_table[];

/* Names of the design's settings that this version does not have; ends with NULL. */
extern const char *const settings_later[];

/* The words of `enum corner`, then NULL. */
extern const char *const settings_corners[];

MUST_CHECK bool settings_read_hold(const char *text, struct rational *ret, struct error *err);

/* Fills in what follows from other settings and refuses what does not go together. `object` tells
 * which were given; NULL: none. */
MUST_CHECK bool settings_combine(const json_t *object, struct settings *settings,
                                 struct error *err);
/* The same rules as members of a JSON Schema (dependentRequired, allOf), added to `schema`. */
void settings_combine_schema(json_t *schema);

#endif
