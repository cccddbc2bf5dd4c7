/* SPDX-License-Identifier: MIT */
#include "policy.h"

#include <string.h>

#include "agent.h"
#include "collect.h"
#include "flow.h"
#include "indicators.h"
#include "packet.h"
#include "standing.h"

#if PICKET_POLICY

#define PROTOCOL_IGMP 2u

#define DNS_PORT         53u
#define DHCP_SERVER_PORT 67u
#define DHCP_CLIENT_PORT 68u

#define DHCPV6_CLIENT_PORT 546u
#define DHCPV6_SERVER_PORT 547u

/* Words of routers without which large packets vanish (RFC 1191, RFC 4890 §4.3.1). */
#define ICMP_UNREACHABLE 3u
#define ICMPV6_TOO_BIG   2u

/* Types of ICMPv6 without which there is no IPv6 (RFC 4890 §4.4.1). */
#define ICMPV6_LISTENER_QUERY      130u
#define ICMPV6_LISTENER_DONE       132u
#define ICMPV6_ROUTER_SOLICITATION 133u
#define ICMPV6_REDIRECT            137u
#define ICMPV6_LISTENER_REPORT_2   143u

bool picket_policy_is_on_trial(const struct picket_agent *agent)
{
    return picket_standing_is(agent, PICKET_SETTINGS_POLICY, PICKET_STATE_ON_TRIAL);
}

static void commit(struct picket_agent *agent)
{
    struct picket_settings_record *record = picket_standing_of(agent, PICKET_SETTINGS_POLICY);

    record->state = PICKET_STATE_IN_EFFECT;
    agent->config.policy_revision = record->revision;
}

enum picket_refusal picket_policy_take(struct picket_agent *agent,
                                       const struct picket_settings *settings)
{
    struct picket_settings_record *record = picket_standing_of(agent, PICKET_SETTINGS_POLICY);
    struct picket_policy_state *policy = &agent->policy;
    bool is_committed = settings->revision == agent->config.policy_revision;

    if (settings->policy.mode == PICKET_POLICY_ENFORCE && policy->service_count == 0) {
        return PICKET_REFUSED_NO_SERVICE;
    }
    policy->has_former = policy->is_active;
    policy->former_revision = record->revision;
    policy->current ^= 1;
    policy->held[policy->current] = settings->policy;
    policy->trial_end_ms = agent->uptime_ms + settings->policy.trial_ms;
    policy->is_reported = false;
    policy->is_active = true;
    record->revision = settings->revision;
    record->mode = settings->policy.mode;
    record->state = PICKET_STATE_ON_TRIAL;
    if (settings->policy.trial_ms == 0 || is_committed) {
        commit(agent);
    }
    picket_flow_forget_verdicts(agent);
    return PICKET_REFUSED_NOT;
}

static void go_back(struct picket_agent *agent)
{
    struct picket_settings_record *record = picket_standing_of(agent, PICKET_SETTINGS_POLICY);
    struct picket_policy_state *policy = &agent->policy;

    picket_standing_refuse(agent, PICKET_SETTINGS_POLICY, PICKET_REFUSED_RETURNED, record->revision,
                           0);
    policy->current ^= 1;
    policy->is_active = policy->has_former;
    record->revision = policy->former_revision;
    record->state = PICKET_STATE_NONE;
    record->mode = PICKET_POLICY_OBSERVE;
    if (policy->is_active) {
        record->state = PICKET_STATE_IN_EFFECT;
        record->mode = policy->held[policy->current].mode;
    }
    picket_flow_forget_verdicts(agent);
}

void picket_policy_end_trial(struct picket_agent *agent)
{
    if (picket_policy_is_on_trial(agent) && agent->uptime_ms >= agent->policy.trial_end_ms) {
        go_back(agent);
    }
}

void picket_policy_note_built(struct picket_agent *agent)
{
    agent->policy.is_reported = true;
}

void picket_policy_note_confirmed(struct picket_agent *agent)
{
    if (picket_policy_is_on_trial(agent) && agent->policy.is_reported) {
        commit(agent);
    }
}

static bool is_of_service(const struct picket_policy_state *policy,
                          const struct picket_packet *packet)
{
    for (size_t i = 0; i < policy->service_count; i++) {
        const struct picket_address *address = &policy->service[i];

        if (address->size == packet->address_bytes &&
            memcmp(address->bytes, packet->peer, address->size) == 0) {
            return true;
        }
    }
    return false;
}

/* Flows that are never judged. Of a later fragment nothing is put together without the first. */
static bool is_flow_exempt(const struct picket_agent *agent, const struct picket_packet *packet)
{
    return packet->cast == PICKET_LOOPBACK || packet->kind == PICKET_KIND_FRAGMENT ||
           packet->protocol == PROTOCOL_IGMP || is_of_service(&agent->policy, packet);
}

static bool has_ports(const struct picket_packet *packet, unsigned local_port, unsigned peer_port)
{
    return packet->local_port == local_port && packet->peer_port == peer_port;
}

