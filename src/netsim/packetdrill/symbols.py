"""The symbolic constants of scripts, as numbers, for Linux and for FreeBSD.

Facts of the two systems' interfaces. A script's words become numbers with the table of the
profile under test; `option_name` goes the other way, so that the socket layer can work with
names whichever system the number came from.
"""

from __future__ import annotations

from typing import Final

_COMMON: Final[dict[str, int]] = {
    "NULL": 0,
    "INADDR_ANY": 0,
    "AF_UNSPEC": 0, "AF_UNIX": 1, "AF_INET": 2, "PF_INET": 2,
    "SOCK_STREAM": 1, "SOCK_DGRAM": 2, "SOCK_RAW": 3,
    "IPPROTO_IP": 0, "IPPROTO_ICMP": 1, "IPPROTO_TCP": 6, "IPPROTO_UDP": 17, "IPPROTO_IPV6": 41,
    "IPPROTO_ICMPV6": 58, "IPPROTO_SCTP": 132, "IPPROTO_UDPLITE": 136,
    "SOL_IP": 0, "SOL_TCP": 6, "SOL_UDP": 17, "SOL_IPV6": 41,
    "F_DUPFD": 0, "F_GETFD": 1, "F_SETFD": 2, "F_GETFL": 3, "F_SETFL": 4, "FD_CLOEXEC": 1,
    "O_RDONLY": 0, "O_WRONLY": 1, "O_RDWR": 2, "O_ACCMODE": 3,
    "SHUT_RD": 0, "SHUT_WR": 1, "SHUT_RDWR": 2,
    "MSG_OOB": 1, "MSG_PEEK": 2, "MSG_DONTROUTE": 4,
    "SEEK_SET": 0, "SEEK_CUR": 1, "SEEK_END": 2,
    "TCP_NODELAY": 1, "TCP_MAXSEG": 2,
    "IPTOS_LOWDELAY": 0x10, "IPTOS_THROUGHPUT": 0x08, "IPTOS_RELIABILITY": 0x04, "IPTOS_MINCOST": 0x02,
    "IPTOS_DSCP_CS0": 0x00, "IPTOS_DSCP_CS1": 0x20, "IPTOS_DSCP_CS2": 0x40, "IPTOS_DSCP_CS3": 0x60,
    "IPTOS_DSCP_CS4": 0x80, "IPTOS_DSCP_CS5": 0xA0, "IPTOS_DSCP_CS6": 0xC0, "IPTOS_DSCP_CS7": 0xE0,
    "IPTOS_DSCP_EF": 0xB8,
    "TCPI_OPT_TIMESTAMPS": 1, "TCPI_OPT_SACK": 2, "TCPI_OPT_WSCALE": 4, "TCPI_OPT_ECN": 8,
}  # fmt: skip

