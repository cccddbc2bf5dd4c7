/* SPDX-License-Identifier: MIT */
/* Who may speak as which device. */
#include "identity_fixture.h"

static void pin(struct desk *desk, const char *device, const struct paper *paper)
{
    struct credential added;
    struct err err = {""};

    if (enrolment_add_certificate(desk->book, device, paper->pem, NOON_US, &added, &err) !=
        PICKET_OK) {
        printf("%s\n", err.text);
        abort();
    }
}

static void make_key(struct desk *desk, const char *device, char ret[ENROLMENT_KEY_MAX])
{
    struct credential added;

    if (enrolment_make_key(desk->book, device, NOON_US, ret, &added, NULL) != PICKET_OK) {
        abort();
    }
}

static void make_token(struct desk *desk, const char *device, char ret[ENROLMENT_KEY_MAX])
{
    struct enrolment_token token = {.group = "lab", .valid_until_us = NOON_US + DAY_US};

    snprintf(token.device, sizeof(token.device), "%s", device);
    if (enrolment_make_token(desk->book, &token, NOON_US, ret, NULL) != PICKET_OK) {
        abort();
    }
}

static void trust(struct desk *desk, const struct paper *paper)
{
    struct authority added;

    if (enrolment_add_authority(desk->book, paper->pem, "lab", NOON_US, &added, NULL) !=
        PICKET_OK) {
        abort();
    }
}

TEST(pinned_certificate_is_its_device_and_no_other)
{
    struct desk *desk = desk_new(NULL);
    struct paper *one = paper_new("anything", NULL, false, 30);
    struct paper *other = paper_new("anything", NULL, false, 30);
    struct identity_pass pass = {.credential = 0};

    pin(desk, "d1", one);
    pin(desk, "d2", other);
    CHECK_UINT(desk_ask(desk, &(struct desk_claim){.paper = one}, &pass), IDENTITY_GOOD);
    CHECK_TEXT(pass.device, "d1");
    CHECK_UINT(pass.credential, 1);
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d1", .paper = one}), "good");
    CHECK_TEXT(desk_list(desk).text, "");
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d1", .paper = other}), "foreign");
    CHECK_TEXT(desk_list(desk).text, "ID_CERT_MISMATCH of d2 x1 Medium; ");
    paper_free(one);
    paper_free(other);
    desk_free(desk);
}

TEST(another_certificate_than_the_pinned_one_is_a_mismatch_of_that_device)
{
    struct desk *desk = desk_new(NULL);
    struct paper *one = paper_new("d1", NULL, false, 30), *other = paper_new("d1", NULL, false, 30);

    pin(desk, "d1", one);
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d1", .paper = other}), "mismatch");
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.paper = other}), "mismatch");
    CHECK_TEXT(desk_list(desk).text, "ID_CERT_MISMATCH of d1 x2 Medium; ");
    paper_free(one);
    paper_free(other);
    desk_free(desk);
}

TEST(certificate_is_good_from_its_first_to_its_last_moment)
{
    static const struct {
        int64_t now_us;
        const char *verdict;
    } rows[] = {
        {NOON_US - DAY_US - 1, "expired"},
        {NOON_US - DAY_US, "good"},
        {NOON_US + DAY_US, "good"},
        {NOON_US + DAY_US + 1, "expired"},
    };
    struct desk *desk = desk_new(NULL);
    struct paper *paper = paper_new("d1", NULL, false, 1);

    pin(desk, "d1", paper);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK_TEXT(desk_try(desk, (struct desk_claim){.paper = paper, .now_us = rows[i].now_us}),
                   rows[i].verdict);
    }
    CHECK_TEXT(desk_list(desk).text, "ID_CERT_EXPIRED of d1 x2 Medium; ");
    paper_free(paper);
    desk_free(desk);
}

TEST(key_is_its_device_and_no_other)
{
    struct desk *desk = desk_new(NULL);
    char one[ENROLMENT_KEY_MAX], other[ENROLMENT_KEY_MAX];

    make_key(desk, "d1", one);
    make_key(desk, "d2", other);
    CHECK_UINT(strlen(one), 43);
    CHECK(strcmp(one, other) != 0);
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d1", .key = one}), "good");
    CHECK_TEXT(desk_list(desk).text, "");
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d1", .key = other}), "foreign");
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d1", .key = "wrong"}), "invalid");
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d1", .key = ""}), "invalid");
    CHECK_TEXT(desk_list(desk).text,
               "ID_CERT_MISMATCH of d2 x1 Medium; ID_TOKEN_INVALID of d1 x2 Low; ");
    desk_free(desk);
}

