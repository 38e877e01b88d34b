/*
 * The table as JSON Schema. Defaults are those of the normal form; whole numbers are told as
 * numbers, as a person would write them.
 */
#include "job/settings_table.h"

static json_t *default_of(const struct setting_rule *rule, const struct settings *defaults) {
    json_t *value = rule->print(rule, defaults);
    uint64_t number;
    if (rule->kind != SETTING_NUMBER || !json_is_string(value) ||
        !str_to_u64(str_c(json_string_value(value)), INT64_MAX, &number))
        return value;
    json_decref(value);
    return json_integer((json_int_t)number);
}

static void set(json_t *object, const char *name, json_t *value) {
    if (json_object_set_new(object, name, value) != 0)
        die_out_of_memory();
}

static json_t *row_schema(const struct setting_help *row, const struct settings *defaults) {
    json_t *schema = json_object();
    json_t *rules = row->rule->schema(row->rule);
    set(schema, "description", json_string(row->meaning));
    set(schema, "default", default_of(row->rule, defaults));
    if (json_object_update(schema, rules) != 0)
        die_out_of_memory();
    json_decref(rules);
    if (row->rule->examples)
        set(schema, "examples", json_loads(row->rule->examples, 0, NULL));
    return schema;
}

json_t *settings_schema(void) {
    struct settings defaults;
    json_t *properties = json_object();
    json_t *schema = json_object();
    settings_default(&defaults);
    for (const struct setting_help *row = settings_table; row->name; row++)
        set(properties, row->name, row_schema(row, &defaults));
    set(schema, "$schema", json_string("https://json-schema.org/draft/2020-12/schema"));
    set(schema, "title", json_string("Settings"));
    set(schema, "description",
        json_string("What a job can be told. Unknown names and values are refused; see "
                    "docs/settings.md."));
    set(schema, "type", json_string("object"));
    set(schema, "additionalProperties", json_false());
    set(schema, "properties", properties);
    settings_combine_schema(schema);
    return schema;
}
