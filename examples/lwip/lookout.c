/* SPDX-License-Identifier: MIT */
#include "lookout.h"

#include <stdio.h>
#include <string.h>

#include <lwip/api.h>
#include <lwip/tcpip.h>

#include "picket_lwip.h"

#define FACTS        32u
#define NETIFS       2u
#define INTERVAL_MS  60000u
#define RETRY_MS     5000u
#define WAIT_MS      10000
#define REPORT_BYTES 1400u
#define HEAD_BYTES   384u

/* An application's own; Picket itself has no memory. */
static struct {
    const struct lookout_settings *settings;
    struct picket_lwip host;
    struct picket_agent agent;
    struct picket_lwip_netif watches[NETIFS];
    const struct netif *netifs[NETIFS]; /* NULL: a watch that is free */
    char head[HEAD_BYTES];
    uint8_t report[REPORT_BYTES];
    uint64_t ipv4[PICKET_IPV4_STORAGE_BYTES(LOOKOUT_FLOWS) / sizeof(uint64_t)];
    uint64_t ipv6[PICKET_IPV6_STORAGE_BYTES(LOOKOUT_FLOWS) / sizeof(uint64_t)];
    uint64_t facts[PICKET_FACTS_STORAGE_BYTES(FACTS) / sizeof(uint64_t)];
} lookout;

/* ---- The way to the service ---- */

static void print(size_t length)
{
    for (size_t i = 0; i < length; i++) {
        printf("%02x", lookout.report[i]);
    }
    printf("\n");
    (void)fflush(stdout);
}

/* False if there is not room for it. */
static bool write_head(size_t length, size_t *ret_length)
{
    const struct lookout_settings *settings = lookout.settings;
    bool is_ipv6 = IP_IS_V6(&settings->service);
    bool has_key = settings->key != NULL;
    int written = snprintf(lookout.head, HEAD_BYTES,
                           "POST /v1/devices/%s/reports HTTP/1.1\r\n"
                           "Host: %s%s%s\r\n"
                           "%s%s%s"
                           "Content-Type: application/cbor\r\n"
                           "Content-Length: %u\r\n"
                           "Connection: close\r\n\r\n",
                           settings->device_id, is_ipv6 ? "[" : "", ipaddr_ntoa(&settings->service),
                           is_ipv6 ? "]" : "", has_key ? "Authorization: Bearer " : "",
                           has_key ? settings->key : "", has_key ? "\r\n" : "", (unsigned)length);

    *ret_length = (size_t)written;
    return written > 0 && (size_t)written < HEAD_BYTES;
}

/* 200 says that the report is stored; what else the answer has is not asked for. */
static bool is_acknowledged(struct netconn *connection)
{
    static const char good[] = "HTTP/1.1 200";
    char answer[sizeof(good)] = "";
    u16_t length = 0;
    struct netbuf *received = NULL;

    while (length < sizeof(good) - 1 && netconn_recv(connection, &received) == ERR_OK) {
        length = (u16_t)(length + netbuf_copy(received, answer + length,
                                              (u16_t)(sizeof(good) - 1 - length)));
        netbuf_delete(received);
    }
    return strcmp(answer, good) == 0;
}

static bool post(struct netconn *connection, size_t length)
{
    size_t head_length = 0;

    if (!write_head(length, &head_length)) {
        return false;
    }
    netconn_set_recvtimeout(connection, WAIT_MS);
    return netconn_connect(connection, &lookout.settings->service, lookout.settings->port) ==
               ERR_OK &&
           netconn_write(connection, lookout.head, head_length, NETCONN_COPY) == ERR_OK &&
           netconn_write(connection, lookout.report, length, NETCONN_COPY) == ERR_OK &&
           is_acknowledged(connection);
}

static bool deliver(size_t length)
{
    struct netconn *connection = NULL;
    bool is_delivered = false;

    if (lookout.settings->port == 0) {
        print(length);
        return true;
    }
    connection = netconn_new(IP_IS_V6(&lookout.settings->service) ? NETCONN_TCP_IPV6 : NETCONN_TCP);
    if (connection != NULL) {
        is_delivered = post(connection, length);
        (void)netconn_delete(connection);
    }
    return is_delivered;
}

static void tell_listeners(void)
{
    enum picket_status status = PICKET_OK;

    LOCK_TCPIP_CORE();
    status = picket_lwip_tell_listeners(&lookout.host, &lookout.agent);
    UNLOCK_TCPIP_CORE();
    (void)status; /* what found no room stands in the report as lost */
}

uint32_t lookout_report(void)
{
    size_t length = 0;

    tell_listeners();
    while (picket_build_report(&lookout.agent, lookout.report, REPORT_BYTES, &length) ==
           PICKET_OK) {
        if (!deliver(length) || picket_confirm_report(&lookout.agent) != PICKET_OK) {
            return RETRY_MS; /* it stays where it is, and packets go on being counted */
        }
    }
    return picket_next_report_ms(&lookout.agent);
}

enum picket_status lookout_hurry(void)
{
    return picket_seal_window(&lookout.agent);
}

/* ---- What is watched ---- */

static size_t find(const struct netif *netif)
{
    size_t i = 0;

    while (i < NETIFS && lookout.netifs[i] != netif) {
        i++;
    }
    return i;
}

enum picket_status lookout_watch(struct netif *netif)
{
    size_t i = find(NULL);
    enum picket_status status = PICKET_E_LIMIT;

    if (i < NETIFS) {
        status = picket_lwip_attach(&lookout.watches[i], netif, &lookout.agent);
    }
    if (status == PICKET_OK) {
        lookout.netifs[i] = netif;
    }
    return status;
}

enum picket_status lookout_release(const struct netif *netif)
{
    size_t i = find(netif);
    enum picket_status status = PICKET_E_STATE;

    if (i < NETIFS) {
        status = picket_lwip_detach(&lookout.watches[i]);
    }
    if (status == PICKET_OK) {
        lookout.netifs[i] = NULL;
    }
    return status;
}

/* ---- Start ---- */

static struct picket_text text_of(const char *text)
{
    return (struct picket_text){text, strlen(text)};
}

enum picket_status lookout_start(const struct lookout_settings *settings)
{
    struct picket_config config = {
        .boot = settings->random[0],
        .interval_ms = INTERVAL_MS,
        .exact_flows = settings->exact_flows,
        .ipv4_storage = lookout.ipv4,
        .ipv4_storage_bytes = sizeof(lookout.ipv4),
        .ipv6_storage = lookout.ipv6,
        .ipv6_storage_bytes = sizeof(lookout.ipv6),
        .facts_storage = lookout.facts,
        .facts_storage_bytes = sizeof(lookout.facts),
        .system = {.stack = picket_lwip_version(),
                   .hardware = text_of(settings->hardware),
                   .firmware_version = text_of(settings->firmware_version)},
    };
    struct picket_port port;
    enum picket_status status = picket_lwip_init(&lookout.host, &port);

    memcpy(config.hash_key, &settings->random[1], sizeof(config.hash_key));
    lookout.settings = settings;
    if (status == PICKET_OK) {
        status = picket_init(&lookout.agent, &config, &port);
    }
    return status;
}
