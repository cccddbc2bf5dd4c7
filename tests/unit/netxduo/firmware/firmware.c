/* SPDX-License-Identifier: MIT */
#include "guard.h"

UINT firmware_start(const struct guard_settings *settings);

UINT firmware_start(const struct guard_settings *settings)
{
    return guard_start(settings);
}
