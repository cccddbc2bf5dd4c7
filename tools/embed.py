#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: embed.py SYMBOL FILE OUT.c — a file as a C array, for picket_embed() in service/embed.cmake."""
import os
import sys

TEXT = """#include <stddef.h>

extern const unsigned char {symbol}[];
extern const size_t {symbol}_length;

const unsigned char {symbol}[] = {{
{rows}}};
const size_t {symbol}_length = {length};
"""

symbol, source, out = sys.argv[1:]
with open(source, "rb") as file:
    content = file.read()
rows = "".join("    %s,\n" % ", ".join(map(str, content[i:i + 24])) for i in range(0, len(content), 24))
os.makedirs(os.path.dirname(out), exist_ok=True)
with open(out, "w", encoding="ascii") as file:
    file.write(TEXT.format(symbol=symbol, rows=rows or "    0,\n", length=len(content)))
