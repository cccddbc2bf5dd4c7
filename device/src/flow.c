/* SPDX-License-Identifier: MIT */
#include "flow.h"

#include <string.h>

#include "agent.h"
#include "hot.h"
#include "packet.h"
#include "picket/picket.h"

/* Bits of picket_flow.selector. An exact flow has the peer's port, and both sides' bits. */
#define SELECTOR_PORT           0x0000ffffu
#define SELECTOR_PROTOCOL_SHIFT 16
#define SELECTOR_KIND_SHIFT     24
#define SELECTOR_AT_PEER        0x04000000u /* the port is the peer's */
#define SELECTOR_AT_LOCAL       0x08000000u
#define SELECTOR_RETIRED        0x80000000u /* another slot has the key now, or none was ever set */

/* Bits of picket_flow.traits. */
#define TRAIT_DIRECTION     0x03u
#define TRAIT_CAST          0x0cu
#define TRAIT_CAST_SHIFT    2
#define TRAIT_OUTCOME       0x70u
#define TRAIT_OUTCOME_SHIFT 4
#define TRAIT_ANSWERED      0x10u
#define TRAIT_REFUSED       0x20u
#define TRAIT_RESET         0x40u
#define TRAIT_PENDING       0x80u /* opened, and no answer yet */

/* The open and the sealed window's flows have states 1 and 2, by turns: picket_agent.open_state. */
#define STATE_IDLE 0u

/* What a table is made of; constants in the code for each, where speed is asked for. */
struct shape {
    size_t address_bytes;
    bool is_exact;
};

/* What is looked for. */
struct query {
    uint32_t home; /* first slot of the run */
    uint32_t selector;
    unsigned opener;
};

/* A slot: the flow, the peer's address; if exact, the local address and port. */
static const uint8_t *key_of(const struct picket_flow *flow)
{
    return (const uint8_t *)(flow + 1);
}

struct picket_flow *picket_flow_at(const struct picket_flow_table *table, uint32_t slot)
{
    return (struct picket_flow *)(void *)(table->slots + (size_t)slot * table->slot_bytes);
}

bool picket_flow_is_sealed(const struct picket_agent *agent, const struct picket_flow *flow)
{
    return flow->state != STATE_IDLE && flow->state != agent->open_state;
}

void picket_flow_table_init(struct picket_flow_table *table, void *storage, size_t storage_bytes,
                            size_t address_bytes, bool is_exact)
{
    size_t key_bytes = is_exact ? 2 * address_bytes + sizeof(uint32_t) : address_bytes;
    size_t slot_bytes = sizeof(struct picket_flow) + key_bytes;
    size_t capacity = storage_bytes / slot_bytes;

    memset(table, 0, sizeof(*table));
    table->slots = storage;
    table->capacity = capacity < UINT32_MAX ? (uint32_t)capacity : UINT32_MAX;
    table->slot_bytes = (uint16_t)slot_bytes;
    table->address_bytes = (uint8_t)address_bytes;
    table->is_exact = is_exact;
    table->probes = PICKET_FLOW_PROBES;
    if (table->capacity < PICKET_FLOW_PROBES) {
        table->probes = (uint8_t)table->capacity;
    }
    table->homes = table->capacity - table->probes + 1;
    for (uint32_t i = 0; i < table->capacity; i++) {
        struct picket_flow *flow = picket_flow_at(table, i);

        memset(flow, 0, slot_bytes);
        flow->selector = SELECTOR_RETIRED;
    }
}

static PICKET_HOT uint32_t load_u32(const uint8_t *bytes)
{
    uint32_t word;

    memcpy(&word, bytes, sizeof(word));
    return word;
}

/*
 * The mixing step of wyhash32 under the agent's secret key: one multiplication
 * for two words. An attacker who can't see the values can't choose colliding
 * flows; had he found some, a look-up would still visit no more slots.
 */
static PICKET_HOT uint64_t mix(uint64_t state, uint32_t a, uint32_t b)
{
    return (uint64_t)((uint32_t)state ^ a) * ((uint32_t)(state >> 32) ^ b);
}

/* The words of an IPv6 address that stand before the last. */
static PICKET_HOT uint64_t mix_prefix(uint64_t state, const uint8_t *address, const uint32_t key[4])
{
    state = mix(state, load_u32(address) ^ key[2], load_u32(address + 4) ^ key[3]);
    return mix(state, load_u32(address + 8) ^ key[2], key[3]);
}

