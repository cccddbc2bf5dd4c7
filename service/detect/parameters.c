/* SPDX-License-Identifier: MIT */
#include "detect/parameters.h"

#include "base/time.h"

#define SECOND TIME_US_PER_S
#define MINUTE (INT64_C(60) * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

#define LIST_MAX 1024

static const char *const direction_words[] = {"outbound", "inbound", NULL};
static const char *const category_words[] = {"tor", "proxy", "vpn", NULL};
static const char *const tls_kind_words[] = {"cert_sha256", "sni", NULL};
static const char *const protocol_words[] = {"any", "tcp", "udp", "icmp", NULL};
/* by bit of enum picket_hardening */
static const char *const protection_words[] = {"stack_protector", "memory_protection",
                                               "error_checking", "stack_checking", NULL};

#define CLEARTEXT_SERVICES                                                                         \
    "[{\"name\": \"telnet\", \"protocol\": \"tcp\", \"port\": 23}, "                               \
    "{\"name\": \"ftp\", \"protocol\": \"tcp\", \"port\": 21}, "                                   \
    "{\"name\": \"http\", \"protocol\": \"tcp\", \"port\": 80}, "                                  \
    "{\"name\": \"mqtt\", \"protocol\": \"tcp\", \"port\": 1883}, "                                \
    "{\"name\": \"coap\", \"protocol\": \"udp\", \"port\": 5683}, "                                \
    "{\"name\": \"snmp\", \"protocol\": \"udp\", \"port\": 161}, "                                 \
    "{\"name\": \"tftp\", \"protocol\": \"udp\", \"port\": 69}, "                                  \
    "{\"name\": \"syslog\", \"protocol\": \"udp\", \"port\": 514}]"

static const char *min_over_max(const void *rule)
{
    const struct rule_connections *connections = rule;

    return connections->min > connections->max ? "min is over max; no count can be right" : NULL;
}

/* The two that every rule has; clang-format would tear the rows of the table apart. */
/* clang-format off */
#define COMMON(is_on)                                                                              \
    {"enabled", PARAMETER_BOOL, offsetof(struct rule, is_enabled), 0, 0, NULL, is_on,              \
     "true or false"},                                                                             \
    {"severity", PARAMETER_SEVERITY, offsetof(struct rule, severity), 0, 0, NULL, "null",          \
     "Informational, Low, Medium, High, or null for the type's own"}

#define NETWORKS "a list of at most 1024 networks like \"10.0.0.0/8\""

/* What looks indicators up. */
#define LISTED                                                                                     \
    {"min_confidence", PARAMETER_INTEGER, offsetof(struct rule_ti, min_confidence), 0, 100,        \
     NULL, "50", "a whole number from 0 to 100"},                                                  \
    {"max_indicator_age", PARAMETER_DURATION, offsetof(struct rule_ti, max_age_us), HOUR,          \
     3650 * DAY, NULL, "\"P90D\"", "a duration from PT1H to P3650D"},                              \
    {"shared_infra_penalty", PARAMETER_BOOL, offsetof(struct rule_ti, shared_infra_penalty), 0,    \
     0, NULL, "true", "true or false"}

/* What looks the peers of flows up. */
#define CONTACT                                                                                    \
    {"directions", PARAMETER_WORDS, offsetof(struct rule_ti, directions), 1, 2, direction_words,   \
     "[\"outbound\", \"inbound\"]", "a list of outbound, inbound"},                                \
    {"protocols", PARAMETER_WORDS, offsetof(struct rule_ti, protocols), 1, 4, protocol_words,      \
     "[\"any\"]", "a list of any, tcp, udp, icmp"}

/* What looks names up. */
#define PARENTS                                                                                    \
    {"match_parent", PARAMETER_BOOL, offsetof(struct rule_ti, match_parent), 0, 0, NULL, "true",   \
     "true or false"}

/* What counts attempts. */
#define ATTEMPTS(most, within)                                                                     \
    {"count", PARAMETER_INTEGER, offsetof(struct rule_attempts, count), 1, 1000000, NULL, most,    \
     "a whole number from 1 to 1000000"},                                                          \
    {"window", PARAMETER_DURATION, offsetof(struct rule_attempts, window_us), MINUTE, DAY, NULL,   \
     within, "a duration from PT1M to P1D"}

