/* SPDX-License-Identifier: MIT */
/*
 * How fast single indicators are pushed into a running service by so many clients at a time,
 * each of which sends the next when the last one is acknowledged:
 *
 *     bench_push URL CLIENTS PUSHES
 *     push CLIENTS PUSHES_PER_SECOND MEDIAN_MS P99_MS
 */
#include <curl/curl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CLIENTS_MAX 256u
#define BODY_MAX    128u
#define POLL_MS     1000

struct client {
    CURL *easy;
    char body[BODY_MAX];
};

struct run {
    CURLM *multi;
    struct client clients[CLIENTS_MAX];
    size_t client_count;
    double *times_ms; /* of each push, once it is acknowledged */
    size_t sent;
    size_t done;
    size_t wanted;
    uint32_t first; /* of the addresses, so that no run puts what another one did */
};

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static size_t pass_over(char *bytes, size_t size, size_t count, void *context)
{
    (void)bytes;
    (void)context;
    return size * count;
}

static bool send_next(struct run *run, struct client *client)
{
    uint32_t address = run->first + (uint32_t)run->sent;

    if (run->sent == run->wanted) {
        return true;
    }
    snprintf(client->body, sizeof(client->body), "{\"items\":[{\"value\":\"%u.%u.%u.%u\"}]}",
             11 + (address >> 24) % 80, address >> 16 & 255, address >> 8 & 255, address & 255);
    curl_easy_setopt(client->easy, CURLOPT_POSTFIELDS, client->body);
    run->sent++;
    return curl_multi_add_handle(run->multi, client->easy) == CURLM_OK;
}

static bool client_open(struct run *run, const char *url, struct curl_slist *headers)
{
    struct client *client = &run->clients[run->client_count];

    client->easy = curl_easy_init();
    if (client->easy == NULL) {
        return false;
    }
    run->client_count++;
    curl_easy_setopt(client->easy, CURLOPT_URL, url);
    curl_easy_setopt(client->easy, CURLOPT_CUSTOMREQUEST, "PUT");
    curl_easy_setopt(client->easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(client->easy, CURLOPT_WRITEFUNCTION, pass_over);
    curl_easy_setopt(client->easy, CURLOPT_PRIVATE, (char *)client);
    return send_next(run, client);
}

/* Takes what is acknowledged, and sends what is next. */
static bool go_on(struct run *run)
{
    const CURLMsg *message = NULL;
    int left = 0;

    while ((message = curl_multi_info_read(run->multi, &left)) != NULL) {
        CURL *easy = message->easy_handle;
        CURLcode code = message->data.result;
        curl_off_t time_us = 0;
        char *client = NULL;
        long status = 0;

        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &client);
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_getinfo(easy, CURLINFO_TOTAL_TIME_T, &time_us);
        curl_multi_remove_handle(run->multi, easy);
        if (code != CURLE_OK || status != 200) {
            fprintf(stderr, "bench_push: %s, status %ld\n", curl_easy_strerror(code), status);
            return false;
        }
        run->times_ms[run->done++] = (double)time_us / 1000;
        if (!send_next(run, (struct client *)(void *)client)) {
            return false;
        }
    }
    return true;
}

static int by_size(const void *a, const void *b)
{
    double first = *(const double *)a, second = *(const double *)b;

    return (first > second) - (first < second);
}

static bool push_all(struct run *run)
{
    double start = now_s();
    int running = 0;

    while (run->done < run->wanted) {
        if (curl_multi_perform(run->multi, &running) != CURLM_OK || !go_on(run) ||
            curl_multi_poll(run->multi, NULL, 0, POLL_MS, NULL) != CURLM_OK) {
            return false;
        }
    }
    start = now_s() - start;
    qsort(run->times_ms, run->done, sizeof(run->times_ms[0]), by_size);
    printf("push %zu %.0f %.1f %.1f\n", run->client_count, (double)run->done / start,
           run->times_ms[run->done / 2], run->times_ms[run->done * 99 / 100]);
    return true;
}

int main(int count, char **arguments)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    size_t clients = count > 3 ? strtoul(arguments[2], NULL, 10) : 0;
    struct run run = {.wanted = count > 3 ? strtoul(arguments[3], NULL, 10) : 0};
    bool is_good = clients > 0 && clients <= CLIENTS_MAX && run.wanted >= clients;

    run.multi = curl_multi_init();
    run.times_ms = calloc(run.wanted + 1, sizeof(*run.times_ms));
    run.first = (uint32_t)time(NULL) * 65536u;
    is_good = is_good && headers != NULL && run.multi != NULL && run.times_ms != NULL;
    for (size_t i = 0; i < clients && is_good; i++) {
        is_good = client_open(&run, arguments[1], headers);
    }
    is_good = is_good && push_all(&run);
    for (size_t i = 0; i < run.client_count; i++) {
        curl_multi_remove_handle(run.multi, run.clients[i].easy);
        curl_easy_cleanup(run.clients[i].easy);
    }
    curl_multi_cleanup(run.multi);
    curl_slist_free_all(headers);
    free(run.times_ms);
    return is_good ? 0 : 1;
}
