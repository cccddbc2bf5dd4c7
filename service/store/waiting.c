/* SPDX-License-Identifier: MIT */
#include "store/waiting.h"

#include <string.h>

#include "picket/wire.h"
#include "store/peer_key.h"

static void append(struct waiting *waiting, const struct contact *contact)
{
    struct contact *kept = &waiting->contacts[waiting->count];

    *kept = *contact;
    if (contact->flow.peer_name != NULL) {
        char *name = waiting->names[waiting->count];

        memcpy(name, contact->flow.peer_name, strlen(contact->flow.peer_name) + 1);
        kept->flow.peer_name = name;
    }
    waiting->count++;
}

bool waiting_add(struct waiting *waiting, const struct contact *contact)
{
    for (size_t i = 0; i < waiting->count; i++) {
        struct contact *kept = &waiting->contacts[i];

        if (contact_same(kept, contact)) {
            flow_add(&kept->flow, &contact->flow);
            kept->flow.peer = contact->flow.peer; /* of a name: the latest */
            kept->reports += contact->reports;
            return true;
        }
    }
    if (waiting->count == STORE_WAITING_MAX) {
        return false;
    }
    append(waiting, contact);
    return true;
}

/* --- bytes --- */

/* Ports that are not known are 0. */
static void put_port(struct picket_writer *writer, int32_t port)
{
    picket_writer_put_uint(writer, (uint64_t)port + 1);
}

static void put_contact(struct picket_writer *writer, const struct contact *contact)
{
    const struct flow *flow = &contact->flow;
    const struct peer peer = contact_peer(contact);
    struct peer_key key;

    peer_key_of(&peer, &key);
    picket_writer_put_bytes(writer, key.bytes, key.length);
    picket_writer_put_bytes(writer, flow->peer.bytes, sizeof(flow->peer.bytes));
    picket_writer_put_uint(writer, flow->protocol);
    picket_writer_put_uint(writer, flow->direction);
    put_port(writer, flow->peer_port);
    put_port(writer, flow->local_port);
    picket_writer_put_uint(writer, contact_outcomes(contact));
    picket_writer_put_uint(writer, contact->reports);
    picket_writer_put_uint(writer, flow->connections);
    picket_writer_put_uint(writer, flow->packets_in);
    picket_writer_put_uint(writer, flow->packets_out);
    picket_writer_put_uint(writer, flow->bytes_in);
    picket_writer_put_uint(writer, flow->bytes_out);
    picket_writer_put_uint(writer, (uint64_t)flow->first_us); /* 64 bits, as last_us */
    picket_writer_put_uint(writer, (uint64_t)flow->last_us);
}

size_t waiting_write(const struct waiting *waiting, uint8_t ret_bytes[WAITING_BYTES_MAX])
{
    struct picket_writer writer;

    picket_writer_init(&writer, ret_bytes, WAITING_BYTES_MAX);
    picket_writer_put_uint(&writer, waiting->count);
    for (size_t i = 0; i < waiting->count; i++) {
        put_contact(&writer, &waiting->contacts[i]);
    }
    return writer.status == PICKET_OK ? writer.length : 0;
}

static int32_t get_port(struct picket_reader *reader)
{
    return (int32_t)picket_reader_get_uint_max(reader, UINT16_MAX + 1u) - 1;
}

/* A key of no peer is as bad as bytes that are missing. */
static void get_peer(struct picket_reader *reader, char ret_name[OBSERVABLE_TEXT_MAX],
                     struct flow *flow)
{
    const uint8_t *bytes = NULL;
    size_t offset = reader->offset;
    size_t length = picket_reader_get_bytes(reader, &bytes);
    struct peer peer = {.name = NULL};

    if (!peer_key_parse(bytes, length, ret_name, &peer)) {
        picket_reader_fail(reader, PICKET_E_MALFORMED, offset, "no peer");
    }
    flow->peer_name = peer.name;
    offset = reader->offset;
    length = picket_reader_get_bytes(reader, &bytes);
    if (length == sizeof(flow->peer.bytes)) {
        memcpy(flow->peer.bytes, bytes, length);
    } else {
        picket_reader_fail(reader, PICKET_E_MALFORMED, offset, "no address");
    }
}

static void get_contact(struct picket_reader *reader, char ret_name[OBSERVABLE_TEXT_MAX],
                        struct contact *ret)
{
    struct flow *flow = &ret->flow;

    *ret = (struct contact){.reports = 0};
    get_peer(reader, ret_name, flow);
    flow->protocol = (uint8_t)picket_reader_get_uint_max(reader, UINT8_MAX);
    flow->direction =
        (enum picket_direction)picket_reader_get_uint_max(reader, PICKET_DIRECTION_UNKNOWN);
    flow->peer_port = get_port(reader);
    flow->local_port = get_port(reader);
    contact_set_outcomes(ret, (uint16_t)picket_reader_get_uint_max(reader, UINT16_MAX));
    ret->reports = picket_reader_get_uint_max(reader, FLOW_COUNT_MAX);
    flow->connections = picket_reader_get_uint_max(reader, FLOW_COUNT_MAX);
    flow->packets_in = picket_reader_get_uint_max(reader, FLOW_COUNT_MAX);
    flow->packets_out = picket_reader_get_uint_max(reader, FLOW_COUNT_MAX);
    flow->bytes_in = picket_reader_get_uint_max(reader, FLOW_COUNT_MAX);
    flow->bytes_out = picket_reader_get_uint_max(reader, FLOW_COUNT_MAX);
    flow->first_us = (int64_t)picket_reader_get_uint(reader);
    flow->last_us = (int64_t)picket_reader_get_uint(reader);
}

bool waiting_read(const uint8_t *bytes, size_t length, struct waiting *ret)
{
    struct picket_reader reader;
    size_t count;

    picket_reader_init(&reader, bytes, length);
    count = (size_t)picket_reader_get_uint_max(&reader, STORE_WAITING_MAX);
    for (size_t i = 0; i < count && reader.status == PICKET_OK; i++) {
        get_contact(&reader, ret->names[i], &ret->contacts[i]);
    }
    ret->count = reader.status == PICKET_OK ? count : 0;
    return reader.status == PICKET_OK && reader.offset == length;
}
