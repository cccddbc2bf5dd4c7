/* SPDX-License-Identifier: MIT */
#include "intel/overlay.h"

#include <string.h>

#include "intel/image_parts.h"
#include "intel/overlay_key.h"

/*
 * What covers an observable stands in an order: the longer prefix, or the longer
 * domain, and of "*.example.com" and "example.com" the first. That order is a
 * number here, the rank; no two observables that cover the same have the same one.
 */

static unsigned rank_of(const struct observable *observable)
{
    if (observable->kind == OBSERVABLE_ADDRESS) {
        return observable->prefix.length;
    }
    return observable->kind == OBSERVABLE_NAME
               ? 2u * (unsigned)strlen(observable->text) + observable->only_subdomains
               : 0;
}

static bool is_marked(const struct overlay *overlay, uint32_t place)
{
    return trie_has_mark(overlay->marks->places, place % OVERLAY_PLACES);
}

static void prefetch_mark(const struct overlay *overlay, uint32_t place)
{
    __builtin_prefetch(&overlay->marks->places[place % OVERLAY_PLACES / 64]);
}

/**
 * Entries that cover an observable are met in the order of their ranks, while @p record is
 * the image's answer as far as none of them was in its place. True if one decides.
 */
static bool decide(const struct intel_index *index, uint32_t entry, unsigned rank,
                   intel_record *record)
{
    const struct overlay_entry *own = overlay_entry(index->overlay, entry);
    bool is_same = own->image != 0 && own->image == *record;
    bool is_own = is_same || *record == 0;

    if (own->first == 0) {
        *record = is_same ? image_parent(index->image, *record) : *record;
        return false;
    }
    if (!is_own) {
        struct observable of_image = image_observable(index->image, *record);

        is_own = rank_of(&of_image) < rank;
    }
    *record = is_own ? own->first | IMAGE_RECORD_BIT : *record;
    return true;
}

/** Takes the longest one out; -1 if there is none. */
static inline int take_longest(struct overlay_lengths *lengths)
{
    for (unsigned word = 0; word < 3; word++) {
        uint64_t *bits = &lengths->bits[word];

        if (*bits != 0) {
            int bit = (int)(64 * word) + __builtin_ctzll(*bits);

            *bits &= *bits - 1;
            return 128 - bit;
        }
    }
    return -1;
}

/*
 * What both say of an observable, of those up to a rank; @p record: what the image says of it.
 */

static intel_record merge_address(const struct intel_index *index, struct ipv6_key key, int rank,
                                  intel_record record)
{
    const struct overlay *overlay = index->overlay;
    bool is_ipv4 = key.high == 0 && key.low >> 32u == 0xffff;
    struct overlay_lengths lengths = is_ipv4 ? overlay->ipv4_lengths : overlay->ipv6_lengths;

    for (int length = take_longest(&lengths); length >= 0; length = take_longest(&lengths)) {
        struct overlay_key prefix = overlay_key_of_prefix(key, (unsigned)length, overlay->seed);
        uint32_t entry = length > rank ? 0 : overlay_find_key(overlay, &prefix);

        if (entry != 0 && decide(index, entry, (unsigned)length, &record)) {
            break;
        }
    }
    return record;
}

static intel_record merge_name(const struct intel_index *index, const char *name, int rank,
                               intel_record record)
{
    const struct overlay *overlay = index->overlay;

    for (const char *domain = name; domain != NULL; domain = strchr(domain, '.')) {
        int plain;

        domain += domain != name; /* the dot */
        plain = 2 * (int)strlen(domain);
        for (int is_wild = 1; is_wild >= 0; is_wild--) {
            struct overlay_key key =
                overlay_key_of_text(OBSERVABLE_NAME, domain, is_wild != 0, overlay->seed);
            uint32_t entry = plain + is_wild > rank ? 0 : overlay_find_key(overlay, &key);

            if (entry != 0 && decide(index, entry, (unsigned)(plain + is_wild), &record)) {
                return record;
            }
        }
    }
    return record;
}

static intel_record merge(const struct intel_index *index, const struct observable *observable,
                          int rank, intel_record record)
{
    if (observable->kind == OBSERVABLE_ADDRESS) {
        return merge_address(index, ipv6_key_of(&observable->prefix.address), rank, record);
    }
    /* nothing covers a fingerprint but itself */
    return observable->kind == OBSERVABLE_NAME ? merge_name(index, observable->text, rank, record)
                                               : record;
}

/* --- addresses --- */

#define LANES      4096u /* IPv4 addresses at a time; places of them are 16 bits */
#define PROBES_MAX 512u

/** Prefixes that may be here, of addresses at some places; the longest first of each. */
struct probes {
    size_t count;
    struct probe {
        uint64_t high;
        uint64_t low;
        uint32_t mark;  /* of the hash table */
        uint32_t entry; /* that has it first */
        uint16_t place;
        uint8_t length;
    } all[PROBES_MAX];
};

