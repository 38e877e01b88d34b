/*
 * The protocol is one datagram, so libsystemd is not needed for it. A name that starts with `@` is
 * in the abstract namespace, as systemd writes it.
 */
#include "cli/service.h"

#include "base/base.h"
#include "base/os.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

bool service_notify(const char *state, struct error *err) {
    const char *name = getenv("NOTIFY_SOCKET");
    if (name == NULL || name[0] == '\0')
        return true;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    if ((name[0] != '/' && name[0] != '@') || length >= sizeof address.sun_path)
        return error_set(err, ERROR_INVALID, NULL, "NOTIFY_SOCKET '%.120s' is no local socket",
                         name);
    memcpy(address.sun_path, name, length);
    if (name[0] == '@')
        address.sun_path[0] = '\0';
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    int fd CLEANUP(fd_cleanup) = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
                         size) != (ssize_t)strlen(state))
        return error_errno(err, "telling the service manager at '%.120s'", name);
    return true;
}
