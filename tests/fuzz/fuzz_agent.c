/* SPDX-License-Identifier: MIT */
/*
 * The input drives an agent: its configuration, then one operation after the
 * other. What the reports say and what is still inside must at all times sum up
 * to what went in, and each report must be one that the decoder takes. A twin
 * gets every packet cut in two, so that it takes no shortcut, and must make the
 * same reports.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "picket/picket.h"

#define SLOTS_MAX      16
#define RULES_MAX      4u
#define FACTS_BYTES    512u
#define SETTINGS_BYTES 512u /* two halves */

/* Packets, bytes and connections that opened with a SYN. */
struct sums {
    uint64_t packets;
    uint64_t bytes;
    uint64_t lost; /* malformed, dropped, filtered */
};

struct run {
    const uint8_t *bytes;
    size_t left;
    uint32_t now_ms;
    struct picket_agent agent;
    struct picket_agent twin;
    struct sums in;
    struct sums out;
    uint32_t sequence; /* of the last confirmed report */
    uint8_t report[2048];
    size_t report_length; /* 0: none built since the last confirmation */
    uint64_t ipv4[2][SLOTS_MAX * PICKET_IPV4_EXACT_STORAGE_BYTES(1) / 8 + 1];
    uint64_t ipv6[2][SLOTS_MAX * PICKET_IPV6_EXACT_STORAGE_BYTES(1) / 8 + 1];
    uint64_t facts[2][FACTS_BYTES / 8];
    uint8_t settings[2][SETTINGS_BYTES];
};

static const struct picket_text audience = {"fuzz", 4};

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

static uint8_t take(struct run *run)
{
    if (run->left == 0) {
        return 0;
    }
    run->left--;
    return *run->bytes++;
}

static uint32_t now_ms(void *context)
{
    return ((struct run *)context)->now_ms;
}

static bool trust(void *context, enum picket_algorithm algorithm, const uint8_t *message,
                  size_t length, const uint8_t signature[PICKET_SIGNATURE_BYTES])
{
    (void)context;
    (void)algorithm;
    (void)message;
    (void)length;
    (void)signature;
    return true;
}

static void start(struct run *run)
{
    uint8_t traits = take(run);
    size_t slots = take(run) % (SLOTS_MAX + 1);
    struct picket_config config = {.boot = 1,
                                   .interval_ms = 1000,
                                   .facts_storage_bytes = traits & 4 ? FACTS_BYTES : 0,
                                   .settings_storage_bytes = SETTINGS_BYTES,
                                   .audience = audience};
    struct picket_port port = {.context = run, .now_ms = now_ms, .verify = trust};

    config.exact_flows = traits & 1;
    config.associate_fragments = traits & 2;
    config.ipv4_storage_bytes = config.exact_flows ? PICKET_IPV4_EXACT_STORAGE_BYTES(slots)
                                                   : PICKET_IPV4_STORAGE_BYTES(slots);
    config.ipv6_storage_bytes = config.exact_flows ? PICKET_IPV6_EXACT_STORAGE_BYTES(slots)
                                                   : PICKET_IPV6_STORAGE_BYTES(slots);
    run->now_ms = (uint32_t)traits << 24;
    config.ipv4_storage = run->ipv4[0];
    config.ipv6_storage = run->ipv6[0];
    config.facts_storage = run->facts[0];
    config.settings_storage = run->settings[0];
    require(picket_init(&run->agent, &config, &port) == PICKET_OK);
    config.ipv4_storage = run->ipv4[1];
    config.ipv6_storage = run->ipv6[1];
    config.facts_storage = run->facts[1];
    config.settings_storage = run->settings[1];
    require(picket_init(&run->twin, &config, &port) == PICKET_OK);
}

/* A sound packet of few peers and ports, so that flows meet again; a large one now and then. */
static void observe(struct run *run)
{
    static const uint8_t protocols[4] = {6, 17, 1, 58};
    uint8_t what = take(run);
    uint8_t who = take(run);
    uint8_t flags = take(run);
    bool is_ipv6 = what & 1;
    size_t header = is_ipv6 ? 40 : 20;
    size_t length = header + 20;
    uint8_t bytes[60] = {0};
    struct picket_span span = {bytes, header + 20};
    struct picket_span cut[2] = {{bytes, 1}, {bytes + 1, header + 19}};
    struct picket_datagram datagram = {(enum picket_direction)(what >> 1 & 1), &span, 1, 0};

    bytes[0] = is_ipv6 ? 0x60 : 0x45;
    bytes[is_ipv6 ? 5 : 3] = is_ipv6 ? 20 : 40;
    bytes[is_ipv6 ? 6 : 9] = protocols[what >> 2 & 3];
    bytes[header - 1] = who & 7;
    bytes[header - (is_ipv6 ? 17 : 5)] = who >> 4 & 7;
    bytes[header + 1] = who >> 3 & 1;
    bytes[header + 3] = flags >> 6;
    bytes[header + 13] = flags & 0x1f;
    if (!is_ipv6 && (what & 0xf0) == 0xf0) { /* left to the network card to cut */
        bytes[3] = 0;
        length = 0xf0000000u + flags;
    }
    datagram.length = length;
    if (!is_ipv6 && (what & 0x90) == 0x90) { /* a fragment */
        bytes[5] = flags & 1;
        bytes[6] = flags & 0x20;
        bytes[7] = flags >> 1 & 1;
    }
    require(picket_observe(&run->agent, &datagram) ==
            picket_observe(&run->twin,
                           &(struct picket_datagram){datagram.direction, cut, 2, datagram.length}));
    run->in.packets++;
    run->in.bytes += length;
}

