/*
 * The rows behind settings_help. Internal to the reading and writing of settings. Pure.
 */
#ifndef JOB_SETTINGS_TABLE_H
#define JOB_SETTINGS_TABLE_H

#include "job/settings.h"

struct setting_rule {
    bool takes_numbers;         /* as JSON; a text does everywhere */
    const char *const *choices; /* by the number of their enum, then NULL; NULL: free values */
    const char *const
        *later; /* values of the design that are not done, `…*` for all that start so */
    /* `text` is UTF-8 without control characters. Messages leave the setting's name out. */
    bool (*parse)(const struct setting_rule *rule, const char *text, struct settings *settings,
                  struct error *err);
    /* The canonical value, a new reference. */
    json_t *(*print)(const struct setting_rule *rule, const struct settings *settings);
};

/* In the order of the help; ends with a NULL name. */
extern const struct setting_help settings_table[];

/* Names of the design's settings that this version does not have; ends with NULL. */
extern const char *const settings_later[];

MUST_CHECK bool settings_read_hold(const char *text, struct rational *ret, struct error *err);

#endif