/** The first entry of this mark, or 0: most likely the one that is looked for. */
static uint32_t find_mark(const struct overlay *overlay, size_t mark)
{
    const struct overlay_slot *slot = overlay_slot(overlay, mark);

    for (size_t place = mark + 1; slot->entry != 0 && slot->mark != mark; place++) {
        slot = overlay_slot(overlay, place);
    }
    return slot->entry;
}

/** Leaves those whose own places are marked. */
static void sift_probes(const struct overlay *overlay, struct probes *probes)
{
    size_t left = 0;

    for (size_t i = 0; i < probes->count; i++) {
        struct probe probe = probes->all[i];

        probes->all[left] = probe;
        left += is_marked(overlay, probe.mark);
    }
    probes->count = left;
}

/** Leaves those that most likely are here, and asks memory for what decides. */
static void find_entries(const struct intel_index *index, const intel_record *records,
                         struct probes *probes)
{
    size_t left = 0;

    for (size_t i = 0; i < probes->count; i++) {
        struct probe *probe = &probes->all[i];

        probe->entry = find_mark(index->overlay, probe->mark);
        if (probe->entry == 0) {
            continue;
        }
        __builtin_prefetch(overlay_entry(index->overlay, probe->entry));
        if (records[probe->place] != 0) {
            image_prefetch_record(index->image, records[probe->place]);
        }
        probes->all[left++] = *probe;
    }
    probes->count = left;
}

/** Puts what is here into the answers. */
static void settle_probes(const struct intel_index *index, intel_record *records,
                          struct probes *probes)
{
    sift_probes(index->overlay, probes);
    find_entries(index, records, probes);
    for (size_t i = 0; i < probes->count; i++) {
        const struct probe *probe = &probes->all[i];
        struct overlay_key key = {.high = probe->high,
                                  .low = probe->low,
                                  .text = "",
                                  .mark = probe->mark,
                                  .kind = OBSERVABLE_ADDRESS,
                                  .length = probe->length};
        uint32_t entry = overlay_is_entry(index->overlay, probe->entry, &key)
                             ? probe->entry
                             : overlay_find_key(index->overlay, &key);

        if (entry != 0 && (records[probe->place] & IMAGE_RECORD_BIT) == 0) {
            (void)decide(index, entry, probe->length, &records[probe->place]);
        }
    }
    probes->count = 0;
}

/** Makes probes of all lengths that are here, and asks memory for where their search begins. */
static void add_probes(const struct intel_index *index, struct ipv6_key address, uint16_t place,
                       struct overlay_lengths lengths, intel_record *records, struct probes *probes)
{
    const struct overlay *overlay = index->overlay;

    for (int length = take_longest(&lengths); length >= 0; length = take_longest(&lengths)) {
        struct overlay_key key = overlay_key_of_prefix(address, (unsigned)length, overlay->seed);

        if (probes->count == PROBES_MAX) {
            settle_probes(index, records, probes);
        }
        prefetch_mark(overlay, key.mark);
        __builtin_prefetch(overlay_slot(overlay, key.mark));
        probes->all[probes->count++] =
            (struct probe){key.high, key.low, key.mark, 0, place, (uint8_t)length};
    }
}

/** IPv4 addresses that something here may concern. */
struct marked {
    size_t count;
    uint16_t places[LANES];
};

/** What the image says of all, and which are marked, first by their /16. */
static void match_image(const struct intel_index *index, const uint32_t *addresses, size_t count,
                        intel_record *records, struct marked *marked)
{
    const struct overlay_marks *marks = index->overlay->marks;
    const struct trie_marks of_trie = {marks->summary, marks->lines};
    uint16_t places[TRIE_MARKED_MAX];

    marked->count = 0;
    for (size_t begin = 0; begin < count; begin += TRIE_MARKED_MAX) {
        size_t many = count - begin < TRIE_MARKED_MAX ? count - begin : TRIE_MARKED_MAX;
        size_t found = trie_match_marked(image_ipv4(index->image), &of_trie, addresses + begin,
                                         many, records + begin, places);

        for (size_t i = 0; i < found; i++) {
            size_t place = begin + places[i];

            prefetch_mark(index->overlay, overlay_place_of_ipv4(addresses[place]));
            marked->places[marked->count++] = (uint16_t)place;
        }
    }
}

/** Then by their /24. */
static void sift_marked(const struct overlay *overlay, const uint32_t *addresses,
                        struct marked *marked)
{
    size_t left = 0;

    for (size_t i = 0; i < marked->count; i++) {
        uint16_t place = marked->places[i];

        marked->places[left] = place;
        left += is_marked(overlay, overlay_place_of_ipv4(addresses[place]));
    }
    marked->count = left;
}