static void tell_of_lost(struct run *run)
{
    uint8_t packets = take(run);
    struct picket_span span = {&packets, 1};
    struct picket_datagram datagram = {PICKET_INBOUND, &span, 1, 1};

    picket_note_dropped(&run->agent, packets);
    picket_note_filtered(&run->agent, packets);
    picket_observe(&run->agent, &datagram);
    picket_note_dropped(&run->twin, packets);
    picket_note_filtered(&run->twin, packets);
    picket_observe(&run->twin, &datagram);
    run->in.lost += 2u * packets + 1;
}

static void pass_time(struct run *run)
{
    uint8_t step = take(run);

    run->now_ms += (uint32_t)step << (step & 15);
    require(picket_next_report_ms(&run->agent) == picket_next_report_ms(&run->twin));
}

/* A rule about one of the few peers and ports that there are, or about all of them. */
static void put_rule(struct run *run, uint8_t *ret_bytes, uint8_t address_size)
{
    uint8_t traits = take(run);
    struct picket_rule rule = {.is_deny = traits & 1,
                               .has_protocol = traits & 2,
                               .direction = (enum picket_direction)(traits >> 2 & 3) % 3,
                               .protocol = traits & 2 ? traits & 16 ? 6 : 17 : 0,
                               .address_size = address_size,
                               .prefix_length = traits & 32 ? (uint8_t)(address_size * 8u) : 0,
                               .first_port = traits & 64,
                               .last_port = traits & 64 ? 256 : 65535};

    if (traits & 32) {
        rule.address[address_size - 1] = traits >> 5;
    }
    require(picket_rule_put(&rule, ret_bytes) == PICKET_OK);
}

/* To both agents, perhaps with a byte changed on the way. */
static void apply(struct run *run, const struct picket_settings *settings)
{
    static const uint8_t signature[PICKET_SIGNATURE_BYTES] = {0};
    uint8_t payload[SETTINGS_BYTES];
    uint8_t bytes[2 * SETTINGS_BYTES];
    struct picket_envelope envelope = {PICKET_ALGORITHM_EDDSA, payload, 0, signature};
    enum picket_status status;
    size_t length = 0;
    uint8_t spoilt = take(run);

    require(picket_settings_put(settings, payload, sizeof(payload), &envelope.payload_length) ==
            PICKET_OK);
    require(picket_envelope_put(&envelope, bytes, sizeof(bytes), &length) == PICKET_OK);
    if (spoilt < length) {
        bytes[spoilt] ^= take(run);
    }
    status = picket_apply_settings(&run->agent, bytes, length);
    require(picket_apply_settings(&run->twin, bytes, length) == status && status != PICKET_E_ARG);
}

static void apply_policy(struct run *run)
{
    uint8_t traits = take(run);
    uint8_t ipv4[RULES_MAX * PICKET_IPV4_RULE_BYTES];
    uint8_t ipv6[RULES_MAX * PICKET_IPV6_RULE_BYTES];
    uint8_t fingerprints[3] = {take(run)};
    struct picket_settings settings = {.kind = PICKET_SETTINGS_POLICY,
                                       .revision = take(run) + 1u,
                                       .audience = audience,
                                       .policy = {.mode = (enum picket_policy_mode)(traits & 3) % 3,
                                                  .trial_ms = traits & 4 ? PICKET_TRIAL_MS_MIN : 0,
                                                  .denies_others = traits & 8,
                                                  .ipv4_rules = ipv4,
                                                  .ipv6_rules = ipv6,
                                                  .ipv4_rule_count = traits >> 4 & 3,
                                                  .ipv6_rule_count = traits >> 4 & 3,
                                                  .has_filter = traits >> 7,
                                                  .filter = {.segment_length = 1,
                                                             .segment_count = 1,
                                                             .fingerprints = fingerprints,
                                                             .fingerprint_count = 3}}};

    for (size_t i = 0; i < settings.policy.ipv4_rule_count; i++) {
        put_rule(run, ipv4 + i * PICKET_IPV4_RULE_BYTES, 4);
        put_rule(run, ipv6 + i * PICKET_IPV6_RULE_BYTES, 16);
    }
    apply(run, &settings);
}

