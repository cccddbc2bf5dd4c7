/* SPDX-License-Identifier: MIT */
#include "api/api.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "api/resource.h"
#include "base/err.h"
#include "picket/settings.h"

#define GROUP_BODY_BYTES_MAX     ((size_t)1024)
#define RULES_BODY_BYTES_MAX     ((size_t)1024 * 1024)
#define FEED_BODY_BYTES_MAX      ((size_t)64 * 1024)
#define IDENTITY_BODY_BYTES_MAX  ((size_t)32 * 1024)
#define PUSH_BODY_BYTES_MAX      ((size_t)1024 * 1024)
#define LISTING_PARAMETERS       "limit", "offset"
#define ALERT_LISTING_PARAMETERS "device", "type", "state", "since"

enum picket_status api_new(const struct api_config *config, struct api **ret, struct err *reterr)
{
    struct api *api = calloc(1, sizeof(*api));
    enum picket_status status = PICKET_E_NOMEM;

    if (api == NULL) {
        err_set(reterr, "out of memory for the API");
        goto out;
    }
    api->config = *config;
    status = PICKET_E_IO;
    if (getrandom(api->etag_key, sizeof(api->etag_key), 0) != (ssize_t)sizeof(api->etag_key)) {
        err_set(reterr, "the system gives no random numbers");
        goto out;
    }
    status = group_seed(config->store, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    *ret = api;
    api = NULL;
out:
    api_free(api);
    return status;
}

void api_free(struct api *api)
{
    free(api);
}

static const char *const json[] = {"application/json", NULL};
static const char *const envelopes[] = {"application/cose", NULL};
static const char *const listing[] = {LISTING_PARAMETERS, NULL};
static const char *const alerts[] = {LISTING_PARAMETERS, ALERT_LISTING_PARAMETERS, NULL};
static const char *const flows[] = {"limit", "device", "peer", "since", "until", "after", NULL};
static const char *const indicator[] = {"device", NULL};
static const struct http_route routes[] = {
    {.method = "GET", .pattern = "/v1/status", .handler = api_get_status},
    {.method = "GET", .pattern = "/v1/devices", .query = listing, .handler = api_list_devices},
    {.method = "GET", .pattern = "/v1/devices/{id}", .handler = api_get_device},
    {.method = "GET",
     .pattern = "/v1/devices/{id}/peers",
     .query = listing,
     .handler = api_list_device_peers},
    {.method = "GET", .pattern = "/v1/devices/{id}/settings", .handler = api_list_device_settings},
    {.method = "PUT",
     .pattern = "/v1/devices/{id}/group",
     .body_types = json,
     .body_max = GROUP_BODY_BYTES_MAX,
     .handler = api_put_device_group},
    {.method = "GET", .pattern = "/v1/devices/{id}/credentials", .handler = api_list_credentials},
    {.method = "POST",
     .pattern = "/v1/devices/{id}/credentials",
     .body_types = json,
     .body_max = IDENTITY_BODY_BYTES_MAX,
     .handler = api_post_credential},
    {.method = "DELETE",
     .pattern = "/v1/devices/{id}/credentials",
     .handler = api_delete_credentials},
    {.method = "DELETE",
     .pattern = "/v1/devices/{id}/credentials/{number}",
     .handler = api_delete_credential},
    {.method = "GET", .pattern = "/v1/tokens", .handler = api_list_tokens},
    {.method = "POST",
     .pattern = "/v1/tokens",
     .body_types = json,
     .body_max = IDENTITY_BODY_BYTES_MAX,
     .handler = api_post_token},
    {.method = "DELETE", .pattern = "/v1/tokens/{number}", .handler = api_delete_token},
    {.method = "GET", .pattern = "/v1/authorities", .handler = api_list_authorities},
    {.method = "POST",
     .pattern = "/v1/authorities",
     .body_types = json,
     .body_max = IDENTITY_BODY_BYTES_MAX,
     .handler = api_post_authority},
    {.method = "DELETE", .pattern = "/v1/authorities/{number}", .handler = api_delete_authority},
    {.method = "GET", .pattern = "/v1/flows", .query = flows, .handler = api_list_flows},
    {.method = "GET", .pattern = "/v1/alerts", .query = alerts, .handler = api_list_alerts},
    {.method = "GET", .pattern = "/v1/alerts/{id}", .handler = api_get_alert},
    {.method = "POST", .pattern = "/v1/alerts/{id}/resolve", .handler = api_resolve_alert},
    {.method = "GET",
     .pattern = "/v1/recommendations",
     .query = alerts,
     .handler = api_list_recommendations},
    {.method = "GET", .pattern = "/v1/recommendations/{id}", .handler = api_get_recommendation},
    {.method = "GET", .pattern = "/v1/groups", .handler = api_list_groups},
    {.method = "GET", .pattern = "/v1/groups/{name}", .handler = api_get_group},
    {.method = "PUT",
     .pattern = "/v1/groups/{name}",
     .body_types = json,
     .body_max = RULES_BODY_BYTES_MAX,
     .handler = api_put_group},
    {.method = "DELETE", .pattern = "/v1/groups/{name}", .handler = api_delete_group},
    {.method = "GET", .pattern = "/v1/groups/{name}/settings", .handler = api_get_group_settings},
    {.method = "PUT",
     .pattern = "/v1/groups/{name}/settings",
     .body_types = envelopes,
     .body_max = PICKET_SETTINGS_BYTES_MAX,
     .handler = api_put_group_settings},
    {.method = "GET", .pattern = "/v1/feeds", .handler = api_list_feeds},
    {.method = "GET", .pattern = "/v1/feeds/{name}", .handler = api_get_feed},
    {.method = "PUT",
     .pattern = "/v1/feeds/{name}",
     .body_types = json,
     .body_max = FEED_BODY_BYTES_MAX,
     .handler = api_put_feed},
    {.method = "DELETE", .pattern = "/v1/feeds/{name}", .handler = api_delete_feed},
    {.method = "POST", .pattern = "/v1/feeds/{name}/refresh", .handler = api_refresh_feed},
    {.method = "GET",
     .pattern = "/v1/feeds/{name}/indicators",
     .query = listing,
     .handler = api_list_indicators},
    {.method = "PUT",
     .pattern = "/v1/feeds/{name}/indicators",
     .body_types = json,
     .body_max = PUSH_BODY_BYTES_MAX,
     .handler = api_put_indicators},
    {.method = "DELETE",
     .pattern = "/v1/feeds/{name}/indicators",
     .body_types = json,
     .body_max = PUSH_BODY_BYTES_MAX,
     .handler = api_delete_indicators},
    {.method = "GET",
     .pattern = "/v1/indicators/{value}",
     .query = indicator,
     .handler = api_get_indicator},
    {.method = "GET", .pattern = "/v1/catalogue", .handler = api_list_catalogue},
    {.method = "GET", .pattern = "/v1/catalogue/{type}", .handler = api_get_catalogue_type},
    {.method = "GET", .pattern = "/", .is_public = true, .handler = api_get_console_file},
    {.method = "GET", .pattern = "/{file}", .is_public = true, .handler = api_get_console_file},
};

const struct http_route *api_routes(size_t *ret_count)
{
    *ret_count = sizeof(routes) / sizeof(routes[0]);
    return routes;
}
