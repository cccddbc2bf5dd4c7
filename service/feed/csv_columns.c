/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "feed/csv.h"

/** Names of columns in the feeds there are; of several for one role, the first row's counts. */
static const struct {
    const char *name;
    enum csv_role role;
} names[] = {
    {"ioc_value", CSV_VALUE},
    {"dst_ip", CSV_VALUE},
    {"indicator", CSV_VALUE},
    {"value", CSV_VALUE},
    {"observable", CSV_VALUE},
    {"ip", CSV_VALUE},
    {"ip_address", CSV_VALUE},
    {"ipaddress", CSV_VALUE},
    {"ip address", CSV_VALUE},
    {"address", CSV_VALUE},
    {"dstip", CSV_VALUE},
    {"src_ip", CSV_VALUE},
    {"cidr", CSV_VALUE},
    {"prefix", CSV_VALUE},
    {"subnet", CSV_VALUE},
    {"network", CSV_VALUE},
    {"ja3_md5", CSV_VALUE},
    {"ja3", CSV_VALUE},
    {"ja4", CSV_VALUE},
    {"ja4_fingerprint", CSV_VALUE},
    {"domain", CSV_VALUE},
    {"domain_name", CSV_VALUE},
    {"fqdn", CSV_VALUE},
    {"hostname", CSV_VALUE},
    {"host", CSV_VALUE},
    {"url", CSV_VALUE},
    {"ioc", CSV_VALUE}, /* beside another one it says what that is */
    {"start", CSV_FIRST_ADDRESS},
    {"end", CSV_LAST_ADDRESS},
    {"ioc_type", CSV_TYPE},
    {"indicator_type", CSV_TYPE},
    {"type", CSV_TYPE},
    {"dst_port", CSV_PORT},
    {"dstport", CSV_PORT},
    {"port", CSV_PORT},
    {"confidence_level", CSV_CONFIDENCE},
    {"confidence", CSV_CONFIDENCE},
    {"threat_type", CSV_CATEGORY},
    {"threat", CSV_CATEGORY},
    {"category", CSV_CATEGORY},
    {"malware_printable", CSV_COMMENT},
    {"malware", CSV_COMMENT},
    {"listingreason", CSV_COMMENT},
    {"application", CSV_COMMENT},
    {"description", CSV_COMMENT},
    {"comment", CSV_COMMENT},
    {"reason", CSV_COMMENT},
    {"name", CSV_COMMENT},
    {"ioc", CSV_COMMENT},
    {"tags", CSV_TAGS},
    {"reference", CSV_REFERENCE},
    {"urlhaus_link", CSV_REFERENCE},
    {"link", CSV_REFERENCE},
    {"first_seen_utc", CSV_FIRST},
    {"first_seen", CSV_FIRST},
    {"firstseen", CSV_FIRST},
    {"dateadded", CSV_FIRST},
    {"date added", CSV_FIRST},
    {"date_added", CSV_FIRST},
    {"last_seen_utc", CSV_LAST},
    {"last_online", CSV_LAST},
    {"last_seen", CSV_LAST},
    {"lastseen", CSV_LAST},
    {"valid_until", CSV_EXPIRES},
    {"expires", CSV_EXPIRES},
};

static uint8_t find_column(const struct csv_record *record, const char *name)
{
    size_t size = strlen(name);

    for (size_t i = 0; i < record->count; i++) {
        if (record->cells[i].length == size &&
            strncasecmp(record->cells[i].text, name, size) == 0) {
            return (uint8_t)(i + 1);
        }
    }
    return 0;
}

bool csv_read_header(const struct csv_record *record, struct csv_columns *ret)
{
    struct csv_columns columns = {{0}};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        uint8_t *column = &columns.of[names[i].role];

        *column = *column == 0 ? find_column(record, names[i].name) : *column;
    }
    if (columns.of[CSV_COMMENT] == columns.of[CSV_VALUE]) {
        columns.of[CSV_COMMENT] = 0;
    }
    if (columns.of[CSV_VALUE] == 0 &&
        (columns.of[CSV_FIRST_ADDRESS] == 0 || columns.of[CSV_LAST_ADDRESS] == 0)) {
        return false;
    }
    *ret = columns;
    return true;
}

bool csv_is_header(struct reader_text line)
{
    struct csv_record record;
    struct csv_columns columns;

    while (line.length > 0 && (line.text[0] == '#' || line.text[0] == ' ')) {
        line.text++;
        line.length--;
    }
    return csv_next_record(&line, csv_guess_separator(line), &record) && record.error == NULL &&
           record.count > 1 && csv_read_header(&record, &columns);
}
