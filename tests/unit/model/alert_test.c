/* SPDX-License-Identifier: MIT */
#include "model/alert.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "harness/check.h"
#include "model/catalogue.h"

static struct flow flow_to(uint8_t last_byte)
{
    const uint8_t peer[4] = {198, 51, 100, last_byte};
    struct flow flow = {.protocol = 6,
                        .peer_port = 443,
                        .local_port = FLOW_PORT_UNKNOWN,
                        .connections = 1,
                        .bytes_out = INT64_MAX,
                        .first_us = 1000000,
                        .last_us = INT64_C(1795544451123456)};

    flow.peer = address_from_bytes(peer, sizeof(peer));
    return flow;
}

/* Every cause and direction, with a port and without. */
static struct verdict verdict_about(uint8_t number)
{
    enum picket_verdict_cause cause = (enum picket_verdict_cause)(PICKET_CAUSE_RULE + number % 3);

    return (struct verdict){.direction = (enum picket_direction)(number % 3),
                            .cause = cause,
                            .protocol = number,
                            .peer = flow_to(number).peer,
                            .port = number % 2 == 0 ? FLOW_PORT_UNKNOWN : 65535,
                            .rule = cause == PICKET_CAUSE_RULE ? UINT32_MAX : 0,
                            .revision = UINT32_MAX,
                            .packets = INT64_MAX,
                            .blocked = number};
}

/* Everything set, all there is room for. */
static void fill(struct evidence *evidence)
{
    *evidence = (struct evidence){.total = flow_to(1),
                                  .flow_count = ALERT_FLOWS_MAX,
                                  .flows_left_out = INT64_MAX,
                                  .verdict_count = ALERT_VERDICTS_MAX,
                                  .verdicts_left_out = INT64_MAX,
                                  .has_indicator = true,
                                  .indicator = {.line = UINT32_MAX, .confidence = 100},
                                  .feed = "feed",
                                  .category = "c2",
                                  .comment = "said \"so\"",
                                  .reference = "https://example.org/report",
                                  .source = "https://example.org/list",
                                  .licence = "CC0-1.0",
                                  .score = {.other_feeds = 2, .is_shared = true},
                                  .measure = {.is_set = true,
                                              .end_us = 300000000,
                                              .observed = INT64_MIN + 1,
                                              .min = INT64_MIN,
                                              .max = INT64_MAX - 1},
                                  .measure_name = "active_connections"};
    for (uint8_t i = 0; i < ALERT_FLOWS_MAX; i++) {
        evidence->flows[i] = flow_to(i);
        snprintf(evidence->peer_names[i], sizeof(evidence->peer_names[i]), "n%u.example.com", i);
    }
    evidence->peer_names[1][0] = '\0';
    for (uint8_t i = 0; i < ALERT_VERDICTS_MAX; i++) {
        evidence->verdicts[i] = verdict_about(i);
    }
    score_add(&evidence->score, "confidence", 100, "list \"feed\": c2");
    score_add(&evidence->score, "shared_infrastructure", -40, "warning list \"w\"");
    evidence->indicator.observable.kind = OBSERVABLE_ADDRESS;
    evidence->indicator.observable.prefix.address = evidence->total.peer;
    evidence->indicator.observable.prefix.length = 128;
    evidence->indicator.listed_from_us = 5;
    evidence->indicator.listed_until_us = 6;
    evidence_repoint(evidence);
}

static char *written(const struct evidence *evidence)
{
    struct buf buf;
    struct json json;

    buf_init(&buf, 100000);
    json_init(&json, &buf, false);
    evidence_write_json(&json, NULL, evidence);
    return buf_take(&buf, NULL);
}

/* The text as it is written again after reading; NULL if it could not be read. */
static char *rewritten(const char *text, struct evidence *ret_evidence)
{
    struct err err = {""};

    if (evidence_parse(text, strlen(text), ret_evidence, &err) != PICKET_OK) {
        printf("%s\n", err.text);
        return NULL;
    }
    return written(ret_evidence);
}

