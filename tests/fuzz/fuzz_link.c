/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "capture/capture.h"

/* Two bytes of link type, two of bytes that were not captured, then the frame. */
#define HEAD 4u

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const uint8_t *ip = NULL;
    size_t captured = 0;
    size_t length = 0;
    size_t frame = size - HEAD;
    size_t beyond = 0;

    if (size < HEAD) {
        return 0;
    }
    beyond = (size_t)bytes[2] << 8 | bytes[3];
    if (link_decode(bytes[0] << 8 | bytes[1], bytes + HEAD, frame, frame + beyond, &ip, &captured,
                    &length) != LINK_IP) {
        return 0;
    }
    if (captured > length || length > frame + beyond || ip < bytes + HEAD ||
        (size_t)(ip - bytes) + captured > size) {
        abort();
    }
    return 0;
}
