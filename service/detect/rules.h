/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_DETECT_RULES_H
#define SERVICE_DETECT_RULES_H

#include <stddef.h>

#include "picket/status.h"

struct err;
struct json;

/**
 * What a security group expects of its devices: for each type a rule with its
 * parameters. Immutable once parsed.
 *
 * As JSON: {"name": "cameras", "rules": [{"type": "CA_CONN_TO_IP", "enabled":
 * true, "severity": "Medium", "cidr": ["10.0.0.0/8"], "ports": [443]}, …]}.
 * Beside these "indicator_bytes" may be given, which is no rule: it is what its
 * devices have room for. A rule that is not named has its defaults: built-in types on, custom ones
 * (CA_*) off. One table in rules.c has every rule type and parameter; parser,
 * writer and docs/rules.md follow it.
 */
struct rules;

/** NULL if memory is out. Every group's start, and the group "default" until it is changed. */
struct rules *rules_new_default(const char *name);
/**
 * Errors: PICKET_E_MALFORMED with the place in the text and what would be right:
 *         not JSON, unknown type or parameter, value out of range.
 */
PICKET_MUST_CHECK enum picket_status rules_parse(const char *text, size_t length,
                                                 struct rules **ret, struct err *reterr);
/** NULL is allowed. */
void rules_free(struct rules *rules);
const char *rules_name(const struct rules *rules);
/** Storage that the group's devices have for indicators (intel/shards.h); 0: none. */
size_t rules_indicator_bytes(const struct rules *rules);
/** Every rule with every parameter, also those at their defaults: one read shows what can be set.
 */
void rules_write_json(struct json *json, const char *key, const struct rules *rules);

/** All groups at one moment; immutable; published as a snapshot. */
struct rulebook;

/** NULL if memory is out. Always has "default". */
struct rulebook *rulebook_new(void);
/** Takes @p rules, in place of any of the same name; only before publishing. */
PICKET_MUST_CHECK enum picket_status rulebook_add(struct rulebook *book, struct rules *rules);
/** The rules of a group, or those of "default". Never NULL. */
const struct rules *rulebook_find(const struct rulebook *book, const char *group);
/** NULL is allowed. */
void rulebook_free(struct rulebook *book);

#endif
