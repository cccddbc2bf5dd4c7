/* SPDX-License-Identifier: MIT */
#include "net/mqtt.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "harness/check.h"

#define TICKETS_MAX 64u
#define PATIENCE_S  20

/* clang-format off */
#define WIRE(text) (text), sizeof(text) - 1
/* clang-format on */

#define CONNECT "\x10\x0d\0\4MQTT\4\2\0\0\0\1d"
#define CONNACK "\x20\x02\0\0"

/* What the handlers of a test do and saw. The lock guards all; `changed` tells of each change. */
struct place {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct mqtt_server *server;
    enum mqtt_connack code;
    enum mqtt_answer answer;
    bool takes_over;
    unsigned connects, publishes, subscribes, ends;
    unsigned faults[MQTT_FAULT_QUALITY + 1];
    uint64_t session;
    struct mqtt_ticket tickets[TICKETS_MAX];
    char topic[64];
    char source[64];
};

static enum mqtt_connack on_connect(void *context, const struct mqtt_client *client,
                                    void **ret_context)
{
    struct place *place = context;
    enum mqtt_connack code;

    pthread_mutex_lock(&place->lock);
    if (place->takes_over && place->session != 0) {
        mqtt_close(place->server, place->session);
    }
    place->connects++;
    place->session = client->session;
    (void)snprintf(place->source, sizeof(place->source), "%s", client->source);
    *ret_context = place;
    code = place->code;
    pthread_cond_broadcast(&place->changed);
    pthread_mutex_unlock(&place->lock);
    return code;
}

static enum mqtt_answer on_publish(void *context, void *session_context,
                                   const struct mqtt_publish *publish,
                                   const struct mqtt_ticket *ticket)
{
    struct place *place = context;
    enum mqtt_answer answer;

    pthread_mutex_lock(&place->lock);
    if (session_context == place && place->publishes < TICKETS_MAX) {
        place->tickets[place->publishes] = *ticket;
        (void)snprintf(place->topic, sizeof(place->topic), "%.*s", (int)publish->topic.length,
                       publish->topic.bytes);
    }
    place->publishes++;
    answer = place->answer;
    pthread_cond_broadcast(&place->changed);
    pthread_mutex_unlock(&place->lock);
    return answer;
}

static bool on_subscribe(void *context, void *session_context, const struct mqtt_text *filter)
{
    struct place *place = context;

    pthread_mutex_lock(&place->lock);
    place->subscribes++;
    pthread_mutex_unlock(&place->lock);
    return session_context == context && filter->bytes[0] != 'x';
}

static void on_fault(void *context, void *session_context, enum mqtt_fault fault)
{
    struct place *place = context;

    pthread_mutex_lock(&place->lock);
    place->faults[fault] += session_context == place ? 1 : 100;
    pthread_mutex_unlock(&place->lock);
}

static void on_end(void *context, void *session_context)
{
    struct place *place = context;

    pthread_mutex_lock(&place->lock);
    place->ends += session_context == place ? 1 : 100;
    pthread_cond_broadcast(&place->changed);
    pthread_mutex_unlock(&place->lock);
}

static const struct mqtt_handlers handlers = {on_connect, on_publish, on_subscribe, on_fault,
                                              on_end};

static struct mqtt_config config_of(struct place *place)
{
    return (struct mqtt_config){.address = "127.0.0.1",
                                .sessions_max = 8,
                                .half_open_max = 32,
                                .connect_s = PATIENCE_S,
                                .packet_bytes_max = 8192,
                                .rate_per_s = 1000,
                                .unacknowledged_max = 32,
                                .handlers = &handlers,
                                .context = place};
}

static bool open_place(struct place *place, const struct mqtt_config *config)
{
    struct err err = {""};

    if (mqtt_server_new(config, &place->server, &err) != PICKET_OK ||
        mqtt_server_start(place->server, &err) != PICKET_OK) {
        printf("%s\n", err.text);
        return false;
    }
    return true;
}

#define PLACE(name)                                                                                \
    struct place name = {.lock = PTHREAD_MUTEX_INITIALIZER,                                        \
                         .changed = PTHREAD_COND_INITIALIZER,                                      \
                         .answer = MQTT_LATER}

/* Waits until a counter of the place has come up to @p count. */
static bool reaches(struct place *place, const unsigned *counter, unsigned count)
{
    struct timespec until;
    int result = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    pthread_mutex_lock(&place->lock);
    while (*counter < count && result == 0) {
        result = pthread_cond_timedwait(&place->changed, &place->lock, &until);
    }
    result = *counter == count;
    pthread_mutex_unlock(&place->lock);
    return result;
}

