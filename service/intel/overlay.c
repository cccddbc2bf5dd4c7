/* SPDX-License-Identifier: MIT */
#include "intel/overlay.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "intel/hashing.h"
#include "intel/overlay_key.h"

#define SLOTS_MIN       2048u
#define FEEDS_MAX       (INTEL_FEEDS_MAX + 1u)
#define WASTE_TOLERATED 1024u

/* --- life --- */

static size_t slots_for(size_t entry_count)
{
    size_t count = SLOTS_MIN;

    while (count < 2 * entry_count) {
        count *= 2;
    }
    return count;
}

static struct overlay_marks *marks_new(const struct image *image)
{
    const struct trie *trie = image_ipv4(image);
    size_t bytes = trie->summary_count * sizeof(*trie->summary);
    struct overlay_marks *marks = calloc(1, sizeof(*marks) + bytes);

    if (marks != NULL) {
        atomic_init(&marks->holders, 1);
        marks->summary_count = trie->summary_count;
        marks->summary_shift = trie->summary_shift;
        memcpy(marks->summary, trie->summary, bytes);
    }
    return marks;
}

static struct overlay_marks *marks_hold(struct overlay_marks *marks)
{
    atomic_fetch_add_explicit(&marks->holders, 1, memory_order_relaxed);
    return marks;
}

static void marks_drop(struct overlay_marks *marks)
{
    if (marks != NULL && atomic_fetch_sub_explicit(&marks->holders, 1, memory_order_acq_rel) == 1) {
        free(marks);
    }
}

/** Room for what is known of the number of things; the arrays are not set. Takes the marks. */
static struct overlay *allocate(uint64_t seed, size_t entries, size_t records, size_t slots,
                                struct overlay_marks *marks)
{
    struct overlay *overlay = calloc(1, sizeof(*overlay));

    if (overlay == NULL) {
        marks_drop(marks);
        return NULL;
    }
    overlay->seed = seed;
    overlay->tail_min = OVERLAY_TAIL_MAX;
    overlay->entry_capacity = entries;
    overlay->record_capacity = records + 1;
    overlay->slot_count = slots;
    overlay->entries = malloc((entries + 1) * sizeof(*overlay->entries));
    overlay->records = malloc((records + 1) * sizeof(*overlay->records));
    overlay->slots = calloc(slots, sizeof(*overlay->slots));
    overlay->marks = marks;
    buf_init(&overlay->texts, OVERLAY_TEXTS_MAX);
    if (overlay->entries == NULL || overlay->records == NULL || overlay->slots == NULL ||
        overlay->marks == NULL) {
        overlay_free(overlay);
        return NULL;
    }
    return overlay;
}

struct overlay *overlay_new(const struct image *image, size_t more)
{
    struct overlay *overlay;
    struct intel_stats stats;

    image_get_stats(image, &stats);
    overlay = allocate(stats.build_id, more, more, slots_for(more), marks_new(image));
    if (overlay != NULL) {
        buf_add(&overlay->texts, "", 1);
        if (overlay->texts.is_failed) {
            overlay_free(overlay);
            overlay = NULL;
        }
    }
    return overlay;
}

void overlay_free(struct overlay *overlay)
{
    if (overlay != NULL) {
        free(overlay->entries);
        free(overlay->records);
        free(overlay->feeds);
        buf_deinit(&overlay->texts);
        free(overlay->slots);
        marks_drop(overlay->marks);
        free(overlay);
    }
}

/* --- keys --- */

static bool is_entry(const struct overlay *overlay, const struct overlay_entry *entry,
                     const struct overlay_key *key)
{
    return entry->high == key->high && entry->low == key->low && entry->kind == key->kind &&
           entry->length == key->length && entry->only_subdomains == key->only_subdomains &&
           (key->kind == OBSERVABLE_ADDRESS ||
            strcmp(overlay->texts.bytes + entry->text, key->text) == 0);
}