TEST(evidence_survives_writing_and_reading)
{
    struct evidence evidence, back;
    char *first, *second;

    fill(&evidence);
    first = written(&evidence);
    second = rewritten(first, &back);
    CHECK_TEXT(second, first);
    CHECK_UINT(back.flow_count, ALERT_FLOWS_MAX);
    CHECK(flow_same(&back.flows[15], &evidence.flows[15]));
    CHECK_UINT(back.total.bytes_out, INT64_MAX);
    CHECK_UINT(back.total.last_us, INT64_C(1795544451123456));
    CHECK_UINT(back.flows_left_out, INT64_MAX);
    CHECK_UINT(back.verdict_count, ALERT_VERDICTS_MAX);
    CHECK(verdict_same(&back.verdicts[7], &evidence.verdicts[7]));
    CHECK_UINT(back.verdicts[15].blocked, 15);
    CHECK_UINT(back.verdicts_left_out, INT64_MAX);
    CHECK_UINT(back.indicator.line, UINT32_MAX);
    CHECK_UINT(back.indicator.listed_from_us, 5);
    CHECK_UINT(back.indicator.expires_us, 0);
    CHECK_TEXT(back.indicator.comment, "said \"so\"");
    CHECK(back.indicator.comment == back.comment);
    CHECK(back.measure.name == back.measure_name);
    CHECK(back.flows[15].peer_name == back.peer_names[15]);
    CHECK_TEXT(back.flows[15].peer_name, "n15.example.com");
    CHECK(back.flows[1].peer_name == NULL);
    CHECK_TEXT(back.total.peer_name, "n0.example.com");
    CHECK_UINT(back.measure.observed, INT64_MIN + 1);
    CHECK_UINT(back.measure.min, INT64_MIN);
    CHECK_UINT(back.measure.max, INT64_MAX - 1);
    free(first);
    free(second);
}

TEST(score_and_what_is_known_of_the_list_survive)
{
    struct evidence evidence, back;
    char *text;

    fill(&evidence);
    text = written(&evidence);
    free(rewritten(text, &back));
    CHECK_TEXT(back.indicator.reference, "https://example.org/report");
    CHECK_UINT(back.indicator.listed_until_us, 6);
    CHECK_TEXT(back.source, "https://example.org/list");
    CHECK_TEXT(back.licence, "CC0-1.0");
    CHECK_UINT(back.score.points, 60);
    CHECK_UINT(back.score.term_count, 2);
    CHECK(back.score.terms[1].points == -40);
    CHECK_TEXT(back.score.terms[1].name, "shared_infrastructure");
    CHECK_TEXT(back.score.terms[1].source, "warning list \"w\"");
    CHECK_UINT(back.score.other_feeds, 2);
    CHECK(back.score.is_shared);
    free(text);
}

TEST(listed_names_and_fingerprints_survive_as_well)
{
    static const char *const forms[] = {
        "evil.example", "*.evil.example", "203.0.113.7:443/tcp",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"};

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct evidence evidence, back;
        struct observable *observable = &evidence.indicator.observable;
        char form[OBSERVABLE_FORM_MAX];
        char *first, *second;

        fill(&evidence);
        CHECK(observable_parse(forms[i], strlen(forms[i]), observable, evidence.value, NULL) ==
              PICKET_OK);
        first = written(&evidence);
        second = rewritten(first, &back);
        CHECK_TEXT(second, first);
        observable_format(&back.indicator.observable, form);
        CHECK_TEXT(form, forms[i]);
        CHECK(back.indicator.observable.text == back.value);
        free(first);
        free(second);
    }
}

TEST(evidence_stored_before_there_were_scores_is_read)
{
    static const char stored[] =
        "{\"total\":null,\"flows\":[],\"flows_left_out\":0,\"indicator\":{\"value\":"
        "\"203.0.113.0/24\",\"feed\":\"c2\",\"line\":3,\"confidence\":80,\"category\":\"\","
        "\"comment\":\"x\",\"listed_from\":null,\"expires\":null},\"measure\":null}";
    struct evidence back;
    struct err err = {""};

    CHECK(evidence_parse(stored, strlen(stored), &back, &err) == PICKET_OK);
    CHECK(back.has_indicator);
    CHECK_UINT(back.indicator.observable.kind, OBSERVABLE_ADDRESS);
    CHECK_UINT(back.indicator.observable.prefix.length, 120);
    CHECK_TEXT(back.indicator.reference, "");
    CHECK_UINT(back.score.term_count, 0);
}

