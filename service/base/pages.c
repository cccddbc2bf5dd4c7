/* SPDX-License-Identifier: MIT */
#include "base/pages.h"

#include <stdint.h>
#include <sys/mman.h>

#define PAGE_BYTES 4096u
#define WORTH_BYTES                                                                                \
    ((size_t)4 << 20) /* two large pages, of which one is whole wherever it begins */

void pages_prefer_large(void *memory, size_t length)
{
    size_t skipped = (PAGE_BYTES - (uintptr_t)memory % PAGE_BYTES) % PAGE_BYTES;

    if (memory != NULL && length >= WORTH_BYTES) {
        (void)madvise((char *)memory + skipped, (length - skipped) / PAGE_BYTES * PAGE_BYTES,
                      MADV_HUGEPAGE);
    }
}