uint32_t overlay_find_key(const struct overlay *overlay, const struct overlay_key *key)
{
    size_t mask = overlay->slot_count - 1, place = key->mark & mask;

    for (; overlay->slots[place].entry != 0; place = (place + 1) & mask) {
        const struct overlay_slot *slot = &overlay->slots[place];

        if (slot->mark == key->mark && is_entry(overlay, &overlay->entries[slot->entry - 1], key)) {
            return slot->entry;
        }
    }
    return 0;
}

uint32_t overlay_find(const struct overlay *overlay, const struct observable *observable)
{
    struct overlay_key key = overlay_key(observable, overlay->seed);

    return overlay_find_key(overlay, &key);
}

static void add_slot(struct overlay *overlay, uint32_t mark, uint32_t entry)
{
    size_t mask = overlay->slot_count - 1, place = mark & mask;

    while (overlay->slots[place].entry != 0) {
        place = (place + 1) & mask;
    }
    overlay->slots[place] = (struct overlay_slot){mark, entry};
}

struct observable overlay_observable(const struct overlay *overlay, uint32_t entry)
{
    const struct overlay_entry *found = &overlay->entries[entry - 1];
    struct observable observable = {.kind = (enum observable_kind)found->kind,
                                    .only_subdomains = found->only_subdomains != 0,
                                    .text = overlay->texts.bytes + found->text};

    if (observable.kind == OBSERVABLE_ADDRESS) {
        uint64_t high = __builtin_bswap64(found->high), low = __builtin_bswap64(found->low);

        memcpy(observable.prefix.address.bytes, &high, sizeof(high));
        memcpy(observable.prefix.address.bytes + 8, &low, sizeof(low));
        observable.prefix.length = found->length;
    }
    return observable;
}

/* --- the bitmaps --- */

/** Writes only what is new, so that who reads need not fetch the rest again. */
static void set_bit(uint64_t *bits, uint32_t bit)
{
    if (!trie_has_mark(bits, bit)) {
        (void)__atomic_fetch_or(&bits[bit / 64], UINT64_C(1) << bit % 64, __ATOMIC_RELAXED);
    }
}

static void mark_ipv4(struct overlay_marks *marks, const struct overlay_key *key)
{
    uint64_t first = (uint32_t)key->low, end = first + (UINT64_C(1) << (128 - key->length));

    for (uint64_t line = first >> 16u; line << 16u < end; line++) {
        set_bit(marks->lines, (uint32_t)line);
    }
    for (uint64_t bit = first >> marks->summary_shift;
         bit << marks->summary_shift < end && bit / 64 < marks->summary_count; bit++) {
        set_bit(marks->summary, (uint32_t)bit);
    }
}

static void mark(struct overlay *overlay, const struct overlay_key *key)
{
    bool is_ipv4 = overlay_key_is_ipv4(key);
    size_t count;
    uint32_t begin = overlay_place(key, &count);

    if (key->kind == OBSERVABLE_ADDRESS) {
        struct overlay_lengths *lengths = is_ipv4 ? &overlay->ipv4_lengths : &overlay->ipv6_lengths;
        unsigned bit = 128u - key->length;

        lengths->bits[bit / 64] |= UINT64_C(1) << bit % 64;
        overlay->levels |= is_ipv4 ? 0 : 1u << overlay_level_of(key->length);
    } else if (key->kind == OBSERVABLE_NAME && key->text_length < overlay->tail_min) {
        overlay->tail_min = (unsigned)key->text_length;
    }
    if (is_ipv4) {
        mark_ipv4(overlay->marks, key);
    }
    for (size_t i = 0; i < count && i < OVERLAY_PLACES; i++) {
        set_bit(overlay->marks->places, (begin + (uint32_t)i) % OVERLAY_PLACES);
    }
}

/* --- adding --- */

/** The offset of a text; that of @p previous if it says the same. */
static uint32_t add_text(struct overlay *overlay, const char *text, uint32_t previous)
{
    size_t offset = overlay->texts.length;

    if (*text == '\0') {
        return 0;
    }
    if (strcmp(overlay->texts.bytes + previous, text) == 0) {
        return previous;
    }
    buf_add(&overlay->texts, text, strlen(text) + 1);
    return (uint32_t)offset;
}

