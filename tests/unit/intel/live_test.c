/* SPDX-License-Identifier: MIT */
/* An index that changes, against a plain list that is gone through for every answer. */
#include "intel/live.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "harness/check.h"

#define ITEMS_MAX       600u
#define STEPS           400u
#define CHAIN_MAX       8192u
#define LINKS_MAX       64u               /* of one observable */
#define LINK_MAX        (LINKS_MAX * 12u) /* bytes */
#define NOW_US          1000
#define LINES_MAX       100000u
#define FORGOTTEN_AFTER 1100u /* changes of one observable, each of which leaves some waste */

static const char *const forms[] = {
    "0.0.0.0/0",
    "10.0.0.0/7",
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.1.2.0/23",
    "10.1.2.0/24",
    "10.1.2.128/25",
    "10.1.2.3",
    "10.1.2.4",
    "10.1.2.5",
    "10.1.3.9",
    "172.16.0.1",
    "172.16.0.0/12",
    "192.0.2.0/24",
    "192.0.2.7",
    "::/0",
    "2000::/3",
    "2001:db8::/32",
    "2001:db8:1::/48",
    "2001:db8:1:2::/64",
    "2001:db8:1:2::3",
    "64:ff9b::/96",
    "64:ff9b::a00:0/104",
    "2002:a01::/32",
    "2002:a01:203::/48",
    "example.com",
    "*.example.com",
    "a.example.com",
    "*.a.example.com",
    "b.a.example.com",
    "example.net",
    "a.b",
    "*.a.b",
    "long-name-of-a-label.example.org",
    "0123456789abcdef0123456789abcdef",
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
};
#define FORMS (sizeof(forms) / sizeof(forms[0]))

static const char *const addresses[] = {
    "10.1.2.3",         "10.1.2.4",    "10.1.2.200",  "10.1.3.9",         "10.1.9.9",
    "10.200.0.1",       "11.0.0.1",    "172.16.0.1",  "172.31.0.1",       "192.0.2.7",
    "192.0.2.8",        "8.8.8.8",     "2001:db8::1", "2001:db8:1::1",    "2001:db8:1:2::3",
    "2001:db8:1:2::4",  "2a00::1",     "fe80::1",     "64:ff9b::a01:203", "64:ff9b::808:808",
    "2002:a01:203::77", "2002:808::1",
};
static const char *const names[] = {
    "example.com",
    "x.example.com",
    "a.example.com",
    "z.a.example.com",
    "b.a.example.com",
    "c.b.a.example.com",
    "notexample.com",
    "com",
    "example.net",
    "www.example.net",
    "a.b",
    "x.a.b",
    "xa.b",
    "long-name-of-a-label.example.org",
    "org",
};

/** What the index is held to: records, and nothing else. */
struct item {
    struct observable observable;
    char text[OBSERVABLE_TEXT_MAX];
    unsigned feed;
    unsigned scope;
    uint32_t line;
    int64_t expires_us;
};

struct model {
    struct item items[ITEMS_MAX];
    size_t count;
};

static const char *const feeds[] = {"feed-a", "feed-b", "feed-c"};
static const char *const scopes[] = {"", "group:cameras"};

static uint32_t random_below(uint64_t *state, uint32_t limit)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % limit;
}

static struct intel_feed feed_of(unsigned number)
{
    return (struct intel_feed){.name = feeds[number],
                               .source = "https://example.org/list",
                               .licence = "CC0-1.0",
                               .category = "scanner",
                               .role = number == 2 ? INDICATOR_WARNED : INDICATOR_LISTED,
                               .confidence = 50};
}

static struct item random_item(uint64_t *random, uint32_t line)
{
    struct item item = {.feed = random_below(random, 3),
                        .scope = random_below(random, 2),
                        .line = line,
                        .expires_us = random_below(random, 8) == 0 ? NOW_US - 1 : 0};
    const char *form = forms[random_below(random, FORMS)];

