/* SPDX-License-Identifier: MIT */
#ifndef TESTS_SCENARIO_DATAGRAM_H
#define TESTS_SCENARIO_DATAGRAM_H

#include <stddef.h>
#include <stdint.h>

#include "scenario/script.h"

#define DATAGRAM_BYTES_MAX 65535u

/** One IP datagram as it would be on the wire, built from a script's words. */
struct datagram {
    size_t length;
    uint8_t bytes[DATAGRAM_BYTES_MAX];
};

/**
 * Reads "tcp|udp|icmp SOURCE > DESTINATION" and then pairs: bytes= (length of
 * the datagram), flags= (of TCP: SYN, SYN+ACK, RST, …), type= (of ICMP), and
 * count=, which is handed back. Checksums are 0.
 */
void datagram_read(struct script *script, struct datagram *ret, unsigned *ret_count);

/** Reads "NAME ADDRESS" (IPv4): the answer of a resolver that the name has the address. */
void datagram_read_answer(struct script *script, struct datagram *ret);

#endif
