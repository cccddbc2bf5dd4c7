/* SPDX-License-Identifier: MIT */
#include "feed/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/pages.h"
#include "feed/unpack.h"

#define SEEN_FIRST   4096u /* places; a power of two */
#define SEEN_GUESS   ((size_t)1 << 20)
#define SEEN_WAITING 16u
#define LINE_GUESS   16u  /* bytes */
#define SHRINK_MAX   50u  /* percent */
#define GROWTH_MAX   900u /* percent: tenfold */
#define REJECTED_MAX 5u   /* percent */
#define UNPACK_RATIO 100u /* lists pack to a tenth, hardly more */
#define UNPACK_FLOOR ((size_t)64 << 20)
#define CONFIDENCE   50u /* of a feed about which nothing is known */

void feed_terms_init(struct feed_terms *terms, const char *name)
{
    *terms = (struct feed_terms){.role = INDICATOR_LISTED,
                                 .confidence = CONFIDENCE,
                                 .shrink_max_percent = SHRINK_MAX,
                                 .growth_max_percent = GROWTH_MAX,
                                 .rejected_max_percent = REJECTED_MAX};
    snprintf(terms->name, sizeof(terms->name), "%s", name);
}

/* --- what was seen --- */

/** An indicator that was added, to be counted. */
struct sight {
    uint64_t hash; /* of its observable and scope; not 0 */
    bool is_allowed;
};

/**
 * What was added, by its hash. Two that share one would miscount one of them as a
 * duplicate, and do no other harm: both are in the index.
 */
struct seen {
    uint64_t *hashes; /* 0: free */
    size_t capacity;  /* a power of two */
    size_t count;
    struct sight waiting[SEEN_WAITING]; /* for their places to come from memory */
    size_t next;
};

/** Both halves of a product, folded (Wang Yi, wyhash). */
static uint64_t mix(uint64_t hash, uint64_t value)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)(hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);

    return (uint64_t)product ^ (uint64_t)(product >> 64u);
}

static uint64_t mix_text(uint64_t hash, const char *text)
{
    size_t length = strlen(text);
    uint64_t word = 0;

    if (length < sizeof(word)) {
        memcpy(&word, text, length);
        return mix(hash, word);
    }
    hash = mix(hash, length);
    for (size_t i = 0; i + sizeof(word) < length; i += sizeof(word)) {
        memcpy(&word, text + i, sizeof(word));
        hash = mix(hash, word);
    }
    memcpy(&word, text + length - sizeof(word), sizeof(word)); /* some of it once more */
    return mix(hash, word);
}

static uint64_t hash_of(const struct indicator *indicator)
{
    const struct observable *observable = &indicator->observable;
    uint64_t halves[2], hash;

    memcpy(halves, observable->prefix.address.bytes, sizeof(halves));
    hash = mix((uint64_t)observable->kind << 40u | (uint64_t)observable->only_subdomains << 32u |
                   (uint64_t)observable->protocol << 24u | (uint64_t)observable->port << 8u |
                   observable->prefix.length,
               halves[0]);
    hash = mix(hash, halves[1]);
    hash = mix_text(mix_text(hash, observable->text), indicator->scope);
    return hash == 0 ? 1 : hash;
}

/** Where a hash is, or would be. */
static uint64_t *seen_find(const struct seen *seen, uint64_t hash)
{
    size_t at = hash & (seen->capacity - 1);

    while (seen->hashes[at] != 0 && seen->hashes[at] != hash) {
        at = (at + 1) & (seen->capacity - 1);
    }
    return &seen->hashes[at];
}

/** Room for @p more. */
static enum picket_status seen_reserve(struct seen *seen, size_t more)
{
    struct seen grown;

    if ((seen->count + more) * 2 <= seen->capacity) {
        return PICKET_OK;
    }
    grown = *seen;
    while ((seen->count + more) * 2 > grown.capacity) {
        grown.capacity = grown.capacity == 0 ? SEEN_FIRST : grown.capacity * 2;
    }
    grown.hashes = calloc(grown.capacity, sizeof(*grown.hashes));
    if (grown.hashes == NULL) {
        return PICKET_E_NOMEM;
    }
    pages_prefer_large(grown.hashes, grown.capacity * sizeof(*grown.hashes));
    for (size_t i = 0; i < seen->capacity; i++) {
        if (seen->hashes[i] != 0) {
            *seen_find(&grown, seen->hashes[i]) = seen->hashes[i];
        }
    }
    free(seen->hashes);
    *seen = grown;
    return PICKET_OK;
}

