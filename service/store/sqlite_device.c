/* SPDX-License-Identifier: MIT */
#include "store/sqlite.h"

#include <string.h>

static const char PUT_DEVICE[] =
    "INSERT INTO device (id, [group], first_seen_us, last_seen_us, interval_ms, reports, repeats,"
    " boot_id, seen, kept, folded, malformed, filtered, dropped, os, stack, hardware,"
    " firmware_version, module_version, sbom, firmware_sha256, hardening_known, hardening_on,"
    " format, digests)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (id) DO UPDATE SET"
    " [group] = excluded.[group], first_seen_us = excluded.first_seen_us,"
    " last_seen_us = excluded.last_seen_us, interval_ms = excluded.interval_ms,"
    " reports = excluded.reports, repeats = excluded.repeats, boot_id = excluded.boot_id,"
    " seen = excluded.seen, kept = excluded.kept, folded = excluded.folded,"
    " malformed = excluded.malformed, filtered = excluded.filtered, dropped = excluded.dropped,"
    " os = excluded.os, stack = excluded.stack, hardware = excluded.hardware,"
    " firmware_version = excluded.firmware_version, module_version = excluded.module_version,"
    " sbom = excluded.sbom, firmware_sha256 = excluded.firmware_sha256,"
    " hardening_known = excluded.hardening_known, hardening_on = excluded.hardening_on,"
    " format = excluded.format, digests = excluded.digests";

#define DIGEST_BYTES 8u

/* Those of a device that has sent messages in other formats; how many bytes. */
static size_t write_digests(const struct device *device, uint8_t *bytes)
{
    size_t length = 0;

    for (size_t i = 0; i < DEVICE_DIGESTS && device->digests[i] != 0; i++) {
        for (unsigned byte = 0; byte < DIGEST_BYTES; byte++) {
            bytes[length++] = (uint8_t)(device->digests[i] >> 8 * byte);
        }
    }
    return length;
}

static void read_digests(struct sqlite_row *row, struct device *ret)
{
    size_t length = 0;
    const uint8_t *bytes = sqlite_row_borrow_bytes(row, &length);

    if (bytes == NULL) {
        return;
    }
    if (length % DIGEST_BYTES != 0 || length > sizeof(ret->digests)) {
        row->status = PICKET_E_MALFORMED;
        return;
    }
    for (size_t i = 0; i < length; i++) {
        ret->digests[i / DIGEST_BYTES] |= (uint64_t)bytes[i] << 8 * (i % DIGEST_BYTES);
    }
}

enum picket_status sqlite_put_device(struct store *store, const struct device *device,
                                     struct err *reterr)
{
    const struct picket_counters *counters = &device->counters;
    uint8_t digests[sizeof(device->digests)];
    const struct sqlite_value values[] = {
        sqlite_text(device->id),
        sqlite_text(device->group),
        sqlite_number(device->first_seen_us),
        sqlite_number(device->last_seen_us),
        sqlite_number(device->interval_ms),
        sqlite_count(device->reports),
        sqlite_count(device->repeats),
        sqlite_number(device->boot.id),
        sqlite_count(counters->seen),
        sqlite_count(counters->kept),
        sqlite_count(counters->folded),
        sqlite_count(counters->malformed),
        sqlite_count(counters->filtered),
        sqlite_count(counters->dropped),
        sqlite_text(device->os),
        sqlite_text(device->stack),
        sqlite_text(device->hardware),
        sqlite_text(device->firmware_version),
        sqlite_text(device->module_version),
        sqlite_text(device->sbom),
        sqlite_text(device->firmware_sha256),
        sqlite_number(device->hardening_known),
        sqlite_number(device->hardening_on),
        sqlite_text(device->format),
        sqlite_bytes(digests, write_digests(device, digests)),
    };

    return sqlite_run((struct sqlite_store *)store, KEPT_PUT_DEVICE, PUT_DEVICE, values,
                      SQLITE_VALUE_COUNT(values), reterr);
}

#define BOOT_COLUMNS "boot.id, highest, window, missing, first_us, started_us"

/* A device that was assigned to a group and never heard has no boot. */
#define SELECT_DEVICE                                                                              \
    "SELECT device.id, [group], first_seen_us, last_seen_us, interval_ms, reports, repeats, seen," \
    " kept, folded, malformed, filtered, dropped, os, stack, hardware, firmware_version,"          \
    " module_version, sbom, firmware_sha256, hardening_known, hardening_on, format, "              \
    "digests, " BOOT_COLUMNS                                                                       \
    " FROM device LEFT JOIN boot ON boot.device = device.id AND boot.id = device.boot_id"

static void read_boot(struct sqlite_row *row, struct boot *ret)
{
    ret->id = (uint32_t)sqlite_row_number(row, 0, UINT32_MAX);
    ret->highest = (uint32_t)sqlite_row_number(row, 0, UINT32_MAX);
    ret->window = (uint64_t)sqlite_row_number(row, INT64_MIN, INT64_MAX); /* 64 bits, not a count */
    ret->missing = sqlite_row_count(row);
    ret->first_us = sqlite_row_number(row, INT64_MIN, INT64_MAX);
    ret->started_us = sqlite_row_number(row, INT64_MIN, INT64_MAX);
}

