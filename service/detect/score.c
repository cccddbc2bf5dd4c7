/* SPDX-License-Identifier: MIT */
#include "detect/score.h"

#include <ctype.h>
#include <libpsl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/time.h"
#include "detect/parameters.h"
#include "detect/window.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define AGREEMENT_SHARE 10 /* of what another list thinks, one part in so many is added */
#define AGREEMENT_MAX   20
#define PORT_POINTS     10
#define APPROVED_POINTS (-40)
#define RECORDS_SHOWN   64u

/* How many records that count are weighed, by role; one word of the operator is enough. */
static const size_t room[] = {[INDICATOR_LISTED] = 32,
                              [INDICATOR_WARNED] = 16,
                              [INDICATOR_POPULAR] = 8,
                              [INDICATOR_ALLOWED] = 1};
#define ROLES       COUNT_OF(room)
#define RECORDS_MAX 57u /* their sum */

struct weighing {
    const struct score_question *question;
    const struct rule_ti *rule;
    const struct score_record *records;
    size_t count;
    const struct score_record *listed; /* the one that is weighed */
};

/* --- which records count --- */

static bool is_in_force(const struct weighing *weighing, const struct indicator *indicator)
{
    return indicator->expires_us == 0 || indicator->expires_us > weighing->question->at_us;
}

/** How long before the contact it was last listed; 0 if its list does not say. */
static int64_t age_of(const struct weighing *weighing, const struct indicator *indicator)
{
    return indicator->listed_until_us == 0 ? 0
                                           : window_cut_time(weighing->question->at_us) -
                                                 window_cut_time(indicator->listed_until_us);
}

static bool is_recent(const struct weighing *weighing, const struct indicator *indicator)
{
    return indicator->role != INDICATOR_LISTED ||
           age_of(weighing, indicator) <= weighing->rule->max_age_us;
}

static bool is_of_service(const struct weighing *weighing, const struct indicator *indicator)
{
    const struct observable *asked = &weighing->question->observable,
                            *meant = &indicator->observable;

    return (meant->port == 0 || meant->port == asked->port) &&
           (meant->protocol == 0 || meant->protocol == asked->protocol);
}

static bool is_in_scope(const struct weighing *weighing, const struct indicator *indicator)
{
    const struct score_question *question = weighing->question;
    const struct {
        const char *prefix;
        const char *name;
    } scopes[] = {{"group:", question->group}, {"device:", question->device}};

    for (size_t i = 0; i < COUNT_OF(scopes); i++) {
        size_t length = strlen(scopes[i].prefix);

        if (strncmp(indicator->scope, scopes[i].prefix, length) == 0) {
            return strcmp(indicator->scope + length, scopes[i].name) == 0;
        }
    }
    return indicator->scope[0] == '\0';
}

static bool is_of_name(const struct weighing *weighing, const struct indicator *indicator)
{
    return !indicator->observable.only_subdomains ||
           strcmp(indicator->observable.text, weighing->question->observable.text) != 0;
}

static bool is_of_level(const struct weighing *weighing, const struct indicator *indicator)
{
    return indicator->observable.kind != OBSERVABLE_NAME || indicator->role != INDICATOR_LISTED ||
           weighing->rule->match_parent ||
           strcmp(indicator->observable.text, weighing->question->observable.text) == 0;
}

/** Bits of what anonymizes among the words of a category: "tor", "tor_exit", "Open proxy". */
static uint32_t anonymizers_in(const char *category)
{
    static const struct {
        const char *word;
        uint32_t bit;
    } words[] = {{"tor", RULE_TOR}, {"proxy", RULE_PROXY}, {"vpn", RULE_VPN}};
    uint32_t bits = 0;

    while (*category != '\0') {
        size_t length = 0;

        while (isalpha((unsigned char)category[length])) {
            length++;
        }
        for (size_t i = 0; i < COUNT_OF(words); i++) {
            if (strlen(words[i].word) == length &&
                strncasecmp(words[i].word, category, length) == 0) {
                bits |= words[i].bit;
            }
        }
        category += length > 0 ? length : 1;
    }
    return bits;
}

