/* SPDX-License-Identifier: MIT */
/*
 * usage: churn SECONDS [INDICATORS]
 *
 * A thousand updates per second for so long, while two threads look up and check each answer
 * against what the version that they hold must say, and new images are built of it and put
 * below as often as the service does it.
 *
 * In between, an eighth of a second after each half, nothing changes and the readers hold the
 * newest image alone. What else the machine does at the time slows down both, so it is told by
 * the ratio of their means in each cycle, which is from one new image to the next, the median of
 * those and their quarters: by the time of the processor, and by the clock on the wall. That is
 * of a machine that the writer is on, too; its part of the processors is printed beside it.
 * Also printed is how old the newest version was at most when it was looked at.
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
#define MERGE_UPDATES      16384u /* that call for a new image, as those of the service's keeper */
#define QUESTIONS          4096u  /* at a time */
#define OTHERS             64u    /* of each kind that changes, beside those */
#define INDICATORS         1000000u
#define PAUSE_SECONDS      0.01 /* between batches */
#define BUSY_SECONDS       0.5
#define QUIET_SECONDS      0.125
#define CYCLES_MAX         1024u /* the last one is as long as it has to be */

/** What is published: an index, and how many updates are in it. */
struct version {
    struct intel_index *index;
    uint64_t updates;
    double due; /* when the next update is to be made */
};

/** What a reader asks for. */
enum kind {
    KIND_NEAR,  /* IPv4 addresses beside one that is listed, and a few that are */
    KIND_FAR,   /* IPv4 addresses where nothing is listed, likewise */
    KIND_MIXED, /* addresses of both versions of IP, as the service has them */
    KINDS,
};

/** Look-ups that a reader made, of one kind. */
struct effort {
    uint64_t rounds;
    double seconds; /* of the processor */
    double wall_seconds;
};

/** A reader's, with and without updates. */
struct cycle {
    struct effort busy[KINDS];
    struct effort quiet[KINDS];
};

/** What a reader found. */
struct tally {
    struct cycle cycles[CYCLES_MAX];
    uint64_t wrong;
    double age_max; /* of the oldest update that was not to be seen yet */
};

/** Slices of time are numbered; odd ones are quiet. */
static bool is_quiet(unsigned slice)
{
    return slice % 2 != 0;
}

static unsigned cycle_of(unsigned slice)
{
    return slice / 2;
}

struct churn {
    uint32_t fixed_count;
    struct snapshot_cell *live;
    struct snapshot_cell *still; /* the newest image, without what changed since */
    atomic_uint slice;
    atomic_bool is_over;
    pthread_t threads[READERS];
    struct tally tallies[READERS];
    /* of the writer: a new image is built by another thread, one at a time */
    double begin;          /* of the updates, as if there were no quiet slices */
    double change_seconds; /* of the processors, for updates and new images */
    struct intel_index *base;
    struct intel_index *image; /* built, guarded by the end of that thread */
    uint64_t merged;           /* updates in the newest image */
    uint64_t merges;
    atomic_bool is_merged;
};

