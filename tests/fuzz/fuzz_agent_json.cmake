# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_agent_json LIBRARIES picket_ingest)
target_include_directories(fuzz_agent_json PRIVATE ${CMAKE_SOURCE_DIR}/tests)
