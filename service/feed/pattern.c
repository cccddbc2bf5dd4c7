/* SPDX-License-Identifier: MIT */
#include "feed/pattern.h"

#include <stdlib.h>
#include <string.h>

#include "feed/field.h"
#include "feed/pattern_token.h"
#include "model/flow.h"
#include "model/observable.h"

#define NESTING_MAX 32u
#define GRAMMAR     "a pattern breaks the grammar of STIX"
#define SEVERAL     "several observations that have to be made together"

enum side {
    SIDE_ANY,
    SIDE_SOURCE,
    SIDE_DESTINATION,
};

/** What a value may be: bits. */
#define IS_IPV4        1u
#define IS_IPV6        2u
#define IS_NAME        4u
#define IS_CERTIFICATE 8u
#define IS_URL         16u /* not in IS_ANY: it has a port of its own */
#define IS_ENDPOINT    (IS_IPV4 | IS_IPV6 | IS_NAME)
#define IS_ANY         (IS_ENDPOINT | IS_CERTIFICATE)

enum part {
    PART_VALUE,
    PART_PORT,
    PART_PROTOCOL,
    PART_TYPE,
};

/** The object paths that can be looked up, without quotes and list indexes. */
static const struct path {
    const char *text;
    enum part part;
    enum side side;
    unsigned kinds;
} paths[] = {
    {"ipv4-addr:value", PART_VALUE, SIDE_ANY, IS_IPV4},
    {"ipv6-addr:value", PART_VALUE, SIDE_ANY, IS_IPV6},
    {"domain-name:value", PART_VALUE, SIDE_ANY, IS_NAME},
    {"url:value", PART_VALUE, SIDE_ANY, IS_URL},
    {"network-traffic:dst_ref.value", PART_VALUE, SIDE_DESTINATION, IS_ENDPOINT},
    {"network-traffic:src_ref.value", PART_VALUE, SIDE_SOURCE, IS_ENDPOINT},
    {"x509-certificate:hashes.SHA-256", PART_VALUE, SIDE_ANY, IS_CERTIFICATE},
    {"network-traffic:dst_port", PART_PORT, SIDE_DESTINATION, 0},
    {"network-traffic:src_port", PART_PORT, SIDE_SOURCE, 0},
    {"network-traffic:protocols", PART_PROTOCOL, SIDE_ANY, 0},
    {"network-traffic:dst_ref.type", PART_TYPE, SIDE_DESTINATION, 0},
    {"network-traffic:src_ref.type", PART_TYPE, SIDE_SOURCE, 0},
};

/** One alternative: comparisons that have to hold together. */
struct term {
    const char *value; /* in the pattern; NULL: none yet */
    size_t value_length;
    unsigned kinds; /* that the value may be */
    enum side side; /* of the value */
    enum side port_side;
    uint16_t port;
    uint8_t protocol;
    bool only_subdomains;
    enum feed_skip skip;
    const char *reason; /* why it can't be said; NULL if it can */
};

struct parser {
    struct pattern_tokens tokens;
    struct term *terms; /* alternatives of what is being read, those of outer parts first */
    size_t count;
    size_t capacity;
    size_t made; /* alternatives ever: what the work is bounded by */
    enum feed_skip skip;
    const char *reason; /* of failure; NULL while all is well */
    enum picket_status status;
};

static void fail(struct parser *parser, enum feed_skip skip, const char *reason)
{
    if (parser->reason == NULL) {
        parser->skip = skip;
        parser->reason = reason;
    }
    pattern_end(&parser->tokens);
}

/* --- tokens --- */

static void advance(struct parser *parser)
{
    pattern_advance(&parser->tokens);
}

static bool is_token(const struct parser *parser, enum token_kind kind, const char *text)
{
    return parser->tokens.next.kind == kind && parser->tokens.next.length == strlen(text) &&
           memcmp(parser->tokens.next.text, text, parser->tokens.next.length) == 0;
}

static bool accept_word(struct parser *parser, const char *word)
{
    if (!is_token(parser, TOKEN_WORD, word)) {
        return false;
    }
    advance(parser);
    return true;
}

static bool accept_sign(struct parser *parser, const char *sign)
{
    if (!is_token(parser, TOKEN_SIGN, sign)) {
        return false;
    }
    advance(parser);
    return true;
}

static void expect_sign(struct parser *parser, const char *sign)
{
    if (!accept_sign(parser, sign)) {
        fail(parser, FEED_MALFORMED, GRAMMAR);
    }
}

