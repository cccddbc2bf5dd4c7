/* SPDX-License-Identifier: MIT */
#include "pipeline/indicators.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/time.h"
#include "intel/filter.h"
#include "intel/shards.h"
#include "model/device.h"
#include "store/store.h"

/* What one renewal works on; too large for a stack. */
struct renewal {
    const struct indicators_config *config;
    const char *group;
    char audience[GROUP_NAME_MAX + 1];
    struct shard_set *before; /* NULL if devices have nothing, or what can't be gone on with */
    struct shard_set *set;
    uint32_t revision; /* the last one that was given */
    enum picket_status status;
    uint8_t payload[PICKET_SETTINGS_BYTES_MAX];
    uint8_t message[PICKET_SETTINGS_BYTES_MAX + PICKET_SIGNED_OVERHEAD];
    uint8_t envelope[PICKET_SETTINGS_BYTES_MAX];
};

/* --- what devices have --- */

/* The delta of the newest shard is the one that counts: shards come by revision. */
static void take_delta(struct shard_set *set, const struct store_shard *shard)
{
    struct picket_envelope envelope;
    struct picket_settings settings;

    if (picket_envelope_open(shard->envelope, shard->envelope_length, &envelope) == PICKET_OK &&
        picket_settings_read(envelope.payload, envelope.payload_length, &settings, NULL, NULL) ==
            PICKET_OK &&
        settings.indicators.listed_count <= SHARDS_DELTA_MAX &&
        settings.indicators.unlisted_count <= SHARDS_DELTA_MAX) {
        set->listed_count = settings.indicators.listed_count;
        set->unlisted_count = settings.indicators.unlisted_count;
        memcpy(set->listed, settings.indicators.listed,
               set->listed_count * PICKET_DELTA_ITEM_BYTES);
        memcpy(set->unlisted, settings.indicators.unlisted,
               set->unlisted_count * PICKET_DELTA_ITEM_BYTES);
    }
}

static bool take_shard(void *context, const struct store_shard *shard)
{
    struct renewal *renewal = context;
    struct address *addresses = malloc(shard->address_bytes + 1);

    renewal->revision = shard->revision;
    if (renewal->before == NULL) {
        renewal->before = shard_set_new(shard->shard_count);
    }
    if (renewal->before == NULL || addresses == NULL) {
        renewal->status = PICKET_E_NOMEM;
    } else if (renewal->before->shard_count != shard->shard_count) {
        renewal->status = PICKET_E_MALFORMED;
    } else {
        memcpy(addresses, shard->addresses, shard->address_bytes);
        renewal->status = shard_set_fill(renewal->before, shard->shard, addresses,
                                         shard->address_bytes / PICKET_DELTA_ITEM_BYTES);
        renewal->before->shards[shard->shard].revision = shard->revision;
        take_delta(renewal->before, shard);
    }
    free(addresses);
    return renewal->status == PICKET_OK;
}

/* --- what they are to have --- */

/* Makes the envelope of a shard with the next revision. */
static enum picket_status sign_shard(struct renewal *renewal, uint32_t number, size_t *ret_length)
{
    const struct indicators_config *config = renewal->config;
    const struct shard_set *set = renewal->set;
    struct picket_settings settings = {
        .kind = PICKET_SETTINGS_INDICATORS,
        .revision = renewal->revision + 1,
        .audience = {renewal->audience, strlen(renewal->audience)},
        .indicators = {.shard = number,
                       .shard_count = set->shard_count,
                       .listed = set->listed[0].bytes,
                       .listed_count = (uint32_t)set->listed_count,
                       .unlisted = set->unlisted[0].bytes,
                       .unlisted_count = (uint32_t)set->unlisted_count}};
    uint8_t signature[PICKET_SIGNATURE_BYTES];
    struct picket_envelope envelope = {
        .algorithm = PICKET_ALGORITHM_EDDSA, .payload = renewal->payload, .signature = signature};
    struct filter *filter = NULL;
    size_t length = 0;
    enum picket_status status = shard_build(&set->shards[number], &filter);

    if (status != PICKET_OK) {
        return status;
    }
    settings.indicators.filter = *filter_content(filter);
    status = picket_settings_put(&settings, renewal->payload, sizeof(renewal->payload),
                                 &envelope.payload_length);
    filter_free(filter);
    if (status == PICKET_OK) {
        status = picket_envelope_put_signed(&envelope, renewal->message, sizeof(renewal->message),
                                            &length);
    }
    if (status == PICKET_OK &&
        !config->sign(config->context, renewal->message, length, signature)) {
        status = PICKET_E_NOMEM;
    }
    return status != PICKET_OK ? status
                               : picket_envelope_put(&envelope, renewal->envelope,
                                                     sizeof(renewal->envelope), ret_length);
}

