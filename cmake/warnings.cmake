# SPDX-License-Identifier: MIT
add_compile_options(
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual -Wcast-align
    -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wundef
    -Wwrite-strings -Wformat=2 -Wnull-dereference -Wdouble-promotion -Wswitch-enum -Wvla
)
option(PICKET_WERROR "Warnings are errors" OFF)
if(PICKET_WERROR)
    add_compile_options(-Werror)
endif()
