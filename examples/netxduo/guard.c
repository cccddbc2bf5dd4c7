/* SPDX-License-Identifier: MIT */
#include "guard.h"

#include <string.h>

#include "picket_netxduo.h"
#include "picket_threadx.h"

#define FLOWS          64u /* of each IP version */
#define FACTS          32u
#define INTERVAL_MS    60000u
#define RETRY_MS       5000u
#define REPORT_BYTES   1400u
#define TOPIC_BYTES    96u
#define PRIORITY       20u /* below everything that has to do with time */
#define MQTT_PRIORITY  19u
#define KEEPALIVE_S    300u
#define QOS_AT_LEAST_1 1u
#define WAIT_TICKS     (10u * TX_TIMER_TICKS_PER_SECOND)
#define STACK_BYTES    4096u
#define TLS_BYTES      18000u /* nx_secure_tls_metadata_size_calculate() tells exactly */
#define RECORD_BYTES   4096u  /* the largest TLS record that is received */
#define CHAIN_BYTES    4096u  /* certificates of the service, and what they are read into */
#define CHAIN_LENGTH   2u

static CHAR name[] = "guard"; /* never written: ThreadX knows no const */

/* An application's own; Picket itself has no memory. */
static struct {
    const struct guard_settings *settings;
    struct picket_threadx host;
    struct picket_netxduo port;
    struct picket_agent agent;
    NXD_MQTT_CLIENT client;
    NX_SECURE_X509_CERT authority;
    TX_SEMAPHORE acknowledged; /* once for each report that the service has stored */
    TX_THREAD thread;
    char topic[TOPIC_BYTES];
    uint8_t report[REPORT_BYTES];
    uint64_t ipv4[PICKET_IPV4_STORAGE_BYTES(FLOWS) / sizeof(uint64_t)];
    uint64_t ipv6[PICKET_IPV6_STORAGE_BYTES(FLOWS) / sizeof(uint64_t)];
    uint64_t facts[PICKET_FACTS_STORAGE_BYTES(FACTS) / sizeof(uint64_t)];
    ULONG stack[STACK_BYTES / sizeof(ULONG)];
    ULONG mqtt_stack[STACK_BYTES / sizeof(ULONG)];
    UCHAR tls[TLS_BYTES];
    UCHAR record[RECORD_BYTES];
    UCHAR chain[CHAIN_BYTES];
} guard;

static struct picket_text text_of(const char *text)
{
    return (struct picket_text){text, strlen(text)};
}

/* ---- The way to the service ---- */

static ULONG check_name(NX_SECURE_TLS_SESSION *session, NX_SECURE_X509_CERT *certificate)
{
    const char *service = guard.settings->service_name;

    (void)session;
    return nx_secure_x509_common_name_dns_check(certificate, (const UCHAR *)service,
                                                (UINT)strlen(service));
}

/* Called by the MQTT client before each connection. */
static UINT set_up_tls(NXD_MQTT_CLIENT *client, NX_SECURE_TLS_SESSION *session,
                       NX_SECURE_X509_CERT *certificate, NX_SECURE_X509_CERT *trusted)
{
    const struct guard_settings *settings = guard.settings;
    UINT status = nx_secure_tls_session_create(session, settings->ciphers, guard.tls, TLS_BYTES);

    (void)client;
    (void)certificate;
    (void)trusted;
    if (status == NX_SUCCESS) {
        status = nx_secure_tls_session_packet_buffer_set(session, guard.record, RECORD_BYTES);
    }
    if (status == NX_SUCCESS) {
        status = nx_secure_tls_remote_certificate_buffer_allocate(session, CHAIN_LENGTH,
                                                                  guard.chain, CHAIN_BYTES);
    }
    if (status == NX_SUCCESS) {
        status = nx_secure_tls_trusted_certificate_add(session, &guard.authority);
    }
    if (status == NX_SUCCESS) {
        status = nx_secure_tls_session_certificate_callback_set(session, check_name);
    }
    if (status == NX_SUCCESS && settings->unix_time != NULL) {
        status = nx_secure_tls_session_time_function_set(session, settings->unix_time);
    }
    return status;
}

static VOID note_acknowledgement(NXD_MQTT_CLIENT *client, UINT type, USHORT packet_id,
                                 NX_PACKET *packet, VOID *context)
{
    (void)client;
    (void)packet_id;
    (void)packet;
    (void)context;
    if (type == MQTT_CONTROL_PACKET_TYPE_PUBACK) {
        (void)tx_semaphore_put(&guard.acknowledged);
    }
}

static bool publish(size_t length)
{
    UINT status = nxd_mqtt_client_publish(&guard.client, guard.topic, (UINT)strlen(guard.topic),
                                          (CHAR *)guard.report, (UINT)length, NX_FALSE,
                                          QOS_AT_LEAST_1, WAIT_TICKS);

    return status == NXD_MQTT_SUCCESS &&
           tx_semaphore_get(&guard.acknowledged, WAIT_TICKS) == TX_SUCCESS;
}

