/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INGEST_FLATBUFFER_H
#define SERVICE_INGEST_FLATBUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/report.h"

/**
 * Reads a FlatBuffer where it lies: tables, vectors, strings, structs; private to ingest.
 *
 * Every offset is checked, and every byte of a table, vector or string is counted when it is
 * opened: a buffer whose parts overlap, so that few bytes stand for many things, is refused when
 * more was opened than there are bytes. (Vtables may be shared.) The first failure sticks: what
 * is asked for afterwards is absent, so a reader checks once, and loops end by `fault`.
 */
struct flatbuffer {
    const uint8_t *bytes;
    size_t length;
    size_t left;       /* bytes that may still be opened */
    const char *fault; /* a literal; NULL while all is well */
    size_t fault_offset;
};

struct flatbuffer_table {
    size_t start;
    size_t size;
    size_t vtable;
    size_t vtable_size;
};

struct flatbuffer_vector {
    size_t start; /* of the first item */
    size_t count;
    size_t item_size;
};

void flatbuffer_init(struct flatbuffer *buffer, const uint8_t *bytes, size_t length);
/** Sets the first fault; for readers that find a value impossible. */
void flatbuffer_fail(struct flatbuffer *buffer, size_t offset, const char *fault);

/** Each: false if it is absent, or after a failure. */
bool flatbuffer_open_root(struct flatbuffer *buffer, struct flatbuffer_table *ret);
bool flatbuffer_open_table(struct flatbuffer *buffer, const struct flatbuffer_table *table,
                           unsigned field, struct flatbuffer_table *ret);
bool flatbuffer_open_vector(struct flatbuffer *buffer, const struct flatbuffer_table *table,
                            unsigned field, size_t item_size, struct flatbuffer_vector *ret);

#define FLATBUFFER_TABLE_ITEM 4u /* item_size of a vector of tables */
/** Item @p number of a vector of tables; absent after a failure only. */
bool flatbuffer_open_item(struct flatbuffer *buffer, const struct flatbuffer_vector *vector,
                          size_t number, struct flatbuffer_table *ret);

/** An unsigned scalar of 1, 2, 4 or 8 bytes. */
uint64_t flatbuffer_get_uint(struct flatbuffer *buffer, const struct flatbuffer_table *table,
                             unsigned field, size_t size, uint64_t absent);
/** A struct's bytes, or NULL. */
const uint8_t *flatbuffer_get_struct(struct flatbuffer *buffer,
                                     const struct flatbuffer_table *table, unsigned field,
                                     size_t size);
/** Item @p number of a vector of structs. */
const uint8_t *flatbuffer_get_item(const struct flatbuffer *buffer,
                                   const struct flatbuffer_vector *vector, size_t number);
/** Bytes are NULL if it is absent. */
struct picket_text flatbuffer_get_string(struct flatbuffer *buffer,
                                         const struct flatbuffer_table *table, unsigned field);
/** Little-endian, of 1 to 8 bytes. */
uint64_t flatbuffer_load(const uint8_t *bytes, size_t size);

#endif
