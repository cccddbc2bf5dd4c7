/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_MODEL_FLOW_H
#define SERVICE_MODEL_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "model/address.h"
#include "picket/report.h"

struct json;
struct json_t; /* jansson */

#define FLOW_PORT_UNKNOWN (-1)

/** Sums stay here instead of wrapping: neither JSON readers nor SQL know larger integers. */
#define FLOW_COUNT_MAX ((uint64_t)INT64_MAX)
void flow_count_add(uint64_t *sum, uint64_t more);

/** What the format that told of a flow can't say: the members are then 0 and mean nothing. */
enum flow_unknown {
    FLOW_CONNECTIONS_UNKNOWN = 1u << 0,
    FLOW_PACKETS_UNKNOWN = 1u << 1,
    FLOW_BYTES_UNKNOWN = 1u << 2,
    FLOW_IP_HEADERS_UNKNOWN = 1u << 3, /* bytes are told, but without the IP headers */
    FLOW_OUTCOME_UNKNOWN = 1u << 4,    /* others than those of the set are possible */
    FLOW_TIMES_UNKNOWN = 1u << 5,      /* the times are those of the interval it was seen in */
};
#define FLOW_UNKNOWN_ALL 0x3fu

/** One flow of one device, whatever format told of it: canonical, in absolute time. */
struct flow {
    enum picket_direction direction;
    enum picket_flow_kind kind;
    enum picket_cast cast;
    uint8_t outcome; /* set of enum picket_outcome */
    uint8_t unknown; /* set of enum flow_unknown; 0: all is told */
    uint8_t protocol;
    struct address peer;
    const char *peer_name; /* that the device asked DNS for; NULL if not known; borrowed */
    struct address local;  /* valid if has_local */
    bool has_local;
    int32_t peer_port;  /* or FLOW_PORT_UNKNOWN */
    int32_t local_port; /* or FLOW_PORT_UNKNOWN */
    uint64_t connections;
    uint64_t packets_in;
    uint64_t packets_out;
    uint64_t bytes_in; /* IP datagram lengths */
    uint64_t bytes_out;
    int64_t first_us;
    int64_t last_us;
};

/** True if the service is the peer's: the device opened the flow, or, where nobody saw who did,
 * the peer's port is the lower one. */
bool flow_is_service_peers(const struct flow *flow);
/** The service's port, the peer's or the device's own. */
int32_t flow_service_port(const struct flow *flow);
/** True if traffic went both ways, by packets or, where these are not told, by bytes. */
bool flow_is_both_ways(const struct flow *flow);
/** True if nothing went out; false where nobody can tell. */
bool flow_is_inward(const struct flow *flow);
/** IANA numbers. */
#define PROTOCOL_ICMP   1u
#define PROTOCOL_TCP    6u
#define PROTOCOL_UDP    17u
#define PROTOCOL_ICMPV6 58u

/** "tcp", "udp", "icmp", "icmpv6", or "ip-N" in ret_text. */
#define PROTOCOL_TEXT_MAX 8u
void protocol_format(uint8_t protocol, char ret_text[PROTOCOL_TEXT_MAX]);
/** The inverse; false if @p text is none of these. */
bool protocol_parse(const char *text, uint8_t *ret);
const char *direction_name(enum picket_direction direction); /* "outbound", "inbound", "unknown" */
const char *kind_name(enum picket_flow_kind kind); /* "whole", "fragment", "cut", "bad_length" */
const char *cast_name(enum picket_cast cast); /* "unicast", "multicast", "broadcast", "loopback" */
/** The strongest of the set: "answered", "reset", "refused"; else "unanswered", or "unknown" if
 * @p unknown has FLOW_OUTCOME_UNKNOWN. */
const char *outcome_name(uint8_t outcome, uint8_t unknown);
/** Members `outcome` (the strongest) and `outcomes` (all, the strongest first). */
void outcome_write_json(struct json *json, uint8_t outcome, uint8_t unknown);
/** Members connections, packets_in, packets_out, bytes_in, bytes_out, null where unknown; and
 * `unknown` with the names of what is, if anything. */
void counts_write_json(struct json *json, const struct flow *flow);
/** True if both describe the same flow: all but counts, outcome and times are equal. */
bool flow_same(const struct flow *a, const struct flow *b);
/** Adds the counts of @p more to @p flow, joins outcomes and what is unknown, widens the times. */
void flow_add(struct flow *flow, const struct flow *more);
/**
 * An object with the names of this struct, first_seen and last_seen; ports
 * that are not known are null.
 */
void flow_write_json(struct json *json, const char *key, const struct flow *flow);
/** Null for FLOW_PORT_UNKNOWN. */
void port_write_json(struct json *json, const char *key, int32_t port);
/**
 * Reads that object back: NULL, or the member that is missing or wrong.
 * The peer's name is borrowed from the object.
 */
const char *flow_read_json(struct json_t *object, struct flow *ret);

#endif
