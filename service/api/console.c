/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "api/embedded.h"
#include "api/resource.h"

#define PAGE   "text/html; charset=utf-8"
#define STYLE  "text/css; charset=utf-8"
#define SCRIPT "text/javascript; charset=utf-8"
#define IMAGE  "image/svg+xml"

struct file {
    const char *name; /* in the address; "" is "/" */
    const char *content_type;
    const unsigned char *bytes;
    const size_t *length;
};

void api_get_console_file(void *context, struct http_request *request)
{
    static const struct file files[] = {
        {"", PAGE, embedded_index_html, &embedded_index_html_length},
        {"console.css", STYLE, embedded_console_css, &embedded_console_css_length},
        {"console.js", SCRIPT, embedded_console_js, &embedded_console_js_length},
        {"detail.js", SCRIPT, embedded_detail_js, &embedded_detail_js_length},
        {"dom.js", SCRIPT, embedded_dom_js, &embedded_dom_js_length},
        {"flow.js", SCRIPT, embedded_flow_js, &embedded_flow_js_length},
        {"icon.svg", IMAGE, embedded_icon_svg, &embedded_icon_svg_length},
        {"identity.js", SCRIPT, embedded_identity_js, &embedded_identity_js_length},
        {"parts.js", SCRIPT, embedded_parts_js, &embedded_parts_js_length},
        {"text.js", SCRIPT, embedded_text_js, &embedded_text_js_length},
        {"view.js", SCRIPT, embedded_view_js, &embedded_view_js_length},
    };
    const char *name = http_request_segment(request, "file");

    (void)context;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (strcmp(name == NULL ? "" : name, files[i].name) == 0) {
            http_reply(request, 200, files[i].content_type, files[i].bytes, *files[i].length);
            return;
        }
    }
    http_reply_error(request, 404, "there is nothing at %.200s", http_request_path(request));
}
