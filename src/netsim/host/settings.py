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
    first_port, last_port: the range of ephemeral ports (RFC 6335 §6)
    ports_in_order: hand ephemeral ports out from the first on, instead of hashed (RFC 6056)
    """

    __slots__ = (
        "first_port", "last_port", "path_mtu_age_ns", "ping", "ports_in_order", "send_port_unreachable", "send_resets",
        "syn_backlog", "syn_cookies", "udp_buffer", "udp_tunnel_port",
    )  # fmt: skip

    def __init__(self) -> None:
        self.syn_backlog = 0
        self.syn_cookies = "off"
        self.send_resets = True
        self.send_port_unreachable = True
        self.ping = True
        self.udp_buffer = 212_992
        self.path_mtu_age_ns = 600 * SEC
        self.udp_tunnel_port = 0
        self.first_port = 49152
        self.last_port = 65535
        self.ports_in_order = False
