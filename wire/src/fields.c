/* SPDX-License-Identifier: MIT */
/* Fields that reports and settings have alike. */
#include "format.h"

void picket_wire_check_version(struct picket_reader *cursor, uint64_t known)
{
    struct picket_reader first;
    unsigned additional = cursor->length > 0 ? cursor->bytes[0] & 0x1fu : 0;
    uint64_t version;
    size_t offset;

    if (cursor->length == 0 || (cursor->bytes[0] & 0xe0u) != CBOR_MAP || additional > 27) {
        return;
    }
    picket_reader_init(&first, cursor->bytes, cursor->length);
    offset = additional < 24 ? 1 : 1 + ((size_t)1 << (additional - 24));
    if (offset >= cursor->length) {
        return;
    }
    first.offset = offset;
    if (picket_reader_get_uint(&first) != KEY_VERSION) {
        return;
    }
    offset = first.offset;
    version = picket_reader_get_uint(&first);
    if (first.status == PICKET_OK && version != known) {
        picket_reader_fail(cursor, PICKET_E_VERSION, offset,
                           "a version that this build does not know");
    }
}

uint32_t picket_wire_get_ranged(struct picket_reader *cursor, uint32_t min, uint32_t max)
{
    size_t offset = cursor->offset;
    uint32_t value = (uint32_t)picket_reader_get_uint_max(cursor, max);

    if (value < min) {
        picket_reader_fail(cursor, PICKET_E_LIMIT, offset, "a number below its limit");
    }
    return value;
}

struct picket_text picket_wire_get_name(struct picket_reader *cursor, size_t length_min,
                                        size_t length_max)
{
    size_t offset = cursor->offset;
    struct picket_text name;

    name.length = picket_reader_get_text(cursor, &name.bytes);
    if (name.length < length_min || name.length > length_max) {
        picket_reader_fail(cursor, PICKET_E_LIMIT, offset, "a name that is empty or too long");
    } else if (name.length > 0 && !picket_text_is_name(name, length_max)) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, offset,
                           "a name with a character that names do not have");
    }
    return name;
}
