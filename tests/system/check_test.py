# SPDX-License-Identifier: MIT
"""Each check of ./dev check sees a violation that was planted, and nothing without one."""
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("wire", "device", "service", "cli", "tools", "spec")


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of what the checks look at."""
    copy = tmp_path_factory.mktemp("tree")
    for name in COPIED:
        shutil.copytree(ROOT / name, copy / name)
    for name in ("ARCHITECTURE.md", ".clang-format", ".clang-tidy", "dev", ".ci/run"):
        (copy / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    (copy / "tests").mkdir()
    return copy


def check(tree, name, *arguments):
    """(exit status, what was printed)"""
    ran = subprocess.run([tree / "tools" / name, *arguments], capture_output=True, text=True,
                         timeout=60, check=False)
    return ran.returncode, ran.stdout + ran.stderr


def needs(program):
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")


# name of the check, planted file, its text, what must be printed
PLANTED = [
    ("check_layers.py", "device/src/planted.c",
     "/* SPDX-License-Identifier: MIT */\n#include \"intel/intel.h\"\n",
     "device/src/planted.c:2: device/src may not include service/intel"),
    ("check_layers.py", "service/store/planted.c", "#include \"intel/intel.h\"\n",
     "service/store/planted.c:1: service/store may not include service/intel"),
    ("check_layers.py", "service/base/planted.c", "\n\n#include \"model/flow.h\"\n",
     "service/base/planted.c:3: service/base may not include service/model"),
    ("check_layers.py", "service/api/planted.c", "#include \"picket/picket.h\"\n",
     "service/api/planted.c:1: service/api may not include device/include"),
    ("check_layers.py", "wire/src/planted.c", "#include <stdio.h>\n",
     "wire/src/planted.c:1: wire may not include <stdio.h>"),
    ("check_layers.py", "service/nowhere/planted.c", "int planted;\n",
     "service/nowhere/planted.c:1: in no layer"),
    ("check_spdx.py", "service/base/planted.c", "int planted;\n",
     "service/base/planted.c:1: no SPDX line"),
    ("check_sizes.py", "service/base/planted.c", "void planted(void)\n{\n" + "    ;\n" * 61 + "}\n",
     "service/base/planted.c:2: the function has 61 lines"),
    ("check_sizes.py", "service/base/planted.h", "\n" * 801,
     "service/base/planted.h:801: the file has 801 lines"),
    ("check_sizes.py", "tools/planted.py", "def planted():\n" + "    pass\n" * 60,
     "tools/planted.py:1: the function has 61 lines"),
]


@pytest.mark.parametrize("name, path, text, expected", PLANTED)
def test_a_planted_file_is_seen_with_its_line(tree, name, path, text, expected):
    planted = tree / path
    is_new_folder = not planted.parent.exists()
    planted.parent.mkdir(exist_ok=True)
    planted.write_text(text, encoding="utf-8")
    status, printed = check(tree, name)
    planted.unlink()
    if is_new_folder:
        planted.parent.rmdir()
    assert status == 1
    assert expected in printed


@pytest.mark.parametrize("token", ["service/nowhere/", "picket_no_such_call", "struct nothing"])
def test_what_the_architecture_names_but_is_not_there_is_seen(tree, token):
    document = tree / "ARCHITECTURE.md"
    text = document.read_text(encoding="utf-8")
    document.write_text(f"`{token}`\n{text}", encoding="utf-8")
    status, printed = check(tree, "check_architecture.py")
    document.write_text(text, encoding="utf-8")
    assert status == 1
    assert "ARCHITECTURE.md:1: " in printed


def compile_library(folder, text):
    (folder / "planted.c").write_text(text, encoding="utf-8")
    subprocess.run(["gcc", "-g", "-c", "planted.c"], cwd=folder, check=True)
    subprocess.run(["ar", "rc", "planted.a", "planted.o"], cwd=folder, check=True)
    return folder / "planted.a"


def test_a_symbol_without_the_prefix_is_seen_with_its_line(tree, tmp_path):
    library = compile_library(tmp_path, "int picket_good(void) { return 1; }\n\nint helper = 2;\n")
    status, printed = check(tree, "check_symbols.sh", library)
    assert status == 1
    assert "planted.c:3: exports helper" in printed
    assert "picket_good" not in printed


def test_symbols_with_the_prefix_and_static_ones_are_fine(tree, tmp_path):
    library = compile_library(tmp_path, "static int own = 1;\nint picket_own(void) { return own; }\n")
    assert check(tree, "check_symbols.sh", library) == (0, "")


@needs("clang-14")
@pytest.mark.parametrize("text, dialect", [
    ("#include <no_such_header.h>\n", "c99"),
    ("size_t picket_planted(void);\n", "c99"),
    ("int picket_planted(int class);\n", "c++17"),
])
def test_a_public_header_that_does_not_stand_alone_is_seen(tree, text, dialect):
    planted = tree / "device/include/picket/planted.h"
    planted.write_text(text, encoding="utf-8")
    status, printed = check(tree, "check_headers.sh")
    planted.unlink()
    assert status == 1
    assert f"device/include/picket/planted.h:1: does not compile alone as {dialect}" in printed


@needs("clang-format-14")
def test_a_line_out_of_the_layout_is_seen(tree):
    planted = tree / "wire/src/planted.c"
    planted.write_text("int main( void )\n{ return 0; }\n", encoding="utf-8")
    status, printed = check(tree, "check_format.sh")
    planted.unlink()
    assert status != 0
    assert "wire/src/planted.c:1:" in printed


@needs("clang-tidy-14")
def test_a_function_that_nests_too_deep_is_seen(tree, tmp_path):
    planted = tree / "wire/src/planted.c"
    planted.write_text("int planted(int a);\nint planted(int a)\n{\n" + "    if (a > 1) {\n" * 4 +
                       "    a++;\n" + "    }\n" * 4 + "    return a;\n}\n", encoding="utf-8")
    entry = f'[{{"directory": "{tree}", "file": "{planted}", "command": "gcc -c {planted}"}}]'
    (tmp_path / "compile_commands.json").write_text(entry, encoding="utf-8")
    status, printed = check(tree, "check_tidy.sh", tmp_path)
    planted.unlink()
    assert status != 0
    assert "wire/src/planted.c:2:" in printed
    assert "readability-function-size" in printed
