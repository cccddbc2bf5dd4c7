/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INGEST_FACTS_H
#define SERVICE_INGEST_FACTS_H

#include <stdbool.h>

struct facts;
struct json;
struct picket_report_head;
struct picket_report_reader;
struct report;

/** Reads every section into the arena of @p report; false if memory is out. */
bool facts_read(struct picket_report_reader *reader, struct report *report);

/**
 * Gives each flow whose peer is in the report's names that name: the first, if
 * there are several. False if memory is out.
 */
bool facts_name_peers(struct report *report);

/** Members of the present object: counters, remainder, heartbeat and system, if they are there. */
void facts_write_sections(struct json *json, const struct picket_report_head *head);

/** Members of the present object: an array for each section that has records. */
void facts_write_json(struct json *json, struct picket_report_reader *reader);
/** The same of facts that were read. */
void facts_write_kept(struct json *json, const struct facts *facts);

#endif
