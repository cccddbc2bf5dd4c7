/* SPDX-License-Identifier: MIT */
#include "capture/capture.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"

#define US_PER_S   1000000
#define NS_PER_US  1000
#define TIME_S_MAX UINT32_MAX /* what a pcap header can hold; pcapng can claim more */

struct capture {
    pcap_t *pcap;
    int link_type;
    struct capture_stats stats;
};

/* A pipe is refused as well: captures are read more than once. */
static enum picket_status check_file(FILE *file, const char *path, struct err *reterr)
{
    struct stat about;

    if (fstat(fileno(file), &about) != 0) {
        err_set(reterr, "%s can't be read: %s", path, strerror(errno));
        return PICKET_E_IO;
    }
    if (!S_ISREG(about.st_mode)) {
        err_set(reterr, "%s is %s: give a capture file (pcap or pcapng)", path,
                S_ISDIR(about.st_mode) ? "a folder" : "no ordinary file");
        return PICKET_E_IO;
    }
    if (about.st_size == 0) {
        err_set(reterr, "%s is empty: it holds no capture", path);
        return PICKET_E_MALFORMED;
    }
    return PICKET_OK;
}

enum picket_status capture_open(const char *path, struct capture **ret, struct err *reterr)
{
    struct capture *capture = NULL;
    FILE *file = fopen(path, "rbe");
    char words[PCAP_ERRBUF_SIZE] = "";
    const char *name = NULL;
    enum picket_status status = PICKET_E_IO;

    if (file == NULL) {
        err_set(reterr, "%s can't be opened: %s", path, strerror(errno));
        goto out;
    }
    status = check_file(file, path, reterr);
    if (status != PICKET_OK) {
        goto out;
    }
    capture = calloc(1, sizeof(*capture));
    if (capture == NULL) {
        err_set(reterr, "%s can't be opened: out of memory", path);
        status = PICKET_E_NOMEM;
        goto out;
    }
    capture->pcap =
        pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, words);
    if (capture->pcap == NULL) {
        err_set(reterr, "%s is no capture that can be read (pcap or pcapng): %s", path, words);
        status = PICKET_E_MALFORMED;
        goto out;
    }
    file = NULL; /* pcap_close() closes it */
    capture->link_type = pcap_datalink(capture->pcap);
    name = pcap_datalink_val_to_name(capture->link_type);
    (void)snprintf(capture->stats.link_name, sizeof(capture->stats.link_name), "%s",
                   name == NULL ? "unknown" : name);
    *ret = capture;
    capture = NULL;
out:
    capture_close(capture);
    if (file != NULL) {
        (void)fclose(file);
    }
    return status;
}

void capture_close(struct capture *capture)
{
    if (capture == NULL) {
        return;
    }
    if (capture->pcap != NULL) {
        pcap_close(capture->pcap);
    }
    free(capture);
}

/* Header times come from the file: hostile ones are brought into range. */
static int64_t header_time_us(const struct pcap_pkthdr *header)
{
    int64_t seconds = header->ts.tv_sec;
    int64_t nanoseconds = header->ts.tv_usec; /* the precision asked for at opening */

    if (seconds < 0 || nanoseconds < 0) {
        return 0;
    }
    if (seconds > TIME_S_MAX) {
        seconds = TIME_S_MAX;
    }
    return seconds * US_PER_S + nanoseconds % ((int64_t)US_PER_S * NS_PER_US) / NS_PER_US;
}

/* The next frame; false at the end of what can be read. */
static bool next_frame(struct capture *capture, struct pcap_pkthdr **ret_header,
                       const uint8_t **ret_frame)
{
    int result = 0;

    if (capture->stats.damaged > 0) {
        return false;
    }
    result = pcap_next_ex(capture->pcap, ret_header, ret_frame);
    if (result == PCAP_ERROR) {
        capture->stats.damaged = 1;
        (void)snprintf(capture->stats.damage, sizeof(capture->stats.damage), "%s",
                       pcap_geterr(capture->pcap));
    }
    if (result != 1) {
        return false;
    }
    capture->stats.frames++;
    return true;
}

enum picket_status capture_next(struct capture *capture, struct capture_datagram *ret)
{
    struct pcap_pkthdr *header = NULL;
    const uint8_t *frame = NULL;

    while (next_frame(capture, &header, &frame)) {
        struct capture_datagram datagram = {.time_us = header_time_us(header)};

        switch (link_decode(capture->link_type, frame, header->caplen, header->len, &datagram.bytes,
                            &datagram.captured, &datagram.length)) {
        case LINK_IP:
            capture->stats.datagrams++;
            *ret = datagram;
            return PICKET_OK;
        case LINK_NOT_IP:
            capture->stats.not_ip++;
            break;
        case LINK_UNKNOWN_TYPE:
            capture->stats.unknown_link++;
            break;
        }
    }
    return PICKET_E_EMPTY;
}

void capture_get_stats(const struct capture *capture, struct capture_stats *ret)
{
    *ret = capture->stats;
}
