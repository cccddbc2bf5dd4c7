/* SPDX-License-Identifier: MIT */
#include "scenario/world.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/snapshot.h"
#include "base/time.h"
#include "detect/rules.h"
#include "ingest/ingest.h"
#include "intel/intel.h"
#include "model/report.h"
#include "pipeline/pipeline.h"
#include "store/store.h"

#define STEP_MS          1000
#define REPORT_BYTES_MAX 65536u
#define FACTS            64u

static int64_t service_now_us(void *context)
{
    const struct world *world = context;

    return WORLD_START_US + world->now_ms * TIME_US_PER_MS;
}

static uint32_t device_now_ms(void *context)
{
    const struct world_device *device = context;

    return (uint32_t)(device->world->now_ms - device->booted_ms);
}

static uint64_t device_clock_ms(void *context)
{
    const struct world_device *device = context;

    if (!device->has_clock) {
        return 0;
    }
    return (uint64_t)(WORLD_START_US / TIME_US_PER_MS + device->world->now_ms);
}

static bool device_verify(void *context, enum picket_algorithm algorithm, const uint8_t *message,
                          size_t length, const uint8_t signature[PICKET_SIGNATURE_BYTES])
{
    (void)context;
    (void)algorithm;
    (void)message;
    (void)length;
    return signature[0] == WORLD_SIGNATURE;
}

static void check(struct world *world, enum picket_status status, const struct err *err,
                  const char *what)
{
    if (status != PICKET_OK) {
        script_die(world->script, "%s: %s: %s", what, picket_strerror(status), err->text);
    }
}

static void free_index(void *value)
{
    intel_index_free(value);
}

static void free_rulebook(void *value)
{
    rulebook_free(value);
}

static void add_indicator(struct world *world, struct intel_builder *builder,
                          const struct world_indicator *added)
{
    const struct intel_feed feed = {.name = added->feed,
                                    .source = "",
                                    .licence = "",
                                    .category = "",
                                    .role = added->role,
                                    .confidence = added->confidence};
    struct indicator indicator = {.confidence = added->confidence,
                                  .category = added->category,
                                  .comment = "",
                                  .reference = "",
                                  .scope = added->scope,
                                  .expires_us = added->expires_us};
    char text[OBSERVABLE_TEXT_MAX];
    struct err err = {""};

    check(world,
          observable_parse(added->value, strlen(added->value), &indicator.observable, text, &err),
          &err, added->value);
    check(world, intel_begin_feed(builder, &feed), &err, added->feed);
    check(world, intel_add(builder, &indicator), &err, added->value);
}

static void publish_intel(struct world *world)
{
    struct intel_builder *builder = intel_builder_new();
    struct intel_index *index = NULL;
    struct err err = {""};

    for (size_t i = 0; i < world->indicator_count; i++) {
        add_indicator(world, builder, &world->indicators[i]);
    }
    check(world, intel_build(builder, &index, &err), &err, "the index");
    intel_builder_free(builder);
    if (!snapshot_publish(world->intel, index, free_index)) {
        script_die(world->script, "out of memory");
    }
}

static void publish_rulebook(struct world *world)
{
    struct rulebook *book = rulebook_new();
    struct err err = {""};

    for (size_t i = 0; i < world->group_count; i++) {
        struct rules *rules = NULL;
        const char *text = world->groups[i];

        check(world, rules_parse(text, strlen(text), &rules, &err), &err, "the group");
        check(world, rulebook_add(book, rules), &err, "the group");
    }
    if (!snapshot_publish(world->rulebook, book, free_rulebook)) {
        script_die(world->script, "out of memory");
    }
}

void world_init(struct world *world, struct script *script)
{
    struct pipeline_config config = {.queue_max = 64, .now_us = service_now_us};
    struct err err = {""};

    *world = (struct world){.script = script};
    check(world, store_open_sqlite(NULL, &world->store, &err), &err, "the store");
    world->intel = snapshot_cell_new();
    world->rulebook = snapshot_cell_new();
    if (world->intel == NULL || world->rulebook == NULL) {
        script_die(script, "out of memory");
    }
    publish_intel(world);
    publish_rulebook(world);
    config.store = world->store;
    config.intel = world->intel;
    config.rulebook = world->rulebook;
    config.now_context = world;
    check(world, pipeline_new(&config, &world->pipeline, &err), &err, "the pipeline");
}

static void free_storage(struct world_device *device)
{
    free(device->config.ipv4_storage);
    free(device->config.ipv6_storage);
    free(device->config.facts_storage);
}

void world_deinit(struct world *world)
{
    pipeline_free(world->pipeline);
    for (size_t i = 0; i < world->device_count; i++) {
        free_storage(&world->devices[i]);
    }
    snapshot_cell_free(world->intel);
    snapshot_cell_free(world->rulebook);
    store_close(world->store);
}

