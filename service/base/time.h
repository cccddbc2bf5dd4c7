/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_BASE_TIME_H
#define SERVICE_BASE_TIME_H

#include <stdint.h>

#include "picket/status.h"

/** Times are int64_t microseconds since 1970-01-01T00:00:00Z, named …_us. */
#define TIME_US_PER_MS 1000
#define TIME_US_PER_S  1000000
#define TIME_TEXT_MAX  40u /* bytes, NUL included, of time_format() and duration_format() */

/** The system's real-time clock. Only programs and doors call it; decisions get time passed in. */
int64_t time_now_us(void);

/**
 * RFC 3339 in UTC with microseconds: "2026-11-24T18:20:51.123456Z". What lies
 * outside the years 0000 to 9999 becomes the nearest time inside.
 */
void time_format(int64_t time_us, char ret_text[TIME_TEXT_MAX]);
/** For a sentence, to the second: "2026-11-24 18:20:51 UTC". */
void time_say(int64_t time_us, char ret_text[TIME_TEXT_MAX]);
/** RFC 3339 in UTC ("…Z"), fraction optional; PICKET_E_MALFORMED otherwise. */
PICKET_MUST_CHECK enum picket_status time_parse(const char *text, int64_t *ret_us);

/** ISO 8601 duration of days and time only ("PT5M", "P1D", "PT90S"): PICKET_E_MALFORMED otherwise.
 */
PICKET_MUST_CHECK enum picket_status duration_parse(const char *text, int64_t *ret_us);
/** Whole seconds: "PT5M", "P1DT2H". */
void duration_format(int64_t duration_us, char ret_text[TIME_TEXT_MAX]);
/** For a sentence, about: "17 s", "5 min", "3 h 20 min", "7 days". */
void duration_say(int64_t duration_us, char ret_text[TIME_TEXT_MAX]);

#endif
