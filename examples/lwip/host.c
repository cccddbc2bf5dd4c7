/* SPDX-License-Identifier: MIT */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <lwip/sys.h>
#include <lwip/tcpip.h>

#include "lookout.h"
#include "talk.h"
#include "tap.h"

/*
 * A device that is a process: lwIP, as Debian has it, on TAP interfaces, with Picket in
 * it. See docs/porting.md. Orders come by the line on standard input, and each is
 * answered with a line.
 */

#define PORTS_MAX  2u
#define LINE_BYTES 128u
#define DEVICE     "lwip-host"

struct port {
    struct tap tap;
    ip4_addr_t ipv4;
    ip6_addr_t ipv6;
    struct netif netif;
};

struct host {
    struct port ports[PORTS_MAX];
    size_t port_count;
    bool has_tuns;
    struct lookout_settings settings;
};

/* ---- Orders ---- */

static bool watch(struct netif *netif)
{
    return lookout_watch(netif) == PICKET_OK;
}

static bool release(struct netif *netif)
{
    return lookout_release(netif) == PICKET_OK;
}

static bool set_up(struct netif *netif)
{
    netif_set_default(netif);
    netif_set_up(netif);
    return true;
}

static bool set_down(struct netif *netif)
{
    netif_set_down(netif);
    return true;
}

struct switching {
    const char *order;
    bool (*run)(struct netif *netif);
};

static const struct switching switchings[] = {
    {"attach", watch},
    {"detach", release},
    {"up", set_up},
    {"down", set_down},
};

static bool for_each_port(struct host *host, bool (*run)(struct netif *netif))
{
    bool is_good = true;

    LOCK_TCPIP_CORE();
    for (size_t i = 0; i < host->port_count; i++) {
        is_good &= run(&host->ports[i].netif);
    }
    UNLOCK_TCPIP_CORE();
    return is_good;
}

struct exchange {
    const char *order;
    bool (*run)(const ip_addr_t *peer, uint16_t port, uint16_t bytes);
};

static const struct exchange exchanges[] = {
    {"tcp", talk_tcp},
    {"udp", talk_udp},
    {"ping", talk_ping},
};

/* ORDER ADDRESS PORT BYTES */
static bool exchange(const char *line)
{
    char order[8];
    char address[64];
    unsigned port = 0;
    unsigned bytes = 0;
    ip_addr_t peer;

    if (sscanf(line, "%7s %63s %5u %5u", order, address, &port, &bytes) != 4 || port > UINT16_MAX ||
        bytes > UINT16_MAX || !ipaddr_aton(address, &peer)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(exchanges) / sizeof(exchanges[0]); i++) {
        if (strcmp(order, exchanges[i].order) == 0) {
            return exchanges[i].run(&peer, (uint16_t)port, (uint16_t)bytes);
        }
    }
    return false;
}

static bool obey(struct host *host, const char *line)
{
    for (size_t i = 0; i < sizeof(switchings) / sizeof(switchings[0]); i++) {
        if (strcmp(line, switchings[i].order) == 0) {
            return for_each_port(host, switchings[i].run);
        }
    }
    if (strcmp(line, "report") == 0) {
        return lookout_hurry() == PICKET_OK;
    }
    return exchange(line);
}

/* Reports when it is time, obeys when there is a line; until there are no more. */
static void run(struct host *host)
{
    char line[LINE_BYTES];

    (void)setvbuf(stdin, NULL, _IONBF, 0); /* poll() knows nothing of a buffer */
    for (;;) {
        struct pollfd orders = {STDIN_FILENO, POLLIN, 0};
        uint32_t wait_ms = lookout_report();

        if (poll(&orders, 1, (int)wait_ms) <= 0) {
            continue;
        }
        if (fgets(line, sizeof(line), stdin) == NULL) {
            return;
        }
        line[strcspn(line, "\n")] = '\0';
        puts(obey(host, line) ? "done" : "failed");
        (void)fflush(stdout);
    }
}

