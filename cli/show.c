/* SPDX-License-Identifier: MIT */
#include "cli/show.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cli/text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define VERDICTS_MAX    16u /* that are shown */

const char *show_text(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

uint64_t show_number(const json_t *object, const char *name)
{
    json_int_t number = json_integer_value(json_object_get(object, name));

    return number < 0 ? 0 : (uint64_t)number;
}

void show_count(struct buf *out, const json_t *object, const char *name)
{
    if (json_is_null(json_object_get(object, name))) {
        buf_add_text(out, "unknown");
    } else {
        text_add_count(out, show_number(object, name));
    }
}

void show_bytes(struct buf *out, const json_t *object, const char *name)
{
    if (json_is_null(json_object_get(object, name))) {
        buf_add_text(out, "unknown");
    } else {
        text_add_bytes(out, show_number(object, name));
    }
}

void show_time(struct buf *out, const char *time)
{
    char text[] = "2026-11-24 18:20:51";

    if (strlen(time) < sizeof(text)) {
        text_add_safe(out, time);
        return;
    }
    memcpy(text, time, sizeof(text) - 1);
    text[10] = ' ';
    text_add_safe(out, text);
}

void show_rows(struct buf *out, const json_t *rows, int indent, const char *const *heads,
               size_t columns, show_row_fn *add_row)
{
    struct table *table = table_new(heads, columns);
    const json_t *row = NULL;
    size_t i = 0;

    if (table == NULL) {
        return;
    }
    json_array_foreach(rows, i, row)
    {
        add_row(table, row);
    }
    table_write(table, out, indent);
    table_free(table);
}

void show_rest(struct buf *out, const json_t *listing)
{
    uint64_t total = show_number(listing, "total");
    size_t shown = json_array_size(json_object_get(listing, "items"));

    if (shown == 0) {
        buf_add_text(out, "none\n");
    } else if (total > shown) {
        text_add_count(out, shown);
        buf_add_text(out, " of ");
        text_add_count(out, total);
        buf_add_text(out, "; more with --limit\n");
    }
}

static void add_line(struct buf *out, const char *label, const char *text)
{
    if (text[0] != '\0') {
        buf_addf(out, "  %-10s", label);
        text_add_safe(out, text);
        buf_add_text(out, "\n");
    }
}

static void add_indicator(struct buf *out, const json_t *indicator)
{
    if (!json_is_object(indicator)) {
        return;
    }
    buf_addf(out, "  %-10s", "Listed");
    text_add_safe(out, show_text(indicator, "value"));
    buf_add_text(out, " in ");
    text_add_safe(out, show_text(indicator, "feed"));
    buf_addf(out, ", line %" PRIu64 ", confidence %" PRIu64, show_number(indicator, "line"),
             show_number(indicator, "confidence"));
    if (show_text(indicator, "category")[0] != '\0') {
        buf_add_text(out, ", ");
        text_add_safe(out, show_text(indicator, "category"));
    }
    if (show_text(indicator, "comment")[0] != '\0') {
        buf_add_text(out, ": ");
        text_add_safe(out, show_text(indicator, "comment"));
    }
    buf_add_text(out, "\n");
    add_line(out, "Reference", show_text(indicator, "reference"));
}

static void add_term(struct table *table, const json_t *term)
{
    buf_addf(table_cell(table), "%+" JSON_INTEGER_FORMAT,
             json_integer_value(json_object_get(term, "points")));
    table_add(table, show_text(term, "name"));
    table_add(table, show_text(term, "source"));
}

void show_score(struct buf *out, const json_t *score)
{
    static const char *const heads[] = {">POINTS", "TERM", "FROM"};
    const json_t *terms = json_object_get(score, "terms");

    if (json_array_size(terms) == 0) {
        return;
    }
    buf_addf(out, "  %-10s%" JSON_INTEGER_FORMAT ", the sum of\n", "Score",
             json_integer_value(json_object_get(score, "points")));
    show_rows(out, terms, 4, heads, COUNT_OF(heads), add_term);
}

/* What the list says of it, and where that is described. */
static void add_words(struct buf *out, const json_t *indicator)
{
    const char *comment = show_text(indicator, "comment");
    const char *reference = show_text(indicator, "reference");

    text_add_safe(out, comment);
    if (comment[0] != '\0' && reference[0] != '\0') {
        buf_add_text(out, "; ");
    }
    text_add_safe(out, reference);
}

static void add_record(struct table *table, const json_t *record)
{
    const json_t *indicator = json_object_get(record, "indicator");
    const char *objection = show_text(record, "because");

    table_add(table, show_text(indicator, "role"));
    table_add(table, show_text(indicator, "value"));
    table_add(table, show_text(indicator, "feed"));
    text_add_count(table_cell(table), show_number(indicator, "confidence"));
    table_add(table, show_text(indicator, "category"));
    show_time(table_cell(table), show_text(indicator, "listed_from"));
    show_time(table_cell(table), show_text(indicator, "listed_until"));
    show_time(table_cell(table), show_text(indicator, "expires"));
    table_add(table, objection[0] == '\0' ? "yes" : objection);
    add_words(table_cell(table), indicator);
}

static const char *feed_of(const json_t *records, size_t number)
{
    return show_text(json_object_get(json_array_get(records, number), "indicator"), "feed");
}

static bool is_first_of_feed(const json_t *records, size_t number)
{
    size_t i = 0;

    while (strcmp(feed_of(records, i), feed_of(records, number)) != 0) {
        i++;
    }
    return i == number;
}

/* Where each list comes from, and under what terms. */
static void add_lists(struct buf *out, const json_t *records)
{
    static const char *const heads[] = {"LIST", "LICENCE", "SOURCE"};
    struct table *table = table_new(heads, COUNT_OF(heads));
    const json_t *record = NULL;
    size_t i = 0;

    if (table == NULL) {
        return;
    }
    json_array_foreach(records, i, record)
    {
        if (is_first_of_feed(records, i)) {
            table_add(table, feed_of(records, i));
            table_add(table, show_text(record, "licence"));
            table_add(table, show_text(record, "source"));
        }
    }
    table_write(table, out, 4);
    table_free(table);
}

static void add_records(struct buf *out, const json_t *answer)
{
    static const char *const heads[] = {"ROLE",     "VALUE",        "LIST",        ">CONFIDENCE",
                                        "CATEGORY", "FIRST LISTED", "LAST LISTED", "EXPIRES",
                                        "COUNTS",   "SAYS"};
    const json_t *records = json_object_get(answer, "records");
    uint64_t left_out = show_number(answer, "records_left_out");

    if (json_array_size(records) == 0) {
        return;
    }
    buf_add_text(out, "  What lists say\n");
    show_rows(out, records, 4, heads, COUNT_OF(heads), add_record);
    if (left_out > 0) {
        buf_add_text(out, "    and ");
        text_add_counted(out, left_out, "record");
        buf_add_text(out, " more\n");
    }
    add_lists(out, records);
}

static void add_allowed(struct buf *out, const json_t *indicator)
{
    if (!json_is_object(indicator)) {
        return;
    }
    buf_addf(out, "  %-10s", "Allowed");
    text_add_safe(out, show_text(indicator, "value"));
    buf_add_text(out, " by ");
    text_add_safe(out, show_text(indicator, "feed"));
    buf_add_text(out, " for ");
    text_add_safe(out, show_text(indicator, "scope")[0] == '\0' ? "all devices"
                                                                : show_text(indicator, "scope"));
    if (show_text(indicator, "expires")[0] != '\0') {
        buf_add_text(out, " until ");
        show_time(out, show_text(indicator, "expires"));
    }
    if (show_text(indicator, "comment")[0] != '\0') {
        buf_add_text(out, ": ");
        text_add_safe(out, show_text(indicator, "comment"));
    }
    buf_add_text(out, "\n");
}

void show_why(struct buf *out, const json_t *answer)
{
    static const struct {
        const char *result;
        const char *words;
    } results[] = {
        {"clear", "no list that counts has it"},
        {"allowed", "listed, and allowed: no alert"},
        {"weak", "listed too weakly: no alert"},
        {"raised", "a contact raises an alert"},
    };

    text_add_safe(out, show_text(answer, "value"));
    buf_add_text(out, ": ");
    for (size_t i = 0; i < COUNT_OF(results); i++) {
        if (strcmp(results[i].result, show_text(answer, "result")) == 0) {
            buf_add_text(out, results[i].words);
        }
    }
    buf_add_text(out, " (");
    text_add_safe(out, show_text(answer, "type"));
    buf_addf(out, ", from a score of %" PRIu64 " on)\n", show_number(answer, "min_confidence"));
    add_allowed(out, json_object_get(answer, "allowed_by"));
    show_score(out, json_object_get(answer, "score"));
    add_records(out, answer);
}

static void add_bound(struct buf *out, const char *word, const json_t *bound)
{
    if (json_is_integer(bound)) {
        buf_addf(out, ", at %s %" JSON_INTEGER_FORMAT " expected", word, json_integer_value(bound));
    }
}

static void add_measure(struct buf *out, const json_t *measure)
{
    if (!json_is_object(measure)) {
        return;
    }
    buf_addf(out, "  %-10s", "Measured");
    text_add_safe(out, show_text(measure, "name"));
    buf_addf(out, " %" JSON_INTEGER_FORMAT,
             json_integer_value(json_object_get(measure, "observed")));
    add_bound(out, "least", json_object_get(measure, "min"));
    add_bound(out, "most", json_object_get(measure, "max"));
    buf_add_text(out, ", from ");
    show_time(out, show_text(measure, "start"));
    buf_add_text(out, " to ");
    show_time(out, show_text(measure, "end"));
    buf_add_text(out, "\n");
}

static void add_peer(struct buf *out, const json_t *flow)
{
    const char *name = show_text(flow, "peer_name");

    text_add_safe(out, show_text(flow, "peer"));
    if (name[0] != '\0') {
        buf_add_text(out, " (");
        text_add_safe(out, name);
        buf_add_text(out, ")");
    }
}

static void add_flow(struct table *table, const json_t *flow)
{
    bool is_outbound = strcmp(show_text(flow, "direction"), "inbound") != 0;
    const json_t *port = json_object_get(flow, is_outbound ? "peer_port" : "local_port");

    table_add(table, show_text(flow, "direction"));
    table_add(table, show_text(flow, "protocol"));
    add_peer(table_cell(table), flow);
    if (json_is_integer(port)) {
        buf_addf(table_cell(table), "%" JSON_INTEGER_FORMAT, json_integer_value(port));
    } else {
        table_add(table, "-");
    }
    table_add(table, show_text(flow, "outcome"));
    show_count(table_cell(table), flow, "packets_out");
    show_count(table_cell(table), flow, "packets_in");
    show_bytes(table_cell(table), flow, "bytes_out");
    show_bytes(table_cell(table), flow, "bytes_in");
    show_time(table_cell(table), show_text(flow, "last_seen"));
}

static void add_evidence(struct buf *out, const json_t *evidence)
{
    static const char *const heads[] = {"DIRECTION", "PROTOCOL",     "PEER",        ">PORT",
                                        "OUTCOME",   ">PACKETS OUT", ">PACKETS IN", ">BYTES OUT",
                                        ">BYTES IN", "LAST SEEN"};
    const json_t *flows = json_object_get(evidence, "flows");
    uint64_t left_out = show_number(evidence, "flows_left_out");

    if (json_array_size(flows) == 0) {
        return;
    }
    buf_add_text(out, "  Evidence\n");
    show_rows(out, flows, 4, heads, COUNT_OF(heads), add_flow);
    if (left_out > 0) {
        buf_add_text(out, "    and ");
        text_add_counted(out, left_out, "flow");
        buf_add_text(out, " more, in the total\n");
    }
}

static void add_verdict(struct table *table, const json_t *verdict)
{
    static const char *const numbers[] = {"port", "rule"};

    table_add(table, show_text(verdict, "direction"));
    table_add(table, show_text(verdict, "protocol"));
    table_add(table, show_text(verdict, "peer"));
    table_add(table, show_text(verdict, "cause"));
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        const json_t *number = json_object_get(verdict, numbers[i]);

        if (json_is_integer(number)) {
            buf_addf(table_cell(table), "%" JSON_INTEGER_FORMAT, json_integer_value(number));
        } else {
            table_add(table, "-");
        }
    }
    buf_addf(table_cell(table), "%" PRIu64, show_number(verdict, "revision"));
    text_add_count(table_cell(table), show_number(verdict, "packets"));
    text_add_count(table_cell(table), show_number(verdict, "blocked"));
}