    if (observable_parse(form, strlen(form), &item.observable, item.text, NULL) != PICKET_OK) {
        printf("%s is no observable\n", form);
        abort();
    }
    if (item.observable.kind == OBSERVABLE_ADDRESS && random_below(random, 3) == 0) {
        item.observable.port = (uint16_t)(random_below(random, 2) == 0 ? 443 : 53);
    }
    return item;
}

static struct indicator indicator_of(struct item *item)
{
    struct indicator indicator = {.observable = item->observable,
                                  .confidence = 60,
                                  .line = item->line,
                                  .feed = feeds[item->feed],
                                  .category = "c2",
                                  .comment = "",
                                  .reference = "",
                                  .scope = scopes[item->scope],
                                  .expires_us = item->expires_us};

    if (item->observable.kind != OBSERVABLE_ADDRESS) {
        indicator.observable.text = item->text;
    }
    return indicator;
}

static bool is_same_observable(const struct item *a, const struct item *b)
{
    return a->observable.kind == b->observable.kind &&
           a->observable.only_subdomains == b->observable.only_subdomains &&
           memcmp(&a->observable.prefix, &b->observable.prefix, sizeof(struct prefix)) == 0 &&
           strcmp(a->text, b->text) == 0;
}

static size_t find_item(const struct model *model, const struct item *item)
{
    for (size_t i = 0; i < model->count; i++) {
        const struct item *other = &model->items[i];

        if (is_same_observable(other, item) && other->feed == item->feed &&
            other->scope == item->scope && other->observable.port == item->observable.port) {
            return i;
        }
    }
    return model->count;
}

static void model_put(struct model *model, const struct item *item)
{
    size_t place = find_item(model, item);

    if (place < ITEMS_MAX) {
        model->items[place] = *item;
        model->count += place == model->count;
    }
}

static void model_remove(struct model *model, const struct item *item)
{
    size_t place = find_item(model, item);

    if (place < model->count) {
        model->items[place] = model->items[--model->count];
    }
}

/** How specific an observable is among those that cover the same. */
static unsigned rank_of(const struct item *item)
{
    return item->observable.kind == OBSERVABLE_ADDRESS
               ? item->observable.prefix.length
               : 2u * (unsigned)strlen(item->text) + item->observable.only_subdomains;
}

static bool covers_address(const struct item *item, const struct address *address)
{
    const struct prefix *prefix = &item->observable.prefix;
    bool is_ipv4 = prefix->length >= 96 && address_is_ipv4(&prefix->address);

    return item->observable.kind == OBSERVABLE_ADDRESS && is_ipv4 == address_is_ipv4(address) &&
           prefix_contains(prefix, address);
}

static bool covers_name(const struct item *item, const char *name)
{
    return item->observable.kind == OBSERVABLE_NAME && name_is_within(name, item->text) &&
           (!item->observable.only_subdomains || strcmp(name, item->text) != 0);
}

/** What is looked up: one of the two. */
struct query {
    const struct address *address;
    const char *name;
};

/** A record in its chain: the higher rank first, then the lower line. */
struct link {
    unsigned rank;
    uint32_t line;
};

static int compare_links(const void *a, const void *b)
{
    const struct link *x = a, *y = b;

    if (x->rank != y->rank) {
        return x->rank > y->rank ? -1 : 1;
    }
    return (x->line > y->line) - (x->line < y->line);
}

/** Lines of all records that cover it, by falling rank, those of one rank in order. */
static void expected_chain(const struct model *model, const struct query *query,
                           char ret[CHAIN_MAX])
{
    struct link links[ITEMS_MAX];
    size_t count = 0, length = 0;

    for (size_t i = 0; i < model->count; i++) {
        const struct item *item = &model->items[i];

        if (query->address != NULL ? covers_address(item, query->address)
                                   : covers_name(item, query->name)) {
            links[count++] = (struct link){rank_of(item), item->line};
        }
    }
    qsort(links, count, sizeof(links[0]), compare_links);
    ret[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        length += (size_t)snprintf(ret + length, CHAIN_MAX - length, "%u ", links[i].line);
    }
}