static void read_device(struct sqlite_row *row, struct device *ret)
{
    sqlite_row_text(row, ret->id, sizeof(ret->id));
    sqlite_row_text(row, ret->group, sizeof(ret->group));
    ret->first_seen_us = sqlite_row_number(row, INT64_MIN, INT64_MAX);
    ret->last_seen_us = sqlite_row_number(row, INT64_MIN, INT64_MAX);
    ret->interval_ms = (uint32_t)sqlite_row_number(row, 0, UINT32_MAX);
    ret->reports = sqlite_row_count(row);
    ret->repeats = sqlite_row_count(row);
    ret->counters.seen = sqlite_row_count(row);
    ret->counters.kept = sqlite_row_count(row);
    ret->counters.folded = sqlite_row_count(row);
    ret->counters.malformed = sqlite_row_count(row);
    ret->counters.filtered = sqlite_row_count(row);
    ret->counters.dropped = sqlite_row_count(row);
    sqlite_row_text(row, ret->os, sizeof(ret->os));
    sqlite_row_text(row, ret->stack, sizeof(ret->stack));
    sqlite_row_text(row, ret->hardware, sizeof(ret->hardware));
    sqlite_row_text(row, ret->firmware_version, sizeof(ret->firmware_version));
    sqlite_row_text(row, ret->module_version, sizeof(ret->module_version));
    sqlite_row_text(row, ret->sbom, sizeof(ret->sbom));
    sqlite_row_text(row, ret->firmware_sha256, sizeof(ret->firmware_sha256));
    ret->hardening_known = (uint8_t)sqlite_row_number(row, 0, UINT8_MAX);
    ret->hardening_on = (uint8_t)sqlite_row_number(row, 0, UINT8_MAX);
    sqlite_row_text(row, ret->format, sizeof(ret->format));
    read_digests(row, ret);
    read_boot(row, &ret->boot);
}

struct device_listing {
    store_device_fn *fn;
    void *context;
};

static bool give_device(void *context, struct sqlite_row *row)
{
    const struct device_listing *listing = context;
    struct device device = {0};

    read_device(row, &device);
    return row->status == PICKET_OK && listing->fn(listing->context, &device);
}

enum picket_status sqlite_each_device(struct store *store, const struct store_filter *filter,
                                      store_device_fn *fn, void *context, struct err *reterr)
{
    struct device_listing listing = {.fn = fn, .context = context};

    if (filter->id != NULL) {
        const struct sqlite_value id =
            sqlite_text(strcmp(filter->id, STORE_SERVICE_ID) == 0 ? "" : filter->id);

        return sqlite_select((struct sqlite_store *)store, SELECT_DEVICE " WHERE device.id = ?",
                             &id, 1, give_device, &listing, reterr);
    }
    const struct sqlite_value part[] = {
        filter->limit == 0 ? sqlite_number(-1) : sqlite_count(filter->limit),
        sqlite_count(filter->offset),
    };

    return sqlite_select((struct sqlite_store *)store,
                         SELECT_DEVICE " WHERE device.id <> '" STORE_SERVICE_ID "'"
                                       " ORDER BY device.id LIMIT ? OFFSET ?",
                         part, 2, give_device, &listing, reterr);
}

static const char PUT_BOOT[] =
    "INSERT INTO boot (device, id, highest, window, missing, first_us, started_us)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (device, id) DO UPDATE SET"
    " highest = excluded.highest, window = excluded.window, missing = excluded.missing,"
    " first_us = excluded.first_us, started_us = excluded.started_us";

static const char TRIM_BOOTS[] =
    "DELETE FROM boot WHERE device = ?1 AND arrival NOT IN"
    " (SELECT arrival FROM boot WHERE device = ?1 ORDER BY arrival DESC LIMIT ?2)";

enum picket_status sqlite_put_boot(struct store *store, const char *device, const struct boot *boot,
                                   struct err *reterr)
{
    struct sqlite_store *sqlite = (struct sqlite_store *)store;
    const struct sqlite_value values[] = {
        sqlite_text(device),
        sqlite_number(boot->id),
        sqlite_number(boot->highest),
        sqlite_number((int64_t)boot->window), /* 64 bits, not a count */
        sqlite_count(boot->missing),
        sqlite_number(boot->first_us),
        sqlite_number(boot->started_us),
    };
    const struct sqlite_value trim[] = {sqlite_text(device), sqlite_number(STORE_BOOTS_MAX)};
    enum picket_status status;

    status =
        sqlite_run(sqlite, KEPT_PUT_BOOT, PUT_BOOT, values, SQLITE_VALUE_COUNT(values), reterr);
    if (status != PICKET_OK) {
        return status;
    }
    return sqlite_run(sqlite, KEPT_TRIM_BOOTS, TRIM_BOOTS, trim, SQLITE_VALUE_COUNT(trim), reterr);
}

struct boot_listing {
    store_boot_fn *fn;
    void *context;
};

static bool give_boot(void *context, struct sqlite_row *row)
{
    const struct boot_listing *listing = context;
    struct boot boot;

    read_boot(row, &boot);
    return row->status == PICKET_OK && listing->fn(listing->context, &boot);
}

enum picket_status sqlite_each_boot(struct store *store, const char *device, store_boot_fn *fn,
                                    void *context, struct err *reterr)
{
    struct boot_listing listing = {.fn = fn, .context = context};
    const struct sqlite_value id = sqlite_text(device);

    return sqlite_select((struct sqlite_store *)store,
                         "SELECT " BOOT_COLUMNS " FROM boot WHERE device = ? ORDER BY arrival DESC",
                         &id, 1, give_boot, &listing, reterr);
}
