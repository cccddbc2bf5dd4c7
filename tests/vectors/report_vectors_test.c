/* SPDX-License-Identifier: MIT */
/* Every vector of spec/vectors/ through the decoder, and the good ones back through the encoder. */
#include <stdlib.h>

#include "harness/check.h"
#include "harness/facts.h"
#include "picket/report.h"
#include "vectors/vectors.h"

#define VECTORS_OF_A_KIND_MIN 12u

static void check_encoding(const struct vector *vector, unsigned *check_failures)
{
    struct picket_report_reader reader;
    struct picket_report_writer writer;
    struct picket_report_head head;
    struct picket_flow_record flow;
    /* exactly as long, so that a byte too many is seen */
    uint8_t *bytes = malloc(vector->length);
    uint32_t flow_count = 0;
    size_t length = 0;

    CHECK(picket_report_open(&reader, vector->bytes, vector->length, &head, &flow_count) ==
          PICKET_OK);
    CHECK(picket_report_begin(&writer, bytes, vector->length, &head, flow_count) == PICKET_OK);
    while (picket_report_next_flow(&reader, &flow)) {
        CHECK(picket_report_put_flow(&writer, &flow) == PICKET_OK);
    }
    CHECK(copy_facts(&reader, &writer) == PICKET_OK);
    picket_report_finish(&writer, head.has_more, &length);
    CHECK_UINT(length, vector->length);
    CHECK(memcmp(bytes, vector->bytes, vector->length) == 0);
    free(bytes);
}

TEST(good_vectors_are_encoded_to_the_same_bytes)
{
    unsigned count = 0;

    for (size_t i = 0; i < vector_count; i++) {
        /* what a later version adds, this one reads past and can't write */
        if (vectors[i].status == PICKET_OK && strncmp(vectors[i].name, "later-", 6) != 0) {
            printf("%s\n", vectors[i].name);
            check_encoding(&vectors[i], check_failures);
            count++;
        }
    }
    CHECK(count >= VECTORS_OF_A_KIND_MIN);
}

TEST(bad_vectors_are_refused_with_status_and_place)
{
    struct picket_report_reader reader;
    struct picket_report_head head;
    uint32_t flow_count;
    unsigned count = 0;

    for (size_t i = 0; i < vector_count; i++) {
        const struct vector *vector = &vectors[i];

        if (vector->status != PICKET_OK) {
            enum picket_status status =
                picket_report_open(&reader, vector->bytes, vector->length, &head, &flow_count);

            printf("%s: %s\n", vector->name,
                   reader.cursor.fault == NULL ? "-" : reader.cursor.fault);
            CHECK_TEXT(picket_strerror(status), picket_strerror(vector->status));
            CHECK_UINT(reader.cursor.offset, vector->offset);
            CHECK(reader.cursor.fault != NULL);
            count++;
        }
    }
    CHECK(count >= VECTORS_OF_A_KIND_MIN);
}

TEST_MAIN(TEST_ROW(good_vectors_are_encoded_to_the_same_bytes),
          TEST_ROW(bad_vectors_are_refused_with_status_and_place))
