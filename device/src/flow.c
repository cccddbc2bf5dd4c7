/* SPDX-License-Identifier: MIT */
#include "flow.h"

#include <string.h>

#include "agent.h"
#include "hot.h"
#include "packet.h"
#include "picket/picket.h"
#include "recent.h"
#include "slot.h"

/* More would overflow the multiplications that choose a slot. */
#define FLOWS_MAX 0x80000000u

/* What a table is made of; constants in the code for each, where speed is asked for. */
struct shape {
    size_t address_bytes;
    bool is_exact;
};

/* What is looked for, and where: the first slots of two groups. */
struct query {
    uint32_t firsts[2];
    uint32_t selector;
    uint8_t opener;
    uint8_t tag;
};

/* A slot of a table; NULLs if there is none. */
struct place {
    struct picket_flow *flow;
    uint8_t *tag;
};

struct picket_flow *picket_flow_at(const struct picket_flow_table *table, uint32_t slot)
{
    return picket_slot_at(table, slot);
}

static struct place place_at(const struct picket_flow_table *table, uint32_t slot)
{
    return (struct place){picket_slot_at(table, slot), &table->tags[slot]};
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
    size_t capacity = storage_bytes / (slot_bytes + 1);

    capacity = capacity < FLOWS_MAX ? capacity : FLOWS_MAX;
    while (capacity > 0 && capacity * slot_bytes + PICKET_TAG_BYTES(capacity) > storage_bytes) {
        capacity--; /* once at most: a slot is larger than what eights add */
    }
    memset(table, 0, sizeof(*table));
    table->tags = storage;
    table->capacity = (uint32_t)capacity;
    table->groups = (uint32_t)(PICKET_TAG_BYTES(capacity) / GROUP_SLOTS);
    table->slot_bytes = (uint16_t)slot_bytes;
    table->address_bytes = (uint8_t)address_bytes;
    table->is_exact = is_exact;
    picket_recent_init(table);
    if (capacity == 0) {
        return;
    }
    table->slots = table->tags + PICKET_TAG_BYTES(capacity);
    memset(table->tags, TAG_NONE, PICKET_TAG_BYTES(capacity));
    memset(table->tags, 0, capacity);
    memset(table->slots, 0, capacity * slot_bytes);
    for (uint32_t i = 0; i < table->capacity; i++) {
        picket_slot_at(table, i)->selector = SELECTOR_RETIRED;
    }
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

/* What all flows with the packet's addresses have in common. */
static PICKET_HOT uint64_t hash(const uint32_t key[4], struct shape shape,
                                const struct picket_packet *packet)
{
    const uint8_t *peer = packet->peer;
    const uint8_t *local = packet->local;
    size_t last = shape.address_bytes - 4;
    uint64_t state = UINT64_C(0x9e3779b97f4a7c15);

    if (shape.is_exact) {
        state = mix(state, picket_slot_word(local + last) ^ key[2], packet->local_port ^ key[3]);
    }
    if (shape.address_bytes == 16) {
        state = mix(state, picket_slot_word(peer) ^ key[0], picket_slot_word(peer + 4) ^ key[1]);
        return mix(state, picket_slot_word(peer + 8) ^ key[2],
                   picket_slot_word(peer + 12) ^ key[3]);
    }
    return mix(state, picket_slot_word(peer) ^ key[0], key[1]);
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
                                   const struct picket_packet *packet, uint64_t hashed,
                                   unsigned opener)
{
    const uint32_t *key = agent->config.hash_key;
    uint32_t selector = select(packet, opener, shape.is_exact);
    uint64_t mixed = mix(hashed, selector ^ key[2], key[3]);
    uint32_t left = (uint32_t)(mixed ^ mixed >> 32);
    uint32_t right = left << 16 | left >> 16;

    return (struct query){
        .firsts = {(uint32_t)((uint64_t)left * table->groups >> 32) * GROUP_SLOTS,
                   (uint32_t)((uint64_t)right * table->groups >> 32) * GROUP_SLOTS},
        .selector = selector,
        .opener = (uint8_t)opener,
        .tag = left & TAG_HASH,
    };
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
    const uint8_t *key = picket_slot_key(flow);
    size_t last = shape.address_bytes - 4;

    if (picket_slot_word(key + last) != picket_slot_word(packet->peer + last) ||
        flow->selector != query->selector || memcmp(key, packet->peer, last) != 0) {
        return false;
    }
    if (!shape.is_exact) {
        return is_agreed(flow, query, packet);
    }
    key += shape.address_bytes;
    return memcmp(key, packet->local, shape.address_bytes) == 0 &&
           picket_slot_word(key + shape.address_bytes) == packet->local_port;
}

static PICKET_HOT struct place find_in(const struct picket_flow_table *table, uint32_t first,
                                       const struct query *query, struct shape shape,
                                       const struct picket_packet *packet)
{
    for (uint32_t i = first; i < first + GROUP_SLOTS && i < table->capacity; i++) {
        if ((table->tags[i] & TAG_HASH) == query->tag &&
            is_match(picket_slot_at(table, i), query, shape, packet)) {
            return place_at(table, i);
        }
    }
    return (struct place){NULL, NULL};
}

static PICKET_HOT struct place find(const struct picket_flow_table *table,
                                    const struct query *query, struct shape shape,
                                    const struct picket_packet *packet)
{
    struct place place = {NULL, NULL};

    if (picket_slot_has_tag(picket_slot_tags(table, query->firsts[0]), query->tag)) {
        place = find_in(table, query->firsts[0], query, shape, packet);
    }
    if (place.flow == NULL &&
        picket_slot_has_tag(picket_slot_tags(table, query->firsts[1]), query->tag)) {
        place = find_in(table, query->firsts[1], query, shape, packet);
    }
    return place;
}

/* True if the flow may have been opened by either side, and its port tells by which. */
static PICKET_HOT bool is_open_question(const struct picket_packet *packet, bool is_exact)
{
    return !packet->is_opener_certain && packet->has_ports && !is_exact;
}

/* The likelier side to have opened a flow, if that is open: ports of services are low. */
static PICKET_HOT unsigned likelier_opener(const struct picket_packet *packet)
{
    return packet->peer_port <= packet->local_port ? PICKET_OUTBOUND : PICKET_INBOUND;
}

/* A flow whose opener nobody saw, at the place of one that is seen to be opened now. */
static struct picket_flow *find_unknown(const struct picket_flow_table *table, struct query query,
                                        struct shape shape, const struct picket_packet *packet)
{
    query.opener = PICKET_DIRECTION_UNKNOWN;
    return find(table, &query, shape, packet).flow;
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

/* A packet without a slot: a flow of its own, that gives way at once. */
static void fold_packet(struct picket_agent *agent, const struct picket_packet *packet)
{
    struct picket_flow alone = {
        .selector = (uint32_t)packet->protocol << SELECTOR_PROTOCOL_SHIFT,
        .connections = is_opening(packet),
    };

    alone.packets[packet->direction] = 1;
    alone.bytes[packet->direction] = packet->bytes;
    agent->open.counters.kept++;
    fold(agent, &alone);
}

/*
 * How much a flow matters that is not sealed: an idle one that is forgotten 0, one
 * that is remembered 1. Packets stay below 2^29, as none has under 20 bytes.
 */
static PICKET_HOT uint32_t weigh(const struct picket_flow *flow)
{
    uint32_t packets = flow->packets[PICKET_INBOUND] + flow->packets[PICKET_OUTBOUND];
    uint32_t is_answered = (flow->traits & TRAIT_ANSWERED) / TRAIT_ANSWERED;
    uint32_t is_remembered = (flow->selector & SELECTOR_RETIRED) == 0;

    return is_answered << 31 | packets << 1 | is_remembered;
}

#define WEIGHT_OF_ONE_PACKET 3u

/*
 * The slot whose flow matters least, its counts saved; none if all are sealed. As
 * long as one is idle, both groups are searched side by side, so that the emptier
 * one fills first; then one of them, each in its turn. There a flow of one packet
 * is as good as any: under a flood of them the search ends soon.
 */
static struct place claim(struct picket_agent *agent, const struct picket_flow_table *table,
                          const struct query *query)
{
    bool has_idle = picket_slot_has_vacant(picket_slot_tags(table, query->firsts[0]) &
                                           picket_slot_tags(table, query->firsts[1]));
    uint32_t turn = (uint32_t)agent->open.counters.folded;
    uint32_t enough = has_idle ? 0 : WEIGHT_OF_ONE_PACKET;
    uint32_t step = has_idle ? 1 : 2;
    uint32_t least_weight = UINT32_MAX;
    struct place least = {NULL, NULL};

    for (uint32_t i = has_idle ? 0 : turn % 2; i < 2 * GROUP_SLOTS && least_weight > enough;
         i += step) {
        uint32_t slot = query->firsts[i % 2] + (turn + i) / 2 % GROUP_SLOTS;
        struct place place;
        uint32_t weight;

        if (slot >= table->capacity) {
            continue;
        }
        place = place_at(table, slot);
        weight = weigh(place.flow);
        if (weight < least_weight && !picket_flow_is_sealed(agent, place.flow)) {
            least = place;
            least_weight = weight;
        }
    }
    if (least.flow != NULL && least.flow->state == agent->open_state) {
        fold(agent, least.flow);
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
 * A slot for a flow that has none in the open window; none if it can't be had.
 * What had the key until now matches no more: @p sealed, or a flow of unknown
 * opener whose next connection was seen to open.
 */
static struct place create(struct picket_agent *agent, struct picket_flow_table *table,
                           const struct query *query, const struct picket_packet *packet,
                           struct picket_flow *sealed)
{
    struct shape shape = {packet->address_bytes, table->is_exact};
    unsigned traits = packet->opener | (unsigned)packet->cast << TRAIT_CAST_SHIFT;
    struct picket_flow *former = sealed;
    struct place place;

    if (sealed != NULL) {
        traits = sealed->traits & ~TRAIT_OUTCOME;
    } else if (packet->is_opener_certain && packet->has_ports && !shape.is_exact) {
        former = find_unknown(table, *query, shape, packet);
    }
    place = claim(agent, table, query);
    if (place.flow == NULL) {
        return place;
    }
    if (former != NULL) {
        former->selector |= SELECTOR_RETIRED;
    }
    picket_recent_forget(table, packet);
    memset(place.flow, 0, sizeof(*place.flow));
    place.flow->selector = query->selector;
    place.flow->traits = (uint8_t)traits;
    write_key(place.flow, shape, packet);
    *place.tag = query->tag;
    return place;
}

/* The first packet of a flow in the open window. */
static void begin(struct picket_agent *agent, struct place place,
                  const struct picket_packet *packet, uint32_t now_ms)
{
    struct picket_flow *flow = place.flow;
    unsigned traits = flow->traits;

    if (packet->is_opener_certain) { /* an exact flow may have been opened anew, from either side */
        traits = (traits & ~TRAIT_DIRECTION) | packet->opener;
        flow->traits = (uint8_t)traits;
    }
    *place.tag |= TAG_BUSY;
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

/* Finds a place in the open window for a flow that has none: new, sealed, or idle. */
static PICKET_COLD struct place admit(struct picket_agent *agent, struct picket_flow_table *table,
                                      const struct query *query, const struct picket_packet *packet,
                                      struct place place, uint32_t now_ms)
{
    if (place.flow == NULL || picket_flow_is_sealed(agent, place.flow)) {
        place = create(agent, table, query, packet, place.flow);
    }
    if (place.flow == NULL) {
        fold_packet(agent, packet);
    } else {
        begin(agent, place, packet, now_ms);
    }
    return place;
}

/* What the packet makes of the flow's outcome. */
static PICKET_HOT void judge(struct picket_agent *agent, struct picket_flow *flow,
                             const struct picket_packet *packet)
{
    if (is_opening(packet)) {
        judge_opening(agent, flow);
    } else if ((packet->tcp_flags & PICKET_TCP_RST) != 0) {
        judge_reset(flow, (flow->traits & TRAIT_DIRECTION) == packet->direction);
    } else {
        picket_slot_judge_answer(flow, packet->direction);
    }
}

static PICKET_HOT void count(struct picket_agent *agent, struct picket_flow *flow,
                             const struct picket_packet *packet, uint32_t now_ms)
{
    if (flow->bytes[packet->direction] > UINT32_MAX - packet->bytes) {
        fold(agent, flow);
    }
    picket_slot_count(flow, packet->direction, packet->bytes, now_ms);
    agent->open.counters.kept++;
    judge(agent, flow, packet);
}

static PICKET_HOT void note(struct picket_agent *agent, struct picket_flow_table *table,
                            struct shape shape, const struct picket_packet *packet, uint32_t now_ms)
{
    bool is_open = is_open_question(packet, shape.is_exact);
    unsigned opener = is_open ? likelier_opener(packet) : packet->opener;
    uint64_t hashed = hash(agent->config.hash_key, shape, packet);
    struct query query = aim(agent, table, shape, packet, hashed, opener);
    struct place place = find(table, &query, shape, packet);
    bool is_likely = is_open && place.flow != NULL;

    if (is_open && !is_likely) {
        struct query other = aim(agent, table, shape, packet, hashed, PICKET_INBOUND - opener);

        place = find(table, &other, shape, packet);
        if (place.flow != NULL || packet->opener == other.opener) {
            query = other;
        }
    }
    if (place.flow == NULL || place.flow->state != agent->open_state) {
        place = admit(agent, table, &query, packet, place, now_ms);
        if (place.flow == NULL) {
            return;
        }
    } else if (is_likely && (place.flow->traits & TRAIT_CAST) == 0) {
        picket_recent_remember(table, packet, (uint32_t)(place.tag - table->tags));
    }
    count(agent, place.flow, packet, now_ms);
}

static PICKET_HOT void note_any(struct picket_agent *agent, const struct picket_packet *packet,
                                uint32_t now_ms)
{
    bool is_ipv4 = packet->address_bytes == 4;
    struct picket_flow_table *table = is_ipv4 ? &agent->ipv4 : &agent->ipv6;

    if (table->capacity == 0) {
        fold_packet(agent, packet);
    } else if (table->is_exact) {
        note(agent, table, (struct shape){packet->address_bytes, true}, packet, now_ms);
    } else if (is_ipv4) {
        note(agent, table, (struct shape){4, false}, packet, now_ms);
    } else {
        note(agent, table, (struct shape){16, false}, packet, now_ms);
    }
}

void picket_flow_note(struct picket_agent *agent, const struct picket_packet *packet,
                      uint32_t now_ms)
{
    note_any(agent, packet, now_ms);
}

#if PICKET_RECENT_PEERS > 0
void picket_flow_note_plain(struct picket_agent *agent, struct picket_plain plain, uint32_t now_ms)
{
    struct picket_packet packet = picket_plain_packet(&plain);

    note_any(agent, &packet, now_ms);
}
#endif

void picket_flow_describe(const struct picket_flow_table *table, const struct picket_flow *flow,
                          const struct picket_window *window, struct picket_flow_record *ret)
{
    const uint8_t *key = picket_slot_key(flow);
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
        ret->local_port = (uint16_t)picket_slot_word(key + 2 * bytes);
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

void picket_flow_settle(struct picket_flow_table *table, uint32_t slot)
{
    struct picket_flow *flow = picket_slot_at(table, slot);

    empty(flow);
    table->tags[slot] &= TAG_HASH;
    flow->traits &= (uint8_t)~TRAIT_OUTCOME;
    flow->state = STATE_IDLE;
}
