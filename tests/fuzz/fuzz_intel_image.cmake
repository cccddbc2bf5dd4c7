# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_intel_image LIBRARIES picket_intel)
target_include_directories(fuzz_intel_image PRIVATE ${CMAKE_SOURCE_DIR}/tests)