LINUX: Final[dict[str, int]] = {
    **_COMMON,
    "AF_INET6": 10, "PF_INET6": 10, "SOCK_NONBLOCK": 0x800, "SOCK_CLOEXEC": 0x80000, "IPPROTO_MPTCP": 262,
    "SOL_SOCKET": 1,
    "SO_DEBUG": 1, "SO_REUSEADDR": 2, "SO_TYPE": 3, "SO_ERROR": 4, "SO_DONTROUTE": 5, "SO_BROADCAST": 6,
    "SO_SNDBUF": 7, "SO_RCVBUF": 8, "SO_KEEPALIVE": 9, "SO_OOBINLINE": 10, "SO_NO_CHECK": 11, "SO_PRIORITY": 12,
    "SO_LINGER": 13, "SO_BSDCOMPAT": 14, "SO_REUSEPORT": 15, "SO_RCVLOWAT": 18, "SO_SNDLOWAT": 19,
    "SO_RCVTIMEO": 20, "SO_SNDTIMEO": 21, "SO_BINDTODEVICE": 25, "SO_TIMESTAMP": 29, "SO_ACCEPTCONN": 30,
    "SO_SNDBUFFORCE": 32, "SO_RCVBUFFORCE": 33, "SO_TIMESTAMPNS": 35, "SO_MARK": 36, "SO_TIMESTAMPING": 37,
    "SO_PROTOCOL": 38, "SO_DOMAIN": 39, "SO_BUSY_POLL": 46, "SO_MAX_PACING_RATE": 47, "SO_INCOMING_CPU": 49,
    "SO_COOKIE": 57, "SO_ZEROCOPY": 60, "SO_TXTIME": 61,
    "TCP_CORK": 3, "TCP_KEEPIDLE": 4, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 6, "TCP_SYNCNT": 7, "TCP_LINGER2": 8,
    "TCP_DEFER_ACCEPT": 9, "TCP_WINDOW_CLAMP": 10, "TCP_INFO": 11, "TCP_QUICKACK": 12, "TCP_CONGESTION": 13,
    "TCP_MD5SIG": 14, "TCP_COOKIE_TRANSACTIONS": 15, "TCP_THIN_LINEAR_TIMEOUTS": 16, "TCP_THIN_DUPACK": 17,
    "TCP_USER_TIMEOUT": 18, "TCP_REPAIR": 19, "TCP_REPAIR_QUEUE": 20, "TCP_QUEUE_SEQ": 21,
    "TCP_REPAIR_OPTIONS": 22, "TCP_FASTOPEN": 23, "TCP_TIMESTAMP": 24, "TCP_NOTSENT_LOWAT": 25,
    "TCP_CC_INFO": 26, "TCP_SAVE_SYN": 27, "TCP_SAVED_SYN": 28, "TCP_REPAIR_WINDOW": 29,
    "TCP_FASTOPEN_CONNECT": 30, "TCP_ULP": 31, "TCP_MD5SIG_EXT": 32, "TCP_FASTOPEN_KEY": 33,
    "TCP_FASTOPEN_NO_COOKIE": 34, "TCP_ZEROCOPY_RECEIVE": 35, "TCP_INQ": 36, "TCP_CM_INQ": 36, "TCP_TX_DELAY": 37,
    "IP_TOS": 1, "IP_TTL": 2, "IP_HDRINCL": 3, "IP_OPTIONS": 4, "IP_RECVOPTS": 6, "IP_PKTINFO": 8,
    "IP_MTU_DISCOVER": 10, "IP_RECVERR": 11, "IP_RECVTTL": 12, "IP_RECVTOS": 13, "IP_MTU": 14, "IP_FREEBIND": 15,
    "IP_TRANSPARENT": 19, "IP_MINTTL": 21, "IP_BIND_ADDRESS_NO_PORT": 24,
    "IP_PMTUDISC_DONT": 0, "IP_PMTUDISC_WANT": 1, "IP_PMTUDISC_DO": 2, "IP_PMTUDISC_PROBE": 3,
    "IP_PMTUDISC_INTERFACE": 4, "IP_PMTUDISC_OMIT": 5,
    "IPV6_UNICAST_HOPS": 16, "IPV6_MTU_DISCOVER": 23, "IPV6_MTU": 24, "IPV6_RECVERR": 25, "IPV6_V6ONLY": 26,
    "IPV6_RECVHOPLIMIT": 51, "IPV6_HOPLIMIT": 52, "IPV6_RECVTCLASS": 66, "IPV6_TCLASS": 67, "IPV6_FREEBIND": 78,
    "IPV6_PMTUDISC_DONT": 0, "IPV6_PMTUDISC_WANT": 1, "IPV6_PMTUDISC_DO": 2, "IPV6_PMTUDISC_PROBE": 3,
    "O_NONBLOCK": 0x800, "O_CREAT": 0x40, "O_EXCL": 0x80, "O_TRUNC": 0x200, "O_APPEND": 0x400, "O_ASYNC": 0x2000,
    "O_CLOEXEC": 0x80000, "O_DIRECT": 0x4000,
    "MSG_CTRUNC": 8, "MSG_PROXY": 0x10, "MSG_TRUNC": 0x20, "MSG_DONTWAIT": 0x40, "MSG_EOR": 0x80,
    "MSG_WAITALL": 0x100, "MSG_FIN": 0x200, "MSG_SYN": 0x400, "MSG_CONFIRM": 0x800, "MSG_RST": 0x1000,
    "MSG_ERRQUEUE": 0x2000, "MSG_NOSIGNAL": 0x4000, "MSG_MORE": 0x8000, "MSG_WAITFORONE": 0x10000,
    "MSG_BATCH": 0x40000, "MSG_ZEROCOPY": 0x4000000, "MSG_FASTOPEN": 0x20000000, "MSG_CMSG_CLOEXEC": 0x40000000,
    "POLLIN": 1, "POLLPRI": 2, "POLLOUT": 4, "POLLERR": 8, "POLLHUP": 0x10, "POLLNVAL": 0x20,
    "POLLRDNORM": 0x40, "POLLRDBAND": 0x80, "POLLWRNORM": 0x100, "POLLWRBAND": 0x200, "POLLMSG": 0x400,
    "POLLREMOVE": 0x1000, "POLLRDHUP": 0x2000,
    "EPOLLIN": 1, "EPOLLPRI": 2, "EPOLLOUT": 4, "EPOLLERR": 8, "EPOLLHUP": 0x10, "EPOLLRDNORM": 0x40,
    "EPOLLRDBAND": 0x80, "EPOLLWRNORM": 0x100, "EPOLLWRBAND": 0x200, "EPOLLMSG": 0x400, "EPOLLRDHUP": 0x2000,
    "EPOLLEXCLUSIVE": 1 << 28, "EPOLLWAKEUP": 1 << 29, "EPOLLONESHOT": 1 << 30, "EPOLLET": 1 << 31,
    "EPOLL_CTL_ADD": 1, "EPOLL_CTL_DEL": 2, "EPOLL_CTL_MOD": 3, "EPOLL_CLOEXEC": 0x80000,
    "SIOCINQ": 0x541B, "FIONREAD": 0x541B, "SIOCOUTQ": 0x5411, "SIOCOUTQNSD": 0x894B, "FIONBIO": 0x5421,
    "SPLICE_F_MOVE": 1, "SPLICE_F_NONBLOCK": 2, "SPLICE_F_MORE": 4, "SPLICE_F_GIFT": 8,
    "SOF_TIMESTAMPING_TX_HARDWARE": 1, "SOF_TIMESTAMPING_TX_SOFTWARE": 2, "SOF_TIMESTAMPING_RX_HARDWARE": 4,
    "SOF_TIMESTAMPING_RX_SOFTWARE": 8, "SOF_TIMESTAMPING_SOFTWARE": 0x10, "SOF_TIMESTAMPING_SYS_HARDWARE": 0x20,
    "SOF_TIMESTAMPING_RAW_HARDWARE": 0x40, "SOF_TIMESTAMPING_OPT_ID": 0x80, "SOF_TIMESTAMPING_TX_SCHED": 0x100,
    "SOF_TIMESTAMPING_TX_ACK": 0x200, "SOF_TIMESTAMPING_OPT_CMSG": 0x400, "SOF_TIMESTAMPING_OPT_TSONLY": 0x800,
    "SOF_TIMESTAMPING_OPT_STATS": 0x1000, "SOF_TIMESTAMPING_OPT_PKTINFO": 0x2000,
    "SCM_TIMESTAMPING": 37, "SCM_TSTAMP_SND": 0, "SCM_TSTAMP_SCHED": 1, "SCM_TSTAMP_ACK": 2,
    "SO_EE_ORIGIN_NONE": 0, "SO_EE_ORIGIN_LOCAL": 1, "SO_EE_ORIGIN_ICMP": 2, "SO_EE_ORIGIN_ICMP6": 3,
    "SO_EE_ORIGIN_TXSTATUS": 4, "SO_EE_ORIGIN_TIMESTAMPING": 4, "SO_EE_ORIGIN_ZEROCOPY": 5, "SO_EE_ORIGIN_TXTIME": 6,
    "SO_EE_CODE_ZEROCOPY_COPIED": 1,
    "TCP_ESTABLISHED": 1, "TCP_SYN_SENT": 2, "TCP_SYN_RECV": 3, "TCP_FIN_WAIT1": 4, "TCP_FIN_WAIT2": 5,
    "TCP_TIME_WAIT": 6, "TCP_CLOSE": 7, "TCP_CLOSE_WAIT": 8, "TCP_LAST_ACK": 9, "TCP_LISTEN": 10, "TCP_CLOSING": 11,
    "TCP_NEW_SYN_RECV": 12,
    "TCP_CA_Open": 0, "TCP_CA_Disorder": 1, "TCP_CA_CWR": 2, "TCP_CA_Recovery": 3, "TCP_CA_Loss": 4,
    "TCPI_OPT_ECN_SEEN": 16, "TCPI_OPT_SYN_DATA": 32, "TCPI_OPT_USEC_TS": 64,
    "TCP_INFINITE_SSTHRESH": 0x7FFFFFFF,
}  # fmt: skip

