/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_MODEL_VERDICT_H
#define SERVICE_MODEL_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "model/address.h"
#include "picket/facts.h"

struct json;
struct json_t; /* jansson */

/** What the policy of a device had to say of one flow, over any number of reports. */
struct verdict {
    enum picket_direction direction;
    enum picket_verdict_cause cause; /* never PICKET_CAUSE_NONE */
    uint8_t protocol;
    struct address peer;
    int32_t port;      /* the service's, or FLOW_PORT_UNKNOWN */
    uint32_t rule;     /* of those for the peer's IP version, from 0; 0 unless it was one */
    uint32_t revision; /* of the policy */
    uint64_t packets;
    uint64_t blocked; /* of them */
};

struct verdict verdict_from_record(const struct picket_verdict_record *record);
/** True if all but the counts is equal. */
bool verdict_same(const struct verdict *a, const struct verdict *b);
/** Adds the counts of @p more; they stay at FLOW_COUNT_MAX instead of wrapping. */
void verdict_add(struct verdict *verdict, const struct verdict *more);
/** An object with the names of this struct; a port that is not known is null, so is a rule. */
void verdict_write_json(struct json *json, const char *key, const struct verdict *verdict);
/** Reads that object back: NULL, or the member that is missing or wrong. */
const char *verdict_read_json(struct json_t *object, struct verdict *ret);

#endif
