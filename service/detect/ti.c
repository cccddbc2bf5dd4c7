/* SPDX-License-Identifier: MIT */
/* TI_IP_MATCH, TI_TOR_OR_PROXY: traffic with an address that is on a list; what a device's filter
 * finds is looked up. */
#include "detect/ti.h"

#include <stdio.h>

#include "model/alert.h"

/* A mere look at a port: few connections of SYN, ACK and RST (or FIN), without data. */
#define PROBE_CONNECTIONS_MAX 3u
#define PROBE_PACKETS_MAX     3u  /* in, a connection */
#define PROBE_BYTES_IPV4_MAX  60u /* a packet: the largest SYN */
#define PROBE_BYTES_IPV6_MAX  80u
#define PING_BYTES_MAX        128u /* a packet; more may be a tunnel */
#define REFUSAL_BYTES_MAX     60u  /* of TCP resets, without IP headers: three attempts */

/** How far a contact got. */
enum reach {
    CONTACT_ANSWERED,
    CONTACT_PROBED,
    CONTACT_REFUSED,
    CONTACT_UNANSWERED,
    CONTACT_UNKNOWN,
    CONTACTS
};

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
    [CONTACT_UNKNOWN] = {"seen, and its outcome not told", SEVERITY_HIGH, SEVERITY_MEDIUM},
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

    if (flow->unknown != 0) {
        return false;
    }
    if (flow->protocol == PROTOCOL_ICMP || flow->protocol == PROTOCOL_ICMPV6) {
        return is_mean_at_most(flow, PING_BYTES_MAX);
    }
    return flow->protocol == PROTOCOL_TCP && flow->connections <= PROBE_CONNECTIONS_MAX &&
           flow->packets_in <= PROBE_PACKETS_MAX * flow->connections &&
           is_mean_at_most(flow, header_bytes);
}

/** Where only bytes are told: so few are no more than refusals, or are not told either. */
static bool is_outcome_open(const struct flow *flow)
{
    if (flow->outcome != 0 || (flow->unknown & FLOW_OUTCOME_UNKNOWN) == 0) {
        return false;
    }
    return (flow->unknown & FLOW_BYTES_UNKNOWN) != 0 ||
           (flow->protocol == PROTOCOL_TCP && flow_is_both_ways(flow) &&
            flow->bytes_in <= REFUSAL_BYTES_MAX);
}

static enum reach contact_of(const struct flow *flow)
{
    if (is_outcome_open(flow)) {
        return CONTACT_UNKNOWN;
    }
    if (flow->direction == PICKET_DIRECTION_UNKNOWN) {
        return (flow->outcome & PICKET_ANSWERED) != 0 || flow_is_both_ways(flow)
                   ? CONTACT_ANSWERED
                   : CONTACT_UNANSWERED;
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
           (flow->direction == PICKET_DIRECTION_UNKNOWN && flow_is_inward(flow));
}

enum severity ti_severity(const struct flow *flow)
{
    enum reach contact = contact_of(flow);