void show_verdicts(struct buf *out, const json_t *object)
{
    static const char *const heads[] = {"DIRECTION", "PROTOCOL",  "PEER",     "CAUSE",   ">PORT",
                                        ">RULE",     ">REVISION", ">PACKETS", ">BLOCKED"};
    const json_t *verdicts = json_object_get(object, "verdicts");
    uint64_t left_out = show_number(object, "verdicts_left_out");
    size_t shown =
        json_array_size(verdicts) < VERDICTS_MAX ? json_array_size(verdicts) : VERDICTS_MAX;
    struct table *table = table_new(heads, COUNT_OF(heads));

    if (table == NULL || shown == 0) {
        table_free(table);
        return;
    }
    for (size_t i = 0; i < shown; i++) {
        add_verdict(table, json_array_get(verdicts, i));
    }
    left_out += json_array_size(verdicts) - shown;
    buf_add_text(out, "  What the device's policy said\n");
    table_write(table, out, 4);
    table_free(table);
    if (left_out > 0) {
        buf_add_text(out, "    and ");
        text_add_counted(out, left_out, "verdict");
        buf_add_text(out, " more\n");
    }
}

static void add_steps(struct buf *out, const json_t *steps)
{
    const json_t *step = NULL;
    size_t i = 0;

    if (json_array_size(steps) > 0) {
        buf_add_text(out, "  What to do\n");
    }
    json_array_foreach(steps, i, step)
    {
        const char *text = json_string_value(step);

        buf_addf(out, "    %zu. ", i + 1);
        text_add_safe(out, text == NULL ? "" : text);
        buf_add_text(out, "\n");
    }
}

