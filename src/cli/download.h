/*
 * Fetching a finished job's output from the store.
 */
#ifndef CLI_DOWNLOAD_H
#define CLI_DOWNLOAD_H

#include "base/error.h"
#include "http/client.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* Writes the output `kind` ("video", "poster") of a status document to the start of the file `fd`,
 * which is emptied first. NOT_FOUND when the job has none; DENIED when its address is no longer
 * valid; UNAVAILABLE for what may work later. */
MUST_CHECK bool download_output(struct http_client *http, const json_t *status, const char *kind,
                                int fd, uint64_t *ret_bytes, struct error *err);

#endif
