/* SPDX-License-Identifier: MIT */
#include "picket/report.h"

#include <string.h>

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

/** One key of a report. */
struct field {
    uint64_t key;
    bool is_required;
    bool is_first_part; /* only in a window's first part */
    void (*read)(struct draft *draft);
    const char *missing;
};

static uint32_t get_u32(struct picket_reader *cursor)
{
    return (uint32_t)picket_reader_get_uint_max(cursor, UINT32_MAX);
}

/** Opens a row of at least @p known items; what is left of it is for picket_wire_skip_items(). */
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

static void read_version(struct draft *draft)
{
    (void)picket_reader_get_uint(draft->cursor); /* compared in picket_report_open() */
}

static void read_boot(struct draft *draft)
{
    draft->head.boot = get_u32(draft->cursor);
}

static void read_sequence(struct draft *draft)
{
    draft->head.sequence = picket_wire_get_ranged(draft->cursor, 1, UINT32_MAX);
}

static void read_window(struct draft *draft)
{
    struct picket_reader *cursor = draft->cursor;
    uint64_t more = get_row(cursor, WINDOW_ITEMS);

    draft->head.window_start_ms = picket_reader_get_uint(cursor);
    draft->head.window_ms = (uint32_t)picket_reader_get_uint_max(cursor, PICKET_WINDOW_MS_MAX);
    draft->head.intervals = picket_wire_get_ranged(cursor, 1, UINT32_MAX);
    picket_wire_skip_items(cursor, more);
}

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

static void read_part(struct draft *draft)
{
    draft->head.part = get_u32(draft->cursor);
}

static void read_has_more(struct draft *draft)
{
    draft->head.has_more = picket_reader_get_bool(draft->cursor);
}

static void read_clock(struct draft *draft)
{
    draft->head.clock_ms = picket_reader_get_uint(draft->cursor);
    draft->head.has_clock = true;
}

/** seen = kept + folded + malformed + filtered + dropped, without overflow. */
static bool counters_add_up(const struct picket_counters *counters)
{
    const uint64_t parts[] = {counters->kept, counters->folded, counters->malformed,
                              counters->filtered, counters->dropped};
    uint64_t left = counters->seen;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if (parts[i] > left) {
            return false;
        }
        left -= parts[i];
    }
    return left == 0;
}

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
static void expect_key(struct picket_reader *cursor, uint64_t expected, uint64_t *next_key)
{
    size_t offset = cursor->offset;

    if (picket_reader_get_key(cursor, next_key) != expected) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, offset, "the heartbeat is not complete");
    }
}

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
    for (pairs -= HEARTBEAT_ITEMS; pairs > 0 && cursor->status == PICKET_OK; pairs--) {
        (void)picket_reader_get_key(cursor, &next_key);
        picket_reader_skip(cursor);
    }
    draft->head.has_heartbeat = true;
}

/** True if the UTF-8 @p text holds U+0000..001F or U+007F..009F, which would reach a terminal. */
static bool has_control_characters(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        uint8_t byte = (uint8_t)text[i];

        if (byte < 0x20 || byte == 0x7f) {
            return true;
        }
        if (byte == 0xc2 && (uint8_t)text[i + 1] < 0xa0) {
            return true;
        }
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

static const uint8_t *get_firmware_sha256(struct picket_reader *cursor)
{
    size_t offset = cursor->offset;
    const uint8_t *bytes;

    if (picket_reader_get_bytes(cursor, &bytes) != PICKET_SHA256_BYTES) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, offset, "a firmware's hash that is none");
    }
    return bytes;
}

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

static void read_system(struct draft *draft)
{
    struct picket_reader *cursor = draft->cursor;
    struct picket_system *system = &draft->head.system;
    struct picket_text *const texts[SYSTEM_TEXTS] = {&system->os,
                                                     &system->stack,
                                                     &system->hardware,
                                                     &system->firmware_version,
                                                     &system->module_version,
                                                     &system->sbom};
    uint64_t next_key = 0;

    for (uint64_t pairs = picket_reader_get_map(cursor); pairs > 0; pairs--) {
        uint64_t key = picket_reader_get_key(cursor, &next_key);

        if (cursor->status != PICKET_OK) {
            return;
        }
        if (key < SYSTEM_TEXTS) {
            *texts[key] = picket_wire_get_fact(cursor, 1);
        } else if (key == SYSTEM_FIRMWARE_SHA256) {
            system->firmware_sha256 = get_firmware_sha256(cursor);
        } else if (key == SYSTEM_HARDENING) {
            get_hardening(cursor, system);
        } else {
            picket_reader_skip(cursor);
        }
    }
    draft->head.has_system = true;
}