/* A new connection brings no acknowledgement of what was sent on the one before. */
static bool reconnect(void)
{
    NXD_ADDRESS service = guard.settings->service;

    (void)nxd_mqtt_client_disconnect(&guard.client);
    while (tx_semaphore_get(&guard.acknowledged, TX_NO_WAIT) == TX_SUCCESS) {
    }
    return nxd_mqtt_client_secure_connect(&guard.client, &service, NXD_MQTT_TLS_PORT, set_up_tls,
                                          KEEPALIVE_S, NX_TRUE, WAIT_TICKS) == NXD_MQTT_SUCCESS;
}

static bool deliver(size_t length)
{
    return publish(length) || (reconnect() && publish(length));
}

/* ---- What the thread does ---- */

static void tell_facts(void)
{
    bool is_told = true;

    if (picket_netxduo_adopt(&guard.port) == PICKET_E_LIMIT) {
        is_told = picket_note_event(&guard.agent, "ip_unwatched", NULL) == PICKET_OK;
    }
    is_told = picket_netxduo_tell_listeners(&guard.port) == PICKET_OK && is_told;
    is_told = picket_threadx_measure(&guard.agent) == PICKET_OK && is_told;
    (void)is_told; /* what found no room stands in the report as lost */
}

uint32_t guard_report(void)
{
    size_t length = 0;

    tell_facts();
    while (picket_build_report(&guard.agent, guard.report, REPORT_BYTES, &length) == PICKET_OK) {
        if (!deliver(length) || picket_confirm_report(&guard.agent) != PICKET_OK) {
            return RETRY_MS; /* it stays where it is, and packets go on being counted */
        }
    }
    return picket_next_report_ms(&guard.agent);
}

static VOID run(ULONG unused)
{
    (void)unused;
    for (;;) {
        picket_threadx_sleep(guard_report());
    }
}

/* ---- Start ---- */

static enum picket_status start_agent(const struct guard_settings *settings)
{
    struct picket_config config = {
        .boot = settings->random[0],
        .interval_ms = INTERVAL_MS,
        .ipv4_storage = guard.ipv4,
        .ipv4_storage_bytes = sizeof(guard.ipv4),
        .ipv6_storage = guard.ipv6,
        .ipv6_storage_bytes = sizeof(guard.ipv6),
        .facts_storage = guard.facts,
        .facts_storage_bytes = sizeof(guard.facts),
        .system = {.os = picket_threadx_version(),
                   .stack = picket_netxduo_version(),
                   .hardware = text_of(settings->hardware),
                   .firmware_version = text_of(settings->firmware_version)},
    };
    struct picket_port port;
    enum picket_status status = picket_threadx_init(&guard.host, &port);

    memcpy(config.hash_key, &settings->random[1], sizeof(config.hash_key));
    if (status == PICKET_OK) {
        status = picket_init(&guard.agent, &config, &port);
    }
    if (status == PICKET_OK) {
        status = picket_netxduo_attach(&guard.port, &guard.agent);
    }
    return status;
}

static UINT start_client(const struct guard_settings *settings)
{
    CHAR *id = (CHAR *)(uintptr_t)settings->device_id; /* only read */
    CHAR *key = (CHAR *)(uintptr_t)settings->key;
    UINT id_length = (UINT)strlen(settings->device_id);
    UINT status =
        nxd_mqtt_client_create(&guard.client, id, id, id_length, settings->ip, settings->pool,
                               guard.mqtt_stack, STACK_BYTES, MQTT_PRIORITY, NX_NULL, 0);

    if (status == NXD_MQTT_SUCCESS && key != NULL) {
        status = nxd_mqtt_client_login_set(&guard.client, id, id_length, key, (UINT)strlen(key));
    }
    if (status == NXD_MQTT_SUCCESS) {
        status = nx_secure_x509_certificate_initialize(
            &guard.authority, (UCHAR *)(uintptr_t)settings->authority, settings->authority_bytes,
            NX_NULL, 0, NX_NULL, 0, NX_SECURE_X509_KEY_TYPE_NONE);
    }
    guard.client.nxd_mqtt_ack_receive_notify = note_acknowledgement;
    return status;
}

static bool make_topic(const char *device_id)
{
    static const char before[] = "picket/";
    static const char behind[] = "/reports";
    size_t length = strlen(device_id);

    if (sizeof(before) - 1 + length + sizeof(behind) > TOPIC_BYTES) {
        return false;
    }
    memcpy(guard.topic, before, sizeof(before) - 1);
    memcpy(guard.topic + sizeof(before) - 1, device_id, length + 1);
    memcpy(guard.topic + sizeof(before) - 1 + length, behind, sizeof(behind));
    return true;
}

UINT guard_start(const struct guard_settings *settings)
{
    enum picket_status watching = PICKET_OK;
    UINT status = TX_SUCCESS;

    if (!make_topic(settings->device_id)) {
        return NXD_MQTT_INVALID_PARAMETER;
    }
    watching = start_agent(settings); /* first, so that it sees the client's packets */
    if (watching != PICKET_OK) {
        return GUARD_REFUSED + (UINT)(0 - (int)watching);
    }
    guard.settings = settings;
    status = tx_semaphore_create(&guard.acknowledged, name, 0);
    if (status == TX_SUCCESS) {
        status = start_client(settings);
    }
    if (status == TX_SUCCESS) {
        status = tx_thread_create(&guard.thread, name, run, 0, guard.stack, STACK_BYTES, PRIORITY,
                                  PRIORITY, TX_NO_TIME_SLICE, TX_AUTO_START);
    }
    return status;
}
