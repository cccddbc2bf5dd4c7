/* SPDX-License-Identifier: MIT */
/* TI_IP_MATCH: traffic with an address that is on a list; what a device's filter finds is looked
 * up. */
#include <stdio.h>

#include "detect/judge.h"
#include "intel/intel.h"
#include "model/alert.h"
#include "model/indicator.h"

#define LOOK_UPS 64u /* at a time */

/* A mere look at a port: few connections of SYN, ACK and RST (or FIN), without data. */
#define PROBE_CONNECTIONS_MAX 3u
#define PROBE_PACKETS_MAX     3u  /* in, a connection */
#define PROBE_BYTES_IPV4_MAX  60u /* a packet: the largest SYN */
#define PROBE_BYTES_IPV6_MAX  80u
#define PING_BYTES_MAX        128u /* a packet; more may be a tunnel */

/** How far a contact got. */
enum contact { CONTACT_ANSWERED, CONTACT_PROBED, CONTACT_REFUSED, CONTACT_UNANSWERED, CONTACTS };

/* The outcome decides and not the list alone: whoever faces the Internet is probed all day. */
static const struct {
    const char *words;
    enum severity outbound;
    enum severity inbound;
} contacts[CONTACTS] = {
    [CONTACT_ANSWERED] = {"answered", SEVERITY_HIGH, SEVERITY_HIGH},
    [CONTACT_PROBED] = {"probed without data", SEVERITY_HIGH, SEVERITY_LOW},
    [CONTACT_REFUSED] = {"refused", SEVERITY_MEDIUM, SEVERITY_LOW},
    [CONTACT_UNANSWERED] = {"unanswered", SEVERITY_MEDIUM, SEVERITY_LOW},
};

static const struct {
    uint8_t protocol;
    uint32_t bit;
} protocol_bits[] = {{PROTOCOL_TCP, RULE_TCP},
                     {PROTOCOL_UDP, RULE_UDP},
                     {PROTOCOL_ICMP, RULE_ICMP},
                     {PROTOCOL_ICMPV6, RULE_ICMP}};

/** That the packets that came have @p bytes or less on average. */
static bool is_mean_at_most(const struct flow *flow, uint64_t bytes)
{
    return flow->bytes_in / bytes + (flow->bytes_in % bytes != 0) <= flow->packets_in;
}

/** The device was looked at, and nothing more; only for what the peer opened. */
static bool is_probe(const struct flow *flow)
{
    uint64_t header_bytes =
        address_is_ipv4(&flow->peer) ? PROBE_BYTES_IPV4_MAX : PROBE_BYTES_IPV6_MAX;

    if (flow->protocol == PROTOCOL_ICMP || flow->protocol == PROTOCOL_ICMPV6) {
        return is_mean_at_most(flow, PING_BYTES_MAX);
    }
    return flow->protocol == PROTOCOL_TCP && flow->connections <= PROBE_CONNECTIONS_MAX &&
           flow->packets_in <= PROBE_PACKETS_MAX * flow->connections &&
           is_mean_at_most(flow, header_bytes);
}

static enum contact contact_of(const struct flow *flow)
{
    bool is_both_ways = flow->packets_in > 0 && flow->packets_out > 0;

    if (flow->direction == PICKET_DIRECTION_UNKNOWN) {
        return is_both_ways ? CONTACT_ANSWERED : CONTACT_UNANSWERED;
    }
    if (is_answered(flow)) {
        return flow->direction == PICKET_INBOUND && is_probe(flow) ? CONTACT_PROBED
                                                                   : CONTACT_ANSWERED;
    }
    return (flow->outcome & PICKET_REFUSED) != 0 ? CONTACT_REFUSED : CONTACT_UNANSWERED;
}

/** Of a flow whose opening was not seen, packets tell who began. */
static bool is_inbound(const struct flow *flow)
{
    return flow->direction == PICKET_INBOUND ||
           (flow->direction == PICKET_DIRECTION_UNKNOWN && flow->packets_out == 0);
}

static enum severity severity_of(const struct flow *flow)
{
    enum contact contact = contact_of(flow);

    return is_inbound(flow) ? contacts[contact].inbound : contacts[contact].outbound;
}

static bool is_looked_at(const struct rule_ti *rule, const struct flow *flow)
{
    bool is_protocol = (rule->protocols & RULE_ANY_PROTOCOL) != 0;

    for (size_t i = 0; i < sizeof(protocol_bits) / sizeof(protocol_bits[0]); i++) {
        is_protocol |= flow->protocol == protocol_bits[i].protocol &&
                       (rule->protocols & protocol_bits[i].bit) != 0;
    }
    return is_protocol && flow->cast == PICKET_UNICAST && !address_is_multicast(&flow->peer) &&
           (flow->direction == PICKET_DIRECTION_UNKNOWN ||
            (rule->directions & 1u << flow->direction) != 0);
}

/** The strongest indicator that counts; of equally strong ones the most specific. */
static bool find_indicator(const struct judging *judging, const struct flow *flow,
                           struct indicator *ret)
{
    const struct rule_ti *rule = &judging->rules->ti;
    intel_record record;
    bool is_found = false;

    for (intel_match(judging->intel, &flow->peer, 1, &record); record != 0;
         record = intel_next(judging->intel, record)) {
        struct indicator indicator = intel_indicator(judging->intel, record);
        bool is_expired = indicator.expires_us != 0 && indicator.expires_us <= flow->first_us;

        if (!is_expired && indicator.confidence >= rule->min_confidence &&
            (!is_found || indicator.confidence > ret->confidence)) {
            *ret = indicator;
            is_found = true;
        }
    }
    return is_found;
}

static bool is_wanted(const struct judging *judging, const struct flow *flow)
{
    struct indicator indicator;

    return is_looked_at(&judging->rules->ti, flow) && find_indicator(judging, flow, &indicator);
}

