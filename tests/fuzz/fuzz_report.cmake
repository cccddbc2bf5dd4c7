# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_report LIBRARIES picket_ingest)
target_include_directories(fuzz_report PRIVATE ${CMAKE_SOURCE_DIR}/tests)
