/* SPDX-License-Identifier: MIT */
/* CA_CONN_TO_IP: the device opens a flow to an address outside the networks it is allowed. */

#include "detect/judge.h"

/** Families are apart: ::/0 is all of IPv6, and nothing of IPv4. */
static bool is_allowed(const struct rule_destinations *rule, const struct address *peer)
{
    for (size_t i = 0; i < rule->cidr.count; i++) {
        const struct prefix *prefix = &rule->cidr.items[i];

        if (address_is_ipv4(&prefix->address) == address_is_ipv4(peer) &&
            prefix_contains(prefix, peer)) {
            return true;
        }
    }
    return false;
}

static bool is_port_judged(const struct rule_destinations *rule, int32_t port)
{
    bool is_judged = rule->ports.count == 0;

    for (size_t i = 0; i < rule->ports.count; i++) {
        is_judged |= rule->ports.items[i] == port;
    }
    return is_judged;
}

static bool is_wanted(const struct judging *judging, const struct flow *flow)
{
    const struct rule_destinations *rule = &judging->rules->destinations;

    return flow->direction == PICKET_OUTBOUND && flow->cast == PICKET_UNICAST &&
           !address_is_multicast(&flow->peer) && is_port_judged(rule, flow->peer_port) &&
           !is_allowed(rule, &flow->peer);
}

static void judge_peer(const struct judging *judging, const struct flow *flows, size_t count)
{
    struct finding finding = {
        .kind = FINDING_ALERT, .type = "CA_CONN_TO_IP", .severity = SEVERITY_LOW};
    char service[SERVICE_TEXT_MAX];
    struct flow total;

    finding_take_flows(&finding, flows, count, &total);
    address_format(&flows[0].peer, finding.key);
    service_format(&flows[0], service);
    finding_explain(
        &finding,
        "Outbound %s to %s (%s), which is in none of the %zu networks that the group may reach.",
        service, finding.key, outcome_name(total.outcome), judging->rules->destinations.cidr.count);
    judging_emit(judging, &judging->rules->destinations.rule, &finding);
}

void destinations_report(const struct judging *judging)
{
    static const struct selection selection = {is_wanted, compare_peers, judge_peer};

    selection_judge(judging, &selection);
}