/* --- alternatives --- */

static void add_term(struct parser *parser, const struct term *term)
{
    size_t capacity = parser->capacity == 0 ? 16 : parser->capacity * 2;
    struct term *grown;

    if (parser->reason != NULL) {
        return;
    }
    if (parser->made++ == PATTERN_ALTERNATIVES_MAX) {
        fail(parser, FEED_UNSUPPORTED, "a pattern has more alternatives than are read");
        return;
    }
    if (parser->count == parser->capacity) {
        grown = realloc(parser->terms, capacity * sizeof(*grown));
        if (grown == NULL) {
            parser->status = PICKET_E_NOMEM;
            fail(parser, FEED_MALFORMED, "out of memory");
            return;
        }
        parser->terms = grown;
        parser->capacity = capacity;
    }
    parser->terms[parser->count++] = *term;
}

static void block(struct term *term, enum feed_skip skip, const char *reason)
{
    if (term->reason == NULL) {
        term->skip = skip;
        term->reason = reason;
    }
}

static void block_from(struct parser *parser, size_t start, const char *reason)
{
    for (size_t i = start; i < parser->count; i++) {
        block(&parser->terms[i], FEED_UNSUPPORTED, reason);
    }
}

/** Both have to hold. */
static struct term join(const struct term *a, const struct term *b)
{
    struct term term = *a;

    if (b->reason != NULL) {
        block(&term, b->skip, b->reason);
    }
    if ((a->value != NULL && b->value != NULL) || (a->port != 0 && b->port != 0) ||
        (a->protocol != 0 && b->protocol != 0)) {
        block(&term, FEED_UNSUPPORTED, "two things that have to be seen together");
    }
    if (b->value != NULL) {
        term.value = b->value;
        term.value_length = b->value_length;
        term.only_subdomains = b->only_subdomains;
    }
    term.kinds = a->kinds & b->kinds;
    term.side = a->side != SIDE_ANY ? a->side : b->side;
    if ((a->side != SIDE_ANY && b->side != SIDE_ANY && a->side != b->side)) {
        block(&term, FEED_UNSUPPORTED, "source and destination that have to be seen together");
    }
    if (b->port != 0) {
        term.port = b->port;
        term.port_side = b->port_side;
    }
    term.protocol = a->protocol != 0 ? a->protocol : b->protocol;
    return term;
}

/** Every alternative from @p start with every one from @p middle, in the place of both. */
static void join_from(struct parser *parser, size_t start, size_t middle)
{
    size_t end = parser->count, joined;

    for (size_t i = start; i < middle; i++) {
        for (size_t k = middle; k < end && parser->reason == NULL; k++) {
            struct term term = join(&parser->terms[i], &parser->terms[k]);

            add_term(parser, &term);
        }
    }
    if (parser->reason == NULL) {
        joined = parser->count - end;
        memmove(parser->terms + start, parser->terms + end, joined * sizeof(*parser->terms));
        parser->count = start + joined;
    }
}

/* --- comparisons --- */

static bool is_text(const struct token *token, const char *text)
{
    return token->length == strlen(text) && memcmp(token->text, text, token->length) == 0;
}

static void set_protocol(struct term *term, const struct token *token)
{
    static const struct {
        const char *name;
        unsigned kinds;
        uint8_t protocol;
    } rows[] = {{"tcp", IS_ANY, PROTOCOL_TCP},
                {"udp", IS_ANY, PROTOCOL_UDP},
                {"ipv4", IS_IPV4, 0},
                {"ipv6", IS_IPV6, 0}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (is_text(token, rows[i].name)) {
            term->kinds = rows[i].kinds;
            term->protocol = rows[i].protocol;
            return;
        }
    }
    block(term, FEED_UNSUPPORTED, "a protocol that is not looked at");
}

static void set_type(struct term *term, const struct token *token)
{
    static const struct {
        const char *name;
        unsigned kinds;
    } rows[] = {{"ipv4-addr", IS_IPV4}, {"ipv6-addr", IS_IPV6}, {"domain-name", IS_NAME}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (is_text(token, rows[i].name)) {
            term->kinds = rows[i].kinds;
            return;
        }
    }
    block(term, FEED_UNSUPPORTED, "a type that is not looked at");
}

/** "path = literal". */
static struct term term_of(const struct path *path, const struct token *literal)
{
    struct term term = {.kinds = IS_ANY};

