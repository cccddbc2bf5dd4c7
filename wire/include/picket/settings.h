/* SPDX-License-Identifier: MIT */
#ifndef PICKET_SETTINGS_H
#define PICKET_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/report.h"
#include "picket/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Settings, version 1: what a service tells a device, signed.
 *
 * There are three kinds: a policy says what traffic is expected, a configuration
 * how the module works, indicators which peers are thought to be malicious. All
 * come in one envelope (COSE_Sign1, RFC 9052 §4.2), through one door. spec/settings.cddl and
 * settings.md are the contract; this is its C form, used by the service to encode and by the device
 * to decode.
 *
 * Nothing here allocates, locks, logs or reads a clock. What is read points
 * into the input.
 */

#define PICKET_SETTINGS_VERSION 1u

/** An envelope is never larger than this; the decoder refuses more. */
#define PICKET_SETTINGS_BYTES_MAX 65536u

/** Bytes of a signature, of both algorithms. */
#define PICKET_SIGNATURE_BYTES 64u

/** Bytes by which picket_envelope_put_signed() is larger than the payload, at most. */
#define PICKET_SIGNED_OVERHEAD 22u

/** Bytes by which an envelope is larger than its payload, at most. */
#define PICKET_ENVELOPE_OVERHEAD 77u

/** How an envelope is signed (RFC 9053 §2). */
enum picket_algorithm {
    PICKET_ALGORITHM_EDDSA = 1, /* Ed25519; COSE -8 */
    PICKET_ALGORITHM_ES256 = 2, /* ECDSA over P-256 with SHA-256, r and s; COSE -7 */
};

/** A payload and its signature. */
struct picket_envelope {
    enum picket_algorithm algorithm;
    const uint8_t *payload;
    size_t payload_length;
    const uint8_t *signature; /* PICKET_SIGNATURE_BYTES */
};

/**
 * Takes an envelope apart; its signature is not verified.
 *
 * Errors: PICKET_E_LIMIT for more than PICKET_SETTINGS_BYTES_MAX,
 *         PICKET_E_TRUNCATED, PICKET_E_MALFORMED; *ret untouched.
 */
/*@ requires \valid_read(bytes + (0 .. length - 1)) && \valid(ret);
  @ requires \separated(ret, bytes + (0 .. length - 1));
  @ assigns *ret;
  @*/
PICKET_MUST_CHECK enum picket_status picket_envelope_open(const uint8_t *bytes, size_t length,
                                                          struct picket_envelope *ret);

/**
 * Writes what the signature is over (the Sig_structure of RFC 9052 §4.4); the
 * payload is the last payload_length bytes of it.
 *
 * Errors: PICKET_E_SPACE.
 */
PICKET_MUST_CHECK enum picket_status
picket_envelope_put_signed(const struct picket_envelope *envelope, uint8_t *bytes, size_t capacity,
                           size_t *ret_length);

/** Writes the envelope itself. Errors: PICKET_E_SPACE. */
PICKET_MUST_CHECK enum picket_status picket_envelope_put(const struct picket_envelope *envelope,
                                                         uint8_t *bytes, size_t capacity,
                                                         size_t *ret_length);

/** The kinds of settings; 0 where it is not known. */
enum picket_settings_kind {
    PICKET_SETTINGS_UNKNOWN = 0,
    PICKET_SETTINGS_POLICY = 1,
    PICKET_SETTINGS_CONFIGURATION = 2,
    PICKET_SETTINGS_INDICATORS = 3,
};

/** What a device does about traffic that its policy denies. */
enum picket_policy_mode {
    PICKET_POLICY_OBSERVE = 0, /* reports it; the service only counts */
    PICKET_POLICY_ALERT = 1,   /* reports it, and the service alerts */
    PICKET_POLICY_ENFORCE = 2, /* blocks it, too */
};

/** Most rules of one IP version: a bound on the work for one flow. */
#define PICKET_RULES_MAX 256u

/** Bytes of one rule as a policy has it. */
#define PICKET_IPV4_RULE_BYTES 11u
#define PICKET_IPV6_RULE_BYTES 23u

