/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "agent.h"
#include "collect.h"
#include "configuration.h"
#include "fact.h"
#include "packet.h"
#include "tls_parser.h"

#define DIGEST_BYTES 32u

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
        agent->port.sha256(agent->port.context, payload->bytes + hello.leaf, hello.leaf_bytes,
                           digest);
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
