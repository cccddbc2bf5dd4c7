/* SPDX-License-Identifier: MIT */
/* Shards of a group as the store keeps them: what is sent anew, and with which revision. */
#include "pipeline/indicators.h"

#include <string.h>

#include "harness/check.h"
#include "intel/intel.h"
#include "store/store.h"

#define NOW_US   INT64_C(2000000000)
#define NOW_S    2000u
#define COUNT    3000u
#define BYTES    8192u
#define TOLD_MAX 8u

static bool sign(void *context, const uint8_t *message, size_t length,
                 uint8_t ret_signature[PICKET_SIGNATURE_BYTES])
{
    (void)context;
    memset(ret_signature, message[length - 1], PICKET_SIGNATURE_BYTES);
    return true;
}

/* Addresses 10.0.0.0 + @p first to below @p end. */
static struct intel_index *index_between(unsigned first, unsigned end)
{
    const struct intel_feed feed = {
        .name = "many", .source = "", .licence = "", .category = "c2", .confidence = 50};
    struct intel_builder *builder = intel_builder_new();
    struct intel_index *index = NULL;
    bool is_good = builder != NULL && intel_begin_feed(builder, &feed) == PICKET_OK;

    for (unsigned i = first; i < end && is_good; i++) {
        const uint8_t bytes[4] = {10, 0, (uint8_t)(i >> 8), (uint8_t)i};
        struct indicator indicator = {
            .observable = {.kind = OBSERVABLE_ADDRESS,
                           .prefix = {.address = address_from_bytes(bytes, 4), .length = 128},
                           .text = ""},
            .confidence = 50,
            .category = "",
            .comment = "",
            .reference = "",
            .scope = ""};

        is_good = intel_add(builder, &indicator) == PICKET_OK;
    }
    is_good = is_good && intel_build(builder, &index, NULL) == PICKET_OK;
    intel_builder_free(builder);
    return is_good ? index : NULL;
}

struct told {
    uint32_t revision[TOLD_MAX]; /* by shard */
    uint32_t count;
    struct picket_settings newest; /* without what is behind its pointers */
    bool has_fault;
};

static bool take(void *context, const struct store_shard *shard)
{
    struct told *told = context;
    struct picket_envelope envelope;

    told->has_fault |=
        shard->shard >= TOLD_MAX ||
        picket_envelope_open(shard->envelope, shard->envelope_length, &envelope) != PICKET_OK ||
        picket_settings_read(envelope.payload, envelope.payload_length, &told->newest, NULL,
                             NULL) != PICKET_OK ||
        told->newest.revision != shard->revision || told->newest.indicators.shard != shard->shard ||
        told->newest.audience.length != 5 || memcmp(told->newest.audience.bytes, "pumps", 5) != 0;
    if (!told->has_fault) {
        told->revision[shard->shard] = shard->revision;
        told->count++;
    }
    return !told->has_fault;
}

static struct store *open_store(void)
{
    struct store *store = NULL;

    return store_open_sqlite(NULL, &store, NULL) == PICKET_OK &&
                   store->ops->begin(store, NULL) == PICKET_OK &&
                   store->ops->put_group(store, "Pumps", "{}", NULL) == PICKET_OK &&
                   store->ops->commit(store, NULL) == PICKET_OK
               ? store
               : NULL;
}

/* Renews with an index of these addresses, and tells what is in the store then. */
static struct told renew(struct store *store, size_t bytes, unsigned first, unsigned end,
                         int64_t now_us, bool *ret_is_changed)
{
    const struct indicators_config config = {.store = store, .sign = sign};
    struct intel_index *index = index_between(first, end);
    struct told told = {.count = 0};

    told.has_fault = index == NULL ||
                     indicators_renew(&config, "Pumps", bytes, index, now_us, ret_is_changed,
                                      NULL) != PICKET_OK ||
                     store->ops->each_shard(store, "Pumps", take, &told, NULL) != PICKET_OK ||
                     told.has_fault;
    intel_index_free(index);
    return told;
}

TEST(first_all_shards_are_made_and_then_only_what_changes)
{
    struct store *store = open_store();
    bool is_changed = false;
    struct told told = renew(store, BYTES, 0, COUNT, NOW_US, &is_changed);

    CHECK(is_changed && !told.has_fault);
    CHECK_UINT(told.count, 4);
    CHECK(told.revision[0] == NOW_S + 1 && told.revision[3] == NOW_S + 4);
    told = renew(store, BYTES, 0, COUNT, NOW_US + 1, &is_changed);
    CHECK(!is_changed && !told.has_fault && told.newest.revision == NOW_S + 4);
    told = renew(store, BYTES, 2, COUNT, NOW_US + 1, &is_changed); /* two are gone */
    CHECK(is_changed && !told.has_fault && told.newest.revision == NOW_S + 5);
    CHECK_UINT(told.count, 4);
    CHECK(told.newest.indicators.unlisted_count <= 1);
    told = renew(store, BYTES, 2, COUNT, NOW_US + 1, &is_changed);
    CHECK(!is_changed && !told.has_fault);
    store_close(store);
}

TEST(revisions_rise_whatever_the_clock_says_and_when_all_is_made_anew)
{
    struct store *store = open_store();
    bool is_changed = false;
    struct told told = renew(store, BYTES, 0, COUNT, NOW_US, &is_changed);
    uint32_t before = told.newest.revision;

    told = renew(store, BYTES, 1, COUNT, 0, &is_changed);
    CHECK(is_changed && told.newest.revision == before + 1);
    before = told.newest.revision;
    told = renew(store, BYTES / 2, 1, COUNT, 0, &is_changed);
    CHECK(is_changed && !told.has_fault);
    CHECK_UINT(told.count, 2);
    CHECK(told.revision[0] == before + 1 && told.revision[1] == before + 2);
    CHECK_UINT(told.newest.indicators.listed_count + told.newest.indicators.unlisted_count, 0);
    store_close(store);
}

TEST(a_group_without_a_size_has_none)
{
    struct store *store = open_store();
    bool is_changed = true;
    struct told told = renew(store, 0, 0, COUNT, NOW_US, &is_changed);

    CHECK(!is_changed && told.count == 0);
    told = renew(store, BYTES, 0, COUNT, NOW_US, &is_changed);
    CHECK(is_changed && told.count > 0);
    told = renew(store, 0, 0, COUNT, NOW_US, &is_changed);
    CHECK(is_changed && told.count == 0 && !told.has_fault);
    store_close(store);
}

TEST_MAIN(TEST_ROW(first_all_shards_are_made_and_then_only_what_changes),
          TEST_ROW(revisions_rise_whatever_the_clock_says_and_when_all_is_made_anew),
          TEST_ROW(a_group_without_a_size_has_none))
