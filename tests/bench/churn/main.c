/* SPDX-License-Identifier: MIT */
/*
 * usage: churn SECONDS [INDICATORS]
 *
 * A thousand updates per second, while two threads look up and check each answer
 * against what the version that they hold must say, and new images are built of it
 * and put below all the time. Before and after that, as long as a tenth of it, nothing
 * changes: how much slower the look-ups are in between is printed, and how old the
 * newest version was at most when it was looked at. That is by the time of the processor:
 * what the clock on the wall says besides is of a machine that the writer is on, too, and
 * its part of the processors is printed beside it.
 *
 * Fails on a wrong answer only: times are for people to judge.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/snapshot.h"
#include "bench/churn/plan.h"

#define READERS            2u
#define UPDATES_PER_SECOND 1000u
#define BATCH_MAX          1000u
#define MERGE_CHANGES      8192u /* observables in the overlay that call for a new image */
#define QUESTIONS          4096u /* of IPv4 addresses at a time */
#define OTHERS             64u   /* of IPv6 addresses and of names, beside each of those */
#define INDICATORS         1000000u
#define PAUSE_NS           10000000 /* between batches */
#define SAMPLES            4096u    /* rounds whose time is kept */

/** What is published: an index, and how many updates are in it. */
struct version {
    struct intel_index *index;
    uint64_t updates;
    double published; /* when the last of them was */
};

enum phase {
    PHASE_BEFORE,
    PHASE_CHURN,
    PHASE_AFTER,
    PHASES,
};

/** What a reader found, by phase. */
struct tally {
    uint64_t rounds[PHASES];
    double seconds[PHASES]
                  [SAMPLES];     /* of the processor, for the look-ups of a round; any of them */
    double wall_seconds[PHASES]; /* of all rounds */
    uint64_t wrong;
    double age_max; /* of the oldest update that was not to be seen yet */
};

struct churn {
    uint32_t fixed_count;
    double begin; /* of the updates */
    struct snapshot_cell *cell;
    _Atomic(enum phase) phase;
    atomic_bool is_over;
    pthread_t threads[READERS];
    struct tally tallies[READERS];
    double change_seconds; /* of the processors, for updates and new images while there are any */
    /* of the writer: a new image is built by another thread, one at a time */
    struct intel_index *base;
    struct intel_index *image; /* built, guarded by the end of that thread */
    uint64_t merges;
    atomic_bool is_merged;
};

struct reader {
    struct churn *churn;
    struct tally *tally;
    uint64_t random;
    uint32_t questions[QUESTIONS];
    uint32_t expected[QUESTIONS]; /* a line, or PLAN_ITEMS' numbers behind IS_ITEM */
    intel_record records[QUESTIONS];
};

#define IS_ITEM 0x80000000u

static double now_of(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static uint32_t random_next(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 32);
}

static void version_free(void *value)
{
    struct version *version = value;

    intel_index_free(version->index);
    free(version);
}

static void publish(struct churn *churn, struct intel_index *index, uint64_t updates)
{
    struct version *version = malloc(sizeof(*version));

    if (version == NULL) {
        abort();
    }
    *version = (struct version){index, updates, now_of(CLOCK_MONOTONIC)};
    if (!snapshot_publish(churn->cell, version, version_free)) {
        abort();
    }
}

/* --- readers --- */

/** Mostly misses, some of them near, and a few hits of both what changes and what does not. */
static void ask_questions(struct reader *reader)
{
    for (size_t i = 0; i < QUESTIONS; i++) {
        uint32_t number = random_next(&reader->random) % reader->churn->fixed_count;
        uint32_t random = random_next(&reader->random), item = random % PLAN_ITEMS / 4 * 4;

        if (random >> 16u & 0x3fu) {
            reader->questions[i] = plan_missing_address(number, random);
            reader->expected[i] = 0;
        } else if (random >> 24u & 1u) {
            reader->questions[i] = plan_fixed_address(number);
            reader->expected[i] = number + 1;
        } else {
            item += random >> 25u & 1u ? PLAN_HOST : PLAN_NETWORK;
            reader->questions[i] = plan_ipv4_in(item, random_next(&reader->random));
            reader->expected[i] = IS_ITEM | item;
        }
    }
}

static bool is_right(const struct version *version, intel_record record, uint32_t expected)
{
    uint32_t line =
        (expected & IS_ITEM) == 0 ? expected : plan_line(expected & ~IS_ITEM, version->updates);

    return record == 0 ? line == 0 : intel_indicator(version->index, record).line == line;
}

