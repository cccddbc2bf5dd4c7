/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "harness/check.h"
#include "picket_linux_crypto.h"

TEST(sha256_is_that_of_the_standard)
{
    /* FIPS 180-4: examples of one block and of two, and the empty message */
    static const struct {
        const char *message;
        const char *digest;
    } rows[] = {
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t digest[32] = {0};
        char text[2 * sizeof(digest) + 1];

        picket_linux_sha256(NULL, (const uint8_t *)rows[i].message, strlen(rows[i].message),
                            digest);
        for (size_t byte = 0; byte < sizeof(digest); byte++) {
            (void)snprintf(text + 2 * byte, 3, "%02x", digest[byte]);
        }
        CHECK_TEXT(text, rows[i].digest);
    }
}

TEST_MAIN(TEST_ROW(sha256_is_that_of_the_standard))
