/* SPDX-License-Identifier: MIT */
#include "picket/report.h"

#include "format.h"

/** A report while it is read. */
struct draft {
    struct picket_reader *cursor;
    struct picket_report_head head;
    size_t flows_offset; /* of the first flow */
    uint64_t flow_items;
    uint64_t flow_count;
    struct picket_row *sections;
};

/*@ predicate is_draft(struct draft *draft) =
  @     \valid(draft) && picket_is_reader(draft->cursor) &&
  @     \valid(draft->sections + (0 .. PICKET_SECTIONS - 1)) &&
  @     \separated(draft, draft->cursor, draft->sections + (0 .. PICKET_SECTIONS - 1)) &&
  @     draft->flows_offset <= draft->cursor->length;
  @*/

/** One key of a report. */
struct field {
    uint64_t key;
    bool is_required;
    bool is_first_part; /* only in a window's first part */
    const char *missing;
};

/*@ requires picket_is_reader(cursor);
  @ assigns cursor->offset, cursor->status, cursor->fault;
  @ ensures picket_has_read{Pre, Post}(cursor);
  @*/
static uint32_t get_u32(struct picket_reader *cursor)
{
    return (uint32_t)picket_reader_get_uint_max(cursor, UINT32_MAX);
}

/** Opens a row of at least @p known items; what is left of it is for picket_wire_skip_items(). */
/*@ requires picket_is_reader(cursor);
  @ assigns cursor->offset, cursor->status, cursor->fault;
  @ ensures picket_has_read{Pre, Post}(cursor);
  @ ensures \result <= cursor->length;
  @*/
static uint64_t get_row(struct picket_reader *cursor, uint64_t known)
{
    size_t offset = cursor->offset;
    uint64_t count = picket_reader_get_array(cursor);

    if (count < known) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, offset, "a row that is too short");
        return 0;
    }
    return count - known;
}

void picket_wire_skip_items(struct picket_reader *cursor, uint64_t count)
{
    /*@ loop invariant picket_has_kept{Pre, Here}(cursor);
      @ loop assigns count, cursor->offset, cursor->status, cursor->fault;
      @ loop variant count;
      @*/
    for (; count > 0 && cursor->status == PICKET_OK; count--) {
        picket_reader_skip(cursor);
    }
}

uint64_t picket_wire_get_records(struct picket_reader *cursor, uint64_t known, uint64_t *ret_stride)
{
    size_t row_offset = cursor->offset;
    uint64_t items = get_row(cursor, 1);
    size_t offset = cursor->offset;
    uint64_t stride = picket_reader_get_uint(cursor);

    *ret_stride = stride;
    if (cursor->status != PICKET_OK) {
        return 0;
    }
    if (stride < known) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, offset, "a record that is too short");
        return 0;
    }
    if (items % stride != 0) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, row_offset,
                           "a row that is not a whole number of records");
        return 0;
    }
    return items / stride;
}

/*@ requires is_draft(draft);
  @ assigns draft->cursor->offset, draft->cursor->status, draft->cursor->fault, draft->head;
  @ ensures is_draft(draft);
  @*/
static void read_version(struct draft *draft)
{
    (void)picket_reader_get_uint(draft->cursor); /* compared in picket_report_open() */
}

/*@ requires is_draft(draft);
  @ assigns draft->cursor->offset, draft->cursor->status, draft->cursor->fault, draft->head;
  @ ensures is_draft(draft);
  @*/
static void read_boot(struct draft *draft)
{
    draft->head.boot = get_u32(draft->cursor);
}

/*@ requires is_draft(draft);
  @ assigns draft->cursor->offset, draft->cursor->status, draft->cursor->fault, draft->head;
  @ ensures is_draft(draft);
  @*/
static void read_sequence(struct draft *draft)
{
    draft->head.sequence = picket_wire_get_ranged(draft->cursor, 1, UINT32_MAX);
}

/*@ requires is_draft(draft);
  @ assigns draft->cursor->offset, draft->cursor->status, draft->cursor->fault, draft->head;
  @ ensures is_draft(draft);
  @*/
static void read_window(struct draft *draft)
{
    struct picket_reader *cursor = draft->cursor;
    uint64_t more = get_row(cursor, WINDOW_ITEMS);

    draft->head.window_start_ms = picket_reader_get_uint(cursor);
    draft->head.window_ms = (uint32_t)picket_reader_get_uint_max(cursor, PICKET_WINDOW_MS_MAX);
    draft->head.intervals = picket_wire_get_ranged(cursor, 1, UINT32_MAX);
    picket_wire_skip_items(cursor, more);
}

