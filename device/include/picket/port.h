/* SPDX-License-Identifier: MIT */
#ifndef PICKET_PORT_H
#define PICKET_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/config.h"
#include "picket/settings.h"

/**
 * What a platform supplies to an agent. Every function gets @c context back.
 *
 * Context: now_ms, lock and unlock are called from whatever thread called the
 *          agent; none of them may block on the network.
 */
struct picket_port {
    void *context;

    /** Monotonic milliseconds since any moment; may wrap at 2^32. Called inside the lock. */
    uint32_t (*now_ms)(void *context);

    /**
     * Mutual exclusion between threads that call the agent; NULL if only one
     * does. Held for one bounded table operation while a packet is noted, and
     * for the encoding of one report while one is built. Never taken twice.
     */
    void (*lock)(void *context);
    void (*unlock)(void *context);

    /** Milliseconds since 1970-01-01 UTC, 0 while not known; NULL if there is no clock. */
    uint64_t (*clock_ms)(void *context);

    /**
     * SHA-256 (FIPS 180-4) of @p length bytes, for the certificates of servers;
     * NULL if the platform has none: then reports say that a certificate was
     * seen, and not which. Called from picket_observe(), not under the lock.
     */
    void (*sha256)(void *context, const uint8_t *bytes, size_t length, uint8_t ret_digest[32]);

#if PICKET_SETTINGS
    /**
     * True if @p signature over @p message is by the one whose settings this
     * device obeys; NULL: it obeys nobody, and all settings are refused. Called
     * from picket_apply_settings(), not under the lock; may take its time.
     */
    bool (*verify)(void *context, enum picket_algorithm algorithm, const uint8_t *message,
                   size_t length, const uint8_t signature[PICKET_SIGNATURE_BYTES]);
#endif

#if PICKET_INDICATORS
    /**
     * The same of the service's own key, which is good for indicators and for
     * nothing else; NULL: indicators, too, must have the signature that verify is
     * about. Asked if verify says no.
     */
    bool (*verify_indicators)(void *context, enum picket_algorithm algorithm,
                              const uint8_t *message, size_t length,
                              const uint8_t signature[PICKET_SIGNATURE_BYTES]);
#endif
};

#endif
