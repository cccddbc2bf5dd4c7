/* SPDX-License-Identifier: MIT */
/* Every good vector of spec/vectors/ means what its JSON says, written as the service writes it. */
#include "base/buf.h"
#include "base/json.h"
#include "harness/check.h"
#include "ingest/ingest.h"
#include "vectors/vectors.h"

#define JSON_BYTES_MAX (1024u * 1024u)

TEST(good_vectors_mean_what_their_json_says)
{
    unsigned count = 0;

    for (size_t i = 0; i < vector_count; i++) {
        const struct vector *vector = &vectors[i];
        struct buf out;
        struct json json;

        if (vector->status != PICKET_OK) {
            continue;
        }
        buf_init(&out, JSON_BYTES_MAX);
        json_init(&json, &out, true);
        ingest_write_json(&json, NULL, vector->bytes, vector->length);
        buf_add_text(&out, "\n");
        printf("%s\n", vector->name);
        CHECK(!out.is_failed);
        CHECK_TEXT(out.bytes, vector->json);
        buf_deinit(&out);
        count++;
    }
    CHECK(count >= 12);
}

TEST_MAIN(TEST_ROW(good_vectors_mean_what_their_json_says))
