# SPDX-License-Identifier: MIT
picket_fuzz_target(fuzz_tls LIBRARIES picket_device)
target_include_directories(fuzz_tls PRIVATE ${CMAKE_SOURCE_DIR}/device/collectors)
