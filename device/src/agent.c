/* SPDX-License-Identifier: MIT */
#include "agent.h"

#include <string.h>

#include "collect.h"
#include "configuration.h"
#include "fact.h"
#include "flow.h"
#include "fragment.h"
#include "indicators.h"
#include "inspect.h"
#include "packet.h"
#include "picket/picket.h"
#include "plain.h"
#include "policy.h"
#include "recent.h"
#include "slot.h"
#include "standing.h"
#include "stranger.h"

#define FIRST_OPEN_STATE 1u

void picket_agent_advance(struct picket_agent *agent)
{
    (void)picket_agent_read_time(agent);
}

uint32_t picket_agent_due_ms(const struct picket_agent *agent)
{
    uint64_t end_ms = agent->open.start_ms + agent->config.interval_ms;
    uint64_t hastened_ms = picket_configuration_due_ms(agent);

    if (hastened_ms < end_ms) {
        end_ms = hastened_ms;
    }
    if (picket_policy_is_on_trial(agent) || end_ms <= agent->uptime_ms) {
        return 0; /* a trial ends well with a report */
    }
    return (uint32_t)(end_ms - agent->uptime_ms);
}

static void open_window(struct picket_agent *agent)
{
    memset(&agent->open, 0, sizeof(agent->open));
    agent->open.start_ms = agent->uptime_ms;
    picket_configuration_open_window(agent);
}

void picket_agent_seal(struct picket_agent *agent)
{
    struct picket_window *window = &agent->sealed;
    uint32_t interval_ms = agent->config.interval_ms;
    uint64_t elapsed_ms = agent->uptime_ms - agent->open.start_ms;

    agent->kept = picket_flow_seal(agent);
    *window = agent->open;
    if (elapsed_ms > PICKET_WINDOW_MS_MAX) { /* its end is what counts */
        elapsed_ms = PICKET_WINDOW_MS_MAX;
        window->start_ms = agent->uptime_ms - elapsed_ms;
    }
    window->length_ms = (uint32_t)elapsed_ms;
    window->intervals = (window->length_ms + interval_ms / 2) / interval_ms;
    window->intervals += window->intervals == 0;
    agent->open_state ^= STATE_WINDOW; /* from here on, what was open is sealed */
    agent->known_state ^= STATE_WINDOW;
    agent->flows_left = window->flow_count;
    agent->ipv4.next = agent->ipv4.end = 0;
    agent->ipv6.next = agent->ipv6.end = 0;
    if (PICKET_FACTS) {
        picket_fact_seal(agent);
    }
    agent->part = 0;
    agent->is_sealed = true;
    open_window(agent);
}

static bool is_storage_good(const void *storage, size_t bytes)
{
    return storage != NULL ? (uintptr_t)storage % sizeof(uint64_t) == 0 : bytes == 0;
}

static bool is_text_good(const struct picket_text *text)
{
    return text->length <= PICKET_TEXT_MAX && (text->bytes != NULL || text->length == 0);
}

static bool is_config_good(const struct picket_config *config)
{
    const struct picket_system *system = &config->system;

    return picket_is_interval(config->interval_ms) && picket_configuration_is_good(config) &&
           picket_standing_is_good(config) &&
           is_storage_good(config->ipv4_storage, config->ipv4_storage_bytes) &&
           is_storage_good(config->ipv6_storage, config->ipv6_storage_bytes) &&
           is_storage_good(config->facts_storage, config->facts_storage_bytes) &&
           config->start.cause <= PICKET_START_EXTERNAL && is_text_good(&system->os) &&
           is_text_good(&system->stack) && is_text_good(&system->hardware) &&
           is_text_good(&system->firmware_version) && is_text_good(&system->module_version) &&
           is_text_good(&system->sbom);
}

static void do_nothing(void *context)
{
    (void)context;
}

