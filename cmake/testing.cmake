# SPDX-License-Identifier: MIT
# picket_unit_test(NAME SOURCES… LIBRARIES…): tests/unit/<module>/NAME.c by default.
function(picket_unit_test name)
    cmake_parse_arguments(TEST "" "" "SOURCES;LIBRARIES" ${ARGN})
    if(NOT TEST_SOURCES)
        set(TEST_SOURCES ${name}.c)
    endif()
    add_executable(${name} ${TEST_SOURCES})
    target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
    target_link_libraries(${name} PRIVATE ${TEST_LIBRARIES})
    add_test(NAME unit.${name} COMMAND ${name})
    set_tests_properties(unit.${name} PROPERTIES LABELS unit TIMEOUT 180)
endfunction()

# picket_fuzz_target(NAME LIBRARIES…): NAME.c has LLVMFuzzerTestOneInput; seeds in corpus/NAME/.
# With PICKET_FUZZ it becomes a libFuzzer program, otherwise one that replays its seeds, as a test.
function(picket_fuzz_target name)
    cmake_parse_arguments(FUZZ "" "" "LIBRARIES" ${ARGN})
    set(corpus ${CMAKE_CURRENT_SOURCE_DIR}/corpus/${name})
    if(PICKET_FUZZ)
        add_executable(${name} ${name}.c)
        target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    else()
        add_executable(${name} ${name}.c ${CMAKE_SOURCE_DIR}/tests/fuzz/replay_main.c)
        add_test(NAME fuzz.${name} COMMAND ${name} ${corpus})
        set_tests_properties(fuzz.${name} PROPERTIES LABELS fuzz TIMEOUT 120)
    endif()
    target_compile_definitions(${name} PRIVATE _GNU_SOURCE)
    # the entry point is declared by libFuzzer, which has no header
    target_compile_options(${name} PRIVATE -Wno-missing-prototypes)
    target_link_libraries(${name} PRIVATE ${FUZZ_LIBRARIES})
endfunction()
