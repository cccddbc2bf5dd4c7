/* SPDX-License-Identifier: MIT */
#include "model/severity.h"

#include <stddef.h>
#include <strings.h>

static const char *const names[] = {
    [SEVERITY_INFORMATIONAL] = "Informational",
    [SEVERITY_LOW] = "Low",
    [SEVERITY_MEDIUM] = "Medium",
    [SEVERITY_HIGH] = "High",
};

const char *severity_name(enum severity severity)
{
    return names[severity];
}

enum picket_status severity_parse(const char *name, enum severity *ret)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcasecmp(name, names[i]) == 0) {
            *ret = (enum severity)i;
            return PICKET_OK;
        }
    }
    return PICKET_E_NOTFOUND;
}
