/* SPDX-License-Identifier: MIT */
#ifndef TESTS_HARNESS_FACTS_H
#define TESTS_HARNESS_FACTS_H

#include "picket/facts.h"

/** Encodes every section that @p reader has; after the flows. Like a device, it opens no others. */
static inline enum picket_status copy_facts(struct picket_report_reader *reader,
                                            struct picket_report_writer *writer)
{
    enum picket_status status = PICKET_OK;
    uint32_t count;

#define COPY_SECTION(section, one)                                                                 \
    count = picket_report_seek(reader, PICKET_SECTION_##section);                                  \
    if (status == PICKET_OK && count > 0) {                                                        \
        struct picket_##one##_record record;                                                       \
                                                                                                   \
        status = picket_report_open_section(writer, PICKET_SECTION_##section, count);              \
        while (status == PICKET_OK && picket_report_next_##one(reader, &record)) {                 \
            status = picket_report_put_##one(writer, &record);                                     \
        }                                                                                          \
    }
    COPY_SECTION(NAMES, name)
    COPY_SECTION(TLS, tls)
    COPY_SECTION(LISTENERS, listener)
    COPY_SECTION(STARTS, start)
    COPY_SECTION(EVENTS, event)
    COPY_SECTION(METRICS, metric)
    COPY_SECTION(ICMP, icmp)
    COPY_SECTION(LOST, lost)
    COPY_SECTION(VERDICTS, verdict)
    COPY_SECTION(SETTINGS, settings)
#undef COPY_SECTION
    return status;
}

#endif
