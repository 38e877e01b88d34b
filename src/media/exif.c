/*
 * EXIF through libexif.
 */
#include "media/exif.h"

#include "base/error.h"

#include <libexif/exif-data.h>
#include <stdlib.h>
#include <string.h>

/* What a JPEG segment can hold; libexif reads no more. */
enum { EXIF_MAX_BYTES = 65536 };

static const char exif_prefix[6] = "Exif\0";

static unsigned orientation_of(ExifData *data) {
    ExifEntry *entry = exif_content_get_entry(data->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
    if (entry == NULL || entry->format != EXIF_FORMAT_SHORT || entry->size < 2)
        return 1;
    unsigned value = exif_get_short(entry->data, exif_data_get_byte_order(data));
    return value >= 1 && value <= 8 ? value : 1;
}

unsigned exif_orientation(struct str exif) {
    if (exif.len == 0)
        return 1;
    size_t size = exif.len < EXIF_MAX_BYTES ? exif.len : EXIF_MAX_BYTES;
    /* libexif wants the prefix that only JPEG has. */
    unsigned char *copy = malloc(sizeof exif_prefix + size);
    ExifData *data = exif_data_new();
    if (copy == NULL || data == NULL)
        die_out_of_memory();
    memcpy(copy, exif_prefix, sizeof exif_prefix);
    memcpy(copy + sizeof exif_prefix, exif.ptr, size);
    /* As it stands, without repairs that add what the standard wants. */
    exif_data_unset_option(data, EXIF_DATA_OPTION_FOLLOW_SPECIFICATION);
    exif_data_load_data(data, copy, (unsigned)(sizeof exif_prefix + size));
    unsigned orientation = orientation_of(data);
    exif_data_unref(data);
    free(copy);
    return orientation;
}
