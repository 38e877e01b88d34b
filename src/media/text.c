/*
 * Text is cut into runs of one font, direction and script; each is shaped by itself, and the runs
 * are put into visual order. Marks stay in the font of the letter before them.
 */
#include "media/text.h"

#include "base/base.h"

#include <fribidi.h>
#include <ft2build.h>
#include FT_FREETYPE_H
#include FT_OUTLINE_H
#include <hb.h>
#include <stdlib.h>
#include <string.h>

enum {
    ELLIPSIS = 0x2026,
    REPLACEMENT = 0xfffd,
    MAX_GLYPHS = 8 * TEXT_MAX_CHARACTERS,
    SMALLEST_FIFTHS = 3,
    UNIT = 64, /* of a pixel, as FreeType and HarfBuzz count */
};

struct glyph {
    struct font *font;
    uint32_t index;
    int x, y; /* units, from the line's start; y upwards */
};

struct run {
    size_t first, count; /* characters */
    struct font *font;
    FriBidiLevel level;
    hb_script_t script;
};

struct line {
    uint32_t characters[TEXT_MAX_CHARACTERS];
    size_t character_count;
    FriBidiLevel levels[TEXT_MAX_CHARACTERS];
    struct run runs[TEXT_MAX_CHARACTERS];
    size_t run_count;
    struct glyph *glyphs; /* MAX_GLYPHS */
    size_t glyph_count;
    int width; /* units */
    uint32_t missing;
};

void text_mask_clear(struct text_mask *mask) {
    free(mask->coverage);
    *mask = (struct text_mask){0};
}

/* ---- characters ---- */

/* The next character of well-formed UTF-8. */
static uint32_t next_character(struct str text, size_t *at) {
    uint8_t lead = (uint8_t)text.ptr[(*at)++];
    unsigned more = lead < 0x80 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    uint32_t character = more == 0 ? lead : lead & (0x3fu >> more);
    for (; more > 0 && *at < text.len; more--)
        character = character << 6 | ((uint8_t)text.ptr[(*at)++] & 0x3f);
    return more == 0 ? character : REPLACEMENT;
}

static void read_characters(struct str text, struct line *line) {
    size_t at = 0;
    line->character_count = 0;
    while (at < text.len && line->character_count < TEXT_MAX_CHARACTERS)
        line->characters[line->character_count++] = next_character(text, &at);
}

/* ---- runs ---- */

static bool find_levels(struct line *line) {
    FriBidiCharType types[TEXT_MAX_CHARACTERS];
    FriBidiBracketType brackets[TEXT_MAX_CHARACTERS];
    FriBidiParType direction = FRIBIDI_PAR_ON;
    FriBidiStrIndex count = (FriBidiStrIndex)line->character_count;
    fribidi_get_bidi_types(line->characters, count, types);
    fribidi_get_bracket_types(line->characters, count, types, brackets);
    return fribidi_get_par_embedding_levels_ex(types, brackets, count, &direction, line->levels) !=
           0;
}

/* Belongs to the character before it: marks, joiners, variation selectors. */
static bool is_attached(uint32_t character) {
    hb_unicode_general_category_t category =
        hb_unicode_general_category(hb_unicode_funcs_get_default(), character);
    return category == HB_UNICODE_GENERAL_CATEGORY_NON_SPACING_MARK ||
           category == HB_UNICODE_GENERAL_CATEGORY_SPACING_MARK ||
           category == HB_UNICODE_GENERAL_CATEGORY_ENCLOSING_MARK ||
           category == HB_UNICODE_GENERAL_CATEGORY_FORMAT;
}

static bool is_neutral(hb_script_t script) {
    return script == HB_SCRIPT_COMMON || script == HB_SCRIPT_INHERITED;
}

