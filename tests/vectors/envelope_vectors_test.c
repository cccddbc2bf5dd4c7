/* SPDX-License-Identifier: MIT */
/* Every vector of spec/vectors/envelopes/ is opened, and the good ones are written anew. */
#include <stdlib.h>

#include "harness/check.h"
#include "picket/settings.h"
#include "vectors/vectors.h"

#define GOOD_VECTORS_MIN 8u
#define BAD_VECTORS_MIN  16u

TEST(good_envelopes_have_their_algorithm_and_settings_and_are_written_to_the_same_bytes)
{
    unsigned count = 0;

    for (size_t i = 0; i < vector_count; i++) {
        const struct vector *vector = &vectors[i];
        enum picket_algorithm algorithm = strstr(vector->json, "\"EdDSA\"") != NULL
                                              ? PICKET_ALGORITHM_EDDSA
                                              : PICKET_ALGORITHM_ES256;
        struct picket_envelope envelope;
        struct picket_settings settings;
        uint8_t *bytes;
        size_t length = 0;

        if (vector->status != PICKET_OK) {
            continue;
        }
        printf("%s\n", vector->name);
        bytes = malloc(vector->length); /* exactly as long, so that a byte too many is seen */
        CHECK(picket_envelope_open(vector->bytes, vector->length, &envelope) == PICKET_OK);
        CHECK(envelope.algorithm == algorithm);
        CHECK(picket_settings_read(envelope.payload, envelope.payload_length, &settings, NULL,
                                   NULL) == PICKET_OK);
        CHECK(picket_envelope_put(&envelope, bytes, vector->length, &length) == PICKET_OK);
        CHECK_UINT(length, vector->length);
        CHECK(memcmp(bytes, vector->bytes, vector->length) == 0);
        free(bytes);
        count++;
    }
    CHECK(count >= GOOD_VECTORS_MIN);
}

TEST(bad_envelopes_are_refused)
{
    unsigned count = 0;

    for (size_t i = 0; i < vector_count; i++) {
        const struct vector *vector = &vectors[i];
        struct picket_envelope envelope;

        if (vector->status != PICKET_OK) {
            printf("%s\n", vector->name);
            CHECK_TEXT(
                picket_strerror(picket_envelope_open(vector->bytes, vector->length, &envelope)),
                picket_strerror(vector->status));
            count++;
        }
    }
    CHECK(count >= BAD_VECTORS_MIN);
}

TEST_MAIN(
    TEST_ROW(good_envelopes_have_their_algorithm_and_settings_and_are_written_to_the_same_bytes),
    TEST_ROW(bad_envelopes_are_refused))
