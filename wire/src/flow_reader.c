/* SPDX-License-Identifier: MIT */
#include "picket/report.h"

#include "format.h"

/** Peer, then local address and ports, as the size of the endpoint tells; false if it can't be. */
/*@ requires \valid_read(at + (0 .. size - 1));
  @ requires \valid(flow);
  @ assigns *flow;
  @*/
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
    /*@ loop invariant i <= address_size;
      @ loop assigns i, flow->peer[0 .. 15], flow->local[0 .. 15];
      @ loop variant address_size - i;
      @*/
    for (size_t i = 0; i < address_size; i++) {
        flow->peer[i] = at[i];
        flow->local[i] = is_exact ? at[address_size + i] : 0;
    }
    flow->has_local = is_exact;
    flow->has_peer_port = has_ports || (has_one_port && !is_local_port);
    flow->has_local_port = has_ports || (has_one_port && is_local_port);
    at += is_exact ? address_size * 2 : address_size;
    if (flow->has_peer_port) {
        flow->peer_port = (uint16_t)((unsigned)at[0] << 8 | at[1]);
        at += 2;
    }
    if (flow->has_local_port) {
        flow->local_port = (uint16_t)((unsigned)at[0] << 8 | at[1]);
    }
    return true;
}

/** What is wrong with the traits of @p flow, or NULL. */
/*@ requires \valid_read(flow);
  @ assigns \nothing;
  @*/
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
/*@ requires picket_is_reader(cursor);
  @ requires \valid(flow) && \separated(cursor, flow);
  @ assigns cursor->offset, cursor->status, cursor->fault, *flow;
  @ ensures picket_has_read{Pre, Post}(cursor);
  @*/
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

void picket_wire_get_flow(struct picket_reader *cursor, uint64_t items, uint32_t window_ms,
                          struct picket_flow_record *flow)
{
    size_t times_offset;
    uint32_t duration_ms;

    *flow = (struct picket_flow_record){0};
    get_flow_identity(cursor, flow);
    flow->connections = (uint32_t)picket_reader_get_uint_max(cursor, UINT32_MAX);
    flow->packets_in = picket_reader_get_uint(cursor);
    flow->packets_out = picket_reader_get_uint(cursor);
    flow->bytes_in = picket_reader_get_uint(cursor);
    flow->bytes_out = picket_reader_get_uint(cursor);
    times_offset = cursor->offset;
    flow->first_ms = (uint32_t)picket_reader_get_uint_max(cursor, UINT32_MAX);
    duration_ms = (uint32_t)picket_reader_get_uint_max(cursor, UINT32_MAX);
    if (flow->first_ms > window_ms || duration_ms > window_ms - flow->first_ms) {
        picket_reader_fail(cursor, PICKET_E_MALFORMED, times_offset,
                           "a flow that ends after its window");
        return;
    }
    flow->last_ms = flow->first_ms + duration_ms;
    picket_wire_skip_items(cursor, items - FLOW_ITEMS);
}