/** Of addresses, what anonymizes is a type of its own. */
static bool is_of_category(const struct weighing *weighing, const struct indicator *indicator)
{
    uint32_t bits = anonymizers_in(indicator->category);

    if (indicator->role != INDICATOR_LISTED || indicator->observable.kind != OBSERVABLE_ADDRESS) {
        return true;
    }
    return weighing->rule->categories == 0 ? bits == 0 : (bits & weighing->rule->categories) != 0;
}

/** A name that many strangers have names below is nobody's, and listing it a mistake. */
static bool is_of_one_owner(const struct weighing *weighing, const struct indicator *indicator)
{
    bool is_shared = false;

    if (indicator->role != INDICATOR_LISTED || indicator->observable.kind != OBSERVABLE_NAME) {
        return true;
    }
    for (size_t i = 0; i < weighing->count; i++) {
        const struct indicator *other = &weighing->records[i].indicator;

        is_shared |= other->role == INDICATOR_WARNED &&
                     strcmp(other->observable.text, indicator->observable.text) == 0;
    }
    return !is_shared;
}

/** The list is part of the library; without it none of the names that it has is known. */
static bool is_no_suffix(const struct weighing *weighing, const struct indicator *indicator)
{
    const psl_ctx_t *list = psl_builtin();

    (void)weighing;
    return indicator->role != INDICATOR_LISTED || indicator->observable.kind != OBSERVABLE_NAME ||
           list == NULL ||
           psl_is_public_suffix2(list, indicator->observable.text,
                                 PSL_TYPE_ANY | PSL_TYPE_NO_STAR_RULE) == 0;
}

static const struct {
    const char *objection;
    bool (*counts)(const struct weighing *weighing, const struct indicator *indicator);
} checks[] = {
    {"it has expired", is_in_force},
    {"it was listed last too long ago", is_recent},
    {"it is about another port or protocol", is_of_service},
    {"it holds for others", is_in_scope},
    {"it is about names below this one", is_of_name},
    {"the rule does not look at names above", is_of_level},
    {"its category belongs to another type of alert", is_of_category},
    {"a warning list has exactly this name", is_of_one_owner},
    {"it is a public suffix: names below it belong to others", is_no_suffix},
};

/** Why a record does not count; NULL if it does. */
static const char *objection_to(const struct weighing *weighing, const struct indicator *indicator)
{
    for (size_t i = 0; i < COUNT_OF(checks); i++) {
        if (!checks[i].counts(weighing, indicator)) {
            return checks[i].objection;
        }
    }
    return NULL;
}

static bool is_counted(const struct weighing *weighing, size_t number, enum indicator_role role)
{
    const struct indicator *indicator = &weighing->records[number].indicator;

    return indicator->role == role && objection_to(weighing, indicator) == NULL;
}

/* --- what they weigh --- */

/** The points; why goes to @p source, of SCORE_SOURCE_MAX bytes, unless that is NULL. */
typedef int32_t weigh_fn(const struct weighing *weighing, char *source);

struct weigher {
    const char *name;
    weigh_fn *weigh;
};

static int32_t weigh_confidence(const struct weighing *weighing, char *source)
{
    const struct indicator *indicator = &weighing->listed->indicator;
    bool is_of_category = indicator->category[0] != '\0';

    if (source != NULL) {
        snprintf(source, SCORE_SOURCE_MAX, "list \"%.60s\"%s%.32s", indicator->feed,
                 is_of_category ? ": " : "", indicator->category);
    }
    return indicator->confidence;
}