static enum picket_status find_feed(struct overlay *overlay, const struct intel_feed *feed,
                                    uint16_t *ret)
{
    struct overlay_feed *feeds;

    for (size_t i = overlay->feed_count; i-- > 0;) {
        if (strcmp(overlay->texts.bytes + overlay->feeds[i].name, feed->name) == 0) {
            *ret = (uint16_t)i;
            return PICKET_OK;
        }
    }
    if (overlay->feed_count == FEEDS_MAX) {
        return PICKET_E_LIMIT;
    }
    feeds = realloc(overlay->feeds, (overlay->feed_count + 1) * sizeof(*feeds));
    if (feeds == NULL) {
        return PICKET_E_NOMEM;
    }
    overlay->feeds = feeds;
    feeds[overlay->feed_count] =
        (struct overlay_feed){.name = add_text(overlay, feed->name, 0),
                              .source = add_text(overlay, feed->source, 0),
                              .licence = add_text(overlay, feed->licence, 0),
                              .category = add_text(overlay, feed->category, 0),
                              .role = (uint8_t)feed->role,
                              .confidence = feed->confidence,
                              .half_life_us = feed->half_life_us};
    *ret = (uint16_t)overlay->feed_count++;
    return overlay->texts.is_failed ? PICKET_E_NOMEM : PICKET_OK;
}

enum picket_status overlay_add_entry(struct overlay *overlay, const struct observable *observable,
                                     image_entry image, uint32_t *ret)
{
    struct overlay_key key = overlay_key(observable, overlay->seed);
    uint32_t entry = (uint32_t)overlay->entry_count + 1;

    assert(overlay->entry_count < overlay->entry_capacity);
    overlay->entries[entry - 1] = (struct overlay_entry){.high = key.high,
                                                         .low = key.low,
                                                         .text = add_text(overlay, key.text, 0),
                                                         .image = image,
                                                         .kind = key.kind,
                                                         .only_subdomains = key.only_subdomains,
                                                         .length = key.length};
    if (overlay->texts.is_failed) {
        return PICKET_E_NOMEM;
    }
    overlay->entry_count++;
    overlay->waste += image == 0;
    overlay->gained[key.kind] -= image != 0;
    add_slot(overlay, key.mark, entry);
    mark(overlay, &key);
    *ret = entry;
    return PICKET_OK;
}

/** Where the number of a record stands: that of this feed, port and scope, or the chain's end. */
static uint32_t *find_place(struct overlay *overlay, uint32_t entry, const char *feed,
                            const struct indicator *indicator)
{
    const char *texts = overlay->texts.bytes;
    uint32_t *place = &overlay->entries[entry - 1].first;

    while (*place != 0) {
        struct overlay_record *record = &overlay->records[*place - 1];

        if (record->port == indicator->observable.port &&
            record->protocol == indicator->observable.protocol &&
            strcmp(texts + record->scope, indicator->scope) == 0 &&
            strcmp(texts + overlay->feeds[record->feed].name, feed) == 0) {
            return place;
        }
        place = &record->next;
    }
    return place;
}

static enum picket_status make_record(struct overlay *overlay, const struct intel_feed *feed,
                                      const struct indicator *indicator, struct overlay_record *ret)
{
    static const struct overlay_record nothing = {0};
    const struct overlay_record *last =
        overlay->record_count == 0 ? &nothing : &overlay->records[overlay->record_count - 1];
    uint16_t number;
    enum picket_status status = find_feed(overlay, feed, &number);

    if (status != PICKET_OK) {
        return status;
    }
    *ret = (struct overlay_record){
        .listed_from_us = indicator->listed_from_us,
        .listed_until_us = indicator->listed_until_us,
        .expires_us = indicator->expires_us,
        .category = add_text(overlay, indicator->category, last->category),
        .comment = add_text(overlay, indicator->comment, last->comment),
        .reference = add_text(overlay, indicator->reference, last->reference),
        .scope = add_text(overlay, indicator->scope, last->scope),
        .line = indicator->line,
        .feed = number,
        .port = indicator->observable.port,
        .protocol = indicator->observable.protocol,
        .confidence = indicator->confidence};
    return overlay->texts.is_failed ? PICKET_E_NOMEM : PICKET_OK;
}