static int compare_lines(const void *a, const void *b)
{
    return (*(const uint32_t *)a > *(const uint32_t *)b) -
           (*(const uint32_t *)a < *(const uint32_t *)b);
}

/** The same of the index; the order within one observable is its own affair. */
static void actual_chain(const struct intel_index *index, intel_record record, char ret[CHAIN_MAX])
{
    size_t length = 0;

    ret[0] = '\0';
    while (record != 0 && length + LINK_MAX < CHAIN_MAX) {
        struct observable observable = intel_indicator(index, record).observable;
        uint32_t lines[LINKS_MAX];
        size_t count = 0;

        for (; record != 0 && count < LINKS_MAX; record = intel_next(index, record)) {
            struct indicator indicator = intel_indicator(index, record);

            if (memcmp(&indicator.observable.prefix, &observable.prefix, sizeof(struct prefix)) !=
                    0 ||
                strcmp(indicator.observable.text, observable.text) != 0 ||
                indicator.observable.only_subdomains != observable.only_subdomains) {
                break;
            }
            lines[count++] = indicator.line;
        }
        qsort(lines, count, sizeof(lines[0]), compare_lines);
        for (size_t i = 0; i < count; i++) {
            length += (size_t)snprintf(ret + length, CHAIN_MAX - length, "%u ", lines[i]);
        }
    }
}

/** The IPv4 address inside, as the interface says; false if there is none. */
static bool inside_of(const struct address *address, unsigned *ret_front, struct address *ret)
{
    static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};

    if (memcmp(address->bytes, nat64, 12) == 0) {
        *ret_front = 96;
    } else if (address->bytes[0] == 0x20 && address->bytes[1] == 0x02) {
        *ret_front = 16;
    } else {
        return false;
    }
    *ret = address_from_bytes(address->bytes + *ret_front / 8, 4);
    return true;
}

static int best_rank(const struct model *model, const struct address *address)
{
    int best = -1;

    for (size_t i = 0; i < model->count; i++) {
        int rank = (int)rank_of(&model->items[i]);

        if (covers_address(&model->items[i], address) && rank > best) {
            best = rank;
        }
    }
    return best;
}