/** Halved with each half-life, and evenly in between. */
static int32_t weigh_decay(const struct weighing *weighing, char *source)
{
    const struct indicator *indicator = &weighing->listed->indicator;
    int64_t half_life_us = weighing->listed->feed.half_life_us;
    int64_t age_us = age_of(weighing, indicator);
    char last[TIME_TEXT_MAX], half_life[TIME_TEXT_MAX];
    int32_t percent, left, points;

    if (half_life_us <= 0 || age_us <= 0) {
        return 0;
    }
    percent = (int32_t)(age_us % half_life_us / (half_life_us / 100 + 1));
    left = age_us / half_life_us > 7
               ? 0
               : (indicator->confidence * (200 - percent) / 200) >> (age_us / half_life_us);
    points = left - indicator->confidence;
    if (source != NULL && points != 0) {
        time_format(indicator->listed_until_us, last);
        duration_say(half_life_us, half_life);
        snprintf(source, SCORE_SOURCE_MAX, "last listed %.10s; halves in %s", last, half_life);
    }
    return points;
}

/** A listed network says less of each address in it, the more there are. */
static int32_t weigh_width(const struct weighing *weighing, char *source)
{
    static const struct {
        uint8_t ipv4_length; /* at least */
        uint8_t ipv6_length;
        int32_t points;
    } widths[] = {{29, 64, 0}, {24, 48, -5}, {20, 40, -10}, {16, 32, -20}, {0, 0, -30}};
    const struct prefix *prefix = &weighing->listed->indicator.observable.prefix;
    bool is_ipv4 = address_is_ipv4(&prefix->address);
    char text[PREFIX_TEXT_MAX];
    size_t row = 0;

    if (weighing->question->observable.kind != OBSERVABLE_ADDRESS) {
        return 0;
    }
    while (prefix->length < (is_ipv4 ? widths[row].ipv4_length + 96 : widths[row].ipv6_length)) {
        row++;
    }
    if (source != NULL && widths[row].points != 0) {
        prefix_format(prefix, text);
        snprintf(source, SCORE_SOURCE_MAX, "all of %s is listed", text);
    }
    return widths[row].points;
}

static int32_t weigh_port(const struct weighing *weighing, char *source)
{
    uint16_t port = weighing->listed->indicator.observable.port;

    if (source != NULL && port != 0) {
        snprintf(source, SCORE_SOURCE_MAX, "the listing is about port %u alone", port);
    }
    return port == 0 ? 0 : PORT_POINTS;
}

/* What a listing weighs by itself. */
static const struct weigher of_listing[] = {{"confidence", weigh_confidence},
                                            {"decay", weigh_decay},
                                            {"prefix_width", weigh_width},
                                            {"port", weigh_port}};

static int32_t sum_of(const struct weighing *weighing, const struct score_record *record)
{
    struct weighing own = *weighing;
    int32_t sum = 0;

    own.listed = record;
    for (size_t i = 0; i < COUNT_OF(of_listing); i++) {
        sum += of_listing[i].weigh(&own, NULL);
    }
    return sum > 0 ? sum : 0;
}

static bool is_same_feed(const struct score_record *a, const struct score_record *b)
{
    return strcmp(a->indicator.feed, b->indicator.feed) == 0;
}

/** True for the first record that counts of a list other than that of the strongest. */
static bool is_other_list(const struct weighing *weighing, size_t number)
{
    const struct score_record *record = &weighing->records[number];
    bool is_known = is_same_feed(record, weighing->listed);

    for (size_t i = 0; i < number && !is_known; i++) {
        is_known = is_counted(weighing, i, INDICATOR_LISTED) &&
                   is_same_feed(record, &weighing->records[i]);
    }
    return !is_known && is_counted(weighing, number, INDICATOR_LISTED);
}

static uint32_t count_other_lists(const struct weighing *weighing)
{
    uint32_t count = 0;

    for (size_t i = 0; i < weighing->count; i++) {
        count += is_other_list(weighing, i);
    }
    return count;
}

