/*
 * Reading and writing settings by the table. Values arrive as JSON numbers or texts; both become
 * text first, so that `--fps 30` and `"fps": 30` take the same way.
 *
 * Names and values of the design that this version does not do are told apart from misspellings:
 * a setting that is ignored makes the wrong film.
 */
#include "job/settings.h"

#include "job/document.h"
#include "job/settings_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    VALUE_SIZE = SETTINGS_NAME_SIZE + 32, /* a name, and a place for it */
    DEFAULT_FPS = 30,
    DEFAULT_QUALITY = 75,
    AUTO_WIDTH = 1920,
    AUTO_HEIGHT = 1080,
    MAX_HINT_DISTANCE = 2,
    MAX_HINT_LENGTH = 32,
};

const struct setting_help *settings_help(void) {
    return settings_table;
}

bool settings_is_flag(const struct setting_help *row) {
    return row->rule->kind == SETTING_BOOLEAN;
}

void settings_default(struct settings *ret) {
    *ret = (struct settings){
        .fps = {DEFAULT_FPS, 1},
        .hold = {0, 1},
        .size = SIZE_AUTO,
        .fit = FIT_CONTAIN,
        .quality = DEFAULT_QUALITY,
        .speed = SPEED_BALANCED,
        .order = ORDER_GIVEN,
        .poster = {0, 1},
        .transition_duration = {1, 1},
        .audio_fade = {0, 1},
        .audio_gain = {0, 1},
        .stamp_corner = CORNER_BOTTOM_RIGHT,
        .watermark_corner = CORNER_BOTTOM_RIGHT,
    };
}

/* ---- reading and writing by the table ---- */

static const struct setting_rule *find_rule(const char *name) {
    for (const struct setting_help *row = settings_table; row->name; row++)
        if (strcmp(row->name, name) == 0)
            return row->rule;
    return NULL;
}

/* A JSON number has no exact decimals: nine are taken, which is what rational_parse takes. */
static bool real_to_text(double value, char *ret, struct error *err) {
    if (!(value > -1e9 && value < 1e9))
        return error_set(err, ERROR_INVALID, NULL, "the number is too large");
    double size = value < 0 ? -value : value;
    int64_t billionths = (int64_t)(size * 1e9 + 0.5);
    int length = snprintf(ret, VALUE_SIZE, "%s%" PRId64 ".%09" PRId64, value < 0 ? "-" : "",
                          billionths / 1000000000, billionths % 1000000000);
    while (ret[length - 1] == '0')
        ret[--length] = '\0';
    if (ret[length - 1] == '.')
        ret[length - 1] = '\0';
    return true;
}

/* The value as text, fit for messages. */
static bool value_to_text(const json_t *value, enum setting_kind kind, char ret[VALUE_SIZE],
                          struct error *err) {
    static const char *const taken[] = {
        [SETTING_TEXT] = "a text",
        [SETTING_NUMBER] = "a number or a text",
        [SETTING_BOOLEAN] = "true or false",
    };
    if (kind == SETTING_NUMBER && json_is_integer(value)) {
        snprintf(ret, VALUE_SIZE, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return true;
    }
    if (kind == SETTING_NUMBER && json_is_real(value))
        return real_to_text(json_real_value(value), ret, err);
    if (kind == SETTING_BOOLEAN && json_is_boolean(value)) {
        snprintf(ret, VALUE_SIZE, "%s", json_is_true(value) ? "true" : "false");
        return true;
    }
    if (!json_is_string(value))
        return error_set(err, ERROR_INVALID, NULL, "must be %s, not %s", taken[kind],
                         document_kind(value));
    struct str text = {json_string_value(value), json_string_length(value)};
    if (text.len >= VALUE_SIZE || str_has_control(text) || memchr(text.ptr, '\0', text.len)) {
        char quoted[DOCUMENT_QUOTE_SIZE];
        return error_set(err, ERROR_INVALID, NULL, "'%s' is not a good value",
                         document_quote(text, quoted));
    }
    memcpy(ret, text.ptr, text.len);
    ret[text.len] = '\0';
    return true;
}

bool settings_parse_hold(const json_t *value, struct rational *ret, struct error *err) {
    char text[VALUE_SIZE];
    return value_to_text(value, SETTING_NUMBER, text, err) && settings_read_hold(text, ret, err);
}

void settings_format_hold(struct rational hold, char *ret) {
    if (hold.num == 0)
        memcpy(ret, "frame", sizeof "frame");
    else
        rational_format(hold, ret);
}

bool settings_parse_motion(const json_t *value, enum motion *ret, struct error *err) {
    char text[VALUE_SIZE];
    struct settings settings;
    const struct setting_rule *rule = find_rule("motion");
    if (!value_to_text(value, rule->kind, text, err) || !rule->parse(rule, text, &settings, err))
        return false;
    *ret = settings.motion;
    return true;
}

const char *settings_motion_name(enum motion motion) {
    return find_rule("motion")->choices[motion];
}

/* Edits (insert, delete, change, swap of neighbours) from one word to the other. */
static unsigned distance(const char *a, const char *b) {
    unsigned rows[3][MAX_HINT_LENGTH + 1];
    size_t a_length = strlen(a), b_length = strlen(b);
    if (a_length > MAX_HINT_LENGTH || b_length > MAX_HINT_LENGTH)
        return MAX_HINT_LENGTH;
    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a_length; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *second = rows[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_length; j++) {
            unsigned best = above[j - 1] + (a[i - 1] != b[j - 1]);
            best = above[j] + 1 < best ? above[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                second[j - 2] + 1 < best)
                best = second[j - 2] + 1;
            row[j] = best;
        }
    }
    return rows[a_length % 3][b_length];
}

