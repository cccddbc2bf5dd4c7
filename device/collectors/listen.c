/* SPDX-License-Identifier: MIT */
#include "collect.h"

#include <string.h>

#include "agent.h"
#include "configuration.h"
#include "fact.h"
#include "packet.h"

static bool is_good(const struct picket_listener_record *listener)
{
    return (listener->protocol == PICKET_PROTOCOL_TCP ||
            listener->protocol == PICKET_PROTOCOL_UDP) &&
           (listener->address_size == 0 || listener->address_size == 4 ||
            listener->address_size == 16);
}

static bool are_good(const struct picket_listener_record *listeners, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_good(&listeners[i])) {
            return false;
        }
    }
    return true;
}

/* The key is protocol, port, address. */
static bool note(struct picket_agent *agent, const struct picket_listener_record *listener)
{
    uint8_t head[3 + 16];
    struct picket_fact_key key = {head, 3u + listener->address_size, "", 0};

    head[0] = listener->protocol;
    head[1] = (uint8_t)(listener->port >> 8);
    head[2] = (uint8_t)listener->port;
    memcpy(head + 3, listener->address, listener->address_size);
    return picket_fact_note(agent, PICKET_SECTION_LISTENERS, &key, 0) != NULL;
}

static enum picket_status note_all(struct picket_agent *agent,
                                   const struct picket_listener_record *listeners, size_t count)
{
    bool are_noted = true;

    picket_fact_withdraw(agent, PICKET_SECTION_LISTENERS);
    for (size_t i = 0; i < count; i++) {
        are_noted &= note(agent, &listeners[i]);
    }
    return are_noted ? PICKET_OK : PICKET_E_FULL;
}

enum picket_status picket_set_listeners(struct picket_agent *agent,
                                        const struct picket_listener_record *listeners,
                                        size_t count)
{
    enum picket_status status = PICKET_E_STATE;

    if (!PICKET_COLLECT_LISTEN) {
        return PICKET_E_STATE;
    }
    if (agent == NULL || (listeners == NULL && count > 0) || !are_good(listeners, count)) {
        return PICKET_E_ARG;
    }
    picket_agent_lock(agent);
    if (picket_collects(agent, PICKET_COLLECTOR_LISTEN)) {
        status = note_all(agent, listeners, count);
    }
    picket_agent_unlock(agent);
    return status;
}

static enum picket_status put(const struct picket_agent *agent, struct picket_fact *fact,
                              struct picket_report_writer *writer)
{
    const uint8_t *key = picket_fact_key(fact);
    struct picket_listener_record record = {.protocol = key[0],
                                            .port = (uint16_t)(key[1] << 8 | key[2]),
                                            .address_size = (uint8_t)(fact->key_bytes - 3u)};

    (void)agent;
    memcpy(record.address, key + 3, record.address_size);
    return picket_report_put_listener(writer, &record);
}

const struct picket_fact_collector picket_listen_collector = {PICKET_SECTION_LISTENERS, put};