enum picket_status picket_init(struct picket_agent *agent, const struct picket_config *config,
                               const struct picket_port *port)
{
    if (agent == NULL || config == NULL || port == NULL || port->now_ms == NULL ||
        (port->lock == NULL) != (port->unlock == NULL) || !is_config_good(config)) {
        return PICKET_E_ARG;
    }
    memset(agent, 0, sizeof(*agent));
    agent->port = *port;
    if (port->lock == NULL) {
        agent->port.lock = agent->port.unlock = do_nothing;
    }
    agent->config.boot = config->boot;
    agent->config.interval_ms = config->interval_ms;
    agent->config.system = config->system;
    agent->config.start = config->start;
    memcpy(agent->config.hash_key, config->hash_key, sizeof(config->hash_key));
    picket_flow_table_init(&agent->ipv4, config->ipv4_storage, config->ipv4_storage_bytes, 4,
                           config->exact_flows);
    picket_flow_table_init(&agent->ipv6, config->ipv6_storage, config->ipv6_storage_bytes, 16,
                           config->exact_flows);
    if (PICKET_FACTS) {
        picket_fact_table_init(&agent->facts, config->facts_storage, config->facts_storage_bytes);
    }
    picket_standing_init(agent, config);
    picket_indicators_init(agent, config);
    picket_configuration_init(agent, config);
    agent->uptime_ms = port->now_ms(port->context);
    agent->sequence = 1;
    agent->open_state = FIRST_OPEN_STATE;
    agent->known_state = FIRST_OPEN_STATE | STATE_PASSED | STATE_SETTLED(PICKET_OUTBOUND) |
                         STATE_SETTLED(PICKET_INBOUND);
    agent->is_exact = config->exact_flows;
    agent->is_associating = !config->exact_flows || config->associate_fragments;
    picket_stranger_adapt(agent);
    agent->is_simple = agent->facts.capacity == 0 || !(PICKET_COLLECT_DNS || PICKET_COLLECT_TLS);
    open_window(agent);
    if (PICKET_COLLECT_START && agent->facts.capacity > 0) {
        picket_start_note(agent);
    }
    return PICKET_OK;
}

/* True if the first span has all that the parser may look at. */
static bool is_in_one_piece(const struct picket_datagram *datagram)
{
    return datagram->span_count == 1 ||
           (datagram->span_count > 1 && datagram->spans->length >= PICKET_HEADER_BYTES);
}

static PICKET_COLD enum picket_verdict observe(struct picket_agent *agent,
                                               const struct picket_datagram *datagram)
{
    uint8_t pieces[PICKET_HEADER_BYTES];
    struct picket_span header = {pieces, 0};
    struct picket_packet packet;
    enum picket_status status;
    enum picket_verdict verdict = PICKET_PASS;
    uint32_t now_ms;

    if (is_in_one_piece(datagram)) {
        header = datagram->spans[0];
    } else {
        header.length = picket_inspect_gather(datagram, pieces, sizeof(pieces));
    }
    status = picket_packet_parse(header.bytes, header.length, (uint32_t)datagram->length,
                                 datagram->direction == PICKET_INBOUND, &packet);
    picket_agent_lock(agent);
    now_ms = picket_agent_read_time(agent);
    if (status == PICKET_OK && packet.kind == PICKET_KIND_BAD_LENGTH && !agent->is_exact) {
        status = PICKET_E_MALFORMED;
    }
    if (status == PICKET_OK) {
        picket_fragment_associate(agent, &packet);
        verdict = picket_flow_note(agent, &packet, now_ms);
    } else {
        agent->open.malformed++;
    }
    picket_agent_unlock(agent);
    if (status == PICKET_OK && !agent->is_simple && picket_inspect_is_wanted(&packet, &header)) {
        picket_inspect(agent, datagram, &packet);
    }
    return verdict;
}

#if PICKET_RECENT_FLOWS > 0
#if PICKET_FAST
static PICKET_COLD enum picket_verdict note_and_unlock(struct picket_agent *agent,
                                                       const uint8_t *header, uint8_t direction)
{
    enum picket_verdict verdict =
        picket_flow_note_plain(agent, header, direction, (uint32_t)agent->uptime_ms);

    picket_agent_unlock(agent);
    return verdict;
}

/* The next two: a packet that is locked already, and may be of a new flow. */
static PICKET_HOT enum picket_verdict note_quiet(struct picket_agent *agent, const uint8_t *header,
                                                 bool is_ipv4, uint8_t direction)
{
    struct picket_plain plain = picket_plain_at(header, is_ipv4, direction);

    if (!picket_stranger_note_quiet(agent, &plain)) {
        return note_and_unlock(agent, header, direction);
    }
    picket_agent_unlock(agent);
    return PICKET_PASS;
}

static PICKET_HOT enum picket_verdict
note_opening(struct picket_agent *agent, const uint8_t *header, bool is_ipv4, uint8_t direction)
{
    struct picket_plain plain = picket_plain_at(header, is_ipv4, direction);
    uint8_t flags = picket_plain_transport(&plain)[PLAIN_TCP_FLAGS_AT];

    if ((flags & (PICKET_TCP_SYN | PICKET_TCP_ACK)) != PICKET_TCP_SYN ||
        !picket_stranger_note_opening(agent, &plain)) {
        return note_and_unlock(agent, header, direction);
    }
    picket_agent_unlock(agent);
    return PICKET_PASS;
}