static enum picket_status put_shard(struct renewal *renewal, uint32_t number, struct err *reterr)
{
    struct store *store = renewal->config->store;
    struct shard *shard = &renewal->set->shards[number];
    struct store_shard row = {.group = renewal->group,
                              .shard = number,
                              .shard_count = renewal->set->shard_count,
                              .addresses = (const uint8_t *)shard->addresses,
                              .address_bytes = shard->count * PICKET_DELTA_ITEM_BYTES,
                              .envelope = renewal->envelope};
    enum picket_status status = sign_shard(renewal, number, &row.envelope_length);

    if (status != PICKET_OK) {
        err_set(reterr, "indicators of the group %s can't be signed: %s", renewal->group,
                picket_strerror(status));
        return status;
    }
    row.revision = ++renewal->revision;
    return store->ops->put_shard(store, &row, reterr);
}

static enum picket_status put_shards(struct renewal *renewal, struct err *reterr)
{
    struct store *store = renewal->config->store;
    const struct shard_set *set = renewal->set;
    enum picket_status status = PICKET_OK;

    if (set == NULL || renewal->before == NULL ||
        renewal->before->shard_count != set->shard_count) {
        status = store->ops->delete_shards(store, renewal->group, reterr);
    }
    for (uint32_t i = 0; set != NULL && i < set->shard_count && status == PICKET_OK; i++) {
        if (set->shards[i].revision == 0) {
            status = put_shard(renewal, i, reterr);
        }
    }
    return status;
}

static enum picket_status write_shards(struct renewal *renewal, struct err *reterr)
{
    struct store *store = renewal->config->store;
    enum picket_status status = store->ops->begin(store, reterr);

    if (status != PICKET_OK) {
        return status;
    }
    status = put_shards(renewal, reterr);
    if (status == PICKET_OK) {
        status = store->ops->commit(store, reterr);
    }
    if (status != PICKET_OK) {
        store->ops->rollback(store);
    }
    return status;
}

static bool has_news(const struct renewal *renewal)
{
    bool has = renewal->set == NULL && renewal->before != NULL;

    for (uint32_t i = 0; renewal->set != NULL && i < renewal->set->shard_count; i++) {
        has |= renewal->set->shards[i].revision == 0;
    }
    return has;
}

/* Audiences have no capitals. */
static void set_audience(struct renewal *renewal)
{
    snprintf(renewal->audience, sizeof(renewal->audience), "%s", renewal->group);
    for (char *at = renewal->audience; *at != '\0'; at++) {
        *at = (char)(*at >= 'A' && *at <= 'Z' ? *at - 'A' + 'a' : *at);
    }
}

static enum picket_status choose(struct renewal *renewal, size_t bytes,
                                 const struct intel_index *index, int64_t now_us)
{
    char scope[sizeof("group:") + GROUP_NAME_MAX];

    snprintf(scope, sizeof(scope), "group:%s", renewal->group);
    return shards_choose(index, scope, bytes, now_us, &renewal->set);
}

enum picket_status indicators_renew(const struct indicators_config *config, const char *group,
                                    size_t bytes, const struct intel_index *index, int64_t now_us,
                                    bool *ret_is_changed, struct err *reterr)
{
    struct renewal *renewal = calloc(1, sizeof(*renewal));
    struct store *store = config->store;
    uint32_t now_s = (uint32_t)(now_us / TIME_US_PER_S);
    bool is_changed = false;
    enum picket_status status = PICKET_E_NOMEM;

    if (renewal == NULL) {
        goto out;
    }
    renewal->config = config;
    renewal->group = group;
    set_audience(renewal);
    status = store->ops->each_shard(store, group, take_shard, renewal, reterr);
    status = status == PICKET_OK ? renewal->status : status;
    if (status == PICKET_OK && bytes > 0) {
        status = choose(renewal, bytes, index, now_us);
    }
    if (status != PICKET_OK) {
        goto out;
    }
    if (renewal->set != NULL) {
        shards_settle(renewal->set, renewal->before);
    }
    is_changed = has_news(renewal);
    if (is_changed) {
        renewal->revision = renewal->revision < now_s ? now_s : renewal->revision;
        status = write_shards(renewal, reterr);
    }
    if (status == PICKET_OK) {
        *ret_is_changed = is_changed;
    }
out:
    if (renewal != NULL) {
        shard_set_free(renewal->before);
        shard_set_free(renewal->set);
    }
    free(renewal);
    return status;
}
