# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_dns LIBRARIES picket_device)
target_include_directories(fuzz_dns PRIVATE ${CMAKE_SOURCE_DIR}/device/collectors)
