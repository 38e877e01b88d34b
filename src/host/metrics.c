/*
 * The host's counters as Prometheus reads them: text format 0.0.4. Numbers are taken at one moment
 * under the mutex; the store is asked afterwards.
 */
#include "host/internal.h"

#include "base/os.h"
#include "store/queue.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

const unsigned function_duration_bounds_ms[FUNCTION_DURATION_BUCKETS] = {
    1, 3, 10, 30, 100, 300, 1000, 3000, 10000, 60000};

void function_observe(struct function *function, int64_t duration_ms) {
    struct function_stats *stats = &function->stats;
    stats->duration_ms += (uint64_t)duration_ms;
    stats->durations++;
    for (size_t i = 0; i < FUNCTION_DURATION_BUCKETS; i++)
        if (duration_ms <= function_duration_bounds_ms[i])
            stats->duration_buckets[i]++;
}

struct snapshot {
    const char *name;
    struct function_stats stats;
    unsigned processes, idle;
    bool queue_known;
    uint64_t queued;
    int64_t oldest_ms; /* age of the oldest event */
};

static struct snapshot *take_snapshots(struct host *host, struct arena *arena) {
    struct snapshot *snapshots = arena_array(arena, host->function_count, sizeof *snapshots);
    pthread_mutex_lock(&host->mutex);
    for (unsigned i = 0; i < host->function_count; i++) {
        const struct function *function = &host->functions[i];
        snapshots[i] = (struct snapshot){.name = function->name,
                                         .stats = function->stats,
                                         .processes = function->process_count,
                                         .idle = function->idle_count};
    }
    pthread_mutex_unlock(&host->mutex);
    int64_t now_unix_ms = clock_unix_ms();
    for (unsigned i = 0; i < host->function_count; i++) {
        struct snapshot *s = &snapshots[i];
        struct error ignored; /* a store that cannot be asked has nothing to tell */
        int64_t oldest_unix_ms;
        s->queue_known = queue_waiting(host->store, s->name, &s->queued, &oldest_unix_ms, &ignored);
        if (s->queue_known && oldest_unix_ms < now_unix_ms)
            s->oldest_ms = now_unix_ms - oldest_unix_ms;
    }
    return snapshots;
}

static void write_head(FILE *out, const char *name, const char *type, const char *help) {
    fprintf(out, "# HELP tachyscope_%s %s\n# TYPE tachyscope_%s %s\n", name, help, name, type);
}

static void write_counters(FILE *out, const struct snapshot *snapshots, unsigned count) {
    static const struct {
        const char *name;
        const char *help;
        size_t offset;
    } counters[] = {
        {"invocations_total", "Invocations given to a process.",
         offsetof(struct function_stats, invocations)},
        {"errors_total", "Invocations that failed, passed deadlines among them.",
         offsetof(struct function_stats, errors)},
        {"timeouts_total", "Processes killed at an invocation's deadline.",
         offsetof(struct function_stats, timeouts)},
        {"throttles_total", "Calls refused because all processes stayed busy.",
         offsetof(struct function_stats, throttles)},
        {"cold_starts_total", "Processes started.", offsetof(struct function_stats, cold_starts)},
    };
    for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
        write_head(out, counters[i].name, "counter", counters[i].help);
        for (unsigned j = 0; j < count; j++) {
            const char *base = (const char *)&snapshots[j].stats;
            fprintf(out, "tachyscope_%s{function=\"%s\"} %" PRIu64 "\n", counters[i].name,
                    snapshots[j].name, *(const uint64_t *)(base + counters[i].offset));
        }
    }
}

static void write_gauges(FILE *out, const struct snapshot *snapshots, unsigned count) {
    write_head(out, "processes", "gauge", "Processes that run, idle ones among them.");
    for (unsigned i = 0; i < count; i++)
        fprintf(out, "tachyscope_processes{function=\"%s\"} %u\n", snapshots[i].name,
                snapshots[i].processes);
    write_head(out, "processes_idle", "gauge", "Processes that wait for an event.");
    for (unsigned i = 0; i < count; i++)
        fprintf(out, "tachyscope_processes_idle{function=\"%s\"} %u\n", snapshots[i].name,
                snapshots[i].idle);
    write_head(out, "queue_events", "gauge", "Events that wait or are worked on.");
    for (unsigned i = 0; i < count; i++)
        if (snapshots[i].queue_known)
            fprintf(out, "tachyscope_queue_events{function=\"%s\"} %" PRIu64 "\n",
                    snapshots[i].name, snapshots[i].queued);
    write_head(out, "queue_age_seconds", "gauge", "Age of the oldest of them.");
    for (unsigned i = 0; i < count; i++)
        if (snapshots[i].queue_known)
            fprintf(out, "tachyscope_queue_age_seconds{function=\"%s\"} %.3f\n", snapshots[i].name,
                    (double)snapshots[i].oldest_ms / 1000);
}

static void write_durations(FILE *out, const struct snapshot *snapshots, unsigned count) {
    const char *name = "tachyscope_duration_seconds";
    write_head(out, "duration_seconds", "histogram", "From the event's delivery to the answer.");
    for (unsigned i = 0; i < count; i++) {
        const struct snapshot *s = &snapshots[i];
        for (size_t j = 0; j < FUNCTION_DURATION_BUCKETS; j++)
            fprintf(out, "%s_bucket{function=\"%s\",le=\"%g\"} %" PRIu64 "\n", name, s->name,
                    function_duration_bounds_ms[j] / 1000.0, s->stats.duration_buckets[j]);
        fprintf(out, "%s_bucket{function=\"%s\",le=\"+Inf\"} %" PRIu64 "\n", name, s->name,
                s->stats.durations);
        fprintf(out, "%s_sum{function=\"%s\"} %.3f\n", name, s->name,
                (double)s->stats.duration_ms / 1000);
        fprintf(out, "%s_count{function=\"%s\"} %" PRIu64 "\n", name, s->name, s->stats.durations);
    }
}

struct str host_metrics(struct host *host, struct arena *arena) {
    const struct snapshot *snapshots = take_snapshots(host, arena);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        die_out_of_memory();
    write_counters(out, snapshots, host->function_count);
    write_gauges(out, snapshots, host->function_count);
    write_durations(out, snapshots, host->function_count);
    if (fclose(out) != 0)
        die_out_of_memory();
    struct str copy = arena_str(arena, (struct str){text, size});
    free(text);
    return copy;
}
