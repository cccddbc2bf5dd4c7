/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "cli/replay.h"
#include "cli/tally.h"
#include "model/report.h"

#define LISTED_MAX 1000u /* facts of one kind and device */

/* A name with its address, a TLS session with its peer, or what a peer's ICMP packets were. */
struct seen {
    size_t device;
    enum picket_section section;
    uint32_t type;         /* of ICMP */
    uint32_t code;         /* of ICMP */
    uint32_t bytes_max;    /* of ICMP */
    uint32_t port;         /* of a session, as all up to has_certificate; direction of both */
    uint32_t direction;    /* enum picket_direction */
    uint32_t version;      /* 0: not seen */
    uint32_t cipher_suite; /* 0: not seen */
    uint32_t has_certificate;
    uint32_t has_certificate_id;
    uint8_t certificate_sha256[32];
    uint32_t has_address;
    struct address address;
    char name[PICKET_NAME_MAX + 1]; /* "": none */
};

struct replay_facts {
    struct tally seen;
    uint64_t lost[REPLAY_DEVICES_MAX];
};

static int compare_numbers(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

/* By device and kind, then by name. */
static int compare(const void *a, const void *b)
{
    const struct seen *first = a;
    const struct seen *second = b;
    const uint64_t numbers[][2] = {
        {first->type, second->type},
        {first->code, second->code},
        {first->port, second->port},
        {first->direction, second->direction},
        {first->version, second->version},
        {first->cipher_suite, second->cipher_suite},
        {first->has_certificate, second->has_certificate},
        {first->has_certificate_id, second->has_certificate_id},
        {first->has_address, second->has_address},
    };
    int order = compare_numbers(first->device, second->device);

    if (order == 0) {
        order = compare_numbers(first->section, second->section);
    }
    if (order == 0) {
        order = strcmp(first->name, second->name);
    }
    if (order == 0) {
        order = memcmp(first->address.bytes, second->address.bytes, sizeof(first->address.bytes));
    }
    if (order == 0) {
        order = memcmp(first->certificate_sha256, second->certificate_sha256,
                       sizeof(first->certificate_sha256));
    }
    for (size_t i = 0; order == 0 && i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        order = compare_numbers(numbers[i][0], numbers[i][1]);
    }
    return order;
}

static void merge(void *row, const void *more)
{
    struct seen *to = row;
    const struct seen *from = more;

    to->bytes_max = from->bytes_max > to->bytes_max ? from->bytes_max : to->bytes_max;
}

struct replay_facts *replay_facts_new(void)
{
    struct replay_facts *facts = calloc(1, sizeof(*facts));

    if (facts != NULL) {
        facts->seen.row_bytes = sizeof(struct seen);
        facts->seen.compare = compare;
        facts->seen.merge = merge;
    }
    return facts;
}

void replay_facts_free(struct replay_facts *facts)
{
    if (facts != NULL) {
        tally_deinit(&facts->seen);
        free(facts);
    }
}

static void set_name(struct seen *seen, struct picket_text name)
{
    if (name.length > 0) {
        memcpy(seen->name, name.bytes, name.length); /* at most PICKET_NAME_MAX */
    }
}

static enum picket_status note_name(struct replay_facts *facts, size_t device,
                                    const struct picket_name_record *name)
{
    struct seen seen = {.device = device, .section = PICKET_SECTION_NAMES};

    set_name(&seen, name->name);
    seen.has_address = name->address_size > 0;
    if (seen.has_address) {
        seen.address = address_from_bytes(name->address, name->address_size);
    }
    return tally_add(&facts->seen, &seen);
}

static enum picket_status note_session(struct replay_facts *facts, size_t device,
                                       const struct picket_tls_record *tls)
{
    struct seen seen = {.device = device,
                        .section = PICKET_SECTION_TLS,
                        .port = tls->port,
                        .direction = tls->direction,
                        .version = tls->version,
                        .cipher_suite = tls->cipher_suite,
                        .has_certificate = tls->has_certificate,
                        .has_certificate_id = tls->has_certificate_id,
                        .has_address = true,
                        .address = address_from_bytes(tls->peer, tls->address_size)};

    set_name(&seen, tls->server_name);
    memcpy(seen.certificate_sha256, tls->certificate_sha256, sizeof(seen.certificate_sha256));
    return tally_add(&facts->seen, &seen);
}

static enum picket_status note_icmp(struct replay_facts *facts, size_t device,
                                    const struct picket_icmp_record *icmp, const struct flow *flow)
{
    struct seen seen = {.device = device,
                        .section = PICKET_SECTION_ICMP,
                        .type = icmp->type,
                        .code = icmp->code,
                        .bytes_max = icmp->bytes_max,
                        .direction = flow->direction,
                        .has_address = true,
                        .address = flow->peer};

    return tally_add(&facts->seen, &seen);
}

enum picket_status replay_facts_note(struct replay_facts *facts, size_t device,
                                     const struct report *report, struct err *reterr)
{
    const struct facts *told = &report->facts;
    enum picket_status status = PICKET_OK;

    for (size_t i = 0; status == PICKET_OK && i < told->name_count; i++) {
        status = note_name(facts, device, &told->names[i]);
    }
    for (size_t i = 0; status == PICKET_OK && i < told->tls_count; i++) {
        status = note_session(facts, device, &told->tls[i]);
    }
    for (size_t i = 0; status == PICKET_OK && i < told->icmp_count; i++) {
        status = note_icmp(facts, device, &told->icmp[i], &report->flows[told->icmp[i].flow]);
    }
    for (size_t i = 0; i < told->lost_count; i++) {
        facts->lost[device] += told->lost[i].count;
    }
    if (status != PICKET_OK) {
        err_set(reterr, "out of memory over the names and sessions of the devices");
    }
    return status;
}

static void write_seen(struct json *json, const struct seen *seen)
{
    bool is_session = seen->section == PICKET_SECTION_TLS;
    bool is_name = seen->section == PICKET_SECTION_NAMES;

    json_open_object(json, NULL);
    if (!is_name) {
        json_put_text(json, "direction", direction_name((enum picket_direction)seen->direction));
    }
    if (seen->name[0] != '\0') {
        json_put_text(json, is_name ? "name" : "server_name", seen->name);
    }
    if (seen->has_address) {
        address_write_json(json, is_name ? "address" : "peer", &seen->address);
    }
    if (seen->section == PICKET_SECTION_ICMP) {
        json_put_uint(json, "type", seen->type);
        json_put_uint(json, "code", seen->code);
        json_put_uint(json, "bytes_max", seen->bytes_max);
    }
    if (is_session) {
        json_put_uint(json, "port", seen->port);
        json_put_uint(json, "version", seen->version);
        json_put_uint(json, "cipher_suite", seen->cipher_suite);
        json_put_bool(json, "has_certificate", seen->has_certificate);
    }
    if (seen->has_certificate_id) {
        json_put_hex(json, "certificate_sha256", seen->certificate_sha256,
                     sizeof(seen->certificate_sha256));
    }
    json_close_object(json);
}

/* Returns how many more there are than are written. */
static size_t write_section(struct json *json, const char *key, const struct tally *tally,
                            size_t device, enum picket_section section)
{
    const struct seen *rows = (const void *)tally->rows;
    size_t count = 0;

    json_open_array(json, key);
    for (size_t i = 0; i < tally->count; i++) {
        if (rows[i].device != device || rows[i].section != section) {
            continue;
        }
        if (count < LISTED_MAX) {
            write_seen(json, &rows[i]);
        }
        count++;
    }
    json_close_array(json);
    return count > LISTED_MAX ? count - LISTED_MAX : 0;
}

void replay_facts_write(struct json *json, struct replay_facts *facts, size_t device)
{
    size_t left_out = 0;

    tally_settle(&facts->seen);
    left_out += write_section(json, "names", &facts->seen, device, PICKET_SECTION_NAMES);
    left_out += write_section(json, "tls", &facts->seen, device, PICKET_SECTION_TLS);
    left_out += write_section(json, "icmp", &facts->seen, device, PICKET_SECTION_ICMP);
    json_put_uint(json, "facts_left_out", left_out);
    json_put_uint(json, "facts_lost", facts->lost[device]);
}
