/* SPDX-License-Identifier: MIT */
#include "cli/device_mqtt.h"
#include "cli/sim_device.h"
#include "cli/sim_way.h"

/* MQTT 3.1.1 with QoS 1, as spec/mqtt.md has it. */

static struct device_mqtt speaker(const struct sim_way_terms *terms,
                                  const struct sim_device *device)
{
    return (struct device_mqtt){.id = device->id,
                                .key = device->key,
                                .is_broker = terms->is_broker,
                                .boot = device->boot,
                                .sequence = device->sequence};
}

static void greet(const struct sim_way_terms *terms, const struct sim_device *device,
                  struct buf *out)
{
    const struct device_mqtt speaking = speaker(terms, device);

    device_mqtt_greet(&speaking, out);
}

static void put(const struct sim_way_terms *terms, const struct sim_device *device,
                const uint8_t *report, size_t length, struct buf *out)
{
    const struct device_mqtt speaking = speaker(terms, device);

    device_mqtt_put(&speaking, report, length, out);
}

static enum sim_answer take(const struct sim_way_terms *terms, const struct sim_device *device,
                            const uint8_t *bytes, size_t length, size_t *ret_used,
                            unsigned *ret_wait_s, struct err *reterr)
{
    static const enum sim_answer answers[] = {
        [DEVICE_MQTT_NOTHING] = SIM_NOTHING,  [DEVICE_MQTT_WELCOME] = SIM_WELCOME,
        [DEVICE_MQTT_TAKEN] = SIM_TAKEN,      [DEVICE_MQTT_REFUSED] = SIM_GIVEN_UP,
        [DEVICE_MQTT_SETTINGS] = SIM_NOTHING, [DEVICE_MQTT_BROKEN] = SIM_BROKEN,
    };
    const struct device_mqtt speaking = speaker(terms, device);
    struct mqtt_bytes ignored;

    *ret_wait_s = 1;
    return answers[device_mqtt_take(&speaking, bytes, length, ret_used, &ignored, reterr)];
}

const struct sim_way sim_way_mqtt = {.is_bound = true, .greet = greet, .put = put, .take = take};