static PICKET_HOT uint32_t hash(const uint32_t key[4], struct shape shape,
                                const struct picket_packet *packet, uint32_t selector)
{
    bool is_ipv6 = shape.address_bytes == 16;
    size_t last = shape.address_bytes - 4;
    uint64_t state = mix(0, selector ^ key[0], load_u32(packet->peer + last) ^ key[1]);

    if (shape.is_exact) {
        state = mix(state, load_u32(packet->local + last) ^ key[0], packet->local_port ^ key[1]);
        state = is_ipv6 ? mix_prefix(state, packet->local, key) : state;
    }
    state = is_ipv6 ? mix_prefix(state, packet->peer, key) : mix(state, key[2], key[3]);
    return (uint32_t)(state ^ state >> 32);
}

/* The key beside the addresses, if @p opener opened the flow; the lower port if that is unknown. */
static PICKET_HOT uint32_t select(const struct picket_packet *packet, unsigned opener,
                                  bool is_exact)
{
    uint32_t selector = (uint32_t)packet->protocol << SELECTOR_PROTOCOL_SHIFT |
                        (uint32_t)packet->kind << SELECTOR_KIND_SHIFT;

    if (!packet->has_ports) {
        return selector;
    }
    if (is_exact) {
        return selector | SELECTOR_AT_PEER | SELECTOR_AT_LOCAL | packet->peer_port;
    }
    if (opener == PICKET_OUTBOUND ||
        (opener == PICKET_DIRECTION_UNKNOWN && packet->peer_port <= packet->local_port)) {
        return selector | SELECTOR_AT_PEER | packet->peer_port;
    }
    return selector | SELECTOR_AT_LOCAL | packet->local_port;
}

/* Where a flow must be, if @p opener opened it. */
static PICKET_HOT struct query aim(const struct picket_agent *agent,
                                   const struct picket_flow_table *table, struct shape shape,
                                   const struct picket_packet *packet, unsigned opener)
{
    uint32_t selector = select(packet, opener, shape.is_exact);
    uint64_t hashed = hash(agent->config.hash_key, shape, packet, selector);

    return (struct query){(uint32_t)((hashed * table->homes) >> 32), selector, opener};
}

/*
 * A certain opener must be the flow's. An answer may come by unicast to what
 * was asked by multicast, so only the opener's packets must agree on that.
 */
static PICKET_HOT bool is_agreed(const struct picket_flow *flow, const struct query *query,
                                 const struct picket_packet *packet)
{
    unsigned cast = (flow->traits & TRAIT_CAST) >> TRAIT_CAST_SHIFT;

    if (packet->is_opener_certain && (flow->traits & TRAIT_DIRECTION) != query->opener) {
        return false;
    }
    return cast == packet->cast || query->opener != packet->direction;
}

/* The last word of the peer's address is compared first: it differs most often. */
static PICKET_HOT bool is_match(const struct picket_flow *flow, const struct query *query,
                                struct shape shape, const struct picket_packet *packet)
{
    const uint8_t *key = key_of(flow);
    size_t last = shape.address_bytes - 4;

    if (load_u32(key + last) != load_u32(packet->peer + last) ||
        flow->selector != query->selector || memcmp(key, packet->peer, last) != 0) {
        return false;
    }
    if (!shape.is_exact) {
        return is_agreed(flow, query, packet);
    }
    key += shape.address_bytes;
    return memcmp(key, packet->local, shape.address_bytes) == 0 &&
           load_u32(key + shape.address_bytes) == packet->local_port;
}

static PICKET_HOT struct picket_flow *find(const struct picket_flow_table *table,
                                           const struct query *query, struct shape shape,
                                           const struct picket_packet *packet)
{
    size_t slot_bytes = table->slot_bytes;
    uint8_t *slot = table->slots + query->home * slot_bytes;

    for (unsigned left = table->probes; left > 0; left--, slot += slot_bytes) {
        struct picket_flow *flow = (struct picket_flow *)(void *)slot;

        if (is_match(flow, query, shape, packet)) {
            return flow;
        }
    }
    return NULL;
}

/* True if the flow may have been opened by either side, and its port tells by which. */
static PICKET_HOT bool is_open_question(const struct picket_packet *packet, bool is_exact)
{
    return !packet->is_opener_certain && packet->has_ports && !is_exact;
}

/* Finds the flow of a packet; if either side may have opened it, the likelier one is tried first.
 */
