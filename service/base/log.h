/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_BASE_LOG_H
#define SERVICE_BASE_LOG_H

/**
 * Log lines for a person who must act: one line to standard error, with time
 * and level. Only app, ingest, pipeline and api log, each cause once; what can
 * repeat is a counter. Context: any thread; a line is written in one call.
 */
enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_NOTICE };

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_notice(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
