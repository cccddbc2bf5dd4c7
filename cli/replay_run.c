/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/time.h"
#include "cli/replay.h"
#include "picket/picket.h"
#include "picket_linux_crypto.h"

/* Over longer silence the clock goes in steps, so that a capture with a wild time ends soon. */
#define SILENCE_MS      86400000
#define SILENCE_STEP_MS (20 * (int64_t)86400000) /* below 2^31: more is a clock that went back */

struct replay_clock {
    int64_t start_ms;
    int64_t now_ms;
    int64_t shift_ms;
};

struct replay_agent {
    struct picket_agent agent;
    void *ipv4_storage;
    void *ipv6_storage;
    void *facts_storage;    /* NULL if flows are exact */
    void *settings_storage; /* NULL without settings */
};

struct replay_run {
    struct replay_run_config config;
    struct replay_clock clock;
    struct replay_agent *agents;
    int64_t due_ms; /* when the next report is due */
    uint8_t report[PICKET_REPORT_BYTES_MAX];
};

static uint32_t port_now_ms(void *context)
{
    const struct replay_run *run = context;

    return (uint32_t)(run->clock.now_ms - run->clock.start_ms); /* wraps, as a port's may */
}

static uint64_t port_clock_ms(void *context)
{
    const struct replay_run *run = context;

    return (uint64_t)(run->clock.now_ms + run->clock.shift_ms);
}

static bool port_verify(void *context, enum picket_algorithm algorithm, const uint8_t *message,
                        size_t length, const uint8_t signature[PICKET_SIGNATURE_BYTES])
{
    const struct replay_run *run = context;

    return replay_settings_verify(run->config.settings, algorithm, message, length, signature);
}

/* Hands the settings to an agent that has just begun. */
static enum picket_status start_agent(const struct replay_run *run, struct replay_agent *agent,
                                      struct picket_config *config, const struct picket_port *port)
{
    const struct replay_settings *settings = run->config.settings;
    enum picket_status status = PICKET_OK;

    if (settings == NULL) {
        return picket_init(&agent->agent, config, port);
    }
    agent->settings_storage = replay_settings_prepare(settings, config);
    if (agent->settings_storage == NULL) {
        return PICKET_E_NOMEM;
    }
    status = picket_init(&agent->agent, config, port);
    return status == PICKET_OK ? replay_settings_apply(settings, &agent->agent) : status;
}

static enum picket_status init_agent(struct replay_run *run, struct replay_agent *agent)
{
    size_t flows = run->config.flows;
    bool is_exact = run->config.exact_flows;
    struct picket_port port = {.context = run,
                               .now_ms = port_now_ms,
                               .clock_ms = port_clock_ms,
                               .sha256 = picket_linux_sha256,
                               .verify = port_verify};
    struct picket_config config = {
        .boot = run->config.boot,
        .interval_ms = run->config.interval_ms,
        .hash_key = {0x50, 0x49, 0x43, 0x4b}, /* fixed: two runs give the same bytes */
        .exact_flows = is_exact,
        .ipv4_storage_bytes =
            is_exact ? PICKET_IPV4_EXACT_STORAGE_BYTES(flows) : PICKET_IPV4_STORAGE_BYTES(flows),
        .ipv6_storage_bytes =
            is_exact ? PICKET_IPV6_EXACT_STORAGE_BYTES(flows) : PICKET_IPV6_STORAGE_BYTES(flows),
        .facts_storage_bytes = is_exact ? 0 : PICKET_FACTS_STORAGE_BYTES(flows),
        .system = {.module_version = {PICKET_VERSION, sizeof(PICKET_VERSION) - 1}},
    };

    agent->ipv4_storage = malloc(config.ipv4_storage_bytes);
    agent->ipv6_storage = malloc(config.ipv6_storage_bytes);
    agent->facts_storage = is_exact ? NULL : malloc(config.facts_storage_bytes);
    if (agent->ipv4_storage == NULL || agent->ipv6_storage == NULL ||
        (agent->facts_storage == NULL && !is_exact)) {
        return PICKET_E_NOMEM;
    }
    config.ipv4_storage = agent->ipv4_storage;
    config.ipv6_storage = agent->ipv6_storage;
    config.facts_storage = agent->facts_storage;
    return start_agent(run, agent, &config, &port);
}

/* Sets when the next report is due: never now, or the clock would stand still. */
static void set_due(struct replay_run *run)
{
    int64_t wait_ms = SILENCE_STEP_MS;

    for (size_t i = 0; i < run->config.agents; i++) {
        int64_t next_ms = picket_next_report_ms(&run->agents[i].agent);

        wait_ms = next_ms < wait_ms ? next_ms : wait_ms;
    }
    run->due_ms = run->clock.now_ms + (wait_ms > 0 ? wait_ms : 1);
}

