/* SPDX-License-Identifier: MIT */
#include "tls.h"

#include <string.h>

#include "agent.h"
#include "collect.h"
#include "configuration.h"
#include "fact.h"
#include "packet.h"

#define RECORD_HEAD_BYTES     5u
#define RECORD_BYTES_MAX      16384u
#define RECORD_HANDSHAKE      22u
#define VERSION_MAJOR         3u /* of SSL 3.0 and of every TLS */
#define MESSAGE_HEAD_BYTES    4u
#define MESSAGE_CLIENT_HELLO  1u
#define MESSAGE_SERVER_HELLO  2u
#define MESSAGE_CERTIFICATE   11u
#define RANDOM_BYTES          32u
#define EXTENSION_HEAD_BYTES  4u
#define EXTENSION_SERVER_NAME 0u
#define EXTENSION_VERSIONS    43u
#define NAME_TYPE_HOST        0u

#define DIGEST_BYTES 32u

/* Bytes that are left to read; what is read over their end is 0, as is all behind it. */
struct cursor {
    const uint8_t *at;
    size_t left;
    bool is_cut; /* there should have been more */
};

/* Body of a fact; the digest of the certificate follows if the port can make one. */
struct session {
    uint16_t client_port; /* of the session that was opened last: its server's messages match it */
    uint16_t version;
    uint16_t cipher_suite;
    uint8_t has_certificate;
    uint8_t has_certificate_id;
};

/* Key of a fact, before the server's name. */
struct endpoint {
    uint8_t bytes[4 + 16]; /* direction, port, size of the address, address */
    size_t length;
    uint16_t client_port;
};

static void skip(struct cursor *cursor, size_t bytes)
{
    cursor->is_cut |= bytes > cursor->left;
    bytes = bytes < cursor->left ? bytes : cursor->left;
    cursor->at += bytes;
    cursor->left -= bytes;
}

/* An unsigned integer of @p size bytes. */
static uint32_t get_uint(struct cursor *cursor, size_t size)
{
    const uint8_t *at = cursor->at;
    size_t there = size <= cursor->left ? size : 0;
    uint32_t value = 0;

    skip(cursor, size);
    for (size_t i = 0; i < there; i++) {
        value = value << 8 | at[i];
    }
    return value;
}

/* The next @p bytes of @p cursor as one of their own, cut if not all are there. */
static struct cursor get_part(struct cursor *cursor, size_t bytes)
{
    struct cursor part = {cursor->at, bytes, bytes > cursor->left};

    skip(cursor, bytes);
    part.left = (size_t)(cursor->at - part.at);
    return part;
}

/* What stands behind its own size, itself in @p size bytes. */
static struct cursor get_vector(struct cursor *cursor, size_t size)
{
    uint32_t bytes = get_uint(cursor, size);

    return get_part(cursor, bytes);
}

/* Reads the next extension's head and body; false behind the last. */
static bool next_extension(struct cursor *extensions, uint32_t *ret_type, struct cursor *ret_body)
{
    if (extensions->left < EXTENSION_HEAD_BYTES) {
        return false;
    }
    *ret_type = get_uint(extensions, 2);
    *ret_body = get_vector(extensions, 2);
    return true;
}

static void read_server_name(struct cursor body, struct picket_tls_hello *ret)
{
    struct cursor list = get_vector(&body, 2);
    uint32_t type = get_uint(&list, 1);
    struct cursor name = get_vector(&list, 2);

    if (name.is_cut || type != NAME_TYPE_HOST || name.left > sizeof(ret->server_name)) {
        return;
    }
    for (size_t i = 0; i < name.left; i++) {
        ret->server_name[i] = picket_fact_letter(name.at[i]);
    }
    ret->server_name_length = name.left;
}

static void read_client_hello(struct cursor body, struct picket_tls_hello *ret)
{
    struct cursor extensions;
    struct cursor extension;
    uint32_t type;

    if (get_uint(&body, 1) != VERSION_MAJOR) {
        return;
    }
    ret->has_client_hello = true;
    skip(&body, 1 + RANDOM_BYTES);
    (void)get_vector(&body, 1); /* session id */
    (void)get_vector(&body, 2); /* cipher suites */
    (void)get_vector(&body, 1); /* compressions */
    extensions = get_vector(&body, 2);
    while (next_extension(&extensions, &type, &extension)) {
        if (type == EXTENSION_SERVER_NAME) {
            read_server_name(extension, ret);
        }
    }
}

