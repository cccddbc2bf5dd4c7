# SPDX-License-Identifier: MIT
# Test programs for an emulated Cortex-M4 that faults at every access that is not aligned, as
# smaller Cortex-M do. So no code may rely on such accesses: not ours, and not libc, which is
# therefore the one for Cortex-M0+.
include(${CMAKE_CURRENT_LIST_DIR}/../../cmake/cortex-m4.cmake)
string(APPEND CMAKE_C_FLAGS_INIT " -mno-unaligned-access")
# Debian's compiler brings a <stdint.h> that does not say so; newlib's <inttypes.h> asks for it.
string(APPEND CMAKE_C_FLAGS_INIT " -D__int64_t_defined=1")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-mcpu=cortex-m0plus --specs=rdimon.specs -nostartfiles \
-T${CMAKE_CURRENT_LIST_DIR}/cortex-m4.ld -Wl,--gc-sections -Wl,--no-warn-rwx-segments")
set(CMAKE_CROSSCOMPILING_EMULATOR ${CMAKE_CURRENT_LIST_DIR}/run.sh cortex-m4)
