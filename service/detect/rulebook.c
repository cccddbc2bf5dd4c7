/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "detect/rules.h"
#include "model/device.h"

struct rulebook {
    struct rules **groups; /* by name */
    size_t count;
};

/** Where a group is; NULL if it is not there: then *ret_place is the place it would have. */
static struct rules **find_slot(const struct rulebook *book, const char *name, size_t *ret_place)
{
    size_t low = 0, high = book->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(rules_name(book->groups[middle]), name);

        if (order == 0) {
            return &book->groups[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *ret_place = low;
    return NULL;
}

struct rulebook *rulebook_new(void)
{
    struct rulebook *book = calloc(1, sizeof(*book));
    struct rules *rules = rules_new_default(GROUP_NAME_DEFAULT);

    if (book == NULL || rules == NULL || rulebook_add(book, rules) != PICKET_OK) {
        rules_free(rules);
        free(book);
        return NULL;
    }
    return book;
}

enum picket_status rulebook_add(struct rulebook *book, struct rules *rules)
{
    size_t place = 0;
    struct rules **slot = find_slot(book, rules_name(rules), &place);
    struct rules **groups;

    if (slot != NULL) {
        rules_free(*slot);
        *slot = rules;
        return PICKET_OK;
    }
    groups = realloc(book->groups, (book->count + 1) * sizeof(*groups));
    if (groups == NULL) {
        return PICKET_E_NOMEM;
    }
    memmove(groups + place + 1, groups + place, (book->count - place) * sizeof(*groups));
    groups[place] = rules;
    book->groups = groups;
    book->count++;
    return PICKET_OK;
}

const struct rules *rulebook_find(const struct rulebook *book, const char *group)
{
    size_t place;
    struct rules **slot = find_slot(book, group, &place);

    if (slot == NULL) {
        slot = find_slot(book, GROUP_NAME_DEFAULT, &place);
    }
    assert(slot != NULL); /* rulebook_new() put it in, and nothing takes groups out */
    return *slot;
}

void rulebook_free(struct rulebook *book)
{
    if (book == NULL) {
        return;
    }
    for (size_t i = 0; i < book->count; i++) {
        rules_free(book->groups[i]);
    }
    free(book->groups);
    free(book);
}
