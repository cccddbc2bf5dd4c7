#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""usage: embed_vectors.py FOLDER OUT.c — vectors as C, for targets that have no files; see vectors.h."""
import json
import pathlib
import sys

TEXT = """/* Made by tests/vectors/embed_vectors.py. */
#include "vectors/vectors.h"

{arrays}
const struct vector vectors[] = {{
{rows}}};
const size_t vector_count = sizeof(vectors) / sizeof(vectors[0]);
"""


def array(type_name, symbol, content):
    """An array; one of length 0 is no C, so an empty one gets an item that does not count."""
    lines = ["    %s,\n" % ", ".join(map(str, content[i:i + 24])) for i in range(0, len(content), 24)]
    return "static const %s %s[] = {\n%s};\n" % (type_name, symbol, "".join(lines) or "    0,\n")


folder, out = map(pathlib.Path, sys.argv[1:])
arrays, rows = [], []
for number, source in enumerate(sorted(folder.glob("*.hex"))):
    content = bytes.fromhex(source.read_text(encoding="ascii"))
    meaning = source.with_suffix(".json").read_bytes()
    refusal = json.loads(meaning) if source.name.startswith("bad-") else {}
    arrays.append(array("uint8_t", "bytes_%u" % number, content))
    arrays.append(array("uint8_t", "json_%u" % number, meaning + b"\0"))
    rows.append('    {"%s", bytes_%u, %uu, (const char *)json_%u, %s, %uu},\n' %
                (source.stem, number, len(content), number,
                 refusal.get("status", "PICKET_OK"), refusal.get("offset", 0)))
out.write_text(TEXT.format(arrays="".join(arrays), rows="".join(rows)), encoding="ascii")