static PICKET_HOT struct picket_flow *
look_up(const struct picket_agent *agent, const struct picket_flow_table *table, struct shape shape,
        const struct picket_packet *packet, struct query *ret_query)
{
    bool has_second = is_open_question(packet, shape.is_exact);
    unsigned opener = packet->opener;
    struct picket_flow *flow;

    if (has_second) {
        opener = packet->peer_port <= packet->local_port ? PICKET_OUTBOUND : PICKET_INBOUND;
    }
    for (;;) {
        *ret_query = aim(agent, table, shape, packet, opener);
        flow = find(table, ret_query, shape, packet);
        if (flow != NULL || !has_second) {
            return flow;
        }
        has_second = false;
        opener = PICKET_INBOUND - opener;
    }
}

/* A flow whose opener nobody saw, at the place of one that is seen to be opened now. */
static struct picket_flow *find_unknown(const struct picket_flow_table *table, struct query query,
                                        struct shape shape, const struct picket_packet *packet)
{
    query.opener = PICKET_DIRECTION_UNKNOWN;
    return find(table, &query, shape, packet);
}

static struct picket_remainder *remainder_of(struct picket_agent *agent, uint8_t protocol)
{
    unsigned class = PICKET_REMAINDER_OTHER;

    if (protocol == PICKET_PROTOCOL_TCP) {
        class = PICKET_REMAINDER_TCP;
    } else if (protocol == PICKET_PROTOCOL_UDP) {
        class = PICKET_REMAINDER_UDP;
    } else if (protocol == PICKET_PROTOCOL_ICMP || protocol == PICKET_PROTOCOL_ICMPV6) {
        class = PICKET_REMAINDER_ICMP;
    }
    return &agent->open.remainder[class];
}

static void empty(struct picket_flow *flow)
{
    memset(flow->packets, 0, sizeof(flow->packets));
    memset(flow->bytes, 0, sizeof(flow->bytes));
    flow->connections = 0;
}

/* Moves the counts of an open flow to the remainder. */
static void fold(struct picket_agent *agent, struct picket_flow *flow)
{
    struct picket_remainder *remainder =
        remainder_of(agent, (uint8_t)(flow->selector >> SELECTOR_PROTOCOL_SHIFT));
    uint64_t packets = (uint64_t)flow->packets[PICKET_INBOUND] + flow->packets[PICKET_OUTBOUND];

    remainder->connections += flow->connections;
    remainder->packets_in += flow->packets[PICKET_INBOUND];
    remainder->packets_out += flow->packets[PICKET_OUTBOUND];
    remainder->bytes_in += flow->bytes[PICKET_INBOUND];
    remainder->bytes_out += flow->bytes[PICKET_OUTBOUND];
    agent->open.counters.kept -= packets;
    agent->open.counters.folded += packets;
    empty(flow);
}

static bool is_opening(const struct picket_packet *packet)
{
    return (packet->tcp_flags & (PICKET_TCP_SYN | PICKET_TCP_ACK)) == PICKET_TCP_SYN;
}

static void fold_packet(struct picket_agent *agent, const struct picket_packet *packet)
{
    struct picket_remainder *remainder = remainder_of(agent, packet->protocol);

    if (packet->direction == PICKET_INBOUND) {
        remainder->packets_in++;
        remainder->bytes_in += packet->bytes;
    } else {
        remainder->packets_out++;
        remainder->bytes_out += packet->bytes;
    }
    remainder->connections += is_opening(packet);
    agent->open.counters.folded++;
}

/*
 * How much a flow matters that is not sealed. Packets stay below 2^29, as none
 * has under 20 bytes.
 */
static PICKET_HOT uint32_t weigh(const struct picket_flow *flow)
{
    uint32_t packets = flow->packets[PICKET_INBOUND] + flow->packets[PICKET_OUTBOUND];
    uint32_t is_answered = (flow->traits & TRAIT_ANSWERED) / TRAIT_ANSWERED;
    uint32_t is_remembered = (flow->selector & SELECTOR_RETIRED) == 0;

    return is_answered << 31 | packets << 1 | is_remembered;
}

/* The slot of a run whose flow matters least, its counts saved; NULL if all are sealed. */
static struct picket_flow *claim(struct picket_agent *agent, const struct picket_flow_table *table,
                                 uint32_t home)
{
    struct picket_flow *least = NULL;
    uint32_t least_weight = UINT32_MAX;

    for (uint32_t i = home; i < home + table->probes; i++) {
        struct picket_flow *flow = picket_flow_at(table, i);
        uint32_t weight = weigh(flow);

        if (weight < least_weight && !picket_flow_is_sealed(agent, flow)) {
            least = flow;
            least_weight = weight;
        }
    }
    if (least != NULL && least->state == agent->open_state) {
        fold(agent, least);
        agent->open.flow_count--;
    }
    return least;
}

