/* SPDX-License-Identifier: MIT */
#include "intel/making.h"

#include <stdlib.h>
#include <string.h>

#include "intel/builder.h"

/** Numbers of terms and texts in the image, less one, by those in the builder; 0: not there yet. */
struct renumbering {
    uint32_t *terms;
    uint32_t *texts;
    struct buf terms_bytes;
    struct buf strings;
    uint32_t terms_count;
};

static uint32_t renumber_text(struct making *making, struct renumbering *numbers, uint32_t text)
{
    const char *content = texts_get(&making->builder->texts, text);

    if (text == 0) {
        return 0;
    }
    if (numbers->texts[text] == 0) {
        numbers->texts[text] = (uint32_t)numbers->strings.length;
        buf_add(&numbers->strings, content, strlen(content) + 1);
    }
    return numbers->texts[text];
}

static uint32_t renumber_terms(struct making *making, struct renumbering *numbers, uint32_t number)
{
    if (numbers->terms[number] == 0) {
        struct layout_terms terms = making->builder->terms[number];

        terms.category = renumber_text(making, numbers, terms.category);
        terms.comment = renumber_text(making, numbers, terms.comment);
        terms.reference = renumber_text(making, numbers, terms.reference);
        terms.scope = renumber_text(making, numbers, terms.scope);
        buf_add(&numbers->terms_bytes, &terms, sizeof(terms));
        numbers->terms[number] = ++numbers->terms_count;
    }
    return numbers->terms[number] - 1;
}

/** Records while they are made; their terms are numbers of the builder. */
struct recording {
    uint32_t *same;    /* by terms: the number that all with equal feed, port and scope share */
    uint32_t *holders; /* by that number: the record that had it last */
    struct layout_record *records;
    uint32_t *owners;
    uint32_t record_count;
};

/** Gives all terms of one feed, port and scope one number. */
static enum picket_status find_same(const struct intel_builder *builder, uint32_t *ret_same)
{
    size_t count = builder->terms_count;
    struct item *order = making_array(count, sizeof(*order));
    bool is_good = order != NULL;

    for (uint32_t i = 0; is_good && i < count; i++) {
        order[i] = (struct item){.key = builder->terms[i].scope, .terms = i};
    }
    is_good = is_good && item_sort(order, count);
    for (size_t i = 0; is_good && i < count; i++) {
        const struct layout_terms *terms = &builder->terms[order[i].terms];

        order[i].key = (uint64_t)terms->feed << 24u | (uint64_t)terms->port << 8u | terms->protocol;
    }
    is_good = is_good && item_sort(order, count);
    for (size_t i = 0; is_good && i < count; i++) {
        uint32_t terms = order[i].terms, before = i == 0 ? terms : order[i - 1].terms;
        bool is_new = i == 0 || order[i].key != order[i - 1].key ||
                      builder->terms[terms].scope != builder->terms[before].scope;

        ret_same[terms] = is_new ? terms : ret_same[before];
    }
    free(order);
    return is_good ? PICKET_OK : PICKET_E_NOMEM;
}

/** Of two expiries the later one; 0 is never. */
static int64_t later(int64_t a, int64_t b)
{
    return a == 0 || b == 0 ? 0 : a > b ? a : b;
}

/** Gives a record the longer of its life and that of a duplicate. */
static enum picket_status prolong(struct intel_builder *builder, struct layout_record *record,
                                  uint32_t terms)
{
    struct layout_terms longer = builder->terms[record->terms];

    longer.expires_us = later(longer.expires_us, builder->terms[terms].expires_us);
    if (longer.expires_us == builder->terms[record->terms].expires_us) {
        return PICKET_OK;
    }
    return builder_add_terms(builder, &longer, &record->terms);
}

/** Records of the entry that all of these items are of. */
static enum picket_status record_entry(struct making *making, struct recording *recording,
                                       const struct item *items, size_t count)
{
    uint32_t entry = (uint32_t)items->key, last = 0;
    enum picket_status status = PICKET_OK;

    if (count == 1) { /* nearly all */
        recording->records[entry - 1] = (struct layout_record){
            .next = making->parents[entry], .line = items->line, .terms = items->terms};
        return PICKET_OK;
    }
    for (size_t i = 0; i < count && status == PICKET_OK; i++) {
        uint32_t *holder = &recording->holders[recording->same[items[i].terms]];

        if (*holder != 0 && recording->owners[*holder] == entry) {
            status = prolong(making->builder, &recording->records[*holder - 1], items[i].terms);
            continue;
        }
        *holder = last == 0 ? entry : ++recording->record_count;
        recording->owners[*holder] = entry;
        recording->records[*holder - 1] =
            (struct layout_record){.line = items[i].line, .terms = items[i].terms};
        if (last != 0) {
            recording->records[last - 1].next = *holder;
        }
        last = *holder;
    }
    recording->records[last - 1].next = making->parents[entry];
    return status;
}