/*@ requires is_draft(draft);
  @ assigns draft->cursor->offset, draft->cursor->status, draft->cursor->fault, draft->head;
  @ ensures is_draft(draft);
  @*/
static void read_built(struct draft *draft)
{
    struct picket_report_head *head = &draft->head;
    size_t offset = draft->cursor->offset;

    head->built_ms = picket_reader_get_uint(draft->cursor);
    if (head->built_ms < head->window_start_ms ||
        head->built_ms - head->window_start_ms < head->window_ms) {
        picket_reader_fail(draft->cursor, PICKET_E_MALFORMED, offset,
                           "built before its window ended");
    }
}

/*@ requires is_draft(draft);
  @ assigns draft->cursor->offset, draft->cursor->status, draft->cursor->fault, draft->head;
  @ ensures is_draft(draft);
  @*/
static void read_part(struct draft *draft)
{
    draft->head.part = get_u32(draft->cursor);
}

/*@ requires is_draft(draft);
  @ assigns draft->cursor->offset, draft->cursor->status, draft->cursor->fault, draft->head;
  @ ensures is_draft(draft);
  @*/
static void read_has_more(struct draft *draft)
{
    draft->head.has_more = picket_reader_get_bool(draft->cursor);
}

/*@ requires is_draft(draft);
  @ assigns draft->cursor->offset, draft->cursor->status, draft->cursor->fault, draft->head;
  @ ensures is_draft(draft);
  @*/
static void read_clock(struct draft *draft)
{
    draft->head.clock_ms = picket_reader_get_uint(draft->cursor);
    draft->head.has_clock = true;
}

/** seen = kept + folded + malformed + filtered + dropped, without overflow. */
/*@ requires \valid_read(counters);
  @ assigns \nothing;
  @*/
static bool counters_add_up(const struct picket_counters *counters)
{
    const uint64_t parts[] = {counters->kept, counters->folded, counters->malformed,
                              counters->filtered, counters->dropped};
    uint64_t left = counters->seen;

    /*@ loop assigns i, left;
      @ loop variant sizeof(parts) / sizeof(parts[0]) - i;
      @*/
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i] > left) {
            return false;
        }
        left -= parts[i];
    }
    return left == 0;
}

/*@ requires is_draft(draft);
  @ assigns draft->cursor->offset, draft->cursor->status, draft->cursor->fault, draft->head;
  @ ensures is_draft(draft);
  @*/
static void read_counters(struct draft *draft)
{
    struct picket_reader *cursor = draft->cursor;
    struct picket_counters *counters = &draft->head.counters;
    size_t offset = cursor->offset;
    uint64_t more = get_row(cursor, COUNTER_ITEMS);

    counters->seen = picket_reader_get_uint(cursor);
    counters->kept = picket_reader_get_uint(cursor);
    counters->folded = picket_reader_get_uint(cursor);
    counters->malformed = picket_reader_get_uint(cursor);
    counters->filtered = picket_reader_get_uint(cursor);
    counters->dropped = picket_reader_get_uint(cursor);
    if (!counters_add_up(counters)) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, offset, "counters that do not add up");
    }
    picket_wire_skip_items(cursor, more);
    draft->head.has_counters = true;
}

/*@ requires is_draft(draft);
  @ assigns draft->cursor->offset, draft->cursor->status, draft->cursor->fault, draft->head;
  @ ensures is_draft(draft);
  @*/
static void read_remainder(struct draft *draft)
{
    struct picket_reader *cursor = draft->cursor;
    size_t offset = cursor->offset;
    uint64_t stride = 0;
    uint64_t count = picket_wire_get_records(cursor, REMAINDER_ITEMS, &stride);

    if (count < PICKET_REMAINDER_CLASSES) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, offset, "a row that is too short");
        return;
    }
    /*@ loop invariant is_draft(draft);
      @ loop assigns i, cursor->offset, cursor->status, cursor->fault;
      @ loop assigns draft->head.remainder[0 .. PICKET_REMAINDER_CLASSES - 1];
      @ loop variant PICKET_REMAINDER_CLASSES - i;
      @*/
    for (size_t i = 0; i < PICKET_REMAINDER_CLASSES; i++) {
        struct picket_remainder *remainder = &draft->head.remainder[i];

        remainder->connections = picket_reader_get_uint(cursor);
        remainder->packets_in = picket_reader_get_uint(cursor);
        remainder->packets_out = picket_reader_get_uint(cursor);
        remainder->bytes_in = picket_reader_get_uint(cursor);
        remainder->bytes_out = picket_reader_get_uint(cursor);
        picket_wire_skip_items(cursor, stride - REMAINDER_ITEMS);
    }
    picket_wire_skip_items(cursor, (count - PICKET_REMAINDER_CLASSES) * stride);
    draft->head.has_remainder = true;
}