/* --- what is known already --- */

/** What the index in force says of an indicator. */
struct known {
    bool is_allowed;        /* a warning or allow list covers it */
    int64_t listed_from_us; /* 0: the feed does not list it, or nobody knows since when */
};

/**
 * The first record for an observable, or of what is above it. What is only about names
 * below it is found below it.
 */
static intel_record match(const struct intel_index *index, const struct observable *observable)
{
    char below[OBSERVABLE_FORM_MAX];
    const char *text = observable->text;
    intel_record record = 0;

    if (observable->kind == OBSERVABLE_ADDRESS) {
        intel_match(index, &observable->prefix.address, 1, &record);
    } else if (observable->kind == OBSERVABLE_NAME) {
        if (observable->only_subdomains) {
            snprintf(below, sizeof(below), "a.%s", text);
            text = below;
        }
        intel_match_names(index, &text, 1, &record);
    } else {
        intel_match_fingerprints(index, observable->kind, &text, 1, &record);
    }
    return record;
}

static bool is_same(const struct observable *a, const struct observable *b)
{
    return a->kind == b->kind && a->port == b->port && a->protocol == b->protocol &&
           a->only_subdomains == b->only_subdomains && a->prefix.length == b->prefix.length &&
           address_equal(&a->prefix.address, &b->prefix.address) && strcmp(a->text, b->text) == 0;
}

static bool allows(const struct indicator *found, const struct observable *observable,
                   int64_t now_us)
{
    bool covers = (found->observable.port == 0 || found->observable.port == observable->port) &&
                  found->observable.prefix.length <= observable->prefix.length;

    return (found->role == INDICATOR_WARNED || found->role == INDICATOR_ALLOWED) && covers &&
           found->scope[0] == '\0' && (found->expires_us == 0 || found->expires_us > now_us);
}

/** @p feed is the indicator's, which does not say so itself while it is read. */
static struct known look_up(const struct intel_index *index, const char *feed,
                            const struct indicator *indicator, int64_t now_us)
{
    const struct observable *observable = &indicator->observable;
    intel_record record = index == NULL ? 0 : match(index, observable);
    struct known known = {.is_allowed = false};

    for (; record != 0; record = intel_next(index, record)) {
        struct indicator found = intel_indicator(index, record);

        known.is_allowed |= allows(&found, observable, now_us);
        if (is_same(&found.observable, observable) && strcmp(found.feed, feed) == 0 &&
            strcmp(found.scope, indicator->scope) == 0) {
            known.listed_from_us = found.listed_from_us;
        }
    }
    return known;
}

int64_t feed_listed_from(const struct intel_index *index, const struct indicator *indicator)
{
    return look_up(index, indicator->feed, indicator, 0).listed_from_us;
}

/* --- probes --- */

/** An observable with its own text. */
struct kept {
    struct observable observable;
    char text[OBSERVABLE_TEXT_MAX];
};

static void keep(struct kept *kept, const struct observable *observable)
{
    kept->observable = *observable;
    memcpy(kept->text, observable->text, strlen(observable->text) + 1);
    kept->observable.text = kept->text;
}

/** As it is written, where a protocol stands only behind a port. */
static bool is_found(const struct intel_index *index, const struct observable *observable)
{
    intel_record record = match(index, observable);

    for (; record != 0; record = intel_next(index, record)) {
        struct observable found = intel_indicator(index, record).observable;

        found.protocol = found.port == 0 ? 0 : found.protocol;
        if (is_same(&found, observable)) {
            return true;
        }
    }
    return false;
}

void feed_probe(const struct intel_index *index, struct feed_load *load)
{
    load->probed = 0;
    for (size_t i = 0; i < FEED_PROBES; i++) {
        char text[OBSERVABLE_TEXT_MAX];
        struct observable observable;

        if (observable_parse(load->probes[i], strlen(load->probes[i]), &observable, text, NULL) ==
            PICKET_OK) {
            load->probed += is_found(index, &observable);
        }
    }
}

/* --- loading --- */

struct loading {
    struct intel_builder *builder;
    const struct feed_terms *terms;
    const struct intel_index *current;
    int64_t now_us;
    size_t added;
    size_t most; /* of these */
    struct seen seen;
    struct kept first;
    struct kept middle; /* that whose number is a power of two: beyond half, and not beyond all */
    struct kept last;
    struct feed_load load;
};