static void match_chunk(const struct intel_index *index, const uint32_t *addresses, size_t count,
                        intel_record *records)
{
    struct marked marked;
    struct probes probes;

    probes.count = 0; /* the rest would take longer to clear than to use */
    match_image(index, addresses, count, records, &marked);
    sift_marked(index->overlay, addresses, &marked);
    for (size_t i = 0; i < marked.count; i++) {
        uint16_t place = marked.places[i];
        struct ipv6_key key = {0, UINT64_C(0xffff) << 32u | addresses[place]};

        add_probes(index, key, place, index->overlay->ipv4_lengths, records, &probes);
    }
    settle_probes(index, records, &probes);
}

void overlay_match_ipv4(const struct intel_index *index, const uint32_t *addresses, size_t count,
                        intel_record *ret_records)
{
    for (size_t i = 0; i < count; i += LANES) {
        match_chunk(index, addresses + i, count - i < LANES ? count - i : LANES, ret_records + i);
    }
}

static bool is_near(const struct overlay *overlay, uint64_t high)
{
    bool is_any = false;

    for (unsigned levels = overlay->levels; levels != 0; levels &= levels - 1) {
        unsigned level = (unsigned)__builtin_ctz(levels);

        is_any |= is_marked(overlay, overlay_place_of_ipv6(high, level));
    }
    return is_any;
}

void overlay_match_ipv6(const struct intel_index *index, const struct ipv6_key *keys, size_t count,
                        intel_record *ret_records)
{
    struct probes probes;

    probes.count = 0;
    image_match_ipv6(index->image, keys, count, ret_records);
    for (size_t i = 0; i < count; i++) {
        if (is_near(index->overlay, keys[i].high)) {
            add_probes(index, keys[i], (uint16_t)i, index->overlay->ipv6_lengths, ret_records,
                       &probes);
        }
    }
    settle_probes(index, ret_records, &probes);
}

/* --- names and fingerprints --- */

static bool is_tail_marked(const struct overlay *overlay, const char *name)
{
    size_t length = strlen(name);

    for (size_t tail = overlay->tail_min; tail <= OVERLAY_TAIL_MAX && tail <= length; tail++) {
        if (is_marked(overlay, overlay_place_of_tail(name + length - tail, tail))) {
            return true;
        }
    }
    return false;
}

void overlay_match_names(const struct intel_index *index, const char *const *names, size_t count,
                         intel_record *ret_records)
{
    image_match_names(index->image, names, count, ret_records);
    for (size_t i = 0; i < count; i++) {
        if (is_tail_marked(index->overlay, names[i])) {
            ret_records[i] = merge_name(index, names[i], 2 * (int)strlen(names[i]), ret_records[i]);
        }
    }
}

void overlay_match_fingerprints(const struct intel_index *index, enum observable_kind kind,
                                const char *const *texts, size_t count, intel_record *ret_records)
{
    image_match_fingerprints(index->image, kind, texts, count, ret_records);
    for (size_t i = 0; i < count; i++) {
        struct overlay_key key = overlay_key_of_text(kind, texts[i], false, index->overlay->seed);
        uint32_t entry = overlay_find_key(index->overlay, &key);

        if (entry != 0) {
            (void)decide(index, entry, 0, &ret_records[i]);
        }
    }
}

/** The image's entry that covers an observable, of those up to @p rank. */
static image_entry find_covering(const struct image *image, const struct observable *observable,
                                 int rank)
{
    intel_record found = 0;
    uint32_t ipv4;

    if (observable->kind == OBSERVABLE_NAME) {
        image_match_names(image, &observable->text, 1, &found);
    } else if (observable->kind == OBSERVABLE_ADDRESS &&
               address_is_ipv4(&observable->prefix.address)) {
        memcpy(&ipv4, observable->prefix.address.bytes + 12, sizeof(ipv4));
        ipv4 = __builtin_bswap32(ipv4);
        image_match_ipv4(image, &ipv4, 1, &found);
    } else if (observable->kind == OBSERVABLE_ADDRESS) {
        found = image_match_whole(image, &observable->prefix.address);
    }
    while (found != 0) {
        struct observable of_image = image_observable(image, found);

        if ((int)rank_of(&of_image) <= rank) {
            break;
        }
        found = image_parent(image, found);
    }
    return found;
}

intel_record overlay_next(const struct intel_index *index, intel_record record)
{
    struct observable observable;
    image_entry entry = 0;
    intel_record next;
    int rank;

    if ((record & IMAGE_RECORD_BIT) != 0) {
        uint32_t own = record & ~IMAGE_RECORD_BIT;

        next = overlay_record(index->overlay, own)->next;
        if (next != 0) {
            return next | IMAGE_RECORD_BIT;
        }
        observable = overlay_observable(index->overlay, overlay_record(index->overlay, own)->entry);
        rank = (int)rank_of(&observable) - 1;
        entry = find_covering(index->image, &observable, rank);
    } else {
        next = image_sibling(index->image, record);
        if (next != 0) {
            return next;
        }
        entry = image_entry_of(index->image, record);
        observable = image_observable(index->image, entry);
        rank = (int)rank_of(&observable) - 1;
        entry = image_parent(index->image, entry);
    }
    return merge(index, &observable, rank, entry);
}
