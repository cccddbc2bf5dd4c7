/* SPDX-License-Identifier: MIT */
#include "intel/builder.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/pages.h"
#include "intel/hashing.h"

#define TABLE_FIRST 1024u
#define GROWTH      8u          /* of arrays while that takes */
#define GROWTH_MAX  (1u << 19u) /* elements; then they double */

const char *texts_get(const struct texts *texts, uint32_t number)
{
    return number == 0 ? "" : texts->bytes.bytes + texts->offsets[number];
}

/**
 * An array with room for one more, made larger if it is full; NULL if memory is out. What is
 * not used of it costs nothing, while each copy is of memory that was not touched yet.
 */
static void *grow(void *array, size_t count, size_t *capacity, size_t size)
{
    size_t wanted =
        *capacity == 0 ? TABLE_FIRST : *capacity * (*capacity < GROWTH_MAX ? GROWTH : 2);
    void *grown;

    if (count < *capacity) {
        return array;
    }
    grown = realloc(array, wanted * size);
    if (grown != NULL) {
        *capacity = wanted;
        pages_prefer_large(grown, wanted * size);
    }
    return grown;
}

/* --- tables --- */

/** True if the thing of this number is @p wanted. */
typedef bool is_wanted(const struct intel_builder *builder, uint32_t number, const void *wanted);

static uint32_t hash_of(const struct intel_builder *builder, const void *bytes, size_t length)
{
    return (uint32_t)(hashing_run(bytes, length, builder->hash_key) >> 32u);
}

/** Makes a table twice as large if it is half full. */
static bool grow_table(struct table *table, size_t count)
{
    size_t size = table->size == 0 ? TABLE_FIRST : 2 * table->size;
    struct place *grown;

    if (2 * count < table->size) {
        return true;
    }
    grown = calloc(size, sizeof(*grown));
    if (grown == NULL) {
        return false;
    }
    pages_prefer_large(grown, size * sizeof(*grown));
    for (size_t i = 0; i < table->size; i++) {
        size_t at = table->places[i].hash & (size - 1);

        if (table->places[i].number == 0) {
            continue;
        }
        while (grown[at].number != 0) {
            at = (at + 1) & (size - 1);
        }
        grown[at] = table->places[i];
    }
    free(table->places);
    *table = (struct table){.places = grown, .size = size};
    return true;
}

/** The place of what is wanted, or the free one where it would be. */
static struct place *find_place(const struct intel_builder *builder, const struct table *table,
                                uint32_t hash, is_wanted *is_it, const void *wanted)
{
    size_t at = hash & (table->size - 1);

    while (
        table->places[at].number != 0 &&
        (table->places[at].hash != hash || !is_it(builder, table->places[at].number - 1, wanted))) {
        at = (at + 1) & (table->size - 1);
    }
    return &table->places[at];
}

static bool is_text(const struct intel_builder *builder, uint32_t number, const void *wanted)
{
    return strcmp(texts_get(&builder->texts, number), wanted) == 0;
}

static bool are_terms(const struct intel_builder *builder, uint32_t number, const void *wanted)
{
    return memcmp(&builder->terms[number], wanted, sizeof(*builder->terms)) == 0;
}

/* --- texts and terms --- */

static enum picket_status number_text(struct intel_builder *builder, const char *text,
                                      uint32_t hash, uint32_t *ret)
{
    struct texts *texts = &builder->texts;
    uint32_t *offsets =
        grow(texts->offsets, texts->count, &texts->capacity, sizeof(*texts->offsets));
    struct place *place;

    if (offsets == NULL) {
        return PICKET_E_NOMEM;
    }
    texts->offsets = offsets;
    if (!grow_table(&texts->table, texts->count)) {
        return PICKET_E_NOMEM;
    }
    place = find_place(builder, &texts->table, hash, is_text, text);
    if (place->number == 0) {
        texts->offsets[texts->count] = (uint32_t)texts->bytes.length;
        buf_add(&texts->bytes, text, strlen(text) + 1);
        if (texts->bytes.is_failed) {
            return PICKET_E_NOMEM;
        }
        *place = (struct place){.hash = hash, .number = (uint32_t)++texts->count};
    }
    *ret = place->number - 1;
    return PICKET_OK;
}

static enum picket_status add_text(struct intel_builder *builder, const char *text, uint32_t *ret)
{
    if (text[0] == '\0') {
        *ret = 0;
        return PICKET_OK;
    }
    return number_text(builder, text, hash_of(builder, text, strlen(text)), ret);
}

/** Numbers the text that has waited longest. */
static enum picket_status settle_first(struct intel_builder *builder)
{
    const struct waiting *first = &builder->waiting[builder->waiting_begin % BUILDER_WAITING];
    uint32_t number;
    enum picket_status status = number_text(builder, first->text, first->hash, &number);

