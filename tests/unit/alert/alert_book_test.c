/* SPDX-License-Identifier: MIT */
#include "alert/alert.h"

#include <stdio.h>

#include "harness/check.h"

static struct flow flow_to(uint8_t last_byte, uint64_t bytes, int64_t first_us, int64_t last_us)
{
    const uint8_t peer[4] = {198, 51, 100, last_byte};
    struct flow flow = {
        .direction = PICKET_INBOUND,
        .protocol = 6,
        .peer_port = FLOW_PORT_UNKNOWN,
        .local_port = 23,
        .connections = 1,
        .packets_in = 2,
        .bytes_in = bytes,
        .first_us = first_us,
        .last_us = last_us,
    };

    flow.peer = address_from_bytes(peer, sizeof(peer));
    return flow;
}

static struct finding finding_of(enum finding_kind kind, const char *type, const char *key)
{
    struct finding finding = {
        .kind = kind,
        .type = type,
        .severity = SEVERITY_MEDIUM,
        .reason = "first reason",
        .first_us = 1000,
        .last_us = 2000,
    };

    snprintf(finding.key, sizeof(finding.key), "%s", key);
    return finding;
}

/* What the book says of the finding, or NULL if it refuses it. */
static const struct alert *taken(struct alert_book *book, const struct finding *finding)
{
    const struct alert *alert = NULL;

    return alert_book_take(book, "d1", finding, &alert) == PICKET_OK ? alert : NULL;
}

TEST(first_finding_opens_an_alert)
{
    struct alert_book *book = alert_book_new();
    struct finding finding = finding_of(FINDING_ALERT, "TI_IP_MATCH", "198.51.100.7");
    const struct alert *alert = taken(book, &finding);

    CHECK(alert != NULL && !alert->is_recommendation && alert->state == ALERT_OPEN);
    CHECK_TEXT(alert->device, "d1");
    CHECK_TEXT(alert->type, "TI_IP_MATCH");
    CHECK_TEXT(alert->key, "198.51.100.7");
    CHECK_TEXT(alert->reason, "first reason");
    CHECK(alert->severity == SEVERITY_MEDIUM);
    CHECK_UINT(alert->count, 1);
    CHECK_UINT(alert->first_us, 1000);
    CHECK_UINT(alert->last_us, 2000);
    CHECK_UINT(strlen(alert->id), 16);
    alert_book_free(book);
}

TEST(repeats_fold_into_the_open_alert_and_widen_its_times)
{
    struct alert_book *book = alert_book_new();
    struct finding finding = finding_of(FINDING_ALERT, "TI_IP_MATCH", "198.51.100.7");
    char id[ALERT_ID_MAX];
    const struct alert *alert = taken(book, &finding);

    snprintf(id, sizeof(id), "%s", alert->id);
    finding.first_us = 500;
    finding.last_us = 1500;
    alert = taken(book, &finding);
    CHECK_UINT(alert->first_us, 500);
    CHECK_UINT(alert->last_us, 2000);
    finding.last_us = 9000;
    alert = taken(book, &finding);
    CHECK_UINT(alert->last_us, 9000);
    CHECK_UINT(alert->count, 3);
    CHECK_TEXT(alert->id, id);
    alert_book_free(book);
}

TEST(another_key_type_or_kind_is_another_alert)
{
    struct alert_book *book = alert_book_new();
    struct finding finding = finding_of(FINDING_ALERT, "A", "k");
    struct finding other_key = finding_of(FINDING_ALERT, "A", "l");
    struct finding other_type = finding_of(FINDING_ALERT, "B", "k");
    struct finding other_kind = finding_of(FINDING_RECOMMENDATION, "A", "k");

    taken(book, &finding);
    CHECK_UINT(taken(book, &other_key)->count, 1);
    CHECK_UINT(taken(book, &other_type)->count, 1);
    CHECK(taken(book, &other_kind)->is_recommendation);
    CHECK_UINT(taken(book, &other_kind)->count, 2);
    CHECK_UINT(taken(book, &finding)->count, 2);
    alert_book_free(book);
}