static void set_answer(struct place *place, enum mqtt_answer answer)
{
    pthread_mutex_lock(&place->lock);
    place->answer = answer;
    pthread_mutex_unlock(&place->lock);
}

/* A client that waits for what it reads. */
static int dial(const struct place *place)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(mqtt_server_port(place->server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (client < 0 || setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) ||
        connect(client, (struct sockaddr *)&address, sizeof(address)) != 0) {
        perror("dial");
        exit(1);
    }
    return client;
}

static void say(int client, const void *bytes, size_t length)
{
    if (send(client, bytes, length, MSG_NOSIGNAL) != (ssize_t)length) {
        perror("say"); /* the connection is over: what should have been heard will not be */
    }
}

/* Whether exactly these bytes come next. */
static bool hears(int client, const void *expected, size_t length)
{
    uint8_t heard[4096];
    size_t count = 0;

    while (count < length) {
        ssize_t got = recv(client, heard + count, length - count, 0);

        if (got <= 0) {
            return false;
        }
        count += (size_t)got;
    }
    return memcmp(heard, expected, length) == 0;
}

/* Whether the connection is over, with nothing said before. */
static bool hears_end(int client)
{
    uint8_t byte;
    ssize_t got = recv(client, &byte, 1, 0);
    bool is_over = got == 0 || (got < 0 && errno == ECONNRESET);

    close(client);
    return is_over;
}

static int enter(const struct place *place)
{
    int client = dial(place);

    say(client, WIRE(CONNECT));
    if (!hears(client, WIRE(CONNACK))) {
        printf("no CONNACK\n");
    }
    return client;
}

static struct mqtt_stats stats_of(struct place *place)
{
    struct mqtt_stats stats;

    mqtt_server_get_stats(place->server, &stats);
    return stats;
}

/* Statistics are told after each round, so that what was heard may be a moment ahead of them. */
#define CHECK_COUNTED(place, member, expected)                                                     \
    do {                                                                                           \
        for (int i = 0; i < PATIENCE_S * 100 && stats_of(place).member != (expected); i++) {       \
            struct timespec moment = {.tv_nsec = 10000000};                                        \
            nanosleep(&moment, NULL);                                                              \
        }                                                                                          \
        CHECK_UINT(stats_of(place).member, expected);                                              \
    } while (0)

TEST(client_comes_in_is_answered_and_ends_once)
{
    PLACE(place);
    struct mqtt_config config = config_of(&place);
    int client;

    CHECK(open_place(&place, &config));
    client = enter(&place);
    CHECK_TEXT(place.source, "127.0.0.1");
    CHECK_COUNTED(&place, sessions, 1);
    CHECK_COUNTED(&place, half_open, 0);
    say(client, WIRE("\xc0\0\xc0\0"));
    CHECK(hears(client, WIRE("\xd0\0\xd0\0")));
    say(client, WIRE("\xe0\0"));
    CHECK(hears_end(client));
    CHECK(reaches(&place, &place.ends, 1));
    CHECK_COUNTED(&place, sessions, 0);
    mqtt_server_free(place.server);
    CHECK_UINT(place.connects, 1);
    CHECK_UINT(place.ends, 1);
}

