/*
 * What webm.c (header) and webm_cluster.c (segments) share: how a segment falls into Clusters.
 */
#ifndef MEDIA_WEBM_INTERNAL_H
#define MEDIA_WEBM_INTERNAL_H

#include "media/webm.h"

enum { WEBM_VIDEO = 1, WEBM_SOUND };

/* The tables of one segment. */
struct webm_run {
    struct rational fps;
    uint64_t first_frame;
    const struct media_sample *samples;
    uint32_t sample_count;
    const struct sound_index *sound; /* NULL: none */
    uint32_t first_packet;
    const uint32_t *packet_sizes;
    uint32_t packet_count;
};
struct webm_run webm_run_of(const struct plan *plan, uint32_t segment,
                            const struct sound_index *sound);

/* INVALID for samples or packets that a WebM file cannot have. */
MUST_CHECK bool webm_check_run(const struct webm_run *run, struct error *err);

/* Samples and packets of the run by their place in it. */
struct webm_cluster {
    uint32_t first_sample, sample_count;
    uint32_t first_packet, packet_count;
    uint64_t time_ms;
    bool is_key;
    uint64_t offset;   /* in the segment's bytes */
    uint64_t contents; /* its bytes without identifier and size */
};
/* The Cluster behind this one, the first for one that is all zero; false behind the last, whose
 * end is then the segment's. */
bool webm_next_cluster(const struct webm_run *run, struct webm_cluster *cluster);
uint64_t webm_cluster_end(const struct webm_cluster *cluster);

#endif
