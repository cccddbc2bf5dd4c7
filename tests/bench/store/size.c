/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"
#include "bench.h"
#include "store/store.h"

struct counting {
    struct store *store;
    uint64_t devices;
    uint64_t flows;
};

static bool count_flow(void *context, const struct store_flow *flow)
{
    (void)flow;
    ((struct counting *)context)->flows++;
    return true;
}

static bool count_device(void *context, const struct device *device)
{
    struct counting *counting = context;
    const struct store_flow_filter filter = {
        .device = device->id, .since_us = INT64_MIN, .until_us = INT64_MAX, .limit = SIZE_MAX};
    struct err err = {""};

    counting->devices++;
    demand(counting->store->ops->each_flow(counting->store, &filter, count_flow, counting, &err),
           &err);
    return true;
}

static bool goes_on(void *context)
{
    (void)context;
    return true;
}

void size_print(const char *folder, const char *about)
{
    const struct store_filter all = {.id = NULL};
    struct counting before = {.store = NULL};
    struct counting after;
    char flows[4096];
    struct err err = {""};
    uint64_t open_bytes, sealed_bytes;
    double begin_s;

    snprintf(flows, sizeof(flows), "%s/flows", folder);
    open_bytes = bytes_of(flows, ".db");
    demand(store_open_sqlite(folder, &before.store, &err), &err);
    after = before;
    demand(before.store->ops->each_device(before.store, &all, count_device, &before, &err), &err);
    begin_s = now_s();
    demand(before.store->ops->seal_flows(before.store, INT64_MAX, goes_on, NULL, &err), &err);
    begin_s = now_s() - begin_s;
    demand(after.store->ops->each_device(after.store, &all, count_device, &after, &err), &err);
    store_close(after.store);
    sealed_bytes = bytes_of(flows, ".sealed.db");
    printf("%-28s %9" PRIu64 " flows of %5" PRIu64 " devices: %6.1f bytes each open, %5.1f sealed;"
           " sealed in %.2f s%s\n",
           about, before.flows, before.devices, (double)open_bytes / (double)before.flows,
           (double)sealed_bytes / (double)before.flows, begin_s,
           before.flows == after.flows ? "" : "; FLOWS ARE MISSING");
}
