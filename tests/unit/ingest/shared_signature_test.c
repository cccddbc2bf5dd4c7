/* SPDX-License-Identifier: MIT */
#include "ingest/shared_signature.h"

#include <stdio.h>
#include <string.h>

#include "harness/check.h"

#define SCHEME    "SharedAccessSignature "
#define RESOURCE  "sr=hub.example%2Fdevices%2Fd1"
#define SIGNATURE "sig=3Sb67mJ%2FDXpSkbA9Sf%2Fd9IlkY2gnMoJtFi7BkA73%2By4%3D"
#define EXPIRY    "se=1767225601"
/* Made with another program, of the key 00 01 … 1f. */
#define GOOD_ONE SCHEME RESOURCE "&" SIGNATURE "&" EXPIRY

static bool parse(const char *text, struct shared_signature *ret)
{
    return shared_signature_parse((const uint8_t *)text, strlen(text), ret);
}

TEST(signature_is_read_and_verified_with_its_key_alone)
{
    struct shared_signature signature;
    uint8_t key[32];

    for (unsigned i = 0; i < sizeof(key); i++) {
        key[i] = (uint8_t)i;
    }
    CHECK(parse(GOOD_ONE, &signature));
    CHECK_UINT(signature.expires_us, INT64_C(1767225601000000));
    CHECK(shared_signature_verify(&signature, key, sizeof(key)));
    key[31] ^= 1;
    CHECK(!shared_signature_verify(&signature, key, sizeof(key)));
}

TEST(order_does_not_matter_and_a_name_may_be_there)
{
    struct shared_signature signature;

    CHECK(parse(SCHEME EXPIRY "&skn=device&" RESOURCE "&" SIGNATURE, &signature));
    CHECK(parse(SCHEME SIGNATURE "&" EXPIRY "&" RESOURCE "&skn=", &signature));
}

TEST(what_is_none_is_refused)
{
    static const char *const rows[] = {
        "",
        "Bearer x",
        SCHEME,
        SCHEME RESOURCE "&" EXPIRY,
        SCHEME RESOURCE "&" SIGNATURE,
        SCHEME SIGNATURE "&" EXPIRY,
        SCHEME RESOURCE "&" SIGNATURE "&" EXPIRY "&" EXPIRY,
        SCHEME RESOURCE "&" SIGNATURE "&" EXPIRY "&x=1",
        SCHEME RESOURCE "&" SIGNATURE "&se=",
        SCHEME RESOURCE "&" SIGNATURE "&se=-1",
        SCHEME RESOURCE "&" SIGNATURE "&se=123456789012",
        SCHEME RESOURCE "&sig=AAAA&" EXPIRY,
        SCHEME RESOURCE "&sig=3Sb67mJ%2&" EXPIRY,
        SCHEME RESOURCE "&sig=%00&" EXPIRY,
        SCHEME "sr=&" SIGNATURE "&" EXPIRY,
    };
    struct shared_signature signature;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CHECK(!parse(rows[i], &signature));
    }
}

TEST(resource_names_the_device_or_a_module_of_it)
{
    static const struct {
        const char *resource;
        bool is_for;
    } rows[] = {
        {"hub.example%2Fdevices%2Fd1", true},       {"hub.example%2fdevices%2fd1", true},
        {"hub.example/devices/d1/modules/m", true}, {"hub.example%2Fdevices%2Fd12", false},
        {"hub.example%2Fdevices%2Fd", false},       {"hub.example", false},
        {"hub.example%2Fdevices%2F%zz", false},     {"d1", false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct shared_signature signature;
        char text[256];

        snprintf(text, sizeof(text), "%ssr=%s&%s&%s", SCHEME, rows[i].resource, SIGNATURE, EXPIRY);
        CHECK(parse(text, &signature));
        CHECK(shared_signature_is_for(&signature, "d1") == rows[i].is_for);
    }
}

TEST(base64_is_decoded_strictly)
{
    static const struct {
        const char *text;
        size_t length; /* 0: refused */
    } rows[] = {
        {"AAAA", 3}, {"AAA=", 2}, {"AA==", 1}, {"", 0},     {"A", 0},     {"AAAAA", 0},
        {"A A=", 0}, {"A===", 0}, {"AA=A", 0}, {"AA-_", 0}, {"\nAAA", 0}, {"AAAAAAAA", 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t bytes[5];
        size_t length = 0;

        CHECK(base64_decode(rows[i].text, bytes, sizeof(bytes), &length) == (rows[i].length > 0));
        CHECK_UINT(length, rows[i].length);
    }
}

TEST_MAIN(TEST_ROW(signature_is_read_and_verified_with_its_key_alone),
          TEST_ROW(order_does_not_matter_and_a_name_may_be_there),
          TEST_ROW(what_is_none_is_refused), TEST_ROW(resource_names_the_device_or_a_module_of_it),
          TEST_ROW(base64_is_decoded_strictly))
