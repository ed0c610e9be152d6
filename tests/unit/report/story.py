"""Hand-made event streams: two hosts, one link, told segment by segment.

    story = Story()
    story.call("client", 0, "OPEN", "server:80")
    syn = story.send("client", 0, "S", 100, 0, state="SYN-SENT")
    story.arrive(syn, 50, before="LISTEN", after="SYN-RECEIVED")

Times are milliseconds. Nothing here computes TCP: a story says what happened.
"""

from __future__ import annotations

from netsim.base import events as ev
from netsim.base.packet import FLAG_LETTERS, OPT_MSS, Segment
from netsim.base.reasons import Reason
from netsim.base.units import MS

ADDRESSES = {"client": ("10.0.0.1", 49152), "server": ("10.0.0.2", 80), "other": ("10.0.0.3", 49999)}
WHY = Reason("because", "Because the story says so.", "RFC 9293 §3.10")


class Story:
    """Collects events; every method appends some."""

    def __init__(self) -> None:
        self.events: list[ev.Event] = []
        self.conns: dict[str, int] = {"client": 1, "server": 2, "other": 3}
        self.uid = 0

    def segment(self, src: str, dst: str, flags: str, seq: int, ack: int, payload: bytes, mss: int) -> Segment:
        bits = sum(1 << FLAG_LETTERS.index(letter) for letter in flags)
        (src_addr, sport), (dst_addr, dport) = ADDRESSES[src], ADDRESSES[dst]
        segment = Segment(src_addr, dst_addr, sport, dport, seq, ack, bits, 65535, payload)
        if mss:
            segment.opt_mss = mss
            segment.layout = bytes([OPT_MSS])
        return segment

    def send(
        self, src: str, at_ms: int, flags: str, seq: int, ack: int = 0, payload: bytes = b"", *,
        state: str = "ESTABLISHED", cause: str = "", mss: int = 0, dst: str = "", conn: int | None = None,
    ) -> Segment:  # fmt: skip
        dst = dst or ("server" if src != "server" else "client")
        segment = self.segment(src, dst, flags, seq, ack, payload, mss)
        number = self.conns[src] if conn is None else conn
        if number:
            self.events.append(
                ev.SegmentSent(at_ms * MS, src, number, segment, state, WHY, cause not in ("",), cause)
            )  # fmt: skip
        self.uid += 1
        segment.uid = self.uid
        self.events.append(ev.PacketSent(at_ms * MS, src, segment, "client-server"))
        return segment

    def arrive(
        self, segment: Segment, at_ms: int, *, before: str = "ESTABLISHED", after: str = "", accepted: bool = True
    ) -> None:
        host = next(name for name, (address, _) in ADDRESSES.items() if address == segment.dst)
        conn = self.conns[host]
        self.events.append(ev.PacketDelivered(at_ms * MS, host, segment))
        self.events.append(ev.SegmentReceived(at_ms * MS, host, conn, segment, before))
        if after and after != before:
            self.state(host, at_ms, before, after)
        self.events.append(
            ev.SegmentProcessed(at_ms * MS, host, conn, segment, after or before, WHY, accepted)
        )  # fmt: skip

    def drop(self, segment: Segment, at_ms: int, rule: str = "", where: str = "client-server") -> None:
        reason = Reason("rule" if rule else "link-loss", "Lost.", "")
        self.events.append(ev.PacketDropped(at_ms * MS, "", segment, where, reason, rule))

    def state(self, host: str, at_ms: int, old: str, new: str) -> None:
        self.events.append(ev.StateChanged(at_ms * MS, host, self.conns[host], old, new, "cause", WHY))

    def call(self, host: str, at_ms: int, call: str, detail: str = "") -> None:
        self.events.append(ev.Called(at_ms * MS, host, self.conns[host], call, detail))

    def deliver(self, host: str, at_ms: int, count: int, offset: int) -> None:
        self.events.append(ev.Delivered(at_ms * MS, host, self.conns[host], count, offset))

    def timer_set(self, host: str, at_ms: int, timer: str, deadline_ms: int) -> None:
        self.events.append(ev.TimerSet(at_ms * MS, host, self.conns[host], timer, deadline_ms * MS, WHY))

    def timer_expired(self, host: str, at_ms: int, timer: str, count: int = 1) -> None:
        self.events.append(ev.TimerExpired(at_ms * MS, host, self.conns[host], timer, count, WHY))