struct reader {
    struct churn *churn;
    struct tally *tally;
    uint64_t random;
    uint32_t questions[QUESTIONS];
    struct address addresses[QUESTIONS]; /* in their place, of KIND_MIXED */
    uint32_t expected[QUESTIONS];        /* a line, or PLAN_ITEMS' numbers behind IS_ITEM */
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

static void publish(struct snapshot_cell *cell, struct intel_index *index, uint64_t updates,
                    double due)
{
    struct version *version = malloc(sizeof(*version));

    if (version == NULL) {
        abort();
    }
    *version = (struct version){index, updates, due};
    if (!snapshot_publish(cell, version, version_free)) {
        abort();
    }
}

/* --- readers --- */

/** One of what is listed; one of 16 is of what changes. */
static void ask_for_listed(struct reader *reader, size_t place, uint32_t number, uint32_t random)
{
    uint32_t item = random % PLAN_ITEMS / PLAN_KINDS * PLAN_KINDS;

    if ((random >> 24u & 0xfu) != 0) {
        reader->questions[place] = plan_fixed_address(number);
        reader->expected[place] = number + 1;
    } else {
        item += random >> 28u & 1u ? PLAN_HOST : PLAN_NETWORK;
        reader->questions[place] = plan_ipv4_in(item, random_next(&reader->random));
        reader->expected[place] = IS_ITEM | item;
    }
}

/** Mostly misses, and one of 64 is listed. */
static void ask_questions(struct reader *reader, enum kind kind)
{
    for (size_t i = 0; i < QUESTIONS; i++) {
        uint32_t number = random_next(&reader->random) % reader->churn->fixed_count;
        uint32_t random = random_next(&reader->random);

        reader->expected[i] = 0;
        if ((random >> 16u & 0x3fu) == 0) {
            ask_for_listed(reader, i, number, random);
        } else if (kind == KIND_FAR) {
            reader->questions[i] = plan_far_address(random);
        } else {
            reader->questions[i] = plan_missing_address(number, random);
        }
    }
}

/** The same as addresses, and IPv6 in the place of each fourth. */
static void mix_questions(struct reader *reader)
{
    for (size_t i = 0; i < QUESTIONS; i++) {
        uint32_t random = random_next(&reader->random), item;

        reader->addresses[i] = plan_address_of(reader->questions[i]);
        if (i % 4 == 3) {
            item = random % PLAN_ITEMS / PLAN_KINDS * PLAN_KINDS + PLAN_IPV6;
            reader->addresses[i] = plan_ipv6_in(item + PLAN_ITEMS * (random >> 24u), random);
            reader->expected[i] = random >> 24u == 0 ? IS_ITEM | item : 0;
        }
    }
}

static bool is_right(const struct version *version, intel_record record, uint32_t expected)
{
    uint32_t line =
        (expected & IS_ITEM) == 0 ? expected : plan_line(expected & ~IS_ITEM, version->updates);

    return record == 0 ? line == 0 : intel_indicator(version->index, record).line == line;
}

/** Of all kinds that change, beside what is timed. */
static void check_changing(struct reader *reader, const struct version *version)
{
    for (size_t i = 0; i < OTHERS; i++) {
        uint32_t item = random_next(&reader->random) % PLAN_ITEMS / PLAN_KINDS * PLAN_KINDS;
        uint32_t random = random_next(&reader->random);
        uint32_t ipv4[2] = {plan_ipv4_in(item + PLAN_HOST, random),
                            plan_ipv4_in(item + PLAN_NETWORK, random)};
        struct address address = plan_ipv6_in(item + PLAN_IPV6, random);
        struct plan_text text;
        const char *name = text.bytes;
        intel_record records[PLAN_KINDS];

        plan_name_in(item + PLAN_NAME, random, &text);
        intel_match_ipv4(version->index, ipv4, 2, &records[PLAN_HOST]);
        intel_match(version->index, &address, 1, &records[PLAN_IPV6]);
        intel_match_names(version->index, &name, 1, &records[PLAN_NAME]);
        for (uint32_t kind = 0; kind < PLAN_KINDS; kind++) {
            reader->tally->wrong += !is_right(version, records[kind], IS_ITEM | (item + kind));
        }
    }
}

static void look_up(struct reader *reader, const struct version *version, enum kind kind,
                    struct effort *effort)
{
    /* inside is the clock that takes no call of the system, where threads are made to wait */
    double begin = now_of(CLOCK_THREAD_CPUTIME_ID), wall = now_of(CLOCK_MONOTONIC);