static PICKET_COLD enum picket_verdict note_quiet_ipv4(struct picket_agent *agent,
                                                       const uint8_t *header, uint8_t direction)
{
    return note_quiet(agent, header, true, direction);
}

static PICKET_COLD enum picket_verdict note_quiet_ipv6(struct picket_agent *agent,
                                                       const uint8_t *header, uint8_t direction)
{
    return note_quiet(agent, header, false, direction);
}

static PICKET_COLD enum picket_verdict
observe_opening_ipv4(struct picket_agent *agent, const uint8_t *header, uint8_t direction)
{
    picket_agent_lock(agent);
    (void)picket_agent_read_time(agent);
    return note_opening(agent, header, true, direction);
}

static PICKET_COLD enum picket_verdict
observe_opening_ipv6(struct picket_agent *agent, const uint8_t *header, uint8_t direction)
{
    picket_agent_lock(agent);
    (void)picket_agent_read_time(agent);
    return note_opening(agent, header, false, direction);
}

/* What has to be looked up, and is locked already. */
static PICKET_HOT enum picket_verdict observe_unknown(struct picket_agent *agent,
                                                      const struct picket_datagram *datagram,
                                                      const struct picket_plain *plain)
{
    (void)datagram;
    return plain->address_bytes == 4 ? note_quiet_ipv4(agent, plain->header, plain->direction)
                                     : note_quiet_ipv6(agent, plain->header, plain->direction);
}

static PICKET_HOT enum picket_verdict observe_opening(struct picket_agent *agent,
                                                      const struct picket_datagram *datagram,
                                                      bool is_ipv4, uint8_t direction)
{
    const uint8_t *header = datagram->spans[0].bytes;

    return is_ipv4 ? observe_opening_ipv4(agent, header, direction)
                   : observe_opening_ipv6(agent, header, direction);
}
#else
static inline enum picket_verdict observe_unknown(struct picket_agent *agent,
                                                  const struct picket_datagram *datagram,
                                                  const struct picket_plain *plain)
{
    (void)plain;
    picket_agent_unlock(agent);
    return observe(agent, datagram);
}

static inline enum picket_verdict observe_opening(struct picket_agent *agent,
                                                  const struct picket_datagram *datagram,
                                                  bool is_ipv4, uint8_t direction)
{
    (void)is_ipv4;
    (void)direction;
    return observe(agent, datagram);
}
#endif

static PICKET_HOT enum picket_verdict observe_quiet(struct picket_agent *agent,
                                                    const struct picket_datagram *datagram,
                                                    bool is_ipv4, uint8_t direction)
{
    struct picket_plain plain = picket_plain_at(datagram->spans[0].bytes, is_ipv4, direction);
    struct picket_flow *flow;
    uint32_t now_ms;

    picket_agent_lock(agent);
    now_ms = picket_agent_read_time(agent);
    flow = picket_recent_find(agent, is_ipv4 ? &agent->ipv4 : &agent->ipv6, &plain);
    if (flow == NULL) {
        return observe_unknown(agent, datagram, &plain);
    }
    picket_slot_count(flow, direction, plain.bytes, now_ms);
    picket_agent_unlock(agent);
    return PICKET_PASS;
}

static PICKET_HOT enum picket_verdict observe_plain(struct picket_agent *agent,
                                                    const struct picket_datagram *datagram,
                                                    bool is_ipv4, uint8_t direction)
{
    enum picket_plain_kind kind = picket_plain_kind(datagram->spans[0].bytes, is_ipv4);

    if (kind == PICKET_PLAIN_OTHER) {
        return observe(agent, datagram);
    }
    return kind == PICKET_PLAIN_OPENING ? observe_opening(agent, datagram, is_ipv4, direction)
                                        : observe_quiet(agent, datagram, is_ipv4, direction);
}

/* Version and direction are constants in the code below, where speed is asked for. */
static PICKET_HOT enum picket_verdict
observe_version(struct picket_agent *agent, const struct picket_datagram *datagram, bool is_ipv4)
{
    if (!PICKET_FAST) {
        return observe_plain(agent, datagram, is_ipv4, datagram->direction == PICKET_INBOUND);
    }
    return datagram->direction == PICKET_INBOUND
               ? observe_plain(agent, datagram, is_ipv4, PICKET_INBOUND)
               : observe_plain(agent, datagram, is_ipv4, PICKET_OUTBOUND);
}