static enum picket_status record_entries(struct making *making, struct recording *recording)
{
    const struct item *items = making->builder->items;
    size_t count = making->begins[3];
    enum picket_status status = PICKET_OK;

    recording->record_count = making->header.entry_count;
    for (size_t begin = 0, end; begin < count && status == PICKET_OK; begin = end) {
        end = begin + 1;
        while (end < count && items[end].key == items[begin].key) {
            end++;
        }
        status = record_entry(making, recording, items + begin, end - begin);
    }
    return status;
}

static enum picket_status make_feeds(struct making *making, struct renumbering *numbers)
{
    const struct intel_builder *builder = making->builder;
    struct layout_feed *feeds =
        making_section(making, SECTION_FEEDS, builder->feed_count, sizeof(*feeds));

    for (size_t i = 0; feeds != NULL && i < builder->feed_count; i++) {
        feeds[i] = builder->feeds[i];
        feeds[i].name = renumber_text(making, numbers, feeds[i].name);
        feeds[i].source = renumber_text(making, numbers, feeds[i].source);
        feeds[i].licence = renumber_text(making, numbers, feeds[i].licence);
        feeds[i].category = renumber_text(making, numbers, feeds[i].category);
    }
    return feeds == NULL ? PICKET_E_NOMEM : PICKET_OK;
}

/** Feeds, terms and texts, as far as records use them. */
static enum picket_status make_terms(struct making *making, struct layout_record *records,
                                     size_t count)
{
    const struct intel_builder *builder = making->builder;
    struct renumbering numbers = {
        .terms = calloc(builder->terms_count + 1, sizeof(*numbers.terms)),
        .texts = calloc(builder->texts.count + 1, sizeof(*numbers.texts)),
    };
    enum picket_status status = PICKET_E_NOMEM;

    buf_init(&numbers.terms_bytes, SIZE_MAX);
    buf_init(&numbers.strings, UINT32_MAX);
    buf_add(&numbers.strings, "", 1);
    if (numbers.terms == NULL || numbers.texts == NULL) {
        goto out;
    }
    status = make_feeds(making, &numbers);
    for (size_t i = 0; i < count; i++) {
        records[i].terms = renumber_terms(making, &numbers, records[i].terms);
    }
    if (numbers.terms_bytes.is_failed || numbers.strings.is_failed) {
        status = PICKET_E_NOMEM;
    }
out:
    making->sections[SECTION_TERMS] = numbers.terms_bytes;
    making->sections[SECTION_STRINGS] = numbers.strings;
    free(numbers.terms);
    free(numbers.texts);
    return status;
}

enum picket_status making_records(struct making *making)
{
    size_t count = making->begins[3], further;
    size_t terms_count = making->builder->terms_count;
    struct recording recording = {.same = calloc(terms_count + 1, sizeof(uint32_t)),
                                  .holders = calloc(terms_count + 1, sizeof(uint32_t)),
                                  .owners = making_array(count, sizeof(uint32_t))};
    enum picket_status status = PICKET_E_NOMEM;
    uint32_t *owners;

    recording.records = making_section(making, SECTION_RECORDS, count, sizeof(*recording.records));
    if (recording.same == NULL || recording.holders == NULL || recording.owners == NULL ||
        recording.records == NULL) {
        goto out;
    }
    status = find_same(making->builder, recording.same);
    if (status == PICKET_OK) {
        status = record_entries(making, &recording);
    }
    if (status == PICKET_OK) {
        status = make_terms(making, recording.records, recording.record_count);
    }
    if (status != PICKET_OK) {
        goto out;
    }
    making->sections[SECTION_RECORDS].length = recording.record_count * sizeof(*recording.records);
    further = recording.record_count - making->header.entry_count;
    owners = making_section(making, SECTION_OWNERS, further, sizeof(*owners));
    if (owners == NULL) {
        status = PICKET_E_NOMEM;
        goto out;
    }
    memcpy(owners, recording.owners + making->header.entry_count + 1, further * sizeof(*owners));
out:
    free(recording.same);
    free(recording.holders);
    free(recording.owners);
    return status;
}
