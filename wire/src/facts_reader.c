/* SPDX-License-Identifier: MIT */
#include "picket/facts.h"

#include "format.h"

/** Reads an address, if there is one, and the port behind it unless @p ret_port is NULL. */
/*@ requires picket_is_reader(cursor) && \valid(ret_address + (0 .. 15));
  @ requires ret_port == \null || \valid(ret_port);
  @ requires \separated(cursor, ret_address + (0 .. 15), ret_port);
  @ assigns cursor->offset, cursor->status, cursor->fault, ret_address[0 .. 15], *ret_port;
  @ ensures picket_has_read{Pre, Post}(cursor);
  @*/
static uint8_t get_endpoint(struct picket_reader *cursor, uint8_t *ret_address, uint16_t *ret_port)
{
    size_t port_size = ret_port == NULL ? 0 : 2;
    size_t offset = cursor->offset;
    const uint8_t *at;
    size_t size = picket_reader_get_bytes(cursor, &at);

    if (size != port_size && size != 4 + port_size && size != 16 + port_size) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, offset,
                           "an endpoint of a size that does not exist");
    }
    if (cursor->status != PICKET_OK) {
        return 0;
    }
    size -= port_size;
    /*@ loop invariant i <= size;
      @ loop assigns i, ret_address[0 .. 15];
      @ loop variant size - i;
      @*/
    for (size_t i = 0; i < size; i++) {
        ret_address[i] = at[i];
    }
    if (ret_port != NULL) {
        *ret_port = (uint16_t)((unsigned)at[size] << 8 | at[size + 1]);
    }
    return (uint8_t)size;
}

/*@ requires picket_is_reader(cursor) && \valid(name) && \separated(cursor, name);
  @ assigns cursor->offset, cursor->status, cursor->fault, *name;
  @ ensures picket_has_read{Pre, Post}(cursor);
  @*/
static void get_name(struct picket_reader *cursor, struct picket_name_record *name)
{
    *name = (struct picket_name_record){.name = picket_wire_get_name(cursor, 1, PICKET_NAME_MAX)};
    name->address_size = get_endpoint(cursor, name->address, NULL);
}

/** Reads what was seen of the certificate: nothing, or its SHA-256. */
/*@ requires picket_is_reader(cursor) && \valid(tls) && \separated(cursor, tls);
  @ assigns cursor->offset, cursor->status, cursor->fault, *tls;
  @ ensures picket_has_read{Pre, Post}(cursor);
  @*/
static void get_certificate(struct picket_reader *cursor, struct picket_tls_record *tls)
{
    size_t offset = cursor->offset;
    const uint8_t *bytes;
    size_t size = picket_reader_get_bytes(cursor, &bytes);

    if (size == 0) {
        return;
    }
    if (size != CERTIFICATE_ID_BYTES || !tls->has_certificate) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, offset,
                           "a certificate that was not seen, or is no SHA-256");
        return;
    }
    tls->has_certificate_id = true;
    /*@ loop assigns i, tls->certificate_sha256[0 .. CERTIFICATE_ID_BYTES - 1];
      @ loop variant CERTIFICATE_ID_BYTES - i;
      @*/
    for (size_t i = 0; i < CERTIFICATE_ID_BYTES; i++) {
        tls->certificate_sha256[i] = bytes[i];
    }
}

/*@ requires picket_is_reader(cursor) && \valid(tls) && \separated(cursor, tls);
  @ assigns cursor->offset, cursor->status, cursor->fault, *tls;
  @ ensures picket_has_read{Pre, Post}(cursor);
  @*/
static void get_tls_traits(struct picket_reader *cursor, struct picket_tls_record *tls)
{
    size_t offset = cursor->offset;
    uint64_t traits = picket_reader_get_uint(cursor);

    if (traits > TLS_TRAITS_MAX || (traits & TLS_DIRECTION_MASK) > PICKET_DIRECTION_UNKNOWN) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, offset, "traits that do not exist");
    }
    *tls = (struct picket_tls_record){
        .direction = (enum picket_direction)(traits & TLS_DIRECTION_MASK),
        .has_certificate = (traits & TLS_CERTIFICATE) != 0,
    };
}

/*@ requires picket_is_reader(cursor) && \valid(tls) && \separated(cursor, tls);
  @ assigns cursor->offset, cursor->status, cursor->fault, *tls;
  @ ensures picket_has_read{Pre, Post}(cursor);
  @*/
