/*
 * Options are read by getopt_long from one array: the command's rows, then --help, then one entry a
 * setting. An option that is in none of them goes through settings_parse where the command takes
 * settings: it knows best what was meant, and what the design has but this version does not.
 */
#include "cli/options.h"
#include "job/settings.h"

#include <getopt.h>
#include <string.h>

/* getopt_long's values of long options; above every letter. */
enum { FIRST_ROW = 1000, HELP = 'h' };

enum { HELP_COLUMN = 25, HELP_WIDTH = 80 };

static size_t count_rows(const struct command_syntax *syntax) {
    size_t count = 0;
    while (syntax->rows[count].name != NULL)
        count++;
    return count;
}

static size_t count_settings(const struct command_syntax *syntax) {
    size_t count = 0;
    if (syntax->takes_settings)
        while (settings_help()[count].name != NULL)
            count++;
    return count;
}

static struct option *long_options(struct arena *arena, const struct command_syntax *syntax) {
    size_t rows = count_rows(syntax);
    size_t settings = count_settings(syntax);
    struct option *options = arena_array(arena, rows + settings + 2, sizeof *options);
    for (size_t i = 0; i < rows; i++) {
        options[i].name = syntax->rows[i].name;
        options[i].has_arg = syntax->rows[i].argument == NULL ? no_argument : required_argument;
        options[i].val = FIRST_ROW + (int)i;
    }
    for (size_t i = 0; i < settings; i++) {
        options[rows + i].name = settings_help()[i].name;
        options[rows + i].has_arg =
            settings_is_flag(&settings_help()[i]) ? optional_argument : required_argument;
        options[rows + i].val = FIRST_ROW + (int)(rows + i);
    }
    options[rows + settings].name = "help";
    options[rows + settings].val = HELP;
    return options;
}

/* The leading colon makes getopt tell a missing argument from an unknown option. */
static char *short_options(struct arena *arena, const struct command_syntax *syntax) {
    char *text = arena_alloc(arena, 2 * count_rows(syntax) + 3);
    char *end = text;
    *end++ = ':';
    *end++ = HELP;
    for (const struct option_row *row = syntax->rows; row->name != NULL; row++) {
        if (row->letter == 0)
            continue;
        *end++ = row->letter;
        if (row->argument != NULL)
            *end++ = ':';
    }
    return text;
}

static bool set_setting(struct options *options, const char *name, const char *value,
                        struct error *err) {
    json_t *text = json_string(value);
    if (text == NULL)
        return error_set(err, ERROR_INVALID, NULL, "option '--%s': the value is not valid UTF-8",
                         name);
    if (json_object_set_new(options->settings, name, text) != 0)
        return error_set(err, ERROR_INVALID, NULL, "option '--%s' is not valid UTF-8", name);
    return true;
}

/* `--name value`, `--name=value`, and `--name` alone where true is meant: getopt leaves the next
 * word of such an option to us. */
static bool take_setting(struct options *options, const struct setting_help *row, int argc,
                         char **argv, struct error *err) {
    const char *value = optarg;
    if (value == NULL) {
        value = "true";
        if (optind < argc &&
            (strcmp(argv[optind], "true") == 0 || strcmp(argv[optind], "false") == 0))
            value = argv[optind++];
    }
    return set_setting(options, row->name, value, err);
}

/* `--name=value` or `--name value` that getopt does not know. */
static bool take_unknown(struct arena *arena, struct options *options, int argc, char **argv,
                         struct error *err) {
    const char *word = argv[optind - 1];
    if (optopt >= FIRST_ROW || optopt == HELP)
        return error_set(err, ERROR_INVALID, NULL, "option '%s' takes no value", word);
    if (optopt != 0)
        return error_set(err, ERROR_INVALID, NULL,
                         "option '-%c' is not known; what starts with a dash and is no option goes "
                         "behind '--'",
                         optopt);
    if (!options->syntax->takes_settings)
        return error_set(err, ERROR_INVALID, NULL, "option '%s' is not known", word);

    const char *equals = strchr(word, '=');
    const char *name =
        equals == NULL ? word + 2 : arena_strndup(arena, word + 2, (size_t)(equals - word - 2));
    bool takes_next = equals == NULL && optind < argc && argv[optind][0] != '-';
    const char *value = equals != NULL ? equals + 1 : takes_next ? argv[optind] : "";
    json_auto_t *object = json_pack("{s:s}", name, value);
    if (object == NULL)
        return error_set(err, ERROR_INVALID, NULL, "option '%s' is not valid UTF-8", word);
    struct settings settings;
    if (!settings_parse(object, &settings, err))
        return false;
    if (takes_next)
        optind++;
    return set_setting(options, name, value, err);
}

static bool take_row(struct options *options, size_t index, struct error *err) {
    const struct option_row *row = &options->syntax->rows[index];
    if (row->meaning == NULL)
        return error_set(err, ERROR_INVALID, NULL, "option '--%s' is not supported by this version",
                         row->name);
    options->values[index] = row->argument == NULL ? "" : optarg;
    return true;
}

