#!/bin/bash
# SPDX-License-Identifier: MIT
exec "$(dirname "$0")/errors_doc.py" --check