static PICKET_HOT bool is_plain(const struct picket_datagram *datagram, bool is_ipv4)
{
    return is_ipv4 ? picket_plain_is_good_ipv4(datagram) : picket_plain_is_good_ipv6(datagram);
}

/* In a function of its own, so that IPv4 saves no more registers than it needs. */
static PICKET_COLD enum picket_verdict observe_no_ipv4(struct picket_agent *agent,
                                                       const struct picket_datagram *datagram)
{
    return is_plain(datagram, false) ? observe_version(agent, datagram, false)
                                     : observe(agent, datagram);
}

static PICKET_HOT enum picket_verdict observe_there(struct picket_agent *agent,
                                                    const struct picket_datagram *datagram)
{
    bool is_ipv4 = picket_plain_is_ipv4(datagram->spans[0].bytes);

    if (!PICKET_FAST) {
        return is_plain(datagram, is_ipv4) ? observe_version(agent, datagram, is_ipv4)
                                           : observe(agent, datagram);
    }
    if (!is_ipv4) {
        return observe_no_ipv4(agent, datagram);
    }
    return is_plain(datagram, true) ? observe_version(agent, datagram, true)
                                    : observe(agent, datagram);
}

/* True if the packet may have facts, or the parser has to say. */
static PICKET_HOT bool may_have_facts(const struct picket_datagram *datagram)
{
    const uint8_t *header = datagram->spans[0].bytes;
    bool is_ipv4 = picket_plain_is_ipv4(header);
    uint8_t direction = datagram->direction == PICKET_INBOUND;
    struct picket_plain plain;
    struct picket_packet packet;

    if (!is_plain(datagram, is_ipv4) || picket_plain_kind(header, is_ipv4) == PICKET_PLAIN_OTHER) {
        return true;
    }
    plain = picket_plain_at(header, is_ipv4, direction);
    packet = picket_plain_packet(&plain);
    return picket_inspect_is_wanted(&packet, datagram->spans);
}

/* Where some packets have facts, for which the others are not to pay. */
static PICKET_COLD enum picket_verdict observe_searching(struct picket_agent *agent,
                                                         const struct picket_datagram *datagram)
{
    return PICKET_FAST && !may_have_facts(datagram) ? observe_there(agent, datagram)
                                                    : observe(agent, datagram);
}

enum picket_verdict picket_observe(struct picket_agent *agent,
                                   const struct picket_datagram *datagram)
{
    if (agent == NULL || datagram == NULL || datagram->spans == NULL) {
        return PICKET_PASS;
    }
    if (!picket_plain_is_there(datagram)) {
        return observe(agent, datagram);
    }
    return agent->is_simple ? observe_there(agent, datagram) : observe_searching(agent, datagram);
}
#else
enum picket_verdict picket_observe(struct picket_agent *agent,
                                   const struct picket_datagram *datagram)
{
    if (agent == NULL || datagram == NULL || datagram->spans == NULL) {
        return PICKET_PASS;
    }
    return observe(agent, datagram);
}
#endif

void picket_note_dropped(struct picket_agent *agent, uint32_t packets)
{
    if (agent == NULL) {
        return;
    }
    picket_agent_lock(agent);
    agent->open.dropped += packets;
    picket_agent_unlock(agent);
}

void picket_note_filtered(struct picket_agent *agent, uint32_t packets)
{
    if (agent == NULL) {
        return;
    }
    picket_agent_lock(agent);
    agent->open.filtered += packets;
    picket_agent_unlock(agent);
}

uint32_t picket_next_report_ms(struct picket_agent *agent)
{
    uint32_t due_ms;

    if (agent == NULL) {
        return 0;
    }
    picket_agent_lock(agent);
    picket_agent_advance(agent);
    picket_policy_end_trial(agent);
    due_ms = agent->is_sealed ? 0 : picket_agent_due_ms(agent);
    picket_agent_unlock(agent);
    return due_ms;
}

enum picket_status picket_seal_window(struct picket_agent *agent)
{
    enum picket_status status = PICKET_E_STATE;

    if (agent == NULL) {
        return PICKET_E_ARG;
    }
    picket_agent_lock(agent);
    if (!agent->is_sealed) {
        picket_agent_advance(agent);
        picket_agent_seal(agent);
        status = PICKET_OK;
    }
    picket_agent_unlock(agent);
    return status;
}
