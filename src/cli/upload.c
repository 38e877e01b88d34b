/*
 * Threads take the next image by a counter under the one lock. An address is looked up under the
 * lock too; when it is missing or refused one thread asks the API for a batch while the others go
 * on with theirs. The first failure stops all.
 */
#include "cli/upload.h"
#include "base/os.h"
#include "base/xml.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    MAX_THREADS = 6, /* what a browser gives one origin */
    MAX_TRIES = 4,
    MAX_RENEWALS = 3, /* of one image's address */
    FIRST_PAUSE_MS = 500,
    STALL_TIMEOUT_MS = 60000,
    ADDRESS_BATCH = 500,
    MAX_STORE_REPLY_BYTES = 64 * 1024,
};

struct address {
    char *url; /* NULL: not known */
    struct http_headers headers;
};

struct worker {
    struct upload *upload;
    pthread_t thread;
};

struct upload {
    struct upload_options options;
    uint64_t total_bytes;
    struct worker workers[MAX_THREADS];
    unsigned worker_count;
    pthread_mutex_t renewing; /* held by the one thread that asks for addresses */
    pthread_mutex_t lock;     /* of everything below */
    pthread_cond_t changed;
    struct arena *arena; /* addresses */
    struct address *addresses;
    size_t next;
    unsigned running;
    uint64_t *sent; /* bytes of each image */
    uint64_t sent_bytes;
    uint64_t images_done;
    bool stop;
    bool failed;
    struct error error;
};

enum upload_verdict upload_judge(unsigned status, struct str body, struct error *err) {
    if (status >= 200 && status < 300)
        return UPLOAD_DONE;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct xml_element *root = NULL;
    struct error ignored;
    struct str code = {0};
    struct str message = {0};
    if (body.len > 0 && xml_parse(arena, body, &root, &ignored)) {
        code = xml_child_text(root, "Code");
        message = xml_child_text(root, "Message");
    }
    error_set(err, status >= 500 ? ERROR_UNAVAILABLE : ERROR_INVALID, NULL,
              "the store answered %u %s%s%.*s%s%.*s", status, http_status_text(status),
              code.len == 0 ? "" : ", ", STR_ARG(code), message.len == 0 ? "" : ": ",
              STR_ARG(message));
    if (status == 403 || (status == 400 && str_equal_c(code, "ExpiredToken")))
        return UPLOAD_RENEW;
    /* S3 answers 400 RequestTimeout when a connection stalled. */
    bool stalled = status == 400 && str_equal_c(code, "RequestTimeout");
    if (status >= 500 || status == 429 || status == 408 || status == 409 || stalled)
        return UPLOAD_RETRY;
    return UPLOAD_REFUSED;
}

/* Curl frames the request itself. */
static bool own_header(const char *name) {
    return strcasecmp(name, "content-length") == 0 || strcasecmp(name, "host") == 0;
}

static bool take_address(struct upload *upload, const json_t *item) {
    const char *name = json_string_value(json_object_get(item, "name"));
    const char *url = json_string_value(json_object_get(item, "url"));
    if (name == NULL || url == NULL)
        return false;
    const struct image_file *image = images_by_name(upload->options.images, name);
    if (image == NULL)
        return false;
    struct address *address = &upload->addresses[image - upload->options.images->items];
    *address = (struct address){.url = arena_strdup(upload->arena, url)};
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(item, "headers"), key, value) {
        if (json_is_string(value) && !own_header(key))
            http_headers_add(upload->arena, &address->headers, arena_strdup(upload->arena, key),
                             arena_strdup(upload->arena, json_string_value(value)));
    }
    return true;
}

static bool take_addresses(struct upload *upload, const json_t *list, struct error *err) {
    size_t index;
    json_t *item;
    bool ok = json_is_array(list);
    pthread_mutex_lock(&upload->lock);
    json_array_foreach(list, index, item) {
        ok = ok && take_address(upload, item);
    }
    pthread_mutex_unlock(&upload->lock);
    if (!ok)
        return error_set(err, ERROR_INTERNAL, NULL,
                         "the server's list of uploads is not what was asked for");
    return true;
}

