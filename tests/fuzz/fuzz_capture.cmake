# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_capture LIBRARIES picket_capture)
target_compile_definitions(fuzz_capture PRIVATE _GNU_SOURCE)