TEST(five_wrong_keys_are_medium)
{
    struct desk *desk = desk_new(NULL);
    char key[ENROLMENT_KEY_MAX];

    make_key(desk, "d1", key);
    for (int i = 0; i < 5; i++) {
        CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d1", .key = "wrong"}), "invalid");
    }
    CHECK_TEXT(desk_list(desk).text, "ID_TOKEN_INVALID of d1 x5 Medium; ");
    desk_free(desk);
}

TEST(who_is_not_known_is_told_of_by_source_and_makes_no_device)
{
    static const struct desk_claim rows[] = {
        {.device = "made-up-1", .key = "x"},
        {.device = "made-up-2", .key = "y"},
        {.device = "no/device", .key = "z"},
        {.key = "w"},
        {.device = "made-up-3", .key = "SharedAccessSignature sr=a&sig=b&se=1"},
    };
    struct desk *desk = desk_new(NULL);
    struct paper *paper = paper_new("d9", NULL, false, 30);
    struct pipeline_stats stats;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK_TEXT(desk_try(desk, rows[i]), "unknown");
    }
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.paper = paper}), "unknown");
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d1"}), "none");
    CHECK_TEXT(desk_list(desk).text, "ID_UNKNOWN of (service) x7 Low; ");
    pipeline_get_stats(desk->pipeline, &stats);
    CHECK_UINT(stats.devices, 0);
    paper_free(paper);
    desk_free(desk);
}

TEST(bytes_that_are_no_certificate_are_unknown)
{
    struct desk *desk = desk_new(NULL);
    struct paper *paper = paper_new("d1", NULL, false, 30);

    pin(desk, "d1", paper);
    for (size_t length = 0; length < paper->shown.length; length += 7) {
        struct paper cut = *paper;

        cut.shown.length = length;
        CHECK_TEXT(desk_try(desk, (struct desk_claim){.paper = &cut}), "unknown");
    }
    paper_free(paper);
    desk_free(desk);
}

TEST(revoked_credential_is_refused_with_the_next_message)
{
    struct desk *desk = desk_new(NULL);
    struct paper *paper = paper_new("d1", NULL, false, 30);
    char key[ENROLMENT_KEY_MAX];
    struct identity_pass pass;

    pin(desk, "d1", paper);
    make_key(desk, "d1", key);
    CHECK_UINT(desk_ask(desk, &(struct desk_claim){.paper = paper}, &pass), IDENTITY_GOOD);
    CHECK_UINT(identity_recheck(desk->book, &pass, "192.0.2.9", NOON_US), IDENTITY_GOOD);
    GOOD(enrolment_revoke(desk->book, "d1", 1, NOON_US, NULL));
    CHECK_UINT(identity_recheck(desk->book, &pass, "192.0.2.9", NOON_US), IDENTITY_REVOKED);
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.paper = paper}), "revoked");
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d1", .key = key}), "good");
    desk_reopen_book(desk);
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.paper = paper}), "revoked");
    GOOD(enrolment_revoke(desk->book, "d1", 0, NOON_US, NULL));
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d1", .key = key}), "revoked");
    CHECK_TEXT(desk_list(desk).text, "ID_REVOKED_USED of d1 x4 Medium; ");
    CHECK_UINT(enrolment_revoke(desk->book, "d1", 0, NOON_US, NULL), PICKET_E_NOTFOUND);
    CHECK_UINT(enrolment_revoke(desk->book, "d2", 0, NOON_US, NULL), PICKET_E_NOTFOUND);
    paper_free(paper);
    desk_free(desk);
}