/** A key that has to come next. */
/*@ requires picket_is_reader(cursor);
  @ requires \valid(next_key) && \separated(cursor, next_key);
  @ assigns cursor->offset, cursor->status, cursor->fault, *next_key;
  @ ensures picket_has_read{Pre, Post}(cursor);
  @*/
static void expect_key(struct picket_reader *cursor, uint64_t expected, uint64_t *next_key)
{
    size_t offset = cursor->offset;

    if (picket_reader_get_key(cursor, next_key) != expected) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, offset, "the heartbeat is not complete");
    }
}

/*@ requires is_draft(draft);
  @ assigns draft->cursor->offset, draft->cursor->status, draft->cursor->fault, draft->head;
  @ ensures is_draft(draft);
  @*/
static void read_heartbeat(struct draft *draft)
{
    struct picket_reader *cursor = draft->cursor;
    struct picket_heartbeat *heartbeat = &draft->head.heartbeat;
    size_t offset = cursor->offset;
    uint64_t pairs = picket_reader_get_map(cursor);
    uint64_t next_key = 0;

    if (pairs < HEARTBEAT_ITEMS) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, offset, "the heartbeat is not complete");
        return;
    }
    expect_key(cursor, 0, &next_key);
    heartbeat->interval_ms = picket_wire_get_ranged(cursor, INTERVAL_MS_MIN, INTERVAL_MS_MAX);
    expect_key(cursor, 1, &next_key);
    heartbeat->flow_capacity = get_u32(cursor);
    expect_key(cursor, 2, &next_key);
    heartbeat->flow_count = get_u32(cursor);
    /*@ loop invariant picket_is_reader(cursor);
      @ loop assigns pairs, next_key, cursor->offset, cursor->status, cursor->fault;
      @ loop variant pairs;
      @*/
    for (pairs -= HEARTBEAT_ITEMS; pairs > 0 && cursor->status == PICKET_OK; pairs--) {
        (void)picket_reader_get_key(cursor, &next_key);
        picket_reader_skip(cursor);
    }
    draft->head.has_heartbeat = true;
}

/** True if the UTF-8 @p text holds U+0000..001F or U+007F..009F, which would reach a terminal. */
/*@ requires \valid_read(text + (0 .. length - 1));
  @ assigns \nothing;
  @*/
static bool has_control_characters(const char *text, size_t length)
{
    uint8_t previous = 0;

    /*@ loop assigns i, previous;
      @ loop variant length - i;
      @*/
    for (size_t i = 0; i < length; i++) {
        uint8_t byte = (uint8_t)text[i];

        if (byte < 0x20 || byte == 0x7f || (previous == 0xc2 && byte < 0xa0)) {
            return true;
        }
        previous = byte;
    }
    return false;
}

struct picket_text picket_wire_get_fact(struct picket_reader *cursor, size_t length_min)
{
    size_t offset = cursor->offset;
    struct picket_text fact;

    fact.length = picket_reader_get_text(cursor, &fact.bytes);
    if (fact.length < length_min || fact.length > PICKET_TEXT_MAX) {
        picket_reader_fail(cursor, PICKET_E_LIMIT, offset, "a text that is empty or too long");
    } else if (has_control_characters(fact.bytes, fact.length)) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, offset, "a text with control characters");
    }
    return fact;
}

/*@ requires picket_is_reader(cursor);
  @ assigns cursor->offset, cursor->status, cursor->fault;
  @ ensures picket_has_read{Pre, Post}(cursor);
  @*/
static const uint8_t *get_firmware_sha256(struct picket_reader *cursor)
{
    size_t offset = cursor->offset;
    const uint8_t *bytes;

    if (picket_reader_get_bytes(cursor, &bytes) != PICKET_SHA256_BYTES) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, offset, "a firmware's hash that is none");
    }
    return bytes;
}

