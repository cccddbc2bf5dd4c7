#!/bin/bash
# SPDX-License-Identifier: MIT
# clang-tidy over what was configured in a build folder (build/dev by default).
set -o pipefail
cd "$(dirname "$0")/.." || exit 1
build=${1:-build/dev}

# Generated sources hold tables of bytes and nothing to read.
/usr/bin/python3 - "$build/compile_commands.json" <<'END' |
import json, sys
for entry in json.load(open(sys.argv[1])):
    if "/embedded/" not in entry["file"]:
        print(entry["file"], end="\0")
END
    sort -zu | xargs -0 -r -P 2 -n 4 clang-tidy-14 -p "$build" --quiet 2>/dev/null |
    sed "/: note: /d; s|^$PWD/||"
