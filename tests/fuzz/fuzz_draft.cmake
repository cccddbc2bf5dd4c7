# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_draft LIBRARIES picket_intel)
target_sources(fuzz_draft PRIVATE ${CMAKE_SOURCE_DIR}/cli/settings_read.c ${CMAKE_SOURCE_DIR}/cli/input.c)
target_include_directories(fuzz_draft PRIVATE ${CMAKE_SOURCE_DIR})