TEST(score_that_does_not_add_up_is_refused)
{
    struct evidence evidence, back;
    struct err err = {""};
    char *text;

    fill(&evidence);
    evidence.score.points++;
    text = written(&evidence);
    CHECK(evidence_parse(text, strlen(text), &back, &err) == PICKET_E_MALFORMED);
    CHECK_TEXT(err.text, "stored evidence has no good \"points\"");
    free(text);
}

TEST(empty_evidence_survives_too)
{
    struct evidence evidence = {.flow_count = 0};
    struct evidence back;
    char *first = written(&evidence);
    char *second = rewritten(first, &back);

    CHECK_TEXT(first, "{\"total\":null,\"flows\":[],\"flows_left_out\":0,\"verdicts\":[],"
                      "\"verdicts_left_out\":0,\"indicator\":null,\"measure\":null}");
    CHECK_TEXT(second, first);
    CHECK(!back.has_indicator && !back.measure.is_set);
    free(first);
    free(second);
}

TEST(an_upper_bound_that_is_missing_is_null)
{
    struct evidence evidence, back;
    char *first, *second;

    fill(&evidence);
    evidence.measure.min = 0;
    evidence.measure.max = INT64_MAX;
    first = written(&evidence);
    CHECK(first != NULL && strstr(first, "\"min\":0,\"max\":null") != NULL);
    second = rewritten(first, &back);
    CHECK_UINT(back.measure.max, INT64_MAX);
    free(first);
    free(second);
}

TEST(a_copy_points_into_itself_after_repointing)
{
    struct evidence evidence, copy;

    fill(&evidence);
    copy = evidence;
    evidence_repoint(&copy);
    CHECK(copy.indicator.feed == copy.feed);
    CHECK(copy.indicator.category == copy.category);
    CHECK(copy.indicator.comment == copy.comment);
    CHECK(copy.measure.name == copy.measure_name);
    CHECK(copy.flows[2].peer_name == copy.peer_names[2]);
    CHECK(copy.flows[1].peer_name == NULL);
    CHECK(copy.total.peer_name == copy.peer_names[0]);
}

TEST(texts_that_grew_in_writing_are_cut_between_characters)
{
    struct evidence evidence, back;
    char *text, *again;

    fill(&evidence);
    memset(evidence.comment, 'x', COMMENT_MAX - 1);
    evidence.comment[COMMENT_MAX - 2] = '\xc3'; /* half a character: three bytes when replaced */
    evidence.comment[COMMENT_MAX - 1] = '\0';
    text = written(&evidence);
    again = rewritten(text, &back);
    CHECK_UINT(strlen(back.comment), COMMENT_MAX - 2);
    CHECK(strspn(back.comment, "x") == COMMENT_MAX - 2);
    free(text);
    free(again);
}

TEST(damaged_evidence_is_refused_with_the_place)
{
    static const struct {
        const char *text;
        const char *said; /* a part of the sentence */
    } rows[] = {
        {"", "no JSON"},
        {"{\"total\":null", "no JSON"},
        {"{\"flows\":[],\"flows\":[]}", "no JSON"},
        {"[]", "\"total\""},
        {"{\"total\":null,\"flows\":7}", "\"flows\""},
        {"{\"total\":{},\"flows\":[]}", "\"direction\""},
        {"{\"total\":null,\"flows\":[{}]}", "\"direction\""},
        {"{\"total\":null,\"flows\":[],\"flows_left_out\":-1}", "\"flows_left_out\""},
        {"{\"total\":null,\"flows\":[],\"flows_left_out\":0,\"indicator\":{\"value\":\"x\"}}",
         "\"value\""},
        {"{\"total\":null,\"flows\":[],\"flows_left_out\":0,\"indicator\":null,"
         "\"measure\":{\"name\":5}}",
         "\"name\""},
        {"{\"total\":null,\"flows\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}", "\"flows\""},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct evidence evidence = {.flow_count = 42};
        struct err err = {""};

        CHECK_UINT(evidence_parse(rows[i].text, strlen(rows[i].text), &evidence, &err),
                   PICKET_E_MALFORMED);
        CHECK_UINT(evidence.flow_count, 42);
        CHECK_TEXT(strstr(err.text, rows[i].said) != NULL ? rows[i].said : err.text, rows[i].said);
    }
}

