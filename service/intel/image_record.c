/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <string.h>

#include "intel/image_parts.h"

static const enum observable_kind kinds[LAYOUT_FAMILIES] = {
    [FAMILY_IPV4] = OBSERVABLE_ADDRESS,
    [FAMILY_IPV6] = OBSERVABLE_ADDRESS,
    [FAMILY_NAME] = OBSERVABLE_NAME,
    [FAMILY_CERTIFICATE] = OBSERVABLE_CERTIFICATE,
    [FAMILY_TLS_CLIENT] = OBSERVABLE_TLS_CLIENT,
};

/* --- chains --- */

image_entry image_entry_count(const struct image *image)
{
    return image->header->entry_count;
}

image_entry image_entry_of(const struct image *image, intel_record record)
{
    image_entry count = image->header->entry_count;

    assert(record != 0 && record <= image->record_count);
    return record <= count ? record : image->owners[record - count - 1];
}

intel_record image_sibling(const struct image *image, intel_record record)
{
    intel_record next = image->records[record - 1].next;

    return next > image->header->entry_count ? next : 0;
}

intel_record image_next(const struct image *image, intel_record record)
{
    assert(record != 0 && record <= image->record_count);
    return image->records[record - 1].next;
}

image_entry image_parent(const struct image *image, image_entry entry)
{
    intel_record last = entry;

    while (image_sibling(image, last) != 0) {
        last = image_sibling(image, last);
    }
    return image->records[last - 1].next;
}

/* --- observables --- */

static struct prefix prefix_of(const struct layout_group *group, const uint8_t *key)
{
    struct prefix prefix = {.length = group->length};
    uint8_t *bytes = prefix.address.bytes;

    if (group->family == FAMILY_IPV4) {
        bytes[10] = bytes[11] = 0xff;
        for (size_t i = 0; i < 4; i++) {
            bytes[12 + i] = key[3 - i];
        }
        prefix.length = (uint8_t)(96 + group->length);
        return prefix;
    }
    for (size_t i = 0; i < 8; i++) {
        bytes[i] = key[7 - i];
        bytes[8 + i] = key[15 - i];
    }
    return prefix;
}

struct observable image_observable(const struct image *image, image_entry entry)
{
    const struct layout_group *group = keys_group(&image->keys, entry);
    const uint8_t *key = keys_get(&image->keys, group, entry);
    struct observable observable = {
        .kind = kinds[group->family], .only_subdomains = group->only_subdomains != 0, .text = ""};

    if (observable.kind == OBSERVABLE_ADDRESS) {
        observable.prefix = prefix_of(group, key);
    } else {
        observable.text = (const char *)key;
    }
    return observable;
}

/** Places a prefix before, at or behind that of an entry, in the order of keys. */
static int compare_prefix(const struct image *image, const struct layout_group *group,
                          image_entry entry, const struct prefix *wanted)
{
    struct prefix prefix = prefix_of(group, keys_get(&image->keys, group, entry));

    return memcmp(wanted->address.bytes, prefix.address.bytes, sizeof(prefix.address.bytes));
}

static image_entry find_prefix(const struct image *image, const struct prefix *prefix)
{
    bool is_ipv4 = prefix->length >= 96 && address_is_ipv4(&prefix->address);
    uint8_t family = is_ipv4 ? FAMILY_IPV4 : FAMILY_IPV6;
    unsigned length = is_ipv4 ? prefix->length - 96u : prefix->length;

    for (size_t i = 0; i < image->keys.group_count; i++) {
        const struct layout_group *group = &image->keys.groups[i];
        image_entry place = group->first;

        if (group->family != family || group->length != length) {
            continue;
        }
        for (uint32_t left = group->count; left > 1; left -= left / 2) {
            place += compare_prefix(image, group, place + left / 2, prefix) >= 0 ? left / 2 : 0;
        }
        return compare_prefix(image, group, place, prefix) == 0 ? place : 0;
    }
    return 0;
}