FREEBSD: Final[dict[str, int]] = {
    **_COMMON,
    "AF_INET6": 28, "PF_INET6": 28, "SOCK_NONBLOCK": 0x20000000, "SOCK_CLOEXEC": 0x10000000,
    "SOL_SOCKET": 0xFFFF,
    "SO_DEBUG": 1, "SO_ACCEPTCONN": 2, "SO_REUSEADDR": 4, "SO_KEEPALIVE": 8, "SO_DONTROUTE": 0x10,
    "SO_BROADCAST": 0x20, "SO_USELOOPBACK": 0x40, "SO_LINGER": 0x80, "SO_OOBINLINE": 0x100, "SO_REUSEPORT": 0x200,
    "SO_TIMESTAMP": 0x400, "SO_NOSIGPIPE": 0x800, "SO_ACCEPTFILTER": 0x1000, "SO_BINTIME": 0x2000,
    "SO_NO_OFFLOAD": 0x4000, "SO_NO_DDP": 0x8000, "SO_REUSEPORT_LB": 0x10000,
    "SO_SNDBUF": 0x1001, "SO_RCVBUF": 0x1002, "SO_SNDLOWAT": 0x1003, "SO_RCVLOWAT": 0x1004,
    "SO_SNDTIMEO": 0x1005, "SO_RCVTIMEO": 0x1006, "SO_ERROR": 0x1007, "SO_TYPE": 0x1008,
    "SO_LISTENQLIMIT": 0x1011, "SO_LISTENQLEN": 0x1012, "SO_PROTOCOL": 0x1016, "SO_MAX_PACING_RATE": 0x1018,
    "SO_DOMAIN": 0x1019,
    "TCP_NOPUSH": 4, "TCP_NOOPT": 8, "TCP_MD5SIG": 16, "TCP_INFO": 32, "TCP_STATS": 33, "TCP_LOG": 34,
    "TCP_LOGBUF": 35, "TCP_LOGID": 36, "TCP_LOGDUMP": 37, "TCP_CONGESTION": 64, "TCP_CCALGOOPT": 65,
    "TCP_MAXUNACKTIME": 68, "TCP_MAXPEAKRATE": 69, "TCP_IDLE_REDUCE": 70, "TCP_REMOTE_UDP_ENCAPS_PORT": 71,
    "TCP_DELACK": 72, "TCP_FIN_IS_RST": 73, "TCP_LOG_LIMIT": 74, "TCP_PERF_INFO": 78,
    "TCP_KEEPINIT": 128, "TCP_KEEPIDLE": 256, "TCP_KEEPINTVL": 512, "TCP_KEEPCNT": 1024, "TCP_FASTOPEN": 1025,
    "TCP_FUNCTION_BLK": 8192, "TCP_FUNCTION_ALIAS": 8193,
    "TCP_RACK_PACE_ALWAYS": 1055, "TCP_RACK_PACE_MAX_SEG": 1070, "TCP_RACK_PACE_RATE_CA": 1087,
    "TCP_RACK_PACE_RATE_SS": 1088,
    "IP_OPTIONS": 1, "IP_HDRINCL": 2, "IP_TOS": 3, "IP_TTL": 4, "IP_RECVOPTS": 5, "IP_MINTTL": 66,
    "IP_DONTFRAG": 67, "IP_RECVTOS": 68, "IP_BINDANY": 24,
    "IPV6_UNICAST_HOPS": 4, "IPV6_V6ONLY": 27, "IPV6_RECVHOPLIMIT": 37, "IPV6_USE_MIN_MTU": 42,
    "IPV6_DONTFRAG": 62, "IPV6_HOPLIMIT": 47, "IPV6_RECVTCLASS": 57, "IPV6_TCLASS": 61, "IPV6_BINDANY": 64,
    "O_NONBLOCK": 4, "O_APPEND": 8, "O_ASYNC": 0x40, "O_CREAT": 0x200, "O_TRUNC": 0x400, "O_EXCL": 0x800,
    "MSG_EOR": 8, "MSG_TRUNC": 0x10, "MSG_CTRUNC": 0x20, "MSG_WAITALL": 0x40, "MSG_DONTWAIT": 0x80,
    "MSG_EOF": 0x100, "MSG_NOTIFICATION": 0x2000, "MSG_NBIO": 0x4000, "MSG_NOSIGNAL": 0x20000,
    "MSG_CMSG_CLOEXEC": 0x40000, "MSG_WAITFORONE": 0x80000,
    "POLLIN": 1, "POLLPRI": 2, "POLLOUT": 4, "POLLERR": 8, "POLLHUP": 0x10, "POLLNVAL": 0x20,
    "POLLRDNORM": 0x40, "POLLWRNORM": 4, "POLLRDBAND": 0x80, "POLLWRBAND": 0x100, "POLLINIGNEOF": 0x2000,
    "POLLRDHUP": 0x4000,
    "FIONREAD": 0x4004667F, "FIONBIO": 0x8004667E, "FIONWRITE": 0x40046677, "FIONSPACE": 0x40046676,
    "TCPI_OPT_TOE": 16, "TCPI_OPT_TFO": 32,
    "TCPI_CLOSED": 0, "TCPI_LISTEN": 1, "TCPI_SYN_SENT": 2, "TCPI_SYN_RECEIVED": 3, "TCPI_ESTABLISHED": 4,
    "TCPI_CLOSE_WAIT": 5, "TCPI_FIN_WAIT_1": 6, "TCPI_CLOSING": 7, "TCPI_LAST_ACK": 8, "TCPI_FIN_WAIT_2": 9,
    "TCPI_TIME_WAIT": 10,
    "TCPS_CLOSED": 0, "TCPS_LISTEN": 1, "TCPS_SYN_SENT": 2, "TCPS_SYN_RECEIVED": 3, "TCPS_ESTABLISHED": 4,
    "TCPS_CLOSE_WAIT": 5, "TCPS_FIN_WAIT_1": 6, "TCPS_CLOSING": 7, "TCPS_LAST_ACK": 8, "TCPS_FIN_WAIT_2": 9,
    "TCPS_TIME_WAIT": 10,
}  # fmt: skip