ISS, IRS = 4_294_967_196, 300
"""100 below the wrap: a relative number that is computed carelessly shows at once."""


def wrap(number: int) -> int:
    return number & 0xFFFFFFFF


def open_connection(story: Story, start_ms: int = 0) -> None:
    """The three-way handshake over 50 ms one way."""
    story.state("server", start_ms, "CLOSED", "LISTEN")
    story.call("client", start_ms, "OPEN", "server:80")
    story.state("client", start_ms, "CLOSED", "SYN-SENT")
    syn = story.send("client", start_ms, "S", ISS, state="SYN-SENT", mss=1460)
    story.arrive(syn, start_ms + 50, before="LISTEN", after="SYN-RECEIVED")
    syn_ack = story.send("server", start_ms + 50, "SA", IRS, wrap(ISS + 1), state="SYN-RECEIVED", mss=1460)
    story.arrive(syn_ack, start_ms + 100, before="SYN-SENT", after="ESTABLISHED")
    ack = story.send("client", start_ms + 100, "A", wrap(ISS + 1), IRS + 1)
    story.arrive(ack, start_ms + 150, before="SYN-RECEIVED", after="ESTABLISHED")


def transfer(story: Story, start_ms: int, chunks: int, size: int = 1000, first: int = 0) -> None:
    """The client sends `chunks` segments, each acknowledged."""
    for number in range(first, first + chunks):
        at = start_ms + number
        data = story.send("client", at, "PA", wrap(ISS + 1 + number * size), IRS + 1, b"x" * size)
        story.arrive(data, at + 50)
        story.deliver("server", at + 50, size, (number + 1) * size)
        ack = story.send("server", at + 50, "A", IRS + 1, wrap(ISS + 1 + (number + 1) * size))
        story.arrive(ack, at + 100)


def last_ack_lost() -> Story:
    """The scenario of the same name: handshake, 1000 bytes, teardown, the last ACK is lost once."""
    story = Story()
    open_connection(story)
    transfer(story, 1000, 1)
    story.call("client", 2000, "CLOSE")
    story.state("client", 2000, "ESTABLISHED", "FIN-WAIT-1")
    fin = story.send("client", 2000, "FA", wrap(ISS + 1001), IRS + 1, state="FIN-WAIT-1")
    story.arrive(fin, 2050, after="CLOSE-WAIT")
    ack = story.send("server", 2050, "A", IRS + 1, wrap(ISS + 1002), state="CLOSE-WAIT")
    story.call("server", 2250, "CLOSE")
    story.state("server", 2250, "CLOSE-WAIT", "LAST-ACK")
    story.events.sort(key=lambda event: event.t_ns)
    story.arrive(ack, 2100, before="FIN-WAIT-1", after="FIN-WAIT-2")
    story.events.sort(key=lambda event: event.t_ns)
    fin2 = story.send("server", 2250, "FA", IRS + 1, wrap(ISS + 1002), state="LAST-ACK")
    story.arrive(fin2, 2300, before="FIN-WAIT-2", after="TIME-WAIT")
    story.timer_set("client", 2300, "2MSL", 122_300)
    lost = story.send("client", 2300, "A", wrap(ISS + 1002), IRS + 2, state="TIME-WAIT")
    story.drop(lost, 2300, rule="last ACK, once")
    story.timer_expired("server", 2550, "RTO", 1)
    again = story.send("server", 2550, "FA", IRS + 1, wrap(ISS + 1002), state="LAST-ACK", cause="timeout")
    story.arrive(again, 2600, before="TIME-WAIT")
    story.timer_set("client", 2600, "2MSL", 122_600)
    last = story.send("client", 2600, "A", wrap(ISS + 1002), IRS + 2, state="TIME-WAIT")
    story.arrive(last, 2650, before="LAST-ACK", after="CLOSED")
    story.timer_expired("client", 122_600, "2MSL", 1)
    story.state("client", 122_600, "TIME-WAIT", "CLOSED")
    return story
