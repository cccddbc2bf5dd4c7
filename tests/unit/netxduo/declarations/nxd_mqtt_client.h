/* SPDX-License-Identifier: MIT */
#ifndef NXD_MQTT_CLIENT_H
#define NXD_MQTT_CLIENT_H

#include <nx_api.h>

/**
 * Our own declarations of what the example uses of NetX Duo's MQTT client and of NetX
 * Secure; see tx_api.h beside it.
 */

#define NXD_MQTT_SUCCESS                0x0u
#define NXD_MQTT_NOT_CONNECTED          0x10002u
#define NXD_MQTT_CONNECT_FAILURE        0x10005u
#define NXD_MQTT_INVALID_PARAMETER      0x10009u
#define NXD_MQTT_TLS_PORT               8883u
#define MQTT_CONTROL_PACKET_TYPE_PUBACK 4u
#define NX_SECURE_X509_KEY_TYPE_NONE    0u

typedef struct {
    UINT unused;
} NX_SECURE_TLS_CRYPTO;

typedef struct {
    UINT steps; /* that set it up */
} NX_SECURE_TLS_SESSION;

typedef struct {
    UINT unused;
} NX_SECURE_X509_CERT;

typedef struct NXD_MQTT_CLIENT_STRUCT {
    VOID(*nxd_mqtt_ack_receive_notify)
    (struct NXD_MQTT_CLIENT_STRUCT *client, UINT type, USHORT packet_id, NX_PACKET *packet,
     VOID *context);
} NXD_MQTT_CLIENT;

typedef UINT (*nxd_mqtt_tls_setup)(NXD_MQTT_CLIENT *client, NX_SECURE_TLS_SESSION *session,
                                   NX_SECURE_X509_CERT *certificate, NX_SECURE_X509_CERT *trusted);

UINT nxd_mqtt_client_create(NXD_MQTT_CLIENT *client, CHAR *name, CHAR *id, UINT id_length,
                            NX_IP *ip, NX_PACKET_POOL *pool, VOID *stack, ULONG stack_size,
                            UINT priority, VOID *memory, ULONG memory_size);
UINT nxd_mqtt_client_login_set(NXD_MQTT_CLIENT *client, CHAR *user, UINT user_length,
                               CHAR *password, UINT password_length);
UINT nxd_mqtt_client_secure_connect(NXD_MQTT_CLIENT *client, NXD_ADDRESS *server, UINT port,
                                    nxd_mqtt_tls_setup set_up, UINT keepalive, UINT clean,
                                    ULONG wait);
UINT nxd_mqtt_client_publish(NXD_MQTT_CLIENT *client, CHAR *topic, UINT topic_length, CHAR *message,
                             UINT length, UINT retain, UINT qos, ULONG wait);
UINT nxd_mqtt_client_disconnect(NXD_MQTT_CLIENT *client);

UINT nx_secure_tls_session_create(NX_SECURE_TLS_SESSION *session,
                                  const NX_SECURE_TLS_CRYPTO *ciphers, VOID *metadata,
                                  ULONG metadata_size);
UINT nx_secure_tls_session_packet_buffer_set(NX_SECURE_TLS_SESSION *session, UCHAR *buffer,
                                             ULONG size);
UINT nx_secure_tls_remote_certificate_buffer_allocate(NX_SECURE_TLS_SESSION *session, UINT count,
                                                      VOID *buffer, ULONG size);
UINT nx_secure_tls_trusted_certificate_add(NX_SECURE_TLS_SESSION *session,
                                           NX_SECURE_X509_CERT *certificate);
UINT nx_secure_tls_session_certificate_callback_set(
    NX_SECURE_TLS_SESSION *session,
    ULONG (*check)(NX_SECURE_TLS_SESSION *session, NX_SECURE_X509_CERT *certificate));
UINT nx_secure_tls_session_time_function_set(NX_SECURE_TLS_SESSION *session, ULONG (*time)(VOID));
UINT nx_secure_x509_certificate_initialize(NX_SECURE_X509_CERT *certificate, UCHAR *bytes,
                                           USHORT length, UCHAR *buffer, USHORT buffer_size,
                                           const UCHAR *key, USHORT key_length, UINT key_type);
UINT nx_secure_x509_common_name_dns_check(NX_SECURE_X509_CERT *certificate, const UCHAR *name,
                                          UINT length);

#endif
