/* SPDX-License-Identifier: MIT */
#include "app/lists.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "feed/feed.h"

#define LIST_CONFIDENCE 80u /* of a list that says nothing about it */

static bool is_taken(const struct lists *lists, const char *name)
{
    for (size_t i = 0; i < lists->count; i++) {
        if (strcmp(lists->terms[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* The file's name in the letters that a feed's may have; a number behind it tells equal ones
 * apart. */
static void make_name(const struct lists *lists, const char *path, char ret[FEED_NAME_MAX])
{
    const char *slash = strrchr(path, '/');
    char name[FEED_NAME_MAX - 4];

    (void)snprintf(name, sizeof(name), "%s", slash == NULL ? path : slash + 1);
    for (char *at = name; *at != '\0'; at++) {
        char letter[2] = {*at == '.' && at == name ? '_' : *at, '\0'};

        *at = feed_name_is_good(letter) || (*at == '.' && at > name) ? *at : '_';
    }
    (void)snprintf(ret, FEED_NAME_MAX, "%s", name[0] == '\0' ? "list" : name);
    for (unsigned number = 2; is_taken(lists, ret); number++) {
        (void)snprintf(ret, FEED_NAME_MAX, "%s-%u", name, number);
    }
}

static enum picket_status read_list(const char *path, struct intel_builder *builder,
                                    const struct intel_index *current, int64_t now_us,
                                    struct lists *lists, struct err *reterr)
{
    struct feed_terms *terms = &lists->terms[lists->count];
    char name[FEED_NAME_MAX];
    enum picket_status status = PICKET_OK;

    make_name(lists, path, name);
    feed_terms_init(terms, name);
    (void)snprintf(terms->source, sizeof(terms->source), "%s", path);
    terms->confidence = LIST_CONFIDENCE;
    terms->takes_reserved = true; /* it is the operator's own, for the operator's own network */
    status = feed_load_file(builder, terms, path, 0, current, now_us, &lists->loads[lists->count],
                            reterr);
    if (status == PICKET_E_EMPTY) { /* an operator may empty a list of his own */
        status = PICKET_OK;
    }
    if (status != PICKET_OK) {
        err_prefix(reterr, "list %s", name);
    }
    lists->count++;
    return status;
}

enum picket_status lists_read(const struct config *config, struct intel_builder *builder,
                              const struct intel_index *current, int64_t now_us, struct lists **ret,
                              struct err *reterr)
{
    struct lists *lists = calloc(1, sizeof(*lists));
    enum picket_status status = lists == NULL ? PICKET_E_NOMEM : PICKET_OK;

    if (lists == NULL) {
        err_set(reterr, "out of memory for the indicator lists");
    }
    for (size_t i = 0; i < config->intel_list_count && status == PICKET_OK; i++) {
        status = read_list(config->intel_lists[i], builder, current, now_us, lists, reterr);
    }
    if (status != PICKET_OK) {
        free(lists);
        return status;
    }
    *ret = lists;
    return PICKET_OK;
}

void lists_log(const struct lists *lists)
{
    for (size_t i = 0; i < lists->count; i++) {
        const char *name = lists->terms[i].name;
        const struct feed_load *load = &lists->loads[i];

        log_notice("list %s: %zu indicators, %zu repeated, %zu in reserved ranges, %zu allowed, "
                   "%zu malformed lines",
                   name, load->accepted, load->duplicate, load->reserved, load->allow_listed,
                   load->malformed);
        for (size_t k = 0; k < load->reason_count; k++) {
            log_warning("list %s, line %zu: %s", name, load->reasons[k].line,
                        load->reasons[k].reason);
        }
        if (load->malformed > load->reason_count) {
            log_warning("list %s: and %zu malformed lines more", name,
                        load->malformed - load->reason_count);
        }
    }
}

void lists_write_json(struct json *json, const char *key, const struct lists *lists)
{
    json_open_array(json, key);
    for (size_t i = 0; i < lists->count; i++) {
        const struct feed_load *load = &lists->loads[i];

        json_open_object(json, NULL);
        json_put_text(json, "name", lists->terms[i].name);
        json_put_uint(json, "lines", load->lines);
        json_put_uint(json, "accepted", load->accepted);
        json_put_uint(json, "duplicate", load->duplicate);
        json_put_uint(json, "reserved", load->reserved);
        json_put_uint(json, "malformed", load->malformed);
        json_close_object(json);
    }
    json_close_array(json);
}
