/* SPDX-License-Identifier: MIT */
/* CA_CONN_TO_IP: the device opens a flow to an address outside the networks it is allowed. */

#include "detect/judge.h"

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
           prefix_list_find(&rule->cidr, &flow->peer) == NULL;
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
        service, finding.key, outcome_name(total.outcome, total.unknown),
        judging->rules->destinations.cidr.count);
    judging_emit(judging, &judging->rules->destinations.rule, &finding);
}

void destinations_report(const struct judging *judging)
{
    static const struct selection selection = {is_wanted, compare_peers, judge_peer};

    selection_judge(judging, &selection);
}
