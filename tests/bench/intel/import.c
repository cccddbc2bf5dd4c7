/* SPDX-License-Identifier: MIT */
#include "bench/intel/measure.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "feed/load.h"

#define LIST_BYTES_MAX (UINT64_C(1) << 30)
#define ROUNDS_MAX     64u
#define NOW_US         INT64_C(1767225600000000) /* 2026-01-01 */

static void write_list(struct buf *list, const struct set *set, enum import_form form)
{
    static const char *const heads[IMPORT_FORMS] = {
        [IMPORT_LINES] = "# a list\n",
        [IMPORT_CSV] = "# \"first_seen\",\"ip\",\"malware\"\n\"first_seen\",\"ip\",\"malware\"\n",
        [IMPORT_JSON] = ""};

    buf_add_text(list, heads[form]);
    for (size_t i = 0; i < set->count; i++) {
        char prefix[PREFIX_TEXT_MAX];
        const char *text = set->names != NULL ? set->names[i] : prefix;

        if (set->names == NULL) {
            prefix_format(&set->prefixes[i], prefix);
        }
        if (form == IMPORT_CSV) {
            buf_addf(list, "\"2025-11-%02zu 10:00:00\",\"%s\",\"mirai\"\n", 1 + i % 28, text);
        } else if (form == IMPORT_JSON) {
            buf_addf(list, "{\"%s\":\"%s\",\"sblid\":\"SBL%zu\",\"rir\":\"ripencc\"}\n",
                     set->names != NULL ? "indicator" : "cidr", text, i % 1000);
        } else {
            buf_addf(list, "%s\n", text);
        }
    }
}

/** Loads it once; false if it is not taken. */
static bool load_once(const struct buf *list, double *ret_seconds)
{
    struct intel_builder *builder = intel_builder_new();
    struct feed_terms terms;
    struct feed_load load;
    struct err err = {""};
    double begin = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
    bool is_loaded;

    feed_terms_init(&terms, "bench");
    is_loaded =
        builder != NULL && feed_load(builder, &terms, (const uint8_t *)list->bytes, list->length, 0,
                                     NULL, NOW_US, &load, &err) == PICKET_OK;
    *ret_seconds = cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - begin;
    if (!is_loaded) {
        fprintf(stderr, "picket: %s\n", err.text);
    }
    intel_builder_free(builder);
    return is_loaded;
}

bool import_speed(const struct set *set, enum import_form form, unsigned rounds,
                  double *ret_lines_per_s, double *ret_bytes_per_s)
{
    double times[ROUNDS_MAX];
    struct buf list;
    bool is_loaded;

    buf_init(&list, LIST_BYTES_MAX);
    write_list(&list, set, form);
    is_loaded = !list.is_failed;
    for (unsigned round = 0; is_loaded && round < rounds; round++) {
        is_loaded = load_once(&list, &times[round]);
    }
    if (is_loaded) {
        double seconds = median(times, rounds);

        *ret_lines_per_s = (double)set->count / seconds;
        *ret_bytes_per_s = (double)list.length / seconds;
    }
    buf_deinit(&list);
    return is_loaded;
}