static int32_t weigh_agreement(const struct weighing *weighing, char *source)
{
    size_t length = (size_t)snprintf(source, SCORE_SOURCE_MAX, "also on");
    int32_t points = 0;

    for (size_t i = 0; i < weighing->count; i++) {
        if (is_other_list(weighing, i)) {
            const struct score_record *record = &weighing->records[i];

            points += sum_of(weighing, record) / AGREEMENT_SHARE;
            snprintf(source + length, SCORE_SOURCE_MAX - length, " \"%.60s\"",
                     record->indicator.feed);
            length = strlen(source);
        }
    }
    return points < AGREEMENT_MAX ? points : AGREEMENT_MAX;
}

/**
 * What a warning takes away. One about the listed thing itself or a part of it has its
 * full weight. One about a wider network has half, for not all in it is shared; one about
 * a name above has none, for whoever has the listed name is not who has that one.
 */
static int32_t penalty_of(const struct weighing *weighing, const struct score_record *warning)
{
    const struct observable *listed = &weighing->listed->indicator.observable;
    const struct observable *warned = &warning->indicator.observable;
    int32_t points = warning->indicator.confidence;

    if (listed->kind == OBSERVABLE_NAME) {
        return name_is_within(warned->text, listed->text) ? points : 0;
    }
    return warned->prefix.length >= listed->prefix.length ? points : (points + 1) / 2;
}

/** The heaviest warning of a role, or NULL. */
static const struct score_record *heaviest(const struct weighing *weighing,
                                           enum indicator_role role, int32_t *ret_points)
{
    const struct score_record *found = NULL;

    *ret_points = 0;
    for (size_t i = 0; i < weighing->count && weighing->rule->shared_infra_penalty; i++) {
        const struct score_record *record = &weighing->records[i];

        if (is_counted(weighing, i, role) && penalty_of(weighing, record) > *ret_points) {
            *ret_points = penalty_of(weighing, record);
            found = record;
        }
    }
    return found;
}

static int32_t weigh_warning(const struct weighing *weighing, enum indicator_role role,
                             const char *words, char source[SCORE_SOURCE_MAX])
{
    char form[OBSERVABLE_FORM_MAX];
    int32_t points;
    const struct score_record *record = heaviest(weighing, role, &points);

    if (record != NULL) {
        observable_format(&record->indicator.observable, form);
        snprintf(source, SCORE_SOURCE_MAX, "%s \"%.48s\" has %.50s", words, record->indicator.feed,
                 form);
    }
    return -points;
}

static int32_t weigh_shared(const struct weighing *weighing, char *source)
{
    return weigh_warning(weighing, INDICATOR_WARNED, "warning list", source);
}

static int32_t weigh_popular(const struct weighing *weighing, char *source)
{
    return weigh_warning(weighing, INDICATOR_POPULAR, "popularity list", source);
}

static int32_t weigh_approved(const struct weighing *weighing, char *source)
{
    const struct observable *asked = &weighing->question->observable;
    const struct prefix *approved = NULL;
    char text[PREFIX_TEXT_MAX];

    if (asked->kind == OBSERVABLE_ADDRESS) {
        approved = prefix_list_find(&weighing->rule->approved_peers, &asked->prefix.address);
    }
    if (approved == NULL) {
        return 0;
    }
    prefix_format(approved, text);
    snprintf(source, SCORE_SOURCE_MAX, "%s is among the group's approved_peers", text);
    return APPROVED_POINTS;
}

/* What others say of it. */
static const struct weigher of_others[] = {{"agreement", weigh_agreement},
                                           {"shared_infrastructure", weigh_shared},
                                           {"popularity", weigh_popular},
                                           {"approved_peer", weigh_approved}};

static void add_terms(const struct weighing *weighing, const struct weigher *weighers, size_t count,
                      struct score *score)
{
    for (size_t i = 0; i < count; i++) {
        char source[SCORE_SOURCE_MAX] = "";
        int32_t points = weighers[i].weigh(weighing, source);

        score_add(score, weighers[i].name, points, source);
    }
}

/* --- the verdict --- */

