/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <string.h>

#include "intel/overlay_key.h"

#define LANES 512u /* IPv4 addresses at a time; places of them are 16 bits */

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

static bool has_bit(const _Atomic uint64_t *bits, size_t bit)
{
    return (atomic_load_explicit(&bits[bit / 64], memory_order_relaxed) >> bit % 64 & 1u) != 0;
}

static bool is_marked(const struct overlay *overlay, uint32_t place)
{
    size_t bit = place & (overlay->slot_count * OVERLAY_MARKS - 1);

    return has_bit(overlay->marks->places, bit);
}

/** The entry if any record is left of it. */
static uint32_t find_listed(const struct overlay *overlay, const struct overlay_key *key)
{
    uint32_t entry = overlay_find_key(overlay, key);

    return entry != 0 && overlay->entries[entry - 1].first != 0 ? entry : 0;
}

/** The longest length of at most @p length that any prefix here has, or -1. */
static int next_length(const uint64_t lengths[3], int length)
{
    for (int word = length / 64; length >= 0 && word >= 0; word--) {
        uint64_t bits = lengths[word];

        if (word == length / 64) {
            bits &= UINT64_MAX >> (63 - length % 64);
        }
        if (bits != 0) {
            return 64 * word + 63 - __builtin_clzll(bits);
        }
    }
    return -1;
}

static uint32_t cover_address(const struct overlay *overlay, const struct prefix *prefix, int rank)
{
    int least = prefix->length >= 96 && address_is_ipv4(&prefix->address) ? 96 : 0;
    uint64_t high, low;

    overlay_read_address(&prefix->address, &high, &low);
    for (int length = next_length(overlay->lengths, rank); length >= least;
         length = next_length(overlay->lengths, length - 1)) {
        struct overlay_key key;
        uint32_t entry;

        low = length <= 64 ? 0 : low & UINT64_MAX << (128 - length);
        high = length == 0 ? 0 : length < 64 ? high & UINT64_MAX << (64 - length) : high;
        key = overlay_key_of_prefix(high, low, (unsigned)length, overlay->seed);
        entry = find_listed(overlay, &key);
        if (entry != 0) {
            return entry;
        }
    }
    return 0;
}

static uint32_t cover_name(const struct overlay *overlay, const char *name, int rank)
{
    for (const char *domain = name; domain != NULL; domain = strchr(domain, '.')) {
        int plain;

        domain += domain != name; /* the dot */
        plain = 2 * (int)strlen(domain);
        for (int is_wild = 1; is_wild >= 0; is_wild--) {
            struct overlay_key key;
            uint32_t entry;

            if (plain + is_wild > rank) {
                continue;
            }
            key = overlay_key_of_text(OBSERVABLE_NAME, domain, is_wild != 0, overlay->seed);
            entry = find_listed(overlay, &key);
            if (entry != 0) {
                return entry;
            }
        }
    }
    return 0;
}

/** The entry with records that covers an observable most specifically, of those up to @p rank. */
static uint32_t cover(const struct overlay *overlay, const struct observable *observable, int rank)
{
    struct overlay_key key;

    if (observable->kind == OBSERVABLE_ADDRESS) {
        return cover_address(overlay, &observable->prefix, rank);
    }
    if (observable->kind == OBSERVABLE_NAME) {
        return cover_name(overlay, observable->text, rank);
    }
    key = overlay_key(observable, overlay->seed);
    return rank < 0 ? 0 : find_listed(overlay, &key);
}

/** What both say of an observable; @p found and @p own: what the image does, and the overlay. */
static intel_record merge_found(const struct intel_index *index, image_entry found, uint32_t own)
{
    const struct overlay *overlay = index->overlay;
    struct observable of_image = {0}, of_own;

    for (; found != 0; found = image_parent(index->image, found)) {
        of_image = image_observable(index->image, found);
        if (overlay_find(overlay, &of_image) == 0) {
            break;
        }
    }
    if (own == 0) {
        return found;
    }
    if (found != 0) {
        of_own = overlay_observable(overlay, own);
        if (rank_of(&of_image) > rank_of(&of_own)) {
            return found;
        }
    }
    return overlay->entries[own - 1].first | IMAGE_RECORD_BIT;
}

/** What both say of an observable up to @p rank; @p found: what the image says of it. */
static intel_record merge(const struct intel_index *index, const struct observable *observable,
                          int rank, image_entry found)
{
    return merge_found(index, found, cover(index->overlay, observable, rank));
}

static intel_record merge_address(const struct intel_index *index, const struct address *address,
                                  intel_record found)
{
    struct observable observable = {
        .kind = OBSERVABLE_ADDRESS, .prefix = {*address, 128}, .text = ""};

    return merge(index, &observable, 128, found);
}

static struct address address_of_ipv4(uint32_t ipv4)
{
    struct address address = {{[10] = 0xff, [11] = 0xff}};

    ipv4 = __builtin_bswap32(ipv4);
    memcpy(address.bytes + 12, &ipv4, sizeof(ipv4));
    return address;
}

/* --- IPv4 --- */

/** IPv4 addresses that something here may concern. */
struct marked {
    size_t count;
    uint16_t places[LANES];
};

/** By the block first, which dismisses most of them from the nearest cache. */
static void find_marked(const struct overlay *overlay, const uint32_t *addresses, size_t count,
                        struct marked *ret)
{
    size_t found = 0, left = 0;

    memset(ret->places, 0, count * sizeof(ret->places[0]));
    for (size_t i = 0; i < count; i++) {
        ret->places[found] = (uint16_t)i;
        found += has_bit(overlay->marks->blocks, overlay_block_of(addresses[i]));
    }
    for (size_t i = 0; i < found; i++) {
        uint16_t place = ret->places[i];

        ret->places[left] = place;
        left += is_marked(overlay, overlay_place_of_ipv4(addresses[place]));
    }
    ret->count = left;
}

