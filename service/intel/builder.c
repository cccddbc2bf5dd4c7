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
    return number == 0 ? "" : texts->bytes + texts->offsets[number];
}

/** An array with room for @p more behind @p count; NULL if memory is out. */
static void *grow(void *array, size_t count, size_t more, size_t *capacity, size_t size)
{
    size_t wanted = *capacity == 0 ? TABLE_FIRST : *capacity;
    void *grown;

    if (count + more <= *capacity) {
        return array;
    }
    while (wanted < count + more) {
        wanted *= 2;
    }
    grown = pages_grow(array, *capacity * size, wanted * size);
    if (grown != NULL) {
        *capacity = wanted;
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

static void free_table(struct table *table)
{
    pages_free(table->places, table->size * sizeof(*table->places));
}

/** Makes a table twice as large if it is half full. */
static bool grow_table(struct table *table, size_t count)
{
    size_t size = table->size == 0 ? TABLE_FIRST : 2 * table->size;
    struct place *grown;

    if (2 * count < table->size) {
        return true;
    }
    grown = pages_grow(NULL, 0, size * sizeof(*grown));
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
    free_table(table);
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

/** Room for one more text, of so many bytes. */
static bool grow_texts(struct texts *texts, size_t length)
{
    char *bytes = length > UINT32_MAX - texts->length
                      ? NULL
                      : grow(texts->bytes, texts->length, length, &texts->bytes_capacity, 1);
    uint32_t *offsets;

    if (bytes == NULL) {
        return false;
    }
    texts->bytes = bytes;
    offsets = grow(texts->offsets, texts->count, 1, &texts->capacity, sizeof(*texts->offsets));
    if (offsets == NULL) {
        return false;
    }
    texts->offsets = offsets;
    return grow_table(&texts->table, texts->count);
}

/** Puts a text behind the others, where there is room; its number. */
static uint32_t put_text(struct texts *texts, const char *text, size_t length)
{
    memcpy(texts->bytes + texts->length, text, length + 1);
    texts->offsets[texts->count] = (uint32_t)texts->length;
    texts->length += length + 1;
    return (uint32_t)texts->count++;
}

static enum picket_status number_text(struct intel_builder *builder, const char *text,
                                      size_t length, uint32_t hash, uint32_t *ret)
{
    struct place *place;

    if (!grow_texts(&builder->texts, length + 1)) {
        return PICKET_E_NOMEM;
    }
    place = find_place(builder, &builder->texts.table, hash, is_text, text);
    if (place->number == 0) {
        *place =
            (struct place){.hash = hash, .number = put_text(&builder->texts, text, length) + 1};
    }
    *ret = place->number - 1;
    return PICKET_OK;
}

static enum picket_status add_text(struct intel_builder *builder, const char *text, uint32_t *ret)
{
    size_t length;

    if (text[0] == '\0') {
        *ret = 0;
        return PICKET_OK;
    }
    length = strlen(text);
    return number_text(builder, text, length, hash_of(builder, text, length), ret);
}

/** The number of these terms, which may be new. */
static enum picket_status number_terms(struct intel_builder *builder,
                                       const struct layout_terms *terms, uint32_t hash,
                                       uint32_t *ret)
{
    struct layout_terms *grown =
        grow(builder->terms, builder->terms_count, 1, &builder->terms_capacity, sizeof(*terms));
    struct place *place;

    if (grown == NULL) {
        return PICKET_E_NOMEM;
    }
    builder->terms = grown;
    if (!grow_table(&builder->terms_table, builder->terms_count)) {
        return PICKET_E_NOMEM;
    }
    place = find_place(builder, &builder->terms_table, hash, are_terms, terms);
    if (place->number == 0) {
        builder->terms[builder->terms_count++] = *terms;
        *place = (struct place){.hash = hash, .number = (uint32_t)builder->terms_count};
    }
    *ret = place->number - 1;
    return PICKET_OK;
}

enum picket_status builder_add_terms(struct intel_builder *builder,
                                     const struct layout_terms *terms, uint32_t *ret)
{
    return number_terms(builder, terms, hash_of(builder, terms, sizeof(*terms)), ret);
}

/* --- what waits --- */

static void prefetch_place(const struct table *table, uint32_t hash)
{
    if (table->size > 0) {
        __builtin_prefetch(&table->places[hash & (table->size - 1)], 1);
    }
}

static void let_text_wait(struct intel_builder *builder, const char *text, struct unnumbered *ret)
{
    *ret = (struct unnumbered){.offset = builder->waiting_texts.length};
    if (text[0] != '\0') {
        size_t length = strlen(text);

        ret->length = (uint32_t)length;
        ret->hash = hash_of(builder, text, length);
        buf_add(&builder->waiting_texts, text, length + 1);
        prefetch_place(&builder->texts.table, ret->hash);
    }
}

/** True if all but the observable is as @p before says, as it mostly is of what comes in a row. */
static bool is_repeated(const struct intel_builder *builder, const struct waiting *before,
                        const struct layout_terms *terms, const char *const texts[BUILDER_TEXTS])
{
    if (before == NULL || memcmp(&before->terms, terms, sizeof(*terms)) != 0) {
        return false;
    }
    for (size_t i = 1; i < BUILDER_TEXTS; i++) {
        const struct unnumbered *text = &before->texts[i];

        if (text->length == 0
                ? texts[i][0] != '\0'
                : strcmp(builder->waiting_texts.bytes + text->offset, texts[i]) != 0) {
            return false;
        }
    }
    return true;
}

/** Lets what has no number yet wait, behind what waits; there is room. */
static void let_wait(struct intel_builder *builder, const struct indicator *indicator)
{
    const char *const texts[BUILDER_TEXTS] = {indicator->observable.text, indicator->category,
                                              indicator->comment, indicator->reference,
                                              indicator->scope};
    struct layout_terms terms = {.listed_from_us = indicator->listed_from_us,
                                 .listed_until_us = indicator->listed_until_us,
                                 .expires_us = indicator->expires_us,
                                 .feed = builder->feed,
                                 .port = indicator->observable.port,
                                 .protocol = indicator->observable.protocol,
                                 .confidence = indicator->confidence};
    struct waiting *waiting = &builder->waiting[builder->waiting_count];

    waiting->is_repeated = is_repeated(builder, builder->said, &terms, texts);
    let_text_wait(builder, texts[0], &waiting->texts[0]);
    if (waiting->is_repeated) {
        return;
    }
    for (size_t i = 1; i < BUILDER_TEXTS; i++) {
        let_text_wait(builder, texts[i], &waiting->texts[i]);
    }
    waiting->terms = terms;
    builder->said = waiting;
}

/** Numbers the texts of what waits, and fetches the places of its terms. */
static enum picket_status settle_texts(struct intel_builder *builder, struct waiting *waiting,
                                       struct item *item)
{
    size_t count = waiting->is_repeated ? 1 : BUILDER_TEXTS;
    uint32_t numbers[BUILDER_TEXTS] = {0};

    for (size_t i = 0; i < count; i++) {
        const struct unnumbered *text = &waiting->texts[i];

        if (text->length > 0 && number_text(builder, builder->waiting_texts.bytes + text->offset,
                                            text->length, text->hash, &numbers[i]) != PICKET_OK) {
            return PICKET_E_NOMEM;
        }
    }
    if (item_family(item->key) >= FAMILY_NAME) {
        item->key |= numbers[0];
    }
    if (!waiting->is_repeated) {
        waiting->terms.category = numbers[1];
        waiting->terms.comment = numbers[2];
        waiting->terms.reference = numbers[3];
        waiting->terms.scope = numbers[4];
        waiting->terms_hash = hash_of(builder, &waiting->terms, sizeof(waiting->terms));
        prefetch_place(&builder->terms_table, waiting->terms_hash);
    }
    return PICKET_OK;
}

enum picket_status builder_settle(struct intel_builder *builder)
{
    size_t begin = builder->item_count - builder->waiting_count;
    enum picket_status status = PICKET_OK;

    builder->said = NULL;
    for (size_t i = 0; i < builder->waiting_count && status == PICKET_OK; i++) {
        status = settle_texts(builder, &builder->waiting[i], &builder->items[begin + i]);
    }
    for (size_t i = 0; i < builder->waiting_count && status == PICKET_OK; i++) {
        const struct waiting *waiting = &builder->waiting[i];
        struct item *item = &builder->items[begin + i];

        if (waiting->is_repeated) {
            item->terms = (item - 1)->terms;
        } else {
            status = number_terms(builder, &waiting->terms, waiting->terms_hash, &item->terms);
        }
    }
    if (status == PICKET_OK) {
        builder->waiting_count = 0;
        builder->waiting_texts.length = 0;
    }
    return status;
}

/* --- life --- */

static void start(struct intel_builder *builder)
{
    *builder = (struct intel_builder){.hash_key = builder->hash_key, .texts = {.count = 1}};
    buf_init(&builder->waiting_texts, SIZE_MAX);
}

static void stop(struct intel_builder *builder)
{
    struct texts *texts = &builder->texts;

    pages_free(builder->items, builder->item_capacity * sizeof(*builder->items));
    pages_free(builder->ipv6, builder->ipv6_capacity * sizeof(*builder->ipv6));
    pages_free(texts->bytes, texts->bytes_capacity);
    pages_free(texts->offsets, texts->capacity * sizeof(*texts->offsets));
    free_table(&texts->table);
    pages_free(builder->terms, builder->terms_capacity * sizeof(*builder->terms));
    free_table(&builder->terms_table);
    buf_deinit(&builder->waiting_texts);
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
        grow(builder->ipv6, builder->ipv6_count, 1, &builder->ipv6_capacity, sizeof(*ipv6));

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

/** The key of an item, for a text all but its number. */
static enum picket_status read_observable(struct intel_builder *builder,
                                          const struct observable *observable, uint64_t *ret_key)
{
    static const uint8_t families[] = {[OBSERVABLE_NAME] = FAMILY_NAME,
                                       [OBSERVABLE_CERTIFICATE] = FAMILY_CERTIFICATE,
                                       [OBSERVABLE_TLS_CLIENT] = FAMILY_TLS_CLIENT};
    const struct prefix *prefix = &observable->prefix;
    uint64_t number;
    enum picket_status status;

    if (observable->kind != OBSERVABLE_ADDRESS) {
        *ret_key = item_key_text(families[observable->kind], strlen(observable->text),
                                 observable->only_subdomains);
        return PICKET_OK;
    }
    if (prefix->length >= 96 && address_is_ipv4(&prefix->address)) {
        *ret_key = item_key_ipv4(FAMILY_IPV4, (uint32_t)read_number(prefix->address.bytes + 12, 4),
                                 prefix->length - 96u);
        return PICKET_OK;
    }
    status = add_ipv6(builder, prefix, &number);
    if (status == PICKET_OK) {
        *ret_key = item_key(FAMILY_IPV6, number);
    }
    return status;
}

enum picket_status intel_add(struct intel_builder *builder, const struct indicator *indicator)
{
    enum picket_status status = PICKET_OK;
    struct item *items;
    uint64_t key;

    assert(builder->feed_count > 0);
    if (builder->item_count == INTEL_RECORDS_MAX) {
        return PICKET_E_LIMIT;
    }
    if (builder->waiting_count == BUILDER_WAITING) {
        status = builder_settle(builder);
    }
    if (status != PICKET_OK) {
        return status;
    }
    items = grow(builder->items, builder->item_count, 1, &builder->item_capacity, sizeof(*items));
    if (items == NULL) {
        return PICKET_E_NOMEM;
    }
    builder->items = items;
    status = read_observable(builder, &indicator->observable, &key);
    if (status != PICKET_OK) {
        return status;
    }
    let_wait(builder, indicator);
    if (builder->waiting_texts.is_failed) {
        return PICKET_E_NOMEM;
    }
    items[builder->item_count++] = (struct item){.key = key, .line = indicator->line};
    builder->waiting_count++;
    return PICKET_OK;
}

size_t intel_builder_count(const struct intel_builder *builder)
{
    return builder->item_count;
}

void intel_builder_cut(struct intel_builder *builder, size_t count)
{
    size_t less = count < builder->item_count ? builder->item_count - count : 0;

    for (size_t i = builder->item_count - less; i < builder->item_count; i++) {
        builder->ipv6_count -= item_family(builder->items[i].key) == FAMILY_IPV6;
    }
    builder->item_count -= less;
    builder->waiting_count -= less < builder->waiting_count ? less : builder->waiting_count;
    builder->said = NULL;
    if (builder->waiting_count == 0) {
        builder->waiting_texts.length = 0;
    }
}
