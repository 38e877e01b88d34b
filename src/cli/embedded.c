/*
 * Starting is a chain in which each link needs the one before: the folder's lock, keys and buckets,
 * the S3 server, whose address goes into the environment of the functions, the host that runs them,
 * the gateway in front. Stopping is the same chain backwards.
 *
 * The page's address is in the functions' environment too, before the gateway can listen on it. So
 * a free port is chosen first; where somebody else takes it in between, host and gateway start
 * again with another.
 */
#include "cli/embedded.h"
#include "base/log.h"
#include "base/os.h"
#include "cli/rights.h"
#include "cli/secrets.h"
#include "cli/setup.h"
#include "host/gateway.h"
#include "host/host.h"
#include "host/sandbox.h"
#include "s3/server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define REGION "local"

enum {
    MAX_PORT_TRIES = 8,
    STOP_GRACE_MS = 3000,
    ENVIRONMENT_SIZE = 16,
    API_MEMORY_MB = 512,
    INTAKE_MEMORY_MB = 1024,
    RENDER_MEMORY_MB = 3008, /* what the deployment on AWS asks for */
};

struct embedded {
    struct arena *arena;
    const struct embedded_options *options;
    struct store *store;
    struct secrets secrets;
    struct s3_server *s3;
    struct host *host;
    struct gateway *gateway;
    const char *page_url;
    const char *s3_url;
    unsigned s3_port;
    const char *bootstrap;
    const char *web_folder; /* NULL: none */
    const char *openapi;    /* NULL: none */
};

/* A file of the installation: beside the executable as the build leaves it, or where `make install`
 * puts it. NULL when it is in neither. */
static const char *find_file(struct arena *arena, const char *folder, const char *beside,
                             const char *installed) {
    const char *const names[] = {beside, installed};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const char *path = arena_printf(arena, "%s/%s", folder, names[i]);
        if (access(path, R_OK) == 0)
            return path;
    }
    return NULL;
}

static bool find_files(struct embedded *e, struct error *err) {
    const char *folder;
    if (!executable_folder(e->arena, &folder, err))
        return false;
    e->bootstrap = find_file(e->arena, folder, "bootstrap", "../lib/tachyscope/bootstrap");
    e->web_folder = find_file(e->arena, folder, "web", "../share/tachyscope/web");
    e->openapi = find_file(e->arena, folder, "openapi.json", "../share/tachyscope/openapi.json");
    if (e->bootstrap == NULL)
        return error_set(err, ERROR_NOT_FOUND, NULL,
                         "the functions' program 'bootstrap' is neither in '%s' nor in "
                         "'%s/../lib/tachyscope'",
                         folder, folder);
    return true;
}

static bool start_store(struct embedded *e, struct error *err) {
    const char *folder = e->options->data;
    if (!make_folders(folder, err) || !store_open(folder, &e->store, err) ||
        !secrets_load(e->arena, folder, &e->secrets, err))
        return false;
    const struct s3_server_options s3 = {
        .address = address_text(e->arena, &e->options->s3_listen),
        .region = REGION,
        .store = e->store,
    };
    if (!s3_server_start(&s3, &e->s3, err))
        return false;
    const char *address = s3_server_address(e->s3);
    e->s3_url = arena_printf(e->arena, "http://%s", address);
    uint64_t port;
    if (!str_to_u64(str_c(strrchr(address, ':') + 1), UINT16_MAX, &port))
        return error_set(err, ERROR_INTERNAL, NULL, "the store listens on '%s'", address);
    e->s3_port = (unsigned)port;
    return true;
}

/* Said once, not with each process. */
static bool check_sandbox(struct embedded *e, struct error *err) {
    const char *missing = sandbox_missing(e->arena);
    if (missing[0] == '\0')
        return true;
    if (e->options->require_sandbox)
        return error_set(err, ERROR_UNAVAILABLE, NULL,
                         "this kernel lacks what shuts functions in: %s", missing);
    log_warning("serve", "functions are shut in less than they should be: this kernel lacks %s",
                missing);
    return true;
}

/* ---- functions ---- */

static const char *const *environment_of(struct embedded *e, unsigned function) {
    const struct key_pair *key = &e->secrets.functions[function];
    bool signs = function == RIGHTS_API || function == RIGHTS_NOTIFY;
    const struct {
        const char *name;
        const char *value;
    } variables[] = {
        {"AWS_ENDPOINT_URL_S3", e->s3_url},
        {"AWS_REGION", REGION},
        {"AWS_ACCESS_KEY_ID", key->access_key},
        {"AWS_SECRET_ACCESS_KEY", key->secret_key},
        {"TACHYSCOPE_INPUT", BUCKET_INPUT},
        {"TACHYSCOPE_WORK", BUCKET_WORK},
        {"TACHYSCOPE_OUTPUT", BUCKET_OUTPUT},
        {"TACHYSCOPE_TOKEN", function == RIGHTS_API ? e->options->token : ""},
        {"TACHYSCOPE_SECRET", signs ? e->secrets.signing : ""},
        {"TACHYSCOPE_CONNECTIONS_URL", function == RIGHTS_NOTIFY ? e->page_url : ""},
        {"TACHYSCOPE_ORIGIN", e->page_url},
    };
    _Static_assert(ARRAY_SIZE(variables) < ENVIRONMENT_SIZE, "room for the environment");
    const char **environment = arena_array(e->arena, ENVIRONMENT_SIZE, sizeof *environment);
    for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
        environment[i] = arena_printf(e->arena, "%s=%s", variables[i].name, variables[i].value);
    return environment;
}

