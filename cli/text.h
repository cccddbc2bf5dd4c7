/* SPDX-License-Identifier: MIT */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stddef.h>
#include <stdint.h>

/**
 * Text for a terminal: what came from outside made harmless, tables aligned,
 * numbers and times as people read them.
 */
struct buf;

/**
 * Adds @p text on one line: control characters (ESC, line ends, C1, writing
 * direction overrides) and bytes that are not UTF-8 become '?'.
 */
void text_add_safe(struct buf *out, const char *text);
/** 1234567 as "1,234,567". */
void text_add_count(struct buf *out, uint64_t count);
/** 1 as "1 report", 2 as "2 reports". */
void text_add_counted(struct buf *out, uint64_t count, const char *noun);
/** "1.2 MB"; exact below 10,000 bytes. */
void text_add_bytes(struct buf *out, uint64_t bytes);
/** "2026-11-24 18:20:51", UTC. */
void text_add_time(struct buf *out, int64_t time_us);
/** "17 s", "5 min", "3 h 20 min", "7 days". */
void text_add_duration(struct buf *out, int64_t duration_us);

#define TABLE_COLUMNS_MAX 10u

/** Rows of cells that are filled one after the other, row by row. */
struct table;

/**
 * @p heads of @p columns texts are borrowed; one that begins with '>' is for
 * numbers, which stand to the right. NULL if memory is out.
 */
struct table *table_new(const char *const *heads, size_t columns);
/** NULL is allowed. */
void table_free(struct table *table);
/** Adds a cell: made with the functions above on the buf this returns, until the next cell. */
struct buf *table_cell(struct table *table);
/** Adds a cell of safe text. */
void table_add(struct table *table, const char *text);
/** Writes it all, each line after @p indent blanks; nothing if there are no rows. */
void table_write(const struct table *table, struct buf *out, int indent);

#endif
