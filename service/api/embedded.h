/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_API_EMBEDDED_H
#define SERVICE_API_EMBEDDED_H

#include <stddef.h>

/** The files of console/, put into the binary by service/embed.cmake. */
extern const unsigned char embedded_console_css[];
extern const size_t embedded_console_css_length;
extern const unsigned char embedded_console_js[];
extern const size_t embedded_console_js_length;
extern const unsigned char embedded_detail_js[];
extern const size_t embedded_detail_js_length;
extern const unsigned char embedded_dom_js[];
extern const size_t embedded_dom_js_length;
extern const unsigned char embedded_flow_js[];
extern const size_t embedded_flow_js_length;
extern const unsigned char embedded_icon_svg[];
extern const size_t embedded_icon_svg_length;
extern const unsigned char embedded_identity_js[];
extern const size_t embedded_identity_js_length;
extern const unsigned char embedded_index_html[];
extern const size_t embedded_index_html_length;
extern const unsigned char embedded_parts_js[];
extern const size_t embedded_parts_js_length;
extern const unsigned char embedded_text_js[];
extern const size_t embedded_text_js_length;
extern const unsigned char embedded_view_js[];
extern const size_t embedded_view_js_length;

#endif