static bool grow_records(struct overlay *overlay)
{
    struct overlay_record *grown;

    if (overlay->record_count < overlay->record_capacity) {
        return true;
    }
    grown = realloc(overlay->records, 2 * overlay->record_capacity * sizeof(*grown));
    if (grown == NULL) {
        return false;
    }
    overlay->records = grown;
    overlay->record_capacity *= 2;
    return true;
}

enum picket_status overlay_put(struct overlay *overlay, uint32_t entry,
                               const struct intel_feed *feed, const struct indicator *indicator)
{
    struct overlay_entry *owner = &overlay->entries[entry - 1];
    struct overlay_record record;
    uint32_t *place;
    enum picket_status status = make_record(overlay, feed, indicator, &record);

    if (status != PICKET_OK) {
        return status;
    }
    if (!grow_records(overlay)) {
        return PICKET_E_NOMEM;
    }
    record.entry = entry;
    place = find_place(overlay, entry, feed->name, indicator);
    if (*place != 0) {
        record.next = overlay->records[*place - 1].next;
        overlay->records[*place - 1] = record;
        overlay->waste++; /* its texts */
        return PICKET_OK;
    }
    if (owner->first == 0) {
        overlay->gained[owner->kind]++;
        overlay->waste -= owner->image == 0;
    }
    overlay->gained_records++;
    *place = (uint32_t)overlay->record_count + 1;
    overlay->records[overlay->record_count++] = record;
    return PICKET_OK;
}

void overlay_remove(struct overlay *overlay, uint32_t entry, const char *feed,
                    const struct indicator *indicator)
{
    struct overlay_entry *owner = &overlay->entries[entry - 1];
    uint32_t *place = find_place(overlay, entry, feed, indicator);

    if (*place == 0) {
        return;
    }
    *place = overlay->records[*place - 1].next;
    overlay->gained_records--;
    overlay->waste++;
    if (owner->first == 0) {
        overlay->gained[owner->kind]--;
        overlay->waste += owner->image == 0;
    }
}

/* --- reading --- */

struct intel_feed overlay_feed_of(const struct overlay *overlay, uint32_t record)
{
    const struct overlay_feed *feed = &overlay->feeds[overlay->records[record - 1].feed];
    const char *texts = overlay->texts.bytes;

    return (struct intel_feed){.name = texts + feed->name,
                               .source = texts + feed->source,
                               .licence = texts + feed->licence,
                               .category = texts + feed->category,
                               .role = (enum indicator_role)feed->role,
                               .confidence = feed->confidence,
                               .half_life_us = feed->half_life_us};
}

struct indicator overlay_indicator(const struct overlay *overlay, uint32_t record)
{
    const struct overlay_record *found = &overlay->records[record - 1];
    const struct overlay_feed *feed = &overlay->feeds[found->feed];
    const char *texts = overlay->texts.bytes;
    struct indicator indicator = {
        .observable = overlay_observable(overlay, found->entry),
        .role = (enum indicator_role)feed->role,
        .confidence = found->confidence == 0 ? feed->confidence : found->confidence,
        .line = found->line,
        .feed = texts + feed->name,
        .category = texts + (found->category == 0 ? feed->category : found->category),
        .comment = texts + found->comment,
        .reference = texts + found->reference,
        .scope = texts + found->scope,
        .listed_from_us = found->listed_from_us,
        .listed_until_us = found->listed_until_us,
        .expires_us = found->expires_us};

    indicator.observable.port = found->port;
    indicator.observable.protocol = found->protocol;
    return indicator;
}

void overlay_add_stats(const struct intel_index *index, struct intel_stats *stats)
{
    const struct overlay *overlay = index->overlay;

    for (size_t kind = 1; kind <= OBSERVABLE_KINDS; kind++) {
        stats->observables[kind] += (size_t)overlay->gained[kind];
    }
    stats->records += (size_t)overlay->gained_records;
    stats->changes = overlay->entry_count;
    for (size_t i = 0; i < overlay->feed_count; i++) {
        stats->feeds +=
            !image_has_feed(index->image, overlay->texts.bytes + overlay->feeds[i].name);
    }
}