TEST(pass_ends_with_its_certificate)
{
    struct desk *desk = desk_new(NULL);
    struct paper *paper = paper_new("d1", NULL, false, 1);
    struct identity_pass pass;

    pin(desk, "d1", paper);
    CHECK_UINT(desk_ask(desk, &(struct desk_claim){.paper = paper}, &pass), IDENTITY_GOOD);
    CHECK_UINT(identity_recheck(desk->book, &pass, "192.0.2.9", NOON_US + DAY_US), IDENTITY_GOOD);
    CHECK_TEXT(desk_list(desk).text, "");
    CHECK_UINT(identity_recheck(desk->book, &pass, "192.0.2.9", NOON_US + DAY_US + 1),
               IDENTITY_EXPIRED);
    CHECK_TEXT(desk_list(desk).text, "ID_CERT_EXPIRED of d1 x1 Medium; ");
    paper_free(paper);
    desk_free(desk);
}

/* --- tokens --- */

TEST(token_lets_one_device_in_once_and_becomes_its_key)
{
    struct desk *desk = desk_new(NULL);
    char token[ENROLMENT_KEY_MAX];

    make_token(desk, "*", token);
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d1", .key = token}), "good");
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d1", .key = token}), "good");
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d2", .key = token}), "foreign");
    desk_reopen_book(desk);
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d1", .key = token}), "good");
    GOOD(enrolment_revoke(desk->book, "d1", 0, NOON_US, NULL));
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d1", .key = token}), "revoked");
    desk_free(desk);
}

TEST(token_with_a_certificate_pins_that_one_and_is_used_up)
{
    struct desk *desk = desk_new(NULL);
    struct paper *one = paper_new("x", NULL, false, 30), *other = paper_new("y", NULL, false, 30);
    char token[ENROLMENT_KEY_MAX];

    make_token(desk, "d*", token);
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d1", .key = token, .paper = one}),
               "good");
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.paper = one}), "good");
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d1", .key = token}), "invalid");
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d2", .key = token, .paper = other}),
               "invalid");
    desk_reopen_book(desk);
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.paper = one}), "good");
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d2", .key = token}), "invalid");
    paper_free(one);
    paper_free(other);
    desk_free(desk);
}

static bool copy_device(void *context, const struct device *device)
{
    *(struct device *)context = *device;
    return true;
}

TEST(device_that_enrols_is_put_into_the_group_of_its_token)
{
    struct desk *desk = desk_new(NULL);
    const struct store_filter only = {.id = "d1"};
    struct device device = {.id = ""};
    char token[ENROLMENT_KEY_MAX];

    make_token(desk, "d1", token);
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d1", .key = token}), "good");
    GOOD(desk->store->ops->each_device(desk->store, &only, copy_device, &device, NULL));
    CHECK_TEXT(device.group, "lab");
    desk_free(desk);
}

TEST(token_is_for_the_device_or_the_beginning_that_it_says)
{
    static const struct {
        const char *pattern;
        const char *device;
        const char *verdict;
    } rows[] = {
        {"d1", "d1", "good"},       {"d1", "d12", "unknown"},    {"d1*", "d12", "good"},
        {"cam-*", "cam-1", "good"}, {"cam-*", "cam", "unknown"}, {"*", "anything", "good"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct desk *desk = desk_new(NULL);
        char token[ENROLMENT_KEY_MAX];

        make_token(desk, rows[i].pattern, token);
        CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = rows[i].device, .key = token}),
                   rows[i].verdict);
        desk_free(desk);
    }
}

TEST(token_for_many_takes_no_device_over_and_one_of_its_own_renews_it)
{
    struct desk *desk = desk_new(NULL);
    struct paper *paper = paper_new("x", NULL, false, 30);
    char key[ENROLMENT_KEY_MAX], open[ENROLMENT_KEY_MAX], own[ENROLMENT_KEY_MAX];

    make_key(desk, "d1", key);
    make_token(desk, "*", open);
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d1", .key = open, .paper = paper}),
               "invalid");
    GOOD(enrolment_revoke(desk->book, "d1", 0, NOON_US, NULL));
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d1", .key = open, .paper = paper}),
               "revoked");
    make_token(desk, "d1", own);
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d1", .key = own, .paper = paper}),
               "good");
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d2", .key = open}), "good");
    paper_free(paper);
    desk_free(desk);
}