static bool is_reserved(const struct loading *loading, const struct observable *observable)
{
    return observable->kind == OBSERVABLE_ADDRESS &&
           (loading->terms->role == INDICATOR_LISTED ||
            loading->terms->role == INDICATOR_POPULAR) &&
           !prefix_is_public(&observable->prefix);
}

/** What the feed does not say itself, its terms do. */
static void apply_terms(const struct loading *loading, struct indicator *indicator)
{
    int64_t lifetime_us = loading->terms->lifetime_us;

    if (indicator->listed_until_us == 0 || indicator->listed_until_us > loading->now_us) {
        indicator->listed_until_us = loading->now_us;
    }
    if (indicator->expires_us == 0 && lifetime_us > 0) {
        indicator->expires_us = indicator->listed_until_us + lifetime_us;
    }
}

/** A list that does not say since when it has it: since it was loaded with it first. */
static void apply_known(const struct loading *loading, const struct known *known,
                        struct indicator *indicator)
{
    int64_t first_us = known->listed_from_us != 0 ? known->listed_from_us : loading->now_us;

    if (indicator->listed_from_us == 0) {
        indicator->listed_from_us =
            first_us < indicator->listed_until_us ? first_us : indicator->listed_until_us;
    }
}

static enum picket_status count(struct loading *loading, const struct sight *sight)
{
    struct seen *seen = &loading->seen;
    enum picket_status status = seen_reserve(seen, 1);
    uint64_t *place;

    if (status != PICKET_OK || sight->hash == 0) {
        return status;
    }
    place = seen_find(seen, sight->hash);
    if (*place == sight->hash) {
        loading->load.duplicate++;
        return PICKET_OK;
    }
    *place = sight->hash;
    seen->count++;
    loading->load.accepted++;
    loading->load.allow_listed += sight->is_allowed;
    return PICKET_OK;
}

/** Counts what was added some time ago, and fetches the place of what was added now. */
static enum picket_status note(struct loading *loading, struct sight sight)
{
    struct seen *seen = &loading->seen;
    struct sight *waiting = &seen->waiting[seen->next % SEEN_WAITING];
    enum picket_status status = count(loading, waiting);

    __builtin_prefetch(&seen->hashes[sight.hash & (seen->capacity - 1)], 1);
    *waiting = sight;
    seen->next++;
    return status;
}

static enum picket_status count_rest(struct loading *loading)
{
    enum picket_status status = PICKET_OK;

    for (size_t i = 0; i < SEEN_WAITING && status == PICKET_OK; i++) {
        status = note(loading, (struct sight){.hash = 0});
    }
    return status;
}

/** Keeps the probes. */
static void keep_probes(struct loading *loading, const struct observable *observable)
{
    if (loading->added == 1) {
        keep(&loading->first, observable);
    }
    if ((loading->added & (loading->added - 1)) == 0) {
        keep(&loading->middle, observable);
    }
    keep(&loading->last, observable);
}

static enum picket_status take(void *context, const struct indicator *indicator)
{
    struct loading *loading = context;
    struct indicator own = *indicator;
    struct known known;
    enum picket_status status;

    apply_terms(loading, &own);
    if (own.expires_us != 0 && own.expires_us <= loading->now_us) {
        loading->load.expired++;
        return PICKET_OK;
    }
    if (is_reserved(loading, &own.observable)) {
        loading->load.reserved++;
        if (!loading->terms->takes_reserved) {
            return PICKET_OK;
        }
    }
    if (loading->added == loading->most) {
        loading->load.over_limit++;
        return PICKET_OK;
    }
    known = look_up(loading->current, loading->terms->name, &own, loading->now_us);
    apply_known(loading, &known, &own);
    status = intel_add(loading->builder, &own);
    if (status != PICKET_OK) {
        return status;
    }
    loading->added++;
    keep_probes(loading, &own.observable);
    return note(loading, (struct sight){.hash = hash_of(&own), .is_allowed = known.is_allowed});
}

static void skip(void *context, enum feed_skip skip, size_t line, const char *reason)
{
    struct feed_load *load = &((struct loading *)context)->load;
    size_t *counts[FEED_SKIPS] = {[FEED_MALFORMED] = &load->malformed,
                                  [FEED_UNSUPPORTED] = &load->unsupported,
                                  [FEED_REVOKED] = &load->revoked};

    (*counts[skip])++;
    if (skip == FEED_MALFORMED && load->reason_count < FEED_REASONS_MAX) {
        load->reasons[load->reason_count].line = line;
        snprintf(load->reasons[load->reason_count].reason, FEED_REASON_MAX, "%s", reason);
        load->reason_count++;
    }
}

