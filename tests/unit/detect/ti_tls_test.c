/* SPDX-License-Identifier: MIT */
/* TI_TLS_MATCH: server names and certificates of sessions. */
#include "rig.h"

#define LISTED_ID "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const struct intel_feed feeds[] = {
    {.name = "bad", .confidence = 80, .category = ""},
    {.name = "operator", .role = INDICATOR_ALLOWED, .category = ""}};
static const char *const lists[] = {"evil.example\nfine.example\n" LISTED_ID, "fine.example"};

static struct picket_tls_record session(const char *name, bool has_listed_id)
{
    struct picket_tls_record record = {.direction = PICKET_OUTBOUND,
                                       .address_size = 4,
                                       .peer = {198, 51, 100, 9},
                                       .port = 8443,
                                       .version = 0x0304,
                                       .server_name = {name, name == NULL ? 0 : strlen(name)}};

    record.has_certificate = record.has_certificate_id = has_listed_id;
    for (size_t i = 0; i < 32 && has_listed_id; i++) {
        unsigned byte = 0;

        if (sscanf(&LISTED_ID[2 * i], "%2x", &byte) != 1) {
            abort();
        }
        record.certificate_sha256[i] = (uint8_t)byte;
    }
    return record;
}

static struct rig *seen(const char *rules, struct picket_tls_record *sessions, size_t count,
                        struct flow *flows, size_t flow_count)
{
    struct rig *rig = rig_new(rules);
    struct report report = rig_report(0, MIN_US, flows, flow_count);

    rig->intel = rig_index(feeds, lists, 2);
    report.facts.tls = sessions;
    report.facts.tls_count = count;
    rig_send(rig, &report);
    return rig;
}

TEST(listed_server_name_is_high_with_the_flows_of_the_session)
{
    struct picket_tls_record record = session("www.evil.example", false);
    struct flow flows[3] = {rig_flow("198.51.100.9", PICKET_OUTBOUND, 6, 8443),
                            rig_flow("198.51.100.9", PICKET_OUTBOUND, 6, 443),
                            rig_flow("198.51.100.8", PICKET_OUTBOUND, 6, 8443)};
    struct rig *rig = seen(NULL, &record, 1, flows, 3);

    CHECK_UINT(rig->count, 1);
    CHECK_TEXT(rig->findings[0].type, "TI_TLS_MATCH");
    CHECK_UINT(rig->findings[0].severity, SEVERITY_HIGH);
    CHECK_TEXT(rig->findings[0].key, "evil.example");
    CHECK_UINT(rig->findings[0].flow_count, 1);
    CHECK_TEXT(rig->findings[0].reason,
               "TLS session with 198.51.100.9 port 8443 by the server name www.evil.example, which "
               "is on list \"bad\" as evil.example.");
    rig_free(rig);
}

TEST(listed_certificate_is_high)
{
    struct picket_tls_record record = session(NULL, true);
    struct rig *rig = seen(NULL, &record, 1, NULL, 0);

    CHECK_UINT(rig->count, 1);
    CHECK_UINT(rig->findings[0].severity, SEVERITY_HIGH);
    CHECK_TEXT(rig->findings[0].key, LISTED_ID);
    CHECK_TEXT(rig->findings[0].reason,
               "TLS session with 198.51.100.9 port 8443 by the certificate with SHA-256 " LISTED_ID
               ", which is on list \"bad\".");
    CHECK_UINT(rig->findings[0].flow_count, 0);
    CHECK_UINT(rig->findings[0].last_us, MIN_US);
    rig_free(rig);
}

TEST(unlisted_and_allowed_sessions_raise_nothing)
{
    struct picket_tls_record records[3] = {
        session("benign.example", false), session("www.fine.example", false), session(NULL, false)};
    struct rig *rig = seen(NULL, records, 3, NULL, 0);

    CHECK_UINT(rig->count, 0);
    CHECK_UINT(detect_device_take_intel_counts(rig->device).allowed, 1);
    rig_free(rig);
}

TEST(session_that_the_peer_opened_shows_the_device_itself)
{
    struct picket_tls_record record = session("evil.example", true);
    struct rig *rig;

    record.direction = PICKET_INBOUND;
    rig = seen(NULL, &record, 1, NULL, 0);
    CHECK_UINT(rig->count, 0);
    rig_free(rig);
}

TEST(kinds_say_what_is_looked_up)
{
    static const struct {
        const char *rule;
        size_t count;
    } rows[] = {
        {"{'type': 'TI_TLS_MATCH'}", 2},
        {"{'type': 'TI_TLS_MATCH', 'kinds': ['sni']}", 1},
        {"{'type': 'TI_TLS_MATCH', 'kinds': ['cert_sha256']}", 1},
        {"{'type': 'TI_TLS_MATCH', 'kinds': ['sni'], 'match_parent': false}", 0},
        {"{'type': 'TI_TLS_MATCH', 'enabled': false}", 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct picket_tls_record record = session("www.evil.example", true);
        struct rig *rig = seen(rows[i].rule, &record, 1, NULL, 0);

        CHECK_UINT(rig->count, rows[i].count);
        rig_free(rig);
    }
}

TEST(listed_session_is_found_behind_many_others)
{
    struct picket_tls_record records[200];
    struct rig *rig;

    for (size_t i = 0; i < 200; i++) {
        records[i] = session(i == 150 ? "evil.example" : i % 2 == 0 ? NULL : "x.example", false);
    }
    rig = seen(NULL, records, 200, NULL, 0);
    CHECK_UINT(rig->count, 1);
    rig_free(rig);
}

TEST_MAIN(TEST_ROW(listed_server_name_is_high_with_the_flows_of_the_session),
          TEST_ROW(listed_certificate_is_high),
          TEST_ROW(unlisted_and_allowed_sessions_raise_nothing),
          TEST_ROW(session_that_the_peer_opened_shows_the_device_itself),
          TEST_ROW(kinds_say_what_is_looked_up),
          TEST_ROW(listed_session_is_found_behind_many_others))
