#!/bin/bash
# SPDX-License-Identifier: MIT
# The layout is what clang-format makes of .clang-format; `./dev fmt` applies it.
set -o pipefail
cd "$(dirname "$0")/.." || exit 1
find wire device service cli examples tests -name '*.[ch]' -print0 |
    xargs -0 -r clang-format-14 --dry-run -Werror 2>&1 |
    sed -n 's/: error: .*/: not in the house layout; allowed is what .\/dev fmt makes of it/p'
