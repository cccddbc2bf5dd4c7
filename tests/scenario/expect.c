/* SPDX-License-Identifier: MIT */
#include "scenario/expect.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "model/flow.h"
#include "scenario/world.h"
#include "store/store.h"

#define ALERTS_MAX 64u
#define PAIRS_MAX  24u
#define VALUE_MAX  320u

/* What an expectation says: name=value. */
struct pairs {
    char *names[PAIRS_MAX];
    char *values[PAIRS_MAX];
    size_t count;
};

/* What the store holds. */
struct alerts {
    struct alert items[ALERTS_MAX];
    size_t count;
};

/* One name that an alert can be asked for. */
struct property {
    const char *name;
    void (*write)(const struct alert *alert, char *ret_text);
};

#define TEXT_PROPERTY(function, expression)                                                        \
    static void function(const struct alert *alert, char *ret_text)                                \
    {                                                                                              \
        snprintf(ret_text, VALUE_MAX, "%s", expression);                                           \
    }
#define NUMBER_PROPERTY(function, expression)                                                      \
    static void function(const struct alert *alert, char *ret_text)                                \
    {                                                                                              \
        snprintf(ret_text, VALUE_MAX, "%" PRId64, (int64_t)(expression));                          \
    }

TEXT_PROPERTY(write_device, alert->device)
TEXT_PROPERTY(write_type, alert->type)
TEXT_PROPERTY(write_severity, severity_name(alert->severity))
TEXT_PROPERTY(write_state, alert_state_name(alert->state))
TEXT_PROPERTY(write_feed, alert->evidence.has_indicator ? alert->evidence.feed : "")
TEXT_PROPERTY(write_direction, direction_name(alert->evidence.total.direction))
TEXT_PROPERTY(write_outcome,
              outcome_name(alert->evidence.total.outcome, alert->evidence.total.unknown))
NUMBER_PROPERTY(write_count, alert->count)
NUMBER_PROPERTY(write_flows, alert->evidence.flow_count)
NUMBER_PROPERTY(write_service_port, flow_service_port(&alert->evidence.total))
NUMBER_PROPERTY(write_connections, alert->evidence.total.connections)
NUMBER_PROPERTY(write_packets_in, alert->evidence.total.packets_in)
NUMBER_PROPERTY(write_packets_out, alert->evidence.total.packets_out)
NUMBER_PROPERTY(write_bytes_in, alert->evidence.total.bytes_in)
NUMBER_PROPERTY(write_bytes_out, alert->evidence.total.bytes_out)
TEXT_PROPERTY(write_key, alert->key)
NUMBER_PROPERTY(write_verdicts, alert->evidence.verdict_count)
NUMBER_PROPERTY(write_observed, alert->evidence.measure.observed)
NUMBER_PROPERTY(write_score, alert->evidence.score.points)

static void write_listed(const struct alert *alert, char *ret_text)
{
    char form[OBSERVABLE_FORM_MAX];

    observable_format(&alert->evidence.indicator.observable, form);
    snprintf(ret_text, VALUE_MAX, "%s", form);
}

static void write_peer(const struct alert *alert, char *ret_text)
{
    address_format(&alert->evidence.total.peer, ret_text);
}

static void write_peer_name(const struct alert *alert, char *ret_text)
{
    snprintf(ret_text, VALUE_MAX, "%s", alert->evidence.peer_names[0]);
}

/* Milliseconds since the scenario's start, with their unit. */
static void write_moment(int64_t time_us, char *ret_text)
{
    int64_t ms = (time_us - WORLD_START_US) / 1000;

    if (ms % 1000 == 0) {
        snprintf(ret_text, VALUE_MAX, "%" PRId64 "s", ms / 1000);
    } else {
        snprintf(ret_text, VALUE_MAX, "%" PRId64 "ms", ms);
    }
}

static void write_first(const struct alert *alert, char *ret_text)
{
    write_moment(alert->first_us, ret_text);
}

static void write_last(const struct alert *alert, char *ret_text)
{
    write_moment(alert->last_us, ret_text);
}

static const struct property properties[] = {
    {"device", write_device},
    {"type", write_type},
    {"severity", write_severity},
    {"state", write_state},
    {"count", write_count},
    {"first", write_first},
    {"last", write_last},
    {"peer", write_peer},
    {"peer_name", write_peer_name},
    {"service_port", write_service_port},
    {"direction", write_direction},
    {"outcome", write_outcome},
    {"connections", write_connections},
    {"packets_in", write_packets_in},
    {"packets_out", write_packets_out},
    {"bytes_in", write_bytes_in},
    {"bytes_out", write_bytes_out},
    {"flows", write_flows},
    {"feed", write_feed},
    {"observed", write_observed},
    {"key", write_key},
    {"verdicts", write_verdicts},
    {"listed", write_listed},
    {"score", write_score},
};
#define PROPERTIES (sizeof(properties) / sizeof(properties[0]))

static const struct property *find_property(const char *name)
{
    for (size_t i = 0; i < PROPERTIES; i++) {
        if (strcmp(properties[i].name, name) == 0) {
            return &properties[i];
        }
    }
    return NULL;
}

static bool keep_alert(void *context, const struct alert *alert)
{
    struct alerts *alerts = context;

    if (alerts->count == ALERTS_MAX) {
        return false;
    }
    alerts->items[alerts->count] = *alert;
    evidence_repoint(&alerts->items[alerts->count].evidence);
    alerts->count++;
    return true;
}