void show_alert(struct buf *out, const json_t *alert)
{
    const json_t *evidence = json_object_get(alert, "evidence");
    uint64_t count = show_number(alert, "count");

    text_add_safe(out, show_text(alert, "severity"));
    buf_add_text(out, "  ");
    text_add_safe(out, show_text(alert, "type"));
    buf_add_text(out, "  ");
    text_add_safe(out, show_text(alert, "name"));
    buf_add_text(out, "\n");
    add_line(out, "Id", show_text(alert, "id"));
    add_line(out, "State", show_text(alert, "state"));
    add_line(out, "Device", show_text(alert, "device"));
    add_line(out, "Reason", show_text(alert, "reason"));
    buf_addf(out, "  %-10s", "Seen");
    show_time(out, show_text(alert, "first_seen"));
    buf_add_text(out, " to ");
    show_time(out, show_text(alert, "last_seen"));
    buf_add_text(out, ", ");
    text_add_counted(out, count, "time");
    buf_add_text(out, "\n");
    add_indicator(out, json_object_get(evidence, "indicator"));
    add_line(out, "Source", show_text(evidence, "source"));
    add_line(out, "Licence", show_text(evidence, "licence"));
    show_score(out, json_object_get(evidence, "score"));
    add_measure(out, json_object_get(evidence, "measure"));
    add_evidence(out, evidence);
    show_verdicts(out, evidence);
    add_steps(out, json_object_get(alert, "remediation"));
}

static void add_alert(struct table *table, const json_t *alert)
{
    table_add(table, show_text(alert, "id"));
    table_add(table, show_text(alert, "severity"));
    table_add(table, show_text(alert, "type"));
    table_add(table, show_text(alert, "state"));
    table_add(table, show_text(alert, "device"));
    table_add(table, show_text(alert, "key"));
    text_add_count(table_cell(table), show_number(alert, "count"));
    show_time(table_cell(table), show_text(alert, "last_seen"));
}

void show_alert_table(struct buf *out, const json_t *alerts)
{
    static const char *const heads[] = {"ID",     "SEVERITY", "TYPE",   "STATE",
                                        "DEVICE", "ABOUT",    ">TIMES", "LAST SEEN"};

    show_rows(out, alerts, 0, heads, COUNT_OF(heads), add_alert);
}
