/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cli/replay.h"
#include "cli/roster.h"
#include "cli/tally.h"

/* One source address of the captures. */
struct host {
    struct address address;
    uint64_t packets;
    bool is_private;
};

struct search {
    struct tally hosts;
    int64_t last_us;
};

/* RFC 1918, RFC 4193 and link-local IPv6: what a device on a local network has. */
static const struct {
    struct address address;
    unsigned bits;
} private_prefixes[] = {
    {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10}}, 104},
    {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 172, 16}}, 108},
    {{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 168}}, 112},
    {{{0xfc}}, 7},
    {{{0xfe, 0x80}}, 10},
};

static bool is_private(const struct address *address)
{
    for (size_t i = 0; i < sizeof(private_prefixes) / sizeof(private_prefixes[0]); i++) {
        struct prefix prefix = {private_prefixes[i].address, (uint8_t)private_prefixes[i].bits};

        if (prefix_contains(&prefix, address)) {
            return true;
        }
    }
    return false;
}

static int compare_addresses(const void *a, const void *b)
{
    const struct host *first = a, *second = b;

    return memcmp(first->address.bytes, second->address.bytes, sizeof(first->address.bytes));
}

static void add_packets(void *row, const void *more)
{
    struct host *host = row;

    host->packets += ((const struct host *)more)->packets;
}

/* Private ones first, then the busiest. */
static int compare_ranks(const void *a, const void *b)
{
    const struct host *first = a, *second = b;

    if (first->is_private != second->is_private) {
        return first->is_private ? -1 : 1;
    }
    if (first->packets != second->packets) {
        return first->packets > second->packets ? -1 : 1;
    }
    return compare_addresses(a, b);
}

static enum picket_status note_source(void *context, const struct capture_datagram *datagram,
                                      struct err *reterr)
{
    struct search *search = context;
    struct host host = {.packets = 1};
    struct address destination;
    enum picket_status status = PICKET_OK;

    if (datagram->time_us > search->last_us) {
        search->last_us = datagram->time_us;
    }
    if (datagram_ends(datagram->bytes, datagram->captured, &host.address, &destination)) {
        status = tally_add(&search->hosts, &host);
    }
    if (status != PICKET_OK) {
        err_set(reterr, "out of memory over the hosts of the captures: name the device with "
                        "--device");
    }
    return status;
}

/* Takes private hosts, or the one busiest. */
static void choose(struct tally *hosts, struct replay_devices *ret)
{
    struct host *rows = (void *)hosts->rows;
    size_t wanted = 0;

    tally_settle(hosts);
    for (size_t i = 0; i < hosts->count; i++) {
        rows[i].is_private = is_private(&rows[i].address);
        wanted += rows[i].is_private;
    }
    if (hosts->count > 0) {
        qsort(rows, hosts->count, sizeof(*rows), compare_ranks);
        wanted = wanted == 0 ? 1 : wanted;
    }
    while (ret->count < wanted && ret->count < REPLAY_DEVICES_MAX) {
        ret->addresses[ret->count] = rows[ret->count].address;
        ret->count++;
    }
    ret->left_out = wanted - ret->count;
}

enum picket_status devices_find(const struct replay_options *options, struct replay_devices *ret,
                                struct err *reterr)
{
    struct search search = {.hosts = {.row_bytes = sizeof(struct host),
                                      .compare = compare_addresses,
                                      .merge = add_packets}};
    struct replay_devices devices = {.count = options->device_count};
    struct replay_source *source = NULL;
    enum picket_status status =
        source_open(options->captures, options->capture_count, &source, reterr);

    if (status != PICKET_OK) {
        goto out;
    }
    status = source_each(source, note_source, &search, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    memcpy(devices.addresses, options->devices, sizeof(devices.addresses));
    if (devices.count == 0) {
        choose(&search.hosts, &devices);
    }
    devices.last_us = search.last_us;
    *ret = devices;
out:
    tally_deinit(&search.hosts);
    source_close(source);
    return status;
}

struct playback {
    struct roster *devices;
    const struct replay_run_config *config;
    struct replay_run *run; /* NULL before the first datagram */
};

static void observe(struct playback *playback, const struct address *end,
                    enum picket_direction direction, const struct capture_datagram *datagram)
{
    size_t number = 0;

    if (roster_find(playback->devices, end, &number)) {
        run_observe(playback->run, number, direction, datagram);
    }
}

static enum picket_status play_datagram(void *context, const struct capture_datagram *datagram,
                                        struct err *reterr)
{
    struct playback *playback = context;
    struct address source;
    struct address destination;
    enum picket_status status = PICKET_OK;

    if (playback->run == NULL) {
        status = run_new(playback->config, datagram->time_us, &playback->run, reterr);
    }
    if (status == PICKET_OK) {
        status = run_advance(playback->run, datagram->time_us, reterr);
    }
    if (status == PICKET_OK &&
        datagram_ends(datagram->bytes, datagram->captured, &source, &destination)) {
        observe(playback, &source, PICKET_OUTBOUND, datagram);
        observe(playback, &destination, PICKET_INBOUND, datagram);
    }
    return status;
}

enum picket_status replay_devices(const struct replay_devices *devices,
                                  struct replay_source *source,
                                  const struct replay_run_config *config, struct err *reterr)
{
    struct playback playback = {.devices = roster_new(devices->count), .config = config};
    enum picket_status status = playback.devices == NULL ? PICKET_E_NOMEM : PICKET_OK;
    size_t number = 0;

    for (size_t i = 0; i < devices->count && status == PICKET_OK; i++) {
        status = roster_admit(playback.devices, &devices->addresses[i], &number);
    }
    if (status != PICKET_OK) {
        err_set(reterr, "out of memory over the devices of the captures");
    } else if (devices->count > 0) {
        status = source_each(source, play_datagram, &playback, reterr);
    }
    if (status == PICKET_OK && playback.run != NULL) {
        status = run_flush(playback.run, reterr);
    }
    run_free(playback.run);
    roster_free(playback.devices);
    return status;
}