static unsigned check_address(const struct intel_index *index, const struct model *model,
                              const char *text)
{
    char expected[CHAIN_MAX], actual[CHAIN_MAX];
    struct address address, inside;
    struct query query = {.address = &address};
    intel_record record;
    unsigned front;

    if (address_parse(text, strlen(text), &address) != PICKET_OK) {
        return 1;
    }
    intel_match(index, &address, 1, &record);
    if (inside_of(&address, &front, &inside)) {
        int of_inside = best_rank(model, &inside), of_whole = best_rank(model, &address);

        if (of_inside >= 0 && of_whole <= of_inside - 96 + (int)front) {
            query.address = &inside;
        }
    }
    expected_chain(model, &query, expected);
    actual_chain(index, record, actual);
    if (strcmp(expected, actual) != 0) {
        printf("%s: expected %s\n    actual %s\n", text, expected, actual);
        return 1;
    }
    if (address_is_ipv4(&address)) {
        const uint8_t *bytes = address.bytes + 12;
        uint32_t ipv4 = (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
                        (uint32_t)bytes[2] << 8 | bytes[3];
        intel_record again;

        intel_match_ipv4(index, &ipv4, 1, &again);
        return again != record;
    }
    return 0;
}

static unsigned check_name(const struct intel_index *index, const struct model *model,
                           const char *name)
{
    char expected[CHAIN_MAX], actual[CHAIN_MAX];
    struct query query = {.name = name};
    intel_record record;

    intel_match_names(index, &name, 1, &record);
    expected_chain(model, &query, expected);
    actual_chain(index, record, actual);
    if (strcmp(expected, actual) != 0) {
        printf("%s: expected %s\n    actual %s\n", name, expected, actual);
        return 1;
    }
    return 0;
}

/** Fingerprints are those of the forms; a chain of one has only its own records. */
static unsigned check_fingerprint(const struct intel_index *index, const struct model *model,
                                  const char *text)
{
    enum observable_kind kind = strlen(text) == 64 ? OBSERVABLE_CERTIFICATE : OBSERVABLE_TLS_CLIENT;
    size_t expected = 0, actual = 0;
    intel_record record;

    intel_match_fingerprints(index, kind, &text, 1, &record);
    for (size_t i = 0; i < model->count; i++) {
        expected += model->items[i].observable.kind == kind;
    }
    for (; record != 0; record = intel_next(index, record)) {
        actual++;
    }
    return expected != actual;
}

static unsigned check_stats(const struct intel_index *index, const struct model *model)
{
    struct intel_stats stats;
    size_t distinct = 0, total = 0;

    for (size_t i = 0; i < model->count; i++) {
        bool is_first = true;

        for (size_t k = 0; k < i; k++) {
            is_first &= !is_same_observable(&model->items[i], &model->items[k]);
        }
        distinct += is_first;
    }
    intel_get_stats(index, &stats);
    for (size_t kind = 1; kind <= OBSERVABLE_KINDS; kind++) {
        total += stats.observables[kind];
    }
    if (stats.records != model->count || total != distinct ||
        intel_index_count(index) != distinct) {
        printf("%zu records of %zu, %zu observables of %zu\n", stats.records, model->count, total,
               distinct);
        return 1;
    }
    return 0;
}

/** How many answers of the index are not those of the model. */
static unsigned count_wrong(const struct intel_index *index, const struct model *model)
{
    unsigned wrong = check_stats(index, model);

    for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
        wrong += check_address(index, model, addresses[i]);
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        wrong += check_name(index, model, names[i]);
    }
    return wrong + check_fingerprint(index, model, forms[FORMS - 1]) +
           check_fingerprint(index, model, forms[FORMS - 2]);
}

static struct intel_index *build(struct model *model)
{
    struct intel_builder *builder = intel_builder_new();
    struct intel_index *index = NULL;
    bool is_built = builder != NULL;

    for (size_t i = 0; is_built && i < model->count; i++) {
        struct intel_feed feed = feed_of(model->items[i].feed);
        struct indicator indicator = indicator_of(&model->items[i]);

        is_built = intel_begin_feed(builder, &feed) == PICKET_OK &&
                   intel_add(builder, &indicator) == PICKET_OK;
    }
    if (is_built && intel_build(builder, &index, NULL) != PICKET_OK) {
        index = NULL;
    }
    intel_builder_free(builder);
    return index;
}

/** Changes index and model alike, at random. */
static bool change(struct intel_index **index, struct model *model, uint64_t *random,
                   uint32_t *line, size_t count)
{
    struct intel_change changes[16];
    struct item items[16];
    struct intel_index *next;

    for (size_t i = 0; i < count; i++) {
        bool is_put = random_below(random, 5) < 3;

        items[i] = random_item(random, (*line)++);
        changes[i] = (struct intel_change){is_put ? INTEL_PUT : INTEL_REMOVE,
                                           feed_of(items[i].feed), indicator_of(&items[i])};
        if (is_put) {
            model_put(model, &items[i]);
        } else {
            model_remove(model, &items[i]);
        }
    }
    if (intel_change(*index, changes, count, &next, NULL) != PICKET_OK) {
        return false;
    }
    intel_index_free(*index);
    *index = next;
    return true;
}

/** As a model does what intel_add_index() does. */
static void model_leave_out(struct model *model, unsigned feed)
{
    for (size_t i = model->count; i-- > 0;) {
        if (model->items[i].feed == feed ||
            (model->items[i].expires_us != 0 && model->items[i].expires_us <= NOW_US)) {
            model->items[i] = model->items[--model->count];
        }
    }
}

