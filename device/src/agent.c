/* SPDX-License-Identifier: MIT */
#include "agent.h"

#include <string.h>

#include "collect.h"
#include "fact.h"
#include "flow.h"
#include "fragment.h"
#include "inspect.h"
#include "packet.h"
#include "picket/picket.h"
#include "plain.h"
#include "recent.h"

#define INTERVAL_MS_MIN 1000u
#define INTERVAL_MS_MAX 86400000u

/* A step of port time this large is taken for a clock that was set back. */
#define STEP_MS_MAX 0x80000000u

/* The two states of a flow in a window; see flow.c. */
#define FIRST_OPEN_STATE 1u
#define BOTH_STATES      3u

uint64_t picket_agent_advance(struct picket_agent *agent)
{
    uint32_t step_ms = agent->port.now_ms(agent->port.context) - (uint32_t)agent->uptime_ms;

    if (step_ms < STEP_MS_MAX) {
        agent->uptime_ms += step_ms;
    }
    return agent->uptime_ms;
}

uint32_t picket_agent_due_ms(const struct picket_agent *agent)
{
    uint64_t elapsed_ms = agent->uptime_ms - agent->open.start_ms;

    return elapsed_ms < agent->config.interval_ms ? agent->config.interval_ms - (uint32_t)elapsed_ms
                                                  : 0;
}

static void open_window(struct picket_agent *agent)
{
    memset(&agent->open, 0, sizeof(agent->open));
    agent->open.start_ms = agent->uptime_ms;
}

