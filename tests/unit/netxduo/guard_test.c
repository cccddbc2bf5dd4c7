/* SPDX-License-Identifier: MIT */
/* The example for NetX Duo: a report is let go when, and only when, it was acknowledged. */
#include "guard.h"

#include "harness/check.h"
#include "picket/report.h"
#include "stack.h"

#define RETRY_MS       5000u
#define INTERVAL_TICKS (60u * TX_TIMER_TICKS_PER_SECOND)

/* The service's side of the MQTT client, and what the example asked of it. */
static struct {
    bool is_reachable;
    bool is_connected;
    bool is_acknowledging;
    unsigned connections;
    unsigned publications;
    uint32_t sequence; /* of the report published last */
    char topic[128];

    UINT refused_step; /* of setting TLS up; 0: none */
    ULONG (*check)(NX_SECURE_TLS_SESSION *session, NX_SECURE_X509_CERT *certificate);
    const char *checked_name;
    bool is_thread_created;
} service;

UINT nxd_mqtt_client_create(NXD_MQTT_CLIENT *client, CHAR *name, CHAR *id, UINT id_length,
                            NX_IP *ip, NX_PACKET_POOL *pool, VOID *memory, ULONG size,
                            UINT priority, VOID *more, ULONG more_size)
{
    (void)name;
    (void)id;
    (void)id_length;
    (void)ip;
    (void)pool;
    (void)memory;
    (void)size;
    (void)priority;
    (void)more;
    (void)more_size;
    client->nxd_mqtt_ack_receive_notify = NULL;
    return NXD_MQTT_SUCCESS;
}

UINT nxd_mqtt_client_login_set(NXD_MQTT_CLIENT *client, CHAR *user, UINT user_length,
                               CHAR *password, UINT password_length)
{
    (void)client;
    (void)user;
    (void)password;
    return user_length > 0 && password_length > 0 ? NXD_MQTT_SUCCESS : NXD_MQTT_INVALID_PARAMETER;
}

UINT nxd_mqtt_client_secure_connect(NXD_MQTT_CLIENT *client, NXD_ADDRESS *server, UINT port,
                                    nxd_mqtt_tls_setup set_up, UINT keepalive, UINT clean,
                                    ULONG wait)
{
    NX_SECURE_TLS_SESSION session = {0};

    (void)server;
    (void)port;
    (void)keepalive;
    (void)clean;
    (void)wait;
    service.connections++;
    if (set_up(client, &session, NULL, NULL) != NX_SUCCESS || !service.is_reachable) {
        return NXD_MQTT_CONNECT_FAILURE;
    }
    service.is_connected = true;
    return NXD_MQTT_SUCCESS;
}

UINT nxd_mqtt_client_publish(NXD_MQTT_CLIENT *client, CHAR *topic, UINT topic_length, CHAR *message,
                             UINT length, UINT retain, UINT qos, ULONG wait)
{
    struct picket_report_reader reader;
    struct picket_report_head head;
    uint32_t flows = 0;

    (void)wait;
    if (!service.is_connected || retain || qos != 1 || topic_length >= sizeof(service.topic)) {
        return NXD_MQTT_NOT_CONNECTED;
    }
    if (picket_report_open(&reader, (const uint8_t *)message, length, &head, &flows) == PICKET_OK) {
        service.sequence = head.sequence;
    }
    memcpy(service.topic, topic, topic_length + 1);
    service.publications++;
    if (service.is_acknowledging) {
        client->nxd_mqtt_ack_receive_notify(client, MQTT_CONTROL_PACKET_TYPE_PUBACK, 1, NULL, NULL);
    }
    return NXD_MQTT_SUCCESS;
}

UINT nxd_mqtt_client_disconnect(NXD_MQTT_CLIENT *client)
{
    (void)client;
    service.is_connected = false;
    return NXD_MQTT_SUCCESS;
}

/* One step of setting TLS up; the one that is to be refused is. */
static UINT step(NX_SECURE_TLS_SESSION *session)
{
    session->steps++;
    return session->steps == service.refused_step ? NX_NOT_SUCCESSFUL : NX_SUCCESS;
}

