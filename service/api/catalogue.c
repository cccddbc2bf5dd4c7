/* SPDX-License-Identifier: MIT */
#include "model/catalogue.h"

#include "api/resource.h"

void api_list_catalogue(void *context, struct http_request *request)
{
    const struct api *api = context;
    const struct catalogue *catalogue = api->config.catalogue;
    const struct catalogue_type *type = NULL;
    struct answer answer;
    size_t count = 0;

    answer_init(&answer);
    json_open_object(&answer.json, NULL);
    json_put_text(&answer.json, "attack_version", catalogue_attack_version(catalogue));
    json_open_array(&answer.json, "items");
    while ((type = catalogue_at(catalogue, count)) != NULL) {
        catalogue_write_json(&answer.json, NULL, catalogue, type);
        count++;
    }
    json_close_array(&answer.json);
    json_put_uint(&answer.json, "total", count);
    json_close_object(&answer.json);
    answer_send(&answer, api, request);
}

void api_get_catalogue_type(void *context, struct http_request *request)
{
    const struct api *api = context;
    const char *id = http_request_segment(request, "type");
    const struct catalogue_type *type = catalogue_find(api->config.catalogue, id);
    struct answer answer;

    if (type == NULL) {
        http_reply_error(request, 404, "there is no type '%.40s'; GET /v1/catalogue lists them",
                         id);
        return;
    }
    answer_init(&answer);
    catalogue_write_json(&answer.json, NULL, api->config.catalogue, type);
    answer_send(&answer, api, request);
}