TEST(what_the_standard_forbids_ends_the_connection_without_a_word)
{
    static const struct {
        const char *bytes;
        size_t length;
        bool is_connected; /* before */
    } rows[] = {
        {WIRE("\xc0\0"), false},                        /* [MQTT-3.1.0-1] */
        {WIRE("\x32\x05\0\1t\0\1"), false},             /* [MQTT-3.1.0-1] */
        {WIRE("\x10\x0d\0\4MQTX\4\2\0\0\0\1d"), false}, /* [MQTT-3.1.2-1] */
        {WIRE("\x10\x0d\0\4MQTT\4\3\0\0\0\1d"), false}, /* [MQTT-3.1.2-3] */
        {WIRE("GET / HTTP/1.1\r\n\r\n"), false},        /* [MQTT-2.2.2-2] */
        {WIRE("\x10\xff\xff\xff\x7f"), false},          /* too large */
        {WIRE(CONNECT), true},                          /* [MQTT-3.1.0-2] */
        {WIRE("\xc1\0"), true},                         /* [MQTT-2.2.2-2] */
        {WIRE("\x36\x05\0\1t\0\1"), true},              /* [MQTT-3.3.1-4] */
        {WIRE("\x32\x05\0\1t\0\0"), true},              /* [MQTT-2.3.1-1] */
        {WIRE("\x34\x05\0\1t\0\1"), true},              /* QoS 2 is not served */
        {WIRE("\x82\2\0\1"), true},                     /* [MQTT-3.8.3-3] */
        {WIRE("\x40\2\0\1"), true},                     /* nothing was to be acknowledged */
        {WIRE("\x20\2\0\0"), true},                     /* a server's packet */
        {WIRE("\x30\xff\x7f"), true},                   /* too large */
    };
    PLACE(place);
    struct mqtt_config config = config_of(&place);

    CHECK(open_place(&place, &config));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int client = rows[i].is_connected ? enter(&place) : dial(&place);

        say(client, rows[i].bytes, rows[i].length);
        if (!hears_end(client)) {
            printf("row %zu\n", i);
            CHECK(false);
        }
    }
    CHECK_COUNTED(&place, too_large, 2);
    CHECK_COUNTED(&place, refused, 1);
    CHECK_COUNTED(&place, malformed, 12);
    CHECK_UINT(place.publishes, 0);
    mqtt_server_free(place.server);
    CHECK_UINT(place.faults[MQTT_FAULT_TOO_LARGE], 1); /* of those that were in */
    CHECK_UINT(place.faults[MQTT_FAULT_QUALITY], 1);
    CHECK_UINT(place.faults[MQTT_FAULT_MALFORMED], 7);
    CHECK_UINT(place.ends, 9);
}

TEST(who_may_not_come_in_is_told_why_and_nothing_more_of_it_is_read)
{
    static const struct {
        const char *connect;
        size_t length;
        enum mqtt_connack code; /* of the handler */
        const char *answer;
    } rows[] = {
        {WIRE(CONNECT "\x30\3\0\1t"), MQTT_NOT_AUTHORIZED, "\x20\x02\0\5"}, /* [MQTT-3.1.4-5] */
        {WIRE(CONNECT), MQTT_BAD_CREDENTIALS, "\x20\x02\0\4"},
        {WIRE("\x10\x0e\0\4MQTT\5\2\0\0\0\0\1d"), MQTT_ACCEPTED,
         "\x20\x02\0\1"},                                                      /* [MQTT-3.1.2-2] */
        {WIRE("\x10\x0c\0\4MQTT\4\0\0\0\0\0"), MQTT_ACCEPTED, "\x20\x02\0\2"}, /* [MQTT-3.1.3-8] */
    };
    PLACE(place);
    struct mqtt_config config = config_of(&place);

    CHECK(open_place(&place, &config));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int client = dial(&place);

        pthread_mutex_lock(&place.lock);
        place.code = rows[i].code;
        pthread_mutex_unlock(&place.lock);
        say(client, rows[i].connect, rows[i].length);
        CHECK(hears(client, rows[i].answer, 4));
        CHECK(hears_end(client));
    }
    CHECK_COUNTED(&place, denied, 4);
    mqtt_server_free(place.server);
    CHECK_UINT(place.publishes, 0);
    CHECK_UINT(place.ends, 0);
}

TEST(message_is_acknowledged_when_told_and_not_before)
{
    PLACE(place);
    struct mqtt_config config = config_of(&place);
    int client;

    CHECK(open_place(&place, &config));
    client = enter(&place);
    say(client, WIRE("\x32\x07\0\3a/b\0\7"));
    CHECK(reaches(&place, &place.publishes, 1));
    CHECK_TEXT(place.topic, "a/b");
    say(client, WIRE("\xc0\0"));
    CHECK(hears(client, WIRE("\xd0\0"))); /* and no PUBACK */
    mqtt_acknowledge(place.server, &place.tickets[0], true);
    CHECK(hears(client, WIRE("\x40\2\0\7")));
    close(client);
    CHECK(reaches(&place, &place.ends, 1));
    mqtt_acknowledge(place.server, &place.tickets[0], true); /* of a session that is over */
    mqtt_server_free(place.server);
}

TEST(answer_of_the_handler_decides)
{
    PLACE(place);
    struct mqtt_config config = config_of(&place);
    int client;

    CHECK(open_place(&place, &config));
    client = enter(&place);
    set_answer(&place, MQTT_DONE);
    say(client, WIRE("\x30\3\0\1t\x32\5\0\1t\1\0"));
    CHECK(hears(client, WIRE("\x40\2\1\0")));
    set_answer(&place, MQTT_CLOSE);
    say(client, WIRE("\x32\5\0\1t\1\1"));
    CHECK(hears_end(client));
    CHECK_COUNTED(&place, refused, 1);
    mqtt_server_free(place.server);
}

