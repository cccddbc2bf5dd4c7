# SPDX-License-Identifier: MIT
# Data files that become part of the binary: picket_embed(TARGET SYMBOL FILE) makes
# `const unsigned char SYMBOL[]` and `const size_t SYMBOL_length`.
function(picket_embed target symbol file)
    set(out ${CMAKE_CURRENT_BINARY_DIR}/embedded/${symbol}.c)
    add_custom_command(
        OUTPUT ${out}
        COMMAND ${CMAKE_SOURCE_DIR}/tools/embed.py ${symbol} ${file} ${out}
        DEPENDS ${file} ${CMAKE_SOURCE_DIR}/tools/embed.py
        VERBATIM)
    target_sources(${target} PRIVATE ${out})
endfunction()

picket_embed(picket_model embedded_catalogue ${CMAKE_SOURCE_DIR}/spec/catalogue.json)
foreach(file console.css console.js detail.js dom.js flow.js icon.svg identity.js index.html
        parts.js text.js view.js)
    string(MAKE_C_IDENTIFIER embedded_${file} symbol)
    picket_embed(picket_api ${symbol} ${CMAKE_SOURCE_DIR}/console/${file})
endforeach()
