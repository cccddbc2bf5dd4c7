# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_defender LIBRARIES picket_ingest)
target_include_directories(fuzz_defender PRIVATE ${CMAKE_SOURCE_DIR}/tests)