const struct rule_type rule_types[RULE_TYPES] = {
    {"TI_IP_MATCH", offsetof(struct rules, ti), NULL, {
        COMMON("true"), LISTED, CONTACT,
        {"approved_peers", PARAMETER_CIDRS, offsetof(struct rule_ti, approved_peers), 0, LIST_MAX,
         NULL, "[]", NETWORKS},
    }},
    {"TI_DOMAIN_MATCH", offsetof(struct rules, names), NULL, {
        COMMON("true"), LISTED, PARENTS,
    }},
    {"TI_TLS_MATCH", offsetof(struct rules, tls), NULL, {
        COMMON("true"), LISTED, PARENTS,
        {"kinds", PARAMETER_WORDS, offsetof(struct rule_ti, kinds), 1, 2, tls_kind_words,
         "[\"cert_sha256\", \"sni\"]", "a list of cert_sha256, sni"},
    }},
    {"TI_TOR_OR_PROXY", offsetof(struct rules, anonymizers), NULL, {
        COMMON("true"), LISTED, CONTACT,
        {"categories", PARAMETER_WORDS, offsetof(struct rule_ti, categories), 1, 3,
         category_words, "[\"tor\", \"proxy\", \"vpn\"]", "a list of tor, proxy, vpn"},
    }},
    {"CA_CONN_TO_IP", offsetof(struct rules, destinations), NULL, {
        COMMON("false"),
        {"cidr", PARAMETER_CIDRS, offsetof(struct rule_destinations, cidr), 0, LIST_MAX, NULL,
         "[]", NETWORKS},
        {"ports", PARAMETER_PORTS, offsetof(struct rule_destinations, ports), 0, LIST_MAX, NULL,
         "[]", "a list of at most 1024 ports from 0 to 65535"},
    }},
    {"CA_ACTIVE_CONNECTIONS", offsetof(struct rules, connections), min_over_max, {
        COMMON("false"),
        {"min", PARAMETER_INTEGER, offsetof(struct rule_connections, min), 0, 1000000, NULL, "0",
         "a whole number from 0 to 1000000, not over max"},
        {"max", PARAMETER_INTEGER, offsetof(struct rule_connections, max), 0, 1000000, NULL, "30",
         "a whole number from 0 to 1000000"},
        {"window", PARAMETER_DURATION, offsetof(struct rule_connections, window_us), MINUTE, DAY,
         NULL, "\"PT5M\"", "a duration from PT1M to P1D"},
    }},
    {"DEV_SILENT", offsetof(struct rules, silence), NULL, {
        COMMON("true"),
        {"intervals", PARAMETER_INTEGER, offsetof(struct rule_silence, intervals), 1, 1000, NULL,
         "3", "a whole number from 1 to 1000"},
        {"medium_after", PARAMETER_DURATION, offsetof(struct rule_silence, medium_after_us),
         MINUTE, 365 * DAY, NULL, "\"P1D\"", "a duration from PT1M to P365D"},
    }},
    {"DEV_EVENTS_DROPPED", offsetof(struct rules, loss), NULL, {
        COMMON("true"),
        {"limit_percent", PARAMETER_INTEGER, offsetof(struct rule_loss, limit_percent), 0, 100,
         NULL, "1", "a whole number from 0 to 100"},
        {"medium_percent", PARAMETER_INTEGER, offsetof(struct rule_loss, medium_percent), 0, 100,
         NULL, "20", "a whole number from 0 to 100"},
        {"window", PARAMETER_DURATION, offsetof(struct rule_loss, window_us), MINUTE, DAY, NULL,
         "\"PT1H\"", "a duration from PT1M to P1D"},
    }},
    {"DEV_POLICY_DENIED", offsetof(struct rules, denied), NULL, {
        COMMON("true"),
        {"medium_count", PARAMETER_INTEGER, offsetof(struct rule_denied, medium_count), 1, 1000000,
         NULL, "100", "a whole number from 1 to 1000000"},
    }},
    {"DEV_POLICY_ROLLBACK", offsetof(struct rules, rollback), NULL, {COMMON("true")}},
    {"DEV_CONFIG_ERROR", offsetof(struct rules, refusal), NULL, {COMMON("true")}},
    {"ID_REPLAY", offsetof(struct rules, replay), NULL, {
        COMMON("true"),
        {"window", PARAMETER_INTEGER, offsetof(struct rule_replay, window), 1, 64, NULL, "64",
         "a whole number from 1 to 64"},
    }},
    {"REC_CLEARTEXT", offsetof(struct rules, cleartext), NULL, {
        COMMON("true"),
        {"services", PARAMETER_SERVICES, offsetof(struct rule_cleartext, services), 0, 64, NULL,
         CLEARTEXT_SERVICES, "a list of at most 64 objects with name, protocol (tcp or udp), port"},
    }},
    {"REC_HARDENING_OFF", offsetof(struct rules, hardening), NULL, {
        COMMON("true"),
        {"protections", PARAMETER_WORDS, offsetof(struct rule_hardening, protections), 1, 4,
         protection_words,
         "[\"stack_protector\", \"memory_protection\", \"error_checking\", \"stack_checking\"]",
         "a list of stack_protector, memory_protection, error_checking, stack_checking"},
    }},
    {"ID_CERT_MISMATCH", offsetof(struct rules, certificate_mismatch), NULL, {COMMON("true")}},
    {"ID_CERT_EXPIRED", offsetof(struct rules, certificate_expired), NULL, {
        COMMON("true"),
        {"grace", PARAMETER_DURATION, offsetof(struct rule_certificate_expired, grace_us), 0,
         365 * DAY, NULL, "\"PT0S\"", "a duration from PT0S to P365D"},
    }},
    {"ID_TOKEN_EXPIRED", offsetof(struct rules, token_expired), NULL, {COMMON("true")}},
    {"ID_TOKEN_INVALID", offsetof(struct rules, token_invalid), NULL, {
        COMMON("true"), ATTEMPTS("5", "\"PT10M\""),
    }},
    {"ID_DUPLICATE_SESSION", offsetof(struct rules, duplicate), NULL, {
        COMMON("true"),
        {"overlap", PARAMETER_DURATION, offsetof(struct rule_duplicate, overlap_us), SECOND, DAY,
         NULL, "\"PT1M\"", "a duration from PT1S to P1D"},
    }},
    {"ID_REVOKED_USED", offsetof(struct rules, revoked), NULL, {COMMON("true")}},
    {"ID_UNKNOWN", offsetof(struct rules, unknown), NULL, {
        COMMON("true"), ATTEMPTS("20", "\"PT1H\""),
    }},
    {"DEV_OVER_ALLOWANCE", offsetof(struct rules, allowance), NULL, {COMMON("true")}},
    {"DEV_MESSAGE_REFUSED", offsetof(struct rules, messages), NULL, {COMMON("true")}},
};
/* clang-format on */

const struct prefix *prefix_list_find(const struct prefix_list *list, const struct address *address)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct prefix *prefix = &list->items[i];

        if (address_is_ipv4(&prefix->address) == address_is_ipv4(address) &&
            prefix_contains(prefix, address)) {
            return prefix;
        }
    }
    return NULL;
}