TEST(severity_only_rises_and_reason_is_of_the_latest_at_the_highest)
{
    static const struct {
        enum severity severity;
        const char *reason;
        enum severity then;
        const char *reason_then;
    } rows[] = {
        {SEVERITY_LOW, "a", SEVERITY_LOW, "a"},     {SEVERITY_HIGH, "b", SEVERITY_HIGH, "b"},
        {SEVERITY_MEDIUM, "c", SEVERITY_HIGH, "b"}, {SEVERITY_HIGH, "d", SEVERITY_HIGH, "d"},
        {SEVERITY_LOW, "e", SEVERITY_HIGH, "d"},
    };
    struct alert_book *book = alert_book_new();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct finding finding = finding_of(FINDING_ALERT, "T", "k");
        const struct alert *alert;

        finding.severity = rows[i].severity;
        snprintf(finding.reason, sizeof(finding.reason), "%s", rows[i].reason);
        alert = taken(book, &finding);
        CHECK(alert->severity == rows[i].then);
        CHECK_TEXT(alert->reason, rows[i].reason_then);
    }
    alert_book_free(book);
}

TEST(total_is_exact_over_more_flows_than_are_kept)
{
    struct alert_book *book = alert_book_new();
    const struct alert *alert = NULL;
    uint64_t bytes = 0;

    for (uint8_t i = 0; i < 40; i++) {
        struct finding finding = finding_of(FINDING_ALERT, "T", "k");
        const struct flow flow = flow_to(i % 20, 100u + i, 5000 + i, 6000 + i);

        bytes += 100u + i;
        finding.flows = &flow;
        finding.flow_count = 1;
        alert = taken(book, &finding);
    }
    CHECK_UINT(alert->evidence.total.bytes_in, bytes);
    CHECK_UINT(alert->evidence.total.packets_in, 80);
    CHECK_UINT(alert->evidence.total.connections, 40);
    CHECK_UINT(alert->evidence.total.first_us, 5000);
    CHECK_UINT(alert->evidence.total.last_us, 6039);
    CHECK(alert->evidence.total.direction == PICKET_INBOUND);
    CHECK_UINT(alert->evidence.total.local_port, 23);
    CHECK_UINT(alert->evidence.flow_count, ALERT_FLOWS_MAX);
    CHECK_UINT(alert->evidence.flows_left_out, 8); /* peers 16 to 19, twice */
    CHECK_UINT(alert->evidence.flows[3].bytes_in, 103 + 123);
    alert_book_free(book);
}

TEST(verdicts_fold_like_flows)
{
    struct alert_book *book = alert_book_new();
    const struct alert *alert = NULL;

    for (uint8_t i = 0; i < 40; i++) {
        struct finding finding = finding_of(FINDING_ALERT, "T", "k");
        const struct verdict verdict = {.peer = flow_to(i % 20, 0, 0, 0).peer,
                                        .cause = PICKET_CAUSE_RULE,
                                        .revision = 7,
                                        .packets = 100u + i,
                                        .blocked = i};

        finding.verdicts = &verdict;
        finding.verdict_count = 1;
        alert = taken(book, &finding);
    }
    CHECK_UINT(alert->evidence.verdict_count, ALERT_VERDICTS_MAX);
    CHECK_UINT(alert->evidence.verdicts_left_out, 8); /* peers 16 to 19, twice */
    CHECK_UINT(alert->evidence.verdicts[3].packets, 103 + 123);
    CHECK_UINT(alert->evidence.verdicts[3].blocked, 3 + 23);
    alert_book_free(book);
}

