/* SPDX-License-Identifier: MIT */
#include "model/device.h"

#include <string.h>

#include "base/json.h"
#include "model/fact.h"
#include "model/settings.h"

#define WINDOW_BITS 64u

enum boot_verdict boot_note(struct boot *boot, uint32_t sequence)
{
    uint32_t ahead;
    uint64_t bit;

    if (sequence == 0) {
        return BOOT_TOO_OLD; /* they count from 1 */
    }
    if (sequence > boot->highest) {
        ahead = sequence - boot->highest;
        boot->window = (ahead < WINDOW_BITS ? boot->window << ahead : 0) | 1u;
        boot->missing += ahead - 1;
        boot->highest = sequence;
        return BOOT_NEW;
    }
    if (boot->highest - sequence >= WINDOW_BITS) {
        return BOOT_TOO_OLD;
    }
    bit = UINT64_C(1) << (boot->highest - sequence);
    if ((boot->window & bit) != 0) {
        return BOOT_REPEAT;
    }
    boot->window |= bit;
    if (boot->missing > 0) { /* it is, unless a stored state was damaged */
        boot->missing--;
    }
    return BOOT_NEW;
}

bool standing_note(struct device_standing *standing, const struct picket_settings_record *told,
                   int64_t received_us)
{
    bool is_in_effect = told->state == PICKET_STATE_IN_EFFECT;

    if (standing->told_us != 0 && standing->revision == told->revision &&
        standing->state == told->state && standing->refusal == told->refusal &&
        standing->refused_revision == told->refused_revision) {
        return false;
    }
    standing->kind = told->kind;
    standing->revision = told->revision;
    standing->state = told->state;
    standing->refusal = told->refusal;
    standing->refused_revision = told->refused_revision;
    standing->told_us = received_us;
    if (is_in_effect && standing->confirmed_revision != told->revision) {
        standing->confirmed_revision = told->revision;
        standing->confirmed_us = received_us;
    }
    return true;
}

/* A revision, or null. */
static void put_revision(struct json *json, const char *key, uint32_t revision)
{
    if (revision == 0) {
        json_put_null(json, key);
    } else {
        json_put_uint(json, key, revision);
    }
}

void standing_write_json(struct json *json, const char *key, const struct device_standing *standing,
                         uint32_t desired)
{
    bool is_refused = standing->refusal != PICKET_REFUSED_NOT;

    json_open_object(json, key);
    json_put_text(json, "kind", settings_kind_name(standing->kind));
    put_revision(json, "desired", desired);
    put_revision(json, "reported", standing->revision);
    json_put_text(json, "state", settings_state_name(standing->state));
    json_put_time_or_null(json, "reported_since", standing->told_us);
    put_revision(json, "confirmed", standing->confirmed_revision);
    json_put_time_or_null(json, "confirmed_at", standing->confirmed_us);
    put_revision(json, "refused", standing->refused_revision);
    json_put_text(json, "reason", is_refused ? refusal_reason(standing->refusal) : NULL);
    json_close_object(json);
}

bool device_note_digest(struct device *device, uint64_t digest)
{
    for (size_t i = 0; i < DEVICE_DIGESTS; i++) {
        if (device->digests[i] == digest) {
            return false;
        }
    }
    memmove(device->digests + 1, device->digests,
            sizeof(device->digests) - sizeof(device->digests[0]));
    device->digests[0] = digest;
    return true;
}

/* A message in another format has neither. */
static void write_boot(struct json *json, const struct device *device)
{
    json_put_text(json, "format", device->format[0] == '\0' ? "report" : device->format);
    if (device->format[0] != '\0') {
        json_put_null(json, "missing");
        json_put_null(json, "boot");
        json_put_null(json, "counters");
        return;
    }
    json_put_uint(json, "missing", device->boot.missing);
    json_put_uint(json, "boot", device->boot.id);
    counters_write_json(json, "counters", &device->counters);
}

uint32_t boot_settled(const struct boot *boot)
{
    uint32_t bits = boot->highest < WINDOW_BITS ? boot->highest : WINDOW_BITS;

    for (uint32_t n = bits; n > 0; n--) { /* the lowest first */
        if ((boot->window >> (n - 1) & 1u) == 0) {
            return boot->highest - n;
        }
    }
    return boot->highest;
}

static void write_system(struct json *json, const struct device *device)
{
    json_open_object(json, "system");
    json_put_text(json, "os", device->os);
    json_put_text(json, "stack", device->stack);
    json_put_text(json, "hardware", device->hardware);
    json_put_text(json, "firmware_version", device->firmware_version);
    json_put_text(json, "module_version", device->module_version);
    json_put_text(json, "sbom", device->sbom);
    json_put_text(json, "firmware_sha256", device->firmware_sha256);
    hardening_write_json(json, "hardening", device->hardening_known, device->hardening_on);
    json_close_object(json);
}

void device_write_members(struct json *json, const struct device *device)
{
    json_put_text(json, "id", device->id);
    json_put_text(json, "group", device->group);
    json_put_time(json, "first_seen", device->first_seen_us);
    json_put_time(json, "last_seen", device->last_seen_us);
    json_put_uint(json, "interval_ms", device->interval_ms);
    json_put_uint(json, "reports", device->reports);
    json_put_uint(json, "repeats", device->repeats);
    write_boot(json, device);
    write_system(json, device);
}

void device_write_json(struct json *json, const char *key, const struct device *device)
{
    json_open_object(json, key);
    device_write_members(json, device);
    json_close_object(json);
}
