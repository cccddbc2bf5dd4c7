/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_MODEL_SETTINGS_H
#define SERVICE_MODEL_SETTINGS_H

#include <stdint.h>

#include "picket/settings.h"

struct json;

/** What settings say, in words; names of what devices report about them are in model/fact.h. */

/**
 * Why settings were refused, behind a colon: "for other devices"; also for a number that this build
 * does not know.
 */
const char *refusal_reason(enum picket_refusal refusal);
/** "high_interval_ms", …, as in a configuration's file; "" for a number that is none. */
const char *setting_name(uint32_t setting);

/** "heartbeat", "system", …: of bit n of the collectors; NULL behind the last. */
const char *collector_name(unsigned bit);

/** "allow outbound tcp with 192.0.2.0/24, ports 1000-2000". */
#define RULE_TEXT_MAX 128u
void policy_rule_format(const struct picket_rule *rule, char ret_text[RULE_TEXT_MAX]);

/** What settings are: kind, revision, audience; of a policy its mode and size. */
void settings_write_json(struct json *json, const char *key,
                         const struct picket_settings *settings);

#endif
