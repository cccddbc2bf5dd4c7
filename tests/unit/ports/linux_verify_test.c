/* SPDX-License-Identifier: MIT */
/* Signatures, against published ones: RFC 8032 §7.1 and RFC 6979 §A.2.5. */
#include "picket_linux_verify.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/check.h"

#define PEM(body) "-----BEGIN PUBLIC KEY-----\n" body "\n-----END PUBLIC KEY-----\n"

#define ED25519_1 PEM("MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
#define ED25519_2 PEM("MCowBQYDK2VwAyEAPUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=")
#define ED25519_3 PEM("MCowBQYDK2VwAyEA/FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU=")
#define P256                                                                                       \
    PEM("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7\n"                       \
        "Yfps5mliLmDyn7Z5A/4QCLi8maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==")
#define P384                                                                                       \
    PEM("MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAE3DuNRI2m67nq6LabhaQzz4Wbdk26UxHc\n"                       \
        "Nd8P+5lflGi5lKw4EbYFK6ccihU1RMPvHLdVgysDOatTZBAsphGh2DsrIevk4tIb\n"                       \
        "rICO0dMZ3uSlFFR4DdfyBXki20PIGzsf")

static const struct vector {
    const char *pem;
    enum picket_algorithm algorithm;
    const char *message;
    const char *signature; /* in hexadecimal */
} vectors[] = {
    {ED25519_1, PICKET_ALGORITHM_EDDSA, "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555"
     "fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
    {ED25519_2, PICKET_ALGORITHM_EDDSA, "\x72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da0"
     "85ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {ED25519_3, PICKET_ALGORITHM_EDDSA, "\xaf\x82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac1"
     "8ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
    {P256, PICKET_ALGORITHM_ES256, "sample",
     "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
     "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"},
    /* its s is a byte shorter than others, so is its DER form */
    {P256, PICKET_ALGORITHM_ES256, "test",
     "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
     "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083"},
};
#define VECTORS (sizeof(vectors) / sizeof(vectors[0]))

static void read_hex(const char *text, uint8_t *ret_bytes)
{
    for (size_t i = 0; i < PICKET_SIGNATURE_BYTES; i++) {
        char digits[3] = {text[2 * i], text[2 * i + 1], '\0'};

        ret_bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
}

static enum picket_status load(const char *pem, struct picket_linux_key *ret)
{
    char path[] = "/tmp/picket_key_XXXXXX";
    int file = mkstemp(path);
    size_t length = strlen(pem);
    enum picket_status status = PICKET_E_IO;

    if (file >= 0 && write(file, pem, length) == (ssize_t)length) {
        status = picket_linux_load_key(path, ret);
    }
    if (file >= 0) {
        (void)close(file);
        (void)unlink(path);
    }
    return status;
}

/** With @p pem as the key; @p signature as bytes. */
static bool verify(const char *pem, enum picket_algorithm algorithm, const char *message,
                   const uint8_t *signature)
{
    struct picket_linux_key key = {0};
    bool is_good =
        load(pem, &key) == PICKET_OK &&
        picket_linux_verify(&key, algorithm, (const uint8_t *)message, strlen(message), signature);

    picket_linux_unload_key(&key);
    return is_good;
}

TEST(published_signatures_are_good)
{
    uint8_t signature[PICKET_SIGNATURE_BYTES];

    for (size_t i = 0; i < VECTORS; i++) {
        read_hex(vectors[i].signature, signature);
        CHECK(verify(vectors[i].pem, vectors[i].algorithm, vectors[i].message, signature));
    }
}

TEST(signature_with_any_bit_changed_is_bad)
{
    uint8_t signature[PICKET_SIGNATURE_BYTES];

    for (size_t i = 0; i < VECTORS; i++) {
        struct picket_linux_key key = {0};

        CHECK_UINT(load(vectors[i].pem, &key), PICKET_OK);
        read_hex(vectors[i].signature, signature);
        for (size_t bit = 0; bit < 8 * sizeof(signature); bit++) {
            signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
            CHECK(!picket_linux_verify(&key, vectors[i].algorithm,
                                       (const uint8_t *)vectors[i].message,
                                       strlen(vectors[i].message), signature));
            signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        picket_linux_unload_key(&key);
    }
}

TEST(another_message_is_bad)
{
    uint8_t signature[PICKET_SIGNATURE_BYTES];

    for (size_t i = 0; i < VECTORS; i++) {
        read_hex(vectors[i].signature, signature);
        CHECK(!verify(vectors[i].pem, vectors[i].algorithm, "another", signature));
    }
}

TEST(another_key_is_bad)
{
    uint8_t signature[PICKET_SIGNATURE_BYTES];

    read_hex(vectors[0].signature, signature);
    CHECK(!verify(ED25519_2, PICKET_ALGORITHM_EDDSA, "", signature));
    CHECK(!verify(P256, PICKET_ALGORITHM_EDDSA, "", signature));
}

TEST(another_algorithm_is_bad)
{
    uint8_t signature[PICKET_SIGNATURE_BYTES];

    read_hex(vectors[0].signature, signature);
    CHECK(!verify(ED25519_1, PICKET_ALGORITHM_ES256, "", signature));
    read_hex(vectors[3].signature, signature);
    CHECK(!verify(P256, PICKET_ALGORITHM_EDDSA, "sample", signature));
}

TEST(zero_is_no_signature)
{
    static const uint8_t zero[PICKET_SIGNATURE_BYTES];

    CHECK(!verify(ED25519_1, PICKET_ALGORITHM_EDDSA, "", zero));
    CHECK(!verify(P256, PICKET_ALGORITHM_ES256, "sample", zero));
}

TEST(without_a_key_nothing_is_good)
{
    struct picket_linux_key none = {0};
    uint8_t signature[PICKET_SIGNATURE_BYTES];

    read_hex(vectors[0].signature, signature);
    CHECK(!picket_linux_verify(&none, PICKET_ALGORITHM_EDDSA, (const uint8_t *)"", 0, signature));
    picket_linux_unload_key(&none);
}

TEST(file_that_is_no_such_key_is_refused)
{
    struct picket_linux_key key = {0};

    CHECK_UINT(picket_linux_load_key("/nonexistent/key.pem", &key), PICKET_E_IO);
    CHECK_UINT(load("", &key), PICKET_E_MALFORMED);
    CHECK_UINT(load(PEM("bm8ga2V5"), &key), PICKET_E_MALFORMED);
    CHECK_UINT(load(P384, &key), PICKET_E_MALFORMED);
    CHECK(key.key == NULL);
}

TEST_MAIN(TEST_ROW(published_signatures_are_good), TEST_ROW(signature_with_any_bit_changed_is_bad),
          TEST_ROW(another_message_is_bad), TEST_ROW(another_key_is_bad),
          TEST_ROW(another_algorithm_is_bad), TEST_ROW(zero_is_no_signature),
          TEST_ROW(without_a_key_nothing_is_good), TEST_ROW(file_that_is_no_such_key_is_refused))