    if (path == NULL) {
        block(&term, FEED_UNSUPPORTED, "a pattern about what is not looked up on the network");
        return term;
    }
    term.side = path->side;
    switch (path->part) {
    case PART_VALUE:
        term.kinds = path->kinds;
        term.value = literal->text;
        term.value_length = literal->length;
        break;
    case PART_PORT:
        term.side = SIDE_ANY;
        term.port_side = path->side;
        term.port = field_port(literal->text, literal->length);
        if (term.port == 0) {
            block(&term, FEED_MALFORMED, "a port that is none");
        }
        break;
    case PART_PROTOCOL:
        set_protocol(&term, literal);
        break;
    case PART_TYPE:
        set_type(&term, literal);
        break;
    }
    if (literal->kind == TOKEN_TYPED) {
        block(&term, FEED_UNSUPPORTED, "a binary or time value");
    }
    return term;
}

/** '%' stands for any characters and '_' for one: only whole labels in front are read. */
static void widen(struct term *term)
{
    if (term->value == NULL || term->reason != NULL) {
        return;
    }
    if (term->kinds == IS_NAME && term->value_length > 2 && memcmp(term->value, "%.", 2) == 0) {
        term->value += 2;
        term->value_length -= 2;
        term->only_subdomains = true;
    }
    if (memchr(term->value, '%', term->value_length) != NULL ||
        memchr(term->value, '_', term->value_length) != NULL) {
        block(term, FEED_UNSUPPORTED, "LIKE with a wildcard that is not whole labels in front");
    }
}

/** An object path without quotes and list indexes. */
struct path_text {
    char text[64]; /* longer than any that can be looked up */
    size_t length;
    bool is_long;
};

static void append(struct path_text *path, const struct token *token)
{
    if (token->length > sizeof(path->text) - path->length) {
        path->is_long = true;
        return;
    }
    memcpy(path->text + path->length, token->text, token->length);
    path->length += token->length;
}

static void parse_component(struct parser *parser, struct path_text *path)
{
    if (parser->tokens.next.kind != TOKEN_WORD && parser->tokens.next.kind != TOKEN_TEXT) {
        fail(parser, FEED_MALFORMED, GRAMMAR);
        return;
    }
    append(path, &parser->tokens.next);
    advance(parser);
}

static void parse_index(struct parser *parser)
{
    if (parser->tokens.next.kind == TOKEN_NUMBER) {
        advance(parser);
    } else {
        expect_sign(parser, "*");
    }
    expect_sign(parser, "]");
}

/** "type:name.'name'[*].name"; NULL if it is not among those that can be looked up. */
static const struct path *parse_path(struct parser *parser)
{
    struct path_text path = {.length = 0};
    struct token token = parser->tokens.next;

    parse_component(parser, &path);
    while (is_token(parser, TOKEN_SIGN, ":") || is_token(parser, TOKEN_SIGN, ".") ||
           is_token(parser, TOKEN_SIGN, "[")) {
        token = parser->tokens.next;
        advance(parser);
        if (*token.text == '[') {
            parse_index(parser);
        } else {
            append(&path, &token);
            parse_component(parser, &path);
        }
    }
    if (memchr(path.text, ':', path.length) == NULL && !path.is_long) {
        fail(parser, FEED_MALFORMED, GRAMMAR);
    }
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]) && !path.is_long; i++) {
        if (strlen(paths[i].text) == path.length &&
            memcmp(paths[i].text, path.text, path.length) == 0) {
            return &paths[i];
        }
    }
    return NULL;
}

static struct token parse_literal(struct parser *parser)
{
    struct token literal = parser->tokens.next;

    if (literal.kind != TOKEN_TEXT && literal.kind != TOKEN_NUMBER && literal.kind != TOKEN_TYPED &&
        !is_token(parser, TOKEN_WORD, "true") && !is_token(parser, TOKEN_WORD, "false")) {
        fail(parser, FEED_MALFORMED, GRAMMAR);
    }
    advance(parser);
    return literal;
}

/** "('a', 'b')": an alternative each. */
static void parse_set(struct parser *parser, const struct path *path)
{
    expect_sign(parser, "(");
    do {
        struct token literal = parse_literal(parser);
        struct term term = term_of(path, &literal);

        add_term(parser, &term);
    } while (accept_sign(parser, ","));
    expect_sign(parser, ")");
}

