/* SPDX-License-Identifier: MIT */
/* The agent's way by MQTT against servers that do not keep to anything. */
#include "cli/mqtt_post.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "harness/check.h"
#include "picket/report.h"

#define STEP_MS    500 /* that the clock goes on whenever it is read */
#define TALK_BYTES ((size_t)64 * 1024 * 1024)
#define PATIENCE_S 20

/* The clock of what is tested, which waits for nothing. */
int quick_clock(clockid_t clock, struct timespec *ret) __asm__("__wrap_clock_gettime");

int quick_clock(clockid_t clock, struct timespec *ret)
{
    static int64_t now_ms;

    (void)clock;
    now_ms += STEP_MS;
    *ret = (struct timespec){.tv_sec = now_ms / 1000, .tv_nsec = now_ms % 1000 * 1000000};
    return 0;
}

/* Where a server of a test listens. */
struct place {
    int listener;
    pthread_t server;
    struct mqtt_post_terms terms;
};

static int listen_somewhere(struct sockaddr_in *ret)
{
    socklen_t size = sizeof(*ret);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *ret = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (listener < 0 || bind(listener, (struct sockaddr *)ret, size) != 0 ||
        listen(listener, 1) != 0 || getsockname(listener, (struct sockaddr *)ret, &size) != 0) {
        perror("listen");
        exit(1);
    }
    return listener;
}

static int meet(const struct place *place)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    int client = accept(place->listener, NULL, NULL);

    (void)setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    (void)setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    return client;
}

/* Says nothing but PINGRESP, as often as it is read. */
static void *talk(void *context)
{
    int client = meet(context);
    char words[4096];
    ssize_t sent = 0;

    for (size_t i = 0; i < sizeof(words); i += 2) {
        memcpy(words + i, "\xd0\0", 2);
    }
    for (size_t total = 0; sent >= 0 && total < TALK_BYTES; total += (size_t)sent) {
        sent = send(client, words, sizeof(words), MSG_NOSIGNAL);
    }
    close(client);
    return NULL;
}

/* Lets the device in, with the refusal of a report that it sent long ago; then takes what comes. */
static void *welcome(void *context)
{
    static const char words[] = "\x20\2\0\0"                        /* CONNACK */
                                "\x90\3\0\1\0"                      /* SUBACK of "refused" */
                                "\x30\x15\0\x11picket/d1/refusedno" /* PUBLISH */
                                "\x90\3\0\2\0";                     /* SUBACK of "settings" */
    int client = meet(context);
    char heard[4096];
    size_t length = 0;
    ssize_t got = send(client, words, sizeof(words) - 1, MSG_NOSIGNAL);

    while (got > 0 && memmem(heard, length, "/reports", 8) == NULL) {
        got = recv(client, heard + length, sizeof(heard) - length, 0);
        length += got > 0 ? (size_t)got : 0;
    }
    (void)send(client, "\x40\2\0\4", 4, MSG_NOSIGNAL); /* PUBACK of the report's number + 1 */
    close(client);
    return NULL;
}

/* Its length; 0 if it can't be made. */
static size_t make_report(uint8_t *bytes, size_t capacity)
{
    const struct picket_report_head head = {
        .boot = 7, .sequence = 3, .window_ms = 60000, .intervals = 1, .built_ms = 60000};
    struct picket_report_writer writer;
    size_t length = 0;

    if (picket_report_begin(&writer, bytes, capacity, &head, 0) == PICKET_OK) {
        picket_report_finish(&writer, false, &length);
    }
    return length;
}

static void take_settings(void *context, const uint8_t *envelope, size_t length)
{
    (void)context;
    (void)envelope;
    (void)length;
}

/* Sends a report to a server that does as it is told. */
static enum picket_status send_to(void *(*serve)(void *), struct err *reterr)
{
    struct sockaddr_in address;
    struct place place = {.listener = listen_somewhere(&address)};
    struct mqtt_post post = {.terms = &place.terms, .device = "d1"};
    uint8_t report[256];
    size_t length = make_report(report, sizeof(report));
    char url[64];
    enum picket_status status;

    (void)snprintf(url, sizeof(url), "mqtt://127.0.0.1:%u", ntohs(address.sin_port));
    status = uplink_place_init(&place.terms.place, url, reterr);
    if (status != PICKET_OK || pthread_create(&place.server, NULL, serve, &place) != 0) {
        abort();
    }
    status = mqtt_post_send(&post, report, length, take_settings, NULL, reterr);
    mqtt_post_close(&post);
    pthread_join(place.server, NULL);
    close(place.listener);
    uplink_place_deinit(&place.terms.place);
    return status;
}

TEST(server_that_talks_without_end_is_given_up_in_time)
{
    struct err err = {""};

    CHECK(send_to(talk, &err) == PICKET_E_IO);
    CHECK(strstr(err.text, "does not answer") != NULL);
}

TEST(refusal_that_comes_before_the_report_is_sent_is_of_another_one)
{
    struct err err = {""};

    CHECK(send_to(welcome, &err) == PICKET_OK);
    CHECK_TEXT(err.text, "");
}

TEST(nothing_is_written_over_what_the_other_side_has_not_read)
{
    static const uint8_t much[4 * 1024 * 1024];
    struct uplink link = {.state = UPLINK_UP};
    int ends[2];

    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    link.fd = ends[0];
    CHECK(uplink_write(&link, much, sizeof(much)) == PICKET_OK);
    CHECK(uplink_is_waiting(&link));
    CHECK(uplink_write(&link, much, sizeof(much)) == PICKET_E_IO);
    uplink_close(&link);
    close(ends[1]);
}

TEST_MAIN(TEST_ROW(server_that_talks_without_end_is_given_up_in_time),
          TEST_ROW(refusal_that_comes_before_the_report_is_sent_is_of_another_one),
          TEST_ROW(nothing_is_written_over_what_the_other_side_has_not_read))
