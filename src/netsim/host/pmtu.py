"""The path MTU cache: what routers told about the way to a destination (RFC 1191 §6, RFC 8201 §5.2)."""

from __future__ import annotations

from netsim.base.packet import IcmpMessage


def is_too_big(message: IcmpMessage) -> bool:
    """Fragmentation needed (ICMP 3/4) or packet too big (ICMPv6 2)."""
    if ":" in message.dst:
        return message.icmp_type == 2
    return message.icmp_type == 3 and message.icmp_code == 4


class PathMtuCache:
    """MTU per destination address, forgotten after a while, because paths change."""

    __slots__ = ("_age_ns", "_known")

    def __init__(self, age_ns: int) -> None:
        self._age_ns = age_ns
        self._known: dict[str, tuple[int, int]] = {}

    def learn(self, now_ns: int, destination: str, mtu: int) -> None:
        """A router says `mtu`. It is believed if it lowers what is known, and not below the minimum."""
        floor = 1280 if ":" in destination else 68
        if mtu < floor:
            return
        known = self.get(now_ns, destination, 65535)
        if mtu < known:
            self._known[destination] = (mtu, now_ns)

    def get(self, now_ns: int, destination: str, default: int) -> int:
        """The MTU to use towards this destination: at most `default`, the first link's."""
        entry = self._known.get(destination)
        if entry is None:
            return default
        if now_ns - entry[1] >= self._age_ns:
            del self._known[destination]
            return default
        return min(default, entry[0])
