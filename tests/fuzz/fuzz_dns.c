/* SPDX-License-Identifier: MIT */
/*
 * The input is a row of DNS messages; facts_run.h has its form. The parser and
 * an agent read each.
 */
#include "dns_parser.h"
#include "facts_run.h"

#define HEADERS 28u

static void check_answer(const uint8_t *message, size_t length,
                         const struct picket_dns_answer *answer)
{
    struct picket_text name = {answer->name, answer->name_length};

    require(picket_text_is_name(name, PICKET_NAME_MAX));
    require(answer->address_count <= PICKET_DNS_RECORDS);
    require(!answer->is_nonexistent || answer->address_count == 0);
    for (size_t i = 0; i < answer->address_count; i++) {
        size_t address = answer->addresses[i];

        require(address < length);
        require(message[address - 1] == 4 || message[address - 1] == 16);
        require(message[address - 1] <= length - address);
    }
}

static void parse(const uint8_t *message, size_t length)
{
    uint8_t *copied = run_copy(message, length);
    struct picket_dns_answer answer;

    if (picket_dns_parse(copied, length, &answer) == PICKET_OK) {
        check_answer(copied, length, &answer);
    }
    free(copied);
}

static void observe(struct run *run, uint8_t way, const uint8_t *message, size_t length)
{
    uint8_t bytes[HEADERS + RUN_PAYLOAD_MAX] = {0x45, 0, 0, 0,  0,  0, 0, 0, 64, 17, 0,    0,
                                                10,   0, 0, 53, 10, 0, 0, 1, 0,  53, 0x9c, 0x40};

    bytes[2] = (uint8_t)((HEADERS + length) >> 8);
    bytes[3] = (uint8_t)(HEADERS + length);
    memcpy(bytes + HEADERS, message, length);
    run_observe(run, PICKET_INBOUND, bytes, HEADERS + length, way * 4u);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct run run = {.bytes = bytes, .left = length};
    const uint8_t *message;
    uint8_t way;

    run_start(&run);
    while (run_next(&run, &way, &message, &length)) {
        parse(message, length);
        observe(&run, way, message, length);
    }
    run_report(&run);
    return 0;
}
