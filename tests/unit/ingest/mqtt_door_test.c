/* SPDX-License-Identifier: MIT */
/* The MQTT door between a listener, a book and a pipeline that are played here. */
#include "ingest/mqtt.h"

#include <stdlib.h>

#include "base/err.h"
#include "harness/check.h"
#include "ingest/door.h"
#include "ingest/identity.h"
#include "ingest/ingest.h"
#include "ingest/mqtt_topic.h"
#include "net/mqtt.h"
#include "pipeline/downlink.h"
#include "pipeline/pipeline.h"

#define NOW_US INT64_C(1767225600000000)

/* What the others do, and what they were asked. */
static struct play {
    enum identity_verdict verdict;
    enum identity_verdict later; /* of a recheck */
    bool is_over_allowance;
    enum picket_status submitted;
    const struct downlink_settings *settings;

    char claimed[DEVICE_ID_MAX + 1]; /* "-": as its certificate says */
    char foreign[DEVICE_ID_MAX + 1];
    char unknown[DEVICE_ID_MAX + 1];
    char submitted_as[DEVICE_ID_MAX + 1];
    unsigned submits, allowances, begins, ends, closes, good, bad;
    uint64_t closed;
    char told_topic[256];
    char told[512];
    char noted[512]; /* refused for that device */
    pipeline_done_fn *done;
    void *done_context;
} play;

/* --- the book --- */

enum identity_verdict identity_check(struct identity_book *book, const struct identity_claim *claim,
                                     struct identity_pass *ret)
{
    (void)book;
    (void)snprintf(play.claimed, sizeof(play.claimed), "%s",
                   claim->device == NULL ? "-" : claim->device);
    if (play.verdict == IDENTITY_GOOD) {
        (void)snprintf(ret->device, sizeof(ret->device), "%s",
                       claim->device == NULL ? "by-certificate" : claim->device);
    }
    return play.verdict;
}

enum identity_verdict identity_recheck(struct identity_book *book, const struct identity_pass *pass,
                                       const char *source, int64_t now_us)
{
    (void)book;
    (void)pass;
    (void)source;
    return now_us == NOW_US ? play.later : IDENTITY_EXPIRED;
}

bool identity_allows(struct identity_book *book, const struct identity_pass *pass,
                     const char *source, int64_t now_us)
{
    (void)book;
    (void)pass;
    (void)source;
    (void)now_us;
    play.allowances++;
    return !play.is_over_allowance;
}

void identity_note_foreign(struct identity_book *book, const struct identity_pass *pass,
                           const char *claimed, const char *source, int64_t now_us)
{
    (void)book;
    (void)pass;
    (void)source;
    (void)now_us;
    (void)snprintf(play.foreign, sizeof(play.foreign), "%s", claimed);
}

void identity_note_unknown(struct identity_book *book, const char *claimed, const char *source,
                           int64_t now_us)
{
    (void)book;
    (void)source;
    (void)now_us;
    (void)snprintf(play.unknown, sizeof(play.unknown), "%s", claimed);
}

void identity_note_refused(struct identity_book *book, const char *device, enum refused_cause cause,
                           const char *reason, const char *source, int64_t now_us)
{
    (void)book;
    (void)source;
    (void)now_us;
    (void)snprintf(play.noted, sizeof(play.noted), "%s %s: %s", device, refused_cause_name(cause),
                   reason);
}

void identity_begin(struct identity_book *book, const struct identity_pass *pass,
                    const char *source, int64_t now_us)
{
    (void)book;
    (void)pass;
    (void)source;
    (void)now_us;
    play.begins++;
}

void identity_end(struct identity_book *book, const struct identity_pass *pass, const char *source,
                  int64_t now_us)
{
    (void)book;
    (void)pass;
    (void)source;
    (void)now_us;
    play.ends++;
}

/* --- the listener --- */

void mqtt_acknowledge(struct mqtt_server *server, const struct mqtt_ticket *ticket, bool is_good)
{
    (void)server;
    play.good += is_good && ticket->id == 7 ? 1 : 0;
    play.bad += is_good ? 0 : 1;
}

