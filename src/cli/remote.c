/*
 * What `status`, `cancel` and `list` have in common.
 */
#include "cli/remote.h"
#include "base/codec.h"
#include "cli/cli.h"
#include "cli/text.h"
#include "job/manifest.h"

#include <stdio.h>
#include <string.h>

static bool check_operands(const struct options *options, enum remote_operand operand,
                           const char **ret_job, struct error *err) {
    size_t most = operand == REMOTE_NO_JOB ? 0 : 1;
    if (options->operand_count > most)
        return error_set(err, ERROR_INVALID, NULL, "'%s' is too much", options->operands[most]);
    if (options->operand_count == 0 && operand == REMOTE_JOB)
        return error_set(err, ERROR_INVALID, NULL, "no job given");
    *ret_job = options->operand_count == 0 ? NULL : options->operands[0];
    if (*ret_job != NULL && !job_id_valid(str_c(*ret_job)))
        return error_set(err, ERROR_INVALID, NULL, "'%s' is not the id of a job", *ret_job);
    return true;
}

int remote_command(const struct command_syntax *syntax, enum remote_operand operand, int argc,
                   char **argv, int (*run)(struct remote *remote)) {
    struct error err;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new();
    struct options options CLEANUP(options_clear) = {0};
    struct remote remote = {.options = &options, .arena = arena};
    if (!options_parse(arena, syntax, argc, argv, &options, &err))
        return cli_usage(syntax->name, &err);
    if (options.help) {
        options_print_help(stdout, syntax);
        return STATUS_DONE;
    }
    if (!check_operands(&options, operand, &remote.job, &err))
        return cli_usage(syntax->name, &err);
    remote.json = options_flag(&options, "json");
    struct http_client *http = http_client_new();
    int status;
    if (!api_server_init(arena, options_value(&options, "server"), options_value(&options, "token"),
                         http, &remote.server, &err))
        status = cli_usage(syntax->name, &err);
    else
        status = run(&remote);
    http_client_free(http);
    return status;
}

int remote_print_jobs(struct remote *remote, uint64_t limit, const char *after) {
    struct arena *arena = remote->arena;
    const char *path = "/jobs";
    if (limit > 0)
        path = arena_printf(arena, "%s?limit=%llu", path, (unsigned long long)limit);
    if (after != NULL)
        path = arena_printf(arena, "%s%safter=%s", path, limit > 0 ? "&" : "?",
                            percent_encode(arena, str_c(after), false));
    const struct api_request request = {.method = "GET", .path = path};
    struct api_answer answer;
    struct error err;
    if (!api_call(&remote->server, arena, &request, &answer, &err))
        return cli_fail(&err);
    if (remote->json)
        return answer.body != NULL && cli_print_json(answer.body) ? STATUS_DONE : STATUS_FAILED;

    const json_t *jobs = json_object_get(answer.body, "jobs");
    const json_t *last = NULL;
    size_t index;
    json_t *job;
    json_array_foreach(jobs, index, job) {
        const char *id = json_string_value(json_object_get(job, "id"));
        const char *state = json_string_value(json_object_get(job, "state"));
        const char *created = json_string_value(json_object_get(job, "created_at"));
        const char *line =
            arena_printf(arena, "%s  %-9s  %s", id == NULL ? "?" : id, state == NULL ? "?" : state,
                         created == NULL ? "" : created);
        printf("%s\n", text_clean(arena, line));
        last = job;
    }
    if (last != NULL && json_is_true(json_object_get(answer.body, "more")))
        fprintf(stderr, "there are more: tachyscope list --after %s\n",
                json_string_value(json_object_get(last, "id")));
    json_decref(answer.body);
    return fflush(stdout) == 0 ? STATUS_DONE : STATUS_FAILED;
}