/* Asks for addresses of the images from `first` on that have none. */
static bool ask_addresses(struct upload *upload, size_t first, struct error *err) {
    const struct image_list *images = upload->options.images;
    json_auto_t *names = json_array();
    pthread_mutex_lock(&upload->lock);
    for (size_t i = first; i < images->count && json_array_size(names) < ADDRESS_BATCH; i++)
        if (upload->addresses[i].url == NULL)
            json_array_append_new(names, json_string(images->items[i].name));
    pthread_mutex_unlock(&upload->lock);
    if (json_array_size(names) == 0)
        return true;

    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    json_auto_t *body = json_pack("{s:O}", "names", names);
    struct api_request request = {
        .method = "POST",
        .path = arena_printf(arena, "/jobs/%s/uploads", upload->options.job),
        .token = upload->options.token,
        .body = body,
    };
    struct api_answer answer;
    if (!api_call(upload->options.server, arena, &request, &answer, err))
        return false;
    bool ok = take_addresses(upload, json_object_get(answer.body, "uploads"), err);
    json_decref(answer.body);
    return ok;
}

/* The address's strings live as long as the upload: renewals add, they do not free. */
static bool find_address(struct upload *upload, size_t index, struct address *ret,
                         struct error *err) {
    for (unsigned round = 0; round < 2; round++) {
        pthread_mutex_lock(&upload->lock);
        *ret = upload->addresses[index];
        pthread_mutex_unlock(&upload->lock);
        if (ret->url != NULL)
            return true;
        pthread_mutex_lock(&upload->renewing);
        bool ok = ask_addresses(upload, index, err);
        pthread_mutex_unlock(&upload->renewing);
        if (!ok)
            return false;
    }
    return error_set(err, ERROR_INTERNAL, NULL, "the server gave no address for the upload");
}

/* Addresses given together expire together: those of the images that still wait go too, so that one
 * question renews many. */
static void forget_addresses(struct upload *upload, size_t index) {
    pthread_mutex_lock(&upload->lock);
    upload->addresses[index].url = NULL;
    for (size_t i = upload->next; i < upload->options.images->count; i++)
        upload->addresses[i].url = NULL;
    pthread_mutex_unlock(&upload->lock);
}

static void set_sent(struct upload *upload, size_t index, uint64_t sent) {
    pthread_mutex_lock(&upload->lock);
    upload->sent_bytes = upload->sent_bytes - upload->sent[index] + sent;
    upload->sent[index] = sent;
    pthread_mutex_unlock(&upload->lock);
}

static bool stopped(struct upload *upload) {
    pthread_mutex_lock(&upload->lock);
    bool stop = upload->stop;
    pthread_mutex_unlock(&upload->lock);
    return stop;
}

struct transfer {
    struct upload *upload;
    size_t index;
};

static bool on_progress(void *context, uint64_t sent_bytes) {
    struct transfer *transfer = context;
    set_sent(transfer->upload, transfer->index, sent_bytes);
    return !stopped(transfer->upload);
}