static bool start_host(struct embedded *e, struct error *err) {
    unsigned concurrency = e->options->concurrency;
    const struct host_function functions[] = {
        [RIGHTS_API] = {.timeout_seconds = 29,
                        .memory_mb = API_MEMORY_MB,
                        .max_concurrency = concurrency < 2 ? 2 : concurrency},
        [RIGHTS_INTAKE] = {.timeout_seconds = 60,
                           .memory_mb = INTAKE_MEMORY_MB,
                           .max_concurrency = 2,
                           .max_retries = 2},
        [RIGHTS_RENDER] = {.timeout_seconds = 900,
                           .memory_mb = RENDER_MEMORY_MB,
                           .max_concurrency = concurrency,
                           .max_retries = 2,
                           .on_failure = rights_functions[RIGHTS_INTAKE]},
        /* One at a time, so that a listener never sees a job go backwards. */
        [RIGHTS_NOTIFY] = {.timeout_seconds = 60,
                           .memory_mb = API_MEMORY_MB,
                           .max_concurrency = 1,
                           .max_retries = 2},
    };
    struct host_function named[RIGHTS_FUNCTION_COUNT];
    for (unsigned i = 0; i < RIGHTS_FUNCTION_COUNT; i++) {
        named[i] = functions[i];
        named[i].name = rights_functions[i];
        named[i].program = e->bootstrap;
        named[i].environment = environment_of(e, i);
        named[i].sandboxed = true;
        /* Its business is to call others. */
        named[i].reaches_network = strcmp(named[i].name, "notify") == 0;
        named[i].ports[0] = (uint16_t)e->s3_port;
    }
    const struct host_options host = {
        .store = e->store,
        .region = REGION,
        .functions = named,
        .function_count = RIGHTS_FUNCTION_COUNT,
        .idle_seconds = e->options->idle_seconds,
        .folder = arena_printf(e->arena, "%s/functions", e->options->data),
    };
    return host_start(&host, &e->host, err);
}

/* ---- page ---- */

/* A port that is free at this moment. */
static bool free_port(const struct address *address, unsigned *ret, struct error *err) {
    int fd CLEANUP(fd_cleanup) =
        socket(address->ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_errno(err, "choosing a port");
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    struct sockaddr *name = (struct sockaddr *)&four;
    socklen_t size = sizeof four;
    void *host = &four.sin_addr;
    if (address->ipv6) {
        name = (struct sockaddr *)&six;
        size = sizeof six;
        host = &six.sin6_addr;
    }
    inet_pton(address->ipv6 ? AF_INET6 : AF_INET, address->host, host);
    if (bind(fd, name, size) != 0 || getsockname(fd, name, &size) != 0)
        return error_errno(err, "choosing a port on '%s'", address->host);
    *ret = ntohs(address->ipv6 ? six.sin6_port : four.sin_port);
    return true;
}

static bool try_page(struct embedded *e, const struct address *address, struct error *err) {
    const char *text = address_text(e->arena, address);
    e->page_url = arena_printf(e->arena, "http://%s", text);
    /* Signed uploads come from the page: its origin must be in the buckets' rules. */
    if (!setup_cors(e->store, e->arena, address, err) || !start_host(e, err))
        return false;
    const struct gateway_options gateway = {
        .address = text,
        .host = e->host,
        .function = rights_functions[RIGHTS_API],
        .web_folder = e->web_folder,
        .openapi = e->openapi,
        .s3_origin = e->s3_url,
        .invoker = {.access_key = e->secrets.root.access_key,
                    .secret_key = e->secrets.root.secret_key,
                    .region = REGION},
        .sender = {.access_key = e->secrets.functions[RIGHTS_NOTIFY].access_key,
                   .secret_key = e->secrets.functions[RIGHTS_NOTIFY].secret_key},
        .region = REGION,
    };
    if (gateway_start(&gateway, &e->gateway, err))
        return true;
    host_stop(e->host, 0);
    e->host = NULL;
    return false;
}

static bool start_page(struct embedded *e, struct error *err) {
    struct address address = e->options->listen;
    if (address.port != 0)
        return try_page(e, &address, err);
    for (unsigned tries = 1;; tries++) {
        if (!free_port(&address, &address.port, err))
            return false;
        if (try_page(e, &address, err))
            return true;
        if (err->kind != ERROR_UNAVAILABLE || tries == MAX_PORT_TRIES)
            return false;
        address.port = 0;
    }
}

bool embedded_start(const struct embedded_options *options, struct embedded **ret,
                    struct error *err) {
    struct arena *arena = arena_new();
    struct embedded *e = arena_alloc(arena, sizeof *e);
    e->arena = arena;
    e->options = options;
    if (!check_sandbox(e, err) || !find_files(e, err) || !start_store(e, err) ||
        !setup_buckets(e->store, e->arena, &e->secrets, err) || !start_page(e, err)) {
        embedded_stop(e);
        return false;
    }
    *ret = e;
    return true;
}

const char *embedded_page_url(const struct embedded *embedded) {
    return embedded->page_url;
}

const char *embedded_s3_url(const struct embedded *embedded) {
    return embedded->s3_url;
}

void embedded_stop(struct embedded *embedded) {
    if (embedded == NULL)
        return;
    gateway_free(embedded->gateway);
    host_stop(embedded->host, STOP_GRACE_MS);
    s3_server_free(embedded->s3);
    if (embedded->store != NULL)
        store_close(embedded->store);
    arena_free(embedded->arena);
}
