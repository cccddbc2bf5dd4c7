/* SPDX-License-Identifier: MIT */
#ifndef CLI_SHOW_H
#define CLI_SHOW_H

#include <stddef.h>
#include <stdint.h>

/**
 * What the service's JSON says, in words and tables for a terminal. Members
 * that are missing are left out; every text is made harmless.
 */
struct buf;
struct json_t;
struct table;

/** A text member; "" if there is none. */
const char *show_text(const struct json_t *object, const char *name);
/** A number member; 0 if there is none. */
uint64_t show_number(const struct json_t *object, const char *name);
/** A count, or an amount of bytes; "unknown" if it is null. */
void show_count(struct buf *out, const struct json_t *object, const char *name);
void show_bytes(struct buf *out, const struct json_t *object, const char *name);
/** An RFC 3339 text as "2026-11-24 18:20:51". */
void show_time(struct buf *out, const char *time);

/** Adds the cells of a row. */
typedef void show_row_fn(struct table *table, const struct json_t *row);
/** A table with these @p heads, as table_new() has them; nothing if there are no rows. */
void show_rows(struct buf *out, const struct json_t *rows, int indent, const char *const *heads,
               size_t columns, show_row_fn *add_row);
/** Of a listing: that nothing, or not all of it, was shown. */
void show_rest(struct buf *out, const struct json_t *listing);

/** The first 16 "verdicts" of an object, if there are any, and how many more there are. */
void show_verdicts(struct buf *out, const struct json_t *object);

/** A score with its terms, if there are any. */
void show_score(struct buf *out, const struct json_t *score);
/** Why an indicator would, or would not, raise an alert: what score_write_json() wrote. */
void show_why(struct buf *out, const struct json_t *answer);

/** Rows of alerts or recommendations. */
void show_alert_table(struct buf *out, const struct json_t *alerts);
/** One alert or recommendation with its evidence and what to do. */
void show_alert(struct buf *out, const struct json_t *alert);

#endif