static void read_store(struct world *world, bool recommendations, struct alerts *alerts)
{
    const struct store_filter filter = {.recommendations = recommendations};
    struct err err = {""};

    if (world->store->ops->each_alert(world->store, &filter, keep_alert, alerts, &err) !=
        PICKET_OK) {
        script_die(world->script, "the store: %s", err.text);
    }
}

static void print_alerts(const struct alerts *alerts)
{
    for (size_t i = 0; i < alerts->count; i++) {
        const struct alert *alert = &alerts->items[i];

        printf("    there is %s:", alert->is_recommendation ? "recommendation" : "alert");
        for (size_t k = 0; k < PROPERTIES; k++) {
            char text[VALUE_MAX];

            properties[k].write(alert, text);
            printf(" %s=%s", properties[k].name, text);
        }
        printf("\n        \"%s\"\n", alert->reason);
    }
    if (alerts->count == 0) {
        printf("    there is none\n");
    }
}

static struct pairs read_pairs(struct script *script)
{
    struct pairs pairs = {.count = 0};

    while (pairs.count < PAIRS_MAX &&
           script_pair(script, &pairs.names[pairs.count], &pairs.values[pairs.count])) {
        pairs.count++;
    }
    return pairs;
}

static bool matches(struct script *script, const struct alert *alert, const struct pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        const struct property *property = find_property(pairs->names[i]);
        char text[VALUE_MAX];

        if (property == NULL) {
            script_die(script, "an alert has no \"%s\"", pairs->names[i]);
        }
        property->write(alert, text);
        if (strcmp(text, pairs->values[i]) != 0) {
            return false;
        }
    }
    return true;
}

/* Exactly one alert (or recommendation) is as the pairs say. */
static void expect_one(struct expectations *expectations, struct world *world, bool recommendations)
{
    static struct alerts alerts; /* too large for a stack */
    struct pairs pairs = read_pairs(world->script);
    size_t found = 0;

    alerts.count = 0;
    read_store(world, recommendations, &alerts);
    for (size_t i = 0; i < alerts.count; i++) {
        if (!matches(world->script, &alerts.items[i], &pairs)) {
            continue;
        }
        found++;
        if (expectations->met_count < sizeof(expectations->met) / sizeof(expectations->met[0])) {
            memcpy(expectations->met[expectations->met_count++], alerts.items[i].id, ALERT_ID_MAX);
        }
    }
    if (found != 1) {
        script_fail(world->script, "expected exactly one %s like this, there are %zu",
                    recommendations ? "recommendation" : "alert", found);
        print_alerts(&alerts);
    }
}

static bool is_met(const struct expectations *expectations, const char *id)
{
    for (size_t i = 0; i < expectations->met_count; i++) {
        if (strcmp(expectations->met[i], id) == 0) {
            return true;
        }
    }
    return false;
}

/* Nothing but what was met at this moment. */
static void expect_none(struct expectations *expectations, struct world *world)
{
    static struct alerts alerts; /* too large for a stack */
    static struct alerts others;

    alerts.count = 0;
    others.count = 0;
    read_store(world, false, &alerts);
    read_store(world, true, &alerts);
    for (size_t i = 0; i < alerts.count; i++) {
        if (!is_met(expectations, alerts.items[i].id)) {
            (void)keep_alert(&others, &alerts.items[i]);
        }
    }
    if (others.count > 0) {
        script_fail(world->script, "expected nothing else");
        print_alerts(&others);
    }
}

static bool keep_device(void *context, const struct device *device)
{
    *(struct device *)context = *device;
    return true;
}

/* NAME and what the service has counted of it. */
static void expect_device(struct world *world)
{
    struct script *script = world->script;
    const struct store_filter filter = {.id = script_need(script, "the device")};
    struct device device = {.id = ""};
    struct err err = {""};
    char *name;
    char *value;

    if (world->store->ops->each_device(world->store, &filter, keep_device, &device, &err) !=
        PICKET_OK) {
        script_die(script, "the store: %s", err.text);
    }
    while (script_pair(script, &name, &value)) {
        const struct {
            const char *name;
            uint64_t value;
        } counts[] = {
            {"reports", device.reports},          {"repeats", device.repeats},
            {"missing", device.boot.missing},     {"boot", device.boot.id},
            {"seen", device.counters.seen},       {"kept", device.counters.kept},
            {"folded", device.counters.folded},   {"malformed", device.counters.malformed},
            {"dropped", device.counters.dropped},
        };
        size_t i = 0;

        while (i < sizeof(counts) / sizeof(counts[0]) && strcmp(counts[i].name, name) != 0) {
            i++;
        }
        if (i == sizeof(counts) / sizeof(counts[0])) {
            script_die(script, "a device has no \"%s\"", name);
        }
        if (counts[i].value != script_number(script, value, UINT64_MAX)) {
            script_fail(script, "expected %s=%s, it is %" PRIu64, name, value, counts[i].value);
        }
    }
}

void expect_read(struct expectations *expectations, struct world *world)
{
    const char *what = script_need(world->script, "what is expected");

    if (strcmp(what, "alert") == 0) {
        expect_one(expectations, world, false);
    } else if (strcmp(what, "recommendation") == 0) {
        expect_one(expectations, world, true);
    } else if (strcmp(what, "none") == 0) {
        expect_none(expectations, world);
    } else if (strcmp(what, "device") == 0) {
        expect_device(world);
    } else {
        script_die(world->script, "\"%s\" is not alert, recommendation, device or none", what);
    }
}

void expect_forget(struct expectations *expectations)
{
    expectations->met_count = 0;
}