    return is_inbound(flow) ? contacts[contact].inbound : contacts[contact].outbound;
}

const char *ti_outcome_words(const struct flow *flow)
{
    return contacts[contact_of(flow)].words;
}

bool ti_is_looked_at(const struct rule_ti *rule, const struct flow *flow)
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

/* An address is of the first type that raises it: what is worse than a relay is no mere relay. */
enum { MATCH, RELAY, TYPES };

static const struct {
    const char *id;
    size_t rule; /* offset in struct rules */
    enum severity most;
} types[TYPES] = {
    [MATCH] = {"TI_IP_MATCH", offsetof(struct rules, ti), SEVERITY_HIGH},
    [RELAY] = {"TI_TOR_OR_PROXY", offsetof(struct rules, anonymizers), SEVERITY_MEDIUM},
};

static const struct rule_ti *rule_of(const struct judging *judging, unsigned type)
{
    return (const void *)((const char *)judging->rules + types[type].rule);
}

static void weigh(const struct judging *judging, unsigned type, const struct flow *flow,
                  intel_record record, struct score_verdict *ret)
{
    struct score_question question = ti_question(judging, flow->first_us);

    question.observable = ti_peer(flow);
    score_look_up(judging->intel, record, &question, rule_of(judging, type), ret);
}

/** The type that the flow is raised as, or TYPES; the verdict is that type's, or the last that
 * was not clear. */
static unsigned find_type(const struct judging *judging, const struct flow *flow,
                          intel_record record, struct score_verdict *ret)
{
    ret->result = SCORE_CLEAR;
    for (unsigned type = 0; type < TYPES && record != 0; type++) {
        const struct rule_ti *rule = rule_of(judging, type);
        struct score_verdict verdict;

        if (!rule->rule.is_enabled || !ti_is_looked_at(rule, flow)) {
            continue;
        }
        weigh(judging, type, flow, record, &verdict);
        if (verdict.result != SCORE_CLEAR) {
            *ret = verdict;
        }
        if (verdict.result == SCORE_RAISED) {
            return type;
        }
    }
    return TYPES;
}

static intel_record find_record(const struct judging *judging, const struct address *peer)
{
    intel_record record;

    intel_match(judging->intel, peer, 1, &record);
    return record;
}

static bool is_of_type(const struct judging *judging, const struct flow *flow, unsigned type)
{
    struct score_verdict verdict;

    return find_type(judging, flow, find_record(judging, &flow->peer), &verdict) == type;
}

static bool is_match(const struct judging *judging, const struct flow *flow)
{
    return is_of_type(judging, flow, MATCH);
}

static bool is_relay(const struct judging *judging, const struct flow *flow)
{
    return is_of_type(judging, flow, RELAY);
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
    char form[OBSERVABLE_FORM_MAX];

    service_format(worst, service);
    observable_format(&finding->indicator->observable, form);
    finding_explain(finding, "%s %s %s %s was %s; %s is on list \"%.60s\".",
                    ways[worst->direction].opening, service, ways[worst->direction].link,
                    finding->key, words, form, finding->indicator->feed);
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

static void tell(const struct judging *judging, unsigned type, const struct flow *worst,
                 const char *words, const struct score_verdict *verdict, struct finding *finding)
{
    enum severity severity = ti_severity(worst);
    struct verdict verdicts[ALERT_VERDICTS_MAX];

    finding->kind = FINDING_ALERT;
    finding->type = types[type].id;
    finding->verdicts = verdicts;
    finding->verdict_count = collect_verdicts(judging, &worst->peer, verdicts);
    finding->severity = severity < types[type].most ? severity : types[type].most;
    finding->indicator = &verdict->listed.indicator;
    address_format(&worst->peer, finding->key);
    explain(worst, words, finding);
    ti_emit(judging, rule_of(judging, type), verdict, finding);
}

static void judge_peer(const struct judging *judging, unsigned type, const struct flow *flows,
                       size_t count)
{
    intel_record record = find_record(judging, &flows[0].peer);
    const struct flow *worst = &flows[0];
    struct finding finding = {.severity = SEVERITY_INFORMATIONAL};
    struct score_verdict strongest;

    weigh(judging, type, &flows[0], record, &strongest);
    for (size_t i = 1; i < count; i++) {
        struct score_verdict verdict;

        /* another port, another verdict; and later ones have lost what expired */
        weigh(judging, type, &flows[i], record, &verdict);
        strongest = verdict.score.points > strongest.score.points ? verdict : strongest;
        worst = ti_severity(&flows[i]) > ti_severity(worst) ? &flows[i] : worst;
    }
    finding_take_flows(&finding, flows, count, NULL);
    tell(judging, type, worst, ti_outcome_words(worst), &strongest, &finding);
}

static void judge_match(const struct judging *judging, const struct flow *flows, size_t count)
{
    judge_peer(judging, MATCH, flows, count);
}

static void judge_relay(const struct judging *judging, const struct flow *flows, size_t count)
{
    judge_peer(judging, RELAY, flows, count);
}

/** What comes of one flow whose peer some list has. */
static void note_hit(const struct judging *judging, const struct flow *flow, intel_record record,
                     bool ret_is_raised[TYPES])
{
    struct score_verdict verdict;
    unsigned type = find_type(judging, flow, record, &verdict);

    ti_count(judging, verdict.result);
    if (type < TYPES) {
        ret_is_raised[type] = true;
    }
}

/** Looks all peers up; mostly none is listed, and side by side this is quickly said. */
static void look_up_peers(const struct judging *judging, bool ret_is_raised[TYPES])
{
    const struct report *report = judging->report;
    struct address peers[TI_LOOK_UPS];
    intel_record records[TI_LOOK_UPS];

    for (size_t begin = 0; begin < report->flow_count; begin += TI_LOOK_UPS) {
        size_t left = report->flow_count - begin;
        size_t count = left < TI_LOOK_UPS ? left : TI_LOOK_UPS;

        for (size_t i = 0; i < count; i++) {
            peers[i] = report->flows[begin + i].peer;
        }
        intel_match(judging->intel, peers, count, records);
        for (size_t i = 0; i < count; i++) {
            if (records[i] != 0) {
                note_hit(judging, &report->flows[begin + i], records[i], ret_is_raised);
            }
        }
    }
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
        if (address_equal(&report->flows[i].peer, peer) &&
            !is_of_type(judging, &report->flows[i], TYPES)) {
            return true;
        }
    }
    return false;
}

/** Whether either rule would raise the flow, if it looked at flows of that kind. */
static bool is_listed(const struct judging *judging, const struct flow *flow, intel_record record)
{
    struct score_verdict verdict = {.result = SCORE_CLEAR};

    for (unsigned type = 0; type < TYPES && verdict.result != SCORE_RAISED && record != 0; type++) {
        weigh(judging, type, flow, record, &verdict);
    }
    return verdict.result == SCORE_RAISED;
}

/** Looks up what the device's filter found: of 256 strangers, it takes one for a member. */
static void judge_found(const struct judging *judging, size_t number)
{
    const struct verdict verdict = verdict_from_record(&judging->report->facts.verdicts[number]);
    struct flow flow = flow_of_verdict(judging, &verdict);
    intel_record record = find_record(judging, &flow.peer);
    struct finding finding = {.first_us = flow.first_us, .last_us = flow.last_us};
    struct score_verdict score;
    unsigned type;

    if (!is_listed(judging, &flow, record)) {
        judging->state->intel_counts.withdrawn++;
        return;
    }
    judging->state->intel_counts.confirmed++;
    type = find_type(judging, &flow, record, &score);
    if (type < TYPES && !is_told(judging, number, &flow.peer)) {
        tell(judging, type, &flow, "found by the device's filter, but had no room in the report",
             &score, &finding);
    }
}

void ti_report(const struct judging *judging)
{
    static const struct selection selections[TYPES] = {
        [MATCH] = {is_match, compare_peers, judge_match},
        [RELAY] = {is_relay, compare_peers, judge_relay},
    };
    const struct facts *facts = &judging->report->facts;
    bool is_raised[TYPES] = {false};

    if (!rule_of(judging, MATCH)->rule.is_enabled && !rule_of(judging, RELAY)->rule.is_enabled) {
        return;
    }
    look_up_peers(judging, is_raised);
    for (unsigned type = 0; type < TYPES; type++) {
        if (is_raised[type]) {
            selection_judge(judging, &selections[type]);
        }
    }
    for (size_t i = 0; i < facts->verdict_count; i++) {
        if (facts->verdicts[i].cause == PICKET_CAUSE_INDICATOR) {
            judge_found(judging, i);
        }
    }
}
