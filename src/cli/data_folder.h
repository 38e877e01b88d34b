/*
 * Where the embedded store lies when nobody says.
 */
#ifndef CLI_DATA_FOLDER_H
#define CLI_DATA_FOLDER_H

#include "base/arena.h"
#include "base/error.h"

/* $XDG_DATA_HOME/tachyscope, else ~/.local/share/tachyscope; INVALID without a home. */
MUST_CHECK bool data_folder_default(struct arena *arena, const char **ret, struct error *err);

#endif
