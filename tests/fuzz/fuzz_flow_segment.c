/* SPDX-License-Identifier: MIT */
/* A segment of a sealed day, and its dictionary, as a file gives them back: what is accepted must
 * be the same after one more round. The first two bytes are the dictionary's length. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "store/flow_segment.h"

#define ARENA_BYTES_MAX ((size_t)64 << 20)
#define HEAD_BYTES      2u

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

static void write_again(struct flow_codec *codec, struct arena *arena,
                        const struct flow_report *reports, size_t count)
{
    const struct flow_report *again = NULL;
    size_t again_count = 0;
    struct buf first, second;

    buf_init(&first, FLOW_PACK_BYTES_MAX);
    flow_segment_write(codec, &first, reports, count);
    require(!first.is_failed);
    require(flow_segment_read(codec, (const uint8_t *)first.bytes, first.length, arena, &again,
                              &again_count) == PICKET_OK);
    require(again_count == count);
    buf_init(&second, FLOW_PACK_BYTES_MAX);
    flow_segment_write(codec, &second, again, again_count);
    require(first.length == second.length && memcmp(first.bytes, second.bytes, first.length) == 0);
    buf_deinit(&first);
    buf_deinit(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct arena *arena = arena_new(ARENA_BYTES_MAX);
    struct flow_codec *codec = NULL;
    const struct flow_report *reports = NULL;
    size_t dictionary_length, count = 0;

    require(arena != NULL);
    if (length < HEAD_BYTES) {
        goto out;
    }
    dictionary_length = (size_t)bytes[0] << 8 | bytes[1];
    bytes += HEAD_BYTES;
    length -= HEAD_BYTES;
    if (dictionary_length > length || dictionary_length > FLOW_DICTIONARY_BYTES_MAX ||
        flow_codec_new(bytes, dictionary_length, &codec) != PICKET_OK) {
        goto out;
    }
    if (flow_segment_read(codec, bytes + dictionary_length, length - dictionary_length, arena,
                          &reports, &count) == PICKET_OK) {
        write_again(codec, arena, reports, count);
    }
out:
    flow_codec_free(codec);
    arena_free(arena);
    return 0;
}