static void check_others(struct reader *reader, const struct version *version)
{
    for (size_t i = 0; i < OTHERS; i++) {
        uint32_t item = random_next(&reader->random) % PLAN_ITEMS / 4 * 4;
        uint32_t random = random_next(&reader->random);
        struct address address = plan_ipv6_in(item + PLAN_IPV6, random);
        struct plan_text text;
        const char *name = text.bytes;
        intel_record records[2];

        plan_name_in(item + PLAN_NAME, random, &text);
        intel_match(version->index, &address, 1, &records[0]);
        intel_match_names(version->index, &name, 1, &records[1]);
        reader->tally->wrong += !is_right(version, records[0], IS_ITEM | (item + PLAN_IPV6));
        reader->tally->wrong += !is_right(version, records[1], IS_ITEM | (item + PLAN_NAME));
    }
}

/** Every update that was due is in the version, or is this old. */
static double age_of(const struct churn *churn, const struct version *version)
{
    double due = (double)version->updates / UPDATES_PER_SECOND;

    return now_of(CLOCK_MONOTONIC) - churn->begin - due;
}

/** Keeps a sample of all times, each as likely as the others (Vitter's algorithm R). */
static void note_time(struct reader *reader, enum phase phase, double seconds)
{
    struct tally *tally = reader->tally;
    uint64_t place = tally->rounds[phase]++;

    if (place >= SAMPLES) {
        place = ((uint64_t)random_next(&reader->random) * tally->rounds[phase]) >> 32u;
    }
    if (place < SAMPLES) {
        tally->seconds[phase][place] = seconds;
    }
}

static void *read_on(void *argument)
{
    struct reader *reader = argument;
    struct churn *churn = reader->churn;

    while (!atomic_load(&churn->is_over)) {
        enum phase phase = atomic_load(&churn->phase);
        struct snapshot *snapshot;
        const struct version *version;
        double begin, wall;

        ask_questions(reader);
        snapshot = snapshot_get(churn->cell);
        version = snapshot_value(snapshot);
        if (phase == PHASE_CHURN && atomic_load(&churn->phase) == phase) {
            double age = age_of(churn, version);

            reader->tally->age_max = age > reader->tally->age_max ? age : reader->tally->age_max;
        }
        wall = now_of(CLOCK_MONOTONIC);
        begin = now_of(CLOCK_THREAD_CPUTIME_ID);
        intel_match_ipv4(version->index, reader->questions, QUESTIONS, reader->records);
        note_time(reader, phase, now_of(CLOCK_THREAD_CPUTIME_ID) - begin);
        reader->tally->wall_seconds[phase] += now_of(CLOCK_MONOTONIC) - wall;
        for (size_t i = 0; i < QUESTIONS; i++) {
            reader->tally->wrong += !is_right(version, reader->records[i], reader->expected[i]);
        }
        check_others(reader, version);
        snapshot_put(snapshot);
    }
    return NULL;
}

/* --- the writer --- */

static void fail(const char *what, const struct err *err)
{
    fprintf(stderr, "churn: %s: %s\n", what, err->text);
    abort();
}

static void *build_image(void *argument)
{
    struct churn *churn = argument;
    struct intel_builder *builder = intel_builder_new();
    struct err err = {""};

    if (builder == NULL || intel_add_index(builder, churn->base, NULL, NULL, 0) != PICKET_OK ||
        intel_build(builder, &churn->image, &err) != PICKET_OK) {
        fail("no image", &err);
    }
    intel_builder_free(builder);
    atomic_store(&churn->is_merged, true);
    return NULL;
}

/** A merge that goes on, and what it must not lose. */
struct merge {
    pthread_t thread;
    struct snapshot *base; /* NULL: none goes on */
};

static void begin_merge(struct churn *churn, struct merge *merge)
{
    const struct version *version;

    merge->base = snapshot_get(churn->cell);
    version = snapshot_value(merge->base);
    churn->base = version->index;
    atomic_store(&churn->is_merged, false);
    if (pthread_create(&merge->thread, NULL, build_image, churn) != 0) {
        abort();
    }
}

static void end_merge(struct churn *churn, struct merge *merge)
{
    struct snapshot *snapshot = snapshot_get(churn->cell);
    const struct version *latest = snapshot_value(snapshot);
    struct intel_index *next;
    struct err err = {""};

    pthread_join(merge->thread, NULL);
    if (intel_rebase(churn->image, churn->base, latest->index, &next, &err) != PICKET_OK) {
        fail("no rebase", &err);
    }
    publish(churn, next, latest->updates);
    intel_index_free(churn->image);
    snapshot_put(snapshot);
    snapshot_put(merge->base);
    merge->base = NULL;
    churn->merges++;
}

