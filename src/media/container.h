/*
 * Limits of what the containers of images carry beside the picture.
 */
#ifndef MEDIA_CONTAINER_H
#define MEDIA_CONTAINER_H

enum {
    CONTAINER_MAX_PROFILE_BYTES = 4 * 1024 * 1024, /* printers' tables reach 2 MiB */
    CONTAINER_MAX_EXIF_BYTES = 4 * 1024 * 1024,
};

#endif
