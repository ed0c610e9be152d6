"""What an administrator can set at a host, besides the profile of its stack."""

from __future__ import annotations

from netsim.base.units import SEC


class HostSettings:
    """A host's own settings.

    syn_backlog:  half-open connections per listener; 0: as many as its backlog, at least 8
    syn_cookies:  "off", "when-full" (the SYN queue is full: RFC 4987 §3.6) or "always"
    send_resets:  answer segments for nobody with a RST (False: a "black hole")
    send_port_unreachable: answer UDP datagrams for nobody with ICMP
    ping:         answer ICMP echo requests
    udp_buffer:   bytes that a UDP socket can hold
    path_mtu_age_ns: how long a discovered path MTU is believed (RFC 1191 §6.3: ten minutes)
    udp_tunnel_port: UDP port at which TCP in UDP is accepted (FreeBSD's net.inet.tcp.udp_tunneling_port); 0: none
    fast_open_keys: keys of Fast Open cookies, 16 octets each; the first makes them, the second is accepted too
    fast_open_without_cookie: every SYN with data may open at once (Linux: TFO_SERVER_COOKIE_NOT_REQD)
    fast_open_every_listener: no socket option is needed (Linux: TFO_SERVER_WO_SOCKOPT1)
    fast_open_client_without_cookie: data rides on every SYN that asks for Fast Open (Linux: TFO_CLIENT_NO_COOKIE)
    udp_soft_errors: a connected UDP socket is told soft ICMP errors as well (RFC 1122 §4.1.3.3); Linux: only hard ones
    first_port, last_port: the range of ephemeral ports (RFC 6335 §6)
    ports_in_order: hand ephemeral ports out from the first on, instead of hashed (RFC 6056)
    """

    __slots__ = (
        "fast_open_client_without_cookie", "fast_open_every_listener", "fast_open_keys", "fast_open_without_cookie",
        "first_port", "last_port", "path_mtu_age_ns", "ping", "ports_in_order", "send_port_unreachable", "send_resets",
        "syn_backlog", "syn_cookies", "udp_buffer", "udp_soft_errors", "udp_tunnel_port",
    )  # fmt: skip

    def __init__(self) -> None:
        self.syn_backlog = 0
        self.syn_cookies = "off"
        self.send_resets = True
        self.send_port_unreachable = True
        self.ping = True
        self.udp_buffer = 212_992
        self.udp_soft_errors = True
        self.path_mtu_age_ns = 600 * SEC
        self.udp_tunnel_port = 0
        self.fast_open_keys: list[bytes] = []
        self.fast_open_without_cookie = False
        self.fast_open_every_listener = False
        self.fast_open_client_without_cookie = False
        self.first_port = 49152
        self.last_port = 65535
        self.ports_in_order = False
