/* SPDX-License-Identifier: MIT */
#include "pipeline/lookback.h"

#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include "failing_store.h"
#include "harness/check.h"
#include "model/contact.h"
#include "model/observable.h"
#include "pipeline_fixture.h"

#define FEW    0u
#define MANY   5000u /* further indicators: then the whole ledger is gone through */
#define PEERS  400u
#define LISTED 60u

/** A thread that has begun too soon is done in the time of so many. */
#define RUNS_MEANWHILE 100u

/* --- what is listed now --- */

static void add(struct intel_builder *builder, const char *value)
{
    char text[OBSERVABLE_TEXT_MAX];
    struct indicator indicator = {
        .confidence = 90, .feed = "", .category = "", .comment = "", .reference = "", .scope = ""};

    if (observable_parse(value, strlen(value), &indicator.observable, text, NULL) != PICKET_OK ||
        intel_add(builder, &indicator) != PICKET_OK) {
        printf("%s can't be listed\n", value);
    }
}

/* And @p further ones, far from what the tests speak of. */
static struct intel_index *index_of(const char *const *values, size_t count, unsigned further)
{
    const struct intel_feed feed = {.name = "late",
                                    .source = "",
                                    .licence = "",
                                    .category = "c2",
                                    .role = INDICATOR_LISTED,
                                    .confidence = 90};
    struct intel_builder *builder = intel_builder_new();
    struct intel_index *index = NULL;

    if (intel_begin_feed(builder, &feed) != PICKET_OK) {
        printf("there can be no list\n");
    }
    for (size_t i = 0; i < count; i++) {
        add(builder, values[i]);
    }
    for (unsigned i = 0; i < further; i++) {
        char value[32];

        snprintf(value, sizeof(value), "20.%u.%u.1", i / 250, i % 250);
        add(builder, value);
    }
    if (intel_build(builder, &index, NULL) != PICKET_OK) {
        printf("there can be no index\n");
    }
    intel_builder_free(builder);
    return index;
}

static int64_t now_us(void *context)
{
    return *(const int64_t *)context;
}

static struct lookback_config config_of(struct scene *scene, const char *folder)
{
    return (struct lookback_config){.store = scene->store,
                                    .pipeline = scene->pipeline,
                                    .folder = folder,
                                    .now_us = now_us,
                                    .now_context = &scene->later_us};
}

static struct lookback_counts look_back(struct scene *scene, const char *const *values,
                                        size_t count, unsigned further)
{
    const struct lookback_config config = config_of(scene, NULL);
    struct intel_index *added = index_of(values, count, further);
    struct lookback_counts counts = {0};
    struct err err = {""};

    if (!snapshot_publish(scene->intel, index_of(values, count, further), free_index) ||
        lookback_run(&config, added, NULL, &counts, &err) != PICKET_OK) {
        printf("nobody looked back: %s\n", err.text);
    }
    intel_index_free(added);
    return counts;
}

static bool begin(struct scene *scene)
{
    bool is_good = scene_begin(scene, NULL, 0, 1);

    scene->later_us = NOON_US + DAY_US;
    return is_good;
}

/* --- alerts --- */

TEST(peer_that_is_listed_later_becomes_an_alert_with_the_whole_of_the_contact)
{
    static const char *const values[] = {"198.51.100.8/30"};
    struct scene scene;
    struct alert alert;

    CHECK(begin(&scene));
    CHECK(submitted(&scene, report_of("d1", 1, 1, 0, 9)));
    CHECK(submitted(&scene, report_of("d1", 1, 2, 5, 9)));
    CHECK(submitted(&scene, report_of("d1", 1, 3, 6, 20)));
    CHECK_UINT(look_back(&scene, values, 1, FEW).contacts, 1);
    CHECK_UINT(alert_count(&scene, "TI_RETRO_MATCH"), 1);
    stored_alert(&scene, "TI_RETRO_MATCH", &alert);
    CHECK_TEXT(alert.device, "d1");
    CHECK_TEXT(alert.key, "198.51.100.9");
    CHECK_TEXT(alert.reason, "The device went to 198.51.100.9 (tcp/443, answered) before "
                             "198.51.100.8/30 was on list \"late\".");
    CHECK(alert.severity == SEVERITY_HIGH);
    CHECK_UINT(alert.first_us, NOON_US - MINUTE_US);
    CHECK_UINT(alert.last_us, NOON_US + 5 * MINUTE_US);
    CHECK_UINT(alert.evidence.total.bytes_out, 1000);
    CHECK_UINT(alert.evidence.total.connections, 2);
    CHECK_TEXT(alert.evidence.indicator.feed, "late");
    scene_end(&scene);
}

