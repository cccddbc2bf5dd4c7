# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_flatbuffer LIBRARIES picket_ingest)
target_include_directories(fuzz_flatbuffer PRIVATE ${CMAKE_SOURCE_DIR}/tests)