/*@ requires picket_is_reader(cursor) && \valid(system) && \separated(cursor, system);
  @ assigns cursor->offset, cursor->status, cursor->fault, *system;
  @ ensures picket_has_read{Pre, Post}(cursor);
  @*/
static void get_hardening(struct picket_reader *cursor, struct picket_system *system)
{
    size_t offset = cursor->offset;
    uint64_t bits = picket_reader_get_uint_max(cursor, UINT16_MAX);

    system->hardening_known = (uint8_t)(bits >> HARDENING_KNOWN_SHIFT);
    system->hardening_on = (uint8_t)(bits & HARDENING_ON_MASK);
    if ((system->hardening_on & ~system->hardening_known) != 0) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, offset, "a protection on and not known");
    }
}

/*@ requires picket_is_reader(cursor) && \valid(system);
  @ requires \separated(cursor, system);
  @ assigns cursor->offset, cursor->status, cursor->fault, *system;
  @ ensures picket_has_read{Pre, Post}(cursor);
  @*/
static void read_system_field(struct picket_reader *cursor, struct picket_system *system,
                              uint64_t key)
{
    switch (key) {
    case 0:
        system->os = picket_wire_get_fact(cursor, 1);
        break;
    case 1:
        system->stack = picket_wire_get_fact(cursor, 1);
        break;
    case 2:
        system->hardware = picket_wire_get_fact(cursor, 1);
        break;
    case 3:
        system->firmware_version = picket_wire_get_fact(cursor, 1);
        break;
    case 4:
        system->module_version = picket_wire_get_fact(cursor, 1);
        break;
    case SYSTEM_FIRMWARE_SHA256:
        system->firmware_sha256 = get_firmware_sha256(cursor);
        break;
    case 5:
        system->sbom = picket_wire_get_fact(cursor, 1);
        break;
    case SYSTEM_HARDENING:
        get_hardening(cursor, system);
        break;
    default:
        picket_reader_skip(cursor);
        break;
    }
}

/*@ requires is_draft(draft);
  @ assigns draft->cursor->offset, draft->cursor->status, draft->cursor->fault, draft->head;
  @ ensures is_draft(draft);
  @*/
static void read_system(struct draft *draft)
{
    struct picket_reader *cursor = draft->cursor;
    struct picket_system *system = &draft->head.system;
    uint64_t next_key = 0;

    /*@ loop invariant is_draft(draft);
      @ loop assigns pairs, next_key, cursor->offset, cursor->status, cursor->fault, *system;
      @ loop variant pairs;
      @*/
    for (uint64_t pairs = picket_reader_get_map(cursor); pairs > 0; pairs--) {
        uint64_t key = picket_reader_get_key(cursor, &next_key);

        if (cursor->status != PICKET_OK) {
            return;
        }
        read_system_field(cursor, system, key);
    }
    draft->head.has_system = true;
}

/*@ requires is_draft(draft);
  @ assigns draft->cursor->offset, draft->cursor->status, draft->cursor->fault, draft->head;
  @ assigns draft->flows_offset, draft->flow_items, draft->flow_count;
  @ ensures is_draft(draft);
  @*/
static void read_flows(struct draft *draft)
{
    struct picket_reader *cursor = draft->cursor;
    struct picket_flow_record flow;

    draft->flow_count = picket_wire_get_records(cursor, FLOW_ITEMS, &draft->flow_items);
    draft->flows_offset = cursor->offset;
    /*@ loop invariant picket_is_reader(cursor);
      @ loop assigns i, flow, cursor->offset, cursor->status, cursor->fault;
      @ loop variant draft->flow_count - i;
      @*/
    for (uint64_t i = 0; i < draft->flow_count && cursor->status == PICKET_OK; i++) {
        picket_wire_get_flow(cursor, draft->flow_items, draft->head.window_ms, &flow);
    }
}

/*@ requires is_draft(draft);
  @ assigns draft->cursor->offset, draft->cursor->status, draft->cursor->fault, draft->head;
  @ assigns draft->flows_offset, draft->flow_items, draft->flow_count;
  @ ensures is_draft(draft);
  @*/