_ERRNO_COMMON: Final[dict[str, int]] = {
    "EPERM": 1, "ENOENT": 2, "EINTR": 4, "EIO": 5, "EBADF": 9, "ENOMEM": 12, "EACCES": 13, "EFAULT": 14,
    "EBUSY": 16, "EEXIST": 17, "ENODEV": 19, "EINVAL": 22, "EMFILE": 24, "ENOTTY": 25, "ESPIPE": 29, "EPIPE": 32,
}  # fmt: skip
ERRNO_LINUX: Final[dict[str, int]] = {
    **_ERRNO_COMMON,
    "EAGAIN": 11, "EWOULDBLOCK": 11, "ENOMSG": 42, "ENOTSOCK": 88, "EDESTADDRREQ": 89, "EMSGSIZE": 90,
    "EPROTOTYPE": 91, "ENOPROTOOPT": 92, "EPROTONOSUPPORT": 93, "ESOCKTNOSUPPORT": 94, "EOPNOTSUPP": 95,
    "EPFNOSUPPORT": 96, "EAFNOSUPPORT": 97, "EADDRINUSE": 98, "EADDRNOTAVAIL": 99, "ENETDOWN": 100,
    "ENETUNREACH": 101, "ENETRESET": 102, "ECONNABORTED": 103, "ECONNRESET": 104, "ENOBUFS": 105, "EISCONN": 106,
    "ENOTCONN": 107, "ESHUTDOWN": 108, "ETIMEDOUT": 110, "ECONNREFUSED": 111, "EHOSTDOWN": 112,
    "EHOSTUNREACH": 113, "EALREADY": 114, "EINPROGRESS": 115, "EPROTO": 71,
}  # fmt: skip
ERRNO_FREEBSD: Final[dict[str, int]] = {
    **_ERRNO_COMMON,
    "EAGAIN": 35, "EWOULDBLOCK": 35, "EINPROGRESS": 36, "EALREADY": 37, "ENOTSOCK": 38, "EDESTADDRREQ": 39,
    "EMSGSIZE": 40, "EPROTOTYPE": 41, "ENOPROTOOPT": 42, "EPROTONOSUPPORT": 43, "ESOCKTNOSUPPORT": 44,
    "EOPNOTSUPP": 45, "EPFNOSUPPORT": 46, "EAFNOSUPPORT": 47, "EADDRINUSE": 48, "EADDRNOTAVAIL": 49,
    "ENETDOWN": 50, "ENETUNREACH": 51, "ENETRESET": 52, "ECONNABORTED": 53, "ECONNRESET": 54, "ENOBUFS": 55,
    "EISCONN": 56, "ENOTCONN": 57, "ESHUTDOWN": 58, "ETIMEDOUT": 60, "ECONNREFUSED": 61, "EHOSTDOWN": 64,
    "EHOSTUNREACH": 65, "ENOMSG": 83, "EPROTO": 92,
}  # fmt: skip
ERRNO_NAMES: Final = frozenset(ERRNO_LINUX)

