/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_BASE_ARENA_H
#define SERVICE_BASE_ARENA_H

#include <stddef.h>

/**
 * Memory that is freed in one go: everything of one report lives in one arena.
 *
 * Unlike malloc there is no free of a part, and unlike base/buf.h nothing grows
 * in place. Bounded: an arena never takes more than its maximum.
 * Context: one thread at a time.
 */
struct arena;

/** NULL if memory is out. */
struct arena *arena_new(size_t bytes_max);
/** NULL is allowed. */
void arena_free(struct arena *arena);
/** Zeroed, aligned for any type; NULL at the maximum or out of memory. */
void *arena_alloc(struct arena *arena, size_t bytes);
/** A NUL-terminated copy of @p length bytes. */
char *arena_text(struct arena *arena, const char *text, size_t length);

#endif
