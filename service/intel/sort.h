/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INTEL_SORT_H
#define SERVICE_INTEL_SORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** An item of a builder on its way to being an entry; private to intel. */
struct sorted {
    uint64_t key;
    uint32_t item;
    uint32_t entry;
};

/** Sorts by key; equal ones keep their order. False if memory is out. */
bool sort_by_key(struct sorted *sorted, size_t count);

#endif