static void get_tls(struct picket_reader *cursor, struct picket_tls_record *tls)
{
    size_t offset;

    get_tls_traits(cursor, tls);
    offset = cursor->offset;
    tls->address_size = get_endpoint(cursor, tls->peer, &tls->port);
    if (tls->address_size == 0) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, offset, "a peer without an address");
    }
    tls->version = (uint16_t)picket_reader_get_uint_max(cursor, UINT16_MAX);
    tls->cipher_suite = (uint16_t)picket_reader_get_uint_max(cursor, UINT16_MAX);
    get_certificate(cursor, tls);
    tls->server_name = picket_wire_get_name(cursor, 0, PICKET_NAME_MAX);
}

/*@ requires picket_is_reader(cursor) && \valid(listener) && \separated(cursor, listener);
  @ assigns cursor->offset, cursor->status, cursor->fault, *listener;
  @ ensures picket_has_read{Pre, Post}(cursor);
  @*/
static void get_listener(struct picket_reader *cursor, struct picket_listener_record *listener)
{
    size_t offset = cursor->offset;
    uint64_t protocol = picket_reader_get_uint_max(cursor, UINT8_MAX);

    if (protocol != 6 && protocol != 17) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, offset, "a protocol without ports");
    }
    *listener = (struct picket_listener_record){.protocol = (uint8_t)protocol};
    listener->address_size = get_endpoint(cursor, listener->address, &listener->port);
}

/*@ requires picket_is_reader(cursor) && \valid(start) && \separated(cursor, start);
  @ assigns cursor->offset, cursor->status, cursor->fault, *start;
  @ ensures picket_has_read{Pre, Post}(cursor);
  @*/
static void get_start(struct picket_reader *cursor, struct picket_start_record *start)
{
    start->cause =
        (enum picket_start_cause)picket_reader_get_uint_max(cursor, PICKET_START_EXTERNAL);
    start->fault_code = (uint32_t)picket_reader_get_uint_max(cursor, UINT32_MAX);
    start->fault_address = picket_reader_get_uint(cursor);
    start->starts = (uint32_t)picket_reader_get_uint_max(cursor, UINT32_MAX);
}

/*@ requires picket_is_reader(cursor) && \valid(event) && \separated(cursor, event);
  @ assigns cursor->offset, cursor->status, cursor->fault, *event;
  @ ensures picket_has_read{Pre, Post}(cursor);
  @*/
static void get_event(struct picket_reader *cursor, uint32_t window_ms,
                      struct picket_event_record *event)
{
    size_t times_offset;
    uint64_t duration_ms;

    event->name = picket_wire_get_name(cursor, 1, PICKET_TEXT_MAX);
    event->text = picket_wire_get_fact(cursor, 0);
    event->count = (uint32_t)picket_reader_get_uint_max(cursor, UINT32_MAX);
    times_offset = cursor->offset;
    event->first_ms = (uint32_t)picket_reader_get_uint_max(cursor, UINT32_MAX);
    duration_ms = picket_reader_get_uint_max(cursor, UINT32_MAX);
    if (event->first_ms > window_ms || duration_ms > window_ms - event->first_ms) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, times_offset,
                           "an event that ends after its window");
    }
    event->last_ms = event->first_ms + (uint32_t)duration_ms;
}

/*@ requires picket_is_reader(cursor) && \valid(metric) && \separated(cursor, metric);
  @ assigns cursor->offset, cursor->status, cursor->fault, *metric;
  @ ensures picket_has_read{Pre, Post}(cursor);
  @*/
static void get_metric(struct picket_reader *cursor, struct picket_metric_record *metric)
{
    metric->name = picket_wire_get_name(cursor, 1, PICKET_TEXT_MAX);
    metric->value = picket_reader_get_uint(cursor);
}

/*@ requires picket_is_reader(cursor) && \valid(icmp) && \separated(cursor, icmp);
  @ assigns cursor->offset, cursor->status, cursor->fault, *icmp;
  @ ensures picket_has_read{Pre, Post}(cursor);
  @*/
static void get_icmp(struct picket_reader *cursor, uint64_t flow_count,
                     struct picket_icmp_record *icmp)
{
    size_t offset = cursor->offset;
    uint64_t flow = picket_reader_get_uint(cursor);

    if (flow >= flow_count) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, offset, "a flow that is not in the report");
    }
    icmp->flow = (uint32_t)flow;
    icmp->type = (uint8_t)picket_reader_get_uint_max(cursor, UINT8_MAX);
    icmp->code = (uint8_t)picket_reader_get_uint_max(cursor, UINT8_MAX);
    icmp->bytes_max = (uint32_t)picket_reader_get_uint_max(cursor, UINT32_MAX);
}

