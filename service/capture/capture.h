/* SPDX-License-Identifier: MIT */
#ifndef SERVICE_CAPTURE_CAPTURE_H
#define SERVICE_CAPTURE_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "picket/status.h"

/**
 * Capture files (pcap and pcapng, through libpcap) as a row of IP datagrams.
 *
 * Frames without an IP datagram, frames of an unknown link type and damaged
 * records are counted, never fatal. Context: one thread.
 */
struct capture;
struct err;

/** One IP datagram as it lay in a frame; borrowed until the next call. */
struct capture_datagram {
    int64_t time_us;
    const uint8_t *bytes; /* from the outermost IP header on */
    size_t captured;      /* bytes that are there */
    size_t length;        /* bytes that were on the link from the IP header on */
};

struct capture_stats {
    uint64_t frames;
    uint64_t datagrams;
    uint64_t not_ip;
    uint64_t unknown_link; /* frames of a link type that is not decoded */
    uint64_t damaged;      /* records that can't be read; the rest of that file is lost */
    char link_name[32];    /* of the first frame's interface */
    char damage[160];      /* libpcap's words on the first damage, or "" */
};

/** PICKET_E_IO if it can't be opened, PICKET_E_MALFORMED if it is no capture: named in @p reterr.
 */
PICKET_MUST_CHECK enum picket_status capture_open(const char *path, struct capture **ret,
                                                  struct err *reterr);
/** NULL is allowed. */
void capture_close(struct capture *capture);
/** PICKET_E_EMPTY at the end, also at damage that nothing can be read behind. */
PICKET_MUST_CHECK enum picket_status capture_next(struct capture *capture,
                                                  struct capture_datagram *ret);
void capture_get_stats(const struct capture *capture, struct capture_stats *ret);

/** What a frame held. */
enum link_content { LINK_IP, LINK_NOT_IP, LINK_UNKNOWN_TYPE };

/**
 * Finds the outermost IP header below VLAN, QinQ, PPPoE, PPP, MPLS, LLC/SNAP,
 * null, SLL, SLL2, raw and the like.
 *
 * @p link_type is a LINKTYPE_/DLT_ number as libpcap gives it.
 */
enum link_content link_decode(int link_type, const uint8_t *frame, size_t captured, size_t length,
                              const uint8_t **ret_ip, size_t *ret_captured, size_t *ret_length);

#endif