TEST(evidence_owns_what_it_tells)
{
    struct alert_book *book = alert_book_new();
    char feed[] = "feed", category[] = "c2", comment[] = "seen", name[] = "active_connections";
    char value[] = "evil.example", reference[] = "report", source[] = "list", licence[] = "MIT";
    struct indicator indicator = {.observable = {.kind = OBSERVABLE_NAME, .text = value},
                                  .feed = feed,
                                  .category = category,
                                  .comment = comment,
                                  .reference = reference,
                                  .scope = "",
                                  .line = 7,
                                  .confidence = 80};
    struct score score = {.other_feeds = 1};
    struct finding finding = finding_of(FINDING_ALERT, "T", "k");
    const struct alert *alert;

    score_add(&score, "confidence", 80, "list \"feed\"");
    finding.indicator = &indicator;
    finding.score = &score;
    finding.source = source;
    finding.licence = licence;
    finding.measure = (struct measure){.is_set = true, .name = name, .observed = 31, .max = 30};
    alert = taken(book, &finding);
    feed[0] = category[0] = comment[0] = name[0] = value[0] = '?';
    reference[0] = source[0] = licence[0] = '?';
    score.points = 0;
    CHECK(alert->evidence.has_indicator);
    CHECK_TEXT(alert->evidence.indicator.feed, "feed");
    CHECK_TEXT(alert->evidence.indicator.category, "c2");
    CHECK_TEXT(alert->evidence.indicator.comment, "seen");
    CHECK_UINT(alert->evidence.indicator.line, 7);
    CHECK_TEXT(alert->evidence.indicator.observable.text, "evil.example");
    CHECK_TEXT(alert->evidence.indicator.reference, "report");
    CHECK_TEXT(alert->evidence.source, "list");
    CHECK_TEXT(alert->evidence.licence, "MIT");
    CHECK_UINT(alert->evidence.score.points, 80);
    CHECK_UINT(alert->evidence.score.other_feeds, 1);
    CHECK_TEXT(alert->evidence.measure.name, "active_connections");
    CHECK_UINT(alert->evidence.measure.observed, 31);
    alert_book_free(book);
}

TEST(name_of_a_peer_is_kept_from_the_first_report_that_tells_it)
{
    struct alert_book *book = alert_book_new();
    struct finding finding = finding_of(FINDING_ALERT, "T", "k");
    char name[] = "broker.example.com";
    struct flow flows[2] = {flow_to(1, 100, 1000, 2000), flow_to(2, 100, 1000, 2000)};
    const struct alert *alert;

    finding.flows = flows;
    finding.flow_count = 2;
    alert = taken(book, &finding);
    CHECK(alert->evidence.flows[0].peer_name == NULL && alert->evidence.total.peer_name == NULL);
    flows[0].peer_name = name;
    CHECK(taken(book, &finding) != NULL);
    memset(name, 'x', sizeof(name) - 1);
    alert = taken(book, &finding);
    CHECK_TEXT(alert->evidence.flows[0].peer_name, "broker.example.com");
    CHECK_TEXT(alert->evidence.total.peer_name, "broker.example.com");
    CHECK(alert->evidence.flows[1].peer_name == NULL);
    alert_book_free(book);
}

TEST(over_resolves_the_open_alert_once_and_the_next_finding_opens_a_new_one)
{
    struct alert_book *book = alert_book_new();
    struct finding finding = finding_of(FINDING_ALERT, "DEV_SILENT", "");
    struct finding over = finding_of(FINDING_ALERT_OVER, "DEV_SILENT", "");
    char id[ALERT_ID_MAX];
    const struct alert *alert = taken(book, &finding);

    snprintf(id, sizeof(id), "%s", alert->id);
    over.last_us = 7000;
    alert = taken(book, &over);
    CHECK(alert != NULL && alert->state == ALERT_RESOLVED);
    CHECK_UINT(alert->resolved_us, 7000);
    CHECK_UINT(alert->count, 1);
    CHECK_TEXT(alert->id, id);
    CHECK(taken(book, &over) == NULL);

    finding.first_us = 8000;
    finding.last_us = 9000;
    alert = taken(book, &finding);
    CHECK(alert->state == ALERT_OPEN);
    CHECK_UINT(alert->count, 1);
    CHECK(strcmp(alert->id, id) != 0);
    alert_book_free(book);
}

TEST(over_without_an_open_alert_changes_nothing)
{
    struct alert_book *book = alert_book_new();
    struct finding recommendation = finding_of(FINDING_RECOMMENDATION, "T", "k");
    struct finding over = finding_of(FINDING_ALERT_OVER, "T", "k");
    const struct alert *alert = NULL;

    taken(book, &recommendation); /* of the same type and key, but not an alert */
    CHECK(alert_book_take(book, "d1", &over, &alert) == PICKET_OK);
    CHECK(alert == NULL);
    alert_book_free(book);
}

