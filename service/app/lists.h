/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_APP_LISTS_H
#define SERVICE_APP_LISTS_H

#include <stddef.h>
#include <stdint.h>

#include "app/config.h"
#include "feed/load.h"
#include "picket/status.h"

/**
 * The indicator lists that the configuration names: read into a builder, each as a
 * feed of its own, with an account of what it held. The account is immutable and
 * goes into a snapshot cell, as the index does.
 */
struct err;
struct intel_builder;
struct intel_index;
struct json;

struct lists {
    size_t count;
    struct feed_terms terms[CONFIG_LISTS_MAX]; /* the name is the file's, without its folder */
    struct feed_load loads[CONFIG_LISTS_MAX];
};

/**
 * @p current is the index in force, or NULL: see feed_load().
 *
 * Ownership: the caller frees *ret with free().
 * Errors:    those of feed_load_file(), with the path; nothing is returned, and what the
 *            builder holds is to be thrown away.
 */
PICKET_MUST_CHECK enum picket_status lists_read(const struct config *config,
                                                struct intel_builder *builder,
                                                const struct intel_index *current, int64_t now_us,
                                                struct lists **ret, struct err *reterr);
/** One line a list, and one for each line of it that is wrong. */
void lists_log(const struct lists *lists);
/** [{"name": …, "accepted": N, …}, …] */
void lists_write_json(struct json *json, const char *key, const struct lists *lists);

#endif
