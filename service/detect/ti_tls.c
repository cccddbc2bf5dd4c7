/* SPDX-License-Identifier: MIT */
/* TI_TLS_MATCH: a TLS session with a server whose name or certificate is listed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "detect/ti.h"

/** What of a session is looked up. */
struct aspect {
    enum observable_kind kind;
    uint32_t bit; /* of rule_ti.kinds */
    const char *words;
    bool (*read)(const struct picket_tls_record *session, char ret_text[OBSERVABLE_TEXT_MAX]);
};

static bool read_certificate(const struct picket_tls_record *session,
                             char ret_text[OBSERVABLE_TEXT_MAX])
{
    static const char digits[] = "0123456789abcdef";

    if (!session->has_certificate_id) {
        return false;
    }
    for (size_t i = 0; i < sizeof(session->certificate_sha256); i++) {
        ret_text[2 * i] = digits[session->certificate_sha256[i] >> 4];
        ret_text[2 * i + 1] = digits[session->certificate_sha256[i] & 0x0f];
    }
    ret_text[2 * sizeof(session->certificate_sha256)] = '\0';
    return true;
}

static bool read_server_name(const struct picket_tls_record *session,
                             char ret_text[OBSERVABLE_TEXT_MAX])
{
    return name_normalize(session->server_name.bytes, session->server_name.length, ret_text);
}

static const struct aspect aspects[] = {
    {OBSERVABLE_CERTIFICATE, RULE_CERTIFICATE, "the certificate with SHA-256", read_certificate},
    {OBSERVABLE_NAME, RULE_SERVER_NAME, "the server name", read_server_name},
};

static bool is_of_session(const struct picket_tls_record *session, const struct flow *flow)
{
    struct address peer = address_from_bytes(session->peer, session->address_size);

    return flow->direction == session->direction && flow->peer_port == session->port &&
           address_equal(&flow->peer, &peer);
}

/** Copies of the session's flows, by time; the caller frees them. NULL: none, or no memory. */
static struct flow *copy_flows(const struct judging *judging,
                               const struct picket_tls_record *session, size_t *ret_count)
{
    const struct report *report = judging->report;
    struct flow *flows = NULL;
    size_t count = 0;

    for (size_t i = 0; i < report->flow_count; i++) {
        count += is_of_session(session, &report->flows[i]);
    }
    flows = count == 0 ? NULL : malloc(count * sizeof(*flows));
    *ret_count = 0;
    for (size_t i = 0; flows != NULL && i < report->flow_count; i++) {
        if (is_of_session(session, &report->flows[i])) {
            flows[(*ret_count)++] = report->flows[i];
        }
    }
    return flows;
}

static void tell(const struct judging *judging, const struct aspect *aspect,
                 const struct picket_tls_record *session, const char *text,
                 const struct score_verdict *verdict)
{
    struct address peer = address_from_bytes(session->peer, session->address_size);
    const struct observable *listed = &verdict->listed.indicator.observable;
    struct finding finding = {.kind = FINDING_ALERT,
                              .type = "TI_TLS_MATCH",
                              .severity = SEVERITY_HIGH,
                              .first_us = judging->report->window_start_us,
                              .last_us = judging->report->window_end_us};
    char address[ADDRESS_TEXT_MAX], form[OBSERVABLE_FORM_MAX];
    size_t count;
    struct flow *flows = copy_flows(judging, session, &count);

    if (count > 0) {
        finding_take_flows(&finding, flows, count, NULL);
    }
    address_format(&peer, address);
    observable_format(listed, form);
    ti_set_key(&finding, listed);
    finding_explain(&finding,
                    "TLS session with %s port %u by %s %.70s, which is on list \"%.40s\".", address,
                    session->port, aspect->words, text, verdict->listed.indicator.feed);
    if (strcmp(form, text) != 0) {
        size_t length = strlen(finding.reason) - 1;

        snprintf(finding.reason + length, sizeof(finding.reason) - length, " as %.40s.", form);
    }
    ti_emit(judging, &judging->rules->tls, verdict, &finding);
    free(flows);
}

static void judge_session(const struct judging *judging, const struct aspect *aspect,
                          const struct picket_tls_record *session, const char *text,
                          intel_record record)
{
    struct score_question question = ti_question(judging, judging->report->window_start_us);
    struct score_verdict verdict;

    question.observable = (struct observable){.kind = aspect->kind, .text = text};
    score_look_up(judging->intel, record, &question, &judging->rules->tls, &verdict);
    ti_count(judging, verdict.result);
    if (verdict.result == SCORE_RAISED) {
        tell(judging, aspect, session, text, &verdict);
    }
}

static void match(const struct judging *judging, const struct aspect *aspect,
                  const char *const *texts, size_t count, intel_record *ret_records)
{
    if (aspect->kind == OBSERVABLE_NAME) {
        intel_match_names(judging->intel, texts, count, ret_records);
    } else {
        intel_match_fingerprints(judging->intel, aspect->kind, texts, count, ret_records);
    }
}

/** Looks up the sessions from @p begin on; how many were looked at. */
static size_t judge_sessions(const struct judging *judging, const struct aspect *aspect,
                             size_t begin)
{
    const struct facts *facts = &judging->report->facts;
    char texts[TI_LOOK_UPS][OBSERVABLE_TEXT_MAX];
    const char *looked_up[TI_LOOK_UPS] = {NULL};
    size_t places[TI_LOOK_UPS];
    intel_record records[TI_LOOK_UPS];
    size_t count = 0, place = begin;

    for (; place < facts->tls_count && count < TI_LOOK_UPS; place++) {
        const struct picket_tls_record *session = &facts->tls[place];

        /* of a session that the peer opened, name and certificate are the device's own */
        if (session->direction != PICKET_INBOUND && aspect->read(session, texts[count])) {
            looked_up[count] = texts[count];
            places[count++] = place;
        }
    }
    match(judging, aspect, looked_up, count, records);
    for (size_t i = 0; i < count; i++) {
        if (records[i] != 0) {
            judge_session(judging, aspect, &facts->tls[places[i]], looked_up[i], records[i]);
        }
    }
    return place - begin;
}

void ti_tls_report(const struct judging *judging)
{
    for (size_t i = 0; i < sizeof(aspects) / sizeof(aspects[0]); i++) {
        bool is_wanted = (judging->rules->tls.kinds & aspects[i].bit) != 0;

        for (size_t begin = 0; is_wanted && begin < judging->report->facts.tls_count;) {
            begin += judge_sessions(judging, &aspects[i], begin);
        }
    }
}
