#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A file fits in a sitting, a function on a screen."""
import ast
import pathlib

import tree

FILE_LINES_MAX = 800
FUNCTION_LINES_MAX = 60


def c_functions(path):
    """(line, lines) of each function body: its braces stand in column 0, as clang-format puts them."""
    begin = None
    for number, line in tree.lines(path):
        if line == "{":
            begin = number
        elif line == "}" and begin is not None:
            yield begin, number - begin - 1
            begin = None


def python_functions(path):
    for node in ast.walk(ast.parse((tree.ROOT / path).read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.end_lineno - node.lineno + 1


def shell_functions(path):
    begin = None
    for number, line in tree.lines(path):
        if line.endswith("() {"):
            begin = number
        elif line == "}" and begin is not None:
            yield begin, number - begin - 1
            begin = None


FUNCTIONS = {".c": c_functions, ".h": c_functions, ".py": python_functions,
             ".sh": shell_functions, "": shell_functions}

violations = []
programs = [pathlib.Path("dev"), pathlib.Path(".ci/run")]
for path in tree.files(".c", ".h", ".py", ".sh", ".js", ".css", ".html") + programs:
    count = sum(1 for _ in tree.lines(path))
    if count > FILE_LINES_MAX:
        violations.append(f"{path}:{FILE_LINES_MAX + 1}: the file has {count} lines; "
                          f"allowed are {FILE_LINES_MAX}")
    for line, length in FUNCTIONS.get(path.suffix, lambda _: ())(path):
        if length > FUNCTION_LINES_MAX:
            violations.append(f"{path}:{line}: the function has {length} lines; "
                              f"allowed are {FUNCTION_LINES_MAX}")
tree.finish(violations)
