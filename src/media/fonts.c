/*
 * Most texts need the first font only, so the others are opened when a character asks for them. A
 * file of another size than at build time would draw other pictures under the same build id: it
 * counts as not there.
 */
#include "media/fonts.h"

#include "base/base.h"

#include <ft2build.h>
#include FT_FREETYPE_H
#include <hb-ft.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { PATH_SIZE = 4096 };

struct font_file {
    const char *name;
    long long size;
};

#include "media/font_list.h"

enum { FILE_COUNT = ARRAY_SIZE(font_files) - 1 };

struct place {
    struct font font;
    bool was_tried;
};

struct fonts {
    FT_Library library;
    struct place places[FILE_COUNT + 1];
};

struct fonts *fonts_new(void) {
    struct fonts *fonts = calloc(1, sizeof *fonts);
    if (!fonts || FT_Init_FreeType(&fonts->library) != 0)
        die_out_of_memory();
    return fonts;
}

void fonts_free(struct fonts *fonts) {
    if (!fonts)
        return;
    for (size_t i = 0; i < FILE_COUNT; i++) {
        hb_font_destroy(fonts->places[i].font.shaper);
        if (fonts->places[i].font.face)
            FT_Done_Face(fonts->places[i].font.face);
    }
    FT_Done_FreeType(fonts->library);
    free(fonts);
}

static bool is_there(const char *folder, const struct font_file *file, char ret[PATH_SIZE]) {
    struct stat info;
    int length = snprintf(ret, PATH_SIZE, "%s/%s", folder, file->name);
    return length > 0 && length < PATH_SIZE && stat(ret, &info) == 0 && S_ISREG(info.st_mode) &&
           info.st_size == file->size;
}

static bool find_file(const struct font_file *file, char ret[PATH_SIZE]) {
    const char *given = getenv("TACHYSCOPE_FONTS");
    if (given && *given)
        return is_there(given, file, ret);
    for (size_t i = 0; font_folders[i]; i++)
        if (is_there(font_folders[i], file, ret))
            return true;
    return false;
}

/* NULL when it cannot be had. */
static struct font *open_font(struct fonts *fonts, size_t index) {
    struct place *place = &fonts->places[index];
    char path[PATH_SIZE];
    if (!place->was_tried && find_file(&font_files[index], path) &&
        FT_New_Face(fonts->library, path, 0, &place->font.face) == 0) {
        place->font.shaper = hb_ft_font_create_referenced(place->font.face);
        bool has_outlines = FT_IS_SCALABLE(place->font.face);
        hb_ft_font_set_load_flags(place->font.shaper, has_outlines
                                                          ? FT_LOAD_NO_HINTING | FT_LOAD_NO_BITMAP
                                                          : FT_LOAD_NO_HINTING | FT_LOAD_COLOR);
    }
    place->was_tried = true;
    return place->font.face ? &place->font : NULL;
}

static struct font *sized(struct font *font, unsigned size_pixels) {
    if (font->size == size_pixels)
        return font;
    font->size = font->drawn_size = size_pixels;
    if (FT_IS_SCALABLE(font->face)) {
        FT_Set_Pixel_Sizes(font->face, 0, size_pixels);
    } else if (FT_Select_Size(font->face, 0) == 0) {
        font->drawn_size = font->face->size->metrics.y_ppem;
    }
    hb_ft_font_changed(font->shaper);
    return font;
}

struct font *fonts_find(struct fonts *fonts, uint32_t character, unsigned size_pixels) {
    for (size_t i = 0; i < FILE_COUNT; i++) {
        struct font *font = open_font(fonts, i);
        if (font && FT_Get_Char_Index(font->face, character) != 0)
            return sized(font, size_pixels);
    }
    return NULL;
}

bool fonts_first(struct fonts *fonts, unsigned size_pixels, struct font **ret, struct error *err) {
    struct font *font = FILE_COUNT > 0 ? open_font(fonts, 0) : NULL;
    if (!font)
        return error_set(
            err, ERROR_NOT_FOUND, NULL,
            "there is no font to write with, or not the one that the program was "
            "built with: install Debian's fonts-noto-core (and its -cjk and -color-emoji), or say "
            "where they are in TACHYSCOPE_FONTS");
    *ret = sized(font, size_pixels);
    return true;
}