TEST(device_that_is_revoked_loses_the_tokens_made_for_it)
{
    struct desk *desk = desk_new(NULL);
    char key[ENROLMENT_KEY_MAX], token[ENROLMENT_KEY_MAX];

    make_key(desk, "d1", key);
    make_token(desk, "d1", token);
    GOOD(enrolment_revoke(desk->book, "d1", 0, NOON_US, NULL));
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d1", .key = token}), "invalid");
    desk_reopen_book(desk);
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d1", .key = token}), "invalid");
    desk_free(desk);
}

TEST(token_expires_and_can_be_withdrawn)
{
    struct desk *desk = desk_new(NULL);
    char own[ENROLMENT_KEY_MAX], open[ENROLMENT_KEY_MAX];
    const int64_t late_us = NOON_US + DAY_US + 1;

    make_token(desk, "d1", own);
    make_token(desk, "*", open);
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d1", .key = own, .now_us = late_us}),
               "expired");
    CHECK_TEXT(desk_list(desk).text, "ID_TOKEN_EXPIRED of d1 x1 Low; ");
    GOOD(enrolment_withdraw_token(desk->book, 2, NULL));
    CHECK_UINT(enrolment_withdraw_token(desk->book, 2, NULL), PICKET_E_NOTFOUND);
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d2", .key = open}), "unknown");
    desk_reopen_book(desk);
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d2", .key = open}), "unknown");
    desk_free(desk);
}

/* --- authorities --- */

TEST(certificate_of_a_trusted_authority_is_pinned_with_its_first_use)
{
    struct desk *desk = desk_new(NULL);
    struct paper *ca = paper_new("Factory", NULL, true, 300);
    struct paper *one = paper_new("d1", ca, false, 30), *other = paper_new("d1", ca, false, 30);

    CHECK_TEXT(desk_try(desk, (struct desk_claim){.paper = one}), "unknown");
    trust(desk, ca);
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d2", .paper = one}), "foreign");
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d1", .paper = one}), "good");
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.paper = one}), "good");
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.paper = other}), "mismatch");
    desk_reopen_book(desk);
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.paper = one}), "good");
    GOOD(enrolment_remove_authority(desk->book, 1, NULL));
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.paper = one}), "good"); /* it stays */
    GOOD(enrolment_revoke(desk->book, "d1", 0, NOON_US, NULL));
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.paper = one}), "revoked");
    paper_free(one);
    paper_free(other);
    paper_free(ca);
    desk_free(desk);
}

TEST(revoked_device_does_not_come_back_with_another_certificate)
{
    struct desk *desk = desk_new(NULL);
    struct paper *ca = paper_new("Factory", NULL, true, 300);
    struct paper *one = paper_new("d1", ca, false, 30), *other = paper_new("d1", ca, false, 30);

    trust(desk, ca);
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.paper = one}), "good");
    GOOD(enrolment_revoke(desk->book, "d1", 0, NOON_US, NULL));
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.paper = other}), "revoked");
    pin(desk, "d1", other);
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.paper = other}), "good");
    paper_free(one);
    paper_free(other);
    paper_free(ca);
    desk_free(desk);
}

TEST(chain_counts_only_as_far_as_authorities_go)
{
    struct desk *desk = desk_new(NULL);
    struct paper *root = paper_new("Root", NULL, true, 300);
    struct paper *middle = paper_new("Line 4", root, true, 20);
    struct paper *false_middle = paper_new("no authority", root, false, 300);
    struct paper *stranger = paper_new("Root", NULL, true, 300);
    struct paper *good = paper_new("d1", middle, false, 30);
    struct paper *forged = paper_new("d2", false_middle, false, 30);
    struct paper *foreign = paper_new("d3", stranger, false, 30);
    struct paper *expired = paper_new("d4", root, false, 1);

    trust(desk, root);
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.paper = good}), "unknown"); /* no way there */
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.paper = good,
                                                  .middle = middle,
                                                  .now_us = NOON_US + 21 * DAY_US}),
               "unknown"); /* the one in between has expired */
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.paper = good, .middle = middle}), "good");
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.paper = forged, .middle = false_middle}),
               "unknown");
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.paper = foreign, .middle = stranger}),
               "unknown");
    CHECK_TEXT(
        desk_try(desk, (struct desk_claim){.paper = expired, .now_us = NOON_US + 2 * DAY_US}),
        "expired");
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "Root", .paper = root}), "unknown");
    CHECK_TEXT(desk_list(desk).text,
               "ID_UNKNOWN of (service) x5 Low; ID_CERT_EXPIRED of d4 x1 Medium; ");
    paper_free(root);
    paper_free(middle);
    paper_free(false_middle);
    paper_free(stranger);
    paper_free(good);
    paper_free(forged);
    paper_free(foreign);
    paper_free(expired);
    desk_free(desk);
}

