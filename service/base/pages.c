/* SPDX-License-Identifier: MIT */
#include "base/pages.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE_BYTES  4096u
#define LARGE_BYTES ((size_t)2 << 20)
#define WORTH_BYTES (2 * LARGE_BYTES) /* of which one is whole wherever they begin */

void pages_prefer_large(void *memory, size_t length)
{
    size_t skipped = (PAGE_BYTES - (uintptr_t)memory % PAGE_BYTES) % PAGE_BYTES;

    if (memory != NULL && length >= WORTH_BYTES) {
        (void)madvise((char *)memory + skipped, (length - skipped) / PAGE_BYTES * PAGE_BYTES,
                      MADV_HUGEPAGE);
    }
}

void *pages_new_large(size_t length)
{
    size_t whole = (length + LARGE_BYTES - 1) / LARGE_BYTES * LARGE_BYTES;
    void *memory = aligned_alloc(LARGE_BYTES, whole);

    if (memory != NULL) {
        (void)madvise(memory, whole, MADV_HUGEPAGE);
        memset(memory, 0, length);
    }
    return memory;
}