/** Behind an object path. */
static void parse_comparison(struct parser *parser, const struct path *path)
{
    static const char *const signs[] = {"!=", "<>", "<", "<=", ">", ">="};
    static const char *const words[] = {"MATCHES", "ISSUPERSET"};
    bool is_like = is_token(parser, TOKEN_WORD, "LIKE");
    bool is_known = true;
    struct token literal;
    struct term term;

    if (accept_word(parser, "IN")) {
        parse_set(parser, path);
        return;
    }
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]) && is_known; i++) {
        is_known = !accept_sign(parser, signs[i]);
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && is_known; i++) {
        is_known = !accept_word(parser, words[i]);
    }
    if (is_known && !accept_word(parser, "LIKE") && !accept_word(parser, "ISSUBSET") &&
        !accept_sign(parser, "==")) {
        expect_sign(parser, "=");
    }
    literal = parse_literal(parser);
    term = term_of(path, &literal);
    if (is_like) {
        widen(&term);
    }
    if (!is_known) {
        block(&term, FEED_UNSUPPORTED, "a comparison other than =, IN, LIKE and ISSUBSET");
    }
    add_term(parser, &term);
}

/** "path = literal", "path NOT = literal", "EXISTS path". */
static void parse_test(struct parser *parser)
{
    bool is_negated = accept_word(parser, "NOT");
    size_t start = parser->count;
    const struct path *path;

    if (accept_word(parser, "EXISTS")) {
        struct term term = {.kinds = 0};

        parse_path(parser);
        block(&term, FEED_UNSUPPORTED, "EXISTS");
        add_term(parser, &term);
        return;
    }
    path = parse_path(parser);
    is_negated = accept_word(parser, "NOT") || is_negated;
    parse_comparison(parser, path);
    if (is_negated) {
        block_from(parser, start, "a negation");
    }
}

/* --- observations --- */

/** "START t'…' STOP t'…'", "WITHIN 5 SECONDS", "REPEATS 5 TIMES"; false if there is none. */
static bool parse_qualifier(struct parser *parser)
{
    static const char *const rows[][2] = {
        {"START", "STOP"}, {"WITHIN", "SECONDS"}, {"REPEATS", "TIMES"}};
    size_t row = 0;

    while (row < sizeof(rows) / sizeof(rows[0]) && !accept_word(parser, rows[row][0])) {
        row++;
    }
    if (row == sizeof(rows) / sizeof(rows[0])) {
        return false;
    }
    parse_literal(parser);
    if (!accept_word(parser, rows[row][1])) {
        fail(parser, FEED_MALFORMED, GRAMMAR);
    }
    if (row == 0) {
        parse_literal(parser);
    }
    return true;
}

/** What stands between brackets or parentheses: operands with AND, OR and FOLLOWEDBY between. */
struct group {
    const char *closing;  /* "" for the whole pattern */
    bool has_comparisons; /* and not observations */
    bool has_and;         /* in front of the last operand */
    bool is_sequence;     /* there was FOLLOWEDBY */
    size_t start;         /* its first alternative */
    size_t chain;         /* that of the operands that AND joins */
    size_t operand;       /* that of the last one of them */
};

/** Behind an operand, true if another one follows. AND binds before OR, and OR before FOLLOWEDBY.
 */
static bool goes_on(struct parser *parser, struct group *group)
{
    if (group->has_comparisons && group->has_and) {
        join_from(parser, group->chain, group->operand);
    }
    if (accept_word(parser, "AND")) {
        group->has_and = true;
        group->operand = parser->count;
        return true;
    }
    if (!group->has_comparisons && group->has_and) {
        block_from(parser, group->chain, SEVERAL);
    }
    group->has_and = false;
    group->chain = parser->count;
    if (!group->has_comparisons && accept_word(parser, "FOLLOWEDBY")) {
        group->is_sequence = true;
        return true;
    }
    return accept_word(parser, "OR");
}

/** Qualifiers follow an observation, and observations in parentheses. */
static void close_group(struct parser *parser, const struct group *group)
{
    bool is_qualified = false;

    if (group->is_sequence) {
        block_from(parser, group->start, SEVERAL);
    }
    if (group->closing[0] == '\0') {
        return;
    }
    expect_sign(parser, group->closing);
    while ((!group->has_comparisons || group->closing[0] == ']') && parse_qualifier(parser)) {
        is_qualified = true;
    }
    if (is_qualified) {
        block_from(parser, group->start, "a pattern with START, WITHIN or REPEATS");
    }
}

