"""Frames as they lie in a capture file, before anybody asks what they carry."""

from __future__ import annotations

from typing import Final

MAX_FRAME: Final = 1 << 20
"""Longest captured frame believed (1 MiB; the largest offload giants have 512 KiB): a longer one is corruption."""

MAX_INTERFACES: Final = 65536

# Link types (the registry of the pcap and pcapng formats; 12 and 14 are BSD's numbers for raw IP).
LINK_NULL: Final = 0
LINK_ETHERNET: Final = 1
LINK_PPP: Final = 9
LINK_RAW_BSD: Final = 12
LINK_RAW_OPENBSD: Final = 14
LINK_PPP_HDLC: Final = 50
LINK_PPPOE: Final = 51
LINK_RAW: Final = 101
LINK_C_HDLC: Final = 104
LINK_LOOP: Final = 108
LINK_SLL: Final = 113
LINK_MPLS: Final = 219
LINK_IPV4: Final = 228
LINK_IPV6: Final = 229
LINK_SLL2: Final = 276
LINK_NONE: Final = -1
"""Not a packet at all (a journal entry, which analysers count as a frame nevertheless)."""

INBOUND: Final = 1
OUTBOUND: Final = 2


class Interface:
    """One capturing interface. `units`: clock ticks per second; `offset_ns`: added to every time."""

    __slots__ = ("linktype", "name", "offset_ns", "snaplen", "units")

    def __init__(
        self, linktype: int, snaplen: int = 0, units: int = 1_000_000, offset_ns: int = 0, name: str = ""
    ) -> None:
        self.linktype = linktype
        self.snaplen = snaplen
        self.units = units
        self.offset_ns = offset_ns
        self.name = name


class Frame:
    """One captured frame, with a copy of its bytes.

    number:   1-based position in the file           t_ns: capture time, ns
    data:     the captured bytes                     wire_len: its length on the wire
    linktype: how to read the bytes                  interface: pcapng interface over all sections, 0 in a pcap
    comments: what the file says about it            direction: 0 unknown, INBOUND or OUTBOUND
    """

    __slots__ = ("comments", "data", "direction", "interface", "linktype", "number", "t_ns", "wire_len")

    def __init__(
        self, number: int, t_ns: int, data: bytes, wire_len: int, linktype: int, interface: int = 0,
        comments: tuple[str, ...] = (), direction: int = 0,
    ) -> None:  # fmt: skip
        self.number = number
        self.t_ns = t_ns
        self.data = data
        self.wire_len = wire_len
        self.linktype = linktype
        self.interface = interface
        self.comments = comments
        self.direction = direction


class FrameBatch:
    """Frames that lie in one buffer, uncopied.

    first:      number of the first frame; the others follow one by one
    spans:      per frame (t_ns, start, stop, wire_len, interface): buf[start:stop] is what was captured
    comments:   by index into `spans`, for the few that have any
    directions: likewise, INBOUND or OUTBOUND
    """

    __slots__ = ("buf", "comments", "directions", "first", "spans")

    def __init__(self, buf: bytes, first: int) -> None:
        self.buf = buf
        self.first = first
        self.spans: list[tuple[int, int, int, int, int]] = []
        self.comments: dict[int, tuple[str, ...]] = {}
        self.directions: dict[int, int] = {}