/*@ requires picket_is_reader(cursor) && \valid(lost) && \separated(cursor, lost);
  @ assigns cursor->offset, cursor->status, cursor->fault, *lost;
  @ ensures picket_has_read{Pre, Post}(cursor);
  @*/
static void get_lost(struct picket_reader *cursor, struct picket_lost_record *lost)
{
    lost->section = (enum picket_section)picket_reader_get_uint_max(cursor, UINT8_MAX);
    lost->count = (uint32_t)picket_reader_get_uint_max(cursor, UINT32_MAX);
}

/*@ requires picket_is_reader(cursor) && \valid(verdict) && \separated(cursor, verdict);
  @ assigns cursor->offset, cursor->status, cursor->fault, *verdict;
  @ ensures picket_has_read{Pre, Post}(cursor);
  @*/
static void get_verdict_traits(struct picket_reader *cursor, struct picket_verdict_record *verdict)
{
    size_t offset = cursor->offset;
    uint64_t traits = picket_reader_get_uint(cursor);

    *verdict = (struct picket_verdict_record){
        .direction = (enum picket_direction)(traits & VERDICT_DIRECTION_MASK),
        .cause = (enum picket_verdict_cause)(traits >> VERDICT_CAUSE_SHIFT & VERDICT_CAUSE_MASK),
    };
    if (traits > VERDICT_TRAITS_MAX || verdict->direction > PICKET_DIRECTION_UNKNOWN ||
        verdict->cause == PICKET_CAUSE_NONE) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, offset, "traits that do not exist");
    }
}

/** Reads a peer's address, and the port behind it if there is one. */
/*@ requires picket_is_reader(cursor) && \valid(verdict) && \separated(cursor, verdict);
  @ assigns cursor->offset, cursor->status, cursor->fault, *verdict;
  @ ensures picket_has_read{Pre, Post}(cursor);
  @*/
static void get_verdict_peer(struct picket_reader *cursor, struct picket_verdict_record *verdict)
{
    size_t offset = cursor->offset;
    const uint8_t *at;
    size_t size = picket_reader_get_bytes(cursor, &at);
    size_t address_size = size < 16 ? 4 : 16;

    if (size != address_size && size != address_size + 2) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, offset,
                           "an endpoint of a size that does not exist");
        return;
    }
    verdict->address_size = (uint8_t)address_size;
    /*@ loop invariant i <= address_size;
      @ loop assigns i, verdict->peer[0 .. 15];
      @ loop variant address_size - i;
      @*/
    for (size_t i = 0; i < address_size; i++) {
        verdict->peer[i] = at[i];
    }
    if (size > address_size) {
        verdict->has_port = true;
        verdict->port = (uint16_t)((unsigned)at[address_size] << 8 | at[address_size + 1]);
    }
}

/*@ requires picket_is_reader(cursor) && \valid(verdict) && \separated(cursor, verdict);
  @ assigns cursor->offset, cursor->status, cursor->fault, *verdict;
  @ ensures picket_has_read{Pre, Post}(cursor);
  @*/
static void get_verdict_rule(struct picket_reader *cursor, struct picket_verdict_record *verdict)
{
    size_t offset = cursor->offset;

    verdict->rule = (uint32_t)picket_reader_get_uint_max(cursor, PICKET_RULES_MAX - 1);
    if (verdict->rule != 0 && verdict->cause != PICKET_CAUSE_RULE) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, offset, "a rule that is not the cause");
    }
}

/*@ requires picket_is_reader(cursor) && \valid(verdict) && \separated(cursor, verdict);
  @ assigns cursor->offset, cursor->status, cursor->fault, *verdict;
  @ ensures picket_has_read{Pre, Post}(cursor);
  @*/
static void get_verdict(struct picket_reader *cursor, struct picket_verdict_record *verdict)
{
    size_t offset;

    get_verdict_traits(cursor, verdict);
    verdict->protocol = (uint8_t)picket_reader_get_uint_max(cursor, UINT8_MAX);
    get_verdict_peer(cursor, verdict);
    get_verdict_rule(cursor, verdict);
    verdict->revision = picket_wire_get_ranged(cursor, 1, UINT32_MAX);
    verdict->packets = picket_wire_get_ranged(cursor, 1, UINT32_MAX);
    offset = cursor->offset;
    verdict->blocked = (uint32_t)picket_reader_get_uint_max(cursor, UINT32_MAX);
    if (verdict->blocked > verdict->packets) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, offset, "more blocked than there were");
    }
}