TEST(how_bad_it_is_depends_on_how_far_it_got_and_how_long_it_is_over)
{
    static const char *const values[] = {"198.51.100.9"};
    static const struct {
        enum picket_direction direction;
        uint8_t outcome;
        int days;
        enum severity severity;
    } rows[] = {
        {PICKET_OUTBOUND, PICKET_ANSWERED, 29, SEVERITY_HIGH},
        {PICKET_OUTBOUND, PICKET_ANSWERED, 31, SEVERITY_MEDIUM},
        {PICKET_OUTBOUND, PICKET_REFUSED, 29, SEVERITY_MEDIUM},
        {PICKET_OUTBOUND, PICKET_REFUSED, 31, SEVERITY_LOW},
        {PICKET_INBOUND, PICKET_REFUSED, 29, SEVERITY_LOW},
        {PICKET_INBOUND, PICKET_REFUSED, 31, SEVERITY_INFORMATIONAL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct report *report = report_of("d1", 1, 1, 0, 9);
        struct scene scene;
        struct alert alert;

        report->flows[0].direction = rows[i].direction;
        report->flows[0].outcome = rows[i].outcome;
        CHECK(begin(&scene));
        CHECK(submitted(&scene, report));
        scene.later_us = NOON_US + rows[i].days * DAY_US;
        CHECK_UINT(look_back(&scene, values, 1, FEW).contacts, 1);
        stored_alert(&scene, "TI_RETRO_MATCH", &alert);
        CHECK(alert.severity == rows[i].severity);
        scene_end(&scene);
    }
}

TEST(look_back_that_is_done_again_tells_nothing_twice)
{
    static const char *const values[] = {"198.51.100.9"};
    struct scene scene;
    struct alert alert;

    CHECK(begin(&scene));
    CHECK(submitted(&scene, report_of("d1", 1, 1, 0, 9)));
    (void)look_back(&scene, values, 1, FEW);
    CHECK_UINT(look_back(&scene, values, 1, FEW).contacts, 1);
    scene_restart(&scene);
    CHECK_UINT(look_back(&scene, values, 1, MANY).contacts, 1);
    CHECK_UINT(alert_count(&scene, "TI_RETRO_MATCH"), 1);
    stored_alert(&scene, "TI_RETRO_MATCH", &alert);
    CHECK_UINT(alert.count, 1);
    CHECK_UINT(alert.evidence.total.bytes_out, 500);
    scene_end(&scene);
}

TEST(network_listed_after_its_address_tells_nothing_new_of_contacts_that_have_an_alert)
{
    static const char *const values[] = {"198.51.100.0/24"};
    struct scene scene;

    CHECK(begin(&scene));
    CHECK(submitted(&scene, report_of("d1", 1, 1, 0, 7))); /* listed all the time */
    CHECK_UINT(alert_count(&scene, "TI_IP_MATCH"), 1);
    CHECK_UINT(look_back(&scene, values, 1, FEW).contacts, 1);
    CHECK_UINT(alert_count(&scene, "TI_RETRO_MATCH"), 0);
    scene_end(&scene);
}

TEST(contact_from_before_an_open_alert_is_told_all_the_same)
{
    static const char *const values[] = {"198.51.100.9"};
    struct scene scene;
    struct alert alert;

    CHECK(begin(&scene));
    CHECK(submitted(&scene, report_of("d1", 1, 1, 0, 9)));
    CHECK(snapshot_publish(scene.intel, index_of(values, 1, FEW), free_index));
    CHECK(submitted(&scene, report_of("d1", 1, 2, 60, 9))); /* quicker than the look-back */
    CHECK_UINT(alert_count(&scene, "TI_IP_MATCH"), 1);
    (void)look_back(&scene, values, 1, FEW);
    stored_alert(&scene, "TI_RETRO_MATCH", &alert);
    CHECK_UINT(alert.first_us, NOON_US - MINUTE_US);
    scene_end(&scene);
}

TEST(port_and_protocol_of_an_indicator_count)
{
    static const char *const values[] = {"198.51.100.9:8443", "198.51.100.10:443/udp",
                                         "198.51.100.11:443/tcp"};
    struct scene scene;
    struct alert alert;

    CHECK(begin(&scene));
    for (uint8_t peer = 9; peer <= 11; peer++) {
        CHECK(submitted(&scene, report_of("d1", 1, peer, 0, peer)));
    }
    CHECK_UINT(look_back(&scene, values, 3, FEW).contacts, 3);
    CHECK_UINT(alert_count(&scene, "TI_RETRO_MATCH"), 1);
    stored_alert(&scene, "TI_RETRO_MATCH", &alert);
    CHECK_TEXT(alert.key, "198.51.100.11");
    scene_end(&scene);
}

TEST(name_that_was_asked_for_is_found_below_a_domain_that_is_listed_later)
{
    static const char *const values[] = {"example.com"};
    static struct picket_name_record name;
    struct report *report = report_of("d1", 1, 1, 0, 9);
    struct scene scene;
    struct alert alert;

    name.name = (struct picket_text){.bytes = "a.example.com", .length = 13};
    report->facts.names = &name;
    report->facts.name_count = 1;
    CHECK(begin(&scene));
    CHECK(submitted(&scene, report));
    CHECK_UINT(look_back(&scene, values, 1, FEW).contacts, 1);
    stored_alert(&scene, "TI_RETRO_MATCH", &alert);
    CHECK_TEXT(alert.key, "a.example.com");
    CHECK_TEXT(alert.reason, "The device asked for a.example.com before example.com was on list "
                             "\"late\".");
    CHECK(alert.severity == SEVERITY_MEDIUM);
    scene_end(&scene);
}

/* --- which peers --- */

static uint32_t scramble(uint32_t number)
{
    number = (number ^ number >> 16) * 0x7feb352du;
    number = (number ^ number >> 15) * 0x846ca68bu;
    return number ^ number >> 16;
}

/* Peers close to each other, so that many are listed and many are next to it. */
static struct flow flow_of(uint32_t number, char ret_name[OBSERVABLE_TEXT_MAX])
{
    static const char *const fronts[] = {"192.0.2.", "2001:db8::", "64:ff9b::192.0.2.",
                                         "2002:c000:02"};
    uint32_t random = scramble(number);
    char text[64];
    struct flow flow = {.outcome = PICKET_ANSWERED,
                        .protocol = PROTOCOL_TCP,
                        .peer_port = 443,
                        .local_port = FLOW_PORT_UNKNOWN,
                        .first_us = NOON_US,
                        .last_us = NOON_US};

    snprintf(text, sizeof(text), number % 4 == 3 ? "%s%02x::1" : "%s%u", fronts[number % 4],
             random % 200 + 10);
    if (address_parse(text, strlen(text), &flow.peer) != PICKET_OK) {
        printf("%s is no address\n", text);
    }
    snprintf(ret_name, OBSERVABLE_TEXT_MAX, "h%u.d%u.example", random % 7, random % 31);
    flow.peer_name = ret_name;
    return flow;
}

static void value_of(uint32_t number, char ret_value[64])
{
    uint32_t random = scramble(number + 1000);

    switch (number % 4) {
    case 0:
        snprintf(ret_value, 64, "192.0.2.%u/%u", random % 200 / 8 * 8, 29 + random % 2);
        break;
    case 1:
        snprintf(ret_value, 64, "2001:db8::%u", random % 200 + 10);
        break;
    case 2:
        snprintf(ret_value, 64, "d%u.example", random % 31);
        break;
    default:
        snprintf(ret_value, 64, "*.h%u.d%u.example", random % 7, random % 31);
        break;
    }
}

/* What intel.h says of NAT64 and 6to4. */
static bool covers(const struct prefix *prefix, const struct address *address)
{
    static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};
    static const uint8_t six_to_four[2] = {0x20, 0x02};
    struct address inside = *address;

    if (memcmp(address->bytes, nat64, sizeof(nat64)) == 0) {
        inside = address_from_bytes(address->bytes + 12, 4);
    } else if (memcmp(address->bytes, six_to_four, sizeof(six_to_four)) == 0) {
        inside = address_from_bytes(address->bytes + 2, 4);
    }
    return prefix_contains(prefix, address) || prefix_contains(prefix, &inside);
}

