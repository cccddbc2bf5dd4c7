/* SPDX-License-Identifier: MIT */
#include "store/flow_segment.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "harness/check.h"

#define ARENA_BYTES_MAX ((size_t)1 << 20)
#define FLOWS           40u

/* What comes back is told apart by the bytes of its flows. */
static void fill(struct flow flows[FLOWS], uint64_t seed)
{
    for (uint8_t i = 0; i < FLOWS; i++) {
        flows[i] = (struct flow){
            .direction = PICKET_OUTBOUND,
            .outcome = PICKET_ANSWERED,
            .protocol = PROTOCOL_TCP,
            .peer = address_from_bytes((const uint8_t[]){192, 0, 2, (uint8_t)(i % 7)}, 4),
            .peer_name = i % 7 == 3 ? "a.name.that.all.devices.know.example" : NULL,
            .peer_port = 443,
            .local_port = FLOW_PORT_UNKNOWN,
            .connections = 1,
            .bytes_in = seed * 77 + i * i,
            .bytes_out = seed * 1001 + i,
            .first_us = i * 1000,
            .last_us = i * 3000,
        };
    }
}

static bool is_same(const struct flow_report *report, const struct flow flows[FLOWS])
{
    bool same = report->flow_count == FLOWS && report->boot == 5;

    for (size_t i = 0; i < FLOWS && same; i++) {
        same = report->flows[i].bytes_in == flows[i].bytes_in &&
               report->flows[i].bytes_out == flows[i].bytes_out &&
               report->flows[i].last_us == flows[i].last_us &&
               address_equal(&report->flows[i].peer, &flows[i].peer);
    }
    return same;
}

static void put(struct flow_codec *codec, const struct flow flows[FLOWS], struct buf *ret)
{
    const struct flow_report report = {.boot = 5, .flows = flows, .flow_count = FLOWS};

    buf_init(ret, FLOW_PACK_BYTES_MAX);
    flow_segment_write(codec, ret, &report, 1);
}

enum answer { REFUSED, SAME, OTHER };

static enum answer get(struct flow_codec *codec, const char *bytes, size_t length,
                       const struct flow flows[FLOWS])
{
    struct arena *arena = arena_new(ARENA_BYTES_MAX);
    const struct flow_report *reports = NULL;
    size_t count = 0;
    enum answer answer = REFUSED;

    if (flow_segment_read(codec, (const uint8_t *)bytes, length, arena, &reports, &count) ==
        PICKET_OK) {
        answer = count == 1 && is_same(reports, flows) ? SAME : OTHER;
    }
    arena_free(arena);
    return answer;
}

/* Of many packs that are alike; 0 if there is none. */
static size_t make_dictionary(uint8_t ret[FLOW_DICTIONARY_BYTES_MAX])
{
    size_t lengths[200];
    struct buf samples;
    size_t length;

    buf_init(&samples, FLOW_PACK_BYTES_MAX);
    for (size_t i = 0; i < 200; i++) {
        struct flow flows[FLOWS];
        const struct flow_report report = {.boot = 5, .flows = flows, .flow_count = FLOWS};
        size_t before = samples.length;

        fill(flows, i);
        flow_pack_write(&samples, &report, 1);
        lengths[i] = samples.length - before;
    }
    length = flow_dictionary_make(&samples, lengths, 200, ret);
    buf_deinit(&samples);
    return length;
}

TEST(segment_comes_back_with_the_dictionary_that_it_was_written_with)
{
    static uint8_t dictionary[FLOW_DICTIONARY_BYTES_MAX];
    size_t length = make_dictionary(dictionary);
    struct flow_codec *with = NULL, *without = NULL;
    struct flow flows[FLOWS];
    struct buf small, large;

    fill(flows, 1234567);
    CHECK(length > 0);
    CHECK(flow_codec_new(dictionary, length, &with) == PICKET_OK);
    CHECK(flow_codec_new(dictionary, 0, &without) == PICKET_OK);
    put(with, flows, &small);
    put(without, flows, &large);
    CHECK(!small.is_failed && small.length + 40 < large.length);
    CHECK(get(with, small.bytes, small.length, flows) == SAME);
    CHECK(get(without, large.bytes, large.length, flows) == SAME);
    CHECK(get(without, small.bytes, small.length, flows) == REFUSED);
    buf_deinit(&small);
    buf_deinit(&large);
    flow_codec_free(with);
    flow_codec_free(without);
}

TEST(bit_that_is_not_as_it_was_never_gives_other_flows)
{
    struct flow_codec *codec = NULL;
    struct flow flows[FLOWS];
    struct buf segment;
    size_t refused = 0, other = 0;

    fill(flows, 9);
    CHECK(flow_codec_new((const uint8_t *)"", 0, &codec) == PICKET_OK);
    put(codec, flows, &segment);
    for (size_t bit = 0; bit < 8 * segment.length; bit++) {
        char *byte = &segment.bytes[bit / 8];
        enum answer answer;

        *byte = (char)(*byte ^ 1 << bit % 8);
        answer = get(codec, segment.bytes, segment.length, flows);
        refused += answer == REFUSED;
        other += answer == OTHER;
        *byte = (char)(*byte ^ 1 << bit % 8);
    }
    CHECK_UINT(other, 0);
    CHECK(refused + 16 > 8 * segment.length); /* some bits of a frame mean nothing here */
    for (size_t length = 0; length < segment.length; length++) {
        CHECK(get(codec, segment.bytes, length, flows) == REFUSED);
    }
    buf_deinit(&segment);
    flow_codec_free(codec);
}

TEST(samples_that_are_too_few_make_no_dictionary)
{
    static uint8_t dictionary[FLOW_DICTIONARY_BYTES_MAX];
    const size_t lengths[] = {3, 2};
    struct buf samples;

    buf_init(&samples, 100);
    CHECK_UINT(flow_dictionary_make(&samples, lengths, 0, dictionary), 0);
    buf_add_text(&samples, "abcde");
    CHECK_UINT(flow_dictionary_make(&samples, lengths, 2, dictionary), 0);
    buf_deinit(&samples);
}

TEST(what_claims_to_be_a_dictionary_and_is_none_is_refused)
{
    static const uint8_t magic[64] = {0x37, 0xa4, 0x30, 0xec, 1, 2, 3, 4, 5};
    struct flow_codec *codec = NULL;

    CHECK(flow_codec_new(magic, sizeof(magic), &codec) == PICKET_E_MALFORMED);
    CHECK(codec == NULL);
}

TEST_MAIN(TEST_ROW(segment_comes_back_with_the_dictionary_that_it_was_written_with),
          TEST_ROW(bit_that_is_not_as_it_was_never_gives_other_flows),
          TEST_ROW(samples_that_are_too_few_make_no_dictionary),
          TEST_ROW(what_claims_to_be_a_dictionary_and_is_none_is_refused))