static bool is_other_feed(void *context, const char *feed)
{
    return strcmp(context, feed) != 0;
}

static struct intel_index *merge(const struct intel_index *base, const char *left_out)
{
    char name[16];
    struct intel_builder *builder = intel_builder_new();
    struct intel_index *image = NULL;

    snprintf(name, sizeof(name), "%s", left_out);
    if (builder == NULL ||
        intel_add_index(builder, base, is_other_feed, name, NOW_US) != PICKET_OK ||
        intel_build(builder, &image, NULL) != PICKET_OK) {
        image = NULL;
    }
    intel_builder_free(builder);
    return image;
}

/** An index without a file, and a model, of the same @p count random items. */
static struct intel_index *start(struct model *model, uint64_t *random, uint32_t *line,
                                 size_t count)
{
    *model = (struct model){0};
    for (size_t i = 0; i < count; i++) {
        struct item item = random_item(random, (*line)++);

        model_put(model, &item);
    }
    return build(model);
}

TEST(every_answer_is_that_of_all_changes_so_far)
{
    for (uint64_t seed = 1; seed <= 4; seed++) {
        static struct model model;
        uint64_t random = seed;
        uint32_t line = 1;
        struct intel_index *index = start(&model, &random, &line, seed * 15);

        CHECK(index != NULL);
        for (unsigned step = 0; index != NULL && step < STEPS; step++) {
            if (!change(&index, &model, &random, &line, 1 + random_below(&random, 16)) ||
                count_wrong(index, &model) != 0) {
                printf("seed %u, step %u\n", (unsigned)seed, step);
                CHECK(false);
                break;
            }
        }
        intel_index_free(index);
    }
}

TEST(a_version_stays_as_it_was)
{
    static struct model model, before;
    uint64_t random = 7;
    uint32_t line = 1;
    struct intel_index *index = start(&model, &random, &line, 40), *next = NULL;
    struct item item = random_item(&random, line++);
    struct intel_change removal = {INTEL_REMOVE, feed_of(model.items[0].feed),
                                   indicator_of(&model.items[0])};

    CHECK(change(&index, &model, &random, &line, 16));
    before = model;
    CHECK_UINT(intel_change(index, &removal, 1, &next, NULL), PICKET_OK);
    model_remove(&model, &before.items[0]);
    (void)item;
    CHECK_UINT(count_wrong(index, &before), 0);
    CHECK_UINT(count_wrong(next, &model), 0);
    intel_index_free(index);
    CHECK_UINT(count_wrong(next, &model), 0);
    intel_index_free(next);
}

TEST(a_new_image_has_what_was_changed_while_it_was_built)
{
    for (uint64_t seed = 1; seed <= 30; seed++) {
        static struct model model, of_base;
        uint64_t random = seed;
        uint32_t line = 1;
        struct intel_index *base = start(&model, &random, &line, 50), *latest = NULL;
        struct intel_index *image, *rebased = NULL;
        struct intel_stats stats;

        for (unsigned i = 0; i < 4; i++) {
            CHECK(change(&base, &model, &random, &line, 16));
        }
        of_base = model;
        image = merge(base, "");
        CHECK_UINT(intel_change(base, NULL, 0, &latest, NULL), PICKET_OK);
        for (unsigned i = 0; i < seed % 5; i++) {
            CHECK(change(&latest, &model, &random, &line, 16));
        }
        CHECK_UINT(intel_rebase(image, base, latest, &rebased, NULL), PICKET_OK);
        /* what was over by then is gone, unless it was put in since */
        for (size_t i = model.count; i-- > 0;) {
            size_t place = find_item(&of_base, &model.items[i]);

            if (model.items[i].expires_us != 0 && place < of_base.count &&
                of_base.items[place].line == model.items[i].line) {
                model.items[i] = model.items[--model.count];
            }
        }
        CHECK_UINT(count_wrong(rebased, &model), 0);
        intel_get_stats(rebased, &stats);
        CHECK(seed % 5 != 0 || stats.changes == 0);
        intel_index_free(image);
        intel_index_free(base);
        intel_index_free(latest);
        intel_index_free(rebased);
    }
}

