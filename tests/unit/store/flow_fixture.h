/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_STORE_FLOW_FIXTURE_H
#define TESTS_UNIT_STORE_FLOW_FIXTURE_H

#include "model/flow_pack.h"
#include "store_fixture.h"

#define MINUTE_US INT64_C(60000000)
#define DAY_US    (1440 * MINUTE_US)
#define NOON_US   (20000 * DAY_US + DAY_US / 2)

/** Flows of a minute's report; its sequence tells it apart, and their bytes_out is it as well. */
#define FLOWS 3u

static inline struct address peer_at(uint8_t last)
{
    return address_from_bytes((const uint8_t[]){192, 0, 2, last}, 4);
}

static inline void make_flows(uint32_t sequence, int64_t start_us, struct flow ret[FLOWS])
{
    for (uint8_t i = 0; i < FLOWS; i++) {
        ret[i] = (struct flow){
            .direction = PICKET_OUTBOUND,
            .outcome = PICKET_ANSWERED,
            .protocol = PROTOCOL_TCP,
            .peer = peer_at((uint8_t)(1 + i)),
            .peer_name = i == 2 ? "Name.example.com" : NULL,
            .peer_port = 443,
            .local_port = FLOW_PORT_UNKNOWN,
            .connections = 1,
            .bytes_out = sequence,
            .first_us = start_us + i,
            .last_us = start_us + MINUTE_US - 1,
        };
    }
}

/** A transaction of its own, with the device's row and ledger, as a worker does it. */
static inline enum picket_status put_report(struct store *store, const char *device,
                                            uint32_t sequence, int64_t start_us, struct err *reterr)
{
    struct device row = device_of(device);
    struct flow flows[FLOWS];
    struct contact contacts[FLOWS];
    const struct flow_report report = {.boot = 7,
                                       .sequence = sequence,
                                       .received_us = start_us + MINUTE_US,
                                       .start_us = start_us,
                                       .end_us = start_us + MINUTE_US,
                                       .flows = flows,
                                       .flow_count = FLOWS};
    enum picket_status status = store->ops->begin(store, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    make_flows(sequence, start_us, flows);
    for (size_t i = 0; i < FLOWS; i++) {
        contacts[i] = (struct contact){.flow = flows[i], .reports = 1};
        contacts[i].flow.peer_name = i == 2 ? "name.example.com" : NULL;
    }
    status = store->ops->put_device(store, &row, reterr);
    if (status == PICKET_OK) {
        status = store->ops->put_contacts(store, device, contacts, FLOWS, reterr);
    }
    if (status == PICKET_OK) {
        status = store->ops->put_flows(store, device, &report, reterr);
    }
    return store_end(store, status, reterr);
}

#define SEEN_MAX 4096u

/** What a listing gave: a row for each flow, sequence * 10 + its place in the report. */
struct seen {
    uint32_t rows[SEEN_MAX];
    size_t count;
    char device[DEVICE_ID_MAX + 1]; /* of the last one */
    struct store_flow_place place;
};

static inline bool see(void *context, const struct store_flow *flow)
{
    struct seen *seen = context;

    if (seen->count < SEEN_MAX) {
        seen->rows[seen->count++] =
            flow->report->sequence * 10 + (uint32_t)(flow->flow - flow->report->flows);
    }
    snprintf(seen->device, sizeof(seen->device), "%s", flow->device);
    seen->place = *flow->place;
    return flow->flow->bytes_out == flow->report->sequence && flow->report->boot == 7;
}

static inline struct store_flow_filter flows_of(const char *device)
{
    return (struct store_flow_filter){
        .device = device, .since_us = INT64_MIN, .until_us = INT64_MAX, .limit = SEEN_MAX};
}

/** False if the store says no. */
static inline bool list_flows(struct store *store, const struct store_flow_filter *filter,
                              struct seen *ret)
{
    struct err err = {""};

    ret->count = 0;
    if (store->ops->each_flow(store, filter, see, ret, &err) != PICKET_OK) {
        printf("%s\n", err.text);
        return false;
    }
    return true;
}

/** How many of the flows of reports 1 to @p reports are there exactly once; nothing else may be. */
static inline size_t count_once(struct store *store, const char *device, uint32_t reports)
{
    const struct store_flow_filter filter = flows_of(device);
    struct seen seen;
    size_t once = 0;

    if (!list_flows(store, &filter, &seen)) {
        return SIZE_MAX;
    }
    for (uint32_t row = 0; row < reports * FLOWS; row++) {
        uint32_t wanted = (1 + row / FLOWS) * 10 + row % FLOWS;
        size_t found = 0;

        for (size_t i = 0; i < seen.count; i++) {
            found += seen.rows[i] == wanted;
        }
        once += found == 1;
    }
    return seen.count == once ? once : SIZE_MAX;
}

#endif
