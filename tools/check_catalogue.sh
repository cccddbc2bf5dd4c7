#!/bin/sh
# SPDX-License-Identifier: MIT
# docs/catalogue.md is what spec/catalogue.json makes it.
exec "$(dirname "$0")/catalogue_doc.py" --check
