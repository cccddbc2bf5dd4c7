/* SPDX-License-Identifier: MIT */
/* What a format can't say is unknown, and no rule takes it for zero. */
#include "rig.h"

#define OUT PICKET_OUTBOUND
#define IN  PICKET_INBOUND
#define UNK PICKET_DIRECTION_UNKNOWN

#define AGENT                                                                                      \
    (FLOW_PACKETS_UNKNOWN | FLOW_BYTES_UNKNOWN | FLOW_OUTCOME_UNKNOWN | FLOW_TIMES_UNKNOWN)
#define MODULE                                                                                     \
    (FLOW_CONNECTIONS_UNKNOWN | FLOW_PACKETS_UNKNOWN | FLOW_IP_HEADERS_UNKNOWN |                   \
     FLOW_OUTCOME_UNKNOWN | FLOW_TIMES_UNKNOWN)
#define DEFENDER                                                                                   \
    (FLOW_CONNECTIONS_UNKNOWN | FLOW_PACKETS_UNKNOWN | FLOW_BYTES_UNKNOWN | FLOW_TIMES_UNKNOWN)

enum { TCP = 6, UDP = 17 };

static const struct intel_feed feed = {.name = "c2", .confidence = 60, .category = "c2"};
static const char *const list[] = {"203.0.113.7\n"};

