/* SPDX-License-Identifier: MIT */
/* Flows as a file of a day gives them back: what is accepted must be the same after one more
 * round. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "model/flow_pack.h"

#define ARENA_BYTES_MAX ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

static void write_pack(const struct flow_report *reports, size_t count, struct buf *ret)
{
    buf_init(ret, FLOW_PACK_BYTES_MAX);
    flow_pack_write(ret, reports, count);
    require(!ret->is_failed);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct arena *arena = arena_new(ARENA_BYTES_MAX);
    const struct flow_report *reports = NULL;
    struct buf first, second;
    size_t count = 0;

    require(arena != NULL);
    if (flow_pack_read(bytes, length, arena, &reports, &count) == PICKET_OK) {
        write_pack(reports, count, &first);
        require(flow_pack_read((const uint8_t *)first.bytes, first.length, arena, &reports,
                               &count) == PICKET_OK);
        write_pack(reports, count, &second);
        require(first.length == second.length &&
                memcmp(first.bytes, second.bytes, first.length) == 0);
        buf_deinit(&first);
        buf_deinit(&second);
    }
    arena_free(arena);
    return 0;
}