static void apply_configuration(struct run *run)
{
    struct picket_settings settings = {
        .kind = PICKET_SETTINGS_CONFIGURATION, .revision = take(run) + 1u, .audience = audience};
    uint32_t *values = settings.configuration.values;

    settings.configuration.given = take(run);
    for (size_t i = 0; i < 3; i++) {
        values[i] = 1000u + take(run);
    }
    values[3] = take(run);
    values[4] = values[3] & 1;
    values[5] = take(run) % (SLOTS_MAX + 2u);
    values[6] = take(run) % (SLOTS_MAX + 2u);
    values[7] = take(run) * 4u;
    apply(run, &settings);
}

static void set_service(struct run *run)
{
    struct picket_address service = {4, {0, 0, 0, take(run) & 7u}};

    require(picket_set_service(&run->agent, &service, 1) == PICKET_OK);
    require(picket_set_service(&run->twin, &service, 1) == PICKET_OK);
}

static void tell_of_event(struct run *run)
{
    char name[2] = {(char)('a' + take(run) % 26), '\0'};

    require(picket_note_event(&run->agent, name, NULL) ==
            picket_note_event(&run->twin, name, NULL));
}

static void seal(struct run *run)
{
    bool is_busy = run->agent.is_sealed;

    require(picket_seal_window(&run->agent) == (is_busy ? PICKET_E_STATE : PICKET_OK));
    require(picket_seal_window(&run->twin) == (is_busy ? PICKET_E_STATE : PICKET_OK));
}

/* Builds both reports into buffers of @p capacity bytes; they are the same. */
static enum picket_status build_both(struct run *run, size_t capacity)
{
    static uint8_t built[2][sizeof(run->report)];
    size_t lengths[2] = {0, 0};
    enum picket_status status = picket_build_report(&run->agent, built[0], capacity, &lengths[0]);

    require(picket_build_report(&run->twin, built[1], capacity, &lengths[1]) == status);
    if (status == PICKET_OK) {
        require(lengths[0] == lengths[1] && memcmp(built[0], built[1], lengths[0]) == 0);
        memcpy(run->report, built[0], lengths[0]);
        run->report_length = lengths[0];
    }
    return status;
}

static void build(struct run *run)
{
    enum picket_status status = build_both(run, take(run) * 8u);

    require(status == PICKET_OK || status == PICKET_E_EMPTY || status == PICKET_E_SPACE);
}

static void add_head(struct run *run, const struct picket_report_head *head)
{
    const struct picket_counters *counters = &head->counters;

    require(head->sequence == run->sequence + 1);
    run->sequence++;
    if (!head->has_counters) {
        require(head->part > 0);
        return;
    }
    run->out.lost += counters->malformed + counters->dropped + counters->filtered;
    require(counters->seen == counters->kept + counters->folded + counters->malformed +
                                  counters->dropped + counters->filtered);
    for (size_t i = 0; i < PICKET_REMAINDER_CLASSES; i++) {
        const struct picket_remainder *remainder = &head->remainder[i];

        run->out.packets += remainder->packets_in + remainder->packets_out;
        run->out.bytes += remainder->bytes_in + remainder->bytes_out;
    }
}

static void confirm(struct run *run)
{
    struct picket_report_reader reader;
    struct picket_report_head head;
    struct picket_flow_record flow;
    uint32_t count;

    if (run->report_length == 0) {
        require(picket_confirm_report(&run->agent) == PICKET_E_STATE);
        require(picket_confirm_report(&run->twin) == PICKET_E_STATE);
        return;
    }
    require(picket_report_open(&reader, run->report, run->report_length, &head, &count) ==
            PICKET_OK);
    add_head(run, &head);
    while (picket_report_next_flow(&reader, &flow)) {
        require(flow.packets_in + flow.packets_out > 0 && flow.last_ms <= head.window_ms);
        run->out.packets += flow.packets_in + flow.packets_out;
        run->out.bytes += flow.bytes_in + flow.bytes_out;
    }
    require(picket_confirm_report(&run->agent) == PICKET_OK);
    require(picket_confirm_report(&run->twin) == PICKET_OK);
    run->report_length = 0;
}

/* Takes out everything that is still inside. */
static void drain(struct run *run)
{
    for (int window = 0; window < 2; window++) {
        if (!run->agent.is_sealed) {
            seal(run);
        }
        while (build_both(run, sizeof(run->report)) == PICKET_OK) {
            confirm(run);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static void (*const operations[16])(struct run *) = {
        observe,     observe,       observe, tell_of_lost, pass_time,    seal,
        build,       confirm,       observe, observe,      apply_policy, apply_configuration,
        set_service, tell_of_event, build,   confirm};
    struct run *run = calloc(1, sizeof(*run));

    require(run != NULL);
    run->bytes = bytes;
    run->left = length;
    start(run);
    while (run->left > 0) {
        operations[take(run) & 15](run);
    }
    drain(run);
    require(run->in.packets == run->out.packets && run->in.bytes == run->out.bytes &&
            run->in.lost == run->out.lost);
    free(run);
    return 0;
}