enum picket_status run_new(const struct replay_run_config *config, int64_t start_us,
                           struct replay_run **ret, struct err *reterr)
{
    struct replay_run *run = calloc(1, sizeof(*run));
    enum picket_status status = PICKET_E_NOMEM;

    if (run == NULL) {
        goto out;
    }
    run->config = *config;
    run->clock.start_ms = start_us / TIME_US_PER_MS;
    run->clock.now_ms = run->clock.start_ms;
    run->clock.shift_ms = config->shift_us / TIME_US_PER_MS;
    run->agents = calloc(config->agents, sizeof(*run->agents));
    if (run->agents == NULL) {
        goto out;
    }
    for (size_t i = 0; i < config->agents; i++) {
        status = init_agent(run, &run->agents[i]);
        if (status != PICKET_OK) {
            goto out;
        }
    }
    set_due(run);
    *ret = run;
    run = NULL;
out:
    if (status != PICKET_OK) {
        err_set(reterr, "the device code can't start: %s",
                status == PICKET_E_CONFLICT ? "it can't do what the settings ask"
                                            : picket_strerror(status));
    }
    run_free(run);
    return status;
}

void run_free(struct replay_run *run)
{
    if (run == NULL) {
        return;
    }
    for (size_t i = 0; run->agents != NULL && i < run->config.agents; i++) {
        free(run->agents[i].ipv4_storage);
        free(run->agents[i].ipv6_storage);
        free(run->agents[i].facts_storage);
        free(run->agents[i].settings_storage);
    }
    free(run->agents);
    free(run);
}

/* Gives the sink every report that @p index has by now. */
static enum picket_status take_reports(struct replay_run *run, size_t index, struct err *reterr)
{
    struct picket_agent *agent = &run->agents[index].agent;
    const struct replay_sink *sink = &run->config.sink;
    int64_t now_us = run->clock.now_ms * TIME_US_PER_MS;
    enum picket_status status = PICKET_OK;
    size_t length = 0;

    while (status == PICKET_OK) {
        status = picket_build_report(agent, run->report, sizeof(run->report), &length);
        if (status == PICKET_E_EMPTY) {
            return PICKET_OK;
        }
        if (status == PICKET_OK) {
            status = sink->take(sink->context, index, run->report, length, now_us, reterr);
        } else {
            err_set(reterr, "the device code made no report: %s", picket_strerror(status));
        }
        if (status == PICKET_OK) {
            status = picket_confirm_report(agent);
        }
    }
    return status;
}

static enum picket_status take_all(struct replay_run *run, struct err *reterr)
{
    const struct replay_sink *sink = &run->config.sink;
    enum picket_status status = PICKET_OK;

    for (size_t i = 0; status == PICKET_OK && i < run->config.agents; i++) {
        status = take_reports(run, i, reterr);
    }
    if (status == PICKET_OK && sink->tick != NULL) {
        status = sink->tick(sink->context, run->clock.now_ms * TIME_US_PER_MS, reterr);
    }
    set_due(run);
    return status;
}

enum picket_status run_advance(struct replay_run *run, int64_t time_us, struct err *reterr)
{
    int64_t target_ms = time_us / TIME_US_PER_MS;
    enum picket_status status = PICKET_OK;

    while (status == PICKET_OK && run->due_ms <= target_ms) {
        run->clock.now_ms = run->due_ms;
        status = take_all(run, reterr);
        if (target_ms - run->clock.now_ms > SILENCE_MS) {
            int64_t step_ms = run->clock.now_ms + SILENCE_STEP_MS;

            run->due_ms = step_ms < target_ms ? step_ms : target_ms;
        }
    }
    if (target_ms > run->clock.now_ms) {
        run->clock.now_ms = target_ms;
    }
    return status;
}

void run_observe(struct replay_run *run, size_t agent, enum picket_direction direction,
                 const struct capture_datagram *datagram)
{
    struct picket_span span = {datagram->bytes, datagram->captured};
    struct picket_datagram seen = {
        .direction = direction, .spans = &span, .span_count = 1, .length = datagram->length};

    picket_observe(&run->agents[agent].agent, &seen);
}

enum picket_status run_flush(struct replay_run *run, struct err *reterr)
{
    enum picket_status status = take_all(run, reterr);

    for (size_t i = 0; status == PICKET_OK && i < run->config.agents; i++) {
        status = picket_seal_window(&run->agents[i].agent);
        if (status != PICKET_OK) {
            err_set(reterr, "the last window can't be closed: %s", picket_strerror(status));
        }
    }
    return status == PICKET_OK ? take_all(run, reterr) : status;
}
