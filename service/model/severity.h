/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_MODEL_SEVERITY_H
#define SERVICE_MODEL_SEVERITY_H

#include "picket/status.h"

/** Ascending, so that severities compare. */
enum severity { SEVERITY_INFORMATIONAL, SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH };

/** "Informational", "Low", "Medium", "High". */
const char *severity_name(enum severity severity);
/** Upper and lower case alike; PICKET_E_NOTFOUND otherwise. */
PICKET_MUST_CHECK enum picket_status severity_parse(const char *name, enum severity *ret);

#endif