static void write_key(struct picket_flow *flow, struct shape shape,
                      const struct picket_packet *packet)
{
    uint8_t *key = (uint8_t *)(flow + 1);
    uint32_t local_port = packet->local_port;

    memcpy(key, packet->peer, shape.address_bytes);
    if (shape.is_exact) {
        key += shape.address_bytes;
        memcpy(key, packet->local, shape.address_bytes);
        memcpy(key + shape.address_bytes, &local_port, sizeof(local_port));
    }
}

/*
 * A slot for a flow that has none in the open window; NULL if none can be had.
 * What had the key until now matches no more: @p sealed, or a flow of unknown
 * opener whose next connection was seen to open.
 */
static struct picket_flow *create(struct picket_agent *agent, const struct picket_flow_table *table,
                                  const struct picket_packet *packet, struct query query,
                                  struct picket_flow *sealed)
{
    struct shape shape = {packet->address_bytes, table->is_exact};
    unsigned traits = packet->opener | (unsigned)packet->cast << TRAIT_CAST_SHIFT;
    struct picket_flow *former = sealed;
    struct picket_flow *flow;

    if (sealed != NULL) {
        traits = sealed->traits & ~TRAIT_OUTCOME;
    } else if (is_open_question(packet, shape.is_exact)) {
        query = aim(agent, table, shape, packet, packet->opener);
    } else if (packet->has_ports && !shape.is_exact) {
        former = find_unknown(table, query, shape, packet);
    }
    flow = claim(agent, table, query.home);
    if (flow == NULL) {
        return NULL;
    }
    if (former != NULL) {
        former->selector |= SELECTOR_RETIRED;
    }
    memset(flow, 0, sizeof(*flow));
    flow->selector = query.selector;
    flow->traits = (uint8_t)traits;
    write_key(flow, shape, packet);
    return flow;
}

/* The first packet of a flow in the open window. */
static void begin(struct picket_agent *agent, struct picket_flow *flow,
                  const struct picket_packet *packet, uint32_t now_ms)
{
    unsigned traits = flow->traits;

    if (packet->is_opener_certain) { /* an exact flow may have been opened anew, from either side */
        traits = (traits & ~TRAIT_DIRECTION) | packet->opener;
        flow->traits = (uint8_t)traits;
    }
    flow->state = agent->open_state;
    flow->first_ms = now_ms;
    flow->connections = packet->protocol != PICKET_PROTOCOL_TCP &&
                        (traits & TRAIT_DIRECTION) != PICKET_DIRECTION_UNKNOWN;
    agent->open.flow_count++;
}

static void judge_opening(struct picket_agent *agent, struct picket_flow *flow)
{
    if (flow->connections == UINT16_MAX) {
        fold(agent, flow);
    }
    flow->connections++;
    flow->traits |= TRAIT_PENDING;
}

static void judge_reset(struct picket_flow *flow, bool is_from_opener)
{
    if ((flow->traits & TRAIT_PENDING) == 0) {
        flow->traits |= TRAIT_RESET;
        return;
    }
    flow->traits &= (uint8_t)~TRAIT_PENDING;
    if (!is_from_opener) {
        flow->traits |= TRAIT_REFUSED;
    }
}

/* What the packet makes of the flow's outcome. */
static PICKET_HOT void judge(struct picket_agent *agent, struct picket_flow *flow,
                             const struct picket_packet *packet)
{
    unsigned opener = flow->traits & TRAIT_DIRECTION;

    if (is_opening(packet)) {
        judge_opening(agent, flow);
    } else if ((packet->tcp_flags & PICKET_TCP_RST) != 0) {
        judge_reset(flow, opener == packet->direction);
    } else if (opener != packet->direction &&
               (opener != PICKET_DIRECTION_UNKNOWN ||
                (flow->packets[PICKET_INBOUND] > 0 && flow->packets[PICKET_OUTBOUND] > 0))) {
        flow->traits = (uint8_t)((flow->traits & ~TRAIT_PENDING) | TRAIT_ANSWERED);
    }
}

