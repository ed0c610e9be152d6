"""The contract between whatever yields TCP records and the checker.

capture = open_tcp("a.pcapng")              # netsim.capture.tcpview
while batch := capture.read_batch():        # lists, because a list is the fastest loop
    for record in batch:                    # TcpRecord, in the file's order
        ...
    for error in capture.take_icmp():       # ICMP errors that quote TCP, since the last call
        ...
capture.frames, capture.tcp_frames, capture.skipped, capture.damage
"""

from __future__ import annotations

from netsim.base.seams import mypyc_attr
from netsim.capture.record import Damage, IcmpRecord, TcpRecord


@mypyc_attr(allow_interpreted_subclasses=True)
class TcpSource:
    """Yields TCP records in batches. Every counter is right at any time, and final after the last batch.

    frames:     frames read so far, of any kind (the last frame number)
    tcp_frames: TcpRecords yielded
    skipped:    why the other frames yielded none, by reason: "arp", "not-ip", "udp", "icmp", "fragment"
                (waits for its datagram, or never completed it), "truncated" (cut before the TCP header),
                "malformed", "unknown-linktype", ...
    cut_frames: frames that the capture cut (snaplen), skipped or not
    reassembled: datagrams put together from fragments
    first_ns, last_ns: time of the first and the last frame; -1 before the first
    damage:     None, or where and why reading stopped before the file's end (a `Damage`)
    progress:   (octets of the file consumed, octets in all or 0 if unknown)
    """

    def __init__(self) -> None:
        self.frames = 0
        self.tcp_frames = 0
        self.skipped: dict[str, int] = {}
        self.cut_frames = 0
        self.reassembled = 0
        self.first_ns = -1
        self.last_ns = -1
        self.damage: Damage | None = None

    def read_batch(self) -> list[TcpRecord]:
        """The next records, at least one; [] at the end. Never raises on any content of the file."""
        raise NotImplementedError

    def take_icmp(self) -> list[IcmpRecord]:
        """ICMP errors about TCP met since the last call, in order; order them with the records by `frame`."""
        raise NotImplementedError

    @property
    def progress(self) -> tuple[int, int]:
        """For a progress bar."""
        return (0, 0)

    def close(self) -> None:
        """Close the file. Reading after it yields nothing."""
