/* SPDX-License-Identifier: MIT */
#include "flow.h"

#include <string.h>

#include "agent.h"
#include "hot.h"
#include "indicators.h"
#include "locate.h"
#include "packet.h"
#include "picket/picket.h"
#include "plain.h"
#include "policy.h"
#include "recent.h"
#include "slot.h"
#include "stranger.h"

/* What a table is made of; constants in the code for each, where speed is asked for. */
struct shape {
    size_t address_bytes;
    bool is_exact;
};

/* What is looked for, and where. */
struct query {
    struct picket_groups groups;
    uint32_t selector;
    uint8_t opener;
};

/* A slot of a table; NULLs if there is none. */
struct place {
    struct picket_flow *flow;
    uint8_t *tag;
};

/* What a look-up comes upon. */
struct found {
    struct place place;         /* of the packet's flow */
    struct picket_flow *former; /* where that belongs, a flow whose opener nobody saw; or NULL */
};

static struct place place_at(const struct picket_flow_table *table, size_t slot)
{
    return (struct place){picket_slot_at(table, slot), &table->tags[slot]};
}

void picket_flow_table_init(struct picket_flow_table *table, void *storage, size_t storage_bytes,
                            size_t address_bytes, bool is_exact)
{
    uint32_t capacity = picket_flow_capacity(storage_bytes, address_bytes, is_exact);
    size_t slot_bytes = picket_flow_slot_bytes(address_bytes, is_exact);

    memset(table, 0, sizeof(*table));
    table->tags = storage;
    table->capacity = capacity;
    table->slot_bytes = (uint16_t)slot_bytes;
    table->address_bytes = (uint8_t)address_bytes;
    table->is_exact = is_exact;
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

/* What all flows with the packet's addresses have in common. */
static PICKET_HOT uint64_t hash(const uint32_t key[4], struct shape shape,
                                const struct picket_packet *packet)
{
    uint64_t state = LOCATE_START;

    if (shape.is_exact) {
        state = picket_locate_mix(
            state, picket_slot_word(packet->local + shape.address_bytes - 4) ^ key[2],
            packet->local_port ^ key[3]);
    }
    return picket_locate_peer(key, state, packet->peer, shape.address_bytes);
}

/* The key beside the addresses, if @p opener opened the flow; the lower port if that is unknown. */
static PICKET_HOT uint32_t select(const struct picket_packet *packet, unsigned opener,
                                  bool is_exact)
{
    uint32_t selector = packet->protocol | (uint32_t)packet->kind << SELECTOR_KIND_SHIFT;

    if (!packet->has_ports) {
        return PICKET_COLLECT_ICMP && !is_exact
                   ? selector | (uint32_t)packet->icmp << SELECTOR_PORT_SHIFT
                   : selector;
    }
    if (is_exact) {
        return selector | SELECTOR_AT_PEER | SELECTOR_AT_LOCAL |
               (uint32_t)packet->peer_port << SELECTOR_PORT_SHIFT;
    }
    if (opener == PICKET_OUTBOUND ||
        (opener == PICKET_DIRECTION_UNKNOWN && packet->peer_port <= packet->local_port)) {
        return selector | SELECTOR_AT_PEER | (uint32_t)packet->peer_port << SELECTOR_PORT_SHIFT;
    }
    return selector | SELECTOR_AT_LOCAL | (uint32_t)packet->local_port << SELECTOR_PORT_SHIFT;
}

/* Where a flow must be, if @p opener opened it. */
static PICKET_HOT struct query aim(const struct picket_flow_table *table, struct shape shape,
                                   const struct picket_packet *packet, uint64_t hashed,
                                   unsigned opener)
{
    uint32_t selector = select(packet, opener, shape.is_exact);

    return (struct query){
        .groups = picket_locate(table->capacity, hashed, selector),
        .selector = selector,
        .opener = (uint8_t)opener,
    };
}

/* The last word of the peer's address is compared first: it differs most often. */
static PICKET_HOT bool has_key(const struct picket_flow *flow, const struct query *query,
                               struct shape shape, const struct picket_packet *packet)
{
    const uint8_t *key = picket_slot_key(flow);
    size_t last = shape.address_bytes - 4;

    if (picket_slot_word(key + last) != picket_slot_word(packet->peer + last) ||
        flow->selector != query->selector || memcmp(key, packet->peer, last) != 0) {
        return false;
    }
    key += shape.address_bytes;
    return !shape.is_exact || (memcmp(key, packet->local, shape.address_bytes) == 0 &&
                               picket_slot_word(key + shape.address_bytes) == packet->local_port);
}

/*
 * Takes a flow that has the key; true if it is the one. A certain opener must be
 * the flow's. An answer may come by unicast to what was asked by multicast, if
 * there is no flow that agrees on that, too.
 */
static bool take(struct place place, const struct query *query, const struct picket_packet *packet,
                 struct found *found)
{
    unsigned opener = place.flow->traits & TRAIT_DIRECTION;
    bool has_cast = (place.flow->traits & TRAIT_CAST) >> TRAIT_CAST_SHIFT == packet->cast;

    if (packet->is_opener_certain && opener != query->opener) {
        if (opener == PICKET_DIRECTION_UNKNOWN && (has_cast || found->former == NULL)) {
            found->former = place.flow;
        }
        return false;
    }
    if (has_cast || (query->opener != packet->direction && found->place.flow == NULL)) {
        found->place = place;
    }
    return has_cast;
}

static PICKET_HOT bool find_in(const struct picket_flow_table *table, size_t first,
                               const struct query *query, struct shape shape,
                               const struct picket_packet *packet, struct found *found)
{
    uint32_t i = picket_slot_next(table, first, 0, picket_locate_tag(&query->groups));

    for (; i < GROUP_SLOTS;
         i = picket_slot_next(table, first, i + 1, picket_locate_tag(&query->groups))) {
        size_t slot = first + i;

        if (slot >= table->capacity ||
            !has_key(picket_slot_at(table, slot), query, shape, packet)) {
            continue;
        }
        if (shape.is_exact) {
            found->place = place_at(table, slot);
            return true;
        }
        if (take(place_at(table, slot), query, packet, found)) {
            return true;
        }
    }
    return false;
}

static PICKET_HOT struct found find(const struct picket_flow_table *table,
                                    const struct query *query, struct shape shape,
                                    const struct picket_packet *packet)
{
    struct found found = {{NULL, NULL}, NULL};

    if (!find_in(table, query->groups.left, query, shape, packet, &found)) {
        (void)find_in(table, query->groups.right, query, shape, packet, &found);
    }
    return found;
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

static struct picket_remainder *remainder_of(struct picket_agent *agent, unsigned protocol)
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

/* Adds the counts of a flow to the remainder. */
static void save(struct picket_agent *agent, const struct picket_flow *flow)
{
    struct picket_remainder *remainder = remainder_of(agent, flow->selector & SELECTOR_PROTOCOL);

    remainder->connections += picket_slot_connections(flow);
    remainder->packets_in += flow->packets[PICKET_INBOUND];
    remainder->packets_out += flow->packets[PICKET_OUTBOUND];
    remainder->bytes_in += flow->bytes[PICKET_INBOUND];
    remainder->bytes_out += flow->bytes[PICKET_OUTBOUND];
}

/* Takes them out again. */
static void unsave(struct picket_agent *agent, const struct picket_flow *flow)
{
    struct picket_remainder *remainder = remainder_of(agent, flow->selector & SELECTOR_PROTOCOL);

    remainder->connections -= picket_slot_connections(flow);
    remainder->packets_in -= flow->packets[PICKET_INBOUND];
    remainder->packets_out -= flow->packets[PICKET_OUTBOUND];
    remainder->bytes_in -= flow->bytes[PICKET_INBOUND];
    remainder->bytes_out -= flow->bytes[PICKET_OUTBOUND];
}

/* A flow is slight no more: what it counts is its own. */
static PICKET_HOT void settle_slight(struct picket_agent *agent, struct place place)
{
    if ((*place.tag & TAG_SLIGHT) != 0) {
        unsave(agent, place.flow);
        *place.tag &= (uint8_t)~TAG_SLIGHT;
    }
}

static void fold(struct picket_agent *agent, struct picket_flow *flow)
{
    save(agent, flow);
    empty(flow);
}

static PICKET_HOT bool is_opening(const struct picket_packet *packet)
{
    return (packet->tcp_flags & (PICKET_TCP_SYN | PICKET_TCP_ACK)) == PICKET_TCP_SYN;
}

/* A packet without a slot: a flow of its own, that gives way at once. */
static void fold_packet(struct picket_agent *agent, const struct picket_packet *packet)
{
    struct picket_flow alone = {
        .selector = packet->protocol,
        .connections = is_opening(packet),
    };

    alone.packets[packet->direction] = 1;
    alone.bytes[packet->direction] = packet->bytes;
    save(agent, &alone);
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

/*
 * The slot of two groups whose flow matters least, if it is not sealed. Both
 * groups are searched side by side, so that the emptier one fills first.
 */
static struct place find_least(const struct picket_agent *agent,
                               const struct picket_flow_table *table, const struct query *query)
{
    uint32_t least_weight = UINT32_MAX;
    struct place least = {NULL, NULL};

    for (uint32_t i = 0; i < 2 * GROUP_SLOTS && least_weight > 0; i++) {
        size_t slot = (i % 2 == 0 ? query->groups.left : query->groups.right) + i / 2;
        struct place place;
        uint32_t weight;

        if (slot >= table->capacity) {
            continue;
        }
        place = place_at(table, slot);
        weight = weigh(place.flow);
        if (weight < least_weight && !picket_slot_is_sealed(agent, place.flow)) {
            least = place;
            least_weight = weight;
        }
    }
    return least;
}

/* The same, without a search if that may be. */
static PICKET_HOT struct place find_place(const struct picket_agent *agent,
                                          const struct picket_flow_table *table,
                                          const struct query *query)
{
#if PICKET_FAST
    size_t left = query->groups.left;
    size_t right = query->groups.right;
    size_t slot;

    if (picket_slot_has_idle(table, left, right)) {
        return place_at(table, picket_slot_idle(table, left, right));
    }
    slot = picket_slot_slight(table, left, right, query->groups.hash);
    if (slot != SLOT_NONE) {
        return place_at(table, slot);
    }
#endif
    return find_least(agent, table, query);
}

/* A slot for a new flow, the counts of the one there saved; none if all are sealed. */
static PICKET_HOT struct place
claim(struct picket_agent *agent, const struct picket_flow_table *table, const struct query *query)
{
    struct place place = find_place(agent, table, query);

    if (place.flow != NULL && picket_slot_window(place.flow) == agent->open_state) {
        if ((*place.tag & TAG_SLIGHT) == 0) {
            save(agent, place.flow);
        }
        agent->open.flow_count--;
    }
    return place;
}

static PICKET_HOT void write_key(struct picket_flow *flow, struct shape shape,
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
 * What had the key until now matches no more: a sealed flow, or one of unknown
 * opener whose next connection was seen to open.
 */
static PICKET_HOT struct place create(struct picket_agent *agent,
                                      const struct picket_flow_table *table, struct shape shape,
                                      const struct query *query, const struct picket_packet *packet,
                                      const struct found *found)
{
    unsigned traits = packet->opener | (unsigned)packet->cast << TRAIT_CAST_SHIFT;
    struct picket_flow *former = found->former;
    struct place place;

    if (found->place.flow != NULL) { /* sealed */
        former = found->place.flow;
        traits = former->traits & ~TRAIT_OUTCOME;
    }
    place = claim(agent, table, query);
    if (place.flow == NULL) {
        return place;
    }
    if (former != NULL) {
        former->selector |= SELECTOR_RETIRED;
    }
    memset(place.flow, 0, sizeof(*place.flow));
    place.flow->selector = query->selector;
    place.flow->traits = (uint8_t)traits;
    write_key(place.flow, shape, packet);
    *place.tag = picket_locate_tag(&query->groups);
    return place;
}

/* The first packet of a flow in the open window. */
static PICKET_HOT void begin(struct picket_agent *agent, struct place place,
                             const struct picket_packet *packet, uint32_t now_ms)
{
    struct picket_flow *flow = place.flow;
    unsigned traits = flow->traits;

    if (packet->is_opener_certain) { /* an exact flow may have been opened anew, from either side */
        traits = (traits & ~TRAIT_DIRECTION) | packet->opener;
        flow->traits = (uint8_t)traits;
    }
    *place.tag |= TAG_BUSY;
    flow->state = (uint8_t)(agent->open_state | picket_slot_passed(agent));
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

/* What a packet makes of the outcome that neither opens nor resets a connection. */
static PICKET_HOT void judge_answer(struct picket_flow *flow, unsigned direction)
{
    unsigned opener = flow->traits & TRAIT_DIRECTION;

    if (opener != direction &&
        (opener != PICKET_DIRECTION_UNKNOWN ||
         (flow->packets[PICKET_INBOUND] > 0 && flow->packets[PICKET_OUTBOUND] > 0))) {
        flow->traits = (uint8_t)((flow->traits & ~TRAIT_PENDING) | TRAIT_ANSWERED);
    }
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
        judge_answer(flow, packet->direction);
    }
}

/* Connections that went to the remainder stay there: then the size is not known. */
static void note_size(struct picket_flow *flow, uint32_t bytes)
{
    uint16_t size = bytes < UINT16_MAX ? (uint16_t)bytes : UINT16_MAX;

    if (flow->connections > 0 && flow->connections < size) {
        flow->connections = size;
    }
}

/* True if packets of the direction that neither open nor reset can tell no more of the flow. */
static PICKET_HOT bool is_settled(const struct picket_flow *flow, unsigned direction)
{
    unsigned outcome = flow->traits & (TRAIT_ANSWERED | TRAIT_PENDING);

    return (flow->traits & TRAIT_CAST) == 0 &&
           (outcome == TRAIT_ANSWERED || (flow->traits & TRAIT_DIRECTION) == direction);
}

static PICKET_HOT void count(struct picket_agent *agent, struct picket_flow *flow,
                             const struct picket_packet *packet, uint32_t now_ms)
{
    if (!picket_slot_has_room(flow, packet->direction, packet->bytes)) {
        fold(agent, flow);
    }
    picket_slot_count(flow, packet->direction, packet->bytes, now_ms);
    if (!packet->has_ports && picket_slot_is_icmp(flow->selector)) {
        note_size(flow, packet->bytes);
    }
    judge(agent, flow, packet);
}

/* A packet of a flow that the open window has: from its second one on, it is not slight. */
static PICKET_HOT void count_further(struct picket_agent *agent, struct place place,
                                     const struct picket_packet *packet, uint32_t now_ms)
{
    struct picket_flow *flow = place.flow;

    settle_slight(agent, place);
    count(agent, flow, packet, now_ms);
    flow->state &= STATE_WINDOW | STATE_PASSED;
    flow->state |= (uint8_t)picket_slot_passed(agent);
    for (unsigned direction = 0; direction < 2; direction++) {
        if (is_settled(flow, direction)) {
            flow->state |= (uint8_t)STATE_SETTLED(direction);
        }
    }
}

/* The first packet in the open window of a flow: a new, a sealed, or an idle one. */
static PICKET_HOT struct place admit(struct picket_agent *agent,
                                     const struct picket_flow_table *table, struct shape shape,
                                     const struct query *query, const struct picket_packet *packet,
                                     const struct found *found, uint32_t now_ms)
{
    struct place place = found->place;

    if (place.flow == NULL || picket_slot_window(place.flow) != 0) {
        place = create(agent, table, shape, query, packet, found);
    }
    if (place.flow == NULL) {
        fold_packet(agent, packet);
    } else {
        begin(agent, place, packet, now_ms);
        count(agent, place.flow, packet, now_ms);
        if (PICKET_FAST && (place.flow->traits & TRAIT_ANSWERED) == 0) {
            *place.tag |= TAG_SLIGHT;
            save(agent, place.flow);
        }
    }
    return place;
}

/* Counts a packet in its flow, and returns that; or in the remainder, and returns NULL. */
static PICKET_HOT struct picket_flow *note(struct picket_agent *agent,
                                           const struct picket_flow_table *table,
                                           struct shape shape, const struct picket_packet *packet,
                                           uint32_t now_ms)
{
    bool is_open = is_open_question(packet, shape.is_exact);
    unsigned opener = is_open ? likelier_opener(packet) : packet->opener;
    uint64_t hashed = hash(agent->config.hash_key, shape, packet);
    struct query query;
    struct found found;

    if (table->capacity == 0) {
        fold_packet(agent, packet);
        return NULL;
    }
    query = aim(table, shape, packet, hashed, opener);
    found = find(table, &query, shape, packet);
    if (is_open && found.place.flow == NULL) {
        struct query other = aim(table, shape, packet, hashed, PICKET_INBOUND - opener);

        found = find(table, &other, shape, packet);
        if (found.place.flow != NULL || packet->opener == other.opener) {
            query = other;
        }
    }
    if (found.place.flow == NULL || picket_slot_window(found.place.flow) != agent->open_state) {
        return admit(agent, table, shape, &query, packet, &found, now_ms).flow;
    }
    count_further(agent, found.place, packet, now_ms);
    if (packet->has_ports && !shape.is_exact && query.opener == likelier_opener(packet)) {
        picket_recent_remember(agent, packet, query.selector,
                               (uint32_t)(found.place.tag - table->tags));
    }
    return found.place.flow;
}

#if PICKET_POLICY
/*
 * What the policy says of a packet; @p flow: NULL if it has none. Then nobody knows
 * who opened it, unless the packet itself tells.
 */
static PICKET_COLD enum picket_verdict judge_policy(struct picket_agent *agent,
                                                    struct picket_flow *flow,
                                                    const struct picket_packet *packet)
{
    unsigned opener = packet->is_opener_certain ? packet->opener : PICKET_DIRECTION_UNKNOWN;
    bool is_settled = false;
    enum picket_verdict verdict;

    if (flow != NULL) {
        opener = flow->traits & TRAIT_DIRECTION;
    }
    verdict = picket_policy_judge(agent, packet, opener, &is_settled);
    if (flow != NULL && is_settled && verdict == PICKET_PASS) {
        flow->state |= STATE_PASSED;
    }
    return verdict;
}

static PICKET_HOT bool is_judged(const struct picket_agent *agent, const struct picket_flow *flow)
{
    return picket_slot_passed(agent) == 0 && (flow == NULL || (flow->state & STATE_PASSED) == 0);
}
#else
static PICKET_HOT enum picket_verdict judge_policy(struct picket_agent *agent,
                                                   struct picket_flow *flow,
                                                   const struct picket_packet *packet)
{
    (void)agent;
    (void)flow;
    (void)packet;
    return PICKET_PASS;
}

static PICKET_HOT bool is_judged(const struct picket_agent *agent, const struct picket_flow *flow)
{
    (void)agent;
    (void)flow;
    return false;
}
#endif

/* For each mode, its numbers are constants in the code, where speed is asked for. */
static PICKET_HOT struct picket_flow *note_any(struct picket_agent *agent,
                                               const struct picket_packet *packet, uint32_t now_ms)
{
    bool is_ipv4 = packet->address_bytes == 4;
    const struct picket_flow_table *table = is_ipv4 ? &agent->ipv4 : &agent->ipv6;

    if (!PICKET_FAST || agent->is_exact) {
        struct shape shape = {packet->address_bytes, agent->is_exact};

        return note(agent, table, shape, packet, now_ms);
    }
    return is_ipv4 ? note(agent, table, (struct shape){4, false}, packet, now_ms)
                   : note(agent, table, (struct shape){16, false}, packet, now_ms);
}

enum picket_verdict picket_flow_note(struct picket_agent *agent, const struct picket_packet *packet,
                                     uint32_t now_ms)
{
    struct picket_flow *flow = note_any(agent, packet, now_ms);

    return is_judged(agent, flow) ? judge_policy(agent, flow, packet) : PICKET_PASS;
}

#if PICKET_FAST && PICKET_RECENT_FLOWS > 0
static PICKET_COLD enum picket_verdict judge_plain(struct picket_agent *agent,
                                                   struct picket_flow *flow, const uint8_t *header,
                                                   uint8_t direction)
{
    struct picket_plain plain = picket_plain_at(header, picket_plain_is_ipv4(header), direction);
    struct picket_packet packet = picket_plain_packet(&plain);

    return judge_policy(agent, flow, &packet);
}

static PICKET_HOT struct picket_flow *note_plain(struct picket_agent *agent, const uint8_t *header,
                                                 bool is_ipv4, uint8_t direction, uint32_t now_ms)
{
    struct picket_plain plain = picket_plain_at(header, is_ipv4, direction);
    struct picket_packet packet = picket_plain_packet(&plain);

    if (agent->is_exact) {
        return note_any(agent, &packet, now_ms);
    }
    return note(agent, is_ipv4 ? &agent->ipv4 : &agent->ipv6,
                (struct shape){is_ipv4 ? 4 : 16, false}, &packet, now_ms);
}

enum picket_verdict picket_flow_note_plain(struct picket_agent *agent, const uint8_t *header,
                                           uint8_t direction, uint32_t now_ms)
{
    struct picket_flow *flow = picket_plain_is_ipv4(header)
                                   ? note_plain(agent, header, true, direction, now_ms)
                                   : note_plain(agent, header, false, direction, now_ms);

    return is_judged(agent, flow) ? judge_plain(agent, flow, header, direction) : PICKET_PASS;
}
#endif

void picket_flow_fold_all(struct picket_agent *agent, struct picket_flow_table *table)
{
    for (uint32_t slot = 0; slot < table->capacity; slot++) {
        struct picket_flow *flow = picket_slot_at(table, slot);

        if (picket_slot_window(flow) == agent->open_state) {
            settle_slight(agent, place_at(table, slot));
            fold(agent, flow);
            agent->open.flow_count--;
        }
    }
}

uint64_t picket_flow_seal(struct picket_agent *agent)
{
    const struct picket_flow_table *const tables[] = {&agent->ipv4, &agent->ipv6};
    uint64_t packets = 0;

    for (size_t i = 0; i < 2; i++) {
        for (uint32_t slot = 0; slot < tables[i]->capacity; slot++) {
            const struct picket_flow *flow = picket_slot_at(tables[i], slot);

            settle_slight(agent, place_at(tables[i], slot));
            if (picket_slot_window(flow) == agent->open_state) {
                packets += flow->packets[PICKET_INBOUND] + flow->packets[PICKET_OUTBOUND];
            }
        }
    }
    return packets;
}

void picket_flow_forget_verdicts(struct picket_agent *agent)
{
    const struct picket_flow_table *const tables[] = {&agent->ipv4, &agent->ipv6};

    picket_stranger_adapt(agent);
    for (size_t i = 0; i < 2; i++) {
        for (uint32_t slot = 0; slot < tables[i]->capacity; slot++) {
            picket_slot_at(tables[i], slot)->state &= (uint8_t)~STATE_PASSED;
        }
    }
}

void picket_flow_settle(struct picket_flow_table *table, uint32_t slot)
{
    struct picket_flow *flow = picket_slot_at(table, slot);

    empty(flow);
    table->tags[slot] &= TAG_HASH;
    flow->traits &= (uint8_t)~TRAIT_OUTCOME;
    flow->state = 0;
}