static PICKET_HOT void count(struct picket_agent *agent, struct picket_flow *flow,
                             const struct picket_packet *packet, uint32_t now_ms)
{
    if (flow->bytes[packet->direction] > UINT32_MAX - packet->bytes) {
        fold(agent, flow);
    }
    flow->packets[packet->direction]++;
    flow->bytes[packet->direction] += packet->bytes;
    flow->last_ms = now_ms;
    agent->open.counters.kept++;
    judge(agent, flow, packet);
}

/* Finds a place in the open window for a flow that has none: new, sealed, or idle. */
static struct picket_flow *admit(struct picket_agent *agent, const struct picket_flow_table *table,
                                 const struct picket_packet *packet, const struct query *query,
                                 struct picket_flow *flow, uint32_t now_ms)
{
    if (flow == NULL || picket_flow_is_sealed(agent, flow)) {
        flow = create(agent, table, packet, *query, flow);
    }
    if (flow == NULL) {
        fold_packet(agent, packet);
    } else {
        begin(agent, flow, packet, now_ms);
    }
    return flow;
}

static PICKET_HOT void note(struct picket_agent *agent, const struct picket_flow_table *table,
                            struct shape shape, const struct picket_packet *packet, uint32_t now_ms)
{
    struct query query;
    struct picket_flow *flow = look_up(agent, table, shape, packet, &query);

    if (flow == NULL || flow->state != agent->open_state) {
        flow = admit(agent, table, packet, &query, flow, now_ms);
        if (flow == NULL) {
            return;
        }
    }
    count(agent, flow, packet, now_ms);
}

void picket_flow_note(struct picket_agent *agent, const struct picket_packet *packet,
                      uint32_t now_ms)
{
    bool is_ipv4 = packet->address_bytes == 4;

    if (agent->config.exact_flows) {
        note(agent, is_ipv4 ? &agent->ipv4 : &agent->ipv6,
             (struct shape){packet->address_bytes, true}, packet, now_ms);
    } else if (is_ipv4) {
        note(agent, &agent->ipv4, (struct shape){4, false}, packet, now_ms);
    } else {
        note(agent, &agent->ipv6, (struct shape){16, false}, packet, now_ms);
    }
}

void picket_flow_describe(const struct picket_flow_table *table, const struct picket_flow *flow,
                          const struct picket_window *window, struct picket_flow_record *ret)
{
    const uint8_t *key = key_of(flow);
    size_t bytes = table->address_bytes;
    uint32_t selector = flow->selector;

    memset(ret, 0, sizeof(*ret));
    ret->direction = (enum picket_direction)(flow->traits & TRAIT_DIRECTION);
    ret->kind = (enum picket_flow_kind)(selector >> SELECTOR_KIND_SHIFT & 3u);
    ret->cast = (enum picket_cast)((flow->traits & TRAIT_CAST) >> TRAIT_CAST_SHIFT);
    ret->outcome = (flow->traits & TRAIT_OUTCOME) >> TRAIT_OUTCOME_SHIFT;
    ret->protocol = (uint8_t)(selector >> SELECTOR_PROTOCOL_SHIFT);
    ret->address_size = table->address_bytes;
    memcpy(ret->peer, key, bytes);
    ret->has_peer_port = (selector & SELECTOR_AT_PEER) != 0;
    ret->has_local_port = (selector & SELECTOR_AT_LOCAL) != 0;
    ret->peer_port = ret->has_peer_port ? selector & SELECTOR_PORT : 0;
    ret->local_port = ret->has_local_port ? selector & SELECTOR_PORT : 0;
    if (table->is_exact) {
        ret->has_local = true;
        memcpy(ret->local, key + bytes, bytes);
        ret->local_port = (uint16_t)load_u32(key + 2 * bytes);
    }
    ret->connections = flow->connections;
    ret->packets_in = flow->packets[PICKET_INBOUND];
    ret->packets_out = flow->packets[PICKET_OUTBOUND];
    ret->bytes_in = flow->bytes[PICKET_INBOUND];
    ret->bytes_out = flow->bytes[PICKET_OUTBOUND];
    ret->last_ms = picket_window_offset_ms(window, flow->last_ms);
    ret->first_ms = picket_window_offset_ms(window, flow->first_ms);
    if (ret->first_ms > ret->last_ms) {
        ret->first_ms = 0; /* so long ago that its time has wrapped */
    }
}

void picket_flow_settle(struct picket_flow *flow)
{
    empty(flow);
    flow->traits &= (uint8_t)~TRAIT_OUTCOME;
    flow->state = STATE_IDLE;
}