/* --- what can't be added --- */

TEST(what_can_not_be_taken_is_refused_with_a_reason)
{
    struct desk *desk = desk_new(NULL);
    struct paper *paper = paper_new("d1", NULL, false, 30), *ca = paper_new("CA", NULL, true, 30);
    struct enrolment_token late = {.device = "d1", .valid_until_us = NOON_US};
    struct enrolment_token wide = {.device = "a*b", .valid_until_us = NOON_US + 1};
    struct credential added;
    struct authority authority;
    char key[ENROLMENT_KEY_MAX];
    struct err err = {""};

    pin(desk, "d1", paper);
    CHECK_UINT(enrolment_add_certificate(desk->book, "d2", paper->pem, NOON_US, &added, &err),
               PICKET_E_CONFLICT);
    CHECK_TEXT(err.text, "this certificate is in the book already, of device d1");
    CHECK_UINT(enrolment_add_certificate(desk->book, "d2", "no", NOON_US, &added, &err),
               PICKET_E_ARG);
    CHECK_UINT(enrolment_make_key(desk->book, "d 2", NOON_US, key, &added, &err), PICKET_E_ARG);
    CHECK_UINT(enrolment_add_shared_key(desk->book, "d2", "c2hvcnQ=", NOON_US, &added, &err),
               PICKET_E_ARG);
    CHECK_UINT(enrolment_make_token(desk->book, &late, NOON_US, key, &err), PICKET_E_ARG);
    CHECK_UINT(enrolment_make_token(desk->book, &wide, NOON_US, key, &err), PICKET_E_ARG);
    CHECK_UINT(enrolment_add_authority(desk->book, paper->pem, "", NOON_US, &authority, &err),
               PICKET_E_ARG);
    CHECK(strstr(err.text, "CA:TRUE") != NULL);
    GOOD(enrolment_add_authority(desk->book, ca->pem, "", NOON_US, &authority, &err));
    CHECK_TEXT(authority.subject, "CN = CA");
    CHECK_UINT(enrolment_add_authority(desk->book, ca->pem, "", NOON_US, &authority, &err),
               PICKET_E_CONFLICT);
    CHECK_UINT(enrolment_remove_authority(desk->book, 7, &err), PICKET_E_NOTFOUND);
    for (unsigned i = 1; i < ENROLMENT_CREDENTIALS_MAX; i++) {
        GOOD(enrolment_make_key(desk->book, "d1", NOON_US, key, &added, &err));
    }
    CHECK_UINT(enrolment_make_key(desk->book, "d1", NOON_US, key, &added, &err), PICKET_E_LIMIT);
    paper_free(paper);
    paper_free(ca);
    desk_free(desk);
}

/* --- use --- */

static void use_from(struct desk *desk, const struct identity_pass *pass, const char *source,
                     int64_t at_s)
{
    identity_begin(desk->book, pass, source, NOON_US + at_s * TIME_US_PER_S);
    identity_end(desk->book, pass, source, NOON_US + at_s * TIME_US_PER_S);
}

TEST(device_in_two_places_at_once_is_told_and_one_that_moves_is_not)
{
    struct desk *desk = desk_new(NULL);
    struct identity_pass pass;
    char key[ENROLMENT_KEY_MAX];

    make_key(desk, "d1", key);
    CHECK_UINT(desk_ask(desk, &(struct desk_claim){.device = "d1", .key = key}, &pass),
               IDENTITY_GOOD);
    use_from(desk, &pass, "192.0.2.1", 0);
    use_from(desk, &pass, "192.0.2.77", 1); /* the same network */
    use_from(desk, &pass, "192.0.2.1", 2);
    use_from(desk, &pass, "2001:db8::1", 3); /* moved */
    use_from(desk, &pass, "2001:db8::2", 4);
    CHECK_TEXT(desk_list(desk).text, "");
    use_from(desk, &pass, "192.0.2.5", 90); /* back, but much later */
    CHECK_TEXT(desk_list(desk).text, "");
    use_from(desk, &pass, "2001:db8::2", 100);
    use_from(desk, &pass, "192.0.2.5", 110);
    CHECK_TEXT(desk_list(desk).text, "ID_DUPLICATE_SESSION of d1 x1 High; ");
    desk_free(desk);
}

