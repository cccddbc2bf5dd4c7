/* SPDX-License-Identifier: MIT */
#include "ingest/flatbuffer.h"

#define OFFSET_BYTES      4u /* uoffset_t, soffset_t and the length of vectors */
#define VTABLE_HEAD_BYTES 4u /* its own size and the table's, 16 bits each */
#define SLOT_BYTES        2u

void flatbuffer_init(struct flatbuffer *buffer, const uint8_t *bytes, size_t length)
{
    *buffer = (struct flatbuffer){.bytes = bytes, .length = length, .left = length};
}

void flatbuffer_fail(struct flatbuffer *buffer, size_t offset, const char *fault)
{
    if (buffer->fault == NULL) {
        buffer->fault = fault;
        buffer->fault_offset = offset;
    }
}

uint64_t flatbuffer_load(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;

    for (size_t i = 0; i < size; i++) {
        value |= (uint64_t)bytes[i] << 8 * i;
    }
    return value;
}

/** True if @p size bytes are there. */
static bool has(struct flatbuffer *buffer, size_t start, size_t size)
{
    if (buffer->fault == NULL && (start > buffer->length || buffer->length - start < size)) {
        flatbuffer_fail(buffer, start < buffer->length ? start : buffer->length,
                        "it ends in the middle of something");
    }
    return buffer->fault == NULL;
}

/** True if @p size bytes are there and were not opened before. */
static bool open_bytes(struct flatbuffer *buffer, size_t start, size_t size)
{
    if (!has(buffer, start, size)) {
        return false;
    }
    if (size > buffer->left) {
        flatbuffer_fail(buffer, start, "parts of it overlap");
        return false;
    }
    buffer->left -= size;
    return true;
}

/** Follows the offset that lies at @p at to where OFFSET_BYTES can be read; 0 after a failure. */
static size_t follow(struct flatbuffer *buffer, size_t at)
{
    size_t target;

    if (!has(buffer, at, OFFSET_BYTES)) {
        return 0;
    }
    target = at + (size_t)flatbuffer_load(buffer->bytes + at, OFFSET_BYTES);
    if (target < at + OFFSET_BYTES) {
        flatbuffer_fail(buffer, at, "an offset leads to itself");
    }
    return has(buffer, target, OFFSET_BYTES) ? target : 0;
}

/** A vtable lies before or behind its table. */
static bool find_vtable(struct flatbuffer *buffer, struct flatbuffer_table *table)
{
    int64_t back = (int32_t)(uint32_t)flatbuffer_load(buffer->bytes + table->start, OFFSET_BYTES);
    int64_t vtable = (int64_t)table->start - back;

    if (vtable < 0 || vtable > (int64_t)buffer->length) {
        flatbuffer_fail(buffer, table->start, "its vtable is outside");
        return false;
    }
    table->vtable = (size_t)vtable;
    if (!has(buffer, table->vtable, VTABLE_HEAD_BYTES)) {
        return false;
    }
    table->vtable_size = (size_t)flatbuffer_load(buffer->bytes + table->vtable, SLOT_BYTES);
    table->size = (size_t)flatbuffer_load(buffer->bytes + table->vtable + SLOT_BYTES, SLOT_BYTES);
    if (table->vtable_size < VTABLE_HEAD_BYTES || table->vtable_size % SLOT_BYTES != 0 ||
        table->size < OFFSET_BYTES) {
        flatbuffer_fail(buffer, table->vtable, "a vtable says impossible sizes");
    }
    return has(buffer, table->vtable, table->vtable_size);
}

static bool open_table_at(struct flatbuffer *buffer, size_t start, struct flatbuffer_table *ret)
{
    struct flatbuffer_table table = {.start = start};

    if (buffer->fault != NULL || !find_vtable(buffer, &table) ||
        !open_bytes(buffer, table.start, table.size)) {
        return false;
    }
    *ret = table;
    return true;
}

bool flatbuffer_open_root(struct flatbuffer *buffer, struct flatbuffer_table *ret)
{
    size_t start = follow(buffer, 0);

    return open_table_at(buffer, start, ret);
}