/** One rule: what it is about, and whether that is allowed. */
struct picket_rule {
    bool is_deny;
    bool has_protocol;               /* false: any */
    enum picket_direction direction; /* who opens the flow; PICKET_DIRECTION_UNKNOWN: either */
    uint8_t protocol;                /* IANA number; 0 unless has_protocol */
    uint8_t address_size;            /* 4 or 16 */
    uint8_t prefix_length;           /* in bits; those behind it are 0 */
    uint8_t address[16];             /* the peer's */
    uint16_t first_port;             /* the service's port; 0 to 65,535: any, or none */
    uint16_t last_port;
};

/**
 * A binary fuse filter with fingerprints of 8 bits over peers' addresses (Graf
 * and Lemire, "Binary Fuse Filters: Fast and Smaller Than Xor Filters", 2022): it
 * has every address it was made from, and about one in 256 of all others.
 */
struct picket_filter {
    uint64_t seed;
    uint32_t segment_length; /* a power of two, at most PICKET_SEGMENT_LENGTH_MAX */
    uint32_t segment_count;  /* of those a key's first position can be in; at least 1 */
    const uint8_t *fingerprints;
    size_t fingerprint_count; /* (segment_count + 2) * segment_length */
};

#define PICKET_SEGMENT_LENGTH_MAX 262144u

/*@ predicate picket_is_address(uint8_t *address, integer size) =
  @     (size == 4 || size == 16) && \valid_read(address + (0 .. size - 1));
  @
  @ predicate picket_is_filter(struct picket_filter *filter) =
  @     \valid_read(filter) &&
  @     \valid_read(filter->fingerprints + (0 .. filter->fingerprint_count - 1));
  @*/

/** Where a key lies in a filter, and what must be found there, combined by XOR. */
struct picket_filter_slots {
    uint32_t positions[3];
    uint8_t fingerprint;
};

/**
 * Computes the slots of an address; an IPv4 address is that of its IPv4-mapped
 * form. Cost: three mixing steps and two multiplications. @p filter's fingerprints
 * are not looked at, so the one who makes the filter uses it, too.
 */
/*@ requires \valid_read(filter) && picket_is_address(address, address_size);
  @ requires \valid(ret);
  @ requires \separated(ret, filter) && \separated(ret, address + (0 .. address_size - 1));
  @ assigns *ret;
  @*/
void picket_filter_locate(const struct picket_filter *filter, const uint8_t *address,
                          uint8_t address_size, struct picket_filter_slots *ret);

/** True if the filter has the address, or takes it for one it has. */
/*@ requires picket_is_filter(filter) && picket_is_address(address, address_size);
  @ assigns \nothing;
  @*/
bool picket_filter_has(const struct picket_filter *filter, const uint8_t *address,
                       uint8_t address_size);

/** Most shards of a set of indicators, and most addresses of either list of its delta. */
#define PICKET_SHARDS_MAX       256u
#define PICKET_DELTA_MAX        256u
#define PICKET_DELTA_ITEM_BYTES 16u

/** One shard of a set of indicators, and what is to be added to all of them, and taken away. */
struct picket_indicators {
    uint32_t shard;
    uint32_t shard_count; /* a power of two */
    struct picket_filter filter;
    const uint8_t *listed;   /* addresses in their 16-byte form, ascending */
    const uint8_t *unlisted; /* the same */
    uint32_t listed_count;
    uint32_t unlisted_count;
};

/** The shard of an address, below @p shard_count, which is a power of two. */
/*@ requires picket_is_address(address, address_size);
  @ requires 1 <= shard_count <= 256;
  @ assigns \nothing;
  @*/
uint32_t picket_indicators_shard(const uint8_t *address, uint8_t address_size,
                                 uint32_t shard_count);

/** True if the address is among @p count sorted ones of a delta. */
/*@ requires picket_is_address(address, address_size);
  @ requires count <= 256 && \valid_read(list + (0 .. count * 16 - 1));
  @ assigns \nothing;
  @*/
bool picket_delta_has(const uint8_t *list, uint32_t count, const uint8_t *address,
                      uint8_t address_size);

/** What is expected of a device's traffic. */
struct picket_policy {
    enum picket_policy_mode mode;
    uint32_t trial_ms;  /* 0: holds at once; else goes back if not confirmed in this time */
    bool denies_others; /* what no rule is about is denied */
    const uint8_t *ipv4_rules;
    const uint8_t *ipv6_rules;
    uint32_t ipv4_rule_count;
    uint32_t ipv6_rule_count;
    bool has_filter;
    struct picket_filter filter; /* of addresses that are thought to be malicious */
};