TEST(allowance_is_for_one_device_and_comes_back_with_time)
{
    struct desk *desk = desk_new(NULL);
    struct identity_pass one, other;
    char key[ENROLMENT_KEY_MAX], second[ENROLMENT_KEY_MAX];
    int64_t now_us = NOON_US;
    unsigned taken = 0;

    make_key(desk, "d1", key);
    make_key(desk, "d2", second);
    identity_free(desk->book);
    desk_open_book(desk, false, 6);
    CHECK_UINT(desk_ask(desk, &(struct desk_claim){.device = "d1", .key = key}, &one),
               IDENTITY_GOOD);
    CHECK_UINT(desk_ask(desk, &(struct desk_claim){.device = "d2", .key = second}, &other),
               IDENTITY_GOOD);
    while (taken < 1000 && identity_allows(desk->book, &one, "192.0.2.1", now_us)) {
        taken++;
    }
    CHECK_UINT(taken, 60); /* ten minutes' worth */
    CHECK_TEXT(desk_list(desk).text, "DEV_OVER_ALLOWANCE of d1 x1 Low; ");
    CHECK(identity_allows(desk->book, &other, "192.0.2.2", now_us));
    now_us += 10 * TIME_US_PER_S;
    CHECK(identity_allows(desk->book, &one, "192.0.2.1", now_us));
    CHECK(!identity_allows(desk->book, &one, "192.0.2.1", now_us));
    CHECK(identity_allows(desk->book, &one, "192.0.2.1", now_us - 60 * DAY_US)); /* set back */
    desk_free(desk);
}

static bool take_refused(void *context, const struct device_refused *refused)
{
    *(struct device_refused *)context = *refused;
    return true;
}

/* The last of its causes; all zero if nothing was refused, or the store can't say. */
static struct device_refused refused_of(struct desk *desk, const char *device)
{
    struct device_refused refused = {.count = 0};

    (void)!desk->store->ops->each_refused(desk->store, device, take_refused, &refused, NULL);
    return refused;
}

TEST(message_is_refused_for_the_device_and_one_of_a_stranger_makes_no_device)
{
    struct desk *desk = desk_new(NULL);
    char key[ENROLMENT_KEY_MAX];

    make_key(desk, "d1", key);
    for (unsigned i = 0; i < 3; i++) {
        identity_note_refused(desk->book, "d1", REFUSED_MALFORMED, "byte 7: damaged", "192.0.2.1",
                              NOON_US + i);
        identity_note_refused(desk->book, "d2", REFUSED_MALFORMED, "byte 7: damaged", "192.0.2.1",
                              NOON_US + i);
    }
    CHECK_TEXT(desk_list(desk).text, "DEV_MESSAGE_REFUSED of d1 x3 Low; ");
    CHECK_UINT(refused_of(desk, "d1").count, 3);
    CHECK_UINT(refused_of(desk, "d1").last_us, NOON_US + 2);
    CHECK_TEXT(refused_of(desk, "d1").reason, "byte 7: damaged");
    CHECK_UINT(refused_of(desk, "d2").count, 0);
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.device = "d1", .key = "x"}), "invalid");
    CHECK_UINT(refused_of(desk, "d1").cause, REFUSED_UNAUTHORIZED);
    CHECK_TEXT(refused_of(desk, "d1").reason, "a key that is not the device's, or a used token");
    desk_free(desk);
}

