/* SPDX-License-Identifier: MIT */
#include "model/fact.h"

#include <stdio.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char *const section_names[PICKET_SECTIONS] = {
    "names",   "tls",  "listeners", "starts",   "events",
    "metrics", "icmp", "lost",      "verdicts", "settings",
};

static const char *const cause_names[] = {
    [PICKET_START_UNKNOWN] = "unknown",   [PICKET_START_POWER_ON] = "power_on",
    [PICKET_START_SOFTWARE] = "software", [PICKET_START_WATCHDOG] = "watchdog",
    [PICKET_START_FAULT] = "fault",       [PICKET_START_BROWN_OUT] = "brown_out",
    [PICKET_START_EXTERNAL] = "external",
};

static const char *const verdict_cause_names[] = {
    [PICKET_CAUSE_RULE] = "rule",
    [PICKET_CAUSE_OTHERS] = "others",
    [PICKET_CAUSE_INDICATOR] = "indicator",
};

static const char *const settings_kind_names[] = {
    [PICKET_SETTINGS_UNKNOWN] = "unknown",
    [PICKET_SETTINGS_POLICY] = "policy",
    [PICKET_SETTINGS_CONFIGURATION] = "configuration",
    [PICKET_SETTINGS_INDICATORS] = "indicators",
};

static const char *const settings_state_names[] = {
    [PICKET_STATE_NONE] = "none",
    [PICKET_STATE_PENDING] = "pending",
    [PICKET_STATE_ON_TRIAL] = "on_trial",
    [PICKET_STATE_IN_EFFECT] = "in_effect",
};

static const char *const policy_mode_names[] = {
    [PICKET_POLICY_OBSERVE] = "observe",
    [PICKET_POLICY_ALERT] = "alert",
    [PICKET_POLICY_ENFORCE] = "enforce",
};

static const char *const refusal_names[] = {
    [PICKET_REFUSED_NOT] = "not",           [PICKET_REFUSED_FORM] = "form",
    [PICKET_REFUSED_VERSION] = "version",   [PICKET_REFUSED_SIGNATURE] = "signature",
    [PICKET_REFUSED_AUDIENCE] = "audience", [PICKET_REFUSED_REVISION] = "revision",
    [PICKET_REFUSED_SPACE] = "space",       [PICKET_REFUSED_VALUE] = "value",
    [PICKET_REFUSED_BUSY] = "busy",         [PICKET_REFUSED_NO_SERVICE] = "no_service",
    [PICKET_REFUSED_RETURNED] = "returned", [PICKET_REFUSED_UNSUPPORTED] = "unsupported",
};

static const struct {
    uint16_t number;
    const char *name;
} tls_versions[] = {
    {0x0300, "SSL 3.0"}, {0x0301, "TLS 1.0"},  {0x0302, "TLS 1.1"},  {0x0303, "TLS 1.2"},
    {0x0304, "TLS 1.3"}, {0xfeff, "DTLS 1.0"}, {0xfefd, "DTLS 1.2"}, {0xfefc, "DTLS 1.3"},
};

void section_format(enum picket_section section, char ret_text[SECTION_TEXT_MAX])
{
    unsigned place = (unsigned)section - PICKET_SECTION_NAMES;

    if (place < PICKET_SECTIONS) {
        snprintf(ret_text, SECTION_TEXT_MAX, "%s", section_names[place]);
    } else {
        snprintf(ret_text, SECTION_TEXT_MAX, "section-%u", (unsigned)section & 0xffu);
    }
}

const char *start_cause_name(enum picket_start_cause cause)
{
    return cause_names[cause];
}

const char *verdict_cause_name(enum picket_verdict_cause cause)
{
    return verdict_cause_names[cause];
}

const char *settings_kind_name(enum picket_settings_kind kind)
{
    return settings_kind_names[kind];
}

const char *settings_state_name(enum picket_settings_state state)
{
    return settings_state_names[state];
}

const char *policy_mode_name(enum picket_policy_mode mode)
{
    return policy_mode_names[mode];
}

void refusal_format(enum picket_refusal refusal, char ret_text[REFUSAL_TEXT_MAX])
{
    unsigned place = (unsigned)refusal;

    if (place < COUNT_OF(refusal_names)) {
        snprintf(ret_text, REFUSAL_TEXT_MAX, "%s", refusal_names[place]);
    } else {
        snprintf(ret_text, REFUSAL_TEXT_MAX, "refusal-%u", place & 0xffu);
    }
}

void tls_version_format(uint16_t version, char ret_text[TLS_VERSION_TEXT_MAX])
{
    for (size_t i = 0; i < COUNT_OF(tls_versions); i++) {
        if (tls_versions[i].number == version) {
            snprintf(ret_text, TLS_VERSION_TEXT_MAX, "%s", tls_versions[i].name);
            return;
        }
    }
    snprintf(ret_text, TLS_VERSION_TEXT_MAX, "version 0x%04x", version);
}