/** Asks memory for the slot where the search for a key begins, given by its hash; knows nothing. */
static bool look_ahead(const struct overlay *overlay, uint64_t hash)
{
    __builtin_prefetch(&overlay->slots[(uint32_t)hash & (overlay->slot_count - 1)]);
    return false;
}

/** False if there is no entry of a key; else asks memory for what is most likely one. */
static bool look_closer(const struct overlay *overlay, uint64_t hash)
{
    size_t mask = overlay->slot_count - 1, place = (uint32_t)hash & mask;

    for (; overlay->slots[place].entry != 0; place = (place + 1) & mask) {
        if (overlay->slots[place].mark == (uint32_t)hash) {
            __builtin_prefetch(&overlay->entries[overlay->slots[place].entry - 1]);
            return true;
        }
    }
    return false;
}

typedef bool look_fn(const struct overlay *overlay, uint64_t hash);

/** Looks at each key that covers an IPv4 address; true if it is so for any. */
static inline bool look_at_ipv4(const struct overlay *overlay, uint32_t ipv4, look_fn *look)
{
    bool is_any = false;

    for (int length = next_length(overlay->lengths, 128); length >= 96;
         length = next_length(overlay->lengths, length - 1)) {
        uint64_t low = (UINT64_C(0xffff) << 32u | ipv4) & UINT64_MAX << (128 - length);

        is_any |= look(overlay, hashing_prefix(0, low, (unsigned)length, overlay->seed));
    }
    return is_any;
}

/** Leaves those marked that an entry covers, listed or not. */
static void find_covered(const struct intel_index *index, const uint32_t *addresses,
                         const intel_record *records, struct marked *marked)
{
    size_t left = 0;

    for (size_t i = 0; i < marked->count; i++) {
        look_at_ipv4(index->overlay, addresses[marked->places[i]], look_ahead);
    }
    for (size_t i = 0; i < marked->count; i++) {
        uint16_t place = marked->places[i];

        if (!look_at_ipv4(index->overlay, addresses[place], look_closer)) {
            continue;
        }
        marked->places[left++] = place;
        if (records[place] != 0) {
            image_prefetch_entry(index->image, records[place]);
        }
    }
    marked->count = left;
}

static void correct_chunk(const struct intel_index *index, const uint32_t *addresses, size_t count,
                          intel_record *records)
{
    struct marked marked;

    find_marked(index->overlay, addresses, count, &marked);
    find_covered(index, addresses, records, &marked);
    for (size_t i = 0; i < marked.count; i++) {
        struct prefix prefix = {address_of_ipv4(addresses[marked.places[i]]), 128};
        intel_record *record = &records[marked.places[i]];

        *record = merge_found(index, *record, cover_address(index->overlay, &prefix, 128));
    }
}

void overlay_correct_ipv4(const struct intel_index *index, const uint32_t *addresses, size_t count,
                          intel_record *records)
{
    for (size_t i = 0; i < count; i += LANES) {
        correct_chunk(index, addresses + i, count - i < LANES ? count - i : LANES, records + i);
    }
}

/* --- all --- */

static unsigned length_of(const struct intel_index *index, intel_record record)
{
    struct indicator indicator = intel_indicator(index, record);

    return indicator.observable.prefix.length;
}

/** As image_match() chooses between both forms of an address. */
static intel_record merge_embedded(const struct intel_index *index, const struct address *address,
                                   unsigned front, uint32_t ipv4)
{
    struct address form = address_of_ipv4(ipv4);
    intel_record inside, whole = image_match_whole(index->image, address);

    image_match_ipv4(index->image, &ipv4, 1, &inside);
    inside = merge_address(index, &form, inside);
    whole = merge_address(index, address, whole);
    if (inside == 0 || whole == 0) {
        return inside + whole;
    }
    return length_of(index, whole) > length_of(index, inside) - 96 + front ? whole : inside;
}

void overlay_correct(const struct intel_index *index, const struct address *addresses, size_t count,
                     intel_record *records)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t high, low;
        uint32_t place, inside;
        unsigned front;

        overlay_read_address(&addresses[i], &high, &low);
        place = address_is_ipv4(&addresses[i]) ? overlay_place_of_ipv4((uint32_t)low)
                                               : overlay_place_of_ipv6(high);
        front = image_embedded_ipv4(&addresses[i], &inside);
        if (front != 0) {
            records[i] = merge_embedded(index, &addresses[i], front, inside);
        } else if (is_marked(index->overlay, place)) {
            records[i] = merge_address(index, &addresses[i], records[i]);
        }
    }
}

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

void overlay_correct_names(const struct intel_index *index, const char *const *names, size_t count,
                           intel_record *records)
{
    for (size_t i = 0; i < count; i++) {
        if (is_tail_marked(index->overlay, names[i])) {
            struct observable observable = {.kind = OBSERVABLE_NAME, .text = names[i]};

            records[i] = merge(index, &observable, (int)rank_of(&observable), records[i]);
        }
    }
}

void overlay_correct_fingerprints(const struct intel_index *index, enum observable_kind kind,
                                  const char *const *texts, size_t count, intel_record *records)
{
    for (size_t i = 0; i < count; i++) {
        struct observable observable = {.kind = kind, .text = texts[i]};

        records[i] = merge(index, &observable, 0, records[i]);
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

        next = index->overlay->records[own - 1].next;
        if (next != 0) {
            return next | IMAGE_RECORD_BIT;
        }
        observable = overlay_observable(index->overlay, index->overlay->records[own - 1].entry);
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
