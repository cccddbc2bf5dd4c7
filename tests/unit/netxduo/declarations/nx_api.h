/* SPDX-License-Identifier: MIT */
#ifndef NX_API_H
#define NX_API_H

#include <tx_api.h>

/**
 * Our own declarations of what the port uses of NetX Duo; see tx_api.h beside it. As in
 * NetX Duo, macros of the build say what there is: NX_ENABLE_IP_PACKET_FILTER,
 * NX_ENABLE_VLAN, NX_DISABLE_IPV4, NX_DISABLE_IPV6, NX_DISABLE_IP_INFO,
 * NX_DISABLE_PACKET_CHAIN, and here also the release.
 */

#define NETXDUO_MAJOR_VERSION 6
#ifndef NETXDUO_MINOR_VERSION
#define NETXDUO_MINOR_VERSION 4
#define NETXDUO_PATCH_VERSION 2
#endif

#define NX_NULL           ((void *)0)
#define NX_FALSE          0u
#define NX_TRUE           1u
#define NX_SUCCESS        0x00u
#define NX_NOT_SUCCESSFUL 0x43u

#define NX_IP_PACKET_IN  0u
#define NX_IP_PACKET_OUT 1u

#define NX_LINK_PACKET_SEND      0u
#define NX_LINK_INITIALIZE       1u
#define NX_LINK_PACKET_BROADCAST 4u
#define NX_LINK_ARP_SEND         5u

#define NX_MAX_IP_INTERFACES   3
#define NX_MAX_LISTEN_REQUESTS 10
#define NX_UDP_PORT_TABLE_SIZE 4
#define NX_SEARCH_PORT_START   0xc000u

#ifndef NX_DISABLE_IPV6
#define FEATURE_NX_IPV6
#endif

struct NX_IP_STRUCT;
struct NX_IP_DRIVER_STRUCT;

typedef struct NX_PACKET_STRUCT {
    UCHAR *nx_packet_prepend_ptr;
    UCHAR *nx_packet_append_ptr;
    UCHAR *nx_packet_data_end;
    ULONG nx_packet_length;
#ifndef NX_DISABLE_PACKET_CHAIN
    struct NX_PACKET_STRUCT *nx_packet_next;
#endif
} NX_PACKET;

typedef struct {
    UINT unused;
} NX_PACKET_POOL;

typedef struct NX_INTERFACE_STRUCT {
    VOID (*nx_interface_link_driver_entry)(struct NX_IP_DRIVER_STRUCT *request);
#ifdef NX_ENABLE_VLAN
    struct NX_INTERFACE_STRUCT *nx_interface_parent_ptr;
#endif
} NX_INTERFACE;

typedef struct NX_TCP_LISTEN_STRUCT {
    UINT nx_tcp_listen_port;
    struct NX_TCP_LISTEN_STRUCT *nx_tcp_listen_next;
} NX_TCP_LISTEN;

typedef struct NX_UDP_SOCKET_STRUCT {
    UINT nx_udp_socket_port;
    struct NX_UDP_SOCKET_STRUCT *nx_udp_socket_bound_next;
} NX_UDP_SOCKET;

typedef struct NX_IP_STRUCT {
#ifndef NX_DISABLE_IP_INFO
    ULONG nx_ip_total_packets_sent;
    ULONG nx_ip_total_packets_received;
#endif
    TX_MUTEX nx_ip_protection;
    NX_TCP_LISTEN *nx_ip_tcp_active_listen_requests;
    NX_UDP_SOCKET *nx_ip_udp_port_table[NX_UDP_PORT_TABLE_SIZE];
    ULONG nx_ip_udp_created_sockets_count;
    struct NX_IP_STRUCT *nx_ip_created_next;
    NX_INTERFACE nx_ip_interface[NX_MAX_IP_INTERFACES];
#ifndef NX_DISABLE_IPV4
    void (*nx_ipv4_packet_receive)(struct NX_IP_STRUCT *ip, NX_PACKET *packet);
#endif
#ifdef FEATURE_NX_IPV6
    void (*nx_ipv6_packet_receive)(struct NX_IP_STRUCT *ip, NX_PACKET *packet);
#endif
#ifdef NX_ENABLE_IP_PACKET_FILTER
    UINT (*nx_ip_packet_filter)(VOID *header, UINT direction);
#if NETXDUO_MINOR_VERSION > 1
    UINT(*nx_ip_packet_filter_extended)
    (struct NX_IP_STRUCT *ip, NX_PACKET *packet, UINT direction);
#endif
#endif
} NX_IP;

typedef struct NX_IP_DRIVER_STRUCT {
    UINT nx_ip_driver_command;
    UINT nx_ip_driver_status;
    NX_PACKET *nx_ip_driver_packet;
    NX_IP *nx_ip_driver_ptr;
    NX_INTERFACE *nx_ip_driver_interface;
} NX_IP_DRIVER;

typedef struct {
    ULONG nxd_ip_version;
    union {
        ULONG v4;
        ULONG v6[4];
    } nxd_ip_address;
} NXD_ADDRESS;

UINT nx_packet_release(NX_PACKET *packet);
UINT nx_packet_transmit_release(NX_PACKET *packet);

#endif