TEST(what_was_removed_and_forgotten_does_not_come_back)
{
    static struct model model;
    uint64_t random = 11;
    uint32_t line = 1;
    struct item gone = random_item(&random, line++), other = random_item(&random, line++);
    struct intel_index *base = start(&model, &random, &line, 0), *latest = NULL, *next = NULL;
    struct intel_index *image, *rebased = NULL;
    struct intel_change change = {INTEL_PUT, feed_of(gone.feed), indicator_of(&gone)};

    CHECK_UINT(intel_change(base, &change, 1, &next, NULL), PICKET_OK);
    intel_index_free(base);
    base = next;
    image = merge(base, "");
    change.kind = INTEL_REMOVE;
    CHECK_UINT(intel_change(base, &change, 1, &latest, NULL), PICKET_OK);
    change = (struct intel_change){INTEL_PUT, feed_of(other.feed), indicator_of(&other)};
    for (unsigned i = 0; i < FORGOTTEN_AFTER; i++) {
        CHECK_UINT(intel_change(latest, &change, 1, &next, NULL), PICKET_OK);
        intel_index_free(latest);
        latest = next;
    }
    model_put(&model, &other);
    CHECK_UINT(count_wrong(latest, &model), 0);
    CHECK_UINT(intel_rebase(image, base, latest, &rebased, NULL), PICKET_OK);
    CHECK_UINT(count_wrong(rebased, &model), 0);
    intel_index_free(image);
    intel_index_free(base);
    intel_index_free(latest);
    intel_index_free(rebased);
}

TEST(a_feed_can_be_left_out_of_a_new_image)
{
    static struct model model;
    uint64_t random = 3;
    uint32_t line = 1;
    struct intel_index *index = start(&model, &random, &line, 60), *image;

    CHECK(change(&index, &model, &random, &line, 16));
    image = merge(index, feeds[1]);
    model_leave_out(&model, 1);
    CHECK_UINT(count_wrong(image, &model), 0);
    intel_index_free(image);
    intel_index_free(index);
}

/** True if the model lists exactly this observable. */
static bool model_lists(const struct model *model, const struct item *item)
{
    for (size_t i = 0; i < model->count; i++) {
        if (is_same_observable(&model->items[i], item) && model->items[i].feed != 2) {
            return true;
        }
    }
    return false;
}

TEST(what_is_new_is_listed_now_and_was_not_before)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        static struct model model, of_before, expected;
        uint64_t random = seed;
        uint32_t line = 1;
        struct intel_index *before = start(&model, &random, &line, 20), *index = NULL;
        struct intel_index *merged, *found = NULL;
        struct intel_builder *builder = intel_builder_new(), *again = intel_builder_new();

        of_before = model;
        CHECK_UINT(intel_change(before, NULL, 0, &index, NULL), PICKET_OK);
        CHECK(change(&index, &model, &random, &line, 16));
        CHECK(change(&index, &model, &random, &line, 16));
        expected = (struct model){0};
        for (size_t i = 0; i < model.count; i++) {
            if (model.items[i].feed != 2 && !model_lists(&of_before, &model.items[i])) {
                model_put(&expected, &model.items[i]);
            }
        }
        CHECK_UINT(intel_add_new(builder, index, before), PICKET_OK);
        CHECK_UINT(intel_build(builder, &found, NULL), PICKET_OK);
        CHECK_UINT(count_wrong(found, &expected), 0);
        intel_index_free(found);
        found = NULL;
        /* likewise between indexes that share nothing */
        merged = build(&model);
        CHECK_UINT(intel_add_new(again, merged, before), PICKET_OK);
        CHECK_UINT(intel_build(again, &found, NULL), PICKET_OK);
        CHECK_UINT(count_wrong(found, &expected), 0);
        intel_builder_free(builder);
        intel_builder_free(again);
        intel_index_free(found);
        intel_index_free(merged);
        intel_index_free(index);
        intel_index_free(before);
    }
}