static bool is_listed(const char *const *values, size_t count, const char *name,
                      const struct address *address)
{
    for (size_t i = 0; i < count; i++) {
        char text[OBSERVABLE_TEXT_MAX];
        struct observable observable;

        if (observable_parse(values[i], strlen(values[i]), &observable, text, NULL) != PICKET_OK) {
            printf("%s is no indicator\n", values[i]);
            return false;
        }
        if (name == NULL
                ? observable.kind == OBSERVABLE_ADDRESS && covers(&observable.prefix, address)
                : observable.kind == OBSERVABLE_NAME && name_is_within(name, observable.text) &&
                      !(observable.only_subdomains && strcmp(name, observable.text) == 0)) {
            return true;
        }
    }
    return false;
}

static bool is_first(char (*names)[OBSERVABLE_TEXT_MAX], const struct flow *flows, uint32_t number,
                     bool by_name)
{
    for (uint32_t i = 0; i < number; i++) {
        if (by_name ? strcmp(names[i], names[number]) == 0
                    : address_equal(&flows[i].peer, &flows[number].peer)) {
            return false;
        }
    }
    return true;
}

TEST(few_and_many_indicators_find_the_peers_that_an_oracle_finds)
{
    static struct flow flows[PEERS];
    static char names[PEERS][OBSERVABLE_TEXT_MAX];
    static char texts[LISTED][64];
    const char *values[LISTED];
    struct report *report = report_of("d1", 1, 1, 0, 9);
    uint64_t expected = 0;
    struct scene scene;

    for (uint32_t i = 0; i < LISTED; i++) {
        value_of(i, texts[i]);
        values[i] = texts[i];
    }
    for (uint32_t i = 0; i < PEERS; i++) {
        flows[i] = flow_of(i, names[i]);
        expected +=
            is_first(names, flows, i, false) && is_listed(values, LISTED, NULL, &flows[i].peer);
        expected += is_first(names, flows, i, true) && is_listed(values, LISTED, names[i], NULL);
    }
    report->flows = flows;
    report->flow_count = PEERS;
    CHECK(begin(&scene));
    CHECK(submitted(&scene, report));
    CHECK(expected > 50);
    CHECK_UINT(look_back(&scene, values, LISTED, MANY).contacts, expected);
    CHECK_UINT(alert_count(&scene, "TI_RETRO_MATCH"), expected);
    CHECK(look_back(&scene, values, LISTED, FEW).contacts >= expected); /* some are found twice */
    CHECK_UINT(alert_count(&scene, "TI_RETRO_MATCH"), expected);
    scene_end(&scene);
    report = report_of("d1", 1, 1, 0, 9);
    report->flows = flows;
    report->flow_count = PEERS;
    CHECK(begin(&scene));
    CHECK(submitted(&scene, report));
    (void)look_back(&scene, values, LISTED, FEW);
    CHECK_UINT(alert_count(&scene, "TI_RETRO_MATCH"), expected);
    scene_end(&scene);
}

