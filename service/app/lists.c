/* SPDX-License-Identifier: MIT */
#include "app/lists.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"

#define LIST_CONFIDENCE 80u /* of a list that says nothing about it */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

static enum picket_status add_all(const struct config *config, struct intel_builder *builder,
                                  struct lists *lists, struct err *reterr)
{
    enum picket_status status = PICKET_OK;

    for (size_t i = 0; i < config->intel_list_count && status == PICKET_OK; i++) {
        const char *path = config->intel_lists[i];
        const struct intel_feed feed = {
            .name = base_name(path), .confidence = LIST_CONFIDENCE, .category = ""};

        (void)snprintf(lists->reports[i].name, sizeof(lists->reports[i].name), "%s", feed.name);
        status = intel_add_file(builder, &feed, 0, path, &lists->reports[i].load, reterr);
        lists->count++;
    }
    return status;
}

enum picket_status lists_load(const struct config *config, struct intel_index **ret_index,
                              struct lists **ret_lists, struct err *reterr)
{
    struct intel_builder *builder = intel_builder_new();
    struct lists *lists = calloc(1, sizeof(*lists));
    struct intel_index *index = NULL;
    enum picket_status status = PICKET_E_NOMEM;

    if (builder == NULL || lists == NULL) {
        err_set(reterr, "out of memory for the indicator lists");
        goto out;
    }
    status = add_all(config, builder, lists, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = intel_build(builder, &index, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    lists->indicators = intel_index_count(index);
    *ret_index = index;
    *ret_lists = lists;
    lists = NULL;
out:
    free(lists);
    intel_builder_free(builder);
    return status;
}

void lists_log(const struct lists *lists)
{
    for (size_t i = 0; i < lists->count; i++) {
        const struct list_report *report = &lists->reports[i];
        const struct intel_load *load = &report->load;

        log_notice("list %s: %zu indicators, %zu repeated, %zu in reserved ranges, %zu malformed "
                   "lines",
                   report->name, load->accepted, load->duplicate, load->reserved, load->malformed);
        for (size_t k = 0; k < load->first_malformed_count; k++) {
            log_warning("list %s, line %zu: %s", report->name, load->first_malformed[k].line,
                        load->first_malformed[k].reason);
        }
        if (load->malformed > load->first_malformed_count) {
            log_warning("list %s: and %zu malformed lines more", report->name,
                        load->malformed - load->first_malformed_count);
        }
    }
}

void lists_write_json(struct json *json, const char *key, const struct lists *lists)
{
    json_open_array(json, key);
    for (size_t i = 0; i < lists->count; i++) {
        const struct list_report *report = &lists->reports[i];

        json_open_object(json, NULL);
        json_put_text(json, "name", report->name);
        json_put_uint(json, "lines", report->load.lines);
        json_put_uint(json, "accepted", report->load.accepted);
        json_put_uint(json, "duplicate", report->load.duplicate);
        json_put_uint(json, "reserved", report->load.reserved);
        json_put_uint(json, "malformed", report->load.malformed);
        json_close_object(json);
    }
    json_close_array(json);
}