/* No counts here: the sentence outlives this report, and the evidence sums up all of them. */
static void explain(const struct flow *worst, const char *words, struct finding *finding)
{
    static const struct {
        const char *opening;
        const char *link;
    } ways[] = {
        [PICKET_OUTBOUND] = {"Outbound", "to"},
        [PICKET_INBOUND] = {"Inbound", "from"},
        [PICKET_DIRECTION_UNKNOWN] = {"Running", "with"},
    };
    char service[SERVICE_TEXT_MAX];
    char prefix[PREFIX_TEXT_MAX];

    service_format(worst, service);
    prefix_format(&finding->indicator->observable.prefix, prefix);
    finding_explain(finding, "%s %s %s %s was %s; %s is on list \"%.60s\".",
                    ways[worst->direction].opening, service, ways[worst->direction].link,
                    finding->key, words, prefix, finding->indicator->feed);
}

static bool is_found_by_filter(const struct picket_verdict_record *record,
                               const struct address *peer)
{
    struct address found = address_from_bytes(record->peer, record->address_size);

    return record->cause == PICKET_CAUSE_INDICATOR && address_equal(&found, peer);
}

/** What the device's own filter found of a peer: as much as an alert keeps. */
static size_t collect_verdicts(const struct judging *judging, const struct address *peer,
                               struct verdict ret[ALERT_VERDICTS_MAX])
{
    const struct facts *facts = &judging->report->facts;
    size_t count = 0;

    for (size_t i = 0; i < facts->verdict_count && count < ALERT_VERDICTS_MAX; i++) {
        if (is_found_by_filter(&facts->verdicts[i], peer)) {
            ret[count++] = verdict_from_record(&facts->verdicts[i]);
        }
    }
    return count;
}

static void tell(const struct judging *judging, const struct flow *worst, const char *words,
                 struct finding *finding)
{
    struct verdict verdicts[ALERT_VERDICTS_MAX];

    finding->verdicts = verdicts;
    finding->verdict_count = collect_verdicts(judging, &worst->peer, verdicts);
    finding->severity = severity_of(worst);
    address_format(&worst->peer, finding->key);
    explain(worst, words, finding);
    judging_emit(judging, &judging->rules->ti.rule, finding);
}

static void judge_peer(const struct judging *judging, const struct flow *flows, size_t count)
{
    struct finding finding = {.kind = FINDING_ALERT, .type = "TI_IP_MATCH"};
    const struct flow *worst = &flows[0];
    struct indicator indicator;

    for (size_t i = 1; i < count; i++) {
        worst = severity_of(&flows[i]) > severity_of(worst) ? &flows[i] : worst;
    }
    /* the earliest flow has every indicator: later ones can only have lost some to their expiry */
    if (find_indicator(judging, &flows[0], &indicator)) {
        finding.indicator = &indicator;
        finding_take_flows(&finding, flows, count, NULL);
        tell(judging, worst, contacts[contact_of(worst)].words, &finding);
    }
}

/** Whether any peer is listed at all; mostly none is, and side by side this is quickly said. */
static bool has_listed_peer(const struct judging *judging)
{
    const struct report *report = judging->report;
    struct address peers[LOOK_UPS];
    intel_record records[LOOK_UPS];

    for (size_t begin = 0; begin < report->flow_count; begin += LOOK_UPS) {
        size_t left = report->flow_count - begin;
        size_t count = left < LOOK_UPS ? left : LOOK_UPS;

        for (size_t i = 0; i < count; i++) {
            peers[i] = report->flows[begin + i].peer;
        }
        intel_match(judging->intel, peers, count, records);
        for (size_t i = 0; i < count; i++) {
            if (records[i] != 0) {
                return true;
            }
        }
    }
    return false;
}

/** True if the peer of verdict @p number was told of already: of a flow, or of an earlier one. */
static bool is_told(const struct judging *judging, size_t number, const struct address *peer)
{
    const struct report *report = judging->report;

    for (size_t i = 0; i < number; i++) {
        if (is_found_by_filter(&report->facts.verdicts[i], peer)) {
            return true;
        }
    }
    for (size_t i = 0; i < report->flow_count; i++) {
        if (address_equal(&report->flows[i].peer, peer) && is_wanted(judging, &report->flows[i])) {
            return true;
        }
    }
    return false;
}

/** Looks up what the device's filter found: of 256 strangers, it takes one for a member. */
static void judge_found(const struct judging *judging, size_t number)
{
    const struct verdict verdict = verdict_from_record(&judging->report->facts.verdicts[number]);
    struct flow flow = flow_of_verdict(judging, &verdict);
    struct finding finding = {.kind = FINDING_ALERT,
                              .type = "TI_IP_MATCH",
                              .first_us = flow.first_us,
                              .last_us = flow.last_us};
    struct indicator indicator;

    if (!find_indicator(judging, &flow, &indicator)) {
        judging->state->filter_counts.withdrawn++;
        return;
    }
    judging->state->filter_counts.confirmed++;
    if (is_looked_at(&judging->rules->ti, &flow) && !is_told(judging, number, &flow.peer)) {
        finding.indicator = &indicator;
        tell(judging, &flow, "found by the device's filter, but had no room in the report",
             &finding);
    }
}

void ti_report(const struct judging *judging)
{
    static const struct selection selection = {is_wanted, compare_peers, judge_peer};
    const struct facts *facts = &judging->report->facts;

    if (has_listed_peer(judging)) {
        selection_judge(judging, &selection);
    }
    for (size_t i = 0; i < facts->verdict_count; i++) {
        if (facts->verdicts[i].cause == PICKET_CAUSE_INDICATOR) {
            judge_found(judging, i);
        }
    }
}