TEST(all_devices_of_a_fleet_are_found_that_met_the_peer)
{
    enum { FLEET = 150 };
    static const char *const values[] = {"198.51.100.9"};
    struct scene scene;

    CHECK(begin(&scene));
    for (unsigned i = 0; i < FLEET; i++) {
        char device[16];

        snprintf(device, sizeof(device), "d%u", i);
        CHECK(submitted(&scene, report_of(device, 1, 1, 0, i % 3 == 0 ? 20 : 9)));
    }
    CHECK_UINT(look_back(&scene, values, 1, FEW).contacts, FLEET * 2 / 3);
    CHECK_UINT(alert_count(&scene, "TI_RETRO_MATCH"), FLEET * 2 / 3);
    scene_end(&scene);
}

/* --- what survives --- */

TEST(every_call_to_the_store_can_fail_and_the_next_look_back_finds_it_all)
{
    static const char *const values[] = {"198.51.100.9", "198.51.100.12/30"};
    bool has_failed = true;
    int calls = 0;

    while (has_failed && calls < 200) {
        struct intel_index *added = index_of(values, 2, FEW);
        struct lookback_counts counts;
        struct lookback_config config;
        struct scene scene;

        CHECK(scene_begin(&scene, failing_store_new(), 0, 1));
        scene.later_us = NOON_US + DAY_US;
        CHECK(submitted(&scene, report_of("d1", 1, 1, 0, 9)));
        CHECK(submitted(&scene, report_of("d2", 1, 1, 0, 13)));
        CHECK(snapshot_publish(scene.intel, index_of(values, 2, FEW), free_index));
        config = config_of(&scene, NULL);
        failing(scene.store)->calls_left = ++calls;
        has_failed = lookback_run(&config, added, NULL, &counts, NULL) != PICKET_OK;
        failing(scene.store)->calls_left = 0;
        CHECK(lookback_run(&config, added, NULL, &counts, NULL) == PICKET_OK);
        CHECK_UINT(alert_count(&scene, "TI_RETRO_MATCH"), 2);
        scene_end(&scene);
        intel_index_free(added);
    }
    CHECK(calls > 10 && calls < 200);
}

static bool has_file(const char *folder, unsigned number)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/lookback-%010u", folder, number);
    return access(path, F_OK) == 0;
}