TEST(open_book_takes_everyone_at_its_word)
{
    struct desk *desk = desk_new(NULL);
    struct identity_pass pass = {.credential = 5};

    identity_free(desk->book);
    desk_open_book(desk, true, 1);
    CHECK_UINT(desk_ask(desk, &(struct desk_claim){.device = "d1"}, &pass), IDENTITY_GOOD);
    CHECK_TEXT(pass.device, "d1");
    CHECK_UINT(pass.credential, 0);
    CHECK_UINT(identity_recheck(desk->book, &pass, "192.0.2.9", NOON_US), IDENTITY_GOOD);
    CHECK(identity_allows(desk->book, &pass, "127.0.0.1", NOON_US));
    identity_begin(desk->book, &pass, "127.0.0.1", NOON_US);
    CHECK_TEXT(desk_try(desk, (struct desk_claim){.key = "x"}), "none");
    CHECK_TEXT(desk_list(desk).text, "");
    desk_free(desk);
}

TEST(broker_vouches_for_those_in_the_book_and_for_all_where_all_may_come_in)
{
    struct desk *desk = desk_new(NULL);
    struct identity_pass pass = {.device = ""};
    struct credential added;
    char key[ENROLMENT_KEY_MAX];

    GOOD(enrolment_make_key(desk->book, "d1", NOON_US, key, &added, NULL));
    CHECK(identity_check_vouched(desk->book, "d2", "a broker", NOON_US, &pass) == IDENTITY_UNKNOWN);
    CHECK_TEXT(pass.device, "");
    CHECK_TEXT(desk_list(desk).text, "ID_UNKNOWN of (service) x1 Low; ");
    CHECK(identity_check_vouched(desk->book, "d1", "a broker", NOON_US, &pass) == IDENTITY_GOOD);
    CHECK_TEXT(pass.device, "d1");
    identity_free(desk->book);
    desk_open_book(desk, true, 0);
    CHECK(identity_check_vouched(desk->book, "d2", "a broker", NOON_US, &pass) == IDENTITY_GOOD);
    CHECK_TEXT(pass.device, "d2");
    identity_note_unknown(desk->book, "d 2", "a broker", NOON_US);
    CHECK_TEXT(desk_list(desk).text, "ID_UNKNOWN of (service) x1 Low; ");
    desk_free(desk);
}

TEST_MAIN(TEST_ROW(broker_vouches_for_those_in_the_book_and_for_all_where_all_may_come_in),
          TEST_ROW(pinned_certificate_is_its_device_and_no_other),
          TEST_ROW(another_certificate_than_the_pinned_one_is_a_mismatch_of_that_device),
          TEST_ROW(certificate_is_good_from_its_first_to_its_last_moment),
          TEST_ROW(key_is_its_device_and_no_other), TEST_ROW(five_wrong_keys_are_medium),
          TEST_ROW(who_is_not_known_is_told_of_by_source_and_makes_no_device),
          TEST_ROW(bytes_that_are_no_certificate_are_unknown),
          TEST_ROW(revoked_credential_is_refused_with_the_next_message),
          TEST_ROW(pass_ends_with_its_certificate),
          TEST_ROW(token_lets_one_device_in_once_and_becomes_its_key),
          TEST_ROW(token_with_a_certificate_pins_that_one_and_is_used_up),
          TEST_ROW(device_that_enrols_is_put_into_the_group_of_its_token),
          TEST_ROW(token_is_for_the_device_or_the_beginning_that_it_says),
          TEST_ROW(token_for_many_takes_no_device_over_and_one_of_its_own_renews_it),
          TEST_ROW(device_that_is_revoked_loses_the_tokens_made_for_it),
          TEST_ROW(token_expires_and_can_be_withdrawn),
          TEST_ROW(certificate_of_a_trusted_authority_is_pinned_with_its_first_use),
          TEST_ROW(revoked_device_does_not_come_back_with_another_certificate),
          TEST_ROW(chain_counts_only_as_far_as_authorities_go),
          TEST_ROW(what_can_not_be_taken_is_refused_with_a_reason),
          TEST_ROW(device_in_two_places_at_once_is_told_and_one_that_moves_is_not),
          TEST_ROW(allowance_is_for_one_device_and_comes_back_with_time),
          TEST_ROW(message_is_refused_for_the_device_and_one_of_a_stranger_makes_no_device),
          TEST_ROW(open_book_takes_everyone_at_its_word))
