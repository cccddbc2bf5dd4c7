/* SPDX-License-Identifier: MIT */
#include "harness/check.h"
#include "lwip/priv/tcp_priv.h"
#include "lwip/udp.h"
#include "lwip_fixture.h"

#define DAY_MS 86400000u

static struct ports p; /* too large for a stack */
static struct picket_lwip host;
static uint64_t facts[128];

static void start(void)
{
    struct picket_config config;
    struct picket_port port;

    ports_reset(&p);
    config = fixture_config(&p.fixture, 16, false);
    config.facts_storage = facts;
    config.facts_storage_bytes = sizeof(facts);
    p.fixture.has_fault |= picket_lwip_init(&host, &port) != PICKET_OK;
    p.fixture.has_fault |= picket_init(&p.fixture.agent, &config, &port) != PICKET_OK;
}

/* How many ports the report tells, and the last one. */
static size_t read_listeners(struct picket_listener_record *ret_last)
{
    uint8_t bytes[PICKET_REPORT_BYTES_MAX];
    struct picket_report_reader reader;
    struct picket_report_head head;
    uint32_t flows = 0;
    size_t length = 0;
    size_t count = 0;

    if (picket_seal_window(&p.fixture.agent) != PICKET_OK ||
        picket_build_report(&p.fixture.agent, bytes, sizeof(bytes), &length) != PICKET_OK ||
        picket_confirm_report(&p.fixture.agent) != PICKET_OK ||
        picket_report_open(&reader, bytes, length, &head, &flows) != PICKET_OK) {
        return SIZE_MAX;
    }
    (void)picket_report_seek(&reader, PICKET_SECTION_LISTENERS);
    while (picket_report_next_listener(&reader, ret_last)) {
        count++;
    }
    return count;
}

TEST(listening_ports_are_told_when_they_change_and_once_a_day)
{
    struct picket_listener_record last = {.protocol = 0};
    struct tcp_pcb_listen https = {NULL, 443};
    struct tcp_pcb_listen https_again = {&https, 443}; /* of IPv6 */
    struct udp_pcb unbound = {NULL, 0};
    struct udp_pcb client = {&unbound, 0xc000};
    struct udp_pcb dhcp = {&client, 68};

    start();
    tcp_listen_pcbs.listen_pcbs = &https_again;
    udp_pcbs = &dhcp;
    CHECK(picket_lwip_tell_listeners(&host, &p.fixture.agent) == PICKET_OK);
    CHECK_UINT(read_listeners(&last), 2);
    CHECK(last.protocol == UDP && last.port == 68 && last.address_size == 0);
    CHECK(picket_lwip_tell_listeners(&host, &p.fixture.agent) == PICKET_OK);
    CHECK_UINT(read_listeners(&last), 0);
    udp_pcbs = NULL;
    CHECK(picket_lwip_tell_listeners(&host, &p.fixture.agent) == PICKET_OK);
    CHECK_UINT(read_listeners(&last), 1);
    CHECK(last.protocol == TCP && last.port == 443);
    stack.now_ms += DAY_MS;
    CHECK(picket_lwip_tell_listeners(&host, &p.fixture.agent) == PICKET_OK);
    CHECK_UINT(read_listeners(&last), 1);
    CHECK(stack.core_checks == 4 && !p.fixture.has_fault);
}

TEST(more_listening_ports_than_places_are_told_as_too_many)
{
    struct picket_listener_record last = {.protocol = 0};
    struct udp_pcb bound[PICKET_LWIP_LISTENERS + 1];

    start();
    for (size_t i = 0; i <= PICKET_LWIP_LISTENERS; i++) {
        bound[i] = (struct udp_pcb){i > 0 ? &bound[i - 1] : NULL, (u16_t)(1000 + i)};
    }
    udp_pcbs = &bound[PICKET_LWIP_LISTENERS];
    CHECK(picket_lwip_tell_listeners(&host, &p.fixture.agent) == PICKET_E_LIMIT);
    CHECK_UINT(read_listeners(&last), PICKET_LWIP_LISTENERS);
    CHECK(!p.fixture.has_fault);
}

TEST(what_was_not_taken_is_told_again)
{
    struct picket_listener_record last = {.protocol = 0};
    struct udp_pcb dhcp = {NULL, 68};
    static struct fixture without_facts;

    start();
    fixture_start(&without_facts, 16, false);
    udp_pcbs = &dhcp;
    CHECK(picket_lwip_tell_listeners(NULL, &p.fixture.agent) == PICKET_E_ARG);
    CHECK(picket_lwip_tell_listeners(&host, NULL) == PICKET_E_ARG);
    CHECK(picket_lwip_tell_listeners(&host, &without_facts.agent) == PICKET_E_FULL);
    CHECK(picket_lwip_tell_listeners(&host, &p.fixture.agent) == PICKET_OK);
    CHECK_UINT(read_listeners(&last), 1);
}

TEST_MAIN(TEST_ROW(listening_ports_are_told_when_they_change_and_once_a_day),
          TEST_ROW(more_listening_ports_than_places_are_told_as_too_many),
          TEST_ROW(what_was_not_taken_is_told_again))