bool mqtt_send(struct mqtt_server *server, uint64_t session, const char *topic,
               const uint8_t *bytes, size_t length)
{
    (void)server;
    (void)session;
    (void)snprintf(play.told_topic, sizeof(play.told_topic), "%s", topic);
    (void)snprintf(play.told, sizeof(play.told), "%.*s", (int)length, (const char *)bytes);
    return true;
}

void mqtt_close(struct mqtt_server *server, uint64_t session)
{
    (void)server;
    play.closes++;
    play.closed = session;
}

/* --- the pipeline --- */

enum picket_status pipeline_submit(struct pipeline *pipeline, struct report *report,
                                   pipeline_done_fn *done, void *done_context)
{
    (void)pipeline;
    play.submits++;
    if (play.submitted != PICKET_OK) {
        return play.submitted;
    }
    (void)snprintf(play.submitted_as, sizeof(play.submitted_as), "%s", report->device);
    play.done = done;
    play.done_context = done_context;
    report_free(report);
    return PICKET_OK;
}

static void commit(enum picket_status status)
{
    const struct pipeline_outcome outcome = {
        .status = status, .reason = "a reason", .settings = play.settings};

    play.done(play.done_context, &outcome);
}

/* --- clients --- */

struct scene {
    struct ingest_door door;
    struct ingest_mqtt *mqtt;
};

static int64_t clock_us(void *context)
{
    (void)context;
    return NOW_US;
}

static void open_scene(struct scene *scene)
{
    play = (struct play){0};
    *scene = (struct scene){.door = {.now_us = clock_us}};
    scene->mqtt = ingest_mqtt_new(&scene->door);
    ingest_mqtt_attach(scene->mqtt, NULL);
}

static struct mqtt_text text_of(const char *text)
{
    return (struct mqtt_text){text, text == NULL ? 0 : strlen(text)};
}

static enum mqtt_connack enter(struct scene *scene, uint64_t session, const char *id,
                               const char *user, const char *password, void **ret_caller)
{
    const struct mqtt_connect connect = {
        .client_id = text_of(id == NULL ? "" : id),
        .user = text_of(user),
        .password = {(const uint8_t *)password, password == NULL ? 0 : strlen(password)},
        .level = 4,
        .is_clean = true};
    const struct mqtt_client client = {
        .connect = &connect, .source = "192.0.2.1", .session = session};

    return ingest_mqtt_handlers()->connect(scene->mqtt, &client, ret_caller);
}

static enum mqtt_answer publish(struct scene *scene, void *caller, const char *topic,
                                const void *bytes, size_t length)
{
    const struct mqtt_publish message = {
        .topic = text_of(topic), .payload = {bytes, length}, .id = 7, .qos = 1};
    const struct mqtt_ticket ticket = {.session = 1, .id = 7};

    return ingest_mqtt_handlers()->publish(scene->mqtt, caller, &message, &ticket);
}

/* A report of ours with nothing in it. */
static size_t empty_report(uint8_t bytes[256])
{
    const struct picket_report_head head = {
        .boot = 7, .sequence = 3, .window_ms = 60000, .intervals = 1, .built_ms = 65000};
    struct picket_report_writer writer;
    size_t length = 0;

    if (picket_report_begin(&writer, bytes, 256, &head, 0) != PICKET_OK) {
        printf("no report\n");
    }
    picket_report_finish(&writer, false, &length);
    return length;
}

static enum mqtt_answer publish_report(struct scene *scene, void *caller, const char *topic)
{
    uint8_t bytes[256];

    return publish(scene, caller, topic, bytes, empty_report(bytes));
}

static void leave(struct scene *scene, void *caller)
{
    ingest_mqtt_handlers()->end(scene->mqtt, caller);
}