# ICMP (IPv4): type, and the codes by name.
ICMP4_TYPES: Final[dict[str, int]] = {
    "echo_reply": 0, "unreachable": 3, "source_quench": 4, "redirect": 5, "echo_request": 8, "echo": 8,
    "router_advertisement": 9, "router_solicitation": 10, "time_exceeded": 11, "parameter_problem": 12,
    "timestamp": 13, "timestamp_reply": 14, "information_request": 15, "information": 15, "information_reply": 16,
    "address_mask": 17, "address_mask_request": 17, "address_mask_reply": 18,
}  # fmt: skip
ICMP4_CODES: Final[dict[str, dict[str, int]]] = {
    "unreachable": {
        "net_unreachable": 0, "host_unreachable": 1, "protocol_unreachable": 2, "port_unreachable": 3,
        "frag_needed": 4, "source_route_failed": 5, "net_unknown": 6, "host_unknown": 7, "source_host_isolated": 8,
        "net_prohibited": 9, "host_prohibited": 10, "net_unreachable_for_tos": 11, "host_unreachable_for_tos": 12,
        "packet_filtered": 13, "admin_prohibited": 13, "precedence_violation": 14, "precedence_cutoff": 15,
    },
    "redirect": {"net": 0, "host": 1, "tos_net": 2, "tos_host": 3},
    "time_exceeded": {
        "ttl_exceeded_in_transit": 0, "exceeded_ttl": 0, "ttl_exceeded": 0, "exceeded_frag_time": 1,
        "frag_reass_exceeded": 1,
    },
    "parameter_problem": {"header_field": 0, "missing_option": 1, "required_option": 1, "bad_length": 2},
}  # fmt: skip
ICMP6_TYPES: Final[dict[str, int]] = {
    "unreachable": 1, "packet_too_big": 2, "time_exceeded": 3, "parameter_problem": 4, "echo_request": 128,
    "echo": 128, "echo_reply": 129,
}  # fmt: skip
ICMP6_CODES: Final[dict[str, dict[str, int]]] = {
    "unreachable": {
        "no_route": 0, "admin_prohibited": 1, "not_neighbour": 2, "beyond_scope": 2, "address_unreachable": 3,
        "host_unreachable": 3, "net_unreachable": 0, "port_unreachable": 4, "policy_failed": 5, "reject_route": 6,
    },
    "time_exceeded": {"exceeded_hop_limit": 0, "exceeded_frag_time": 1, "frag_reass_exceeded": 1},
    "parameter_problem": {
        "header_field": 0, "erroneous_header_field": 0, "unknown_next_header": 1, "unknown_option": 2,
    },
}  # fmt: skip