void picket_agent_seal(struct picket_agent *agent)
{
    struct picket_window *window = &agent->sealed;
    struct picket_counters *counters = &window->counters;
    uint32_t interval_ms = agent->config.interval_ms;
    uint64_t elapsed_ms = agent->uptime_ms - agent->open.start_ms;

    *window = agent->open;
    if (elapsed_ms > PICKET_WINDOW_MS_MAX) { /* its end is what counts */
        elapsed_ms = PICKET_WINDOW_MS_MAX;
        window->start_ms = agent->uptime_ms - elapsed_ms;
    }
    window->length_ms = (uint32_t)elapsed_ms;
    window->intervals = (window->length_ms + interval_ms / 2) / interval_ms;
    window->intervals += window->intervals == 0;
    counters->seen = counters->kept + counters->folded + counters->malformed + counters->filtered +
                     counters->dropped;

    agent->open_state ^= BOTH_STATES; /* from here on, what was open is sealed */
    agent->flows_left = window->flow_count;
    agent->ipv4.next = agent->ipv4.end = 0;
    agent->ipv6.next = agent->ipv6.end = 0;
    picket_fact_seal(agent);
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

    return config->interval_ms >= INTERVAL_MS_MIN && config->interval_ms <= INTERVAL_MS_MAX &&
           is_storage_good(config->ipv4_storage, config->ipv4_storage_bytes) &&
           is_storage_good(config->ipv6_storage, config->ipv6_storage_bytes) &&
           is_storage_good(config->facts_storage, config->facts_storage_bytes) &&
           config->start.cause <= PICKET_START_EXTERNAL && is_text_good(&system->os) &&
           is_text_good(&system->stack) && is_text_good(&system->hardware) &&
           is_text_good(&system->firmware_version) && is_text_good(&system->module_version);
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
    agent->config = *config;
    picket_flow_table_init(&agent->ipv4, config->ipv4_storage, config->ipv4_storage_bytes, 4,
                           config->exact_flows);
    picket_flow_table_init(&agent->ipv6, config->ipv6_storage, config->ipv6_storage_bytes, 16,
                           config->exact_flows);
    picket_fact_table_init(&agent->facts, config->facts_storage, config->facts_storage_bytes);
    agent->uptime_ms = port->now_ms(port->context);
    agent->sequence = 1;
    agent->open_state = FIRST_OPEN_STATE;
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

static void observe(struct picket_agent *agent, const struct picket_datagram *datagram)
{
    uint8_t pieces[PICKET_HEADER_BYTES];
    struct picket_span header = {pieces, 0};
    struct picket_packet packet;
    enum picket_status status;
    uint32_t now_ms;

    if (is_in_one_piece(datagram)) {
        header = datagram->spans[0];
    } else {
        header.length = picket_inspect_gather(datagram, pieces, sizeof(pieces));
    }
    status = picket_packet_parse(header.bytes, header.length, (uint32_t)datagram->length,
                                 datagram->direction == PICKET_INBOUND, &packet);
    if (status == PICKET_OK && packet.kind == PICKET_KIND_BAD_LENGTH &&
        !agent->config.exact_flows) {
        status = PICKET_E_MALFORMED;
    }
    picket_agent_lock(agent);
    now_ms = (uint32_t)picket_agent_advance(agent);
    if (status == PICKET_OK) {
        picket_fragment_associate(agent, &packet);
        picket_flow_note(agent, &packet, now_ms);
    } else {
        agent->open.counters.malformed++;
    }
    picket_agent_unlock(agent);
    if (status == PICKET_OK && agent->facts.capacity > 0 &&
        picket_inspect_is_wanted(&packet, &header)) {
        picket_inspect(agent, datagram, &packet);
    }
}

#if PICKET_RECENT_PEERS > 0
/* For one IP version each: its numbers are constants in the code, where speed is asked for. */
static PICKET_HOT void observe_plain(struct picket_agent *agent, struct picket_flow_table *table,
                                     const struct picket_plain *plain)
{
    uint32_t now_ms;

    picket_agent_lock(agent);
    now_ms = (uint32_t)picket_agent_advance(agent);
    if (!picket_recent_count(agent, table, plain, now_ms)) {
        picket_flow_note_plain(agent, *plain, now_ms);
    }
    picket_agent_unlock(agent);
}

/* Takes a copy, so that other packets' can stay in the processor's registers. */
static PICKET_COLD void inspect_plain(struct picket_agent *agent,
                                      const struct picket_datagram *datagram,
                                      struct picket_plain plain)
{
    struct picket_packet packet = picket_plain_packet(&plain);

    if (picket_inspect_is_wanted(&packet, datagram->spans)) {
        picket_inspect(agent, datagram, &packet);
    }
}

/* The short way of nearly every packet; false for the others. */
static PICKET_HOT bool observe_shortly(struct picket_agent *agent,
                                       const struct picket_datagram *datagram)
{
    struct picket_plain plain;

    if (datagram->span_count == 0) {
        return false;
    }
    if (picket_plain_ipv4(datagram, &plain)) {
        observe_plain(agent, &agent->ipv4, &plain);
    } else if (picket_plain_ipv6(datagram, &plain)) {
        observe_plain(agent, &agent->ipv6, &plain);
    } else {
        return false;
    }
    if (agent->facts.capacity > 0) {
        inspect_plain(agent, datagram, plain);
    }
    return true;
}
#else
static bool observe_shortly(struct picket_agent *agent, const struct picket_datagram *datagram)
{
    (void)agent;
    (void)datagram;
    return false;
}
#endif

void picket_observe(struct picket_agent *agent, const struct picket_datagram *datagram)
{
    if (agent == NULL || datagram == NULL || datagram->spans == NULL) {
        return;
    }
    if (!observe_shortly(agent, datagram)) {
        observe(agent, datagram);
    }
}

void picket_note_dropped(struct picket_agent *agent, uint32_t packets)
{
    if (agent == NULL) {
        return;
    }
    picket_agent_lock(agent);
    agent->open.counters.dropped += packets;
    picket_agent_unlock(agent);
}

void picket_note_filtered(struct picket_agent *agent, uint32_t packets)
{
    if (agent == NULL) {
        return;
    }
    picket_agent_lock(agent);
    agent->open.counters.filtered += packets;
    picket_agent_unlock(agent);
}

uint32_t picket_next_report_ms(struct picket_agent *agent)
{
    uint32_t due_ms;

    if (agent == NULL) {
        return 0;
    }
    picket_agent_lock(agent);
    (void)picket_agent_advance(agent);
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
        (void)picket_agent_advance(agent);
        picket_agent_seal(agent);
        status = PICKET_OK;
    }
    picket_agent_unlock(agent);
    return status;
}