TEST(busy_message_is_offered_again_and_what_follows_waits_behind_it)
{
    PLACE(place);
    struct mqtt_config config = config_of(&place);
    int client;

    CHECK(open_place(&place, &config));
    client = enter(&place);
    set_answer(&place, MQTT_BUSY);
    say(client, WIRE("\x32\5\0\1t\0\1\x32\5\0\1u\0\2\xc0\0"));
    CHECK(reaches(&place, &place.publishes, 2));
    CHECK_UINT(place.tickets[1].id, 1);
    set_answer(&place, MQTT_DONE);
    CHECK(hears(client, WIRE("\x40\2\0\1\x40\2\0\2\xd0\0")));
    close(client);
    mqtt_server_free(place.server);
}

TEST(client_with_its_share_unacknowledged_is_not_read_from)
{
    PLACE(place);
    struct mqtt_config config = config_of(&place);
    int client;
    int other;

    config.unacknowledged_max = 2;
    CHECK(open_place(&place, &config));
    client = enter(&place);
    say(client, WIRE("\x32\5\0\1t\0\1\x30\3\0\1t\x32\5\0\1t\0\3\xc0\0"));
    CHECK(reaches(&place, &place.publishes, 2));
    other = enter(&place); /* who is not held up */
    say(other, WIRE("\xc0\0"));
    CHECK(hears(other, WIRE("\xd0\0")));
    CHECK_UINT(place.publishes, 2);
    mqtt_acknowledge(place.server, &place.tickets[1], true); /* QoS 0: gives its share back */
    CHECK(reaches(&place, &place.publishes, 3));
    mqtt_acknowledge(place.server, &place.tickets[2], true);
    CHECK(hears(client, WIRE("\x40\2\0\3\xd0\0")));
    close(client);
    close(other);
    mqtt_server_free(place.server);
}

TEST(many_acknowledgements_all_arrive)
{
    PLACE(place);
    struct mqtt_config config = config_of(&place);
    char expected[32 * 4];
    int client;

    CHECK(open_place(&place, &config));
    client = enter(&place);
    for (unsigned i = 0; i < 32; i++) {
        char publish[] = "\x32\5\0\1t\1\0";

        publish[6] = (char)i;
        say(client, publish, 7);
        memcpy(expected + (size_t)i * 4, (char[]){0x40, 2, 1, (char)i}, 4);
    }
    CHECK(reaches(&place, &place.publishes, 32));
    for (unsigned i = 0; i < 32; i++) {
        mqtt_acknowledge(place.server, &place.tickets[i], true);
    }
    CHECK(hears(client, expected, sizeof(expected)));
    close(client);
    mqtt_server_free(place.server);
}

TEST(only_what_was_subscribed_to_is_sent)
{
    PLACE(place);
    struct mqtt_config config = config_of(&place);
    uint64_t session;
    int client;

    CHECK(open_place(&place, &config));
    client = enter(&place);
    session = place.session;
    CHECK(!mqtt_send(place.server, session, "a/b", (const uint8_t *)"m", 1));
    say(client, WIRE("\x82\x0e\0\5\0\3a/+\1\0\1x\0\0\0"));
    CHECK(hears_end(client)); /* [MQTT-4.7.3-1]: the last filter is empty */
    client = enter(&place);
    session = place.session;
    say(client, WIRE("\x82\x0c\0\5\0\3a/+\1\0\1x\0"));
    CHECK(hears(client, WIRE("\x90\4\0\5\0\x80"))); /* QoS 0 at most; the other is refused */
    CHECK(mqtt_send(place.server, session, "a/b", (const uint8_t *)"m", 1));
    CHECK(hears(client, WIRE("\x30\6\0\3a/bm")));
    CHECK(!mqtt_send(place.server, session, "x", (const uint8_t *)"m", 1));
    say(client, WIRE("\xa2\7\0\6\0\3a/+"));
    CHECK(hears(client, WIRE("\xb0\2\0\6")));
    CHECK(!mqtt_send(place.server, session, "a/b", (const uint8_t *)"m", 1));
    CHECK(!mqtt_send(place.server, session + 1, "a/b", (const uint8_t *)"m", 1));
    close(client);
    mqtt_server_free(place.server);
}