/*@ requires picket_is_reader(cursor) && \valid(settings) && \separated(cursor, settings);
  @ assigns cursor->offset, cursor->status, cursor->fault, *settings;
  @ ensures picket_has_read{Pre, Post}(cursor);
  @*/
static void get_settings(struct picket_reader *cursor, struct picket_settings_record *settings)
{
    size_t offset;

    settings->kind =
        (enum picket_settings_kind)picket_reader_get_uint_max(cursor, PICKET_SETTINGS_INDICATORS);
    settings->revision = (uint32_t)picket_reader_get_uint_max(cursor, UINT32_MAX);
    settings->state =
        (enum picket_settings_state)picket_reader_get_uint_max(cursor, PICKET_STATE_IN_EFFECT);
    offset = cursor->offset;
    settings->mode =
        (enum picket_policy_mode)picket_reader_get_uint_max(cursor, PICKET_POLICY_ENFORCE);
    if (settings->mode != 0 && settings->kind != PICKET_SETTINGS_POLICY) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, offset, "a mode of what has none");
    }
    settings->refusal = (enum picket_refusal)picket_reader_get_uint_max(cursor, UINT8_MAX);
    settings->refused_revision = (uint32_t)picket_reader_get_uint_max(cursor, UINT32_MAX);
    settings->detail = (uint32_t)picket_reader_get_uint_max(cursor, UINT32_MAX);
}

/*@ requires picket_is_reader(cursor);
  @ assigns cursor->offset, cursor->status, cursor->fault;
  @ ensures picket_has_kept{Pre, Post}(cursor);
  @*/
static void check_record(struct picket_reader *cursor, enum picket_section section,
                         uint32_t window_ms, uint64_t flow_count)
{
    struct picket_name_record name;
    struct picket_tls_record tls;
    struct picket_listener_record listener;
    struct picket_start_record start;
    struct picket_event_record event;
    struct picket_metric_record metric;
    struct picket_icmp_record icmp;
    struct picket_lost_record lost;
    struct picket_verdict_record verdict;
    struct picket_settings_record settings;

    switch (section) {
    case PICKET_SECTION_NAMES:
        get_name(cursor, &name);
        break;
    case PICKET_SECTION_TLS:
        get_tls(cursor, &tls);
        break;
    case PICKET_SECTION_LISTENERS:
        get_listener(cursor, &listener);
        break;
    case PICKET_SECTION_STARTS:
        get_start(cursor, &start);
        break;
    case PICKET_SECTION_EVENTS:
        get_event(cursor, window_ms, &event);
        break;
    case PICKET_SECTION_METRICS:
        get_metric(cursor, &metric);
        break;
    case PICKET_SECTION_ICMP:
        get_icmp(cursor, flow_count, &icmp);
        break;
    case PICKET_SECTION_LOST:
        get_lost(cursor, &lost);
        break;
    case PICKET_SECTION_VERDICTS:
        get_verdict(cursor, &verdict);
        break;
    case PICKET_SECTION_SETTINGS:
        get_settings(cursor, &settings);
        break;
    }
}

void picket_wire_check_section(struct picket_reader *cursor, enum picket_section section,
                               uint32_t window_ms, uint64_t flow_count, struct picket_row *ret_row)
{
    uint32_t known = picket_wire_section_items(section);

    ret_row->left = picket_wire_get_records(cursor, known, &ret_row->items);
    ret_row->offset = cursor->offset;
    /*@ loop invariant picket_is_reader(cursor);
      @ loop assigns i, cursor->offset, cursor->status, cursor->fault;
      @ loop variant ret_row->left - i;
      @*/
    for (uint64_t i = 0; i < ret_row->left && cursor->status == PICKET_OK; i++) {
        check_record(cursor, section, window_ms, flow_count);
        picket_wire_skip_items(cursor, ret_row->items - known);
    }
}

uint32_t picket_report_seek(struct picket_report_reader *reader, enum picket_section section)
{
    reader->section = section;
    reader->row = reader->sections[section - PICKET_SECTION_NAMES];
    return (uint32_t)reader->row.left;
}

/** Points @p ret_cursor at the next record; false if the section has none left. */
/*@ requires picket_is_report_reader(reader) && section != 0;
  @ requires \valid(ret_cursor) && \separated(reader, ret_cursor);
  @ assigns *ret_cursor;
  @ ensures \result ==> picket_is_reader(ret_cursor) && reader->section == section;
  @ ensures \result ==> ret_cursor->length == reader->cursor.length;
  @*/
