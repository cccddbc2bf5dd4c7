/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_APP_NEAREST_H
#define SERVICE_APP_NEAREST_H

#include <stddef.h>

/** The best guess at what a mistyped word was meant to be. */
struct nearest {
    const char *word; /* NULL while nothing came near */
    size_t edits;
};

/** Offers @p candidate as the meaning of @p word; the nearest one offered is kept. */
void nearest_offer(struct nearest *nearest, const char *word, const char *candidate);

#endif
