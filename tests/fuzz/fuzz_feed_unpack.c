/* SPDX-License-Identifier: MIT */
/* Any bytes as a wrapper: never more than the limit comes out of it, and plain text as it is. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "feed/unpack.h"

#define LIMIT 65536u

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct buf content;
    struct err err = {""};
    enum picket_status status;

    buf_init(&content, LIMIT);
    status = feed_unpack(bytes, length, &content, &err);
    require(content.length <= LIMIT && content.capacity <= 2 * LIMIT);
    require(status == PICKET_OK || err.text[0] != '\0');
    if (feed_is_plain(bytes, length)) {
        require(status == (length > LIMIT ? PICKET_E_LIMIT : PICKET_OK));
        require(status != PICKET_OK ||
                (content.length == length &&
                 (length == 0 || memcmp(content.bytes, bytes, length) == 0)));
    }
    buf_deinit(&content);
    return 0;
}
