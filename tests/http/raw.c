#include "raw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int raw_connect(const char *address) {
    const char *colon = strrchr(address, ':');
    assert_non_null(colon);
    struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10)),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool send_all(int fd, const void *data, size_t size) {
    const char *rest = data;
    while (size > 0) {
        ssize_t sent = send(fd, rest, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        rest += sent;
        size -= (size_t)sent;
    }
    return true;
}

void raw_send(int fd, const char *text) {
    assert_true(send_all(fd, text, strlen(text)));
}

bool raw_send_zeros(int fd, size_t size) {
    static const char zeros[16384];
    while (size > 0) {
        size_t piece = size < sizeof zeros ? size : sizeof zeros;
        if (!send_all(fd, zeros, piece))
            return false;
        size -= piece;
    }
    return true;
}

size_t raw_read_until(int fd, const char *end, char *ret, size_t size) {
    size_t length = 0;
    ret[0] = '\0';
    while (length + 1 < size && !strstr(ret, end)) {
        ssize_t got = recv(fd, ret + length, 1, 0);
        if (got <= 0)
            break;
        ret[++length] = '\0';
    }
    return length;
}

size_t raw_read_all(int fd, char *ret, size_t size) {
    size_t length = 0;
    while (length + 1 < size) {
        ssize_t got = recv(fd, ret + length, size - 1 - length, 0);
        if (got <= 0)
            break;
        length += (size_t)got;
    }
    ret[length] = '\0';
    return length;
}

static void *follow_script(void *context) {
    struct raw_server *server = context;
    const char *const *answer = server->answers;
    while (*answer) {
        int fd = accept(server->listen_fd, NULL, NULL);
        if (fd < 0)
            break;
        for (; *answer; answer++) {
            char *head = server->heads[server->head_count];
            if (raw_read_until(fd, "\r\n\r\n", head, sizeof server->heads[0]) == 0)
                break;
            if (server->head_count < 7)
                server->head_count++;
            send_all(fd, *answer, strlen(*answer));
        }
        while (*answer)
            answer++;
        answer++;
        close(fd);
    }
    return NULL;
}

void raw_server_start(struct raw_server *server, const char *const *answers) {
    memset(server, 0, sizeof *server);
    server->answers = answers;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    server->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(server->listen_fd >= 0);
    assert_int_equal(bind(server->listen_fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(server->listen_fd, 16), 0);
    assert_int_equal(getsockname(server->listen_fd, (struct sockaddr *)&address, &size), 0);
    snprintf(server->address, sizeof server->address, "127.0.0.1:%u",
             (unsigned)ntohs(address.sin_port));
    assert_int_equal(pthread_create(&server->thread, NULL, follow_script, server), 0);
}

void raw_server_join(struct raw_server *server) {
    pthread_join(server->thread, NULL);
    close(server->listen_fd);
}
