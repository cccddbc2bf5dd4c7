/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES ((size_t)8192)

struct chunk {
    struct chunk *next;
    size_t size;
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

struct arena {
    struct chunk *chunks; /* the one that is being filled first */
    size_t bytes_left;    /* that may still be asked of the system */
};

struct arena *arena_new(size_t bytes_max)
{
    struct arena *arena = calloc(1, sizeof(*arena));

    if (arena != NULL) {
        arena->bytes_left = bytes_max;
    }
    return arena;
}

void arena_free(struct arena *arena)
{
    if (arena == NULL) {
        return;
    }
    while (arena->chunks != NULL) {
        struct chunk *next = arena->chunks->next;

        free(arena->chunks);
        arena->chunks = next;
    }
    free(arena);
}

static struct chunk *add_chunk(struct arena *arena, size_t bytes)
{
    size_t size = arena->bytes_left < CHUNK_BYTES ? arena->bytes_left : CHUNK_BYTES;
    struct chunk *chunk;

    if (bytes > arena->bytes_left) {
        return NULL;
    }
    if (bytes > size) {
        size = bytes;
    }
    chunk = calloc(1, sizeof(*chunk) + size);
    if (chunk == NULL) {
        return NULL;
    }
    chunk->size = size;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    arena->bytes_left -= size;
    return chunk;
}

void *arena_alloc(struct arena *arena, size_t bytes)
{
    const size_t alignment = alignof(max_align_t);
    struct chunk *chunk = arena->chunks;
    void *memory;

    if (bytes > SIZE_MAX - sizeof(*chunk) - alignment) {
        return NULL;
    }
    bytes = (bytes + alignment - 1) / alignment * alignment;
    if (chunk == NULL || bytes > chunk->size - chunk->used) {
        chunk = add_chunk(arena, bytes);
    }
    if (chunk == NULL) {
        return NULL;
    }
    memory = chunk->bytes + chunk->used;
    chunk->used += bytes;
    return memory;
}

char *arena_text(struct arena *arena, const char *text, size_t length)
{
    char *copy = length == SIZE_MAX ? NULL : arena_alloc(arena, length + 1);

    if (copy != NULL && length > 0) {
        memcpy(copy, text, length);
    }
    return copy;
}