/** Makes updates up to this number visible. */
static void update(struct churn *churn, uint64_t until)
{
    static struct intel_change changes[BATCH_MAX];
    static struct plan_text texts[BATCH_MAX];
    struct snapshot *snapshot = snapshot_get(churn->cell);
    const struct version *latest = snapshot_value(snapshot);
    uint64_t begin = latest->updates;
    size_t count = until - begin < BATCH_MAX ? (size_t)(until - begin) : BATCH_MAX;
    struct intel_index *next;
    struct err err = {""};

    for (size_t i = 0; i < count; i++) {
        changes[i] = plan_change(begin + i, &texts[i]);
    }
    if (intel_change(latest->index, changes, count, &next, &err) != PICKET_OK) {
        fail("no change", &err);
    }
    publish(churn, next, begin + count);
    snapshot_put(snapshot);
}

static size_t count_changes(struct churn *churn, uint64_t *ret_updates)
{
    struct snapshot *snapshot = snapshot_get(churn->cell);
    const struct version *version = snapshot_value(snapshot);
    struct intel_stats stats;

    intel_get_stats(version->index, &stats);
    *ret_updates = version->updates;
    snapshot_put(snapshot);
    return stats.changes;
}

static void pause_for(double seconds)
{
    struct timespec time = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};

    nanosleep(&time, NULL);
}

/** Time of the processors that all but the readers had so far. */
static double seconds_beside_readers(const struct churn *churn)
{
    double seconds = now_of(CLOCK_PROCESS_CPUTIME_ID);

    for (size_t i = 0; i < READERS; i++) {
        clockid_t clock;

        if (pthread_getcpuclockid(churn->threads[i], &clock) == 0) {
            seconds -= now_of(clock);
        }
    }
    return seconds;
}

/** Updates for so long, and gives how many. */
static uint64_t write_on(struct churn *churn, double seconds)
{
    struct merge merge = {.base = NULL};
    uint64_t updates = 0, due = 0, all = (uint64_t)(seconds * UPDATES_PER_SECOND);
    size_t limit = all / 4 < MERGE_CHANGES ? (size_t)all / 4 : MERGE_CHANGES;

    churn->change_seconds = -seconds_beside_readers(churn);
    churn->begin = now_of(CLOCK_MONOTONIC);
    atomic_store(&churn->phase, PHASE_CHURN);
    while (due < all) {
        size_t changes = count_changes(churn, &updates);

        due = (uint64_t)((now_of(CLOCK_MONOTONIC) - churn->begin) * UPDATES_PER_SECOND);
        if (merge.base == NULL && changes >= limit) {
            begin_merge(churn, &merge);
        } else if (merge.base != NULL && atomic_load(&churn->is_merged)) {
            end_merge(churn, &merge);
        } else {
            update(churn, due);
            nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
        }
    }
    atomic_store(&churn->phase, PHASE_AFTER);
    churn->change_seconds += seconds_beside_readers(churn);
    if (merge.base != NULL) {
        end_merge(churn, &merge);
    }
    /* afterwards as before: nothing above the image */
    begin_merge(churn, &merge);
    end_merge(churn, &merge);
    return updates;
}

/* --- all of it --- */

static struct intel_index *build_first(uint32_t fixed_count)
{
    struct intel_builder *builder = intel_builder_new();
    struct intel_index *index = NULL;
    struct err err = {""};
    bool is_added = builder != NULL && intel_begin_feed(builder, &plan_feed) == PICKET_OK;

    for (uint32_t i = 0; is_added && i < fixed_count; i++) {
        struct indicator indicator = plan_fixed(i);

        is_added = intel_add(builder, &indicator) == PICKET_OK;
    }
    for (uint32_t item = 0; is_added && item < PLAN_ITEMS; item++) {
        struct plan_text text;
        struct indicator indicator = plan_indicator(item, 0, &text);

        is_added = plan_line(item, 0) == 0 || intel_add(builder, &indicator) == PICKET_OK;
    }
    if (!is_added || intel_build(builder, &index, &err) != PICKET_OK) {
        fail("no index", &err);
    }
    intel_builder_free(builder);
    return index;
}