static void note_done(void *context, const struct pipeline_outcome *outcome)
{
    struct world *world = context;

    if (outcome->status != PICKET_OK) {
        script_die(world->script, "the pipeline did not take it: %s", outcome->reason);
    }
}

static void deliver(struct world_device *device, const uint8_t *bytes, size_t length)
{
    struct world *world = device->world;
    struct report *report = NULL;
    struct err err = {""};
    enum picket_status status =
        ingest_decode_report(bytes, length, device->identity, service_now_us(world), &report, &err);

    check(world, status, &err, "the report");
    status = pipeline_submit(world->pipeline, report, note_done, world);
    check(world, status, &err, "the pipeline");
}

static void offer_reports(struct world_device *device)
{
    uint8_t buffer[REPORT_BYTES_MAX];
    size_t length = 0;

    while (picket_build_report(&device->agent, buffer, device->report_bytes, &length) ==
           PICKET_OK) {
        if (device->link == LINK_DOWN) {
            return;
        }
        deliver(device, buffer, length);
        if (device->link == LINK_DEAF) {
            return;
        }
        if (picket_confirm_report(&device->agent) != PICKET_OK) {
            script_die(device->world->script, "a report that was built can't be confirmed");
        }
    }
}

void world_advance(struct world *world, int64_t to_ms)
{
    struct err err = {""};

    if (to_ms < world->now_ms) {
        script_die(world->script, "time does not go back");
    }
    while (world->now_ms < to_ms) {
        int64_t next_ms = (world->now_ms / STEP_MS + 1) * STEP_MS;

        if (next_ms > to_ms) {
            world->now_ms = to_ms;
            return;
        }
        world->now_ms = next_ms;
        for (size_t i = 0; i < world->device_count; i++) {
            if (world->devices[i].is_running) {
                offer_reports(&world->devices[i]);
            }
        }
        check(world, pipeline_tick(world->pipeline, service_now_us(world), &err), &err, "a tick");
    }
}

static void allocate_storage(struct world *world, struct picket_config *config, size_t flows)
{
    config->ipv4_storage_bytes = PICKET_IPV4_STORAGE_BYTES(flows);
    config->ipv6_storage_bytes = PICKET_IPV6_STORAGE_BYTES(flows);
    config->facts_storage_bytes = PICKET_FACTS_STORAGE_BYTES(FACTS);
    config->ipv4_storage = malloc(config->ipv4_storage_bytes);
    config->ipv6_storage = malloc(config->ipv6_storage_bytes);
    config->facts_storage = malloc(config->facts_storage_bytes);
    if (config->ipv4_storage == NULL || config->ipv6_storage == NULL ||
        config->facts_storage == NULL) {
        script_die(world->script, "out of memory");
    }
}

static size_t read_device_terms(struct world *world, struct world_device *device,
                                const char **ret_group)
{
    struct script *script = world->script;
    size_t flows = 64;
    char *name;
    char *value;

    while (script_pair(script, &name, &value)) {
        if (strcmp(name, "report_every") == 0) {
            device->config.interval_ms = (uint32_t)script_duration_ms(script, value);
        } else if (strcmp(name, "flows") == 0) {
            flows = (size_t)script_number(script, value, 100000);
        } else if (strcmp(name, "group") == 0) {
            *ret_group = value;
        } else if (strcmp(name, "identity") == 0) {
            snprintf(device->identity, sizeof(device->identity), "%s", value);
        } else if (strcmp(name, "clock") == 0) {
            device->has_clock = strcmp(value, "yes") == 0;
        } else if (strcmp(name, "buffer") == 0) {
            device->report_bytes = (size_t)script_number(script, value, REPORT_BYTES_MAX);
        } else {
            script_die(script,
                       "a device has no \"%s\"; it has report_every, flows, group, identity, "
                       "clock, buffer",
                       name);
        }
    }
    return flows;
}

void world_boot(struct world_device *device)
{
    static const struct picket_address service = {.size = 4, .bytes = {192, 0, 2, 250}};
    const struct picket_port port = {.context = device,
                                     .now_ms = device_now_ms,
                                     .clock_ms = device_clock_ms,
                                     .verify = device_verify};

    device->booted_ms = device->world->now_ms;
    device->config.boot++;
    if (picket_init(&device->agent, &device->config, &port) != PICKET_OK ||
        picket_set_service(&device->agent, &service, 1) != PICKET_OK) {
        script_die(device->world->script, "the agent does not take this configuration");
    }
    device->is_running = true;
}

