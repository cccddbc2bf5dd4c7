/* SPDX-License-Identifier: MIT */
/*
 * The input is a row of TCP segments of a few connections; facts_run.h has its
 * form. The parser of TLS handshakes and an agent read each.
 */
#include "facts_run.h"
#include "tls_parser.h"

#define HEADERS 40u

static void check_hello(size_t length, const struct picket_tls_hello *hello)
{
    struct picket_text name = {hello->server_name, hello->server_name_length};

    require(name.length == 0 || picket_text_is_name(name, PICKET_NAME_MAX));
    require(hello->has_client_hello || hello->has_server_hello || hello->has_certificate);
    require(hello->leaf <= length && hello->leaf_bytes <= length - hello->leaf);
}

static void parse(const uint8_t *segment, size_t length)
{
    uint8_t *copied = run_copy(segment, length);
    struct picket_tls_hello hello;

    if (picket_tls_parse(copied, length, &hello) == PICKET_OK) {
        check_hello(length, &hello);
    }
    free(copied);
}

/* @p way: direction, one of two client ports, where it is cut. */
static void observe(struct run *run, uint8_t way, const uint8_t *segment, size_t length)
{
    uint8_t bytes[HEADERS + RUN_PAYLOAD_MAX] = {0x45, 0, 0,  0, 0, 0, 0,  0, 64, 6,
                                                0,    0, 10, 0, 0, 1, 10, 0, 0,  1};
    bool is_inbound = way & 1;
    unsigned client = is_inbound ? 22 : 20;

    bytes[2] = (uint8_t)((HEADERS + length) >> 8);
    bytes[3] = (uint8_t)(HEADERS + length);
    bytes[client] = 0x9c;
    bytes[client + 1] = way >> 1 & 1;
    bytes[(is_inbound ? 20 : 22) + 1] = 99;
    bytes[32] = 0x50;
    memcpy(bytes + HEADERS, segment, length);
    run_observe(run, is_inbound ? PICKET_INBOUND : PICKET_OUTBOUND, bytes, HEADERS + length,
                (way >> 2) * 16u);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct run run = {.bytes = bytes, .left = length};
    const uint8_t *segment;
    uint8_t way;

    run_start(&run);
    while (run_next(&run, &way, &segment, &length)) {
        parse(segment, length);
        observe(&run, way, segment, length);
    }
    run_report(&run);
    return 0;
}
