/* SPDX-License-Identifier: MIT */
/* REC_CLEARTEXT: the device speaks, or serves, something that anyone on the way can read. */
#include <stdio.h>
#include <string.h>

#include "detect/judge.h"

#define PEERS_NAMED 3u

/** The service in clear text that a flow speaks, or NULL. */
static const struct service *service_of(const struct judging *judging, const struct flow *flow)
{
    const struct service_list *services = &judging->rules->cleartext.services;
    int32_t port = flow->direction == PICKET_OUTBOUND ? flow->peer_port : flow->local_port;

    /* what is sent by UDP is readable on its way, answered or not */
    if (flow->cast != PICKET_UNICAST || flow->direction == PICKET_DIRECTION_UNKNOWN ||
        (!is_answered(flow) &&
         (flow->direction != PICKET_OUTBOUND || flow->protocol != PROTOCOL_UDP))) {
        return NULL;
    }
    for (size_t i = 0; i < services->count; i++) {
        if (services->items[i].protocol == flow->protocol && services->items[i].port == port) {
            return &services->items[i];
        }
    }
    return NULL;
}

static bool is_wanted(const struct judging *judging, const struct flow *flow)
{
    return service_of(judging, flow) != NULL;
}

static int compare_services(const struct judging *judging, const struct flow *a,
                            const struct flow *b)
{
    const struct service *left = service_of(judging, a), *right = service_of(judging, b);

    return (left > right) - (left < right);
}

static bool is_named_before(const struct flow *flows, size_t number)
{
    for (size_t i = 0; i < number; i++) {
        if (address_equal(&flows[i].peer, &flows[number].peer)) {
            return true;
        }
    }
    return false;
}

/** "10.0.0.5, 10.0.0.9 and others" */
static void name_peers(const struct flow *flows, size_t count, char *text, size_t capacity)
{
    size_t named = 0, length = 0;

    for (size_t i = 0; i < count; i++) {
        char peer[ADDRESS_TEXT_MAX];

        if (is_named_before(flows, i)) {
            continue;
        }
        if (named == PEERS_NAMED) {
            snprintf(text + length, capacity - length, " and others");
            return;
        }
        address_format(&flows[i].peer, peer);
        length += (size_t)snprintf(text + length, capacity - length, "%s%s", named == 0 ? "" : ", ",
                                   peer);
        named++;
    }
}

static void judge_service(const struct judging *judging, const struct flow *flows, size_t count)
{
    const struct service *service = service_of(judging, &flows[0]);
    struct finding finding = {
        .kind = FINDING_RECOMMENDATION, .type = "REC_CLEARTEXT", .severity = SEVERITY_MEDIUM};
    char peers[PEERS_NAMED * ADDRESS_TEXT_MAX + 32];
    struct flow total;

    finding_take_flows(&finding, flows, count, &total);
    name_peers(flows, count, peers, sizeof(peers));
    snprintf(finding.key, sizeof(finding.key), "%s/%u", service->name, service->port);
    finding_explain(&finding, "%s is %s %s.", finding.key,
                    flows[0].direction == PICKET_OUTBOUND ? "spoken in clear text with"
                                                          : "served in clear text to",
                    peers);
    judging_emit(judging, &judging->rules->cleartext.rule, &finding);
}

void cleartext_report(const struct judging *judging)
{
    static const struct selection selection = {is_wanted, compare_services, judge_service};

    selection_judge(judging, &selection);
}