static bool take_letter(struct options *options, int letter, struct error *err) {
    for (size_t i = 0; options->syntax->rows[i].name != NULL; i++)
        if (options->syntax->rows[i].letter == letter)
            return take_row(options, i, err);
    return error_set(err, ERROR_INVALID, NULL, "option '-%c' is not known", letter);
}

bool options_parse(struct arena *arena, const struct command_syntax *syntax, int argc, char **argv,
                   struct options *ret, struct error *err) {
    size_t rows = count_rows(syntax);
    *ret = (struct options){.syntax = syntax, .settings = json_object()};
    ret->values = arena_array(arena, rows + 1, sizeof *ret->values);
    const struct option *names = long_options(arena, syntax);
    const char *letters = short_options(arena, syntax);

    optind = 0; /* start afresh (glibc) */
    opterr = 0;
    for (;;) {
        int found = getopt_long(argc, argv, letters, names, NULL);
        bool ok;
        if (found == -1)
            break;
        if (found == HELP) {
            ret->help = true;
            return true;
        }
        if (found == ':')
            return error_set(err, ERROR_INVALID, NULL, "option '%s' needs a value",
                             argv[optind - 1]);
        if (found == '?')
            ok = take_unknown(arena, ret, argc, argv, err);
        else if (found < FIRST_ROW)
            ok = take_letter(ret, found, err);
        else if ((size_t)(found - FIRST_ROW) < rows)
            ok = take_row(ret, (size_t)(found - FIRST_ROW), err);
        else
            ok = take_setting(ret, &settings_help()[(size_t)(found - FIRST_ROW) - rows], argc, argv,
                              err);
        if (!ok)
            return false;
    }
    ret->operands = argv + optind;
    ret->operand_count = (size_t)(argc - optind);
    return true;
}

void options_clear(struct options *options) {
    json_decref(options->settings);
    options->settings = NULL;
}

const char *options_value(const struct options *options, const char *name) {
    for (size_t i = 0; options->syntax->rows[i].name != NULL; i++)
        if (strcmp(options->syntax->rows[i].name, name) == 0)
            return options->values[i];
    return NULL;
}

bool options_flag(const struct options *options, const char *name) {
    return options_value(options, name) != NULL;
}

bool options_number(const struct options *options, const char *name, uint64_t min, uint64_t max,
                    uint64_t *ret, struct error *err) {
    const char *text = options_value(options, name);
    uint64_t value;
    if (text == NULL)
        return true;
    if (!str_to_u64(str_c(text), max, &value) || value < min)
        return error_set(err, ERROR_INVALID, NULL,
                         "option '--%s': '%s' must be a whole number from %llu to %llu", name, text,
                         (unsigned long long)min, (unsigned long long)max);
    *ret = value;
    return true;
}

static void print_row(FILE *to, const struct option_row *row) {
    char left[64];
    char letter[8] = "";
    if (row->letter != 0)
        snprintf(letter, sizeof letter, "-%c, ", row->letter);
    snprintf(left, sizeof left, "%s--%s%s%s", letter, row->name, row->argument == NULL ? "" : " ",
             row->argument == NULL ? "" : row->argument);
    fprintf(to, "  %-22s %s\n", left, row->meaning);
}

/* The text in lines of at most HELP_WIDTH bytes behind the names of the options; the first line
 * goes on where the output stands. */
static void print_wrapped(FILE *to, const char *text) {
    size_t column = HELP_COLUMN;
    while (*text != '\0') {
        size_t length = strcspn(text, " ");
        if (column > HELP_COLUMN && column + 1 + length > HELP_WIDTH) {
            fprintf(to, "\n%*s", HELP_COLUMN, "");
            column = HELP_COLUMN;
        }
        column += (size_t)fprintf(to, "%s%.*s", column > HELP_COLUMN ? " " : "", (int)length, text);
        text += length;
        text += strspn(text, " ");
    }
    fputc('\n', to);
}

static void print_setting(FILE *to, const struct setting_help *row) {
    fprintf(to, "  --%-*s ", HELP_COLUMN - 5, row->name);
    print_wrapped(to, row->values);
    fprintf(to, "%*s", HELP_COLUMN, "");
    print_wrapped(to, row->meaning);
}

void options_print_help(FILE *to, const struct command_syntax *syntax) {
    fprintf(to, "usage: tachyscope %s %s\n\n%s\n\nOptions:\n", syntax->name, syntax->operands,
            syntax->summary);
    for (const struct option_row *row = syntax->rows; row->name != NULL; row++)
        if (row->meaning != NULL)
            print_row(to, row);
    fprintf(to, "  %-22s %s\n", "-h, --help", "this text");
    if (syntax->takes_settings) {
        fprintf(to, "\nSettings of the video (default first):\n");
        for (const struct setting_help *row = settings_help(); row->name != NULL; row++)
            print_setting(to, row);
    }
    fprintf(to, "\n%s", syntax->example);
}