TEST(all_of_an_index_is_new_beside_none)
{
    static struct model model;
    uint64_t random = 5;
    uint32_t line = 1;
    struct intel_index *index = start(&model, &random, &line, 40), *found = NULL;
    struct intel_builder *builder = intel_builder_new();

    CHECK_UINT(intel_add_new(builder, index, NULL), PICKET_OK);
    CHECK_UINT(intel_build(builder, &found, NULL), PICKET_OK);
    for (size_t i = model.count; i-- > 0;) {
        if (model.items[i].feed == 2) {
            model.items[i] = model.items[--model.count];
        }
    }
    CHECK_UINT(count_wrong(found, &model), 0);
    intel_builder_free(builder);
    intel_index_free(found);
    intel_index_free(index);
}

TEST(too_many_changes_are_refused_and_change_nothing)
{
    static struct intel_change changes[4096];
    struct intel_feed feed = feed_of(0);
    struct intel_builder *builder = intel_builder_new();
    struct intel_index *index = NULL, *next = NULL;
    enum picket_status status = PICKET_OK;
    struct intel_stats stats;

    CHECK_UINT(intel_build(builder, &index, NULL), PICKET_OK);
    for (uint32_t batch = 0; status == PICKET_OK && batch < 17; batch++) {
        for (uint32_t i = 0; i < 4096; i++) {
            uint32_t number = batch * 4096 + i;
            uint8_t bytes[4] = {20, (uint8_t)(number >> 16), (uint8_t)(number >> 8),
                                (uint8_t)number};
            struct item item = {.observable = {.kind = OBSERVABLE_ADDRESS, .text = ""},
                                .line = number + 1};

            item.observable.prefix = (struct prefix){address_from_bytes(bytes, sizeof(bytes)), 128};
            changes[i] = (struct intel_change){INTEL_PUT, feed, indicator_of(&item)};
        }
        status = intel_change(index, changes, 4096, &next, NULL);
        if (status == PICKET_OK) {
            intel_index_free(index);
            index = next;
        }
    }
    CHECK_UINT((unsigned)-status, (unsigned)-PICKET_E_FULL);
    intel_get_stats(index, &stats);
    CHECK_UINT(stats.changes, INTEL_CHANGES_MAX);
    CHECK_UINT(intel_index_count(index), INTEL_CHANGES_MAX);
    intel_index_free(index);
    intel_builder_free(builder);
}

TEST(the_same_change_again_and_again_takes_no_room)
{
    static struct model model;
    uint64_t random = 9;
    uint32_t line = 1;
    struct intel_index *index = start(&model, &random, &line, 10);
    struct intel_stats stats;

    while (index != NULL && line < LINES_MAX) {
        if (!change(&index, &model, &random, &line, 16)) {
            CHECK(false);
            break;
        }
    }
    CHECK_UINT(count_wrong(index, &model), 0);
    intel_get_stats(index, &stats);
    CHECK(stats.changes <= FORMS);
    intel_index_free(index);
}

TEST_MAIN(TEST_ROW(every_answer_is_that_of_all_changes_so_far), TEST_ROW(a_version_stays_as_it_was),
          TEST_ROW(a_new_image_has_what_was_changed_while_it_was_built),
          TEST_ROW(what_was_removed_and_forgotten_does_not_come_back),
          TEST_ROW(a_feed_can_be_left_out_of_a_new_image),
          TEST_ROW(what_is_new_is_listed_now_and_was_not_before),
          TEST_ROW(all_of_an_index_is_new_beside_none),
          TEST_ROW(too_many_changes_are_refused_and_change_nothing),
          TEST_ROW(the_same_change_again_and_again_takes_no_room))
