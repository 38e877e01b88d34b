/*
 * IMAGES on the command line: files, folders and globs become the ordered list of a job's images.
 */
#ifndef CLI_IMAGES_H
#define CLI_IMAGES_H

#include "base/arena.h"
#include "base/error.h"
#include "job/settings.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct image_file {
    const char *path;  /* as the user would name it */
    const char *shown; /* the path in UTF-8, for documents: what is broken in it is `_` */
    const char *name;  /* in the job: six digits of its place, `-`, the file's name */
    uint64_t size;     /* bytes, when it was listed */
    const char *type;  /* media type by the name's ending, NULL when that says nothing */
};

struct image_list {
    struct image_file *items;
    size_t count;
};

/* Operands in the order given; a folder gives its regular files in natural order, without those
 * that start with a dot and without what lies deeper; a pattern that the shell left alone is
 * expanded here. ORDER_NAME sorts the whole list by file name. Errors name the operand: NOT_FOUND,
 * INVALID for what is no file, LIMIT over MANIFEST_MAX_IMAGES or MANIFEST_MAX_IMAGE_BYTES. */
MUST_CHECK bool images_collect(struct arena *arena, char *const *operands, size_t count,
                               enum order order, struct image_list *ret, struct error *err);

/* What a job refuses at once: INVALID naming an empty file. */
MUST_CHECK bool images_check(const struct image_list *images, struct error *err);

/* Media type by the name's ending; NULL when that says nothing. */
const char *image_media_type(const char *path);

/* Name in the job for the file at `place` (from 1): bytes that a manifest does not take (control
 * characters, broken UTF-8) become `_`, and it is cut to MANIFEST_MAX_NAME_BYTES between
 * characters. */
const char *image_name(struct arena *arena, size_t place, const char *path);

/* The image that carries this name in the job, or NULL. */
const struct image_file *images_by_name(const struct image_list *images, const char *name);

/* The renderer and the server name images as the job does: `image 7 '000007-a.jpg': truncated`. The
 * same text with the path of `image` instead. */
char *images_reword(struct arena *arena, const struct image_list *images,
                    const struct image_file *image, const char *text);

/* Manifest of a job with these images; the caller drops the reference. */
json_t *images_manifest(const struct image_list *images, json_t *settings);

#endif