static void read_server_hello(struct cursor body, struct picket_tls_hello *ret)
{
    uint32_t version = get_uint(&body, 2);
    struct cursor extensions;
    struct cursor extension;
    uint32_t type;

    if (version >> 8 != VERSION_MAJOR) {
        return;
    }
    skip(&body, RANDOM_BYTES);
    (void)get_vector(&body, 1); /* session id */
    ret->cipher_suite = (uint16_t)get_uint(&body, 2);
    ret->has_server_hello = !body.is_cut;
    (void)get_uint(&body, 1); /* compression */
    extensions = get_vector(&body, 2);
    while (next_extension(&extensions, &type, &extension)) {
        uint32_t chosen = get_uint(&extension, 2);

        if (type == EXTENSION_VERSIONS && !extension.is_cut) {
            version = chosen;
        }
    }
    ret->version = (uint16_t)version;
}

static void read_certificate(struct cursor body, struct picket_tls_hello *ret)
{
    struct cursor list = get_vector(&body, 3);
    struct cursor leaf = get_vector(&list, 3);

    ret->has_certificate = leaf.left > 0;
    if (!leaf.is_cut) {
        ret->leaf = leaf.at;
        ret->leaf_bytes = leaf.left;
    }
}

/*
 * @p record_bytes were announced, of which @p record may have fewer. A message
 * that does not end within its record is none: it is encrypted, or in pieces.
 */
static void read_messages(struct cursor record, size_t record_bytes, struct picket_tls_hello *ret)
{
    while (record.left >= MESSAGE_HEAD_BYTES) {
        uint32_t type = get_uint(&record, 1);
        uint32_t bytes = get_uint(&record, 3);
        struct cursor body;

        record_bytes -= MESSAGE_HEAD_BYTES;
        if (bytes > record_bytes) {
            return;
        }
        record_bytes -= bytes;
        body = get_part(&record, bytes);
        body.is_cut = false; /* whoever reads over its end will find out */
        if (type == MESSAGE_CLIENT_HELLO) {
            read_client_hello(body, ret);
        } else if (type == MESSAGE_SERVER_HELLO) {
            read_server_hello(body, ret);
        } else if (type == MESSAGE_CERTIFICATE) {
            read_certificate(body, ret);
        }
    }
}

enum picket_status picket_tls_parse(const uint8_t *bytes, size_t length,
                                    struct picket_tls_hello *ret)
{
    struct cursor segment = {bytes, length, false};

    memset(ret, 0, sizeof(*ret));
    while (segment.left >= RECORD_HEAD_BYTES) {
        uint32_t type = get_uint(&segment, 1);
        uint32_t version = get_uint(&segment, 2);
        uint32_t record_bytes = get_uint(&segment, 2);

        if (type != RECORD_HANDSHAKE || version >> 8 != VERSION_MAJOR ||
            record_bytes > RECORD_BYTES_MAX) {
            break;
        }
        read_messages(get_part(&segment, record_bytes), record_bytes, ret);
    }
    return ret->has_client_hello || ret->has_server_hello || ret->has_certificate ? PICKET_OK
                                                                                  : PICKET_E_EMPTY;
}

/* The ends of a session whose client is the device (outbound) or the peer (inbound). */
static struct endpoint endpoint_of(const struct picket_packet *packet, unsigned opener)
{
    bool is_outbound = opener == PICKET_OUTBOUND;
    uint16_t port = is_outbound ? packet->peer_port : packet->local_port;
    struct endpoint endpoint = {.length = 4u + packet->address_bytes,
                                .client_port =
                                    is_outbound ? packet->local_port : packet->peer_port};

    endpoint.bytes[0] = (uint8_t)opener;
    endpoint.bytes[1] = (uint8_t)(port >> 8);
    endpoint.bytes[2] = (uint8_t)port;
    endpoint.bytes[3] = packet->address_bytes;
    memcpy(endpoint.bytes + 4, packet->peer, packet->address_bytes);
    return endpoint;
}