TEST(filters_without_end_are_refused_unasked)
{
    PLACE(place);
    struct mqtt_config config = config_of(&place);
    char subscribe[5 + 100 * 4] = "\x82\x92\x03\0\5";
    char expected[4 + 100] = "\x90\x66\0\5";
    int client;

    for (size_t i = 0; i < 100; i++) {
        memcpy(subscribe + 5 + i * 4, "\0\1a\0", 4);
        expected[4 + i] = i < 32 ? 0 : (char)0x80;
    }
    CHECK(open_place(&place, &config));
    client = enter(&place);
    say(client, subscribe, sizeof(subscribe));
    CHECK(hears(client, expected, sizeof(expected)));
    CHECK_UINT(place.subscribes, 32); /* each that is refused costs more than a packet may */
    close(client);
    mqtt_server_free(place.server);
}

TEST(client_that_does_not_read_is_sent_only_so_much)
{
    static const uint8_t message[20000];
    PLACE(place);
    struct mqtt_config config = config_of(&place);
    unsigned sent = 0;
    int client;

    CHECK(open_place(&place, &config));
    client = enter(&place);
    say(client, WIRE("\x82\6\0\5\0\1a\1"));
    CHECK(hears(client, WIRE("\x90\3\0\5\0")));
    while (sent < 100000 && mqtt_send(place.server, place.session, "a", message, sizeof(message))) {
        sent++;
    }
    CHECK(sent >= 3 && sent < 100000);
    close(client);
    mqtt_server_free(place.server);
}

TEST(newer_session_takes_over)
{
    PLACE(place);
    struct mqtt_config config = config_of(&place);
    int older;
    int newer;

    place.takes_over = true;
    CHECK(open_place(&place, &config));
    older = enter(&place);
    newer = enter(&place);
    CHECK(hears_end(older)); /* [MQTT-3.1.4-2] */
    CHECK(reaches(&place, &place.ends, 1));
    say(newer, WIRE("\xc0\0"));
    CHECK(hears(newer, WIRE("\xd0\0")));
    close(newer);
    mqtt_server_free(place.server);
    CHECK_UINT(place.ends, 2);
}

TEST(client_that_says_nothing_is_closed_in_time)
{
    PLACE(place);
    struct mqtt_config config = config_of(&place);
    int silent;
    int slow;

    config.connect_s = 1;
    CHECK(open_place(&place, &config));
    silent = dial(&place);
    slow = dial(&place);
    say(slow, WIRE("\x10"));
    CHECK(hears_end(silent));
    CHECK(hears_end(slow));
    CHECK_COUNTED(&place, too_slow, 2);
    mqtt_server_free(place.server);
}

