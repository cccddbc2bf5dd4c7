/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_MODEL_FACT_H
#define SERVICE_MODEL_FACT_H

#include <stddef.h>
#include <stdint.h>

#include "picket/facts.h"

/** A setting of an agent of another maker that it could not take as it was given. */
struct configuration_error {
    struct picket_text name;
    struct picket_text error; /* "TypeMismatch", "NotOptimal", "Conflict" */
    struct picket_text text;  /* in its own words */
};

/** What a report tells beside its flows; texts and times are as in the report. */
struct facts {
    struct picket_name_record *names;
    size_t name_count;
    struct picket_tls_record *tls;
    size_t tls_count;
    struct picket_listener_record *listeners;
    size_t listener_count;
    struct picket_start_record *starts;
    size_t start_count;
    struct picket_event_record *events;
    size_t event_count;
    struct picket_metric_record *metrics;
    size_t metric_count;
    struct picket_icmp_record *icmp; /* .flow is the place in the report's flows */
    size_t icmp_count;
    struct picket_lost_record *lost;
    size_t lost_count;
    struct picket_verdict_record *verdicts;
    size_t verdict_count;
    struct picket_settings_record *settings;
    size_t settings_count;
    struct configuration_error *configuration_errors;
    size_t configuration_error_count;
    uint64_t events_collected; /* that an agent of another maker had for us, */
    uint64_t events_dropped;   /* and of them those that it could not keep */
};

/** "names", "tls", …; "section-N" for one that this build does not know, in ret_text. */
#define SECTION_TEXT_MAX 16u
void section_format(enum picket_section section, char ret_text[SECTION_TEXT_MAX]);
/** "unknown", "power_on", "software", "watchdog", "fault", "brown_out", "external". */
const char *start_cause_name(enum picket_start_cause cause);
/** "rule", "others", "indicator". */
const char *verdict_cause_name(enum picket_verdict_cause cause);
/** "unknown", "policy", "configuration". */
const char *settings_kind_name(enum picket_settings_kind kind);
/** "none", "pending", "on_trial", "in_effect". */
const char *settings_state_name(enum picket_settings_state state);
/** "observe", "alert", "enforce". */
const char *policy_mode_name(enum picket_policy_mode mode);
/** "not", "form", "version", …; "refusal-N" for one that this build does not know, in ret_text. */
#define REFUSAL_TEXT_MAX 16u
void refusal_format(enum picket_refusal refusal, char ret_text[REFUSAL_TEXT_MAX]);
/** "TLS 1.3", "SSL 3.0", "DTLS 1.2"; "version 0x1a2b" for another, in ret_text. */
#define TLS_VERSION_TEXT_MAX 16u
void tls_version_format(uint16_t version, char ret_text[TLS_VERSION_TEXT_MAX]);

#endif
