/* SPDX-License-Identifier: MIT */
/* A report that is accepted means the same after it was encoded again, and the service takes it. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "harness/facts.h"
#include "ingest/ingest.h"
#include "model/report.h"
#include "picket/report.h"

#define RECEIVED_US   INT64_C(1767225600000000)
#define MEANING_BYTES ((size_t)64 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

/* Encodes what @p reader has, into @p length bytes at most; what was passed over is gone. */
static size_t encode(struct picket_report_reader *reader, const struct picket_report_head *head,
                     uint32_t flow_count, uint8_t *bytes, size_t length)
{
    struct picket_report_writer writer;
    struct picket_flow_record flow;
    size_t encoded_length;

    require(picket_report_begin(&writer, bytes, length, head, flow_count) == PICKET_OK);
    while (picket_report_next_flow(reader, &flow)) {
        require(picket_report_put_flow(&writer, &flow) == PICKET_OK);
    }
    require(copy_facts(reader, &writer) == PICKET_OK);
    picket_report_finish(&writer, head->has_more, &encoded_length);
    return encoded_length;
}

static void tell(const uint8_t *bytes, size_t length, struct buf *ret_meaning)
{
    struct json json;

    buf_init(ret_meaning, MEANING_BYTES);
    json_init(&json, ret_meaning, false);
    ingest_write_json(&json, NULL, bytes, length);
    require(!ret_meaning->is_failed);
}

static void require_same_meaning(const uint8_t *a, size_t a_length, const uint8_t *b,
                                 size_t b_length)
{
    struct buf first, second;

    tell(a, a_length, &first);
    tell(b, b_length, &second);
    require(first.length == second.length && memcmp(first.bytes, second.bytes, first.length) == 0);
    buf_deinit(&first);
    buf_deinit(&second);
}

static void take_in(const uint8_t *bytes, size_t length, bool is_good)
{
    struct report *report = NULL;
    struct err err = {""};
    enum picket_status status =
        ingest_decode_report(bytes, length, "device", RECEIVED_US, &report, &err);

    require((status == PICKET_OK) == is_good && (err.text[0] == '\0') == is_good);
    report_free(report);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct picket_report_reader reader;
    struct picket_report_head head;
    uint32_t flow_count;
    uint8_t *encoded;
    size_t encoded_length;

    if (picket_report_open(&reader, bytes, length, &head, &flow_count) != PICKET_OK) {
        require(reader.cursor.offset <= length && reader.cursor.fault != NULL);
        take_in(bytes, length, false);
        return 0;
    }
    encoded = malloc(length);
    require(encoded != NULL);
    encoded_length = encode(&reader, &head, flow_count, encoded, length);
    require_same_meaning(bytes, length, encoded, encoded_length);
    take_in(bytes, length, true);
    free(encoded);
    return 0;
}