static bool open_image(const struct image_file *image, int *ret_fd, struct error *err) {
    int fd = open(image->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(err, "cannot be opened");
    struct stat status;
    if (fstat(fd, &status) != 0 || (uint64_t)status.st_size != image->size) {
        close(fd);
        return error_set(err, ERROR_CONFLICT, NULL, "the file changed since it was listed");
    }
    *ret_fd = fd;
    return true;
}

static enum upload_verdict put_image(struct upload *upload, size_t index,
                                     const struct address *address, struct error *err) {
    const struct image_file *image = &upload->options.images->items[index];
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    int fd CLEANUP(fd_cleanup) = -1;
    if (!open_image(image, &fd, err))
        return UPLOAD_REFUSED;
    struct transfer transfer = {upload, index};
    struct http_call call = http_call("PUT", address->url);
    for (size_t i = 0; i < address->headers.count; i++)
        http_headers_add(arena, &call.headers, address->headers.items[i].name,
                         address->headers.items[i].value);
    call.body_fd = fd;
    call.body_size = image->size;
    call.stall_timeout_ms = STALL_TIMEOUT_MS;
    call.max_reply_bytes = MAX_STORE_REPLY_BYTES;
    call.progress = on_progress;
    call.progress_context = &transfer;
    struct http_reply reply;
    if (!http_client_perform(upload->options.server->http, arena, &call, &reply, err))
        return err->kind == ERROR_UNAVAILABLE ? UPLOAD_RETRY : UPLOAD_REFUSED;
    return upload_judge(reply.status, reply.body, err);
}

static struct timespec after_ms(unsigned milliseconds) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    time.tv_sec += milliseconds / 1000;
    time.tv_nsec += (long)(milliseconds % 1000) * 1000000;
    if (time.tv_nsec >= 1000000000) {
        time.tv_sec++;
        time.tv_nsec -= 1000000000;
    }
    return time;
}

/* Ends early when the upload is stopped. */
static void rest(struct upload *upload, unsigned milliseconds) {
    struct timespec until = after_ms(milliseconds);
    int result = 0;
    pthread_mutex_lock(&upload->lock);
    while (!upload->stop && result != ETIMEDOUT)
        result = pthread_cond_timedwait(&upload->changed, &upload->lock, &until);
    pthread_mutex_unlock(&upload->lock);
}

/* Tries, renewals and pauses of one image. */
static bool send_image(struct upload *upload, size_t index, struct error *err) {
    unsigned tries = 0;
    unsigned renewals = 0;
    unsigned pause_ms = upload->options.first_pause_ms;
    while (!stopped(upload)) {
        struct address address;
        enum upload_verdict verdict = UPLOAD_RETRY;
        if (find_address(upload, index, &address, err))
            verdict = put_image(upload, index, &address, err);
        else if (err->kind != ERROR_UNAVAILABLE)
            return false;
        if (verdict == UPLOAD_DONE)
            return true;
        set_sent(upload, index, 0);
        if (verdict == UPLOAD_REFUSED || (verdict == UPLOAD_RENEW && ++renewals > MAX_RENEWALS))
            return false;
        if (verdict == UPLOAD_RENEW) {
            forget_addresses(upload, index);
            continue;
        }
        if (++tries == MAX_TRIES)
            return false;
        rest(upload, pause_ms);
        pause_ms *= 3;
    }
    return error_set(err, ERROR_UNAVAILABLE, NULL, "stopped");
}

/* False: nothing left, or it is over. */
static bool take_next(struct upload *upload, size_t *ret_index) {
    pthread_mutex_lock(&upload->lock);
    bool some = !upload->stop && upload->next < upload->options.images->count;
    if (some)
        *ret_index = upload->next++;
    pthread_mutex_unlock(&upload->lock);
    return some;
}

static void note_failure(struct upload *upload, size_t index, struct error *err) {
    error_prefix(err, "image %zu '%s'", index + 1, upload->options.images->items[index].path);
    pthread_mutex_lock(&upload->lock);
    if (!upload->stop) {
        upload->failed = true;
        upload->error = *err;
        upload->stop = true;
        pthread_cond_broadcast(&upload->changed);
    }
    pthread_mutex_unlock(&upload->lock);
}

static void *work(void *argument) {
    struct upload *upload = argument;
    size_t index;
    while (take_next(upload, &index)) {
        struct error err;
        if (!send_image(upload, index, &err)) {
            note_failure(upload, index, &err);
            break;
        }
        set_sent(upload, index, upload->options.images->items[index].size);
        pthread_mutex_lock(&upload->lock);
        upload->images_done++;
        pthread_mutex_unlock(&upload->lock);
    }
    pthread_mutex_lock(&upload->lock);
    upload->running--;
    pthread_cond_broadcast(&upload->changed);
    pthread_mutex_unlock(&upload->lock);
    return NULL;
}

