/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_INTEL_INTEL_FIXTURE_H
#define TESTS_UNIT_INTEL_INTEL_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "intel/intel.h"

/** Indexes of what stands in the test, and chains as text. */

#define CHAIN_MAX 1024u

static inline void fixture_require(bool claim, const char *what)
{
    if (!claim) {
        printf("the fixture fails: %s\n", what);
        abort();
    }
}

static inline struct intel_builder *fixture_builder(const char *feed)
{
    const struct intel_feed terms = {.name = feed,
                                     .source = "https://feed.example/",
                                     .licence = "CC0-1.0",
                                     .category = "c2",
                                     .confidence = 60,
                                     .half_life_us = 7};
    struct intel_builder *builder = intel_builder_new();

    fixture_require(builder != NULL && intel_begin_feed(builder, &terms) == PICKET_OK, feed);
    return builder;
}

static inline void fixture_begin(struct intel_builder *builder, const char *feed)
{
    const struct intel_feed terms = {.name = feed, .source = "", .licence = "", .category = ""};

    fixture_require(intel_begin_feed(builder, &terms) == PICKET_OK, feed);
}

/** An indicator that says nothing but what it is about; borrows @p text_room. */
static inline struct indicator fixture_indicator(const char *form,
                                                 char text_room[OBSERVABLE_TEXT_MAX])
{
    struct indicator indicator = {.category = "", .comment = "", .reference = "", .scope = ""};
    struct err err = {""};

    fixture_require(observable_parse(form, strlen(form), &indicator.observable, text_room, &err) ==
                        PICKET_OK,
                    form);
    return indicator;
}

/** Adds forms with blanks between them. */
static inline void fixture_add(struct intel_builder *builder, const char *forms)
{
    char text[OBSERVABLE_TEXT_MAX], form[OBSERVABLE_FORM_MAX];

    while (*forms != '\0') {
        size_t length = strcspn(forms, " ");
        struct indicator indicator;

        snprintf(form, sizeof(form), "%.*s", (int)length, forms);
        indicator = fixture_indicator(form, text);
        fixture_require(intel_add(builder, &indicator) == PICKET_OK, form);
        forms += length + strspn(forms + length, " ");
    }
}

/** Takes the builder. */
static inline struct intel_index *fixture_build(struct intel_builder *builder)
{
    struct intel_index *index = NULL;
    struct err err = {""};

    fixture_require(intel_build(builder, &index, &err) == PICKET_OK, err.text);
    intel_builder_free(builder);
    return index;
}

/** An index of one feed, "a", of forms with blanks between them. */
static inline struct intel_index *fixture_index(const char *forms)
{
    struct intel_builder *builder = fixture_builder("a");

    fixture_add(builder, forms);
    return fixture_build(builder);
}

/** What is looked up: an address, a name or a fingerprint. */
static inline intel_record fixture_find(const struct intel_index *index, const char *text)
{
    char room[OBSERVABLE_TEXT_MAX];
    struct observable observable;
    struct err err = {""};
    intel_record record = 0;

    if (observable_parse(text, strlen(text), &observable, room, &err) != PICKET_OK) {
        intel_match_names(index, &text, 1, &record); /* of one label */
    } else if (observable.kind == OBSERVABLE_ADDRESS) {
        intel_match(index, &observable.prefix.address, 1, &record);
    } else if (observable.kind == OBSERVABLE_NAME) {
        intel_match_names(index, &observable.text, 1, &record);
    } else {
        intel_match_fingerprints(index, observable.kind, &observable.text, 1, &record);
    }
    return record;
}

/** "FORM@FEED FORM@FEED …" of all that is found. */
static inline const char *fixture_chain(const struct intel_index *index, const char *text,
                                        char ret_chain[CHAIN_MAX])
{
    size_t length = 0;

    ret_chain[0] = '\0';
    for (intel_record record = fixture_find(index, text); record != 0 && length < CHAIN_MAX;
         record = intel_next(index, record)) {
        struct indicator indicator = intel_indicator(index, record);
        char form[OBSERVABLE_FORM_MAX];

        observable_format(&indicator.observable, form);
        length += (size_t)snprintf(ret_chain + length, CHAIN_MAX - length, "%s%s@%s",
                                   length == 0 ? "" : " ", form, indicator.feed);
    }
    return ret_chain;
}

/** The same numbers on every run. */
static inline uint32_t fixture_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 32);
}

#endif