/** The heaviest listing that counts, of equal ones the most specific; NULL if there is none. */
static const struct score_record *strongest(const struct weighing *weighing)
{
    const struct score_record *found = NULL;

    for (size_t i = 0; i < weighing->count; i++) {
        const struct score_record *record = &weighing->records[i];

        if (is_counted(weighing, i, INDICATOR_LISTED) &&
            (found == NULL || sum_of(weighing, record) > sum_of(weighing, found))) {
            found = record;
        }
    }
    return found;
}

static const struct score_record *find_allowed(const struct weighing *weighing)
{
    for (size_t i = 0; i < weighing->count; i++) {
        if (is_counted(weighing, i, INDICATOR_ALLOWED)) {
            return &weighing->records[i];
        }
    }
    return NULL;
}

void score_weigh(const struct score_record *records, size_t count,
                 const struct score_question *question, const struct rule_ti *rule,
                 struct score_verdict *ret)
{
    struct weighing weighing = {
        .question = question, .rule = rule, .records = records, .count = count};
    const struct score_record *allowed = find_allowed(&weighing);
    struct score_verdict verdict = {.result = SCORE_CLEAR};

    weighing.listed = strongest(&weighing);
    if (weighing.listed != NULL) {
        verdict.listed = *weighing.listed;
        add_terms(&weighing, of_listing, COUNT_OF(of_listing), &verdict.score);
        add_terms(&weighing, of_others, COUNT_OF(of_others), &verdict.score);
        verdict.score.other_feeds = count_other_lists(&weighing);
        for (enum indicator_role role = INDICATOR_WARNED; role <= INDICATOR_POPULAR; role++) {
            int32_t points;

            verdict.score.is_shared |= heaviest(&weighing, role, &points) != NULL;
        }
        verdict.result = verdict.score.points < rule->min_confidence ? SCORE_WEAK : SCORE_RAISED;
    }
    if (weighing.listed != NULL && allowed != NULL) {
        verdict.result = SCORE_ALLOWED;
        verdict.allowed = *allowed;
    }
    *ret = verdict;
}

/** Of a look-up's records those that count, as many as there is room for. */
static size_t collect(const struct intel_index *index, intel_record record,
                      const struct score_question *question, const struct rule_ti *rule,
                      struct score_record ret_records[RECORDS_MAX])
{
    const struct weighing weighing = {.question = question, .rule = rule};
    size_t taken[ROLES] = {0};
    size_t count = 0;

    for (; record != 0; record = intel_next(index, record)) {
        struct indicator indicator = intel_indicator(index, record);

        if (taken[indicator.role] < room[indicator.role] &&
            objection_to(&weighing, &indicator) == NULL) {
            taken[indicator.role]++;
            ret_records[count++] =
                (struct score_record){.indicator = indicator, .feed = intel_feed_of(index, record)};
        }
    }
    return count;
}

void score_look_up(const struct intel_index *index, intel_record record,
                   const struct score_question *question, const struct rule_ti *rule,
                   struct score_verdict *ret)
{
    struct score_record records[RECORDS_MAX];
    size_t count = collect(index, record, question, rule, records);

    score_weigh(records, count, question, rule, ret);
}

static intel_record find(const struct intel_index *index, const struct observable *observable)
{
    intel_record record = 0;

    switch (observable->kind) {
    case OBSERVABLE_ADDRESS:
        intel_match(index, &observable->prefix.address, 1, &record);
        break;
    case OBSERVABLE_NAME:
        intel_match_names(index, &observable->text, 1, &record);
        break;
    case OBSERVABLE_CERTIFICATE:
    case OBSERVABLE_TLS_CLIENT:
        intel_match_fingerprints(index, observable->kind, &observable->text, 1, &record);
        break;
    }
    return record;
}

void score_answer(const struct intel_index *index, const struct score_question *question,
                  const struct rule_ti *rule, struct score_verdict *ret)
{
    score_look_up(index, find(index, &question->observable), question, rule, ret);
}

/* --- telling why --- */