    if (status == PICKET_OK) {
        builder->items[first->item].key |= number;
        builder->waiting_begin++;
    }
    return status;
}

enum picket_status builder_settle(struct intel_builder *builder)
{
    enum picket_status status = PICKET_OK;

    while (builder->waiting_begin < builder->waiting_end && status == PICKET_OK) {
        status = settle_first(builder);
    }
    return status;
}

/** Lets the text of the item that is added next wait. */
static enum picket_status wait_for_number(struct intel_builder *builder, const char *text,
                                          size_t length)
{
    const struct table *table = &builder->texts.table;
    struct waiting *last = &builder->waiting[builder->waiting_end % BUILDER_WAITING];

    if (builder->waiting_end - builder->waiting_begin == BUILDER_WAITING) {
        enum picket_status status = settle_first(builder);

        if (status != PICKET_OK) {
            return status;
        }
    }
    memcpy(last->text, text, length + 1);
    last->hash = hash_of(builder, text, length);
    last->item = (uint32_t)builder->item_count;
    builder->waiting_end++;
    if (table->size > 0) {
        __builtin_prefetch(&table->places[last->hash & (table->size - 1)], 1);
    }
    return PICKET_OK;
}

enum picket_status builder_add_terms(struct intel_builder *builder,
                                     const struct layout_terms *terms, uint32_t *ret)
{
    struct layout_terms *grown;
    struct place *place;
    uint32_t hash;

    /* what comes in a row mostly says the same */
    if (builder->terms_count > 0 &&
        memcmp(&builder->terms[builder->terms_last], terms, sizeof(*terms)) == 0) {
        *ret = builder->terms_last;
        return PICKET_OK;
    }
    grown = grow(builder->terms, builder->terms_count, &builder->terms_capacity, sizeof(*terms));
    if (grown == NULL) {
        return PICKET_E_NOMEM;
    }
    builder->terms = grown;
    if (!grow_table(&builder->terms_table, builder->terms_count)) {
        return PICKET_E_NOMEM;
    }
    hash = hash_of(builder, terms, sizeof(*terms));
    place = find_place(builder, &builder->terms_table, hash, are_terms, terms);
    if (place->number == 0) {
        builder->terms[builder->terms_count++] = *terms;
        *place = (struct place){.hash = hash, .number = (uint32_t)builder->terms_count};
    }
    *ret = builder->terms_last = place->number - 1;
    return PICKET_OK;
}

/* --- life --- */

static void start(struct intel_builder *builder)
{
    *builder = (struct intel_builder){.hash_key = builder->hash_key, .texts = {.count = 1}};
    buf_init(&builder->texts.bytes, UINT32_MAX);
}

static void stop(struct intel_builder *builder)
{
    free(builder->items);
    free(builder->ipv6);
    buf_deinit(&builder->texts.bytes);
    free(builder->texts.offsets);
    free(builder->texts.table.places);
    free(builder->terms);
    free(builder->terms_table.places);
    free(builder->feeds);
}

void builder_reset(struct intel_builder *builder)
{
    stop(builder);
    start(builder);
}

struct intel_builder *intel_builder_new(void)
{
    struct intel_builder *builder = calloc(1, sizeof(*builder));

    if (builder == NULL) {
        return NULL;
    }
    /* what is built does not depend on it, and without it a build is only easier to slow down */
    (void)!getrandom(&builder->hash_key, sizeof(builder->hash_key), GRND_NONBLOCK);
    start(builder);
    return builder;
}

void intel_builder_free(struct intel_builder *builder)
{
    if (builder != NULL) {
        stop(builder);
        free(builder);
    }
}

/* --- adding --- */

enum picket_status intel_begin_feed(struct intel_builder *builder, const struct intel_feed *feed)
{
    struct layout_feed terms = {.half_life_us = feed->half_life_us,
                                .role = (uint8_t)feed->role,
                                .confidence = feed->confidence};
    struct layout_feed *feeds;

    if (add_text(builder, feed->name, &terms.name) != PICKET_OK ||
        add_text(builder, feed->source, &terms.source) != PICKET_OK ||
        add_text(builder, feed->licence, &terms.licence) != PICKET_OK ||
        add_text(builder, feed->category, &terms.category) != PICKET_OK) {
        return PICKET_E_NOMEM;
    }
    for (size_t i = 0; i < builder->feed_count; i++) {
        if (builder->feeds[i].name == terms.name) {
            builder->feed = (uint16_t)i;
            return PICKET_OK;
        }
    }
    if (builder->feed_count == INTEL_FEEDS_MAX) {
        return PICKET_E_LIMIT;
    }
    feeds = realloc(builder->feeds, (builder->feed_count + 1) * sizeof(*feeds));
    if (feeds == NULL) {
        return PICKET_E_NOMEM;
    }
    builder->feeds = feeds;
    builder->feed = (uint16_t)builder->feed_count;
    feeds[builder->feed_count++] = terms;
    return PICKET_OK;
}

