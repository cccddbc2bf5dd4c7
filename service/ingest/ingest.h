/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_INGEST_INGEST_H
#define SERVICE_INGEST_INGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/status.h"

/**
 * Doors and formats: what comes from outside becomes a canonical report, or is
 * refused with a reason and counted.
 */
struct err;
struct http_route;
struct json;
struct report;

/** The longest message of any format; reports of ours are shorter (PICKET_REPORT_BYTES_MAX). */
#define INGEST_MESSAGE_BYTES_MAX (256u * 1024u)

/** A message as a door took it: nothing is known of it but who sent it. Borrowed. */
struct ingest_message {
    const char *device;       /* id, told by the door */
    const char *content_type; /* media type that the sender named, or NULL */
    const char *properties;   /* of an MQTT topic, "mti=2.3-1-0-0&…", or NULL */
    const uint8_t *bytes;
    size_t length;
    int64_t received_us;
};

/** What reports are written in (spec/report.md, docs/legacy.md). */
enum ingest_format {
    INGEST_REPORT,        /* ours */
    INGEST_RTOS_MODULE,   /* FlatBuffers of the retired RTOS module */
    INGEST_AGENT,         /* JSON security messages of the retired agents */
    INGEST_DEFENDER_JSON, /* device metrics of AWS IoT Device Defender */
    INGEST_DEFENDER_CBOR,
    INGEST_FORMATS
};

/** By content type and topic properties, and where these say nothing by the bytes.
 * PICKET_E_MALFORMED if it is none. */
PICKET_MUST_CHECK enum picket_status ingest_recognise(const struct ingest_message *message,
                                                      enum ingest_format *ret, struct err *reterr);
/** "report", "rtos-module", "agent", "defender-json", "defender-cbor". */
const char *ingest_format_name(enum ingest_format format);

/**
 * Decodes a message of any format into an arena of its own.
 *
 * Ownership: the message is not needed afterwards; the caller, or the pipeline it
 *            submits to, frees *ret with report_free().
 * Errors:    as ingest_decode_report().
 */
PICKET_MUST_CHECK enum picket_status ingest_decode(const struct ingest_message *message,
                                                   struct report **ret, struct err *reterr);

/**
 * Decodes a report of ours into an arena of its own.
 *
 * Event time: the report's own clock if it has one that is at most five minutes
 * ahead of @p received_us; else @p received_us less the time since the window,
 * as the device's uptime tells it (then head.has_clock is false, and the
 * pipeline steadies the times with what it knows of the boot).
 *
 * Ownership: as ingest_decode().
 * Errors:    as picket_report_open(), with the offset and the reason in @p reterr.
 */
PICKET_MUST_CHECK enum picket_status ingest_decode_report(const uint8_t *bytes, size_t length,
                                                          const char *device, int64_t received_us,
                                                          struct report **ret, struct err *reterr);

/**
 * Everything in a report, as JSON; the same in `picket decode --json` and in
 * spec/vectors. null if picket_report_open() refuses it.
 */
void ingest_write_json(struct json *json, const char *key, const uint8_t *bytes, size_t length);

/**
 * Everything in a message of any format, as JSON: a report as ingest_write_json(), a message of the
 * retired RTOS module in the words of its own schema, and others as the report they become.
 *
 * Errors: as ingest_decode(); then nothing is written.
 */
PICKET_MUST_CHECK enum picket_status ingest_message_write_json(struct json *json, const char *key,
                                                               const struct ingest_message *message,
                                                               struct err *reterr);

/** Routes for http_server_add() with a struct ingest_door as context: POST
 * /v1/devices/{id}/reports. */
const struct http_route *ingest_http_routes(bool is_open, size_t *ret_count);

#endif