static enum picket_status begin(struct loading *loading)
{
    const struct feed_terms *terms = loading->terms;
    struct intel_feed feed = {.name = terms->name,
                              .source = terms->source,
                              .licence = terms->licence,
                              .category = terms->category,
                              .role = terms->role,
                              .confidence = terms->confidence,
                              .half_life_us = terms->half_life_us};

    return intel_begin_feed(loading->builder, &feed);
}

/** Whether the load is one that may take the place of the one before. */
static enum picket_status judge(const struct loading *loading, size_t before, struct err *reterr)
{
    const struct feed_terms *terms = loading->terms;
    size_t now = loading->load.accepted;

    if (loading->load.format == FEED_FORMAT_WARNING && terms->role == INDICATOR_LISTED) {
        err_set(reterr, "a warning list says what is harmless: give it the role \"warned\"");
        return PICKET_E_CONFLICT;
    }
    if (now == 0) {
        err_set(reterr, "none of its %zu lines has an indicator that can be taken",
                loading->load.lines);
        return PICKET_E_EMPTY;
    }
    if (before > 0 && now < before - before * terms->shrink_max_percent / 100) {
        err_set(reterr, "it shrank from %zu to %zu indicators, by more than %u %%", before, now,
                terms->shrink_max_percent);
        return PICKET_E_CONFLICT;
    }
    if (before > 0 && terms->growth_max_percent > 0 &&
        (uint64_t)now * 100 > (uint64_t)before * (100u + (uint64_t)terms->growth_max_percent)) {
        err_set(reterr, "it grew from %zu to %zu indicators, by more than %u %%", before, now,
                terms->growth_max_percent);
        return PICKET_E_CONFLICT;
    }
    return PICKET_OK;
}

static enum picket_status load_text(struct loading *loading, const char *text, size_t length,
                                    size_t previous_count, struct err *reterr)
{
    const struct feed_sink sink = {take, skip, loading};
    struct feed_load *load = &loading->load;
    struct feed_reading reading = {.format = loading->terms->options.format};
    size_t before = intel_builder_count(loading->builder);
    enum picket_status status = begin(loading);

    if (status != PICKET_OK) {
        return status;
    }
    status = seen_reserve(&loading->seen,
                          length / LINE_GUESS < SEEN_GUESS ? length / LINE_GUESS + 1 : SEEN_GUESS);
    if (status != PICKET_OK) {
        return status;
    }
    status = feed_read(text, length, &loading->terms->options, &sink, &reading, reterr);
    if (status == PICKET_OK) {
        status = count_rest(loading);
    }
    load->format = reading.format;
    load->lines = reading.lines;
    load->blank = reading.blank;
    load->published_us = reading.published_us;
    if (loading->added > 0) {
        observable_format(&loading->first.observable, load->probes[0]);
        observable_format(&loading->middle.observable, load->probes[1]);
        observable_format(&loading->last.observable, load->probes[2]);
    }
    if (status == PICKET_OK) {
        status = judge(loading, previous_count, reterr);
    }
    if (status != PICKET_OK) {
        intel_builder_cut(loading->builder, before);
    }
    return status;
}

/** A wrapper that claims more than lists do is a bomb, and stopped early. */
static size_t unpacked_max(size_t packed)
{
    return packed > (FEED_BYTES_MAX - UNPACK_FLOOR) / UNPACK_RATIO
               ? FEED_BYTES_MAX
               : UNPACK_FLOOR + packed * UNPACK_RATIO;
}

static size_t most_of(const struct feed_terms *terms)
{
    if (terms->max_indicators == FEED_TAKES_NONE) {
        return 0;
    }
    return terms->max_indicators == 0 ? INTEL_RECORDS_MAX : terms->max_indicators;
}

enum picket_status feed_load(struct intel_builder *builder, const struct feed_terms *terms,
                             const uint8_t *bytes, size_t length, size_t previous_count,
                             const struct intel_index *current, int64_t now_us,
                             struct feed_load *ret, struct err *reterr)
{
    struct loading *loading = calloc(1, sizeof(*loading));
    struct buf unpacked;
    bool is_plain = feed_is_plain(bytes, length);
    enum picket_status status = PICKET_E_NOMEM;

