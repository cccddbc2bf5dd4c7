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

/** Behind memory that is small, of which the allocator knows best, or none. */
static void *begin_large(void *small, size_t old_length, size_t length)
{
    void *grown = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (grown == MAP_FAILED) {
        return NULL;
    }
    if (old_length > 0) {
        memcpy(grown, small, old_length);
    }
    free(small);
    return grown;
}

void *pages_grow(void *memory, size_t old_length, size_t length)
{
    char *grown;

    if (length >= WORTH_BYTES && old_length < WORTH_BYTES) {
        return begin_large(memory, old_length, length);
    }
    if (length >= WORTH_BYTES) {
        grown = mremap(memory, old_length, length, MREMAP_MAYMOVE);
        return grown == MAP_FAILED ? NULL : grown;
    }
    grown = realloc(memory, length);
    if (grown != NULL) {
        memset(grown + old_length, 0, length - old_length);
    }
    return grown;
}

void pages_free(void *memory, size_t length)
{
    if (length < WORTH_BYTES) {
        free(memory);
    } else {
        munmap(memory, length);
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