static void read_value(struct draft *draft, uint64_t key)
{
    switch (key) {
    case KEY_VERSION:
        read_version(draft);
        break;
    case KEY_BOOT:
        read_boot(draft);
        break;
    case KEY_SEQUENCE:
        read_sequence(draft);
        break;
    case KEY_WINDOW:
        read_window(draft);
        break;
    case KEY_BUILT_MS:
        read_built(draft);
        break;
    case KEY_PART:
        read_part(draft);
        break;
    case KEY_HAS_MORE:
        read_has_more(draft);
        break;
    case KEY_CLOCK_MS:
        read_clock(draft);
        break;
    case KEY_COUNTERS:
        read_counters(draft);
        break;
    case KEY_REMAINDER:
        read_remainder(draft);
        break;
    case KEY_HEARTBEAT:
        read_heartbeat(draft);
        break;
    case KEY_SYSTEM:
        read_system(draft);
        break;
    default:
        read_flows(draft);
        break;
    }
}

/* In ascending order of keys, which is the order they come in. */
static const struct field fields[] = {
    {KEY_VERSION, true, false, "the version does not come first"},
    {KEY_BOOT, true, false, "the boot is missing"},
    {KEY_SEQUENCE, true, false, "the sequence is missing"},
    {KEY_WINDOW, true, false, "the window is missing"},
    {KEY_BUILT_MS, true, false, "the time it was built is missing"},
    {KEY_PART, true, false, "the part is missing"},
    {KEY_HAS_MORE, true, false, "whether parts follow is missing"},
    {KEY_CLOCK_MS, false, false, NULL},
    {KEY_COUNTERS, false, true, NULL},
    {KEY_REMAINDER, false, true, NULL},
    {KEY_HEARTBEAT, false, true, NULL},
    {KEY_SYSTEM, false, true, NULL},
    {KEY_FLOWS, true, false, "the flows are missing"},
};
#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

/** Moves on from field @p at to the first whose key is not below @p key; one that has to come may
 * not be passed. */
/*@ requires picket_is_reader(cursor) && offset <= cursor->length && at <= FIELD_COUNT;
  @ assigns cursor->offset, cursor->status, cursor->fault;
  @ ensures picket_is_reader(cursor) && \result <= FIELD_COUNT;
  @*/
static size_t pass_fields(struct picket_reader *cursor, size_t at, uint64_t key, size_t offset)
{
    /*@ loop invariant picket_is_reader(cursor) && at <= FIELD_COUNT;
      @ loop assigns at, cursor->offset, cursor->status, cursor->fault;
      @ loop variant FIELD_COUNT - at;
      @*/
    for (; at < FIELD_COUNT && fields[at].key < key; at++) {
        if (fields[at].is_required) {
            picket_reader_fail(cursor, PICKET_E_MALFORMED, offset, fields[at].missing);
        }
    }
    return at;
}

/** Reads what may come behind the flows: a section of facts, or a key that is passed over. */
/*@ requires is_draft(draft) && picket_are_rows(draft->sections, draft->cursor->length);
  @ assigns draft->cursor->offset, draft->cursor->status, draft->cursor->fault;
  @ assigns draft->sections[0 .. PICKET_SECTIONS - 1];
  @ ensures is_draft(draft) && picket_are_rows(draft->sections, draft->cursor->length);
  @*/
static void read_behind_flows(struct draft *draft, uint64_t key)
{
    uint64_t place = key - PICKET_SECTION_NAMES;

    if (key < PICKET_SECTION_NAMES || place >= PICKET_SECTIONS) {
        picket_reader_skip(draft->cursor);
        return;
    }
    picket_wire_check_section(draft->cursor, (enum picket_section)key, draft->head.window_ms,
                              draft->flow_count, &draft->sections[place]);
}

/*@ requires is_draft(draft) && picket_are_rows(draft->sections, draft->cursor->length);
  @ assigns draft->cursor->offset, draft->cursor->status, draft->cursor->fault, draft->head;
  @ assigns draft->flows_offset, draft->flow_items, draft->flow_count;
  @ assigns draft->sections[0 .. PICKET_SECTIONS - 1];
  @ ensures is_draft(draft) && picket_are_rows(draft->sections, draft->cursor->length);
  @*/
