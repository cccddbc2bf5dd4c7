/* SPDX-License-Identifier: MIT */
#include "base/snapshot.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include "harness/check.h"

#define READERS  3u
#define VERSIONS 2000u

/* One version: a number, and where its freeing is counted. */
struct version {
    unsigned number;
    unsigned number_again; /* always the same, unless a reader sees a version half built or freed */
    atomic_uint *freed;
};

static struct version *version_new(unsigned number, atomic_uint *freed)
{
    struct version *version = malloc(sizeof(*version));

    if (version != NULL) {
        *version = (struct version){.number = number, .number_again = number, .freed = freed};
    }
    return version;
}

static void version_free(void *value)
{
    struct version *version = value;

    atomic_fetch_add(version->freed, 1);
    free(version);
}

TEST(there_is_nothing_before_the_first_publish)
{
    struct snapshot_cell *cell = snapshot_cell_new();

    CHECK(snapshot_get(cell) == NULL);
    CHECK(snapshot_value(NULL) == NULL);
    snapshot_put(NULL);
    snapshot_cell_free(cell);
}

TEST(a_reader_keeps_its_version_until_it_lets_go)
{
    struct snapshot_cell *cell = snapshot_cell_new();
    atomic_uint freed = 0;
    struct snapshot *old;
    struct snapshot *new;

    CHECK(snapshot_publish(cell, version_new(1, &freed), version_free));
    old = snapshot_get(cell);
    CHECK(snapshot_publish(cell, version_new(2, &freed), version_free));
    new = snapshot_get(cell);
    CHECK_UINT(((const struct version *)snapshot_value(old))->number, 1);
    CHECK_UINT(((const struct version *)snapshot_value(new))->number, 2);
    CHECK_UINT(atomic_load(&freed), 0);
    snapshot_put(old);
    CHECK_UINT(atomic_load(&freed), 1);
    snapshot_put(new);
    CHECK_UINT(atomic_load(&freed), 1);
    snapshot_cell_free(cell);
    CHECK_UINT(atomic_load(&freed), 2);
}

TEST(a_version_nobody_reads_is_freed_by_the_next)
{
    struct snapshot_cell *cell = snapshot_cell_new();
    atomic_uint freed = 0;

    CHECK(snapshot_publish(cell, version_new(1, &freed), version_free));
    CHECK(snapshot_publish(cell, version_new(2, &freed), version_free));
    CHECK_UINT(atomic_load(&freed), 1);
    snapshot_cell_free(cell);
}

struct reader {
    pthread_t thread;
    struct snapshot_cell *cell;
    unsigned broken; /* versions that went back, or were not whole */
};

static void *read_versions(void *context)
{
    struct reader *reader = context;
    unsigned seen = 0;

    while (seen < VERSIONS) {
        struct snapshot *snapshot = snapshot_get(reader->cell);
        const struct version *version = snapshot_value(snapshot);

        if (version != NULL) {
            reader->broken += version->number < seen || version->number != version->number_again;
            seen = version->number;
        }
        snapshot_put(snapshot);
    }
    return NULL;
}

TEST(readers_see_whole_versions_going_forward_while_a_writer_publishes)
{
    struct snapshot_cell *cell = snapshot_cell_new();
    struct reader readers[READERS];
    atomic_uint freed = 0;

    for (unsigned i = 0; i < READERS; i++) {
        readers[i] = (struct reader){.cell = cell};
        CHECK_UINT(pthread_create(&readers[i].thread, NULL, read_versions, &readers[i]), 0);
    }
    for (unsigned number = 1; number <= VERSIONS; number++) {
        CHECK(snapshot_publish(cell, version_new(number, &freed), version_free));
    }
    for (unsigned i = 0; i < READERS; i++) {
        pthread_join(readers[i].thread, NULL);
        CHECK_UINT(readers[i].broken, 0);
    }
    CHECK_UINT(atomic_load(&freed), VERSIONS - 1);
    snapshot_cell_free(cell);
    CHECK_UINT(atomic_load(&freed), VERSIONS);
}

TEST_MAIN(TEST_ROW(there_is_nothing_before_the_first_publish),
          TEST_ROW(a_reader_keeps_its_version_until_it_lets_go),
          TEST_ROW(a_version_nobody_reads_is_freed_by_the_next),
          TEST_ROW(readers_see_whole_versions_going_forward_while_a_writer_publishes))
