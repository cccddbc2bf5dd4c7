/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_FEED_PATTERN_TOKEN_H
#define SERVICE_FEED_PATTERN_TOKEN_H

#include <stddef.h>

/** Words and signs of STIX patterns; of no use outside feed/pattern.c. */

enum token_kind {
    TOKEN_END,
    TOKEN_SIGN,   /* one of []().,:*, or a comparison */
    TOKEN_WORD,   /* a key word or a name */
    TOKEN_TEXT,   /* 'quoted', without the quotes */
    TOKEN_NUMBER, /* with sign and fraction */
    TOKEN_TYPED,  /* t'…', h'…', b'…' */
    TOKEN_WRONG,
};

struct token {
    enum token_kind kind;
    const char *text;
    size_t length;
};

struct pattern_tokens {
    const char *at; /* behind the next one */
    const char *end;
    struct token next;
};

/** The text is borrowed. */
void pattern_begin(struct pattern_tokens *tokens, const char *pattern, size_t length);
/** TOKEN_END at the end, and from then on. */
void pattern_advance(struct pattern_tokens *tokens);
/** Leaves out what is left. */
void pattern_end(struct pattern_tokens *tokens);

#endif