TEST(keep_alive_is_one_and_a_half_times_what_was_said)
{
    PLACE(place);
    struct mqtt_config config = config_of(&place);
    struct timespec begin;
    struct timespec end;
    int client;

    CHECK(open_place(&place, &config));
    client = dial(&place);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    say(client, WIRE("\x10\x0d\0\4MQTT\4\2\0\1\0\1d"));
    CHECK(hears(client, WIRE(CONNACK)));
    CHECK(hears_end(client)); /* [MQTT-3.1.2-24] */
    clock_gettime(CLOCK_MONOTONIC, &end);
    CHECK((end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000 >= 1500);
    CHECK_COUNTED(&place, too_slow, 1);
    mqtt_server_free(place.server);
}

TEST(packet_that_comes_byte_by_byte_is_one_packet)
{
    static const char bytes[] = CONNECT "\x32\x07\0\3a/b\0\7\xc0\0";
    PLACE(place);
    struct mqtt_config config = config_of(&place);
    int client;

    CHECK(open_place(&place, &config));
    client = dial(&place);
    for (size_t i = 0; i < sizeof(bytes) - 1; i++) {
        say(client, bytes + i, 1);
    }
    CHECK(hears(client, WIRE(CONNACK "\xd0\0")));
    CHECK_UINT(place.publishes, 1);
    CHECK_TEXT(place.topic, "a/b");
    close(client);
    mqtt_server_free(place.server);
}

TEST(client_beyond_its_rate_waits_and_no_other_does)
{
    PLACE(place);
    struct mqtt_config config = config_of(&place);
    int hasty;
    int other;

    config.rate_per_s = 2; /* and so bursts of twenty */
    place.answer = MQTT_DONE;
    CHECK(open_place(&place, &config));
    hasty = enter(&place);
    for (int i = 0; i < 23; i++) {
        say(hasty, WIRE("\x30\3\0\1t"));
    }
    CHECK_COUNTED(&place, throttled, 1);
    other = enter(&place);
    say(other, WIRE("\xc0\0"));
    CHECK(hears(other, WIRE("\xd0\0")));
    CHECK(place.publishes < 23);
    CHECK(reaches(&place, &place.publishes, 23));
    close(hasty);
    close(other);
    mqtt_server_free(place.server);
}

TEST(sessions_and_half_open_connections_are_bounded)
{
    PLACE(place);
    struct mqtt_config config = config_of(&place);
    int clients[8];
    int one_more;

    CHECK(open_place(&place, &config));
    for (int i = 0; i < 8; i++) {
        clients[i] = enter(&place);
    }
    one_more = dial(&place);
    say(one_more, WIRE(CONNECT));
    CHECK(hears(one_more, WIRE("\x20\2\0\3")));
    CHECK(hears_end(one_more));
    for (int i = 0; i < 8; i++) {
        close(clients[i]);
    }
    CHECK_COUNTED(&place, half_open, 0);
    for (int i = 0; i < 8; i++) {
        clients[i] = dial(&place); /* a quarter of 32 */
    }
    one_more = dial(&place);
    CHECK(hears_end(one_more));
    CHECK_COUNTED(&place, turned_away, 2);
    for (int i = 0; i < 8; i++) {
        close(clients[i]);
    }
    mqtt_server_free(place.server);
}

TEST(quiet_server_takes_nothing_more_but_acknowledges)
{
    PLACE(place);
    struct mqtt_config config = config_of(&place);
    int client;

    CHECK(open_place(&place, &config));
    client = enter(&place);
    say(client, WIRE("\x32\5\0\1t\0\1"));
    CHECK(reaches(&place, &place.publishes, 1));
    mqtt_server_quiesce(place.server);
    say(client, WIRE("\x32\5\0\1t\0\2"));
    mqtt_acknowledge(place.server, &place.tickets[0], true);
    mqtt_server_free(place.server);
    CHECK(hears(client, WIRE("\x40\2\0\1")));
    CHECK(hears_end(client));
    CHECK_UINT(place.publishes, 1);
    CHECK_UINT(place.ends, 1);
}

TEST(impossible_addresses_and_certificates_are_refused_with_a_sentence)
{
    PLACE(place);
    struct mqtt_config config = config_of(&place);
    struct mqtt_server *server = NULL;
    struct err err = {""};

    config.certificate = "/dev/null";
    config.key = "/dev/null";
    CHECK(mqtt_server_new(&config, &server, &err) == PICKET_E_ARG);
    CHECK(strstr(err.text, "/dev/null: this is no certificate in PEM") != NULL);
    config.certificate = NULL;
    config.address = "nowhere";
    CHECK(mqtt_server_new(&config, &server, &err) == PICKET_OK);
    CHECK(mqtt_server_start(server, &err) == PICKET_E_ARG);
    CHECK_TEXT(err.text, "'nowhere' is no address to listen on");
    mqtt_server_free(server);
    mqtt_server_free(NULL);
}

TEST_MAIN(TEST_ROW(client_comes_in_is_answered_and_ends_once),
          TEST_ROW(what_the_standard_forbids_ends_the_connection_without_a_word),
          TEST_ROW(who_may_not_come_in_is_told_why_and_nothing_more_of_it_is_read),
          TEST_ROW(message_is_acknowledged_when_told_and_not_before),
          TEST_ROW(answer_of_the_handler_decides),
          TEST_ROW(busy_message_is_offered_again_and_what_follows_waits_behind_it),
          TEST_ROW(client_with_its_share_unacknowledged_is_not_read_from),
          TEST_ROW(many_acknowledgements_all_arrive), TEST_ROW(only_what_was_subscribed_to_is_sent),
          TEST_ROW(filters_without_end_are_refused_unasked),
          TEST_ROW(client_that_does_not_read_is_sent_only_so_much),
          TEST_ROW(newer_session_takes_over), TEST_ROW(client_that_says_nothing_is_closed_in_time),
          TEST_ROW(keep_alive_is_one_and_a_half_times_what_was_said),
          TEST_ROW(packet_that_comes_byte_by_byte_is_one_packet),
          TEST_ROW(client_beyond_its_rate_waits_and_no_other_does),
          TEST_ROW(sessions_and_half_open_connections_are_bounded),
          TEST_ROW(quiet_server_takes_nothing_more_but_acknowledges),
          TEST_ROW(impossible_addresses_and_certificates_are_refused_with_a_sentence))