static bool is_for_address(const struct picket_packet *packet)
{
    return packet->protocol == PICKET_PROTOCOL_UDP &&
           (packet->address_bytes == 4 ? has_ports(packet, DHCP_CLIENT_PORT, DHCP_SERVER_PORT)
                                       : has_ports(packet, DHCPV6_CLIENT_PORT, DHCPV6_SERVER_PORT));
}

static bool is_for_neighbours(const struct picket_packet *packet)
{
    unsigned type = packet->icmp >> 8;

    return packet->protocol == PICKET_PROTOCOL_ICMPV6 &&
           ((type >= ICMPV6_LISTENER_QUERY && type <= ICMPV6_LISTENER_DONE) ||
            (type >= ICMPV6_ROUTER_SOLICITATION && type <= ICMPV6_REDIRECT) ||
            type == ICMPV6_LISTENER_REPORT_2);
}

static bool is_of_path(const struct picket_packet *packet)
{
    unsigned type = packet->icmp >> 8;

    return packet->protocol == PICKET_PROTOCOL_ICMPV6
               ? type == ICMPV6_TOO_BIG
               : packet->protocol == PICKET_PROTOCOL_ICMP && type == ICMP_UNREACHABLE;
}

/* Packets that are never judged, though others of their flow may be. */
static bool is_packet_exempt(const struct picket_packet *packet, unsigned opener)
{
    bool is_dns =
        (packet->protocol == PICKET_PROTOCOL_UDP || packet->protocol == PICKET_PROTOCOL_TCP) &&
        packet->peer_port == DNS_PORT && opener != PICKET_INBOUND;

    return is_dns || is_for_address(packet) || is_for_neighbours(packet) || is_of_path(packet);
}

static struct picket_activity activity_of(const struct picket_packet *packet, unsigned opener)
{
    return (struct picket_activity){
        .direction = (enum picket_direction)opener,
        .protocol = packet->protocol,
        .address_size = packet->address_bytes,
        .peer = packet->peer,
        .has_ports = packet->has_ports,
        .peer_port = packet->peer_port,
        .local_port = packet->local_port,
    };
}

/*
 * A flow whose opener is not known has one port of a pair in its key, and either
 * may be the one that a rule is about: only of exact flows are all packets alike.
 */
static bool is_settled_for_all(const struct picket_agent *agent, unsigned opener)
{
    return opener != PICKET_DIRECTION_UNKNOWN || agent->is_exact;
}

/* Without a policy everything is allowed; what is allowed may be of an indicator. */
static enum picket_verdict_cause judge_activity(const struct picket_agent *agent,
                                                const struct picket_policy *policy,
                                                const struct picket_activity *activity,
                                                uint32_t *ret_rule)
{
    enum picket_verdict_cause cause = PICKET_CAUSE_NONE;

    if (agent->policy.is_active) {
        cause = picket_policy_judge_activity(policy, activity, ret_rule);
    }
    return cause == PICKET_CAUSE_NONE &&
                   picket_indicators_have(agent, activity->peer, activity->address_size)
               ? PICKET_CAUSE_INDICATOR
               : cause;
}

enum picket_verdict picket_policy_judge(struct picket_agent *agent,
                                        const struct picket_packet *packet, unsigned opener,
                                        bool *ret_is_settled)
{
    struct picket_activity activity = activity_of(packet, opener);
    const struct picket_policy *policy;
    enum picket_verdict_cause cause;
    bool is_blocked;
    uint32_t rule = 0;

    picket_policy_end_trial(agent);
    policy = &agent->policy.held[agent->policy.current];
    *ret_is_settled = is_flow_exempt(agent, packet);
    if (*ret_is_settled || is_packet_exempt(packet, opener)) {
        return PICKET_PASS;
    }
    cause = judge_activity(agent, policy, &activity, &rule);
    if (cause == PICKET_CAUSE_NONE) {
        *ret_is_settled = is_settled_for_all(agent, opener);
        return PICKET_PASS;
    }
    is_blocked = policy->mode == PICKET_POLICY_ENFORCE && cause != PICKET_CAUSE_INDICATOR;
    picket_verdict_note(agent, &activity, cause, rule, is_blocked);
    return is_blocked ? PICKET_BLOCK : PICKET_PASS;
}

static bool are_addresses(const struct picket_address *addresses, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (addresses[i].size != 4 && addresses[i].size != 16) {
            return false;
        }
    }
    return true;
}

enum picket_status picket_set_service(struct picket_agent *agent,
                                      const struct picket_address *addresses, size_t count)
{
    if (agent == NULL || addresses == NULL || count == 0 || count > PICKET_SERVICE_ADDRESSES_MAX ||
        !are_addresses(addresses, count)) {
        return PICKET_E_ARG;
    }
    picket_agent_lock(agent);
    memcpy(agent->policy.service, addresses, count * sizeof(*addresses));
    agent->policy.service_count = (uint8_t)count;
    picket_flow_forget_verdicts(agent);
    picket_agent_unlock(agent);
    return PICKET_OK;
}

#endif