TEST(contact_whose_outcome_is_not_told_is_not_called_unanswered)
{
    static const struct {
        enum picket_direction direction;
        uint8_t protocol;
        uint8_t outcome;
        uint8_t unknown;
        uint64_t bytes_in, bytes_out;
        enum severity severity;
        const char *words;
    } rows[] = {
        {OUT, TCP, 0, AGENT, 0, 0, SEVERITY_HIGH, "its outcome not told"},
        {IN, TCP, 0, AGENT, 0, 0, SEVERITY_MEDIUM, "its outcome not told"},
        {UNK, TCP, 0, AGENT, 0, 0, SEVERITY_HIGH, "its outcome not told"},
        {UNK, TCP, 0, MODULE, 5000, 600, SEVERITY_HIGH, "answered"},
        {UNK, TCP, 0, MODULE, 60, 600, SEVERITY_HIGH, "its outcome not told"}, /* may be refused */
        {UNK, UDP, 0, MODULE, 60, 600, SEVERITY_HIGH, "answered"},
        {UNK, TCP, 0, MODULE, 0, 600, SEVERITY_MEDIUM, "unanswered"},
        {UNK, TCP, 0, MODULE, 600, 0, SEVERITY_LOW, "unanswered"},
        {OUT, TCP, PICKET_ANSWERED, DEFENDER, 0, 0, SEVERITY_HIGH, "answered"},
        {IN, TCP, PICKET_ANSWERED, DEFENDER, 0, 0, SEVERITY_HIGH, "answered"}, /* and no probe */
        {UNK, TCP, PICKET_ANSWERED, DEFENDER, 0, 0, SEVERITY_HIGH, "answered"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig *rig = rig_new(NULL);
        struct flow flow = rig_flow("203.0.113.7", rows[i].direction, rows[i].protocol, 443);
        struct report report = rig_report(0, MIN_US, &flow, 1);

        rig->intel = rig_index(&feed, list, 1);
        flow.outcome = rows[i].outcome;
        flow.unknown = rows[i].unknown;
        flow.connections = flow.packets_in = flow.packets_out = 0;
        flow.bytes_in = rows[i].bytes_in;
        flow.bytes_out = rows[i].bytes_out;
        rig_send(rig, &report);
        CHECK_UINT(rig->count, 1);
        CHECK_UINT(rig->findings[0].severity, rows[i].severity);
        CHECK(strstr(rig->findings[0].reason, rows[i].words) != NULL);
        CHECK((strcmp(rows[i].words, "unanswered") != 0) ==
              (strstr(rig->findings[0].reason, "unanswered") == NULL));
        rig_free(rig);
    }
}

/** A minute with @p count pairs of ports, of one peer and service. */
static void send_pairs(struct rig *rig, int64_t start_us, unsigned count, uint8_t unknown)
{
    struct flow flows[8];
    struct report report = rig_report(start_us, start_us + MIN_US, flows, count);

    for (unsigned i = 0; i < count; i++) {
        flows[i] = rig_flow("192.0.2.1", UNK, TCP, 443);
        flows[i].local_port = (int32_t)(50000 + i);
        flows[i].connections = 0;
        flows[i].unknown = unknown;
        flows[i].first_us = flows[i].last_us = start_us;
    }
    rig_send(rig, &report);
}

static size_t count_raised(int64_t min, int64_t max, unsigned count, uint8_t unknown)
{
    char rules[256];
    struct rig *rig;
    size_t raised;

    snprintf(rules, sizeof(rules),
             "{'type': 'CA_ACTIVE_CONNECTIONS', 'enabled': true, 'min': %d, 'max': %d}", (int)min,
             (int)max);
    rig = rig_new(rules);
    for (int64_t minute = 0; minute < 12; minute++) {
        send_pairs(rig, minute * MIN_US, minute == 6 || minute == 7 ? count : 0, unknown);
    }
    raised = rig->count;
    rig_free(rig);
    return raised;
}

TEST(connections_that_are_not_told_are_one_at_least_for_each_pair_of_ports)
{
    CHECK_UINT(count_raised(0, 4, 5, MODULE), 1);
    CHECK_UINT(count_raised(0, 5, 5, MODULE), 0); /* the same pairs again are no more */
}

TEST(minimum_is_not_judged_where_there_may_have_been_more_connections)
{
    CHECK_UINT(count_raised(3, 9, 1, 0), 1);
    CHECK_UINT(count_raised(3, 9, 1, MODULE), 0);
}

TEST(device_that_never_told_its_interval_is_not_silent)
{
    static const struct {
        const char *format;
        bool has_heartbeat;
        size_t count;
    } rows[] = {{NULL, false, 1}, {"rtos-module", true, 1}, {"agent", false, 0}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig *rig = rig_new(NULL);
        struct report report = rig_report(0, MIN_US, NULL, 0);

        report.format = rows[i].format;
        report.head.has_heartbeat = rows[i].has_heartbeat;
        rig_send(rig, &report);
        rig_tick(rig, 600 * MIN_US);
        CHECK_UINT(rig->count, rows[i].count);
        rig_free(rig);
        rig = rig_new(NULL); /* the same after a restart */
        detect_device_restore(rig->device, MIN_US, rows[i].has_heartbeat ? 60000 : 0,
                              rows[i].format != NULL);
        rig_tick(rig, 2 * MIN_US);
        rig_tick(rig, 600 * MIN_US);
        CHECK_UINT(rig->count, rows[i].count);
        rig_free(rig);
    }
}

TEST(events_that_an_agent_could_not_keep_are_loss)
{
    struct rig *rig = rig_new(NULL);
    struct report report = rig_report(0, MIN_US, NULL, 0);

    report.format = "agent";
    report.head.has_counters = false;
    report.facts.events_collected = 100;
    report.facts.events_dropped = 15;
    rig_send(rig, &report);
    rig_finish(rig);
    CHECK_UINT(rig->count, 1);
    CHECK_TEXT(rig->findings[0].type, "DEV_EVENTS_DROPPED");
    CHECK_UINT(rig->findings[0].measure.observed, 15);
    CHECK(strncmp(rig->findings[0].reason, "Of 100 events that the agent had in a window of ",
                  48) == 0);
    rig_free(rig);
}

TEST(setting_that_an_agent_could_not_take_is_a_configuration_error)
{
    struct configuration_error error = {{"interval", 8}, {"Conflict", 8}, {"too short", 9}};
    struct rig *rig = rig_new(NULL);
    struct report report = rig_report(0, MIN_US, NULL, 0);

    report.format = "agent";
    report.facts.configuration_errors = &error;
    report.facts.configuration_error_count = 1;
    rig_send(rig, &report);
    CHECK_UINT(rig->count, 1);
    CHECK_TEXT(rig->findings[0].type, "DEV_CONFIG_ERROR");
    CHECK_TEXT(rig->findings[0].key, "agent interval");
    CHECK_TEXT(rig->findings[0].reason,
               "The agent could not take interval as it was given (Conflict): too short");
    rig_free(rig);
}

TEST_MAIN(TEST_ROW(contact_whose_outcome_is_not_told_is_not_called_unanswered),
          TEST_ROW(connections_that_are_not_told_are_one_at_least_for_each_pair_of_ports),
          TEST_ROW(minimum_is_not_judged_where_there_may_have_been_more_connections),
          TEST_ROW(device_that_never_told_its_interval_is_not_silent),
          TEST_ROW(events_that_an_agent_could_not_keep_are_loss),
          TEST_ROW(setting_that_an_agent_could_not_take_is_a_configuration_error))