const char *score_result_name(enum score_result result)
{
    static const char *const names[] = {[SCORE_CLEAR] = "clear",
                                        [SCORE_ALLOWED] = "allowed",
                                        [SCORE_WEAK] = "weak",
                                        [SCORE_RAISED] = "raised"};

    return names[result];
}

static void write_record(struct json *json, const struct weighing *weighing,
                         const struct indicator *indicator, const struct intel_feed *feed)
{
    const char *objection = objection_to(weighing, indicator);

    json_open_object(json, NULL);
    indicator_write_json(json, "indicator", indicator);
    json_put_text(json, "source", feed->source);
    json_put_text(json, "licence", feed->licence);
    json_put_bool(json, "counts", objection == NULL);
    json_put_text(json, "because", objection);
    json_close_object(json);
}

static void write_records(struct json *json, const struct intel_index *index,
                          const struct score_question *question, const struct rule_ti *rule)
{
    struct score_record records[RECORDS_MAX];
    intel_record record = find(index, &question->observable);
    const struct weighing weighing = {.question = question,
                                      .rule = rule,
                                      .records = records,
                                      .count = collect(index, record, question, rule, records)};
    uint64_t left_out = 0, shown = 0;

    json_open_array(json, "records");
    for (; record != 0; record = intel_next(index, record)) {
        const struct indicator indicator = intel_indicator(index, record);
        const struct intel_feed feed = intel_feed_of(index, record);

        if (shown < RECORDS_SHOWN) {
            write_record(json, &weighing, &indicator, &feed);
            shown++;
        } else {
            left_out++;
        }
    }
    json_close_array(json);
    json_put_uint(json, "records_left_out", left_out);
}

/** The rule types that an observable is judged by; the first that has something to say does. */
static const struct {
    enum observable_kind kind;
    const char *type;
    size_t rule; /* offset in struct rules */
} types[] = {
    {OBSERVABLE_ADDRESS, "TI_IP_MATCH", offsetof(struct rules, ti)},
    {OBSERVABLE_ADDRESS, "TI_TOR_OR_PROXY", offsetof(struct rules, anonymizers)},
    {OBSERVABLE_NAME, "TI_DOMAIN_MATCH", offsetof(struct rules, names)},
    {OBSERVABLE_CERTIFICATE, "TI_TLS_MATCH", offsetof(struct rules, tls)},
    {OBSERVABLE_TLS_CLIENT, "TI_TLS_MATCH", offsetof(struct rules, tls)},
};

void score_write_json(struct json *json, const char *key, const struct intel_index *index,
                      const struct score_question *question, const struct rules *rules)
{
    char form[OBSERVABLE_FORM_MAX];
    struct score_verdict verdict = {.result = SCORE_CLEAR};
    const struct rule_ti *rule = NULL;
    const char *type = NULL;

    for (size_t i = 0; i < COUNT_OF(types) && verdict.result == SCORE_CLEAR; i++) {
        if (types[i].kind == question->observable.kind) {
            const struct rule_ti *next = (const void *)((const char *)rules + types[i].rule);

            score_answer(index, question, next, &verdict);
            if (rule == NULL || verdict.result != SCORE_CLEAR) {
                rule = next;
                type = types[i].type;
            }
        }
    }
    observable_format(&question->observable, form);
    json_open_object(json, key);
    json_put_text(json, "value", form);
    json_put_text(json, "kind", observable_kind_name(question->observable.kind));
    json_put_text(json, "result", score_result_name(verdict.result));
    json_put_text(json, "type", type);
    json_put_int(json, "min_confidence", rule->min_confidence);
    if (verdict.result == SCORE_CLEAR) {
        json_put_null(json, "score");
    } else {
        score_terms_write_json(json, "score", &verdict.score);
    }
    if (verdict.result == SCORE_ALLOWED) {
        indicator_write_json(json, "allowed_by", &verdict.allowed.indicator);
    } else {
        json_put_null(json, "allowed_by");
    }
    write_records(json, index, question, rule);
    json_close_object(json);
}
