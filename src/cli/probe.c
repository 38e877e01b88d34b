/*
 * `tachyscope probe`: what each image is, from its header, as a table or as JSON; decodes nothing.
 */
#include "base/os.h"
#include "cli/cli.h"
#include "cli/images.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "job/manifest.h"
#include "media/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static const struct option_row rows[] = {
    {"json", 0, NULL, "print the receipts as a JSON array"},
    {0},
};

static const struct command_syntax syntax = {
    .name = "probe",
    .operands = "IMAGES…",
    .summary =
        "Says what each image is and whether it can be used, without decoding it. Exit status\n"
        "1 if any is refused.",
    .example = "Example:\n  tachyscope probe photos/\n",
    .rows = rows,
};

static const char *const orientations[] = {
    "",           "",          "mirrored",    "turned 180", "flipped",
    "transposed", "turned 90", "transversed", "turned 270",
};

/* Columns on a terminal; bytes where the locale cannot say. */
static unsigned text_columns(const char *text) {
    wchar_t wide[512];
    size_t length = mbstowcs(wide, text, ARRAY_SIZE(wide));
    if (length == (size_t)-1)
        return (unsigned)strlen(text);
    int columns = wcswidth(wide, length < ARRAY_SIZE(wide) ? length : ARRAY_SIZE(wide));
    return columns < 0 ? (unsigned)strlen(text) : (unsigned)columns;
}

/* Columns of the table; 0: not shown, because no image has it. */
struct widths {
    unsigned name, profile, captured;
};

static const char *text_in(const json_t *receipt, const char *member) {
    return json_string_value(json_object_get(receipt, member));
}

static void widen(unsigned *width, const json_t *receipt, const char *member) {
    const char *text = text_in(receipt, member);
    unsigned columns = text == NULL ? 0 : text_columns(text);
    *width = columns > *width ? columns : *width;
}

static void print_column(const json_t *receipt, const char *member, unsigned width) {
    const char *text = text_in(receipt, member);
    text = text == NULL ? "-" : text;
    if (width > 0)
        printf("  %s%*s", text, (int)(width - text_columns(text)), "");
}

static void print_row(const json_t *receipt, const struct widths *widths) {
    const char *name = text_in(receipt, "name");
    const char *format = text_in(receipt, "format");
    const char *refused = text_in(receipt, "refused");
    const json_t *warnings = json_object_get(receipt, "warnings");
    json_int_t orientation = json_integer_value(json_object_get(receipt, "orientation"));
    json_int_t width = json_integer_value(json_object_get(receipt, "width"));
    json_int_t height = json_integer_value(json_object_get(receipt, "height"));
    char size[48] = "-";
    char bytes[32];
    if (width > 0)
        snprintf(size, sizeof size, "%llux%llu", (unsigned long long)width,
                 (unsigned long long)height);
    progress_bytes((uint64_t)json_integer_value(json_object_get(receipt, "bytes")), bytes);

    printf("%s%*s  %-6s  %-12s  %10s", name, (int)(widths->name - text_columns(name)), "",
           format == NULL ? "-" : format, size, bytes);
    print_column(receipt, "captured", widths->captured);
    print_column(receipt, "profile", widths->profile);
    if (orientation > 1 && orientation < (json_int_t)ARRAY_SIZE(orientations))
        printf("  %s", orientations[orientation]);
    for (size_t i = 0; i < json_array_size(warnings); i++)
        printf("  warning: %s", json_string_value(json_array_get(warnings, i)));
    if (refused != NULL)
        printf("  refused: %s", refused);
    putchar('\n');
}

static bool print_table(const json_t *receipts, struct error *err) {
    struct widths widths = {0};
    size_t index;
    json_t *receipt;
    json_array_foreach(receipts, index, receipt) {
        widen(&widths.name, receipt, "name");
        widen(&widths.profile, receipt, "profile");
        widen(&widths.captured, receipt, "captured");
    }
    json_array_foreach(receipts, index, receipt) {
        print_row(receipt, &widths);
    }
    if (fflush(stdout) != 0)
        return error_errno(err, "standard output");
    return true;
}

/* A file that cannot be read is a refused image like any other. */
static json_t *probe_image(const struct media_api *media, const struct image_file *image,
                           bool *ret_refused) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct receipt receipt = {0};
    struct str bytes;
    struct error err;
    unsigned width, height;
    if (!read_file(arena, image->path, MANIFEST_MAX_IMAGE_BYTES, &bytes, &err))
        receipt.refused = err.text;
    else if (!media->probe(arena, image->name, bytes, &receipt, &width, &height))
        receipt.refused = receipt.refused == NULL ? "cannot be read" : receipt.refused;
    receipt.name = image->shown;
    receipt.bytes = image->size;
    *ret_refused = receipt.refused != NULL;
    return receipt_to_json(&receipt);
}

static int probe_images(const struct image_list *images, bool json) {
    struct error err;
    const struct media_api *media;
    if (!media_load(&media, &err))
        return cli_fail(&err);
    json_t *receipts = json_array();
    size_t refused_count = 0;
    for (size_t i = 0; i < images->count; i++) {
        bool refused;
        json_array_append_new(receipts, probe_image(media, &images->items[i], &refused));
        refused_count += refused;
    }
    bool told;
    if (json) {
        told = cli_print_json(receipts);
    } else {
        told = print_table(receipts, &err);
        json_decref(receipts);
        if (!told)
            cli_fail(&err);
    }
    if (!told)
        return STATUS_FAILED;
    if (refused_count == 0)
        return STATUS_DONE;
    error_set(&err, ERROR_INVALID, NULL, "%zu of %zu images cannot be used", refused_count,
              images->count);
    return cli_fail(&err);
}

int command_probe(int argc, char **argv) {
    struct error err;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct options options CLEANUP(options_clear) = {0};
    struct image_list images;
    if (!options_parse(arena, &syntax, argc, argv, &options, &err))
        return cli_usage(syntax.name, &err);
    if (options.help) {
        options_print_help(stdout, &syntax);
        return STATUS_DONE;
    }
    if (options.operand_count == 0) {
        error_set(&err, ERROR_INVALID, NULL, "no images given");
        return cli_usage(syntax.name, &err);
    }
    if (!images_collect(arena, options.operands, options.operand_count, ORDER_GIVEN, &images, &err))
        return cli_fail(&err);
    return probe_images(&images, options_flag(&options, "json"));
}