/** Peer, then local address and ports, as the size of the endpoint tells; false if it can't be. */
static bool split_endpoint(const uint8_t *at, size_t size, bool is_local_port,
                           struct picket_flow_record *flow)
{
    size_t address_size = size < 16 ? 4 : 16;
    bool is_exact = size == address_size * 2 || size == address_size * 2 + 4;
    bool has_one_port = size == address_size + 2;
    bool has_ports = size == address_size * 2 + 4;

    if (size != address_size && !has_one_port && !is_exact) {
        return false;
    }
    flow->address_size = (uint8_t)address_size;
    for (size_t i = 0; i < address_size; i++) {
        flow->peer[i] = at[i];
        flow->local[i] = is_exact ? at[address_size + i] : 0;
    }
    flow->has_local = is_exact;
    flow->has_peer_port = has_ports || (has_one_port && !is_local_port);
    flow->has_local_port = has_ports || (has_one_port && is_local_port);
    at += is_exact ? address_size * 2 : address_size;
    if (flow->has_peer_port) {
        flow->peer_port = (uint16_t)(at[0] << 8 | at[1]);
        at += 2;
    }
    if (flow->has_local_port) {
        flow->local_port = (uint16_t)(at[0] << 8 | at[1]);
    }
    return true;
}

/** What is wrong with the traits of @p flow, or NULL. */
static const char *traits_fault(uint64_t traits, const struct picket_flow_record *flow)
{
    bool is_local_port = (traits & TRAIT_LOCAL_PORT) != 0;
    bool has_one_port = flow->has_peer_port != flow->has_local_port;

    if (flow->direction > PICKET_DIRECTION_UNKNOWN) {
        return "a direction that does not exist";
    }
    if (is_local_port && !has_one_port) {
        return "a side for the port of a flow that has not exactly one";
    }
    if (has_one_port && flow->direction == (is_local_port ? PICKET_OUTBOUND : PICKET_INBOUND)) {
        return "a port on the wrong side for the flow's direction";
    }
    if (flow->kind == PICKET_KIND_BAD_LENGTH && !flow->has_local) {
        return "a kind that only exact flows have";
    }
    return NULL;
}

/** Reads traits, protocol and endpoint, which together say what the flow is. */
static void get_flow_identity(struct picket_reader *cursor, struct picket_flow_record *flow)
{
    size_t traits_offset = cursor->offset;
    uint64_t traits = picket_reader_get_uint(cursor);
    const uint8_t *endpoint;
    size_t endpoint_offset;
    size_t endpoint_size;

    if (traits > TRAITS_MAX) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, traits_offset, "traits that do not exist");
    }
    flow->direction = (enum picket_direction)(traits & TRAIT_DIRECTION_MASK);
    flow->outcome = (uint8_t)(traits >> TRAIT_OUTCOME_SHIFT & TRAIT_OUTCOME_MASK);
    flow->kind = (enum picket_flow_kind)(traits >> TRAIT_KIND_SHIFT & TRAIT_KIND_MASK);
    flow->cast = (enum picket_cast)(traits >> TRAIT_CAST_SHIFT & TRAIT_CAST_MASK);
    flow->protocol = (uint8_t)picket_reader_get_uint_max(cursor, UINT8_MAX);
    endpoint_offset = cursor->offset;
    endpoint_size = picket_reader_get_bytes(cursor, &endpoint);
    if (cursor->status != PICKET_OK) {
        return;
    }
    if (!split_endpoint(endpoint, endpoint_size, (traits & TRAIT_LOCAL_PORT) != 0, flow)) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, endpoint_offset,
                           "an endpoint of a size that does not exist");
    } else if (traits_fault(traits, flow) != NULL) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, traits_offset, traits_fault(traits, flow));
    }
}

static void get_flow(struct picket_reader *cursor, uint64_t items, uint32_t window_ms,
                     struct picket_flow_record *flow)
{
    size_t times_offset;
    uint32_t duration_ms;

    *flow = (struct picket_flow_record){0};
    get_flow_identity(cursor, flow);
    flow->connections = get_u32(cursor);
    flow->packets_in = picket_reader_get_uint(cursor);
    flow->packets_out = picket_reader_get_uint(cursor);
    flow->bytes_in = picket_reader_get_uint(cursor);
    flow->bytes_out = picket_reader_get_uint(cursor);
    times_offset = cursor->offset;
    flow->first_ms = get_u32(cursor);
    duration_ms = get_u32(cursor);
    if (flow->first_ms > window_ms || duration_ms > window_ms - flow->first_ms) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, times_offset,
                           "a flow that ends after its window");
        return;
    }
    flow->last_ms = flow->first_ms + duration_ms;
    picket_wire_skip_items(cursor, items - FLOW_ITEMS);
}