/* The word of those two lists that is nearest to `name`, or NULL when none is near. */
static const char *nearest_name(const char *name) {
    const char *nearest = NULL;
    unsigned least = MAX_HINT_DISTANCE + 1;
    for (const struct setting_help *row = settings_table; row->name; row++) {
        if (distance(name, row->name) < least) {
            least = distance(name, row->name);
            nearest = row->name;
        }
    }
    for (const char *const *later = settings_later; *later; later++) {
        if (distance(name, *later) < least) {
            least = distance(name, *later);
            nearest = *later;
        }
    }
    /* As many edits as letters are no misspelling. */
    return least < strlen(name) ? nearest : NULL;
}

/* "fps, hold, …" */
static void list_names(char *ret, size_t size) {
    size_t used = 0;
    ret[0] = '\0';
    for (const struct setting_help *row = settings_table; row->name && used < size; row++)
        used += (size_t)snprintf(ret + used, size - used, "%s%s", used > 0 ? ", " : "", row->name);
}

static bool refuse_name(const char *name, struct error *err) {
    char quoted[DOCUMENT_QUOTE_SIZE];
    char known[512];
    list_names(known, sizeof known);
    for (const char *const *later = settings_later; *later; later++)
        if (strcmp(*later, name) == 0)
            return error_set(err, ERROR_INVALID, NULL,
                             "setting '%s' is not supported by this version (%s)", name, known);
    document_quote(str_c(name), quoted);
    const char *nearest = nearest_name(name);
    if (nearest)
        return error_set(err, ERROR_INVALID, NULL, "setting '%s' is not known; did you mean '%s'?",
                         quoted, nearest);
    return error_set(err, ERROR_INVALID, NULL, "setting '%s' is not known (%s)", quoted, known);
}

bool settings_parse(const json_t *object, struct settings *ret, struct error *err) {
    struct settings settings;
    settings_default(&settings);
    if (object && !json_is_object(object))
        return error_set(err, ERROR_INVALID, NULL, "'settings' must be an object, not %s",
                         document_kind(object));
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value) {
        char text[VALUE_SIZE];
        const struct setting_rule *rule = find_rule(name);
        if (!rule)
            return refuse_name(name, err);
        if (!value_to_text(value, rule->kind, text, err) ||
            !rule->parse(rule, text, &settings, err))
            return error_prefix(err, "setting '%s'", name);
    }
    if (!settings_combine(object, &settings, err))
        return false;
    *ret = settings;
    return true;
}

/* The row whose name comes next in byte order. */
static const struct setting_help *next_by_name(const char *after) {
    const struct setting_help *next = NULL;
    for (const struct setting_help *row = settings_table; row->name; row++)
        if (strcmp(row->name, after) > 0 && (!next || strcmp(row->name, next->name) < 0))
            next = row;
    return next;
}

json_t *settings_to_json(const struct settings *settings) {
    json_t *object = json_object();
    for (const struct setting_help *row = next_by_name(""); row; row = next_by_name(row->name))
        if (json_object_set_new(object, row->name, row->rule->print(row->rule, settings)) != 0)
            die_out_of_memory();
    return object;
}

/* ---- the first image's size ---- */

static unsigned even_side(uint64_t side) {
    uint64_t even = side - side % 2;
    return even < SETTINGS_MIN_SIDE ? SETTINGS_MIN_SIDE : (unsigned)even;
}

/* `side` times num / den, to the nearest even number. */
static uint64_t scale_even(uint64_t side, uint64_t num, uint64_t den) {
    return (side * num + den) / (2 * den) * 2;
}

static void size_auto(struct settings *settings, uint64_t width, uint64_t height) {
    if (width * AUTO_HEIGHT >= height * AUTO_WIDTH && width > AUTO_WIDTH) {
        height = scale_even(height, AUTO_WIDTH, width);
        width = AUTO_WIDTH;
    } else if (height > AUTO_HEIGHT) {
        width = scale_even(width, AUTO_HEIGHT, height);
        height = AUTO_HEIGHT;
    }
    settings->width = even_side(width);
    settings->height = even_side(height);
}

bool settings_resolve_size(struct settings *settings, unsigned width, unsigned height,
                           struct error *err) {
    if (settings->size == SIZE_FIXED)
        return true;
    if (width == 0 || height == 0)
        return error_set(err, ERROR_INVALID, NULL, "the first image's size is not known");
    if (settings->size == SIZE_AUTO) {
        size_auto(settings, width, height);
    } else {
        if (width / 2 > SETTINGS_MAX_SIDE / 2 || height / 2 > SETTINGS_MAX_SIDE / 2)
            return error_set(err, ERROR_LIMIT, NULL,
                             "setting 'size': 'source' is %ux%u, over the limit of %d", width,
                             height, SETTINGS_MAX_SIDE);
        settings->width = even_side(width);
        settings->height = even_side(height);
    }
    settings->size = SIZE_FIXED;
    return true;
}
