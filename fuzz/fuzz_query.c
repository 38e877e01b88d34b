/*
 * http_query_parse: any bytes, and what it took apart must encode to a query that says the same.
 */
#include "base/codec.h"
#include "http/http.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *encode(struct arena *arena, const struct http_query *query) {
    char *text = arena_strdup(arena, "");
    for (size_t i = 0; i < query->count; i++) {
        const struct http_parameter *parameter = &query->items[i];
        text = arena_printf(arena, "%s&%s%s%s", text, percent_encode(arena, parameter->name, false),
                            parameter->has_value ? "=" : "",
                            percent_encode(arena, parameter->value, false));
    }
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct http_query query, again;
    struct error err;
    if (!http_query_parse(arena, (struct str){(const char *)data, size}, &query, &err))
        return 0;
    /* An empty name without a value has no spelling of its own. */
    for (size_t i = 0; i < query.count; i++)
        if (query.items[i].name.len == 0 && !query.items[i].has_value)
            return 0;
    if (!http_query_parse(arena, str_c(encode(arena, &query)), &again, &err) ||
        again.count != query.count)
        abort();
    for (size_t i = 0; i < query.count; i++)
        if (!str_equal(query.items[i].name, again.items[i].name) ||
            !str_equal(query.items[i].value, again.items[i].value) ||
            query.items[i].has_value != again.items[i].has_value)
            abort();
    return 0;
}
