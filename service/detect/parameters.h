/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_DETECT_PARAMETERS_H
#define SERVICE_DETECT_PARAMETERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/address.h"
#include "model/device.h"
#include "model/flow.h"
#include "model/severity.h"

struct arena;
struct err;
struct json;

/**
 * The parameters of a group's rules: their values, as the judges of detect read
 * them, and the table that says which there are. Private to detect.
 */

struct prefix_list {
    struct prefix *items;
    size_t count;
};

struct port_list {
    uint16_t *items;
    size_t count;
};

#define SERVICE_NAME_MAX 16u /* bytes without the NUL */

/** A service that is spoken without encryption. */
struct service {
    char name[SERVICE_NAME_MAX + 1];
    uint8_t protocol; /* IANA number */
    uint16_t port;
};

struct service_list {
    struct service *items;
    size_t count;
};

/** What every rule begins with. */
struct rule {
    bool is_enabled;
    struct severity_override {
        bool is_set;
        enum severity value;
    } severity;
};

/** Bits of rule_ti.directions: 1 << enum picket_direction. */
#define RULE_OUTBOUND (1u << 0)
#define RULE_INBOUND  (1u << 1)

/** Bits of rule_ti.protocols. */
#define RULE_ANY_PROTOCOL (1u << 0)
#define RULE_TCP          (1u << 1)
#define RULE_UDP          (1u << 2)
#define RULE_ICMP         (1u << 3)

/** Bits of rule_ti.categories. */
#define RULE_TOR   (1u << 0)
#define RULE_PROXY (1u << 1)
#define RULE_VPN   (1u << 2)

/** Bits of rule_ti.kinds. */
#define RULE_CERTIFICATE (1u << 0)
#define RULE_SERVER_NAME (1u << 1)

/** Of every type that looks indicators up; each sets what it has parameters for. */
struct rule_ti {
    struct rule rule;
    int64_t min_confidence; /* of the score */
    int64_t max_age_us;
    bool shared_infra_penalty;
    uint32_t directions;
    uint32_t protocols;
    struct prefix_list approved_peers;
    uint32_t categories; /* of addresses: only these; 0: all others */
    bool match_parent;
    uint32_t kinds;
};

struct rule_destinations {
    struct rule rule;
    struct prefix_list cidr;
    struct port_list ports;
};

struct rule_connections {
    struct rule rule;
    int64_t min;
    int64_t max;
    int64_t window_us;
};

struct rule_silence {
    struct rule rule;
    int64_t intervals;
    int64_t medium_after_us;
};

struct rule_loss {
    struct rule rule;
    int64_t limit_percent;
    int64_t medium_percent;
    int64_t window_us;
};

struct rule_denied {
    struct rule rule;
    int64_t medium_count; /* packets in an hour */
};

/** Of types that have nothing to set but what all have. */
struct rule_plain {
    struct rule rule;
};

struct rule_cleartext {
    struct rule rule;
    struct service_list services;
};

struct rule_hardening {
    struct rule rule;
    uint32_t protections; /* of enum picket_hardening */
};

/** Of types that count attempts. */
struct rule_attempts {
    struct rule rule;
    int64_t count; /* within the window: Medium */
    int64_t window_us;
};

struct rule_certificate_expired {
    struct rule rule;
    int64_t grace_us;
};

struct rule_duplicate {
    struct rule rule;
    int64_t overlap_us;
};

struct rule_replay {
    struct rule rule;
    int64_t window; /* reports below the highest */
};

/** The rules of one group. */
struct rules {
    struct arena *arena; /* holds this struct and its lists */
    char name[GROUP_NAME_MAX + 1];
    size_t indicator_bytes;
    struct rule_ti ti;
    struct rule_ti anonymizers;
    struct rule_ti names;
    struct rule_ti tls;
    struct rule_destinations destinations;
    struct rule_connections connections;
    struct rule_silence silence;
    struct rule_loss loss;
    struct rule_denied denied;
    struct rule_plain rollback;
    struct rule_plain refusal;
    struct rule_cleartext cleartext;
    struct rule_hardening hardening;
    struct rule_replay replay;
    struct rule_plain certificate_mismatch;
    struct rule_certificate_expired certificate_expired;
    struct rule_plain token_expired;
    struct rule_attempts token_invalid;
    struct rule_duplicate duplicate;
    struct rule_plain revoked;
    struct rule_attempts unknown;
    struct rule_plain allowance;
    struct rule_plain messages;
};

/** The first of the networks that has the address, or NULL; ::/0 has nothing of IPv4. */
const struct prefix *prefix_list_find(const struct prefix_list *list,
                                      const struct address *address);

enum parameter_kind {
    PARAMETER_BOOL,
    PARAMETER_SEVERITY,
    PARAMETER_INTEGER,
    PARAMETER_DURATION,
    PARAMETER_WORDS,
    PARAMETER_CIDRS,
    PARAMETER_PORTS,
    PARAMETER_SERVICES,
};

struct parameter {
    const char *name;
    enum parameter_kind kind;
    size_t offset; /* of its value in the rule's struct */
    int64_t min;   /* of integers, of durations (microseconds), and of list lengths */
    int64_t max;
    const char *const *words; /* of PARAMETER_WORDS: word n is bit n; NULL-terminated */
    const char *standard;     /* the default, as JSON */
    const char *allowed;      /* in words, for messages and docs/rules.md */
};

#define RULE_PARAMETERS_MAX 8u

struct rule_type {
    const char *id; /* in the catalogue */
    size_t offset;  /* of its struct in struct rules */
    /* What values that are each allowed contradict each other in, or NULL; may be NULL. */
    const char *(*contradiction)(const void *rule);
    struct parameter parameters[RULE_PARAMETERS_MAX]; /* up to the first without a name */
};

#define RULE_TYPES 23u
extern const struct rule_type rule_types[RULE_TYPES];

/** One value that is being read. */
struct parsing {
    struct arena *arena; /* for lists */
    char place[64];      /* "rules[2].window" */
    const struct parameter *parameter;
    struct err *reterr;
};

/**
 * Reads the value of parsing->parameter into its place in the rule's struct.
 *
 * Errors: PICKET_E_MALFORMED with the place, the value and what is allowed.
 */
PICKET_MUST_CHECK enum picket_status parameter_parse(struct parsing *parsing, const json_t *value,
                                                     void *target);
void parameter_write(struct json *json, const struct parameter *parameter, const void *value);

#endif