static image_entry find_name(const struct image *image, const struct observable *observable)
{
    struct keys_domain domains[KEYS_LABELS_MAX];
    image_entry entry;

    if (keys_read_name(observable->text, image->header->seed, 1, domains) == 0) {
        return 0;
    }
    entry =
        keys_find_text(&image->keys, &image->text, domains[0].hash, FAMILY_NAME, observable->text);
    if (entry == 0 ||
        image_observable(image, entry).only_subdomains == observable->only_subdomains) {
        return entry;
    }
    /* the other one of "*.x" and "x" */
    entry = image_parent(image, entry);
    return entry != 0 && strcmp(image_observable(image, entry).text, observable->text) == 0 &&
                   !observable->only_subdomains
               ? entry
               : 0;
}

image_entry image_find(const struct image *image, const struct observable *observable)
{
    intel_record record;

    if (observable->kind == OBSERVABLE_ADDRESS) {
        return find_prefix(image, &observable->prefix);
    }
    if (observable->kind == OBSERVABLE_NAME) {
        return find_name(image, observable);
    }
    image_match_fingerprints(image, observable->kind, &observable->text, 1, &record);
    return record;
}

/* --- records --- */

struct intel_feed image_feed_of(const struct image *image, intel_record record)
{
    const struct layout_terms *terms = &image->terms[image->records[record - 1].terms];
    const struct layout_feed *feed = &image->feeds[terms->feed];

    return (struct intel_feed){.name = image->strings + feed->name,
                               .source = image->strings + feed->source,
                               .licence = image->strings + feed->licence,
                               .category = image->strings + feed->category,
                               .role = (enum indicator_role)feed->role,
                               .confidence = feed->confidence,
                               .half_life_us = feed->half_life_us};
}

struct indicator image_indicator(const struct image *image, intel_record record)
{
    const struct layout_record *found = &image->records[record - 1];
    const struct layout_terms *terms = &image->terms[found->terms];
    const struct layout_feed *feed = &image->feeds[terms->feed];
    struct indicator indicator = {
        .observable = image_observable(image, image_entry_of(image, record)),
        .role = (enum indicator_role)feed->role,
        .confidence = terms->confidence == 0 ? feed->confidence : terms->confidence,
        .line = found->line,
        .feed = image->strings + feed->name,
        .category = image->strings + (terms->category == 0 ? feed->category : terms->category),
        .comment = image->strings + terms->comment,
        .reference = image->strings + terms->reference,
        .scope = image->strings + terms->scope,
        .listed_from_us = terms->listed_from_us,
        .listed_until_us = terms->listed_until_us,
        .expires_us = terms->expires_us};

    indicator.observable.port = terms->port;
    indicator.observable.protocol = terms->protocol;
    return indicator;
}

struct image_standing image_standing(const struct image *image, intel_record record)
{
    const struct layout_terms *terms = &image->terms[image->records[record - 1].terms];

    return (struct image_standing){.role = (enum indicator_role)image->feeds[terms->feed].role,
                                   .expires_us = terms->expires_us};
}

void image_prefetch_record(const struct image *image, intel_record record)
{
    __builtin_prefetch(&image->records[record - 1]);
}

bool image_has_feed(const struct image *image, const char *name)
{
    for (size_t i = 0; i < image->feed_count; i++) {
        if (strcmp(image->strings + image->feeds[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

void image_get_stats(const struct image *image, struct intel_stats *ret)
{
    *ret = (struct intel_stats){.records = image->record_count,
                                .feeds = image->feed_count,
                                .image_bytes = image->header->length,
                                .build_id = image->header->build_id};
    for (size_t i = 0; i < image->keys.group_count; i++) {
        ret->observables[kinds[image->keys.groups[i].family]] += image->keys.groups[i].count;
    }
    for (size_t i = SECTION_IPV4_SUMMARY; i < LAYOUT_SECTIONS; i++) {
        ret->lookup_bytes += image->header->sections[i].length;
    }
}