static uint64_t read_number(const uint8_t *bytes, size_t length)
{
    uint64_t number = 0;

    for (size_t i = 0; i < length; i++) {
        number = number << 8u | bytes[i];
    }
    return number;
}

/** Keeps an IPv6 prefix, and gives its number. */
static enum picket_status add_ipv6(struct intel_builder *builder, const struct prefix *prefix,
                                   uint64_t *ret_number)
{
    struct item_ipv6 *ipv6 =
        grow(builder->ipv6, builder->ipv6_count, &builder->ipv6_capacity, sizeof(*ipv6));

    if (ipv6 == NULL) {
        return PICKET_E_NOMEM;
    }
    builder->ipv6 = ipv6;
    ipv6[builder->ipv6_count] = (struct item_ipv6){.high = read_number(prefix->address.bytes, 8),
                                                   .low = read_number(prefix->address.bytes + 8, 8),
                                                   .length = prefix->length};
    *ret_number = builder->ipv6_count++;
    return PICKET_OK;
}

static enum picket_status read_observable(struct intel_builder *builder,
                                          const struct observable *observable, struct item *item)
{
    static const uint8_t families[] = {[OBSERVABLE_NAME] = FAMILY_NAME,
                                       [OBSERVABLE_CERTIFICATE] = FAMILY_CERTIFICATE,
                                       [OBSERVABLE_TLS_CLIENT] = FAMILY_TLS_CLIENT};
    const struct prefix *prefix = &observable->prefix;
    uint64_t number;
    enum picket_status status;

    if (observable->kind != OBSERVABLE_ADDRESS) {
        size_t length = strlen(observable->text);

        assert(length < OBSERVABLE_TEXT_MAX);
        item->key = item_key_text(families[observable->kind], length, observable->only_subdomains);
        return wait_for_number(builder, observable->text, length);
    }
    if (prefix->length >= 96 && address_is_ipv4(&prefix->address)) {
        item->key = item_key_ipv4(FAMILY_IPV4, (uint32_t)read_number(prefix->address.bytes + 12, 4),
                                  prefix->length - 96u);
        return PICKET_OK;
    }
    status = add_ipv6(builder, prefix, &number);
    if (status == PICKET_OK) {
        item->key = item_key(FAMILY_IPV6, number);
    }
    return status;
}

static enum picket_status read_terms(struct intel_builder *builder,
                                     const struct indicator *indicator, uint32_t *ret)
{
    struct layout_terms terms = {.listed_from_us = indicator->listed_from_us,
                                 .listed_until_us = indicator->listed_until_us,
                                 .expires_us = indicator->expires_us,
                                 .feed = builder->feed,
                                 .port = indicator->observable.port,
                                 .protocol = indicator->observable.protocol,
                                 .confidence = indicator->confidence};

    if (add_text(builder, indicator->category, &terms.category) != PICKET_OK ||
        add_text(builder, indicator->comment, &terms.comment) != PICKET_OK ||
        add_text(builder, indicator->reference, &terms.reference) != PICKET_OK ||
        add_text(builder, indicator->scope, &terms.scope) != PICKET_OK) {
        return PICKET_E_NOMEM;
    }
    return builder_add_terms(builder, &terms, ret);
}

enum picket_status intel_add(struct intel_builder *builder, const struct indicator *indicator)
{
    struct item *items, *item;
    enum picket_status status;

    assert(builder->feed_count > 0);
    if (builder->item_count == INTEL_RECORDS_MAX) {
        return PICKET_E_LIMIT;
    }
    items = grow(builder->items, builder->item_count, &builder->item_capacity, sizeof(*items));
    if (items == NULL) {
        return PICKET_E_NOMEM;
    }
    builder->items = items;
    item = &items[builder->item_count];
    item->line = indicator->line;
    status = read_terms(builder, indicator, &item->terms);
    if (status == PICKET_OK) {
        /* last, as from now on its text waits for an item */
        status = read_observable(builder, &indicator->observable, item);
    }
    builder->item_count += status == PICKET_OK;
    return status;
}

size_t intel_builder_count(const struct intel_builder *builder)
{
    return builder->item_count;
}

void intel_builder_cut(struct intel_builder *builder, size_t count)
{
    while (builder->item_count > count) {
        uint64_t key = builder->items[--builder->item_count].key;

        builder->ipv6_count -= item_family(key) == FAMILY_IPV6;
    }
    while (builder->waiting_end > builder->waiting_begin &&
           builder->waiting[(builder->waiting_end - 1) % BUILDER_WAITING].item >=
               builder->item_count) {
        builder->waiting_end--;
    }
}
