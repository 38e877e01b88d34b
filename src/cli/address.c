/*
 * Reading addresses to listen on. Names are not looked up: which of its addresses a server listens
 * on must not depend on a name service.
 */
#include "cli/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static bool split(struct arena *arena, const char *text, const char **ret_host,
                  struct str *ret_port) {
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon == text)
        return false;
    *ret_port = str_c(colon + 1);
    size_t length = (size_t)(colon - text);
    if (text[0] == '[') {
        if (length < 3 || text[length - 1] != ']')
            return false;
        *ret_host = arena_strndup(arena, text + 1, length - 2);
        return true;
    }
    *ret_host = arena_strndup(arena, text, length);
    return strchr(*ret_host, ':') == NULL;
}

/* Kind of the host; false when it is no numeric address. */
static bool classify(bool bracketed, struct address *address) {
    struct in_addr four;
    struct in6_addr six;
    if (!bracketed && inet_pton(AF_INET, address->host, &four) == 1) {
        address->loopback = (ntohl(four.s_addr) >> 24) == 127;
        address->wildcard = four.s_addr == INADDR_ANY;
        return true;
    }
    if (bracketed && inet_pton(AF_INET6, address->host, &six) == 1) {
        address->ipv6 = true;
        address->loopback = IN6_IS_ADDR_LOOPBACK(&six);
        address->wildcard = IN6_IS_ADDR_UNSPECIFIED(&six);
        return true;
    }
    return false;
}

bool address_parse(struct arena *arena, const char *text, struct address *ret, struct error *err) {
    struct address address = {0};
    struct str port_text;
    uint64_t port = 0;
    if (!split(arena, text, &address.host, &port_text) || !str_to_u64(port_text, 65535, &port))
        return error_set(err, ERROR_INVALID, NULL,
                         "address '%s' must look like 127.0.0.1:8080 or [::1]:8080", text);
    if (text[0] != '[' && strcmp(address.host, "localhost") == 0)
        address.host = "127.0.0.1";
    if (!classify(text[0] == '[', &address))
        return error_set(err, ERROR_INVALID, NULL, "address '%s': '%s' is not a numeric address",
                         text, address.host);
    address.port = (unsigned)port;
    *ret = address;
    return true;
}

char *address_text(struct arena *arena, const struct address *address) {
    return arena_printf(arena, address->ipv6 ? "[%s]:%u" : "%s:%u", address->host, address->port);
}