static json_t *alert_as_json(const struct alert *alert, const struct catalogue *catalogue)
{
    struct buf buf;
    struct json json;
    json_t *object;

    buf_init(&buf, 100000);
    json_init(&json, &buf, true);
    alert_write_json(&json, NULL, alert, catalogue);
    object = json_loadb(buf.bytes, buf.length, JSON_REJECT_DUPLICATES, NULL);
    buf_deinit(&buf);
    return object;
}

static const char *text_at(json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

TEST(an_alert_is_joined_with_its_texts)
{
    struct alert alert = {.id = "a1",
                          .device = "d1",
                          .type = "TI_IP_MATCH",
                          .severity = SEVERITY_HIGH,
                          .first_us = 1000000,
                          .last_us = 2000000,
                          .count = 3};
    struct catalogue *catalogue = NULL;
    json_t *object;

    CHECK_UINT(catalogue_load(&catalogue, NULL), PICKET_OK);
    object = alert_as_json(&alert, catalogue);
    CHECK_TEXT(text_at(object, "kind"), "alert");
    CHECK_TEXT(text_at(object, "name"), "Communication with a listed address");
    CHECK_TEXT(text_at(object, "severity"), "High");
    CHECK_TEXT(text_at(object, "state"), "open");
    CHECK_TEXT(text_at(object, "first_seen"), "1970-01-01T00:00:01.000000Z");
    CHECK_TEXT(text_at(object, "last_seen"), "1970-01-01T00:00:02.000000Z");
    CHECK(json_is_null(json_object_get(object, "resolved_at")));
    CHECK_UINT(json_integer_value(json_object_get(object, "count")), 3);
    CHECK_UINT(json_integer_value(json_object_get(object, "type_version")), 1);
    CHECK(json_is_object(json_object_get(object, "evidence")));
    CHECK(json_array_size(json_object_get(object, "remediation")) > 0);
    CHECK_TEXT(text_at(json_object_get(object, "attack"), "version"), "18.1");
    json_decref(object);
    catalogue_free(catalogue);
}

TEST(without_texts_an_alert_stands_alone)
{
    struct alert alert = {.id = "a1",
                          .is_recommendation = true,
                          .device = "d1",
                          .type = "REC_CLEARTEXT",
                          .state = ALERT_RESOLVED,
                          .resolved_us = 3000000};
    json_t *object = alert_as_json(&alert, NULL);

    CHECK_TEXT(text_at(object, "kind"), "recommendation");
    CHECK_TEXT(text_at(object, "state"), "resolved");
    CHECK_TEXT(text_at(object, "resolved_at"), "1970-01-01T00:00:03.000000Z");
    CHECK(json_object_get(object, "name") == NULL);
    CHECK(json_object_get(object, "remediation") == NULL);
    json_decref(object);
}

TEST_MAIN(TEST_ROW(evidence_survives_writing_and_reading),
          TEST_ROW(score_and_what_is_known_of_the_list_survive),
          TEST_ROW(listed_names_and_fingerprints_survive_as_well),
          TEST_ROW(evidence_stored_before_there_were_scores_is_read),
          TEST_ROW(score_that_does_not_add_up_is_refused), TEST_ROW(empty_evidence_survives_too),
          TEST_ROW(an_upper_bound_that_is_missing_is_null),
          TEST_ROW(a_copy_points_into_itself_after_repointing),
          TEST_ROW(texts_that_grew_in_writing_are_cut_between_characters),
          TEST_ROW(damaged_evidence_is_refused_with_the_place),
          TEST_ROW(an_alert_is_joined_with_its_texts),
          TEST_ROW(without_texts_an_alert_stands_alone))
