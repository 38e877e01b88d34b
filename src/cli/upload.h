/*
 * The images of a job on their way to the store: several threads put them to pre-signed addresses,
 * straight from the files.
 *
 * Addresses come with the job's creation for the first images, by POST /jobs/{id}/uploads for
 * further ones when they are needed, and again when the store says that one is no longer valid.
 * A transfer that fails is tried again up to three times, with growing pauses.
 */
#ifndef CLI_UPLOAD_H
#define CLI_UPLOAD_H

#include "cli/api.h"
#include "cli/images.h"

#include <stdbool.h>
#include <stdint.h>

struct upload;

struct upload_options {
    const struct api_server *server;
    const char *job;
    const char *token; /* of the job */
    const struct image_list *images;
    const json_t *uploads;   /* as the API answered the creation */
    unsigned first_pause_ms; /* before the first retry; 0: 500 */
};

struct upload_state {
    uint64_t sent_bytes;
    uint64_t total_bytes;
    uint64_t images_done;
    bool finished; /* no thread is at work any more */
    bool failed;   /* see upload_error */
};

/* Starts the threads. What the options name must outlive the upload. */
MUST_CHECK bool upload_start(const struct upload_options *options, struct upload **ret,
                             struct error *err);

/* Waits until the upload has ended, at most so long. */
struct upload_state upload_wait(struct upload *upload, unsigned timeout_ms);

/* Why it failed; names the image. */
struct error upload_error(struct upload *upload);

/* Ends transfers under way and waits for the threads. NULL is fine. */
void upload_free(struct upload *upload);

/* Puts one file, of so many bytes, to a pre-signed address. UNAVAILABLE: worth another try. */
MUST_CHECK bool upload_file(struct http_client *http, const char *url, const char *path,
                            uint64_t size, struct error *err);

/* What the store's answer to a PUT means; `body` is its XML. Pure; for tests. */
enum upload_verdict { UPLOAD_DONE, UPLOAD_RENEW, UPLOAD_RETRY, UPLOAD_REFUSED };
enum upload_verdict upload_judge(unsigned status, struct str body, struct error *err);

#endif
