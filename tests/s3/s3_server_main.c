/*
 * `s3d DIR [CERTIFICATE KEY]`: the store in DIR with its S3 server and nothing else, for tests with
 * real clients. Prints one line `s3=URL key=ACCESS secret=SECRET region=REGION` and serves until
 * standard input ends.
 */
#include "base/os.h"
#include "s3/server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool make_key(struct store *store, char secret[33], struct error *err) {
    static const struct store_statement everything[] = {{"*", "*", ""}};
    uint8_t bytes[16];
    random_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(secret + 2 * i, 3, "%02x", bytes[i]);
    return store_put_key(store, "s3d", secret, everything, 1, err);
}

/* Until standard input ends. */
static bool serve(struct arena *arena, struct store *store, char **tls, struct error *err) {
    struct s3_server_options options = {
        .address = "127.0.0.1:0", .region = "local", .store = store};
    struct s3_server *server;
    struct str texts[2] = {{0}};
    char secret[33], byte;
    for (int i = 0; tls && i < 2; i++)
        if (!read_file(arena, tls[i], 1 << 20, &texts[i], err))
            return false;
    options.tls_certificate = texts[0].ptr;
    options.tls_key = texts[1].ptr;
    if (!make_key(store, secret, err) || !s3_server_start(&options, &server, err))
        return false;
    printf("s3=%s://%s key=s3d secret=%s region=local\n", tls ? "https" : "http",
           s3_server_address(server), secret);
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        continue;
    s3_server_free(server);
    return true;
}

int main(int argc, char **argv) {
    struct store *store = NULL;
    struct error err;
    if (argc != 2 && argc != 4) {
        fputs("usage: s3d DIR [CERTIFICATE KEY]\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    struct arena *arena = arena_new();
    bool ok =
        store_open(argv[1], &store, &err) && serve(arena, store, argc == 4 ? argv + 2 : NULL, &err);
    if (!ok)
        fprintf(stderr, "s3d: %s\n", err.text);
    store_close(store);
    arena_free(arena);
    return ok ? 0 : 1;
}