/* ---- Start ---- */

static bool add_port(struct port *port)
{
    ip4_addr_t netmask;
    s8_t index = 0;

    IP4_ADDR(&netmask, 255, 255, 255, 0);
    if (netif_add(&port->netif, &port->ipv4, &netmask, NULL, &port->tap, tap_init, tcpip_input) ==
        NULL) {
        return false;
    }
    netif_create_ip6_linklocal_address(&port->netif, 1);
    return netif_add_ip6_address(&port->netif, &port->ipv6, &index) == ERR_OK &&
           lookout_watch(&port->netif) == PICKET_OK;
}

static bool add_ports(struct host *host)
{
    bool is_good = true;

    LOCK_TCPIP_CORE();
    for (size_t i = 0; i < host->port_count && is_good; i++) {
        is_good = add_port(&host->ports[i]);
    }
    UNLOCK_TCPIP_CORE();
    return is_good;
}

static bool read_service(struct lookout_settings *settings, const char *text)
{
    char address[64];
    unsigned port = 0;

    if (sscanf(text, "%63[^,],%5u", address, &port) != 2 || port == 0 || port > UINT16_MAX) {
        return false;
    }
    settings->port = (uint16_t)port;
    return ipaddr_aton(address, &settings->service) != 0;
}

static bool read_arguments(struct host *host, int count, char **arguments)
{
    int option = 0;

    while ((option = getopt(count, arguments, "xrk:s:")) != -1) {
        if (option == 'x') {
            host->settings.exact_flows = true;
        } else if (option == 'r') {
            host->has_tuns = true;
        } else if (option == 'k') {
            host->settings.key = optarg;
        } else if (option != 's' || !read_service(&host->settings, optarg)) {
            return false;
        }
    }
    for (; count - optind >= 3 && host->port_count < PORTS_MAX; optind += 3) {
        struct port *port = &host->ports[host->port_count++];

        port->tap.name = arguments[optind];
        port->tap.is_tun = host->has_tuns;
        if (!ip4addr_aton(arguments[optind + 1], &port->ipv4) ||
            !ip6addr_aton(arguments[optind + 2], &port->ipv6)) {
            return false;
        }
    }
    return host->port_count > 0 && optind == count;
}

static void note_ready(void *semaphore)
{
    sys_sem_signal(semaphore);
}

int main(int count, char **arguments)
{
    static struct host host = {
        .settings = {.device_id = DEVICE, .hardware = "Linux", .firmware_version = "1.0"}};
    sys_sem_t ready;

    if (!read_arguments(&host, count, arguments)) {
        fputs(
            "Usage: lwip_host [-x] [-r] [-s ADDRESS,PORT] [-k KEY] TAP IPV4 IPV6 [TAP IPV4 IPV6]\n"
            "-r: raw IP, on TUN interfaces in place of TAP\n"
            "-x is for comparing with a capture: exact flows, down until the order `up`\n"
            "Orders: up, down, attach, detach, report, and tcp, udp or ping ADDRESS PORT BYTES\n",
            stderr);
        return 2;
    }
    if (getrandom(host.settings.random, sizeof(host.settings.random), 0) !=
            (ssize_t)sizeof(host.settings.random) ||
        sys_sem_new(&ready, 0) != ERR_OK) {
        return 1;
    }
    tcpip_init(note_ready, &ready);
    sys_sem_wait(&ready);
    sys_sem_free(&ready);
    if (lookout_start(&host.settings) != PICKET_OK || !add_ports(&host) || !talk_serve()) {
        fputs("lwip_host: not all could be started\n", stderr);
        return 1;
    }
    if (!host.settings.exact_flows) {
        (void)for_each_port(&host, set_up); /* what is compared comes up by order */
    }
    puts("ready");
    (void)fflush(stdout);
    run(&host);
    return 0;
}
