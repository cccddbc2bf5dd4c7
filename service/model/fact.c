/* SPDX-License-Identifier: MIT */
#include "model/fact.h"

#include <stdio.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char *const section_names[PICKET_SECTIONS] = {
    "names", "tls", "listeners", "starts", "events", "metrics", "icmp", "lost",
};

static const char *const cause_names[] = {
    [PICKET_START_UNKNOWN] = "unknown",   [PICKET_START_POWER_ON] = "power_on",
    [PICKET_START_SOFTWARE] = "software", [PICKET_START_WATCHDOG] = "watchdog",
    [PICKET_START_FAULT] = "fault",       [PICKET_START_BROWN_OUT] = "brown_out",
    [PICKET_START_EXTERNAL] = "external",
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