TEST(client_is_who_it_says_it_is_if_that_fits_together)
{
    static const struct {
        const char *id, *user, *password;
        const char *claimed; /* NULL: it is turned away, */
        const char *foreign; /* told of the device that it has shown to be, */
        const char *unknown; /* or of its source */
    } rows[] = {
        {"d1", NULL, NULL, "d1", NULL, NULL},
        {"d1/module", NULL, NULL, "d1", NULL, NULL},
        {NULL, NULL, NULL, "-", NULL, NULL},
        {"d1", "?SDK=x&Version=1", NULL, "d1", NULL, NULL},
        {"d1", "hub.example/d1/?api-version=2021", NULL, "d1", NULL, NULL},
        {NULL, "d1", "key", "d1", NULL, NULL},
        {"d1", "d1", "key", "d1", NULL, NULL},
        {"d1/m", "d1", "key", "d1", NULL, NULL},
        {"d1", "hub.example/d1/?api-version=2021", "SharedAccessSignature x", "d1", NULL, NULL},
        {"d1", "hub.example/d1/module/?api-version=2021", "SharedAccessSignature x", "d1", NULL,
         NULL},
        {NULL, "hub.example/d1", "x", "d1", NULL, NULL},
        {"d2", "d1", "key", NULL, "d2", NULL},
        {"d2", "hub.example/d1/", "x", NULL, "d2", NULL},
        {"d 1", "d1", "key", NULL, "d 1", NULL},
        {"d1", "", "key", NULL, "d1", NULL},
        {"d 1", NULL, NULL, NULL, NULL, "d 1"},
        {"d1", "d\xc3\xa4", "key", NULL, NULL, "d\xc3\xa4"},
        {NULL, "", "key", "-", NULL, NULL},
    };
    struct scene scene;

    open_scene(&scene);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        void *caller = NULL;
        enum mqtt_connack answer =
            enter(&scene, 1, rows[i].id, rows[i].user, rows[i].password, &caller);

        CHECK(answer == (rows[i].claimed == NULL ? MQTT_NOT_AUTHORIZED : MQTT_ACCEPTED));
        CHECK_TEXT(play.foreign, rows[i].foreign == NULL ? "" : rows[i].foreign);
        CHECK_TEXT(play.unknown, rows[i].unknown == NULL ? "" : rows[i].unknown);
        play.foreign[0] = play.unknown[0] = '\0';
        if (rows[i].claimed != NULL) {
            CHECK_TEXT(play.claimed, rows[i].claimed);
            leave(&scene, caller);
        }
    }
    CHECK_UINT(scene.door.refused[REFUSED_UNAUTHORIZED], 6);
    CHECK_UINT(play.begins, play.ends);
    ingest_mqtt_free(scene.mqtt);
}

TEST(verdict_of_the_book_decides)
{
    static const struct {
        enum identity_verdict verdict;
        enum mqtt_connack answer;
    } rows[] = {
        {IDENTITY_NONE, MQTT_NOT_AUTHORIZED},     {IDENTITY_UNKNOWN, MQTT_NOT_AUTHORIZED},
        {IDENTITY_MISMATCH, MQTT_NOT_AUTHORIZED}, {IDENTITY_FOREIGN, MQTT_NOT_AUTHORIZED},
        {IDENTITY_EXPIRED, MQTT_NOT_AUTHORIZED},  {IDENTITY_INVALID, MQTT_BAD_CREDENTIALS},
        {IDENTITY_REVOKED, MQTT_NOT_AUTHORIZED},  {IDENTITY_BUSY, MQTT_UNAVAILABLE},
    };
    struct scene scene;
    void *caller = NULL;

    open_scene(&scene);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        play.verdict = rows[i].verdict;
        CHECK(enter(&scene, 1, "d1", NULL, NULL, &caller) == rows[i].answer);
    }
    CHECK(caller == NULL);
    CHECK_UINT(scene.door.refused[REFUSED_UNAUTHORIZED], 7);
    CHECK_UINT(scene.door.refused[REFUSED_BUSY], 1);
    ingest_mqtt_free(scene.mqtt);
}

