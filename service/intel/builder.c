/* SPDX-License-Identifier: MIT */
#include "intel/builder.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/pages.h"
#include "intel/hashing.h"

#define TABLE_FIRST 1024u

const char *texts_get(const struct texts *texts, uint32_t number)
{
    return number == 0 ? "" : texts->bytes.bytes + texts->offsets[number];
}

/** An array with room for one more, made twice as large if it is full; NULL if memory is out. */
static void *grow(void *array, size_t count, size_t *capacity, size_t size)
{
    size_t wanted = *capacity == 0 ? TABLE_FIRST : 2 * *capacity;
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

/* --- tables of numbers, open addressing --- */

typedef uint64_t hash_function(const struct intel_builder *builder, uint32_t number);

/** Makes a table twice as large if it is half full; the numbers in it are those below @p count. */
static bool grow_table(const struct intel_builder *builder, hash_function *hash, uint32_t **table,
                       size_t *table_size, size_t count)
{
    size_t size = *table_size == 0 ? TABLE_FIRST : 2 * *table_size;
    uint32_t *grown;

    if (2 * count < *table_size) {
        return true;
    }
    grown = calloc(size, sizeof(*grown));
    if (grown == NULL) {
        return false;
    }
    for (uint32_t number = 0; number < count; number++) {
        size_t place = hash(builder, number) & (size - 1);

        while (grown[place] != 0) {
            place = (place + 1) & (size - 1);
        }
        grown[place] = number + 1;
    }
    free(*table);
    *table = grown;
    *table_size = size;
    return true;
}

static uint64_t hash_text(const struct intel_builder *builder, uint32_t number)
{
    const char *text = texts_get(&builder->texts, number);

    return hashing_run(text, strlen(text), builder->hash_key);
}

static uint64_t hash_terms(const struct intel_builder *builder, uint32_t number)
{
    return hashing_run((const char *)&builder->terms[number], sizeof(*builder->terms),
                       builder->hash_key);
}

/* --- texts and terms --- */

static enum picket_status add_text(struct intel_builder *builder, const char *text, uint32_t *ret)
{
    struct texts *texts = &builder->texts;
    size_t length = strlen(text), place;
    uint32_t *offsets;

    if (length == 0) {
        *ret = 0;
        return PICKET_OK;
    }
    offsets = grow(texts->offsets, texts->count, &texts->capacity, sizeof(*offsets));
    if (offsets == NULL) {
        return PICKET_E_NOMEM;
    }
    texts->offsets = offsets;
    if (!grow_table(builder, hash_text, &texts->table, &texts->table_size, texts->count)) {
        return PICKET_E_NOMEM;
    }
    place = hashing_run(text, length, builder->hash_key) & (texts->table_size - 1);
    for (; texts->table[place] != 0; place = (place + 1) & (texts->table_size - 1)) {
        if (strcmp(texts_get(texts, texts->table[place] - 1), text) == 0) {
            *ret = texts->table[place] - 1;
            return PICKET_OK;
        }
    }
    texts->offsets[texts->count] = (uint32_t)texts->bytes.length;
    buf_add(&texts->bytes, text, length + 1);
    if (texts->bytes.is_failed) {
        return PICKET_E_NOMEM;
    }
    *ret = (uint32_t)texts->count++;
    texts->table[place] = *ret + 1;
    return PICKET_OK;
}

enum picket_status builder_add_terms(struct intel_builder *builder,
                                     const struct layout_terms *terms, uint32_t *ret)
{
    struct layout_terms *grown;
    size_t place, mask;

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
    if (!grow_table(builder, hash_terms, &builder->terms_table, &builder->terms_table_size,
                    builder->terms_count)) {
        return PICKET_E_NOMEM;
    }
    mask = builder->terms_table_size - 1;
    place = hashing_run((const char *)terms, sizeof(*terms), builder->hash_key) & mask;
    for (; builder->terms_table[place] != 0; place = (place + 1) & mask) {
        uint32_t number = builder->terms_table[place] - 1;

        if (memcmp(&builder->terms[number], terms, sizeof(*terms)) == 0) {
            *ret = builder->terms_last = number;
            return PICKET_OK;
        }
    }
    builder->terms_last = (uint32_t)builder->terms_count;
    builder->terms[builder->terms_count++] = *terms;
    builder->terms_table[place] = (uint32_t)builder->terms_count;
    *ret = builder->terms_last;
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
    buf_deinit(&builder->texts.bytes);
    free(builder->texts.offsets);
    free(builder->texts.table);
    free(builder->terms);
    free(builder->terms_table);
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

static enum picket_status read_observable(struct intel_builder *builder,
                                          const struct observable *observable, struct item *item)
{
    static const uint8_t families[] = {[OBSERVABLE_NAME] = FAMILY_NAME,
                                       [OBSERVABLE_CERTIFICATE] = FAMILY_CERTIFICATE,
                                       [OBSERVABLE_TLS_CLIENT] = FAMILY_TLS_CLIENT};
    const struct prefix *prefix = &observable->prefix;
    enum picket_status status;
    uint32_t number;

    if (observable->kind != OBSERVABLE_ADDRESS) {
        assert(strlen(observable->text) < OBSERVABLE_TEXT_MAX);
        item->family = families[observable->kind];
        item->length = (uint8_t)strlen(observable->text);
        item->only_subdomains = observable->only_subdomains;
        status = add_text(builder, observable->text, &number);
        item->low = status == PICKET_OK ? number : 0;
        return status;
    }
    if (prefix->length >= 96 && address_is_ipv4(&prefix->address)) {
        item->family = FAMILY_IPV4;
        item->length = (uint8_t)(prefix->length - 96);
        item->high = read_number(prefix->address.bytes + 12, 4) << 32u;
        return PICKET_OK;
    }
    item->family = FAMILY_IPV6;
    item->length = prefix->length;
    item->high = read_number(prefix->address.bytes, 8);
    item->low = read_number(prefix->address.bytes + 8, 8);
    return PICKET_OK;
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
    struct item item = {.line = indicator->line};
    struct item *items;
    enum picket_status status;

    assert(builder->feed_count > 0);
    if (builder->item_count == INTEL_RECORDS_MAX) {
        return PICKET_E_LIMIT;
    }
    items = grow(builder->items, builder->item_count, &builder->item_capacity, sizeof(item));
    if (items == NULL) {
        return PICKET_E_NOMEM;
    }
    builder->items = items;
    status = read_observable(builder, &indicator->observable, &item);
    if (status == PICKET_OK) {
        status = read_terms(builder, indicator, &item.terms);
    }
    if (status == PICKET_OK) {
        builder->items[builder->item_count++] = item;
    }
    return status;
}

size_t intel_builder_count(const struct intel_builder *builder)
{
    return builder->item_count;
}

void intel_builder_cut(struct intel_builder *builder, size_t count)
{
    builder->item_count = count < builder->item_count ? count : builder->item_count;
}