/* --- copies --- */

/** Adds again what is of use. */
static struct overlay *rebuild(const struct intel_index *index, size_t more)
{
    const struct overlay *overlay = index->overlay;
    struct overlay *copy = overlay_new(index->image, overlay->entry_count + more);
    enum picket_status status = copy == NULL ? PICKET_E_NOMEM : PICKET_OK;

    for (uint32_t i = 1; status == PICKET_OK && i <= overlay->entry_count; i++) {
        const struct overlay_entry *entry = &overlay->entries[i - 1];
        struct observable observable = overlay_observable(overlay, i);
        uint32_t place;

        if (entry->first == 0 && entry->image == 0) {
            continue;
        }
        status = overlay_add_entry(copy, &observable, entry->image, &place);
        for (uint32_t record = entry->first; status == PICKET_OK && record != 0;
             record = overlay->records[record - 1].next) {
            struct indicator indicator = overlay_indicator(overlay, record);
            struct intel_feed feed = overlay_feed_of(overlay, record);

            status = overlay_put(copy, place, &feed, &indicator);
        }
    }
    if (status != PICKET_OK) {
        overlay_free(copy);
        return NULL;
    }
    copy->gained_records = overlay->gained_records;
    return copy;
}

static bool copy_feeds(struct overlay *copy, const struct overlay *overlay)
{
    if (overlay->feed_count == 0) {
        return true;
    }
    copy->feeds = malloc(overlay->feed_count * sizeof(*copy->feeds));
    if (copy->feeds == NULL) {
        return false;
    }
    memcpy(copy->feeds, overlay->feeds, overlay->feed_count * sizeof(*copy->feeds));
    copy->feed_count = overlay->feed_count;
    return true;
}

/** The hash table, which is made anew where there is to be more. */
static void copy_slots(struct overlay *copy, const struct overlay *overlay)
{
    if (copy->slot_count == overlay->slot_count) {
        memcpy(copy->slots, overlay->slots, copy->slot_count * sizeof(*copy->slots));
        return;
    }
    for (uint32_t entry = 1; entry <= copy->entry_count; entry++) {
        struct observable observable = overlay_observable(copy, entry);
        struct overlay_key key = overlay_key(&observable, copy->seed);

        add_slot(copy, key.mark, entry);
    }
}

struct overlay *overlay_copy(const struct intel_index *index, size_t more)
{
    const struct overlay *overlay = index->overlay;
    size_t slots = slots_for(overlay->entry_count + more);
    struct overlay *copy;

    if (overlay->waste > WASTE_TOLERATED + overlay->record_count / 2) {
        return rebuild(index, more);
    }
    copy = allocate(overlay->seed, overlay->entry_count + more, overlay->record_count + more,
                    slots > overlay->slot_count ? slots : overlay->slot_count,
                    marks_hold(overlay->marks));
    if (copy == NULL) {
        return NULL;
    }
    buf_add(&copy->texts, overlay->texts.bytes, overlay->texts.length);
    if (copy->texts.is_failed || !copy_feeds(copy, overlay)) {
        overlay_free(copy);
        return NULL;
    }
    memcpy(copy->entries, overlay->entries, overlay->entry_count * sizeof(*copy->entries));
    copy->entry_count = overlay->entry_count;
    memcpy(copy->records, overlay->records, overlay->record_count * sizeof(*copy->records));
    copy->record_count = overlay->record_count;
    copy_slots(copy, overlay);
    copy->ipv4_lengths = overlay->ipv4_lengths;
    copy->ipv6_lengths = overlay->ipv6_lengths;
    copy->levels = overlay->levels;
    copy->tail_min = overlay->tail_min;
    copy->waste = overlay->waste;
    memcpy(copy->gained, overlay->gained, sizeof(copy->gained));
    copy->gained_records = overlay->gained_records;
    return copy;
}
