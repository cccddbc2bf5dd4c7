/* SPDX-License-Identifier: MIT */
#ifndef EXAMPLES_NETXDUO_GUARD_H
#define EXAMPLES_NETXDUO_GUARD_H

#include <stdint.h>

#include <nx_api.h>
#include <nxd_mqtt_client.h>

/**
 * Picket on NetX Duo, reports by MQTT over TLS: an example to copy and to change.
 *
 * guard_start() is the one function to call, as soon as the first IP instance is
 * created. It watches from then on, and a thread of low priority sends the reports with
 * NetX Duo's own MQTT client. All memory is static: `nm` tells how much.
 *
 * NetX Duo needs NX_SECURE_ENABLE, NXD_MQTT_MAX_TOPIC_NAME_LENGTH 96 and
 * NXD_MQTT_MAX_MESSAGE_LENGTH 1400 or more.
 */
struct guard_settings {
    NX_IP *ip; /* by which reports are sent; all instances are watched */
    NX_PACKET_POOL *pool;
    NXD_ADDRESS service;
    const char *service_name; /* that the service's certificate must have */
    const UCHAR *authority;   /* DER, the certificate that vouches for it */
    USHORT authority_bytes;
    const NX_SECURE_TLS_CRYPTO *ciphers; /* &nx_crypto_tls_ciphers */
    ULONG (*unix_time)(VOID); /* for the certificate's dates; NULL if there is no clock */
    const char *device_id;
    const char *key;              /* of this device; NULL: none */
    const char *hardware;         /* "STM32H563" */
    const char *firmware_version; /* "1.4.2" */
    uint32_t random[5];           /* another one in each boot, from a true source */
};

/** What guard_start() returns if Picket refused: this, and minus the status in the last byte. */
#define GUARD_REFUSED 0x20000u

/**
 * Starts it all. The settings and what they point to are borrowed for ever.
 *
 * Context: a thread, or tx_application_define().
 * Errors:  TX_SUCCESS (0), a status of ThreadX or NetX Duo, or GUARD_REFUSED with one
 *          of Picket's: 0x20005 is PICKET_E_LIMIT.
 */
UINT guard_start(const struct guard_settings *settings);

/**
 * Tells what is new and sends what is due; returns the milliseconds until the next call.
 * guard_start()'s thread does nothing else; call it yourself if you have a thread that
 * may wait for the network.
 */
uint32_t guard_report(void);

#endif