/*@ predicate picket_is_policy(struct picket_policy *policy) =
  @     \valid_read(policy) &&
  @     policy->ipv4_rule_count <= 256 && policy->ipv6_rule_count <= 256 &&
  @     \valid_read(policy->ipv4_rules + (0 .. policy->ipv4_rule_count * 11 - 1)) &&
  @     \valid_read(policy->ipv6_rules + (0 .. policy->ipv6_rule_count * 23 - 1)) &&
  @     (policy->has_filter ==> picket_is_filter(&policy->filter));
  @*/

/** Limits of trial_ms, if it is not 0. */
#define PICKET_TRIAL_MS_MIN 10000u
#define PICKET_TRIAL_MS_MAX 86400000u

/** What a policy is asked about: one flow. */
struct picket_activity {
    enum picket_direction direction; /* who opened it; unknown: allowed if either would be */
    uint8_t protocol;
    uint8_t address_size; /* 4 or 16 */
    const uint8_t *peer;
    bool has_ports; /* false: only rules about all ports match */
    uint16_t peer_port;
    uint16_t local_port;
};

/** Why a policy has something to say of an activity; numbers of the wire. */
enum picket_verdict_cause {
    PICKET_CAUSE_NONE = 0,      /* it is allowed, and no indicator */
    PICKET_CAUSE_RULE = 1,      /* a rule denies it */
    PICKET_CAUSE_OTHERS = 2,    /* no rule allows it, and others are denied */
    PICKET_CAUSE_INDICATOR = 3, /* allowed, but the filter has the peer: probably malicious */
};

/**
 * Judges one activity: the first rule that matches decides; what is allowed is
 * looked for in the filter. The port is the peer's for outbound flows, the
 * device's own for inbound ones.
 *
 * *ret_rule becomes the number of the rule, from 0, if the cause is one.
 * Cost: PICKET_RULES_MAX comparisons, twice if the direction is not known.
 */
/*@ requires picket_is_policy(policy) && \valid_read(activity);
  @ requires picket_is_address(activity->peer, activity->address_size);
  @ requires \valid(ret_rule);
  @ requires \separated(ret_rule, policy, activity);
  @ requires \separated(ret_rule, activity->peer + (0 .. activity->address_size - 1));
  @ requires \separated(ret_rule, policy->filter.fingerprints +
  @                     (0 .. policy->filter.fingerprint_count - 1));
  @ assigns *ret_rule;
  @*/
enum picket_verdict_cause picket_policy_judge_activity(const struct picket_policy *policy,
                                                       const struct picket_activity *activity,
                                                       uint32_t *ret_rule);

/** Rule @p index of those for addresses of @p address_size; it must be there. */
/*@ requires picket_is_policy(policy) && \valid(ret);
  @ requires address_size == 4 || address_size == 16;
  @ requires index < (address_size == 4 ? policy->ipv4_rule_count : policy->ipv6_rule_count);
  @ assigns *ret;
  @*/
void picket_policy_get_rule(const struct picket_policy *policy, uint8_t address_size,
                            uint32_t index, struct picket_rule *ret);

/** Writes a rule as a policy has it: 11 or 23 bytes. PICKET_E_ARG for one that is impossible. */
/*@ requires \valid_read(rule);
  @ requires \valid(ret_bytes + (0 .. (rule->address_size == 4 ? 11 : 23) - 1));
  @ requires \separated(rule, ret_bytes + (0 .. 22));
  @ assigns ret_bytes[0 .. 22];
  @*/
PICKET_MUST_CHECK enum picket_status picket_rule_put(const struct picket_rule *rule,
                                                     uint8_t *ret_bytes);

/** Values of a configuration; the numbers are its keys. All are unsigned, of 32 bits. */
enum picket_setting {
    PICKET_SETTING_HIGH_INTERVAL_MS = 16,
    PICKET_SETTING_INTERVAL_MS = 17,
    PICKET_SETTING_LOW_INTERVAL_MS = 18,
    PICKET_SETTING_COLLECTORS = 19,  /* set of enum picket_collector_bit */
    PICKET_SETTING_EXACT_FLOWS = 20, /* 0 or 1 */
    PICKET_SETTING_IPV4_FLOWS = 21,
    PICKET_SETTING_IPV6_FLOWS = 22,
    PICKET_SETTING_FACTS_BYTES = 23,
};