void world_add_device(struct world *world)
{
    struct world_device *device = &world->devices[world->device_count];
    const char *name = script_need(world->script, "the device's name");
    const char *group = NULL;

    if (world->device_count == WORLD_DEVICES_MAX || strlen(name) >= sizeof(device->name)) {
        script_die(world->script, "too many devices, or too long a name");
    }
    device->world = world;
    memcpy(device->name, name, strlen(name) + 1);
    memcpy(device->identity, name, strlen(name) + 1);
    device->has_clock = true;
    device->report_bytes = REPORT_BYTES_MAX;
    device->config.interval_ms = 60000;
    device->config.settings_storage = device->settings;
    device->config.settings_storage_bytes = sizeof(device->settings);
    device->config.audience = (struct picket_text){"fleet", 5};
    device->config.system.os = (struct picket_text){"ThreadX 6.4.1", 13};
    allocate_storage(world, &device->config, read_device_terms(world, device, &group));
    world->device_count++;
    world_boot(device);
    if (group != NULL) {
        world_assign(world, name, group);
    }
}

void world_set_hardening(struct world_device *device)
{
    struct picket_system *system = &device->config.system;
    struct script *script = device->world->script;
    char *name;
    char *value;

    while (script_pair(script, &name, &value)) {
        unsigned bit = 0;

        while (hardening_name(bit) != NULL && strcmp(hardening_name(bit), name) != 0) {
            bit++;
        }
        if (hardening_name(bit) == NULL) {
            script_die(script, "no protection is called \"%s\"", name);
        }
        system->hardening_known |= (uint8_t)(1u << bit);
        system->hardening_on &= (uint8_t) ~(1u << bit);
        if (strcmp(value, "on") == 0) {
            system->hardening_on |= (uint8_t)(1u << bit);
        }
    }
}

struct world_device *world_find_device(struct world *world, const char *name)
{
    for (size_t i = 0; i < world->device_count; i++) {
        if (strcmp(world->devices[i].name, name) == 0) {
            return &world->devices[i];
        }
    }
    return NULL;
}

void world_observe(struct world_device *device, enum picket_direction direction,
                   const struct datagram *datagram, unsigned count)
{
    const struct picket_span span = {datagram->bytes, datagram->length};
    const struct picket_datagram seen = {
        .direction = direction, .spans = &span, .span_count = 1, .length = datagram->length};

    for (unsigned i = 0; i < count; i++) {
        picket_observe(&device->agent, &seen);
    }
}

void world_assign(struct world *world, const char *device, const char *group)
{
    struct err err = {""};

    check(world, pipeline_assign(world->pipeline, device, group, note_done, world), &err,
          "a group");
}

static enum indicator_role read_role(struct script *script, const char *name)
{
    for (enum indicator_role role = INDICATOR_LISTED; role <= INDICATOR_ALLOWED; role++) {
        if (strcmp(indicator_role_name(role), name) == 0) {
            return role;
        }
    }
    script_die(script, "a role is listed, warned, popular or allowed");
}

void world_add_indicator(struct world *world)
{
    struct script *script = world->script;
    struct world_indicator *added = &world->indicators[world->indicator_count];
    const struct {
        const char *name;
        char *text;
        size_t size;
    } texts[] = {{"feed", added->feed, sizeof(added->feed)},
                 {"category", added->category, sizeof(added->category)},
                 {"scope", added->scope, sizeof(added->scope)}};
    char *name;
    char *value;

    if (world->indicator_count == WORLD_INDICATORS_MAX) {
        script_die(script, "too many indicators");
    }
    *added = (struct world_indicator){.feed = "test", .category = "test", .confidence = 80};
    snprintf(added->value, sizeof(added->value), "%s", script_need(script, "the indicator"));
    while (script_pair(script, &name, &value)) {
        bool is_text = false;

        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
            if (strcmp(texts[i].name, name) == 0) {
                snprintf(texts[i].text, texts[i].size, "%s", value);
                is_text = true;
            }
        }
        if (strcmp(name, "confidence") == 0) {
            added->confidence = (uint8_t)script_number(script, value, 100);
        } else if (strcmp(name, "role") == 0) {
            added->role = read_role(script, value);
        } else if (strcmp(name, "expires_in") == 0) {
            added->expires_us =
                service_now_us(world) + script_duration_ms(script, value) * TIME_US_PER_MS;
        } else if (!is_text) {
            script_die(script,
                       "an indicator has no \"%s\"; it has role, feed, confidence, "
                       "category, scope, expires_in",
                       name);
        }
    }
    world->indicator_count++;
    publish_intel(world);
}

void world_set_group(struct world *world)
{
    struct script *script = world->script;
    const char *name = script_need(script, "the group's name");
    char start[128];
    size_t at = 0;

    snprintf(start, sizeof(start), "{\"name\": \"%s\", ", name);
    while (at < world->group_count && strncmp(world->groups[at], start, strlen(start)) != 0) {
        at++;
    }
    if (at == sizeof(world->groups) / sizeof(world->groups[0])) {
        script_die(script, "too many groups");
    }
    snprintf(world->groups[at], sizeof(world->groups[at]), "%s\"rules\": %.3900s}", start,
             script_rest(script));
    world->group_count += at == world->group_count;
    publish_rulebook(world);
}