TEST(over_of_a_recommendation_resolves_that_and_no_alert)
{
    struct alert_book *book = alert_book_new();
    struct finding recommendation = finding_of(FINDING_RECOMMENDATION, "T", "k");
    struct finding alarm = finding_of(FINDING_ALERT, "T", "k");
    struct finding over = finding_of(FINDING_RECOMMENDATION_OVER, "T", "k");
    const struct alert *alert = taken(book, &alarm);

    CHECK(alert_book_take(book, "d1", &over, &alert) == PICKET_OK);
    CHECK(alert == NULL);
    taken(book, &recommendation);
    alert = taken(book, &over);
    CHECK(alert != NULL && alert->is_recommendation && alert->state == ALERT_RESOLVED);
    CHECK_UINT(taken(book, &alarm)->count, 2);
    alert_book_free(book);
}

TEST(restored_alert_goes_on_folding)
{
    struct alert_book *before = alert_book_new();
    struct alert_book *after = alert_book_new();
    struct finding finding = finding_of(FINDING_ALERT, "T", "k");
    const struct flow flow = flow_to(7, 100, 1000, 2000);
    char id[ALERT_ID_MAX];
    const struct alert *alert;

    finding.flows = &flow;
    finding.flow_count = 1;
    alert = taken(before, &finding);
    snprintf(id, sizeof(id), "%s", alert->id);
    CHECK(alert_book_restore(after, alert) == PICKET_OK);
    alert_book_free(before);

    finding.first_us = 50000;
    alert = taken(after, &finding);
    CHECK_TEXT(alert->id, id);
    CHECK_UINT(alert->count, 2);
    CHECK_UINT(alert->evidence.total.bytes_in, 200);
    CHECK_UINT(alert->evidence.flow_count, 1);
    alert_book_free(after);
}

TEST(same_findings_give_the_same_id_and_others_do_not)
{
    struct alert_book *one = alert_book_new();
    struct alert_book *two = alert_book_new();
    struct finding finding = finding_of(FINDING_ALERT, "T", "k");
    const struct alert *a = taken(one, &finding);
    const struct alert *b = taken(two, &finding);
    const struct alert *elsewhere = NULL;
    struct alert_book *three = alert_book_new();

    CHECK_TEXT(a->id, b->id);
    CHECK(alert_book_take(three, "d2", &finding, &elsewhere) == PICKET_OK);
    CHECK(strcmp(a->id, elsewhere->id) != 0);
    alert_book_free(one);
    alert_book_free(two);
    alert_book_free(three);
}

TEST(full_book_refuses_new_alerts_and_still_folds_known_ones)
{
    struct alert_book *book = alert_book_new();
    const struct alert *alert = NULL;
    struct finding finding;
    char key[16];

    for (unsigned i = 0; i < 4096; i++) {
        snprintf(key, sizeof(key), "%u", i);
        finding = finding_of(FINDING_ALERT, "T", key);
        CHECK(taken(book, &finding) != NULL);
    }
    finding = finding_of(FINDING_ALERT, "T", "one more");
    CHECK(alert_book_take(book, "d1", &finding, &alert) == PICKET_E_LIMIT);
    finding = finding_of(FINDING_ALERT, "T", "4095");
    CHECK_UINT(taken(book, &finding)->count, 2);
    finding.kind = FINDING_ALERT_OVER;
    CHECK(taken(book, &finding) != NULL);
    finding = finding_of(FINDING_ALERT, "T", "one more");
    CHECK(taken(book, &finding) != NULL);
    alert_book_free(book);
}

TEST_MAIN(TEST_ROW(first_finding_opens_an_alert),
          TEST_ROW(repeats_fold_into_the_open_alert_and_widen_its_times),
          TEST_ROW(another_key_type_or_kind_is_another_alert),
          TEST_ROW(severity_only_rises_and_reason_is_of_the_latest_at_the_highest),
          TEST_ROW(total_is_exact_over_more_flows_than_are_kept),
          TEST_ROW(verdicts_fold_like_flows), TEST_ROW(evidence_owns_what_it_tells),
          TEST_ROW(name_of_a_peer_is_kept_from_the_first_report_that_tells_it),
          TEST_ROW(over_resolves_the_open_alert_once_and_the_next_finding_opens_a_new_one),
          TEST_ROW(over_without_an_open_alert_changes_nothing),
          TEST_ROW(over_of_a_recommendation_resolves_that_and_no_alert),
          TEST_ROW(restored_alert_goes_on_folding),
          TEST_ROW(same_findings_give_the_same_id_and_others_do_not),
          TEST_ROW(full_book_refuses_new_alerts_and_still_folds_known_ones))
