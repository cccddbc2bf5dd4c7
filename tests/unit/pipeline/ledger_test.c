/* SPDX-License-Identifier: MIT */
#include "pipeline/ledger.h"

#include "harness/check.h"
#include "model/contact.h"
#include "pipeline_fixture.h"

#define ROWS_MAX 16u

struct rows {
    struct contact contacts[ROWS_MAX];
    char names[ROWS_MAX][OBSERVABLE_TEXT_MAX];
    size_t count;
};

static bool copy_row(void *context, const char *device, const struct contact *contact)
{
    struct rows *rows = context;
    size_t place = rows->count++;

    (void)device;
    rows->contacts[place] = *contact;
    if (contact->flow.peer_name != NULL) {
        snprintf(rows->names[place], OBSERVABLE_TEXT_MAX, "%s", contact->flow.peer_name);
        rows->contacts[place].flow.peer_name = rows->names[place];
    }
    return rows->count < ROWS_MAX;
}

/* The ledger of d1. */
static size_t list(struct scene *scene, struct rows *ret)
{
    const struct store_filter of_device = {.device = "d1"};
    struct store *store = scene->store;

    *ret = (struct rows){.count = 0};
    if (store->ops->begin(store, NULL) != PICKET_OK ||
        store->ops->settle_contacts(store, "d1", NULL) != PICKET_OK ||
        store->ops->commit(store, NULL) != PICKET_OK ||
        store->ops->each_contact(store, &of_device, copy_row, ret, NULL) != PICKET_OK) {
        return 99;
    }
    return ret->count;
}

static const struct contact *find(const struct rows *rows, const char *name, uint8_t protocol)
{
    for (size_t i = 0; i < rows->count; i++) {
        const struct flow *flow = &rows->contacts[i].flow;
        bool is_same_name = name == NULL
                                ? flow->peer_name == NULL
                                : flow->peer_name != NULL && strcmp(flow->peer_name, name) == 0;

        if (is_same_name && flow->protocol == protocol) {
            return &rows->contacts[i];
        }
    }
    return NULL;
}

TEST(report_goes_into_the_ledger_and_its_repeat_does_not)
{
    struct scene scene;
    struct rows rows;

    CHECK(scene_begin(&scene, NULL, 0, 1));
    CHECK(submitted(&scene, report_of("d1", 1, 1, 0, 9)));
    CHECK(submitted(&scene, report_of("d1", 1, 2, 1, 9)));
    CHECK(submitted(&scene, report_of("d1", 1, 2, 5, 9)));
    CHECK_UINT(list(&scene, &rows), 1);
    CHECK_UINT(rows.contacts[0].reports, 2);
    CHECK_UINT(rows.contacts[0].flow.bytes_out, 1000);
    CHECK_UINT(rows.contacts[0].flow.first_us, NOON_US - MINUTE_US);
    CHECK_UINT(rows.contacts[0].flow.last_us, NOON_US + MINUTE_US);
    scene_end(&scene);
}

static struct picket_text text_of(const char *text)
{
    return (struct picket_text){.bytes = text, .length = (uint32_t)strlen(text)};
}

TEST(names_are_rows_beside_those_of_their_addresses)
{
    static struct picket_name_record names[3];
    static struct picket_tls_record sessions[2];
    struct report *report = report_of("d1", 1, 1, 0, 9);
    const uint8_t peer[4] = {198, 51, 100, 9};
    const struct contact *contact;
    struct scene scene;
    struct rows rows;

    names[0] = (struct picket_name_record){.name = text_of("a.example.com"), .address_size = 4};
    memcpy(names[0].address, peer, sizeof(peer));
    names[1] = (struct picket_name_record){.name = text_of("no.example.com")};
    names[2] = (struct picket_name_record){.name = text_of("not!a!name")};
    sessions[0] = (struct picket_tls_record){.address_size = 4,
                                             .port = 8443,
                                             .version = 0x0304,
                                             .server_name = text_of("b.example.com")};
    memcpy(sessions[0].peer, peer, sizeof(peer));
    sessions[1] = sessions[0]; /* the same again */
    report->facts.names = names;
    report->facts.name_count = 3;
    report->facts.tls = sessions;
    report->facts.tls_count = 2;
    report->flows[0].peer_name = "a.example.com";
    CHECK(scene_begin(&scene, NULL, 0, 1));
    CHECK(submitted(&scene, report));
    CHECK_UINT(list(&scene, &rows), 5);

    contact = find(&rows, NULL, PROTOCOL_TCP);
    CHECK(contact != NULL && contact->flow.peer_port == 443 && contact->flow.bytes_out == 500);
    contact = find(&rows, "a.example.com", PROTOCOL_TCP);
    CHECK(contact != NULL && contact->flow.peer_port == 443 && contact->flow.bytes_out == 500);
    contact = find(&rows, "a.example.com", 0);
    CHECK(contact != NULL && contact->flow.outcome == PICKET_ANSWERED && contact->reports == 1);
    contact = find(&rows, "no.example.com", 0);
    CHECK(contact != NULL && contact->flow.outcome == 0);
    contact = find(&rows, "b.example.com", PROTOCOL_TCP);
    CHECK(contact != NULL && contact->flow.peer_port == 8443 && contact->reports == 1);
    scene_end(&scene);
}

