/*
 * Settings that say something of the job and nothing of the film: which other job's segments it may
 * take over, and who is told when it ends.
 */
#include "job/settings_values.h"

#include "job/manifest.h"

#include <string.h>

#define NONE "none"

bool setting_parse_reuse(const struct setting_rule *rule, const char *text,
                         struct settings *settings, struct error *err) {
    (void)rule;
    settings->reuse[0] = '\0';
    if (strcmp(text, NONE) == 0)
        return true;
    if (!job_id_valid(str_c(text)))
        return error_set(err, ERROR_INVALID, NULL, "'%s' is not the id of a job", text);
    memcpy(settings->reuse, text, strlen(text) + 1);
    return true;
}

json_t *setting_print_reuse(const struct setting_rule *rule, const struct settings *settings) {
    (void)rule;
    return setting_checked(json_string(settings->reuse[0] ? settings->reuse : NONE));
}

json_t *setting_schema_reuse(const struct setting_rule *rule) {
    (void)rule;
    return setting_schema_pattern("^[A-Za-z0-9_-]{1,64}$");
}

/* https only, and nothing that could be read in two ways: printable ASCII without user information
 * and fragment. */
static bool is_address(const char *text) {
    static const char scheme[] = "https://";
    struct str rest = str_c(text);
    if (!str_starts_with(rest, scheme) || rest.len >= SETTINGS_NAME_SIZE)
        return false;
    for (size_t i = 0; i < rest.len; i++)
        if (text[i] <= ' ' || text[i] >= 0x7F || strchr("\"<>\\^`{|}#", text[i]) != NULL)
            return false;
    size_t host = strcspn(text + sizeof scheme - 1, "/?");
    return host > 0 && memchr(text + sizeof scheme - 1, '@', host) == NULL;
}

bool setting_parse_callback_url(const struct setting_rule *rule, const char *text,
                                struct settings *settings, struct error *err) {
    (void)rule;
    settings->callback_url[0] = '\0';
    if (strcmp(text, NONE) == 0)
        return true;
    if (!is_address(text))
        return error_set(err, ERROR_INVALID, NULL, "'%s' is no https address of at most %d bytes",
                         text, SETTINGS_NAME_SIZE - 1);
    memcpy(settings->callback_url, text, strlen(text) + 1);
    return true;
}

json_t *setting_print_callback_url(const struct setting_rule *rule,
                                   const struct settings *settings) {
    (void)rule;
    return setting_checked(json_string(settings->callback_url[0] ? settings->callback_url : NONE));
}

json_t *setting_schema_callback_url(const struct setting_rule *rule) {
    (void)rule;
    return setting_schema_pattern("^(none|https://[^/?#@ ]+([/?][^# ]*)?)$");
}