static bool split_runs(struct line *line, struct fonts *fonts, unsigned size, struct error *err) {
    struct font *first, *font;
    if (!fonts_first(fonts, size, &first, err))
        return false;
    font = first;
    line->run_count = 0;
    line->missing = 0;
    for (size_t i = 0; i < line->character_count; i++) {
        uint32_t character = line->characters[i];
        struct run *run = line->run_count > 0 ? &line->runs[line->run_count - 1] : NULL;
        hb_script_t script = hb_unicode_script(hb_unicode_funcs_get_default(), character);
        bool attached = run && is_attached(character);
        if (!attached) {
            font = fonts_find(fonts, character, size);
            if (!font) {
                line->missing = character;
                font = first;
            }
        }
        bool same_script =
            run && (is_neutral(script) || is_neutral(run->script) || script == run->script);
        if (run && line->levels[i] == run->level &&
            (attached || (font == run->font && same_script))) {
            run->count++;
            if (is_neutral(run->script))
                run->script = script;
            continue;
        }
        line->runs[line->run_count++] = (struct run){i, 1, font, line->levels[i], script};
    }
    return true;
}

/* Unicode Standard Annex 9, rule L2, on whole runs. */
static void order_runs(struct line *line) {
    FriBidiLevel highest = 0;
    for (size_t i = 0; i < line->run_count; i++)
        highest = line->runs[i].level > highest ? line->runs[i].level : highest;
    for (FriBidiLevel level = highest; level > 0; level--)
        for (size_t i = 0; i < line->run_count; i++) {
            size_t end = i;
            while (end < line->run_count && line->runs[end].level >= level)
                end++;
            for (size_t a = i, b = end; a + 1 < b; a++, b--) {
                struct run swap = line->runs[a];
                line->runs[a] = line->runs[b - 1];
                line->runs[b - 1] = swap;
            }
            i = end > i ? end : i;
        }
}

/* ---- glyphs ---- */

/* Of a font that has one size only, to the size that is wanted. */
static int scaled(const struct font *font, int units) {
    return (int)((int64_t)units * font->size / font->drawn_size);
}

static void shape_run(struct line *line, const struct run *run, hb_buffer_t *buffer) {
    unsigned count;
    hb_buffer_clear_contents(buffer);
    hb_buffer_add_utf32(buffer, line->characters, (int)line->character_count, (unsigned)run->first,
                        (int)run->count);
    hb_buffer_set_direction(buffer, run->level % 2 ? HB_DIRECTION_RTL : HB_DIRECTION_LTR);
    if (!is_neutral(run->script))
        hb_buffer_set_script(buffer, run->script);
    /* Not the machine's language: that would make other pictures elsewhere. */
    hb_buffer_set_language(buffer, hb_language_from_string("en", -1));
    hb_buffer_guess_segment_properties(buffer);
    hb_shape(run->font->shaper, buffer, NULL, 0);
    const hb_glyph_info_t *infos = hb_buffer_get_glyph_infos(buffer, &count);
    const hb_glyph_position_t *positions = hb_buffer_get_glyph_positions(buffer, &count);
    for (unsigned i = 0; i < count; i++) {
        const hb_glyph_position_t *position = &positions[i];
        if (line->glyph_count < MAX_GLYPHS)
            line->glyphs[line->glyph_count++] = (struct glyph){
                run->font, infos[i].codepoint, line->width + scaled(run->font, position->x_offset),
                scaled(run->font, position->y_offset)};
        line->width += scaled(run->font, position->x_advance);
    }
}

static bool lay_out(struct line *line, struct fonts *fonts, unsigned size, struct error *err) {
    line->glyph_count = 0;
    line->width = 0;
    if (line->character_count == 0)
        return true;
    if (!find_levels(line))
        die_out_of_memory();
    if (!split_runs(line, fonts, size, err))
        return false;
    order_runs(line);
    hb_buffer_t *buffer = hb_buffer_create();
    for (size_t i = 0; i < line->run_count; i++)
        shape_run(line, &line->runs[i], buffer);
    hb_buffer_destroy(buffer);
    return true;
}