TEST(newer_session_of_a_device_closes_the_older_one)
{
    struct scene scene;
    void *older = NULL;
    void *other = NULL;
    void *newer = NULL;

    open_scene(&scene);
    CHECK(enter(&scene, 11, "d1", NULL, NULL, &older) == MQTT_ACCEPTED);
    CHECK(enter(&scene, 12, "d2", NULL, NULL, &other) == MQTT_ACCEPTED);
    CHECK_UINT(play.closes, 0);
    CHECK(enter(&scene, 13, "d1", NULL, NULL, &newer) == MQTT_ACCEPTED);
    CHECK_UINT(play.closes, 1);
    CHECK_UINT(play.closed, 11);
    leave(&scene, older);
    leave(&scene, other);
    leave(&scene, newer);
    ingest_mqtt_free(scene.mqtt);
}

TEST(topics_mean_what_the_contract_says)
{
    static const struct {
        const char *topic;
        const char *device; /* NULL: none */
        const char *content_type;
        const char *properties;
    } rows[] = {
        {"picket/d1/reports", "d1", NULL, ""},
        {"devices/d1/messages/events", "d1", NULL, ""},
        {"devices/d1/messages/events/", "d1", NULL, ""},
        {"devices/d1/messages/events/mti=2.3-1-0-0&%24.ifid=x", "d1", NULL,
         "mti=2.3-1-0-0&%24.ifid=x"},
        {"devices/d1/modules/m/messages/events/a=b/c", "d1", NULL, "a=b/c"},
        {"$aws/things/d1/defender/metrics/json", "d1", "application/json", ""},
        {"$aws/things/d1/defender/metrics/cbor", "d1", "application/cbor", ""},
        {"picket/d1/reports/", NULL, NULL, NULL},
        {"picket/d1/report", NULL, NULL, NULL},
        {"picket/d1", NULL, NULL, NULL},
        {"picket//reports", NULL, NULL, NULL},
        {"/picket/d1/reports", NULL, NULL, NULL},
        {"Picket/d1/reports", NULL, NULL, NULL},
        {"devices/d1/messages/eventsx", NULL, NULL, NULL},
        {"devices/d1/modules//messages/events/", NULL, NULL, NULL},
        {"devices/d1/messages/devicebound/x", NULL, NULL, NULL},
        {"$aws/things/d1/defender/metrics/json/accepted", NULL, NULL, NULL},
        {"$aws/things/d1/defender/metrics/xml", NULL, NULL, NULL},
        {"x", NULL, NULL, NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct mqtt_text text = text_of(rows[i].topic);
        struct ingest_topic topic;
        bool is_read = ingest_topic_read(&text, &topic);

        if (is_read != (rows[i].device != NULL)) {
            printf("%s\n", rows[i].topic);
            CHECK(false);
        }
        if (is_read) {
            CHECK_TEXT(topic.device, rows[i].device);
            CHECK_TEXT(topic.properties, rows[i].properties);
            CHECK((topic.content_type == NULL) == (rows[i].content_type == NULL));
        }
    }
}

TEST(device_id_too_long_for_one_is_no_device)
{
    char topic[400];
    struct mqtt_text text;
    struct ingest_topic read;

    (void)snprintf(topic, sizeof(topic), "picket/%0*d/reports", (int)DEVICE_ID_MAX, 0);
    text = text_of(topic);
    CHECK(ingest_topic_read(&text, &read));
    (void)snprintf(topic, sizeof(topic), "picket/%0*d/reports", (int)DEVICE_ID_MAX + 1, 0);
    text = text_of(topic);
    CHECK(!ingest_topic_read(&text, &read));
}

TEST(report_is_acknowledged_when_it_is_committed)
{
    struct scene scene;
    void *caller = NULL;

    open_scene(&scene);
    CHECK(enter(&scene, 1, "d1", NULL, NULL, &caller) == MQTT_ACCEPTED);
    CHECK(publish_report(&scene, caller, "picket/d1/reports") == MQTT_LATER);
    CHECK_TEXT(play.submitted_as, "d1");
    CHECK_UINT(play.good, 0);
    commit(PICKET_OK);
    CHECK_UINT(play.good, 1);
    CHECK_TEXT(play.told_topic, "");
    CHECK(publish_report(&scene, caller, "devices/d1/messages/events/a=b") == MQTT_LATER);
    commit(PICKET_E_IO);
    CHECK_UINT(play.bad, 1);
    CHECK_UINT(scene.door.refused[REFUSED_BUSY], 1);
    leave(&scene, caller);
    ingest_mqtt_free(scene.mqtt);
}

TEST(settings_go_to_the_device_with_the_acknowledgement)
{
    static const struct downlink_settings settings = {.envelope = (const uint8_t *)"envelope",
                                                      .envelope_length = 8};
    struct scene scene;
    void *caller = NULL;

    open_scene(&scene);
    play.settings = &settings;
    CHECK(enter(&scene, 1, "d1", NULL, NULL, &caller) == MQTT_ACCEPTED);
    CHECK(publish_report(&scene, caller, "picket/d1/reports") == MQTT_LATER);
    commit(PICKET_OK);
    CHECK_TEXT(play.told_topic, "picket/d1/settings");
    CHECK_TEXT(play.told, "envelope");
    leave(&scene, caller);
    ingest_mqtt_free(scene.mqtt);
}

TEST(message_that_is_none_is_acknowledged_and_the_device_told_why)
{
    static const uint8_t large[PICKET_REPORT_BYTES_MAX + 1];
    struct scene scene;
    void *caller = NULL;

    open_scene(&scene);
    CHECK(enter(&scene, 1, "d1", NULL, NULL, &caller) == MQTT_ACCEPTED);
    CHECK(publish(&scene, caller, "picket/d1/reports", "hello", 5) == MQTT_LATER);
    CHECK_TEXT(play.told_topic, "picket/d1/refused");
    CHECK(strncmp(play.told, "byte 0: ", 8) == 0);
    CHECK(strncmp(play.noted, "d1 malformed: byte 0: ", 22) == 0);
    CHECK_UINT(scene.door.refused[REFUSED_MALFORMED], 1);
    CHECK(publish(&scene, caller, "picket/d1/reports", large, sizeof(large)) == MQTT_LATER);
    CHECK_TEXT(play.told, "the message is too large: allowed are 65536 bytes");
    CHECK_UINT(scene.door.refused[REFUSED_TOO_LARGE], 1);
    CHECK_TEXT(play.noted, "d1 too_large: the message is too large: allowed are 65536 bytes");
    ingest_mqtt_handlers()->fault(scene.mqtt, caller, MQTT_FAULT_QUALITY);
    CHECK_TEXT(play.noted, "d1 malformed: quality of service 2 is not served");
    CHECK_UINT(play.submits, 0);
    CHECK_UINT(play.good, 2);
    leave(&scene, caller);
    ingest_mqtt_free(scene.mqtt);
}

TEST(full_queue_has_the_client_wait_and_pay_once)
{
    struct scene scene;
    void *caller = NULL;

    open_scene(&scene);
    CHECK(enter(&scene, 1, "d1", NULL, NULL, &caller) == MQTT_ACCEPTED);
    play.submitted = PICKET_E_FULL;
    CHECK(publish_report(&scene, caller, "picket/d1/reports") == MQTT_BUSY);
    CHECK(publish_report(&scene, caller, "picket/d1/reports") == MQTT_BUSY);
    play.submitted = PICKET_OK;
    CHECK(publish_report(&scene, caller, "picket/d1/reports") == MQTT_LATER);
    CHECK_UINT(play.allowances, 1);
    commit(PICKET_OK);
    CHECK(publish_report(&scene, caller, "picket/d1/reports") == MQTT_LATER);
    CHECK_UINT(play.allowances, 2);
    commit(PICKET_OK);
    CHECK_UINT(scene.door.refused[REFUSED_BUSY], 2);
    leave(&scene, caller);
    ingest_mqtt_free(scene.mqtt);
}

TEST(device_beyond_its_allowance_waits)
{
    struct scene scene;
    void *caller = NULL;

    open_scene(&scene);
    CHECK(enter(&scene, 1, "d1", NULL, NULL, &caller) == MQTT_ACCEPTED);
    play.is_over_allowance = true;
    CHECK(publish_report(&scene, caller, "picket/d1/reports") == MQTT_BUSY);
    CHECK_UINT(play.submits, 0);
    leave(&scene, caller);
    ingest_mqtt_free(scene.mqtt);
}

TEST(device_speaks_as_itself_and_as_long_as_it_may)
{
    struct scene scene;
    void *caller = NULL;

    open_scene(&scene);
    CHECK(enter(&scene, 1, "d1", NULL, NULL, &caller) == MQTT_ACCEPTED);
    CHECK(publish_report(&scene, caller, "picket/d2/reports") == MQTT_CLOSE);
    CHECK_TEXT(play.foreign, "d2");
    play.foreign[0] = '\0';
    CHECK(publish_report(&scene, caller, "picket/d1/report") == MQTT_CLOSE);
    CHECK_TEXT(play.foreign, "");
    CHECK_TEXT(play.noted, "d1 foreign_topic: nothing comes on that topic");
    CHECK_UINT(scene.door.refused[REFUSED_FOREIGN_TOPIC], 2);
    play.later = IDENTITY_REVOKED;
    CHECK(publish_report(&scene, caller, "picket/d1/reports") == MQTT_CLOSE);
    CHECK_UINT(scene.door.refused[REFUSED_UNAUTHORIZED], 1);
    CHECK_UINT(play.submits, 0);
    leave(&scene, caller);
    ingest_mqtt_free(scene.mqtt);
}

TEST(device_hears_what_is_its_own)
{
    static const struct {
        const char *filter;
        bool is_allowed;
        const char *foreign;
    } rows[] = {
        {"picket/d1/settings", true, ""},
        {"picket/d1/#", true, ""},
        {"devices/d1/messages/devicebound/#", true, ""},
        {"$aws/things/d1/defender/metrics/+/accepted", true, ""},
        {"picket/d2/settings", false, "d2"},
        {"picket/+/settings", false, ""},
        {"picket/#", false, ""},
        {"#", false, ""},
        {"+/d1/settings", false, ""},
        {"$iothub/methods/POST/#", false, ""},
    };
    struct scene scene;
    void *caller = NULL;

    open_scene(&scene);
    CHECK(enter(&scene, 1, "d1", NULL, NULL, &caller) == MQTT_ACCEPTED);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct mqtt_text filter = text_of(rows[i].filter);

        play.foreign[0] = '\0';
        if (ingest_mqtt_handlers()->subscribe(scene.mqtt, caller, &filter) != rows[i].is_allowed) {
            printf("%s\n", rows[i].filter);
            CHECK(false);
        }
        CHECK_TEXT(play.foreign, rows[i].foreign);
    }
    CHECK_UINT(scene.door.refused[REFUSED_FOREIGN_TOPIC], 6);
    leave(&scene, caller);
    ingest_mqtt_free(scene.mqtt);
}

TEST_MAIN(TEST_ROW(client_is_who_it_says_it_is_if_that_fits_together),
          TEST_ROW(verdict_of_the_book_decides),
          TEST_ROW(newer_session_of_a_device_closes_the_older_one),
          TEST_ROW(topics_mean_what_the_contract_says),
          TEST_ROW(device_id_too_long_for_one_is_no_device),
          TEST_ROW(report_is_acknowledged_when_it_is_committed),
          TEST_ROW(settings_go_to_the_device_with_the_acknowledgement),
          TEST_ROW(message_that_is_none_is_acknowledged_and_the_device_told_why),
          TEST_ROW(full_queue_has_the_client_wait_and_pay_once),
          TEST_ROW(device_beyond_its_allowance_waits),
          TEST_ROW(device_speaks_as_itself_and_as_long_as_it_may),
          TEST_ROW(device_hears_what_is_its_own))