    if (kind == KIND_MIXED) {
        intel_match(version->index, reader->addresses, QUESTIONS, reader->records);
    } else {
        intel_match_ipv4(version->index, reader->questions, QUESTIONS, reader->records);
    }
    effort->rounds++;
    effort->wall_seconds += now_of(CLOCK_MONOTONIC) - wall;
    effort->seconds += now_of(CLOCK_THREAD_CPUTIME_ID) - begin;
}

/** Rounds of one kind after the other; what is of two slices at once is of neither. */
static void *read_on(void *argument)
{
    struct reader *reader = argument;
    struct churn *churn = reader->churn;

    for (unsigned round = 0; !atomic_load(&churn->is_over); round++) {
        enum kind kind = (enum kind)(round % KINDS);
        unsigned slice = atomic_load(&churn->slice);
        struct cycle *cycle = &reader->tally->cycles[cycle_of(slice)];
        struct effort *efforts = is_quiet(slice) ? cycle->quiet : cycle->busy;
        struct effort effort = efforts[kind];
        struct snapshot *snapshot;
        const struct version *version;

        ask_questions(reader, kind);
        if (kind == KIND_MIXED) {
            mix_questions(reader);
        }
        snapshot = snapshot_get(is_quiet(slice) ? churn->still : churn->live);
        version = snapshot_value(snapshot);
        if (!is_quiet(slice) && atomic_load(&churn->slice) == slice) {
            double age = now_of(CLOCK_MONOTONIC) - version->due;

            reader->tally->age_max = age > reader->tally->age_max ? age : reader->tally->age_max;
        }
        look_up(reader, version, kind, &effort);
        if (atomic_load(&churn->slice) == slice) {
            efforts[kind] = effort;
        }
        for (size_t i = 0; i < QUESTIONS; i++) {
            reader->tally->wrong += !is_right(version, reader->records[i], reader->expected[i]);
        }
        check_changing(reader, version);
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

    merge->base = snapshot_get(churn->live);
    version = snapshot_value(merge->base);
    churn->base = version->index;
    churn->merged = version->updates;
    atomic_store(&churn->is_merged, false);
    if (pthread_create(&merge->thread, NULL, build_image, churn) != 0) {
        abort();
    }
}

/** Another cycle begins with the new image. */
static void end_merge(struct churn *churn, struct merge *merge)
{
    struct snapshot *snapshot = snapshot_get(churn->live);
    const struct version *latest = snapshot_value(snapshot);
    struct intel_index *next;
    struct err err = {""};

    pthread_join(merge->thread, NULL);
    if (intel_rebase(churn->image, churn->base, latest->index, &next, &err) != PICKET_OK) {
        fail("no rebase", &err);
    }
    publish(churn->live, next, latest->updates, latest->due);
    publish(churn->still, churn->image, churn->merged, 0);
    snapshot_put(snapshot);
    snapshot_put(merge->base);
    merge->base = NULL;
    if (++churn->merges < CYCLES_MAX) {
        atomic_fetch_add(&churn->slice, 2);
    }
}

/** Makes the updates visible that are due, and gives how many there were so far. */
static uint64_t update(struct churn *churn)
{
    static struct intel_change changes[BATCH_MAX];
    static struct plan_text texts[BATCH_MAX];
    struct snapshot *snapshot = snapshot_get(churn->live);
    const struct version *latest = snapshot_value(snapshot);
    uint64_t due = (uint64_t)((now_of(CLOCK_MONOTONIC) - churn->begin) * UPDATES_PER_SECOND);
    uint64_t begin = latest->updates;
    size_t count = due - begin < BATCH_MAX ? (size_t)(due - begin) : BATCH_MAX;
    struct intel_index *next;
    struct err err = {""};

    for (size_t i = 0; i < count; i++) {
        changes[i] = plan_change(begin + i, &texts[i]);
    }
    if (intel_change(latest->index, changes, count, &next, &err) != PICKET_OK) {
        fail("no change", &err);
    }
    snapshot_put(snapshot);
    publish(churn->live, next, begin + count,
            churn->begin + (double)(begin + count) / UPDATES_PER_SECOND);
    return begin + count;
}

static void pause_for(double seconds)
{
    struct timespec time = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};

    nanosleep(&time, NULL);
}

/** A quiet slice, which no update is due in. */
static void be_quiet(struct churn *churn)
{
    double begin = now_of(CLOCK_MONOTONIC);

    atomic_fetch_add(&churn->slice, 1);
    pause_for(QUIET_SECONDS);
    churn->begin += now_of(CLOCK_MONOTONIC) - begin;
    (void)update(churn);
    atomic_fetch_sub(&churn->slice, 1);
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
    uint64_t updates = 0, all = (uint64_t)(seconds * UPDATES_PER_SECOND);
    uint64_t limit = all / 4 < MERGE_UPDATES ? all / 4 : MERGE_UPDATES, quiet = 0;

    churn->change_seconds = -seconds_beside_readers(churn);
    churn->begin = now_of(CLOCK_MONOTONIC);
    (void)update(churn);
    atomic_store(&churn->slice, 0);
    while (updates < all) {
        if (merge.base != NULL && atomic_load(&churn->is_merged)) {
            end_merge(churn, &merge);
        } else if (merge.base == NULL && updates - churn->merged >= limit) {
            begin_merge(churn, &merge);
        } else if (merge.base == NULL && updates - quiet >= BUSY_SECONDS * UPDATES_PER_SECOND) {
            be_quiet(churn);
            quiet = updates;
        }
        updates = update(churn);
        pause_for(PAUSE_SECONDS);
    }
    churn->change_seconds += seconds_beside_readers(churn);
    if (merge.base != NULL) {
        end_merge(churn, &merge);
    }
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

/** What a look-up takes. */
struct cost {
    double nanoseconds; /* of the processor */
    double wall_nanoseconds;
};

/** The mean of both readers. */
static struct cost cost_of(const struct churn *churn, size_t cycle, enum kind kind, bool quiet)
{
    struct cost cost = {0, 0};
    double lookups = 0;

    for (size_t i = 0; i < READERS; i++) {
        const struct cycle *its = &churn->tallies[i].cycles[cycle];
        const struct effort *effort = quiet ? &its->quiet[kind] : &its->busy[kind];

        cost.nanoseconds += effort->seconds * 1e9;
        cost.wall_nanoseconds += effort->wall_seconds * 1e9;
        lookups += (double)effort->rounds * QUESTIONS;
    }
    return (struct cost){cost.nanoseconds / lookups, cost.wall_nanoseconds / lookups};
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void print_ratios(const char *what, double *ratios, size_t count)
{
    qsort(ratios, count, sizeof(*ratios), compare);
    printf("   %s %+5.1f %% (%+.1f to %+.1f)", what, 100 * (ratios[count / 2] - 1),
           100 * (ratios[count / 4] - 1), 100 * (ratios[count * 3 / 4] - 1));
}

/** Of the cycles that have both slices that are quiet and others. */
static void print_slowdown(const struct churn *churn, enum kind kind, const char *name)
{
    static double ratios[CYCLES_MAX + 1], wall_ratios[CYCLES_MAX + 1];
    struct cost quiet_sum = {0, 0}, busy_sum = {0, 0};
    size_t count = 0;

    for (size_t i = 0; i < CYCLES_MAX; i++) {
        struct cost quiet = cost_of(churn, i, kind, true), busy = cost_of(churn, i, kind, false);

        if (!(quiet.nanoseconds > 0) || !(busy.nanoseconds > 0)) {
            continue;
        }
        quiet_sum.nanoseconds += quiet.nanoseconds;
        busy_sum.nanoseconds += busy.nanoseconds;
        ratios[count] = busy.nanoseconds / quiet.nanoseconds;
        wall_ratios[count++] = busy.wall_nanoseconds / quiet.wall_nanoseconds;
    }
    printf("%-26s %6.2f ns quiet, %6.2f ns under updates:", name,
           quiet_sum.nanoseconds / (double)count, busy_sum.nanoseconds / (double)count);
    print_ratios("", ratios, count);
    print_ratios("; by the wall's clock", wall_ratios, count);
    printf("\n");
}

/** Prints, and gives the number of wrong answers. */
static uint64_t print(const struct churn *churn, uint64_t updates, double seconds)
{
    static const char *const names[KINDS] = {
        "IPv4 near what is listed",
        "IPv4 far from it",
        "IPv4 near it, and IPv6",
    };
    double age = 0;
    uint64_t wrong = 0, lookups = 0;

    for (size_t i = 0; i < READERS; i++) {
        const struct tally *tally = &churn->tallies[i];

        wrong += tally->wrong;
        age = tally->age_max > age ? tally->age_max : age;
        for (size_t k = 0; k < CYCLES_MAX * KINDS; k++) {
            lookups += tally->cycles[k / KINDS].busy[k % KINDS].rounds * QUESTIONS;
        }
    }
    printf("%llu updates in %.0f s, %llu new images, %llu look-ups meanwhile\n",
           (unsigned long long)updates, seconds, (unsigned long long)churn->merges,
           (unsigned long long)lookups);
    printf("wrong answers        %llu\n", (unsigned long long)wrong);
    printf("an update is visible after %.0f ms at most (target 1000)\n", age * 1e3);
    printf("a look-up, by the time of the processor, median of the cycles (quarters), target "
           "+10 %%:\n");
    for (size_t kind = 0; kind < KINDS; kind++) {
        print_slowdown(churn, (enum kind)kind, names[kind]);
    }
    printf("updates and new images take %.0f %% of a processor\n",
           100 * churn->change_seconds / seconds);
    return wrong;
}

/** The first image, alone and below what is to change. */
static void publish_first(struct churn *churn)
{
    struct intel_index *first = build_first(churn->fixed_count), *live;
    struct err err = {""};

    if (intel_change(first, NULL, 0, &live, &err) != PICKET_OK) {
        fail("no change", &err);
    }
    publish(churn->still, first, 0, 0);
    publish(churn->live, live, 0, 0);
}

int main(int argc, char **argv)
{
    static struct reader readers[READERS];
    static struct churn churn = {.slice = 1};
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 0;
    uint64_t updates, wrong;

    if (seconds <= 0) {
        fprintf(stderr, "usage: churn SECONDS [INDICATORS]\n");
        return 2;
    }
    churn.fixed_count = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : INDICATORS;
    churn.fixed_count = churn.fixed_count < PLAN_ITEMS ? PLAN_ITEMS : churn.fixed_count;
    churn.live = snapshot_cell_new();
    churn.still = snapshot_cell_new();
    if (churn.live == NULL || churn.still == NULL) {
        return 1;
    }
    publish_first(&churn);
    for (size_t i = 0; i < READERS; i++) {
        readers[i] = (struct reader){.churn = &churn, .tally = &churn.tallies[i], .random = i + 1};
        if (pthread_create(&churn.threads[i], NULL, read_on, &readers[i]) != 0) {
            return 1;
        }
    }
    updates = write_on(&churn, seconds);
    atomic_store(&churn.is_over, true);
    for (size_t i = 0; i < READERS; i++) {
        pthread_join(churn.threads[i], NULL);
    }
    wrong = print(&churn, updates, seconds);
    snapshot_cell_free(churn.live);
    snapshot_cell_free(churn.still);
    return wrong == 0 ? 0 : 1;
}
