/*
 * Sockets by hand, for what no well-behaved client or server does.
 */
#ifndef TESTS_HTTP_RAW_H
#define TESTS_HTTP_RAW_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* Connected to "127.0.0.1:port". */
int raw_connect(const char *address);
void raw_send(int fd, const char *text);
/* Sends as much as the other side takes; false when it has closed. */
bool raw_send_zeros(int fd, size_t size);
/* Reads until `end` was seen, the other side closed, or the room is full; ends with NUL. */
size_t raw_read_until(int fd, const char *end, char *ret, size_t size);
/* Reads all until the other side closes. */
size_t raw_read_all(int fd, char *ret, size_t size);

/* A server that follows a script: for each connection it reads a head, then sends the next answer
 * of that connection, and closes when there is none left. */
struct raw_server {
    const char *const *answers; /* NULL ends a connection's answers, two NULL the script */
    int listen_fd;
    char address[32];
    pthread_t thread;
    char heads[8][4096]; /* as received */
    size_t head_count;
};

void raw_server_start(struct raw_server *server, const char *const *answers);
/* Waits for the end of the script. */
void raw_server_join(struct raw_server *server);

#endif
