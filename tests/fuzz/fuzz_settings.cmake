# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_settings LIBRARIES picket_wire)
target_include_directories(fuzz_settings PRIVATE ${CMAKE_SOURCE_DIR}/tests)