/* Smaller, then shorter. */
static bool fit(struct line *line, struct fonts *fonts, unsigned *size, unsigned max_width,
                struct error *err) {
    int most = (int)max_width * UNIT;
    if (!lay_out(line, fonts, *size, err))
        return false;
    if (line->width <= most)
        return true;
    unsigned smaller = (unsigned)((uint64_t)*size * (unsigned)most / (unsigned)line->width);
    unsigned least = (*size * SMALLEST_FIFTHS + 4) / 5;
    *size = smaller > least ? smaller : least;
    if (!lay_out(line, fonts, *size, err))
        return false;
    size_t low = 0, high = line->character_count;
    if (line->width <= most)
        return true;
    /* The longest beginning that fits with the ellipsis. */
    uint32_t cut = 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        cut = line->characters[middle];
        line->characters[middle] = ELLIPSIS;
        line->character_count = middle + 1;
        bool good = lay_out(line, fonts, *size, err);
        line->characters[middle] = cut;
        if (!good)
            return false;
        if (line->width <= most)
            low = middle + 1;
        else
            high = middle;
    }
    line->character_count = low > 0 ? low : 1;
    line->characters[line->character_count - 1] = ELLIPSIS;
    return lay_out(line, fonts, *size, err);
}

/* ---- pixels ---- */

struct canvas {
    struct text_mask *mask;
    int left; /* pixels before the line's start */
};

static void add_bitmap(const FT_Bitmap *bitmap, int left, int top, struct text_mask *mask) {
    for (unsigned y = 0; y < bitmap->rows; y++) {
        int row = top + (int)y;
        if (row < 0 || row >= (int)mask->height)
            continue;
        for (unsigned x = 0; x < bitmap->width; x++) {
            int column = left + (int)x;
            if (column < 0 || column >= (int)mask->width)
                continue;
            uint8_t *pixel = &mask->coverage[(size_t)row * mask->width + (size_t)column];
            unsigned sum = *pixel + bitmap->buffer[(int)y * bitmap->pitch + (int)x];
            *pixel = (uint8_t)(sum < 255 ? sum : 255);
        }
    }
}

/* How much of the letters' white a small picture's part has: its light, as far as it is there. The
 * mean of the pixels that fall onto the one at x, y. */
static unsigned light_at(const FT_Bitmap *bitmap, unsigned x, unsigned y, const struct font *font) {
    unsigned left = x * font->drawn_size / font->size, top = y * font->drawn_size / font->size;
    unsigned right = (x + 1) * font->drawn_size / font->size;
    unsigned bottom = (y + 1) * font->drawn_size / font->size;
    right = right > left ? right : left + 1;
    bottom = bottom > top ? bottom : top + 1;
    uint64_t sum = 0;
    for (unsigned row = top; row < bottom && row < bitmap->rows; row++) {
        const uint8_t *line = bitmap->buffer + (ptrdiff_t)row * bitmap->pitch;
        /* Blue, green, red, multiplied by alpha; BT.709's weights in 256ths. */
        for (unsigned column = left; column < right && column < bitmap->width; column++)
            sum +=
                18u * line[4 * column] + 183u * line[4 * column + 1] + 55u * line[4 * column + 2];
    }
    return (unsigned)(sum / 256 / ((uint64_t)(right - left) * (bottom - top)));
}

/* Emoji are pictures in colours; on film they are as white as the letters around them, in the
 * shades that they have. */
static void draw_picture(const struct glyph *glyph, const struct canvas *canvas) {
    const struct font *font = glyph->font;
    FT_GlyphSlot slot = font->face->glyph;
    struct text_mask *mask = canvas->mask;
    if (FT_Load_Glyph(font->face, glyph->index, FT_LOAD_COLOR | FT_LOAD_RENDER) != 0 ||
        slot->bitmap.pixel_mode != FT_PIXEL_MODE_BGRA)
        return;
    unsigned width = (slot->bitmap.width * font->size + font->drawn_size - 1) / font->drawn_size;
    unsigned height = (slot->bitmap.rows * font->size + font->drawn_size - 1) / font->drawn_size;
    int left = canvas->left + glyph->x / UNIT + scaled(font, slot->bitmap_left);
    int top = (int)mask->baseline - glyph->y / UNIT - scaled(font, slot->bitmap_top);
    for (unsigned y = 0; y < height; y++) {
        for (unsigned x = 0; x < width; x++) {
            int row = top + (int)y, column = left + (int)x;
            if (row < 0 || column < 0 || row >= (int)mask->height || column >= (int)mask->width)
                continue;
            uint8_t *pixel = &mask->coverage[(size_t)row * mask->width + (size_t)column];
            unsigned light = light_at(&slot->bitmap, x, y, font);
            *pixel = (uint8_t)(light > *pixel ? light : *pixel);
        }
    }
}

