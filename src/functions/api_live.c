/*
 * A listener is noted down as an empty object of the work bucket, whose event lets `notify` send
 * the first status. The id of a connection does not tell its job, hence the LIST at its end; there
 * are as many entries as listeners.
 */
#include "functions/api.h"
#include "functions/token.h"

#include "job/keys.h"

#include <string.h>

static bool may_listen(struct functions *functions, struct arena *arena,
                       const struct payload_socket *socket) {
    const char *bearer =
        socket->token != NULL ? arena_printf(arena, "Bearer %s", socket->token) : NULL;
    return token_is_owner(bearer, functions->token) ||
           token_is_jobs(arena, bearer, functions->secret, socket->job);
}

static bool connect(struct functions *functions, struct arena *arena,
                    const struct payload_socket *socket, struct payload_response *ret,
                    struct error *err) {
    bool there;
    if (!api_origin_allowed(functions, socket->origin)) {
        *ret = payload_problem(403, "origin", "requests from other sites are refused");
        return true;
    }
    if (socket->job == NULL || !job_id_valid(str_c(socket->job)) ||
        !may_listen(functions, arena, socket)) {
        *ret = payload_problem(401, "token", "a job and a valid token are needed: ?job=…&token=…");
        return true;
    }
    if (!functions_exists(functions, arena, functions->input, key_manifest(arena, socket->job),
                          &there, err))
        return false;
    if (!there) {
        *ret = payload_problem(404, "not-found", "there is no such job");
        return true;
    }
    *ret = (struct payload_response){.status = 200};
    return functions_put_text(functions, arena, functions->work,
                              key_connection(arena, socket->job, socket->connection), "{}", false,
                              NULL, err);
}

static bool disconnect(struct functions *functions, struct arena *arena,
                       const struct payload_socket *socket, struct error *err) {
    struct s3_list_options options = {.prefix = "connections/"};
    struct s3_listing listing;
    if (!s3_list(functions->s3, arena, functions->work, &options, &listing, err))
        return false;
    for (size_t i = 0; i < listing.count; i++) {
        struct key key;
        key_parse(arena, KEY_BUCKET_WORK, str_c(listing.entries[i].key), &key);
        if (key.kind == KEY_CONNECTION && strcmp(key.name, socket->connection) == 0)
            return s3_delete(functions->s3, arena, functions->work, listing.entries[i].key, err);
    }
    return true;
}

struct payload_response api_live(struct functions *functions, struct arena *arena,
                                 const struct payload_socket *socket) {
    struct payload_response response = {.status = 200};
    struct error err;
    bool ok = true;
    if (!key_connection_valid(str_c(socket->connection)))
        return payload_problem(400, "invalid", "the connection has no good id");
    if (strcmp(socket->type, "CONNECT") == 0)
        ok = connect(functions, arena, socket, &response, &err);
    else if (strcmp(socket->type, "DISCONNECT") == 0)
        ok = disconnect(functions, arena, socket, &err);
    /* A listener has nothing to say: messages are taken and forgotten. */
    return ok ? response : payload_problem_of(&err);
}
