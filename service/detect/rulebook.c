/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "detect/rules.h"
#include "model/device.h"

struct rulebook {
    struct rules **groups; /* by name */
    size_t count;
};

/** The place of a group, or the one it would have. */
static size_t find_place(const struct rulebook *book, const char *name)
{
    size_t low = 0;

    for (size_t left = book->count; left > 0;) {
        size_t half = left / 2;

        if (strcmp(rules_name(book->groups[low + half]), name) < 0) {
            low += half + 1;
            left -= half + 1;
        } else {
            left = half;
        }
    }
    return low;
}

static struct rules *find_exact(const struct rulebook *book, const char *name)
{
    size_t place = find_place(book, name);

    if (place == book->count || strcmp(rules_name(book->groups[place]), name) != 0) {
        return NULL;
    }
    return book->groups[place];
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
    size_t place = find_place(book, rules_name(rules));
    struct rules **groups;

    if (find_exact(book, rules_name(rules)) != NULL) {
        rules_free(book->groups[place]);
        book->groups[place] = rules;
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
    const struct rules *rules = find_exact(book, group);

    return rules != NULL ? rules : find_exact(book, GROUP_NAME_DEFAULT);
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
