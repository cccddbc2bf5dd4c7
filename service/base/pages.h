/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_BASE_PAGES_H
#define SERVICE_BASE_PAGES_H

#include <stddef.h>

/**
 * Says that memory of the heap, not touched yet, is going to be read and written all over, so
 * that the system backs it with large pages if it can: there is less to fault in, and fewer
 * addresses to translate. NULL and what is too small for them are left alone; without large
 * pages it is only slower.
 */
void pages_prefer_large(void *memory, size_t length);

/**
 * Memory of @p length bytes, of which the first ones are those of @p memory, which was of
 * @p old_length bytes and is gone, and the others are zero. What is large stands alone, and
 * its bytes are not moved when it grows. NULL if memory is out: the old one remains then.
 */
void *pages_grow(void *memory, size_t old_length, size_t length);
/** Memory from pages_grow(), of this length; NULL is allowed. */
void pages_free(void *memory, size_t length);

/**
 * So many zeros that stand in large pages of their own, if the system has such, however few
 * they are: for what is read anywhere at any time. NULL if memory is out; free() it.
 */
void *pages_new_large(size_t length);

#endif
