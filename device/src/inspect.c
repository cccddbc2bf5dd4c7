/* SPDX-License-Identifier: MIT */
#include "inspect.h"

#include <string.h>

#include "collect.h"

size_t picket_inspect_gather(const struct picket_datagram *datagram, uint8_t *bytes,
                             size_t capacity)
{
    size_t gathered = 0;

    for (size_t i = 0; i < datagram->span_count; i++) {
        const struct picket_span *span = &datagram->spans[i];
        size_t room = capacity - gathered;
        size_t part = span->length < room ? span->length : room;

        if (part > 0) {
            memcpy(bytes + gathered, span->bytes, part);
            gathered += part;
        }
    }
    return gathered;
}

/* @p whole: from the IP header on, as far as it is there. */
static void inspect(struct picket_agent *agent, const struct picket_packet *packet,
                    const struct picket_span *whole)
{
    size_t end = whole->length < packet->bytes ? whole->length : packet->bytes;
    size_t start = picket_inspect_payload(packet, whole->bytes);
    struct picket_span payload;

    if (start >= end) {
        return;
    }
    payload = (struct picket_span){whole->bytes + start, end - start};
    if (packet->protocol == PICKET_PROTOCOL_UDP) {
        if (PICKET_COLLECT_DNS) {
            picket_dns_inspect(agent, &payload);
        }
    } else if (PICKET_COLLECT_TLS) {
        picket_tls_inspect(agent, packet, &payload);
    }
}

/* In a function of its own, so that other packets do without the stack. */
static void gather_and_inspect(struct picket_agent *agent, const struct picket_datagram *datagram,
                               const struct picket_packet *packet)
{
    uint8_t pieces[PICKET_PAYLOAD_BYTES];
    struct picket_span whole = {pieces, picket_inspect_gather(datagram, pieces, sizeof(pieces))};

    inspect(agent, packet, &whole);
}

void picket_inspect(struct picket_agent *agent, const struct picket_datagram *datagram,
                    const struct picket_packet *packet)
{
    const struct picket_span *first = datagram->spans;

    if (datagram->span_count == 1 || first->length >= PICKET_PAYLOAD_BYTES) {
        inspect(agent, packet, first);
    } else {
        gather_and_inspect(agent, datagram, packet);
    }
}