static void read_flows(struct draft *draft)
{
    struct picket_reader *cursor = draft->cursor;
    struct picket_flow_record flow;

    draft->flow_count = picket_wire_get_records(cursor, FLOW_ITEMS, &draft->flow_items);
    draft->flows_offset = cursor->offset;
    for (uint64_t i = 0; i < draft->flow_count && cursor->status == PICKET_OK; i++) {
        get_flow(cursor, draft->flow_items, draft->head.window_ms, &flow);
    }
}

/* In ascending order of keys, which is the order they come in. */
static const struct field fields[] = {
    {KEY_VERSION, true, false, read_version, "the version does not come first"},
    {KEY_BOOT, true, false, read_boot, "the boot is missing"},
    {KEY_SEQUENCE, true, false, read_sequence, "the sequence is missing"},
    {KEY_WINDOW, true, false, read_window, "the window is missing"},
    {KEY_BUILT_MS, true, false, read_built, "the time it was built is missing"},
    {KEY_PART, true, false, read_part, "the part is missing"},
    {KEY_HAS_MORE, true, false, read_has_more, "whether parts follow is missing"},
    {KEY_CLOCK_MS, false, false, read_clock, NULL},
    {KEY_COUNTERS, false, true, read_counters, NULL},
    {KEY_REMAINDER, false, true, read_remainder, NULL},
    {KEY_HEARTBEAT, false, true, read_heartbeat, NULL},
    {KEY_SYSTEM, false, true, read_system, NULL},
    {KEY_FLOWS, true, false, read_flows, "the flows are missing"},
};
#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

/** Moves @p field on to the first whose key is not below @p key; one that has to come may not be
 * passed. */
static const struct field *pass_fields(struct picket_reader *cursor, const struct field *field,
                                       uint64_t key, size_t offset)
{
    for (; field < fields + FIELD_COUNT && field->key < key; field++) {
        if (field->is_required) {
            picket_reader_fail(cursor, PICKET_E_MALFORMED, offset, field->missing);
        }
    }
    return field;
}

/** Reads what may come behind the flows: a section of facts, or a key that is passed over. */
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

static void read_fields(struct draft *draft)
{
    struct picket_reader *cursor = draft->cursor;
    const struct field *field = fields;
    uint64_t next_key = 0;

    for (uint64_t pairs = picket_reader_get_map(cursor); pairs > 0; pairs--) {
        size_t offset = cursor->offset;
        uint64_t key = picket_reader_get_key(cursor, &next_key);

        field = pass_fields(cursor, field, key, offset);
        if (cursor->status != PICKET_OK) {
            return;
        }
        if (field == fields + FIELD_COUNT || field->key != key) {
            read_behind_flows(draft, key);
            continue;
        }
        if (field->is_first_part && draft->head.part > 0) {
            picket_reader_fail(cursor, PICKET_E_MALFORMED, offset,
                               "what only a window's first part may have");
            return;
        }
        field->read(draft);
        field++;
    }
    (void)pass_fields(cursor, field, UINT64_MAX, cursor->offset);
}

enum picket_status picket_report_open(struct picket_report_reader *reader, const uint8_t *bytes,
                                      size_t length, struct picket_report_head *ret_head,
                                      uint32_t *ret_flow_count)
{
    struct picket_reader *cursor = &reader->cursor;
    struct draft draft = {.cursor = cursor, .sections = reader->sections};

    picket_reader_init(cursor, bytes, length);
    memset(reader->sections, 0, sizeof(reader->sections));
    reader->section = 0;
    picket_wire_check_version(cursor, PICKET_REPORT_VERSION);
    if (length > PICKET_REPORT_BYTES_MAX) {
        picket_reader_fail(cursor, PICKET_E_LIMIT, PICKET_REPORT_BYTES_MAX,
                           "more bytes than a report may have");
    }
    read_fields(&draft);
    if (cursor->offset < length) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, cursor->offset, "bytes behind the report");
    }
    if (cursor->status != PICKET_OK) {
        return cursor->status;
    }
    cursor->offset = draft.flows_offset;
    reader->flow_items = draft.flow_items;
    reader->flows_left = draft.flow_count;
    *ret_head = draft.head;
    *ret_flow_count = (uint32_t)draft.flow_count;
    return PICKET_OK;
}

bool picket_report_next_flow(struct picket_report_reader *reader,
                             struct picket_flow_record *ret_flow)
{
    if (reader->flows_left == 0) {
        return false;
    }
    reader->flows_left--;
    get_flow(&reader->cursor, reader->flow_items, PICKET_WINDOW_MS_MAX, ret_flow);
    return true;
}