_LEVELS: Final = {"SOL_SOCKET": "SO_", "IPPROTO_TCP": "TCP_", "IPPROTO_IP": "IP_", "IPPROTO_IPV6": "IPV6_"}
_NOT_OPTIONS: Final = ("TCP_CA_", "TCP_CM_", "IP_PMTUDISC", "IPV6_PMTUDISC", "SO_EE_", "TCP_INFINITE")
_STATES: Final = frozenset(
    {
        "TCP_ESTABLISHED", "TCP_SYN_SENT", "TCP_SYN_RECV", "TCP_FIN_WAIT1", "TCP_FIN_WAIT2", "TCP_TIME_WAIT",
        "TCP_CLOSE", "TCP_CLOSE_WAIT", "TCP_LAST_ACK", "TCP_LISTEN", "TCP_CLOSING", "TCP_NEW_SYN_RECV",
    }
)  # fmt: skip


def option_name(table: dict[str, int], level: int, number: int) -> str | None:
    """The name of a socket option from its level and number, None if the system has none such."""
    for level_name, prefix in _LEVELS.items():
        if table[level_name] != level:
            continue
        for name, value in table.items():
            if value == number and name.startswith(prefix) and name not in _STATES:
                if not name.startswith(_NOT_OPTIONS):
                    return name
    return None