static void draw_glyph(const struct glyph *glyph, const struct canvas *canvas) {
    FT_Face face = glyph->font->face;
    FT_GlyphSlot slot = face->glyph;
    if (!FT_IS_SCALABLE(face)) {
        draw_picture(glyph, canvas);
        return;
    }
    if (FT_Load_Glyph(face, glyph->index, FT_LOAD_NO_HINTING | FT_LOAD_NO_BITMAP) != 0 ||
        slot->format != FT_GLYPH_FORMAT_OUTLINE)
        return;
    FT_Outline_Translate(&slot->outline, glyph->x & (UNIT - 1), glyph->y & (UNIT - 1));
    if (FT_Render_Glyph(slot, FT_RENDER_MODE_NORMAL) != 0)
        return;
    int x = (glyph->x - (glyph->x & (UNIT - 1))) / UNIT;
    int y = (glyph->y - (glyph->y & (UNIT - 1))) / UNIT;
    add_bitmap(&slot->bitmap, canvas->left + x + slot->bitmap_left,
               (int)canvas->mask->baseline - y - slot->bitmap_top, canvas->mask);
}

static void draw(const struct line *line, unsigned size, struct text_mask *ret) {
    struct text_mask mask = {.missing = line->missing};
    /* Italics and marks reach beyond the line's ends, tall scripts above the em. */
    int margin = (int)size / 2;
    mask.width = (unsigned)(line->width / UNIT + 1 + 2 * margin);
    mask.baseline = size + size / 2;
    mask.height = mask.baseline + size;
    mask.coverage = calloc(mask.width, mask.height);
    if (!mask.coverage)
        die_out_of_memory();
    struct canvas canvas = {&mask, margin};
    for (size_t i = 0; i < line->glyph_count; i++)
        draw_glyph(&line->glyphs[i], &canvas);
    *ret = mask;
}

/* Without empty rows and columns; the baseline stays where it is. */
static void trim(struct text_mask *mask) {
    unsigned left = mask->width, right = 0;
    for (unsigned y = 0; y < mask->height; y++)
        for (unsigned x = 0; x < mask->width; x++)
            if (mask->coverage[(size_t)y * mask->width + x] > 0) {
                left = x < left ? x : left;
                right = x + 1 > right ? x + 1 : right;
            }
    if (left >= right) {
        unsigned missing = mask->missing;
        text_mask_clear(mask);
        mask->missing = missing;
        return;
    }
    unsigned width = right - left;
    for (unsigned y = 0; y < mask->height; y++)
        memmove(mask->coverage + (size_t)y * width, mask->coverage + (size_t)y * mask->width + left,
                width);
    mask->width = width;
}

bool text_draw(struct fonts *fonts, struct str text, unsigned size_pixels, unsigned max_width,
               struct text_mask *ret, struct error *err) {
    struct line *line = calloc(1, sizeof *line);
    struct glyph *glyphs = calloc(MAX_GLYPHS, sizeof *glyphs);
    if (!line || !glyphs)
        die_out_of_memory();
    line->glyphs = glyphs;
    read_characters(text, line);
    bool good = fit(line, fonts, &size_pixels, max_width, err);
    if (good) {
        draw(line, size_pixels, ret);
        trim(ret);
    }
    free(glyphs);
    free(line);
    return good;
}
