/* SPDX-License-Identifier: MIT */
#include "model/score.h"

#include <assert.h>
#include <stdio.h>

#include "base/json.h"
#include "model/fields.h"

#define POINTS_MAX 1000000 /* far beyond any sum of terms */

void score_add(struct score *score, const char *name, int32_t points, const char *source)
{
    struct score_term *term = &score->terms[score->term_count];

    if (points == 0) {
        return;
    }
    assert(score->term_count < SCORE_TERMS_MAX);
    snprintf(term->name, sizeof(term->name), "%s", name);
    snprintf(term->source, sizeof(term->source), "%s", source);
    term->points = points;
    score->points += points;
    score->term_count++;
}

void score_terms_write_json(struct json *json, const char *key, const struct score *score)
{
    json_open_object(json, key);
    json_put_int(json, "points", score->points);
    json_open_array(json, "terms");
    for (size_t i = 0; i < score->term_count; i++) {
        json_open_object(json, NULL);
        json_put_text(json, "name", score->terms[i].name);
        json_put_int(json, "points", score->terms[i].points);
        json_put_text(json, "source", score->terms[i].source);
        json_close_object(json);
    }
    json_close_array(json);
    json_put_uint(json, "other_feeds", score->other_feeds);
    json_put_bool(json, "is_shared", score->is_shared);
    json_close_object(json);
}

static const char *read_term(json_t *object, struct score *score)
{
    char name[SCORE_NAME_MAX], source[SCORE_SOURCE_MAX];
    struct fields fields;
    int64_t points;

    fields_init(&fields, object);
    fields_copy_text(&fields, "name", name, sizeof(name));
    fields_copy_text(&fields, "source", source, sizeof(source));
    points = fields_get_int(&fields, "points");
    if (points == 0 || points < -POINTS_MAX || points > POINTS_MAX) {
        fields_fail(&fields, "points");
    } else {
        score_add(score, name, (int32_t)points, source);
    }
    return fields.fault;
}

const char *score_terms_read_json(struct json_t *object, struct score *ret)
{
    struct score score = {0};
    struct fields fields;
    json_t *terms;

    fields_init(&fields, object);
    terms = fields_get_array(&fields, "terms");
    if (json_array_size(terms) > SCORE_TERMS_MAX) {
        fields_fail(&fields, "terms");
    }
    for (size_t i = 0; i < json_array_size(terms) && fields.fault == NULL; i++) {
        fields.fault = read_term(json_array_get(terms, i), &score);
    }
    if (fields_get_int(&fields, "points") != score.points) {
        fields_fail(&fields, "points");
    }
    score.other_feeds = (uint32_t)fields_get_uint(&fields, "other_feeds", UINT32_MAX);
    score.is_shared = json_is_true(json_object_get(object, "is_shared"));
    if (fields.fault == NULL) {
        *ret = score;
    }
    return fields.fault;
}