/** Where the field of @p size bytes lies; 0 if it is absent, or after a failure. */
static size_t find_field(struct flatbuffer *buffer, const struct flatbuffer_table *table,
                         unsigned field, size_t size)
{
    size_t slot = VTABLE_HEAD_BYTES + SLOT_BYTES * (size_t)field;
    size_t place;

    if (buffer->fault != NULL || slot + SLOT_BYTES > table->vtable_size) {
        return 0;
    }
    place = (size_t)flatbuffer_load(buffer->bytes + table->vtable + slot, SLOT_BYTES);
    if (place == 0) {
        return 0;
    }
    if (place < OFFSET_BYTES || place > table->size || table->size - place < size) {
        flatbuffer_fail(buffer, table->vtable + slot, "a field is outside its table");
        return 0;
    }
    return table->start + place;
}

bool flatbuffer_open_table(struct flatbuffer *buffer, const struct flatbuffer_table *table,
                           unsigned field, struct flatbuffer_table *ret)
{
    size_t at = find_field(buffer, table, field, OFFSET_BYTES);
    size_t start = at == 0 ? 0 : follow(buffer, at);

    return at != 0 && open_table_at(buffer, start, ret);
}

bool flatbuffer_open_vector(struct flatbuffer *buffer, const struct flatbuffer_table *table,
                            unsigned field, size_t item_size, struct flatbuffer_vector *ret)
{
    size_t at = find_field(buffer, table, field, OFFSET_BYTES);
    size_t start = at == 0 ? 0 : follow(buffer, at);
    size_t count;

    if (start == 0) {
        return false;
    }
    count = (size_t)flatbuffer_load(buffer->bytes + start, OFFSET_BYTES);
    if (count > buffer->length / item_size) {
        flatbuffer_fail(buffer, start, "a vector has more items than there are bytes");
    }
    if (!open_bytes(buffer, start, OFFSET_BYTES + count * item_size)) {
        return false;
    }
    *ret = (struct flatbuffer_vector){
        .start = start + OFFSET_BYTES, .count = count, .item_size = item_size};
    return true;
}

bool flatbuffer_open_item(struct flatbuffer *buffer, const struct flatbuffer_vector *vector,
                          size_t number, struct flatbuffer_table *ret)
{
    size_t start = follow(buffer, vector->start + number * vector->item_size);

    return open_table_at(buffer, start, ret);
}

uint64_t flatbuffer_get_uint(struct flatbuffer *buffer, const struct flatbuffer_table *table,
                             unsigned field, size_t size, uint64_t absent)
{
    size_t at = find_field(buffer, table, field, size);

    return at == 0 ? absent : flatbuffer_load(buffer->bytes + at, size);
}

const uint8_t *flatbuffer_get_struct(struct flatbuffer *buffer,
                                     const struct flatbuffer_table *table, unsigned field,
                                     size_t size)
{
    size_t at = find_field(buffer, table, field, size);

    return at == 0 ? NULL : buffer->bytes + at;
}

const uint8_t *flatbuffer_get_item(const struct flatbuffer *buffer,
                                   const struct flatbuffer_vector *vector, size_t number)
{
    return buffer->bytes + vector->start + number * vector->item_size;
}

struct picket_text flatbuffer_get_string(struct flatbuffer *buffer,
                                         const struct flatbuffer_table *table, unsigned field)
{
    struct flatbuffer_vector vector;
    const uint8_t *bytes;

    if (!flatbuffer_open_vector(buffer, table, field, 1, &vector) ||
        !has(buffer, vector.start, vector.count + 1)) {
        return (struct picket_text){NULL, 0};
    }
    bytes = buffer->bytes + vector.start;
    if (bytes[vector.count] != '\0') {
        flatbuffer_fail(buffer, vector.start + vector.count, "a string does not end");
        return (struct picket_text){NULL, 0};
    }
    return (struct picket_text){(const char *)bytes, vector.count};
}
