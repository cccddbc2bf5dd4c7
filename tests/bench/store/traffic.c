/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

#define COMMON_PEERS 24u
#define SHARED_PEERS 600u
#define SHARED_KNOWN 6u /* of them, by one device */
#define OWN_PEERS    5u
#define NEW_ONE_IN   50u /* flows */
#define MS           1000

static const char *const NAMES[COMMON_PEERS] = {
    "pool.ntp.example.org",      "mqtt.cloud.example.com",   "api.vendor.example.net",
    "firmware.vendor.example",   "telemetry.cloud.example",  "time.example.com",
    "dns.resolver.example",      "logs.eu-1.cloud.example",  "logs.eu-2.cloud.example",
    "auth.vendor.example.net",   "cdn-0.content.example",    "cdn-1.content.example",
    "cdn-2.content.example",     "cdn-3.content.example",    "weather.example.org",
    "relay.stun.example.net",    "push.mobile.example.com",  "maps.tiles.example.com",
    "config.vendor.example.net", "crash.vendor.example.net", "license.vendor.example",
    "broker-1.iot.example.com",  "broker-2.iot.example.com", "ocsp.authority.example",
};

/* splitmix64 */
static uint64_t scramble(uint64_t number)
{
    number += UINT64_C(0x9e3779b97f4a7c15);
    number = (number ^ number >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    number = (number ^ number >> 27) * UINT64_C(0x94d049bb133111eb);
    return number ^ number >> 31;
}

void traffic_name_device(uint64_t device, char ret_id[DEVICE_ID_MAX + 1])
{
    snprintf(ret_id, DEVICE_ID_MAX + 1, "device-%06" PRIu64, device);
}

static struct address address_of(uint64_t random)
{
    uint8_t bytes[4] = {(uint8_t)(11 + random % 200), (uint8_t)(random >> 8),
                        (uint8_t)(random >> 16), (uint8_t)(random >> 24)};

    return address_from_bytes(bytes, sizeof(bytes));
}

struct address traffic_peer(enum traffic_peers kind, uint64_t device, uint64_t nth)
{
    uint64_t number = nth;

    if (kind == TRAFFIC_SHARED) {
        number = (scramble(device) + nth * 97) % SHARED_PEERS;
    } else if (kind != TRAFFIC_COMMON) {
        number = device << 32 | nth;
    }
    return address_of(scramble(number + ((uint64_t)kind << 60)));
}

/* Peers of a report are each another: the first four are known to all, then three to some, and so
 * on; which ones of these it is changes from report to report. */
static struct flow make_flow(uint64_t device, uint64_t round, unsigned place)
{
    static const uint16_t PORTS[] = {443, 8883, 123, 53, 80, 5683};
    uint64_t random = scramble(device << 40 | round << 8 | place);
    struct flow flow = {.direction = PICKET_OUTBOUND,
                        .outcome = PICKET_ANSWERED,
                        .protocol = PROTOCOL_TCP,
                        .local_port = FLOW_PORT_UNKNOWN};
    uint64_t nth = 0;

    if (place < 4) {
        nth = place * (COMMON_PEERS / 4) + random % 4 % (COMMON_PEERS / 4);
        flow.peer = traffic_peer(TRAFFIC_COMMON, device, nth);
        flow.peer_name = NAMES[nth];
    } else if (place < 7) {
        nth = 8 + (place - 4) * (SHARED_KNOWN / 3) + random % (SHARED_KNOWN / 3);
        flow.peer = traffic_peer(TRAFFIC_SHARED, device, nth);
    } else if (random % (NEW_ONE_IN / 3) == 0) {
        nth = round << 4 | place;
        flow.peer = traffic_peer(TRAFFIC_NEW, device, nth);
        flow.outcome = 0;
    } else {
        nth = 40 + place % OWN_PEERS;
        flow.peer = traffic_peer(TRAFFIC_OWN, device, nth);
    }
    flow.peer_port = PORTS[nth % (sizeof(PORTS) / sizeof(PORTS[0]))];
    flow.protocol = flow.peer_port == 53 || flow.peer_port == 123 || flow.peer_port == 5683
                        ? PROTOCOL_UDP
                        : PROTOCOL_TCP;
    return flow;
}

/* A device knows milliseconds. Counts are skewed: few packets mostly, many now and then. */
static void fill_counts(struct flow *flow, uint64_t random, int64_t start_us, int64_t interval_us)
{
    uint64_t first_ms = random % (uint64_t)(interval_us / MS);
    uint64_t left_ms = (uint64_t)(interval_us / MS) - first_ms;
    unsigned size = (unsigned)(random >> 20) % 6;
    bool is_answered = flow->outcome != 0;

    flow->connections = 1 + (random >> 24) % 3;
    flow->packets_out = 1 + (random >> 28) % (UINT64_C(4) << size);
    flow->packets_in = is_answered ? flow->packets_out + (random >> 36) % 4 : 0;
    flow->bytes_out = flow->packets_out * 44 + (random >> 40) % (UINT64_C(200) << size);
    flow->bytes_in = flow->packets_in * 48 + (is_answered ? scramble(random) % 3000 : 0);
    flow->first_us = start_us + (int64_t)first_ms * MS;
    flow->last_us = flow->first_us + (int64_t)(scramble(~random) % left_ms) * MS;
}

void traffic_make(uint64_t device, uint64_t round, uint64_t rounds, struct traffic_report *ret)
{
    int64_t interval_us = (int64_t)TRAFFIC_DAYS * DAY_US / (int64_t)rounds / MS * MS;
    int64_t end_us = TRAFFIC_START_US + (int64_t)(round + 1) * interval_us;
    int64_t phase_us = (int64_t)(scramble(device) % (uint64_t)(interval_us / MS)) * MS;

    traffic_name_device(device, ret->device);
    ret->report = (struct flow_report){
        .boot = (uint32_t)scramble(~device),
        .sequence = (uint32_t)round + 1,
        .received_us = end_us + (int64_t)(scramble(round ^ device << 20) % 50000),
        .start_us = end_us - interval_us - phase_us,
        .end_us = end_us - phase_us,
        .flows = ret->flows,
        .flow_count = TRAFFIC_FLOWS,
    };
    for (unsigned i = 0; i < TRAFFIC_FLOWS; i++) {
        ret->flows[i] = make_flow(device, round, i);
        fill_counts(&ret->flows[i], scramble(round << 24 ^ device << 4 ^ i), ret->report.start_us,
                    interval_us);
        ret->contacts[i] = (struct contact){.flow = ret->flows[i], .reports = 1};
        ret->contacts[i].flow.peer_name = NULL;
    }
}