/** If a group begins where an operand has to be, *ret becomes it. */
static bool opens_group(struct parser *parser, const struct group *outer, struct group *ret)
{
    struct group group = {.closing = ")",
                          .has_comparisons = outer->has_comparisons,
                          .start = parser->count,
                          .chain = parser->count};

    if (!accept_sign(parser, "(")) {
        if (outer->has_comparisons) {
            return false;
        }
        expect_sign(parser, "[");
        group.closing = "]";
        group.has_comparisons = true;
    }
    *ret = group;
    return true;
}

static void parse_pattern(struct parser *parser)
{
    struct group groups[NESTING_MAX] = {{.closing = ""}};
    struct group inner;
    size_t depth = 1;

    while (depth > 0 && parser->reason == NULL) {
        if (!opens_group(parser, &groups[depth - 1], &inner)) {
            parse_test(parser);
            while (depth > 0 && !goes_on(parser, &groups[depth - 1])) {
                close_group(parser, &groups[--depth]);
            }
        } else if (depth < NESTING_MAX) {
            groups[depth++] = inner;
        } else {
            fail(parser, FEED_UNSUPPORTED, "a pattern is nested deeper than is read");
        }
    }
}

/* --- what comes of it --- */

static unsigned kind_of(const struct observable *observable)
{
    switch (observable->kind) {
    case OBSERVABLE_ADDRESS:
        return address_is_ipv4(&observable->prefix.address) ? IS_IPV4 : IS_IPV6;
    case OBSERVABLE_NAME:
        return IS_NAME;
    case OBSERVABLE_CERTIFICATE:
        return IS_CERTIFICATE;
    case OBSERVABLE_TLS_CLIENT:
        return 0;
    }
    return 0;
}

/** Why an alternative without a reason yet can't be said as one observable; NULL if it can. */
static const char *find_reason(const struct term *term)
{
    if (term->value == NULL) {
        return "a port, protocol or type alone";
    }
    if (term->kinds == 0) {
        return "a value of two types at once";
    }
    if (term->port != 0 && term->side != SIDE_ANY && term->side != term->port_side) {
        return "an address with a port of the other side";
    }
    return NULL;
}

static enum picket_status give_url(const struct term *term, const struct pattern_sink *sink)
{
    struct observable observable;
    char text[OBSERVABLE_TEXT_MAX];
    enum feed_skip kind;
    const char *reason = reader_url(term->value, term->value_length, &observable, text, &kind);

    if (reason != NULL) {
        sink->skip(sink->context, kind, reason);
        return PICKET_OK;
    }
    return sink->take(sink->context, &observable);
}

static enum picket_status give(const struct term *term, const struct pattern_sink *sink)
{
    struct observable observable;
    char text[OBSERVABLE_TEXT_MAX];
    const char *reason = find_reason(term);
    enum picket_status status;

    if (term->reason != NULL || reason != NULL) {
        sink->skip(sink->context, term->reason != NULL ? term->skip : FEED_UNSUPPORTED,
                   term->reason != NULL ? term->reason : reason);
        return PICKET_OK;
    }
    if (term->kinds == IS_URL) {
        return give_url(term, sink);
    }
    status = observable_parse(term->value, term->value_length, &observable, text, NULL);
    if (status != PICKET_OK || (kind_of(&observable) & term->kinds) == 0 || observable.port != 0) {
        sink->skip(sink->context, FEED_MALFORMED, "a value that is not what its path says");
        return PICKET_OK;
    }
    if (observable.kind != OBSERVABLE_ADDRESS && (term->port != 0 || term->protocol != 0)) {
        sink->skip(sink->context, FEED_UNSUPPORTED, "a name with a port");
        return PICKET_OK;
    }
    observable.only_subdomains = observable.only_subdomains || term->only_subdomains;
    observable.port = term->port;
    observable.protocol = term->protocol;
    return sink->take(sink->context, &observable);
}

enum picket_status pattern_read(const char *pattern, size_t length, const struct pattern_sink *sink)
{
    struct parser parser = {.status = PICKET_OK};

    pattern_begin(&parser.tokens, pattern, length);
    parse_pattern(&parser);
    if (parser.tokens.next.kind != TOKEN_END) {
        fail(&parser, FEED_MALFORMED, GRAMMAR);
    }
    if (parser.reason != NULL && parser.status == PICKET_OK) {
        sink->skip(sink->context, parser.skip, parser.reason);
    }
    for (size_t i = 0; i < parser.count && parser.reason == NULL && parser.status == PICKET_OK;
         i++) {
        parser.status = give(&parser.terms[i], sink);
    }
    free(parser.terms);
    return parser.status;
}