static bool start_workers(struct upload *upload, struct error *err) {
    size_t count = upload->options.images->count;
    unsigned wanted = count < MAX_THREADS ? (unsigned)count : MAX_THREADS;
    upload->running = wanted;
    for (unsigned i = 0; i < wanted; i++) {
        int result = pthread_create(&upload->workers[i].thread, NULL, work, upload);
        if (result == 0) {
            upload->worker_count++;
            continue;
        }
        /* Fewer threads do the same work; none cannot. */
        pthread_mutex_lock(&upload->lock);
        upload->running -= wanted - i;
        pthread_mutex_unlock(&upload->lock);
        errno = result;
        return i > 0 || error_errno(err, "starting an upload");
    }
    return true;
}

bool upload_start(const struct upload_options *options, struct upload **ret, struct error *err) {
    struct arena *arena = arena_new();
    struct upload *upload = arena_alloc(arena, sizeof *upload);
    upload->options = *options;
    if (options->first_pause_ms == 0)
        upload->options.first_pause_ms = FIRST_PAUSE_MS;
    upload->arena = arena;
    upload->addresses = arena_array(arena, options->images->count, sizeof *upload->addresses);
    upload->sent = arena_array(arena, options->images->count, sizeof *upload->sent);
    for (size_t i = 0; i < options->images->count; i++)
        upload->total_bytes += options->images->items[i].size;
    pthread_mutex_init(&upload->lock, NULL);
    pthread_mutex_init(&upload->renewing, NULL);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&upload->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    if (!take_addresses(upload, options->uploads, err) || !start_workers(upload, err)) {
        upload_free(upload);
        return false;
    }
    *ret = upload;
    return true;
}

struct upload_state upload_wait(struct upload *upload, unsigned timeout_ms) {
    struct timespec until = after_ms(timeout_ms);
    int result = 0;
    pthread_mutex_lock(&upload->lock);
    while (upload->running > 0 && result != ETIMEDOUT)
        result = pthread_cond_timedwait(&upload->changed, &upload->lock, &until);
    struct upload_state state = {
        .sent_bytes = upload->sent_bytes,
        .total_bytes = upload->total_bytes,
        .images_done = upload->images_done,
        .finished = upload->running == 0,
        .failed = upload->failed,
    };
    pthread_mutex_unlock(&upload->lock);
    return state;
}

struct error upload_error(struct upload *upload) {
    pthread_mutex_lock(&upload->lock);
    struct error error = upload->error;
    pthread_mutex_unlock(&upload->lock);
    return error;
}

void upload_free(struct upload *upload) {
    if (upload == NULL)
        return;
    pthread_mutex_lock(&upload->lock);
    upload->stop = true;
    pthread_cond_broadcast(&upload->changed);
    pthread_mutex_unlock(&upload->lock);
    for (unsigned i = 0; i < upload->worker_count; i++)
        pthread_join(upload->workers[i].thread, NULL);
    pthread_cond_destroy(&upload->changed);
    pthread_mutex_destroy(&upload->renewing);
    pthread_mutex_destroy(&upload->lock);
    arena_free(upload->arena);
}

bool upload_file(struct http_client *http, const char *url, const char *path, uint64_t size,
                 struct error *err) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    int fd CLEANUP(fd_cleanup) = open(path, O_RDONLY | O_CLOEXEC);
    struct http_call call = http_call("PUT", url);
    struct http_reply reply;
    if (fd < 0)
        return error_errno(err, "it cannot be read");
    call.body_fd = fd;
    call.body_size = size;
    call.stall_timeout_ms = STALL_TIMEOUT_MS;
    call.max_reply_bytes = MAX_STORE_REPLY_BYTES;
    if (!http_client_perform(http, arena, &call, &reply, err))
        return false;
    enum upload_verdict verdict = upload_judge(reply.status, reply.body, err);
    if (verdict == UPLOAD_RETRY)
        err->kind = ERROR_UNAVAILABLE;
    return verdict == UPLOAD_DONE;
}
