/* SPDX-License-Identifier: MIT */
#include "picket/status.h"

const char *picket_strerror(enum picket_status status)
{
    switch (status) {
#define PICKET_STATUS_CASE(name, value, text)                                                      \
    case name:                                                                                     \
        return text;
        PICKET_STATUS_LIST(PICKET_STATUS_CASE)
#undef PICKET_STATUS_CASE
    }
    return "unknown status";
}