TEST(what_was_not_looked_back_for_is_at_the_next_start)
{
    static const char *const values[] = {"198.51.100.9"};
    char folder[] = "/tmp/picket-lookback-XXXXXX";
    struct intel_index *added = index_of(values, 1, FEW);
    struct lookback *lookback = NULL;
    struct lookback_config config;
    struct lookback_counts counts;
    struct scene scene;

    CHECK(mkdtemp(folder) != NULL);
    CHECK(begin(&scene));
    CHECK(submitted(&scene, report_of("d1", 1, 1, 0, 9)));
    config = config_of(&scene, folder);
    CHECK(lookback_new(&config, &lookback, NULL) == PICKET_OK);
    CHECK(lookback_add(lookback, added, NULL) == PICKET_OK);
    CHECK(lookback_start(lookback, NULL) == PICKET_OK);
    lookback_free(lookback); /* before anything was published */
    CHECK(has_file(folder, 1));
    CHECK_UINT(alert_count(&scene, "TI_RETRO_MATCH"), 0);

    CHECK(lookback_new(&config, &lookback, NULL) == PICKET_OK);
    lookback_begin(lookback); /* another list is there sooner than this one */
    for (unsigned i = 0; i < RUNS_MEANWHILE; i++) {
        CHECK(lookback_run(&config, added, NULL, &counts, NULL) == PICKET_OK);
    }
    CHECK(has_file(folder, 1));
    CHECK(snapshot_publish(scene.intel, index_of(values, 1, FEW), free_index));
    CHECK(lookback_start(lookback, NULL) == PICKET_OK);
    while (has_file(folder, 1)) {
        sched_yield();
    }
    CHECK_UINT(alert_count(&scene, "TI_RETRO_MATCH"), 1);
    CHECK(lookback_add(lookback, added, NULL) == PICKET_OK);
    CHECK(has_file(folder, 2));
    lookback_begin(lookback);
    while (has_file(folder, 2)) {
        sched_yield();
    }
    lookback_free(lookback);
    CHECK_UINT(alert_count(&scene, "TI_RETRO_MATCH"), 1);
    scene_end(&scene);
    intel_index_free(added);
    rmdir(folder);
}

TEST(file_that_a_crash_tore_is_gone_at_the_next_start_and_others_stay)
{
    static const char *const names[] = {"lookback-0000000007.new", "lookback-7.new", "other.new"};
    char folder[] = "/tmp/picket-lookback-XXXXXX";
    char paths[3][128];
    struct lookback *lookback = NULL;
    struct lookback_config config;
    struct scene scene;

    CHECK(mkdtemp(folder) != NULL);
    CHECK(begin(&scene));
    for (size_t i = 0; i < 3; i++) {
        FILE *file;

        snprintf(paths[i], sizeof(paths[i]), "%s/%s", folder, names[i]);
        file = fopen(paths[i], "w");
        CHECK(file != NULL && fclose(file) == 0);
    }
    config = config_of(&scene, folder);
    CHECK(lookback_new(&config, &lookback, NULL) == PICKET_OK);
    lookback_free(lookback);
    CHECK(access(paths[0], F_OK) != 0);
    CHECK(access(paths[1], F_OK) == 0 && access(paths[2], F_OK) == 0);
    unlink(paths[1]);
    unlink(paths[2]);
    scene_end(&scene);
    rmdir(folder);
}

TEST_MAIN(
    TEST_ROW(file_that_a_crash_tore_is_gone_at_the_next_start_and_others_stay),
    TEST_ROW(peer_that_is_listed_later_becomes_an_alert_with_the_whole_of_the_contact),
    TEST_ROW(how_bad_it_is_depends_on_how_far_it_got_and_how_long_it_is_over),
    TEST_ROW(look_back_that_is_done_again_tells_nothing_twice),
    TEST_ROW(network_listed_after_its_address_tells_nothing_new_of_contacts_that_have_an_alert),
    TEST_ROW(contact_from_before_an_open_alert_is_told_all_the_same),
    TEST_ROW(port_and_protocol_of_an_indicator_count),
    TEST_ROW(name_that_was_asked_for_is_found_below_a_domain_that_is_listed_later),
    TEST_ROW(few_and_many_indicators_find_the_peers_that_an_oracle_finds),
    TEST_ROW(all_devices_of_a_fleet_are_found_that_met_the_peer),
    TEST_ROW(every_call_to_the_store_can_fail_and_the_next_look_back_finds_it_all),
    TEST_ROW(what_was_not_looked_back_for_is_at_the_next_start))
