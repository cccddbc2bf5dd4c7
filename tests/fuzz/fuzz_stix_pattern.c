/* SPDX-License-Identifier: MIT */
/* Any bytes as a STIX pattern: what is true of it by logic must be true of what is read. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "feed/pattern.h"
#include "model/observable.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/** What a pattern gave: the observables in order, and how many were passed over. */
struct result {
    struct buf forms;
    size_t taken;
    size_t skipped;
    bool is_refused; /* its grammar, or its size */
};

static void require(bool claim)
{
    if (!claim) {
        abort();
    }
}

static enum picket_status take(void *context, const struct observable *observable)
{
    struct result *result = context;
    struct observable again;
    char form[OBSERVABLE_FORM_MAX], text[OBSERVABLE_TEXT_MAX], again_form[OBSERVABLE_FORM_MAX];

    observable_format(observable, form);
    require(observable_parse(form, strlen(form), &again, text, NULL) == PICKET_OK);
    observable_format(&again, again_form);
    require(strcmp(form, again_form) == 0);
    buf_addf(&result->forms, "%s/%u ", form, observable->protocol);
    result->taken++;
    return PICKET_OK;
}

static void skip(void *context, enum feed_skip skip, const char *reason)
{
    struct result *result = context;

    require(reason[0] != '\0' && skip != FEED_REVOKED);
    result->skipped++;
    result->is_refused = result->is_refused || strncmp(reason, "a pattern ", 10) == 0;
}

static void run(const char *pattern, size_t length, struct result *ret)
{
    struct pattern_sink sink = {take, skip, ret};
    char *copy = malloc(length + (length == 0)); /* so that a step beyond it is seen */

    require(copy != NULL);
    memcpy(copy, pattern, length);
    *ret = (struct result){.taken = 0};
    buf_init(&ret->forms, (size_t)1 << 24);
    require(pattern_read(copy, length, &sink) == PICKET_OK);
    buf_add_text(&ret->forms, "");
    free(copy);
}

/** Reads @p format with the pattern in the place of each "%". */
static void run_within(const char *format, const char *pattern, size_t length, struct result *ret)
{
    struct buf text;

    buf_init(&text, 3 * length + 64);
    buf_add_text(&text, "");
    for (; *format != '\0'; format++) {
        if (*format == '%') {
            buf_add(&text, pattern, length);
        } else {
            buf_add(&text, format, 1);
        }
    }
    run(text.bytes, text.length, ret);
    buf_deinit(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const char *pattern = (const char *)bytes;
    struct result plain, other;

    run(pattern, length, &plain);
    if (plain.is_refused || memchr(pattern, '\0', length) != NULL) {
        buf_deinit(&plain.forms);
        return 0;
    }
    run_within("(%)", pattern, length, &other);
    require(other.is_refused || strcmp(plain.forms.bytes, other.forms.bytes) == 0);
    require(other.is_refused || other.skipped == plain.skipped);
    buf_deinit(&other.forms);

    run_within("(%) OR (%)", pattern, length, &other);
    require(other.is_refused || other.taken == 2 * plain.taken);
    buf_deinit(&other.forms);

    /* Two observations have to be made: no single one is enough. */
    run_within("(%) AND [ipv4-addr:value = '192.0.2.1']", pattern, length, &other);
    require(other.taken == 0);
    buf_deinit(&other.forms);
    run_within("[domain-name:value = 'example.com'] FOLLOWEDBY (%)", pattern, length, &other);
    require(other.taken == 0);
    buf_deinit(&other.forms);
    buf_deinit(&plain.forms);
    return 0;
}
