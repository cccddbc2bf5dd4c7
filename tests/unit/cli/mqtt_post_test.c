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
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret);

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret)
{
    static int64_t now_ms;

    (void)clock;
    now_ms += STEP_MS;
    *ret = (struct timespec){.tv_sec = now_ms / 1000, .tv_nsec = now_ms % 1000 * 1000000};
    return 0;
}

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

/* Says nothing but PINGRESP, as often as it is read. */
static void *talk(void *context)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    int *listener = context;
    int client = accept(*listener, NULL, NULL);
    char words[4096];
    ssize_t sent = 0;

    for (size_t i = 0; i < sizeof(words); i += 2) {
        memcpy(words + i, "\xd0\0", 2);
    }
    (void)setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    for (size_t total = 0; sent >= 0 && total < TALK_BYTES; total += (size_t)sent) {
        sent = send(client, words, sizeof(words), MSG_NOSIGNAL);
    }
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

TEST(server_that_talks_without_end_is_given_up_in_time)
{
    struct sockaddr_in address;
    int listener = listen_somewhere(&address);
    struct mqtt_post_terms terms = {.key = NULL};
    struct mqtt_post post = {.terms = &terms, .device = "d1"};
    struct err err = {""};
    uint8_t report[256];
    size_t length = make_report(report, sizeof(report));
    pthread_t server;
    char url[64];

    (void)snprintf(url, sizeof(url), "mqtt://127.0.0.1:%u", ntohs(address.sin_port));
    CHECK(uplink_place_init(&terms.place, url, &err) == PICKET_OK);
    CHECK(pthread_create(&server, NULL, talk, &listener) == 0);
    CHECK(mqtt_post_send(&post, report, length, take_settings, NULL, &err) == PICKET_E_IO);
    CHECK(strstr(err.text, "does not answer") != NULL);
    pthread_join(server, NULL);
    close(listener);
    mqtt_post_close(&post);
    uplink_place_deinit(&terms.place);
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
          TEST_ROW(nothing_is_written_over_what_the_other_side_has_not_read))