UINT nx_secure_tls_session_create(NX_SECURE_TLS_SESSION *session,
                                  const NX_SECURE_TLS_CRYPTO *ciphers, VOID *metadata,
                                  ULONG metadata_size)
{
    (void)ciphers;
    (void)metadata;
    (void)metadata_size;
    return step(session);
}

UINT nx_secure_tls_session_packet_buffer_set(NX_SECURE_TLS_SESSION *session, UCHAR *buffer,
                                             ULONG size)
{
    (void)buffer;
    (void)size;
    return step(session);
}

UINT nx_secure_tls_remote_certificate_buffer_allocate(NX_SECURE_TLS_SESSION *session, UINT count,
                                                      VOID *buffer, ULONG size)
{
    (void)count;
    (void)buffer;
    (void)size;
    return step(session);
}

UINT nx_secure_tls_trusted_certificate_add(NX_SECURE_TLS_SESSION *session,
                                           NX_SECURE_X509_CERT *certificate)
{
    (void)certificate;
    return step(session);
}

UINT nx_secure_tls_session_certificate_callback_set(
    NX_SECURE_TLS_SESSION *session,
    ULONG (*check)(NX_SECURE_TLS_SESSION *session, NX_SECURE_X509_CERT *certificate))
{
    service.check = check;
    return step(session);
}

UINT nx_secure_tls_session_time_function_set(NX_SECURE_TLS_SESSION *session, ULONG (*time)(VOID))
{
    (void)time;
    return step(session);
}

UINT nx_secure_x509_certificate_initialize(NX_SECURE_X509_CERT *certificate, UCHAR *bytes,
                                           USHORT length, UCHAR *buffer, USHORT buffer_size,
                                           const UCHAR *key, USHORT key_length, UINT key_type)
{
    (void)certificate;
    (void)bytes;
    (void)length;
    (void)buffer;
    (void)buffer_size;
    (void)key;
    (void)key_length;
    (void)key_type;
    return NX_SUCCESS;
}

UINT nx_secure_x509_common_name_dns_check(NX_SECURE_X509_CERT *certificate, const UCHAR *name,
                                          UINT length)
{
    (void)certificate;
    (void)length;
    service.checked_name = (const char *)name;
    return NX_NOT_SUCCESSFUL;
}

UINT tx_semaphore_create(TX_SEMAPHORE *semaphore, CHAR *name, ULONG count)
{
    (void)name;
    semaphore->count = count;
    return TX_SUCCESS;
}

UINT tx_semaphore_get(TX_SEMAPHORE *semaphore, ULONG wait)
{
    (void)wait;
    if (semaphore->count == 0) {
        return TX_NO_INSTANCE;
    }
    semaphore->count--;
    return TX_SUCCESS;
}

UINT tx_semaphore_put(TX_SEMAPHORE *semaphore)
{
    semaphore->count++;
    return TX_SUCCESS;
}

UINT tx_thread_create(TX_THREAD *thread, CHAR *name, VOID (*entry)(ULONG), ULONG input,
                      VOID *memory, ULONG size, UINT priority, UINT threshold, ULONG slice,
                      UINT start)
{
    (void)thread;
    (void)name;
    (void)entry;
    (void)input;
    (void)memory;
    (void)size;
    (void)priority;
    (void)threshold;
    (void)slice;
    (void)start;
    service.is_thread_created = true;
    return TX_SUCCESS;
}

static ULONG no_time(VOID)
{
    return 0;
}

static const UCHAR authority[] = {0x30};
static NX_IP ip;
static struct guard_settings settings = {.ip = &ip,
                                         .service_name = "picket.example",
                                         .authority = authority,
                                         .authority_bytes = sizeof(authority),
                                         .unix_time = no_time,
                                         .device_id = "pump-7",
                                         .key = "secret",
                                         .hardware = "test",
                                         .firmware_version = "1.0",
                                         .random = {1, 2, 3, 4, 5}};

static bool is_started;

