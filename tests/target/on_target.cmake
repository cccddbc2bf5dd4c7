# SPDX-License-Identifier: MIT
# Given to a cross build of the module as CMAKE_PROJECT_picket_INCLUDE: adds what runs on a target.
include(${CMAKE_SOURCE_DIR}/cmake/warnings.cmake)
include(${CMAKE_SOURCE_DIR}/cmake/testing.cmake)
enable_testing()
add_subdirectory(tests/target)