    buf_init(&unpacked, unpacked_max(length));
    if (loading == NULL) {
        goto out;
    }
    loading->builder = builder;
    loading->terms = terms;
    loading->current = current;
    loading->now_us = now_us;
    loading->most = most_of(terms);
    status = is_plain ? PICKET_OK : feed_unpack(bytes, length, &unpacked, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    status = load_text(loading, is_plain ? (const char *)bytes : unpacked.bytes,
                       is_plain ? length : unpacked.length, previous_count, reterr);
    *ret = loading->load;
out:
    buf_deinit(&unpacked);
    if (loading != NULL) {
        free(loading->seen.hashes);
    }
    free(loading);
    return status;
}

enum picket_status feed_load_file(struct intel_builder *builder, const struct feed_terms *terms,
                                  const char *path, size_t previous_count,
                                  const struct intel_index *current, int64_t now_us,
                                  struct feed_load *ret, struct err *reterr)
{
    struct buf content;
    enum picket_status status;

    buf_init(&content, FEED_BYTES_MAX);
    status = file_read(path, &content, reterr);
    if (status == PICKET_OK) {
        status = feed_load(builder, terms, (const uint8_t *)content.bytes, content.length,
                           previous_count, current, now_us, ret, reterr);
    }
    buf_deinit(&content);
    return status;
}

bool feed_load_is_poor(const struct feed_load *load, const struct feed_terms *terms,
                       struct err *ret_reason)
{
    size_t rejected = load->malformed + load->reserved + load->over_limit;
    size_t items = rejected + load->accepted + load->duplicate + load->unsupported + load->revoked +
                   load->expired;
    size_t tenths = items == 0 ? 0 : (rejected * 1000 + items - 1) / items; /* of a percent */

    if (rejected * 100 <= items * terms->rejected_max_percent) {
        return false;
    }
    err_set(ret_reason,
            "%zu.%zu %% of its %zu items were rejected, more than the %u %% that are allowed: %zu "
            "malformed, %zu reserved, %zu over its limit",
            tenths / 10, tenths % 10, items, terms->rejected_max_percent, load->malformed,
            load->reserved, load->over_limit);
    return true;
}

void feed_load_explain(const struct feed_load *load, struct err *ret_sentence)
{
    const struct {
        const char *words;
        size_t value;
    } counts[] = {{"repeated", load->duplicate},        {"allowed", load->allow_listed},
                  {"expired", load->expired},           {"revoked", load->revoked},
                  {"unsupported", load->unsupported},   {"in reserved ranges", load->reserved},
                  {"over the limit", load->over_limit}, {"malformed", load->malformed}};
    char text[sizeof(ret_sentence->text)];
    size_t length = (size_t)snprintf(text, sizeof(text), "%zu indicators", load->accepted);

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]) && length < sizeof(text); i++) {
        if (counts[i].value > 0) {
            length += (size_t)snprintf(text + length, sizeof(text) - length, ", %zu %s",
                                       counts[i].value, counts[i].words);
        }
    }
    if (load->reason_count > 0 && length < sizeof(text)) {
        (void)snprintf(text + length, sizeof(text) - length, " (first line %zu: %s)",
                       load->reasons[0].line, load->reasons[0].reason);
    }
    err_set(ret_sentence, "%s", text);
}

void feed_load_write_json(struct json *json, const char *key, const struct feed_load *load)
{
    const struct {
        const char *name;
        size_t value;
    } counts[] = {{"lines", load->lines},
                  {"blank", load->blank},
                  {"accepted", load->accepted},
                  {"duplicate", load->duplicate},
                  {"malformed", load->malformed},
                  {"unsupported", load->unsupported},
                  {"revoked", load->revoked},
                  {"expired", load->expired},
                  {"reserved", load->reserved},
                  {"over_limit", load->over_limit},
                  {"allow_listed", load->allow_listed},
                  {"probed", load->probed}};

    json_open_object(json, key);
    json_put_text(json, "format", feed_format_name(load->format));
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        json_put_uint(json, counts[i].name, counts[i].value);
    }
    if (load->published_us == 0) {
        json_put_null(json, "published");
    } else {
        json_put_time(json, "published", load->published_us);
    }
    json_open_array(json, "reasons");
    for (size_t i = 0; i < load->reason_count; i++) {
        json_open_object(json, NULL);
        json_put_uint(json, "line", load->reasons[i].line);
        json_put_text(json, "reason", load->reasons[i].reason);
        json_close_object(json);
    }
    json_close_array(json);
    json_close_object(json);
}