TEST(exact_flows_with_one_service_are_one_row)
{
    struct report *report = report_of("d1", 1, 1, 0, 9);
    struct flow flows[3] = {report->flows[0], report->flows[0], report->flows[0]};
    struct scene scene;
    struct rows rows;

    flows[0].has_local = flows[1].has_local = true;
    flows[0].local_port = 40000;
    flows[1].local_port = 443; /* as the peer's */
    flows[2].cast = PICKET_MULTICAST;
    flows[2].peer_port = 5353;
    report->flows = flows;
    report->flow_count = 3;
    CHECK(scene_begin(&scene, NULL, 0, 1));
    CHECK(submitted(&scene, report));
    CHECK_UINT(list(&scene, &rows), 1);
    CHECK_UINT(rows.contacts[0].reports, 1);
    CHECK_UINT(rows.contacts[0].flow.bytes_out, 1000);
    CHECK(rows.contacts[0].flow.peer_port == 443);
    CHECK(rows.contacts[0].flow.local_port == FLOW_PORT_UNKNOWN);
    scene_end(&scene);
}

TEST(port_of_the_device_is_told_from_one_of_the_peer)
{
    struct report *report = report_of("d1", 1, 1, 0, 9);
    struct scene scene;
    struct rows rows;

    report->flows[0].direction = PICKET_INBOUND;
    report->flows[0].peer_port = 443;
    report->flows[0].local_port = 443;
    CHECK(scene_begin(&scene, NULL, 0, 1));
    CHECK(submitted(&scene, report));
    CHECK_UINT(list(&scene, &rows), 1);
    CHECK(rows.contacts[0].flow.peer_port == FLOW_PORT_UNKNOWN);
    CHECK(rows.contacts[0].flow.local_port == 443);
    scene_end(&scene);
}

TEST(clock_that_is_fast_has_met_nobody_in_times_to_come)
{
    struct report *report = report_of("d1", 1, 1, 0, 9);
    struct scene scene;
    struct rows rows;

    report_shift(report, 400 * DAY_US);
    CHECK(scene_begin(&scene, NULL, 0, 1));
    CHECK(submitted(&scene, report));
    CHECK_UINT(list(&scene, &rows), 1);
    CHECK_UINT(rows.contacts[0].flow.first_us, NOON_US);
    CHECK_UINT(rows.contacts[0].flow.last_us, NOON_US);
    scene_end(&scene);
}

TEST(contact_is_forgotten_when_it_is_older_than_the_service_keeps)
{
    struct scene scene;
    struct rows rows;

    CHECK(scene_begin(&scene, NULL, 0, 1));
    CHECK(submitted(&scene, report_of("d1", 1, 1, 0, 9)));
    CHECK(pipeline_tick(scene.pipeline, NOON_US + LEDGER_KEEP_US, NULL) == PICKET_OK);
    CHECK_UINT(list(&scene, &rows), 1);
    for (int tick = 0; tick < 2; tick++) { /* the end of that round, and the next one */
        int64_t now_us = NOON_US + LEDGER_KEEP_US + (tick + 1) * DAY_US;

        CHECK(pipeline_tick(scene.pipeline, now_us, NULL) == PICKET_OK);
    }
    CHECK_UINT(list(&scene, &rows), 0);
    scene_end(&scene);
}

TEST_MAIN(TEST_ROW(report_goes_into_the_ledger_and_its_repeat_does_not),
          TEST_ROW(names_are_rows_beside_those_of_their_addresses),
          TEST_ROW(exact_flows_with_one_service_are_one_row),
          TEST_ROW(port_of_the_device_is_told_from_one_of_the_peer),
          TEST_ROW(clock_that_is_fast_has_met_nobody_in_times_to_come),
          TEST_ROW(contact_is_forgotten_when_it_is_older_than_the_service_keeps))
