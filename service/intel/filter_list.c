/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "intel/filter.h"
#include "intel/list.h"

/** Lines that may hold an address: an upper bound, so that one allocation is enough. */
static size_t count_lines(const char *text, size_t length)
{
    struct list_cursor cursor;
    struct list_line line;
    size_t count = 0;

    list_begin(&cursor, text, length);
    while (list_next(&cursor, &line)) {
        count += line.length > 0;
    }
    return count;
}

static enum picket_status read_addresses(const char *text, size_t length,
                                         struct address *ret_addresses, struct err *reterr)
{
    struct list_cursor cursor;
    struct list_line line;
    struct prefix prefix;
    char reason[LIST_REASON_MAX];
    size_t count = 0;

    list_begin(&cursor, text, length);
    while (list_next(&cursor, &line)) {
        if (line.length == 0) {
            continue;
        }
        if (!list_parse(&line, &prefix, reason)) {
            err_set(reterr, "line %zu: %s", cursor.line, reason);
            return PICKET_E_MALFORMED;
        }
        if (prefix.length != 128) {
            err_set(reterr, "line %zu: \"%.*s\" is a prefix; a filter holds single addresses",
                    cursor.line, (int)line.length, line.text);
            return PICKET_E_MALFORMED;
        }
        ret_addresses[count++] = prefix.address;
    }
    return PICKET_OK;
}

static void explain_refusal(struct err *reterr, enum picket_status status)
{
    if (status == PICKET_E_EMPTY) {
        err_set(reterr, "there is no address in it");
    } else if (status == PICKET_E_LIMIT) {
        err_set(reterr, "a filter holds at most %u addresses", FILTER_ADDRESSES_MAX);
    } else {
        err_set(reterr, "%s", picket_strerror(status));
    }
}

enum picket_status filter_build_list(const char *text, size_t length, uint64_t seed,
                                     struct filter **ret, struct err *reterr)
{
    const char *foreign = list_foreign_format(text, length);
    size_t count = count_lines(text, length);
    struct address *addresses = NULL;
    enum picket_status status = PICKET_OK;

    if (foreign != NULL) {
        err_set(reterr, "this is %s; needed is text with an address a line", foreign);
        return PICKET_E_MALFORMED;
    }
    addresses = calloc(count + 1, sizeof(*addresses));
    if (addresses == NULL) {
        explain_refusal(reterr, PICKET_E_NOMEM);
        return PICKET_E_NOMEM;
    }
    status = read_addresses(text, length, addresses, reterr);
    if (status == PICKET_OK) {
        status = filter_build(addresses, count, seed, ret);
        if (status != PICKET_OK) {
            explain_refusal(reterr, status);
        }
    }
    free(addresses);
    return status;
}
