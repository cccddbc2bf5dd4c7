/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "api/embedded.h"
#include "api/resource.h"

struct file {
    const char *name; /* in the address; "" is "/" */
    const char *content_type;
    const unsigned char *bytes;
    const size_t *length;
};

void api_get_console_file(void *context, struct http_request *request)
{
    static const struct file files[] = {
        {"", "text/html; charset=utf-8", embedded_index_html, &embedded_index_html_length},
        {"console.css", "text/css; charset=utf-8", embedded_console_css,
         &embedded_console_css_length},
        {"console.js", "text/javascript; charset=utf-8", embedded_console_js,
         &embedded_console_js_length},
        {"icon.svg", "image/svg+xml", embedded_icon_svg, &embedded_icon_svg_length},
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
