/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_MODEL_DEVICE_H
#define SERVICE_MODEL_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/report.h"

struct json;

#define GROUP_NAME_MAX     64u /* bytes without the NUL; letters, digits and . _ - */
#define GROUP_NAME_DEFAULT "default"

/** Which reports of one boot have come: a window of 64 below the highest (as RFC 4303 §3.4.3 does).
 */
struct boot {
    uint32_t id;
    uint32_t highest;   /* sequence; 0 before the first */
    uint64_t window;    /* bit n: highest - n has come */
    uint64_t missing;   /* sequences below highest that have not come (yet) */
    int64_t first_us;   /* received */
    int64_t started_us; /* event time at uptime 0, for devices without a clock */
};

/** Kinds of settings that a device tells of: policy, configuration, indicators. */
#define DEVICE_STANDINGS_MAX 3u

/** How settings of one kind stand on a device, as it said last. */
struct device_standing {
    enum picket_settings_kind kind;
    uint32_t revision; /* that the device has; 0: none */
    enum picket_settings_state state;
    enum picket_refusal refusal; /* of the newest that it refused */
    uint32_t refused_revision;
    int64_t told_us;             /* received; since when it is so */
    uint32_t confirmed_revision; /* the last one that was in effect; 0: none ever */
    int64_t confirmed_us;        /* received; since when */
};

#define DEVICE_FORMAT_MAX 16u /* bytes, NUL included */
#define DEVICE_DIGESTS    16u

/** One device as the service knows it. */
struct device {
    char id[DEVICE_ID_MAX + 1];
    char group[GROUP_NAME_MAX + 1];
    int64_t first_seen_us; /* received */
    int64_t last_seen_us;  /* received */
    uint32_t interval_ms;  /* from its heartbeat; 0 if never told */
    uint64_t reports;
    uint64_t repeats;                /* reports that came again and were dropped */
    struct boot boot;                /* the current one */
    struct picket_counters counters; /* sums */
    char os[PICKET_TEXT_MAX + 1];
    char stack[PICKET_TEXT_MAX + 1];
    char hardware[PICKET_TEXT_MAX + 1];
    char firmware_version[PICKET_TEXT_MAX + 1];
    char module_version[PICKET_TEXT_MAX + 1];
    char sbom[PICKET_TEXT_MAX + 1];
    char firmware_sha256[2 * PICKET_SHA256_BYTES + 1]; /* lower-case hexadecimal */
    uint8_t hardening_known;                           /* of enum picket_hardening */
    uint8_t hardening_on;
    char format[DEVICE_FORMAT_MAX];   /* of its last report; "" if that was ours */
    uint64_t digests[DEVICE_DIGESTS]; /* of its last messages in other formats, the newest first */
};

/** What became of a sequence number. */
enum boot_verdict { BOOT_NEW, BOOT_REPEAT, BOOT_TOO_OLD };
enum boot_verdict boot_note(struct boot *boot, uint32_t sequence);
/** The highest sequence up to which nothing is missing that could still come. */
uint32_t boot_settled(const struct boot *boot);

/**
 * Takes over what a report that was received at @p received_us says of settings; false if
 * that is nothing new.
 */
bool standing_note(struct device_standing *standing, const struct picket_settings_record *told,
                   int64_t received_us);
/** An object: what the device is to have (0: nothing), what it has, and what it had in effect. */
void standing_write_json(struct json *json, const char *key, const struct device_standing *standing,
                         uint32_t desired);

/** False if the message is one of the last: without a sequence, it is known by its digest alone. */
bool device_note_digest(struct device *device, uint64_t digest);

/** The members of its object, for one who has more to tell. */
void device_write_members(struct json *json, const struct device *device);
void device_write_json(struct json *json, const char *key, const struct device *device);

#endif
