/* SPDX-License-Identifier: MIT */
/* The book while the store fails, and while more happens than it can tell of. */
#include "identity_fixture.h"
#include "ingest/identity_events.h"
#include "unit/pipeline/failing_store.h"

/* What an operator and devices do, one after another; false if something was refused. */
static bool work(struct desk *desk, const struct paper *ca, const struct paper *pinned,
                 const struct paper *signed_one, char token[ENROLMENT_KEY_MAX])
{
    struct enrolment_token wide = {.device = "*", .group = "lab", .valid_until_us = NOON_US + 1};
    struct credential added;
    struct authority authority;
    struct identity_pass pass;

    return enrolment_add_certificate(desk->book, "d1", pinned->pem, NOON_US, &added, NULL) ==
               PICKET_OK &&
           enrolment_add_authority(desk->book, ca->pem, "lab", NOON_US, &authority, NULL) ==
               PICKET_OK &&
           enrolment_make_token(desk->book, &wide, NOON_US, token, NULL) == PICKET_OK &&
           desk_ask(desk, &(struct desk_claim){.paper = signed_one}, &pass) == IDENTITY_GOOD &&
           desk_ask(desk, &(struct desk_claim){.device = "d3", .key = token}, &pass) ==
               IDENTITY_GOOD &&
           enrolment_revoke(desk->book, "d1", 0, NOON_US, NULL) == PICKET_OK &&
           enrolment_remove_authority(desk->book, 1, NULL) == PICKET_OK;
}

/* What the book says of everybody, as one text. */
static void sum_up(struct desk *desk, const struct paper *pinned, const struct paper *signed_one,
                   const char *token, char *ret, size_t capacity)
{
    snprintf(ret, capacity, "%s %s %s",
             desk_try(desk, (struct desk_claim){.device = "d1", .paper = pinned}),
             desk_try(desk, (struct desk_claim){.device = "d2",
                                                .paper = signed_one,
                                                .now_us = NOON_US + 200 * DAY_US}),
             desk_try(desk, (struct desk_claim){
                                .device = "d3", .key = token, .now_us = NOON_US + 200 * DAY_US}));
}

TEST(every_call_to_the_store_can_fail_and_memory_says_what_is_stored)
{
    struct paper *ca = paper_new("Factory", NULL, true, 300);
    struct paper *pinned = paper_new("x", NULL, false, 30);
    struct paper *signed_one = paper_new("d2", ca, false, 30);
    bool is_good = false;

    for (int call = 1; call <= 60; call++) {
        struct desk *desk = desk_new(failing_store_new());
        char token[ENROLMENT_KEY_MAX] = "none";
        char before[96], after[96];

        failing(desk->store)->calls_left = call;
        is_good = work(desk, ca, pinned, signed_one, token);
        failing(desk->store)->calls_left = 0;
        sum_up(desk, pinned, signed_one, token, before, sizeof(before));
        desk_reopen_book(desk);
        sum_up(desk, pinned, signed_one, token, after, sizeof(after));
        CHECK_TEXT(after, before);
        desk_free(desk);
    }
    CHECK(is_good); /* there were fewer calls than that */
    paper_free(ca);
    paper_free(pinned);
    paper_free(signed_one);
}

TEST(device_that_enrols_while_the_disk_is_full_is_asked_to_come_again)
{
    struct desk *desk = desk_new(failing_store_new());
    struct enrolment_token wide = {.device = "*", .valid_until_us = NOON_US + DAY_US};
    char token[ENROLMENT_KEY_MAX];

    GOOD(enrolment_make_token(desk->book, &wide, NOON_US, token, NULL));
    failing(desk->store)->is_full = true;
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d1", .key = token}), "busy");
    failing(desk->store)->is_full = false;
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d1", .key = token}), "good");
    desk_free(desk);
}

TEST(refusals_wait_for_the_disk_and_are_counted_together)
{
    struct desk *desk = desk_new(failing_store_new());

    failing(desk->store)->is_full = true;
    for (int i = 0; i < 30; i++) {
        CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d1", .key = "x"}), "unknown");
    }
    failing(desk->store)->is_full = false;
    CHECK_TEXT(desk_list(desk).text, "");
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d1", .key = "x"}), "unknown");
    CHECK_TEXT(desk_list(desk).text, "ID_UNKNOWN of (service) x1 Medium; ");
    desk_free(desk);
}

TEST(flood_from_many_sources_takes_bounded_memory_and_is_counted)
{
    struct desk *desk = desk_new(failing_store_new());
    struct identity_events *events = calloc(1, sizeof(*events));
    struct identity_event event = {.kind = IDENTITY_EVENT_UNKNOWN, .count = 1};

    identity_events_init(events, desk->pipeline);
    snprintf(event.subject, sizeof(event.subject), "%s", STORE_SERVICE_ID);
    failing(desk->store)->is_full = true;
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(event.source, sizeof(event.source), "10.0.%u.%u", i / 256, i % 256);
        identity_events_note(events, &event);
    }
    CHECK_UINT(identity_events_left_out(events), 1000 - IDENTITY_EVENTS_MAX);
    failing(desk->store)->is_full = false;
    snprintf(event.source, sizeof(event.source), "10.0.0.0");
    identity_events_note(events, &event); /* all others go with it, and make room */
    snprintf(event.source, sizeof(event.source), "10.9.9.9");
    identity_events_note(events, &event);
    CHECK_UINT(identity_events_left_out(events), 1000 - IDENTITY_EVENTS_MAX);
    identity_events_deinit(events);
    free(events);
    desk_free(desk);
}

TEST_MAIN(TEST_ROW(every_call_to_the_store_can_fail_and_memory_says_what_is_stored),
          TEST_ROW(device_that_enrols_while_the_disk_is_full_is_asked_to_come_again),
          TEST_ROW(refusals_wait_for_the_disk_and_are_counted_together),
          TEST_ROW(flood_from_many_sources_takes_bounded_memory_and_is_counted))
