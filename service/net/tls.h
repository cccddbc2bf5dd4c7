/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_NET_TLS_H
#define SERVICE_NET_TLS_H

#include <stddef.h>
#include <stdint.h>

/**
 * What a TLS client showed of itself. The listeners ask every client for a certificate and refuse
 * none for it: whose it is, and whether it is trusted, is decided by who knows the devices
 * (ingest/identity.h). The handshake has proved that the client has the leaf's private key.
 */

#define TLS_CERTIFICATES_MAX 8u /* of a chain, the leaf first; a longer one is cut */

/** One certificate, DER; borrowed. */
struct tls_certificate {
    const uint8_t *bytes;
    size_t length;
};

#endif
