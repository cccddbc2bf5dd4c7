/* SPDX-License-Identifier: MIT */
#include "intel/overlay.h"

#include <stdlib.h>
#include <string.h>

#include "base/pages.h"
#include "intel/hashing.h"
#include "intel/overlay_key.h"

#define SLOTS_MIN       2048u
#define FEEDS_MAX       (INTEL_FEEDS_MAX + 1u)
#define WASTE_TOLERATED 1024u

/* --- life --- */

static struct overlay_marks *marks_new(const struct image *image)
{
    const struct trie *trie = image_ipv4(image);
    size_t bytes = trie->summary_count * sizeof(*trie->summary);
    struct overlay_marks *marks = pages_new_large(sizeof(*marks) + bytes);

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

struct overlay *overlay_new(const struct image *image)
{
    struct overlay *overlay = calloc(1, sizeof(*overlay));
    struct intel_stats stats;

    if (overlay == NULL) {
        return NULL;
    }
    image_get_stats(image, &stats);
    overlay->seed = stats.build_id;
    overlay->tail_min = OVERLAY_TAIL_MAX;
    overlay->slot_count = SLOTS_MIN;
    overlay->marks = marks_new(image);
    buf_init(&overlay->texts, OVERLAY_TEXTS_MAX);
    buf_add(&overlay->texts, "", 1);
    if (overlay->marks == NULL || overlay->texts.is_failed ||
        !pieces_grow(&overlay->slots, SLOTS_MIN, sizeof(struct overlay_slot))) {
        overlay_free(overlay);
        return NULL;
    }
    return overlay;
}

void overlay_free(struct overlay *overlay)
{
    if (overlay != NULL) {
        pieces_deinit(&overlay->entries);
        pieces_deinit(&overlay->records);
        free(overlay->feeds);
        buf_deinit(&overlay->texts);
        pieces_deinit(&overlay->slots);
        marks_drop(overlay->marks);
        free(overlay);
    }
}

/* --- keys --- */

bool overlay_is_entry(const struct overlay *overlay, uint32_t entry, const struct overlay_key *key)
{
    const struct overlay_entry *found = overlay_entry(overlay, entry);

    return found->high == key->high && found->low == key->low && found->kind == key->kind &&
           found->length == key->length && found->only_subdomains == key->only_subdomains &&
           (key->kind == OBSERVABLE_ADDRESS ||
            strcmp(overlay->texts.bytes + found->text, key->text) == 0);
}

uint32_t overlay_find_key(const struct overlay *overlay, const struct overlay_key *key)
{
    for (size_t place = key->mark; overlay_slot(overlay, place)->entry != 0; place++) {
        const struct overlay_slot *slot = overlay_slot(overlay, place);

        if (slot->mark == key->mark && overlay_is_entry(overlay, slot->entry, key)) {
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

static bool add_slot(struct overlay *overlay, uint32_t mark, uint32_t entry)
{
    struct overlay_slot *slot;
    size_t place = mark;

    while (overlay_slot(overlay, place)->entry != 0) {
        place++;
    }
    slot = pieces_change(&overlay->slots, place & (overlay->slot_count - 1), sizeof(*slot));
    if (slot == NULL) {
        return false;
    }
    *slot = (struct overlay_slot){mark, entry};
    return true;
}

struct observable overlay_observable(const struct overlay *overlay, uint32_t entry)
{
    const struct overlay_entry *found = overlay_entry(overlay, entry);
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

/** Keeps at most a quarter of the hash table in use: most searches end where they begin. */
static bool grow_slots(struct overlay *overlay)
{
    bool is_good = true;

    if (4 * (overlay->entry_count + 1) <= overlay->slot_count) {
        return true;
    }
    pieces_deinit(&overlay->slots);
    overlay->slots = (struct pieces){.all = NULL};
    overlay->slot_count *= 2;
    is_good = pieces_grow(&overlay->slots, overlay->slot_count, sizeof(struct overlay_slot));
    for (uint32_t entry = 1; is_good && entry <= overlay->entry_count; entry++) {
        struct observable observable = overlay_observable(overlay, entry);
        struct overlay_key key = overlay_key(&observable, overlay->seed);

        is_good = add_slot(overlay, key.mark, entry);
    }
    return is_good;
}

/* --- the bitmaps --- */

/*
 * These write only what is new, so that who reads need not fetch the rest again.
 */

static void set_bit(uint64_t *bits, uint32_t bit)
{
    if (!trie_has_mark(bits, bit)) {
        (void)__atomic_fetch_or(&bits[bit / 64], UINT64_C(1) << bit % 64, __ATOMIC_RELAXED);
    }
}

static void set_byte(uint8_t *byte)
{
    if (__atomic_load_n(byte, __ATOMIC_RELAXED) == 0) {
        __atomic_store_n(byte, 1, __ATOMIC_RELAXED);
    }
}

static void mark_place(struct overlay_marks *marks, uint32_t place)
{
    set_bit(marks->places, place % OVERLAY_PLACES);
}

static void mark_ipv4(struct overlay_marks *marks, const struct overlay_key *key)
{
    uint64_t first = (uint32_t)key->low, end = first + (UINT64_C(1) << (128 - key->length));

    for (uint64_t line = first >> 16u; line << 16u < end; line++) {
        set_byte(&marks->lines[line]);
    }
    for (uint64_t network = first >> 8u; network << 8u < end; network++) {
        mark_place(marks, overlay_place_of_ipv4((uint32_t)(network << 8u)));
    }
    for (uint64_t bit = first >> marks->summary_shift;
         bit << marks->summary_shift < end && bit / 64 < marks->summary_count; bit++) {
        set_bit(marks->summary, (uint32_t)bit);
    }
}

static void mark_address(struct overlay *overlay, const struct overlay_key *key)
{
    bool is_ipv4 = overlay_key_is_ipv4(key);
    struct overlay_lengths *lengths = is_ipv4 ? &overlay->ipv4_lengths : &overlay->ipv6_lengths;
    unsigned bit = 128u - key->length, level = overlay_level_of(key->length);

    lengths->bits[bit / 64] |= UINT64_C(1) << bit % 64;
    mark_place(overlay->marks, key->mark);
    if (is_ipv4) {
        mark_ipv4(overlay->marks, key);
    } else {
        overlay->levels |= 1u << level;
        mark_place(overlay->marks, overlay_place_of_ipv6(key->high, level));
    }
}

static void mark(struct overlay *overlay, const struct overlay_key *key)
{
    size_t tail = key->text_length < OVERLAY_TAIL_MAX ? key->text_length : OVERLAY_TAIL_MAX;

    if (key->kind == OBSERVABLE_ADDRESS) {
        mark_address(overlay, key);
    } else if (key->kind == OBSERVABLE_NAME) {
        overlay->tail_min = tail < overlay->tail_min ? (unsigned)tail : overlay->tail_min;
        mark_place(overlay->marks,
                   overlay_place_of_tail(key->text + key->text_length - tail, tail));
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
    uint32_t text = add_text(overlay, key.text, 0), number = (uint32_t)overlay->entry_count + 1;
    struct overlay_entry *entry;

    if (overlay->texts.is_failed || !grow_slots(overlay) ||
        !pieces_grow(&overlay->entries, number, sizeof(*entry))) {
        return PICKET_E_NOMEM;
    }
    entry = pieces_change(&overlay->entries, number - 1, sizeof(*entry));
    if (entry == NULL || !add_slot(overlay, key.mark, number)) {
        return PICKET_E_NOMEM;
    }
    *entry = (struct overlay_entry){.high = key.high,
                                    .low = key.low,
                                    .text = text,
                                    .image = image,
                                    .kind = key.kind,
                                    .only_subdomains = key.only_subdomains,
                                    .length = key.length};
    overlay->entry_count++;
    overlay->waste += image == 0;
    overlay->gained[key.kind] -= image != 0;
    mark(overlay, &key);
    *ret = number;
    return PICKET_OK;
}

/** Where the number of a record stands: that of a feed, port and scope, or the chain's end. */
struct link {
    uint32_t previous; /* the record before it; 0: the number is the entry's first */
    uint32_t record;
};

static struct link find_link(const struct overlay *overlay, uint32_t entry, const char *feed,
                             const struct indicator *indicator)
{
    const char *texts = overlay->texts.bytes;
    struct link link = {0, overlay_entry(overlay, entry)->first};

    while (link.record != 0) {
        const struct overlay_record *record = overlay_record(overlay, link.record);

        if (record->port == indicator->observable.port &&
            record->protocol == indicator->observable.protocol &&
            strcmp(texts + record->scope, indicator->scope) == 0 &&
            strcmp(texts + overlay->feeds[record->feed].name, feed) == 0) {
            break;
        }
        link = (struct link){link.record, record->next};
    }
    return link;
}

static struct overlay_record *own_record(struct overlay *overlay, uint32_t number)
{
    return pieces_change(&overlay->records, number - 1, sizeof(struct overlay_record));
}

/** Puts a number in the place of another. */
static bool set_link(struct overlay *overlay, uint32_t entry, struct link link, uint32_t record)
{
    struct overlay_record *previous;
    struct overlay_entry *owner;

    if (link.previous != 0) {
        previous = own_record(overlay, link.previous);
        if (previous != NULL) {
            previous->next = record;
        }
        return previous != NULL;
    }
    owner = pieces_change(&overlay->entries, entry - 1, sizeof(*owner));
    if (owner != NULL) {
        owner->first = record;
    }
    return owner != NULL;
}

static enum picket_status make_record(struct overlay *overlay, const struct intel_feed *feed,
                                      const struct indicator *indicator, struct overlay_record *ret)
{
    static const struct overlay_record nothing = {0};
    const struct overlay_record *last =
        overlay->record_count == 0 ? &nothing
                                   : overlay_record(overlay, (uint32_t)overlay->record_count);
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

/** Puts a record behind all, or in the place of another one, which then leads to it. */
static enum picket_status keep_record(struct overlay *overlay, uint32_t entry, struct link link,
                                      struct overlay_record *record)
{
    uint32_t number = (uint32_t)overlay->record_count + 1;
    struct overlay_record *kept;

    if (link.record != 0) {
        record->next = overlay_record(overlay, link.record)->next;
        number = link.record;
    } else if (!pieces_grow(&overlay->records, number, sizeof(*record)) ||
               !set_link(overlay, entry, link, number)) {
        return PICKET_E_NOMEM;
    }
    kept = own_record(overlay, number);
    if (kept == NULL) {
        return PICKET_E_NOMEM;
    }
    *kept = *record;
    overlay->record_count += link.record == 0;
    return PICKET_OK;
}

enum picket_status overlay_put(struct overlay *overlay, uint32_t entry,
                               const struct intel_feed *feed, const struct indicator *indicator)
{
    struct overlay_entry owner = *overlay_entry(overlay, entry);
    struct link link = find_link(overlay, entry, feed->name, indicator);
    struct overlay_record record;
    enum picket_status status = make_record(overlay, feed, indicator, &record);

    record.entry = entry;
    if (status == PICKET_OK) {
        status = keep_record(overlay, entry, link, &record);
    }
    if (status != PICKET_OK) {
        return status;
    }
    if (link.record != 0) {
        overlay->waste++; /* its texts */
        return PICKET_OK;
    }
    if (owner.first == 0) {
        overlay->gained[owner.kind]++;
        overlay->waste -= owner.image == 0;
    }
    overlay->gained_records++;
    return PICKET_OK;
}

enum picket_status overlay_remove(struct overlay *overlay, uint32_t entry, const char *feed,
                                  const struct indicator *indicator)
{
    struct link link = find_link(overlay, entry, feed, indicator);
    const struct overlay_entry *owner;

    if (link.record == 0) {
        return PICKET_OK;
    }
    if (!set_link(overlay, entry, link, overlay_record(overlay, link.record)->next)) {
        return PICKET_E_NOMEM;
    }
    overlay->gained_records--;
    overlay->waste++;
    owner = overlay_entry(overlay, entry);
    if (owner->first == 0) {
        overlay->gained[owner->kind]--;
        overlay->waste += owner->image == 0;
    }
    return PICKET_OK;
}

/* --- reading --- */

struct intel_feed overlay_feed_of(const struct overlay *overlay, uint32_t record)
{
    const struct overlay_feed *feed = &overlay->feeds[overlay_record(overlay, record)->feed];
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
    const struct overlay_record *found = overlay_record(overlay, record);
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
static struct overlay *rebuild(const struct intel_index *index)
{
    const struct overlay *overlay = index->overlay;
    struct overlay *copy = overlay_new(index->image);
    enum picket_status status = copy == NULL ? PICKET_E_NOMEM : PICKET_OK;

    for (uint32_t i = 1; status == PICKET_OK && i <= overlay->entry_count; i++) {
        const struct overlay_entry *entry = overlay_entry(overlay, i);
        struct observable observable = overlay_observable(overlay, i);
        uint32_t place;

        if (entry->first == 0 && entry->image == 0) {
            continue;
        }
        status = overlay_add_entry(copy, &observable, entry->image, &place);
        for (uint32_t record = entry->first; status == PICKET_OK && record != 0;
             record = overlay_record(overlay, record)->next) {
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

struct overlay *overlay_copy(const struct intel_index *index)
{
    const struct overlay *overlay = index->overlay;
    struct overlay *copy;

    if (overlay->waste > WASTE_TOLERATED + overlay->record_count / 2) {
        return rebuild(index);
    }
    copy = malloc(sizeof(*copy));
    if (copy == NULL) {
        return NULL;
    }
    *copy = *overlay;
    copy->marks = marks_hold(overlay->marks);
    copy->entries = copy->records = copy->slots = (struct pieces){.all = NULL};
    copy->feeds = NULL;
    buf_init(&copy->texts, OVERLAY_TEXTS_MAX);
    buf_add(&copy->texts, overlay->texts.bytes, overlay->texts.length);
    if (copy->texts.is_failed || !copy_feeds(copy, overlay) ||
        !pieces_copy(&copy->entries, &overlay->entries) ||
        !pieces_copy(&copy->records, &overlay->records) ||
        !pieces_copy(&copy->slots, &overlay->slots)) {
        overlay_free(copy);
        return NULL;
    }
    return copy;
}
