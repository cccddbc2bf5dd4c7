/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_NET_URI_H
#define SERVICE_NET_URI_H

#include <stdbool.h>
#include <stddef.h>

#include "picket/status.h"

/**
 * The target of a request ("/v1/devices/camera%201?limit=5") in its pieces,
 * percent-decoded after they were taken apart, so that an encoded slash stays
 * inside its segment. Private to net.
 */
#define URI_SEGMENTS_MAX   8u
#define URI_PARAMETERS_MAX 16u

struct uri_parameter {
    const char *name;
    const char *value; /* "" if there is no '=' */
};

struct uri {
    char *path;   /* as it was sent, without the query */
    char *pieces; /* what the members below point into */
    const char *segments[URI_SEGMENTS_MAX];
    size_t segment_count; /* none for "/" */
    struct uri_parameter parameters[URI_PARAMETERS_MAX];
    size_t parameter_count;
};

/**
 * Ownership: *ret_uri is let go with uri_deinit(); untouched on failure.
 * Errors:    PICKET_E_MALFORMED with the reason in *ret_fault; PICKET_E_NOMEM.
 */
PICKET_MUST_CHECK enum picket_status uri_parse(const char *text, struct uri *ret_uri,
                                               const char **ret_fault);
void uri_deinit(struct uri *uri);

/** "{name}" in @p pattern stands for one segment that is not empty. */
bool uri_matches(const struct uri *uri, const char *pattern);
/** The segment that stands for "{name}" in a pattern that matches; NULL if there is none. */
const char *uri_segment(const struct uri *uri, const char *pattern, const char *name);
/** NULL if it is not there. */
const char *uri_parameter(const struct uri *uri, const char *name);

#endif
