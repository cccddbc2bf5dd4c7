/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_APP_LISTS_H
#define SERVICE_APP_LISTS_H

#include <stddef.h>

#include "app/config.h"
#include "intel/intel.h"
#include "intel/list.h"
#include "picket/status.h"

/**
 * The indicator lists that the service was told to load: one load makes an
 * index for the pipeline and a report of what each list held. The report is
 * immutable and goes into a snapshot cell, as the index does.
 */
struct err;
struct json;

struct lists {
    size_t count;
    size_t indicators; /* distinct ones, of all lists */
    struct list_report {
        char name[CONFIG_TEXT_MAX]; /* of the file, without its folder */
        struct intel_load load;
    } reports[CONFIG_LISTS_MAX];
};

/**
 * Ownership: the caller frees *ret_index with intel_index_free() and *ret_lists with free().
 * Errors:    those of intel_add_file(); nothing is returned.
 */
PICKET_MUST_CHECK enum picket_status lists_load(const struct config *config,
                                                struct intel_index **ret_index,
                                                struct lists **ret_lists, struct err *reterr);
/** One line a list, and one for each line of it that is wrong. */
void lists_log(const struct lists *lists);
/** [{"name": …, "accepted": N, …}, …] */
void lists_write_json(struct json *json, const char *key, const struct lists *lists);

#endif