static struct picket_fact *note(struct picket_agent *agent, const struct endpoint *endpoint,
                                const char *server_name, size_t server_name_length)
{
    struct picket_fact_key key = {endpoint->bytes, endpoint->length, server_name,
                                  server_name_length};
    size_t digest_bytes = agent->port.sha256 != NULL ? DIGEST_BYTES : 0;
    struct picket_fact *fact =
        picket_fact_note(agent, PICKET_SECTION_TLS, &key, sizeof(struct session) + digest_bytes);

    if (fact != NULL) {
        struct session *session = picket_fact_body(fact);

        session->client_port = endpoint->client_port;
    }
    return fact;
}

/* The fact of the session that the client's port tells; NULL if its opening was not seen. */
static struct picket_fact *find(struct picket_agent *agent, const struct endpoint *endpoint)
{
    struct picket_fact *fact = NULL;

    while ((fact = picket_fact_next(&agent->facts, fact)) != NULL) {
        const struct session *session = picket_fact_body(fact);

        if (fact->section == PICKET_SECTION_TLS && !picket_fact_is_sealed(agent, fact) &&
            session->client_port == endpoint->client_port &&
            memcmp(picket_fact_key(fact), endpoint->bytes, endpoint->length) == 0) {
            break;
        }
    }
    return fact;
}

static void set_certificate(struct session *session, const uint8_t *digest)
{
    session->has_certificate = true;
    if (digest != NULL) {
        session->has_certificate_id = true;
        memcpy(session + 1, digest, DIGEST_BYTES);
    }
}

/* What the server says. Its certificate alone may as well be the client's, but for the opening. */
static void note_server(struct picket_agent *agent, const struct endpoint *endpoint,
                        const struct picket_tls_hello *hello, const uint8_t *digest)
{
    struct picket_fact *fact = find(agent, endpoint);
    struct session *session;

    if (fact == NULL && hello->has_server_hello) {
        fact = note(agent, endpoint, "", 0);
    }
    if (fact == NULL) {
        return;
    }
    picket_fact_reopen(agent, fact);
    session = picket_fact_body(fact);
    if (hello->has_server_hello) {
        session->version = hello->version;
        session->cipher_suite = hello->cipher_suite;
    }
    if (hello->has_certificate) {
        set_certificate(session, digest);
    }
}

void picket_tls_inspect(struct picket_agent *agent, const struct picket_packet *packet,
                        const struct picket_span *payload)
{
    unsigned sender = packet->direction;
    struct picket_tls_hello hello;
    struct endpoint endpoint;
    uint8_t digest[DIGEST_BYTES];
    bool has_digest = false;

    if (picket_tls_parse(payload->bytes, payload->length, &hello) != PICKET_OK) {
        return;
    }
    endpoint = endpoint_of(packet, hello.has_client_hello ? sender : PICKET_INBOUND - sender);
    if (!hello.has_client_hello && hello.leaf_bytes > 0 && agent->port.sha256 != NULL) {
        agent->port.sha256(agent->port.context, hello.leaf, hello.leaf_bytes, digest);
        has_digest = true;
    }
    picket_agent_lock(agent);
    if (hello.has_client_hello && picket_collects(agent, PICKET_COLLECTOR_TLS)) {
        (void)note(agent, &endpoint, hello.server_name, hello.server_name_length);
    } else if (picket_collects(agent, PICKET_COLLECTOR_TLS)) {
        note_server(agent, &endpoint, &hello, has_digest ? digest : NULL);
    }
    picket_agent_unlock(agent);
}

static enum picket_status put(const struct picket_agent *agent, struct picket_fact *fact,
                              struct picket_report_writer *writer)
{
    const struct session *session = picket_fact_body(fact);
    const uint8_t *key = picket_fact_key(fact);
    struct picket_tls_record record = {.direction = (enum picket_direction)key[0],
                                       .address_size = key[3],
                                       .port = (uint16_t)(key[1] << 8 | key[2]),
                                       .version = session->version,
                                       .cipher_suite = session->cipher_suite,
                                       .has_certificate = session->has_certificate,
                                       .has_certificate_id = session->has_certificate_id};

    (void)agent;
    memcpy(record.peer, key + 4, key[3]);
    if (record.has_certificate_id) {
        memcpy(record.certificate_sha256, session + 1, DIGEST_BYTES);
    }
    record.server_name = picket_fact_text(fact, 4u + key[3]);
    return picket_report_put_tls(writer, &record);
}

const struct picket_fact_collector picket_tls_collector = {PICKET_SECTION_TLS, put};