/* The example is started once, as in a firmware; each test begins with nothing due. */
static void begin(void)
{
    if (!is_started) {
        stack_reset();
        stack_create_ip(&ip);
        is_started = guard_start(&settings) == TX_SUCCESS && service.is_thread_created;
    }
    memset(&service, 0, sizeof(service));
    service.is_reachable = true;
    service.is_acknowledging = true;
    (void)guard_report();
    service.publications = 0;
    service.connections = 0;
}

TEST(a_device_id_too_long_for_a_topic_is_refused)
{
    static char long_id[128];
    struct guard_settings other = settings;

    memset(long_id, 'x', sizeof(long_id) - 1);
    other.device_id = long_id;
    CHECK_UINT(guard_start(&other), NXD_MQTT_INVALID_PARAMETER);
}

TEST(a_second_start_is_refused_as_picket_says)
{
    begin();
    CHECK_UINT(guard_start(&settings), GUARD_REFUSED + 8); /* PICKET_E_STATE */
    CHECK(ip.nx_ip_interface[0].nx_interface_link_driver_entry != stack_driver);
}

TEST(start_watches_and_creates_the_thread)
{
    begin();
    CHECK(is_started);
    CHECK(ip.nx_ip_interface[0].nx_interface_link_driver_entry != stack_driver);
    CHECK(stack.timer != NULL);
}

TEST(nothing_is_sent_before_it_is_due)
{
    uint32_t wait_ms = 0;

    begin();
    wait_ms = guard_report();
    CHECK_UINT(service.publications, 0);
    CHECK_UINT(service.connections, 0);
    CHECK(wait_ms > 0 && wait_ms <= 60000);
}

TEST(a_report_that_is_acknowledged_is_let_go)
{
    uint32_t sequence = 0;

    begin();
    stack.ticks += INTERVAL_TICKS;
    CHECK_UINT(guard_report(), 60000);
    sequence = service.sequence;
    CHECK_UINT(service.publications, 1);
    CHECK_TEXT(service.topic, "picket/pump-7/reports");
    stack.ticks += INTERVAL_TICKS;
    CHECK_UINT(guard_report(), 60000);
    CHECK_UINT(service.sequence, sequence + 1);
    CHECK_UINT(service.connections, 1); /* and stays */
}

TEST(a_report_without_acknowledgement_is_sent_again)
{
    uint32_t sequence = 0;

    begin();
    service.is_acknowledging = false;
    stack.ticks += INTERVAL_TICKS;
    CHECK_UINT(guard_report(), RETRY_MS);
    sequence = service.sequence;
    service.is_acknowledging = true;
    CHECK(guard_report() != RETRY_MS);
    CHECK_UINT(service.sequence, sequence);
}

TEST(a_service_out_of_reach_is_tried_again)
{
    begin();
    service.is_reachable = false;
    service.is_connected = false;
    stack.ticks += INTERVAL_TICKS;
    CHECK_UINT(guard_report(), RETRY_MS);
    CHECK_UINT(service.connections, 1);
    CHECK_UINT(service.publications, 0);
    service.is_reachable = true;
    CHECK(guard_report() != RETRY_MS);
    CHECK_UINT(service.publications, 1);
}

TEST(no_step_of_setting_tls_up_may_fail)
{
    begin();
    for (service.refused_step = 1; service.refused_step <= 6; service.refused_step++) {
        service.is_connected = false;
        stack.ticks += INTERVAL_TICKS;
        CHECK_UINT(guard_report(), RETRY_MS);
        CHECK_UINT(service.publications, 0);
    }
    CHECK(service.check(NULL, NULL) != NX_SUCCESS);
    CHECK_TEXT(service.checked_name, "picket.example");
}

TEST_MAIN(TEST_ROW(a_device_id_too_long_for_a_topic_is_refused),
          TEST_ROW(a_second_start_is_refused_as_picket_says),
          TEST_ROW(start_watches_and_creates_the_thread),
          TEST_ROW(nothing_is_sent_before_it_is_due),
          TEST_ROW(a_report_that_is_acknowledged_is_let_go),
          TEST_ROW(a_report_without_acknowledgement_is_sent_again),
          TEST_ROW(a_service_out_of_reach_is_tried_again),
          TEST_ROW(no_step_of_setting_tls_up_may_fail))