#define PICKET_SETTING_FIRST  16u
#define PICKET_SETTINGS_COUNT 8u

/** Collectors that a configuration switches. */
enum picket_collector_bit {
    PICKET_COLLECTOR_HEARTBEAT = 1u << 0,
    PICKET_COLLECTOR_SYSTEM = 1u << 1,
    PICKET_COLLECTOR_DNS = 1u << 2,
    PICKET_COLLECTOR_TLS = 1u << 3,
    PICKET_COLLECTOR_LISTEN = 1u << 4,
    PICKET_COLLECTOR_START = 1u << 5,
    PICKET_COLLECTOR_EVENT = 1u << 6,
    PICKET_COLLECTOR_METRIC = 1u << 7,
    PICKET_COLLECTORS_ALL = 0xff,
};

/** How the module is to work; what is not given is as the device was built. */
struct picket_configuration {
    uint32_t given;                         /* bit n: values[n] is */
    uint32_t values[PICKET_SETTINGS_COUNT]; /* by enum picket_setting, less PICKET_SETTING_FIRST */
};

/** The payload of an envelope. */
struct picket_settings {
    enum picket_settings_kind kind; /* which of the three is set */
    uint32_t revision;              /* from 1; grows with each that is made for an audience */
    struct picket_text audience;    /* whom they are for, as picket_text_is_name() has it */
    struct picket_policy policy;
    struct picket_configuration configuration;
    struct picket_indicators indicators;
};

/**
 * Reads and checks a payload, all of it: what is returned needs no check but
 * whether the device can do what a configuration asks.
 *
 * Errors: PICKET_E_VERSION, PICKET_E_TRUNCATED, PICKET_E_MALFORMED, PICKET_E_LIMIT;
 *         *ret untouched; @p ret_offset and @p ret_fault, unless NULL, tell where
 *         and what.
 */
/*@ requires \valid_read(payload + (0 .. length - 1)) && \valid(ret);
  @ requires ret_offset == \null || \valid(ret_offset);
  @ requires ret_fault == \null || \valid(ret_fault);
  @ requires \separated(payload + (0 .. length - 1), ret, ret_offset, ret_fault);
  @ assigns *ret, *ret_offset, *ret_fault;
  @*/
PICKET_MUST_CHECK enum picket_status picket_settings_read(const uint8_t *payload, size_t length,
                                                          struct picket_settings *ret,
                                                          size_t *ret_offset,
                                                          const char **ret_fault);

/**
 * Writes a payload.
 *
 * Errors: PICKET_E_SPACE; PICKET_E_ARG for what picket_settings_read() would refuse.
 */
PICKET_MUST_CHECK enum picket_status picket_settings_put(const struct picket_settings *settings,
                                                         uint8_t *bytes, size_t capacity,
                                                         size_t *ret_length);

/** How settings stand on a device; numbers of the wire. */
enum picket_settings_state {
    PICKET_STATE_NONE = 0,     /* none were applied */
    PICKET_STATE_PENDING = 1,  /* accepted; what was seen before is reported first */
    PICKET_STATE_ON_TRIAL = 2, /* hold until their time is over, or a report is confirmed */
    PICKET_STATE_IN_EFFECT = 3,
};

/** Why settings were refused; numbers of the wire. */
enum picket_refusal {
    PICKET_REFUSED_NOT = 0,
    PICKET_REFUSED_FORM = 1,         /* malformed or cut off */
    PICKET_REFUSED_VERSION = 2,      /* of a version that the device does not know */
    PICKET_REFUSED_SIGNATURE = 3,    /* not by a key that the device knows */
    PICKET_REFUSED_AUDIENCE = 4,     /* for other devices */
    PICKET_REFUSED_REVISION = 5,     /* not newer than what is there */
    PICKET_REFUSED_SPACE = 6,        /* larger than the device's storage */
    PICKET_REFUSED_VALUE = 7,        /* the device can't do what value "detail" asks */
    PICKET_REFUSED_BUSY = 8,         /* earlier ones are pending or on trial */
    PICKET_REFUSED_NO_SERVICE = 9,   /* enforcing, but the way to the service is not known */
    PICKET_REFUSED_RETURNED = 10,    /* the trial ended without a confirmed report */
    PICKET_REFUSED_UNSUPPORTED = 11, /* this kind is not built in */
};

#ifdef __cplusplus
}
#endif
#endif