static int compare_seconds(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/** The median of both readers, so that what else the machine does counts little. */
static double nanoseconds(const struct churn *churn, enum phase phase)
{
    static double seconds[READERS * SAMPLES];
    size_t count = 0;

    for (size_t i = 0; i < READERS; i++) {
        const struct tally *tally = &churn->tallies[i];
        size_t more = tally->rounds[phase] < SAMPLES ? (size_t)tally->rounds[phase] : SAMPLES;

        memcpy(seconds + count, tally->seconds[phase], more * sizeof(*seconds));
        count += more;
    }
    qsort(seconds, count, sizeof(*seconds), compare_seconds);
    return count == 0 ? 0 : seconds[count / 2] * 1e9 / QUESTIONS;
}

/** The mean of both readers by the clock on the wall, of one phase or two. */
static double wall_nanoseconds(const struct churn *churn, enum phase first, enum phase second)
{
    double seconds = 0, rounds = 0;

    for (size_t i = 0; i < READERS; i++) {
        const struct tally *tally = &churn->tallies[i];

        seconds += tally->wall_seconds[first] + tally->wall_seconds[second];
        rounds += (double)(tally->rounds[first] + tally->rounds[second]);
    }
    return rounds == 0 ? 0 : seconds / rounds * 1e9 / QUESTIONS;
}

/** Prints, and gives the number of wrong answers. */
static uint64_t print(const struct churn *churn, uint64_t updates, double seconds)
{
    double quiet = (nanoseconds(churn, PHASE_BEFORE) + nanoseconds(churn, PHASE_AFTER)) / 2;
    double busy = nanoseconds(churn, PHASE_CHURN), age = 0;
    double wall_quiet = wall_nanoseconds(churn, PHASE_BEFORE, PHASE_AFTER);
    double wall_busy = wall_nanoseconds(churn, PHASE_CHURN, PHASE_CHURN);
    uint64_t wrong = 0, lookups = 0;

    for (size_t i = 0; i < READERS; i++) {
        const struct tally *tally = &churn->tallies[i];

        wrong += tally->wrong;
        age = tally->age_max > age ? tally->age_max : age;
        lookups += tally->rounds[PHASE_CHURN] * QUESTIONS;
    }
    printf("%llu updates in %.0f s, %llu new images, %llu look-ups meanwhile\n",
           (unsigned long long)updates, seconds, (unsigned long long)churn->merges,
           (unsigned long long)lookups);
    printf("wrong answers        %llu\n", (unsigned long long)wrong);
    printf("an update is visible after %.0f ms at most (target 1000)\n", age * 1e3);
    printf("a look-up takes      %.2f ns quiet (%.2f before, %.2f after), %.2f ns under updates: "
           "%+.1f %% (target 10)\n",
           quiet, nanoseconds(churn, PHASE_BEFORE), nanoseconds(churn, PHASE_AFTER), busy,
           100 * (busy / quiet - 1));
    printf("by the wall's clock  %.2f ns quiet, %.2f ns under updates: %+.1f %%; updates and new "
           "images take %.0f %% of a processor\n",
           wall_quiet, wall_busy, 100 * (wall_busy / wall_quiet - 1),
           100 * churn->change_seconds / seconds);
    return wrong;
}

int main(int argc, char **argv)
{
    static struct reader readers[READERS];
    static struct churn churn;
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 0;
    uint64_t updates, wrong;

    if (seconds <= 0) {
        fprintf(stderr, "usage: churn SECONDS [INDICATORS]\n");
        return 2;
    }
    churn.fixed_count = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : INDICATORS;
    churn.fixed_count = churn.fixed_count < PLAN_ITEMS ? PLAN_ITEMS : churn.fixed_count;
    churn.cell = snapshot_cell_new();
    if (churn.cell == NULL) {
        return 1;
    }
    publish(&churn, build_first(churn.fixed_count), 0);
    for (size_t i = 0; i < READERS; i++) {
        readers[i] = (struct reader){.churn = &churn, .tally = &churn.tallies[i], .random = i + 1};
        if (pthread_create(&churn.threads[i], NULL, read_on, &readers[i]) != 0) {
            return 1;
        }
    }
    pause_for(seconds / 10);
    updates = write_on(&churn, seconds);
    pause_for(seconds / 10);
    atomic_store(&churn.is_over, true);
    for (size_t i = 0; i < READERS; i++) {
        pthread_join(churn.threads[i], NULL);
    }
    wrong = print(&churn, updates, seconds);
    snapshot_cell_free(churn.cell);
    return wrong == 0 ? 0 : 1;
}
