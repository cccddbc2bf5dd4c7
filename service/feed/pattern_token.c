/* SPDX-License-Identifier: MIT */
#include "feed/pattern_token.h"

#include <stdbool.h>
#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '-';
}

/** From the opening quote; a backslash takes the next character with it. */
static void read_quoted(struct pattern_tokens *tokens, enum token_kind kind)
{
    const char *start = ++tokens->at;

    while (tokens->at < tokens->end && *tokens->at != '\'') {
        tokens->at += *tokens->at == '\\' && tokens->end - tokens->at > 1 ? 2 : 1;
    }
    if (tokens->at == tokens->end) {
        tokens->next = (struct token){.kind = TOKEN_WRONG};
        return;
    }
    tokens->next = (struct token){kind, start, (size_t)(tokens->at - start)};
    tokens->at++;
}

static void read_run(struct pattern_tokens *tokens, enum token_kind kind, bool (*belongs)(char c))
{
    const char *start = tokens->at++;

    while (tokens->at < tokens->end && belongs(*tokens->at)) {
        tokens->at++;
    }
    tokens->next = (struct token){kind, start, (size_t)(tokens->at - start)};
}

static bool is_in_number(char c)
{
    return is_digit(c) || c == '.';
}

/** A sign of one character, or of two: == != <> <= >= */
static void read_sign(struct pattern_tokens *tokens)
{
    size_t length = 1;

    if (strchr("=!<>", *tokens->at) != NULL && tokens->end - tokens->at > 1 &&
        (tokens->at[1] == '=' || (tokens->at[0] == '<' && tokens->at[1] == '>'))) {
        length = 2;
    }
    tokens->next = (struct token){TOKEN_SIGN, tokens->at, length};
    tokens->at += length;
}

void pattern_advance(struct pattern_tokens *tokens)
{
    char c;

    while (tokens->at < tokens->end && is_blank(*tokens->at)) {
        tokens->at++;
    }
    if (tokens->at == tokens->end) {
        tokens->next = (struct token){.kind = TOKEN_END};
        return;
    }
    c = *tokens->at;
    if (c == '\'') {
        read_quoted(tokens, TOKEN_TEXT);
    } else if (strchr("thb", c) != NULL && c != '\0' && tokens->end - tokens->at > 1 &&
               tokens->at[1] == '\'') {
        tokens->at++;
        read_quoted(tokens, TOKEN_TYPED);
    } else if (is_digit(c) || c == '-' || c == '+') {
        read_run(tokens, TOKEN_NUMBER, is_in_number);
    } else if (is_word(c)) {
        read_run(tokens, TOKEN_WORD, is_word);
    } else if (c != '\0' && strchr("[]().,:*=!<>", c) != NULL) {
        read_sign(tokens);
    } else {
        tokens->next = (struct token){.kind = TOKEN_WRONG};
    }
}

void pattern_begin(struct pattern_tokens *tokens, const char *pattern, size_t length)
{
    *tokens = (struct pattern_tokens){.at = pattern, .end = pattern + length};
    pattern_advance(tokens);
}

void pattern_end(struct pattern_tokens *tokens)
{
    tokens->at = tokens->end;
    tokens->next = (struct token){.kind = TOKEN_END};
}
