/* SPDX-License-Identifier: MIT */
/*
 * How fast feeds are loaded: read, checked, counted against duplicates, and put into a
 * builder. Prints a line for each format:
 *
 *     load NAME LINES_PER_SECOND BYTES_PER_SECOND     median of the rounds
 *
 * Times are of the processor and not of the clock on the wall.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "feed/load.h"

#define ROUNDS    5u
#define BYTES_MAX ((size_t)1 << 30)
#define NOW_US    INT64_C(1790000000000000)

/** xorshift64 (Marsaglia 2003): the same lists on every machine. */
static uint32_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 32);
}

/** An address of a public network. */
static void add_address(struct buf *out, uint64_t *state)
{
    uint32_t random = next_random(state);

    buf_addf(out, "%u.%u.%u.%u", 11 + (random >> 24) % 80, random >> 16 & 255, random >> 8 & 255,
             random & 255);
}

static void add_name(struct buf *out, uint64_t *state)
{
    buf_addf(out, "host%u.example%u.test", next_random(state) % 1000, next_random(state));
}

static void add_plain(struct buf *out, uint64_t *state)
{
    add_address(out, state);
    buf_add_text(out, "\n");
}

static void add_plain_name(struct buf *out, uint64_t *state)
{
    add_name(out, state);
    buf_add_text(out, "\n");
}

static void add_scored(struct buf *out, uint64_t *state)
{
    add_address(out, state);
    buf_addf(out, "\t%u\n", next_random(state) % 10);
}

static void add_csv(struct buf *out, uint64_t *state)
{
    buf_add_text(out, "\"2026-08-22 05:00:00\",\"");
    add_address(out, state);
    buf_addf(out, "\",\"%u\",\"online\",\"2026-08-23\",\"Family %u\"\n",
             1 + next_random(state) % 1000, next_random(state) % 50);
}

static void add_zeek(struct buf *out, uint64_t *state)
{
    add_address(out, state);
    buf_addf(out, "\tIntel::ADDR\tSOURCE\tF\tFamily %u\n", next_random(state) % 50);
}

static void add_ndjson(struct buf *out, uint64_t *state)
{
    buf_add_text(out, "{\"cidr\":\"");
    add_address(out, state);
    buf_addf(out, "\",\"sblid\":\"SBL%u\",\"rir\":\"apnic\"}\n", next_random(state) % 1000000);
}

static const struct {
    const char *name;
    const char *head;
    void (*add)(struct buf *out, uint64_t *state);
} kinds[] = {
    {"addresses", "", add_plain},
    {"names", "", add_plain_name},
    {"scores", "# IP\tnumber of (black)lists\n#\n", add_scored},
    {"csv",
     "\"first_seen_utc\",\"dst_ip\",\"dst_port\",\"c2_status\",\"last_online\",\"malware\"\n",
     add_csv},
    {"zeek", "#fields\tindicator\tindicator_type\tmeta.source\tmeta.do_notice\tmeta.desc\n",
     add_zeek},
    {"ndjson", "", add_ndjson},
};

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/** Seconds for one load; negative if it fails. */
static double load_once(const struct buf *text)
{
    struct intel_builder *builder = intel_builder_new();
    struct feed_terms terms;
    struct feed_load load;
    struct err err = {""};
    double start, end;
    enum picket_status status;

    feed_terms_init(&terms, "bench");
    start = seconds();
    status = feed_load(builder, &terms, (const uint8_t *)text->bytes, text->length, 0, NULL, NOW_US,
                       &load, &err);
    end = seconds();
    intel_builder_free(builder);
    if (status != PICKET_OK) {
        fprintf(stderr, "bench_feed: %s\n", err.text);
    }
    return status == PICKET_OK ? end - start : -1.0;
}

static int by_size(const void *a, const void *b)
{
    double first = *(const double *)a, second = *(const double *)b;

    return (first > second) - (first < second);
}

int main(int count, char **arguments)
{
    size_t lines = count > 1 ? strtoul(arguments[1], NULL, 10) : 1000000;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        uint64_t state = UINT64_C(0x9e3779b97f4a7c15);
        double times[ROUNDS];
        struct buf text;

        buf_init(&text, BYTES_MAX);
        buf_add_text(&text, kinds[i].head);
        for (size_t line = 0; line < lines; line++) {
            kinds[i].add(&text, &state);
        }
        for (size_t round = 0; round < ROUNDS; round++) {
            times[round] = load_once(&text);
            if (times[round] <= 0) {
                return 1;
            }
        }
        qsort(times, ROUNDS, sizeof(times[0]), by_size);
        printf("load %s %.0f %.0f\n", kinds[i].name, (double)lines / times[ROUNDS / 2],
               (double)text.length / times[ROUNDS / 2]);
        buf_deinit(&text);
    }
    return 0;
}
