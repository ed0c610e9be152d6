"""UDP datagrams and ICMP messages of a script: what goes in, and whether what comes out is as expected."""

from __future__ import annotations

from netsim.base.packet import IcmpMessage, Packet, UdpDatagram
from netsim.host.udp import UdpSocket
from netsim.packetdrill import tree
from netsim.packetdrill.compare import FieldCheck, check_ip
from netsim.packetdrill.config import Config
from netsim.packetdrill.flow import ScriptProblem, apply_ip, icmp_numbers

_MAX_PAYLOAD = 65_507
_QUERIES_V4 = frozenset({0, 8, 9, 10, 13, 14, 15, 16, 17, 18})
_QUERIES_V6 = frozenset({128, 129})


def udp_text(length: int) -> str:
    """A datagram in the script's notation."""
    return f"udp ({length})"


def icmp_text(icmp_type: int, icmp_code: int, mtu: int) -> str:
    """A message in the script's notation, by numbers."""
    return f"icmp type_{icmp_type} code_{icmp_code}" + (f" mtu {mtu}" if mtu else "")


class UdpPorts:
    """The ports of the datagrams under test: ours is the socket's, the script's is the peer's."""

    def __init__(self, config: Config, first_remote_port: int) -> None:
        self.config = config
        self.remote_port = first_remote_port

    def of(self, socket: UdpSocket | None) -> tuple[int, int]:
        """(our port, the peer's)."""
        if socket is None:
            return self.config.bind_port, self.remote_port
        return socket.local_port or self.config.bind_port, socket.remote_port or self.remote_port

    def inbound(self, spec: tree.UdpSpec, socket: UdpSocket | None) -> UdpDatagram:
        """The live datagram. Raises ScriptProblem."""
        if spec.length > _MAX_PAYLOAD:
            raise ScriptProblem(f"a datagram has at most {_MAX_PAYLOAD} bytes of data")
        local, remote = self.of(socket)
        if spec.ports is not None:
            remote, local = spec.ports[0] or remote, spec.ports[1] or local
        config = self.config
        datagram = UdpDatagram(config.remote_addr, config.local_addr, remote, local, bytes(spec.length))
        apply_ip(spec.ip, datagram)
        return datagram

    def quoted(self, length: int, socket: UdpSocket | None) -> UdpDatagram:
        """The datagram of ours that an ICMP message is about."""
        local, remote = self.of(socket)
        return UdpDatagram(self.config.local_addr, self.config.remote_addr, local, remote, bytes(length))

    def belongs(self, packet: Packet, socket: UdpSocket | None) -> bool:
        """Is it a datagram of the socket under test?"""
        if not isinstance(packet, UdpDatagram) or socket is None:
            return False
        return packet.sport == socket.local_port and packet.dst == self.config.remote_addr


def check_datagram(spec: tree.UdpSpec, live: UdpDatagram) -> list[FieldCheck]:
    """Length, ports and IP fields, as far as the script gives them."""
    checks = [_same("length", spec.length, len(live.payload))]
    if spec.ports is not None:
        for name, wanted, port in zip(("sport", "dport"), spec.ports, (live.sport, live.dport), strict=True):
            if wanted:
                checks.append(_same(name, wanted, port))
    if spec.ip is not None:
        checks += check_ip(spec.ip, live)
    return checks


def check_message(spec: tree.IcmpSpec, live: IcmpMessage) -> list[FieldCheck]:
    """Type and code, as the real tool; the MTU where the script gives one."""
    wanted_type, wanted_code = icmp_numbers(spec, ":" in live.src)
    checks = [_same("type", wanted_type, live.icmp_type), _same("code", wanted_code, live.icmp_code)]
    if spec.mtu >= 0:
        checks.append(_same("mtu", spec.mtu, live.mtu))
    if spec.ip is not None:
        checks += check_ip(spec.ip, live)
    return checks


def is_query(spec: tree.IcmpSpec, six: bool) -> bool:
    """An echo request or the like: it is about no packet."""
    return icmp_numbers(spec, six)[0] in (_QUERIES_V6 if six else _QUERIES_V4)


def query(spec: tree.IcmpSpec, config: Config) -> IcmpMessage:
    """The live message of an echo request or the like."""
    icmp_type, icmp_code = icmp_numbers(spec, ":" in config.local_addr)
    message = IcmpMessage(config.remote_addr, config.local_addr, icmp_type, icmp_code)
    message.mtu = spec.message_id << 16  # identifier and sequence number
    apply_ip(spec.ip, message)
    return message


def _same(name: str, expected: int, actual: int) -> FieldCheck:
    return FieldCheck(name, str(expected), str(actual), expected == actual)