static bool begin_record(const struct picket_report_reader *reader, enum picket_section section,
                         struct picket_reader *ret_cursor)
{
    if (reader->section != (uint32_t)section || reader->row.left == 0) {
        return false;
    }
    *ret_cursor = reader->cursor;
    ret_cursor->offset = reader->row.offset;
    return true;
}

/*@ requires picket_is_report_reader(reader) && picket_is_reader(cursor);
  @ requires \separated(reader, cursor) && cursor->length == reader->cursor.length;
  @ requires PICKET_SECTION_NAMES <= reader->section < PICKET_SECTION_NAMES + PICKET_SECTIONS;
  @ assigns cursor->offset, cursor->status, cursor->fault, reader->row;
  @ ensures picket_is_report_reader(reader);
  @*/
static bool end_record(struct picket_report_reader *reader, struct picket_reader *cursor)
{
    uint32_t known = picket_wire_section_items((enum picket_section)reader->section);

    picket_wire_skip_items(cursor, reader->row.items - known);
    reader->row.offset = cursor->offset;
    reader->row.left--;
    return true;
}

bool picket_report_next_name(struct picket_report_reader *reader, struct picket_name_record *ret)
{
    struct picket_reader cursor;

    if (!begin_record(reader, PICKET_SECTION_NAMES, &cursor)) {
        return false;
    }
    get_name(&cursor, ret);
    return end_record(reader, &cursor);
}

bool picket_report_next_tls(struct picket_report_reader *reader, struct picket_tls_record *ret)
{
    struct picket_reader cursor;

    if (!begin_record(reader, PICKET_SECTION_TLS, &cursor)) {
        return false;
    }
    get_tls(&cursor, ret);
    return end_record(reader, &cursor);
}

bool picket_report_next_listener(struct picket_report_reader *reader,
                                 struct picket_listener_record *ret)
{
    struct picket_reader cursor;

    if (!begin_record(reader, PICKET_SECTION_LISTENERS, &cursor)) {
        return false;
    }
    get_listener(&cursor, ret);
    return end_record(reader, &cursor);
}

bool picket_report_next_start(struct picket_report_reader *reader, struct picket_start_record *ret)
{
    struct picket_reader cursor;

    if (!begin_record(reader, PICKET_SECTION_STARTS, &cursor)) {
        return false;
    }
    get_start(&cursor, ret);
    return end_record(reader, &cursor);
}

bool picket_report_next_event(struct picket_report_reader *reader, struct picket_event_record *ret)
{
    struct picket_reader cursor;

    if (!begin_record(reader, PICKET_SECTION_EVENTS, &cursor)) {
        return false;
    }
    get_event(&cursor, PICKET_WINDOW_MS_MAX, ret);
    return end_record(reader, &cursor);
}

bool picket_report_next_metric(struct picket_report_reader *reader,
                               struct picket_metric_record *ret)
{
    struct picket_reader cursor;

    if (!begin_record(reader, PICKET_SECTION_METRICS, &cursor)) {
        return false;
    }
    get_metric(&cursor, ret);
    return end_record(reader, &cursor);
}

bool picket_report_next_icmp(struct picket_report_reader *reader, struct picket_icmp_record *ret)
{
    struct picket_reader cursor;

    if (!begin_record(reader, PICKET_SECTION_ICMP, &cursor)) {
        return false;
    }
    get_icmp(&cursor, UINT64_MAX, ret);
    return end_record(reader, &cursor);
}

bool picket_report_next_lost(struct picket_report_reader *reader, struct picket_lost_record *ret)
{
    struct picket_reader cursor;

    if (!begin_record(reader, PICKET_SECTION_LOST, &cursor)) {
        return false;
    }
    get_lost(&cursor, ret);
    return end_record(reader, &cursor);
}

bool picket_report_next_verdict(struct picket_report_reader *reader,
                                struct picket_verdict_record *ret)
{
    struct picket_reader cursor;

    if (!begin_record(reader, PICKET_SECTION_VERDICTS, &cursor)) {
        return false;
    }
    get_verdict(&cursor, ret);
    return end_record(reader, &cursor);
}

bool picket_report_next_settings(struct picket_report_reader *reader,
                                 struct picket_settings_record *ret)
{
    struct picket_reader cursor;

    if (!begin_record(reader, PICKET_SECTION_SETTINGS, &cursor)) {
        return false;
    }
    get_settings(&cursor, ret);
    return end_record(reader, &cursor);
}