static void read_fields(struct draft *draft)
{
    struct picket_reader *cursor = draft->cursor;
    size_t at = 0;
    uint64_t next_key = 0;

    /*@ loop invariant is_draft(draft) && at <= FIELD_COUNT;
      @ loop invariant picket_are_rows(draft->sections, cursor->length);
      @ loop assigns pairs, at, next_key, cursor->offset, cursor->status, cursor->fault;
      @ loop assigns draft->head, draft->flows_offset, draft->flow_items, draft->flow_count;
      @ loop assigns draft->sections[0 .. PICKET_SECTIONS - 1];
      @ loop variant pairs;
      @*/
    for (uint64_t pairs = picket_reader_get_map(cursor); pairs > 0; pairs--) {
        size_t offset = cursor->offset;
        uint64_t key = picket_reader_get_key(cursor, &next_key);

        at = pass_fields(cursor, at, key, offset);
        if (cursor->status != PICKET_OK) {
            return;
        }
        if (at == FIELD_COUNT || fields[at].key != key) {
            read_behind_flows(draft, key);
            continue;
        }
        if (fields[at].is_first_part && draft->head.part > 0) {
            picket_reader_fail(cursor, PICKET_E_MALFORMED, offset,
                               "what only a window's first part may have");
            return;
        }
        read_value(draft, key);
        at++;
    }
    (void)pass_fields(cursor, at, UINT64_MAX, cursor->offset);
}

/** Reads the whole report; what is wrong with it stays in the cursor. */
/*@ requires \valid(cursor) && \valid_read(bytes + (0 .. length - 1));
  @ requires \valid(sections + (0 .. PICKET_SECTIONS - 1));
  @ requires \valid(draft) && draft->flows_offset == 0 && picket_are_rows(sections, length);
  @ requires \separated(draft, cursor, sections + (0 .. PICKET_SECTIONS - 1));
  @ assigns *cursor, sections[0 .. PICKET_SECTIONS - 1], *draft;
  @ ensures picket_is_reader(cursor) && cursor->length == length;
  @ ensures draft->flows_offset <= length && picket_are_rows(sections, length);
  @*/
static void read_report(struct picket_reader *cursor, struct picket_row *sections,
                        const uint8_t *bytes, size_t length, struct draft *draft)
{
    picket_reader_init(cursor, bytes, length);
    draft->cursor = cursor;
    draft->sections = sections;
    picket_wire_check_version(cursor, PICKET_REPORT_VERSION);
    if (length > PICKET_REPORT_BYTES_MAX) {
        picket_reader_fail(cursor, PICKET_E_LIMIT, PICKET_REPORT_BYTES_MAX,
                           "more bytes than a report may have");
    }
    read_fields(draft);
    if (cursor->offset < length) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, cursor->offset, "bytes behind the report");
    }
}

/** In a function of its own, so that the proof of what follows need not look at the copy. */
/*@ requires \valid_read(draft) && \valid(ret_head) && \valid(ret_flow_count);
  @ assigns *ret_head, *ret_flow_count;
  @*/
static void give_head(const struct draft *draft, struct picket_report_head *ret_head,
                      uint32_t *ret_flow_count)
{
    *ret_head = draft->head;
    *ret_flow_count = (uint32_t)draft->flow_count;
}

enum picket_status picket_report_open(struct picket_report_reader *reader, const uint8_t *bytes,
                                      size_t length, struct picket_report_head *ret_head,
                                      uint32_t *ret_flow_count)
{
    struct picket_reader *cursor = &reader->cursor;
    struct draft draft = {0};

    reader->section = 0;
    /*@ loop invariant \forall integer j; 0 <= j < i ==> reader->sections[j].offset == 0;
      @ loop assigns i, reader->sections[0 .. PICKET_SECTIONS - 1];
      @ loop variant PICKET_SECTIONS - i;
      @*/
    for (size_t i = 0; i < PICKET_SECTIONS; i++) {
        reader->sections[i].offset = 0;
        reader->sections[i].items = 0;
        reader->sections[i].left = 0;
    }
    read_report(cursor, reader->sections, bytes, length, &draft);
    if (cursor->status != PICKET_OK) {
        return cursor->status;
    }
    give_head(&draft, ret_head, ret_flow_count);
    picket_reader_init(cursor, bytes, length); /* once more, for the flows */
    cursor->offset = draft.flows_offset;
    reader->flow_items = draft.flow_items;
    reader->flows_left = draft.flow_count;
    return PICKET_OK;
}

bool picket_report_next_flow(struct picket_report_reader *reader,
                             struct picket_flow_record *ret_flow)
{
    if (reader->flows_left == 0) {
        return false;
    }
    reader->flows_left--;
    picket_wire_get_flow(&reader->cursor, reader->flow_items, PICKET_WINDOW_MS_MAX, ret_flow);
    return true;
}
