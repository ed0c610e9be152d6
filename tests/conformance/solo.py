"""One endpoint and a hand that writes the other's segments: states are reached by traffic only.

    solo = Solo.established()
    solo.rcv("A", data=b"hello")        # relative numbers; default: exactly what is expected next
    assert solo.sent() == ["A 1 ack 6"]

Both ISNs lie just below the wrap. Numbers are relative: 0 is the SYN, 1 the first octet.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from netsim.base.events import Event, ListSink, Notified, StateChanged
from netsim.base.packet import (
    ACK,
    FLAG_LETTERS,
    OPT_MSS,
    OPT_SACK,
    OPT_SACK_OK,
    OPT_TS,
    OPT_WSCALE,
    IcmpMessage,
    Segment,
)
from netsim.base.seqnum import seq_add, seq_diff
from netsim.base.units import MS, SEC
from netsim.tcp.connection import Connection
from netsim.tcp.profile import RFC, ConnectionOptions, Profile

OUR_ISS = (1 << 32) - 100
PEER_ISS = (1 << 32) - 60
PLAIN = replace(RFC, use_timestamps=False, use_sack=False, use_window_scale=False)


def flag_mask(letters: str) -> int:
    return sum(1 << FLAG_LETTERS.index(letter) for letter in letters)


class Solo:
    """`profile` defaults to the RFC's without extensions, so that headers are easy to read."""

    def __init__(
        self, profile: Profile = PLAIN, options: ConnectionOptions | None = None, *, v6: bool = False,
        mtu: int = 1500, **changes: Any,
    ) -> None:  # fmt: skip
        self.us, self.peer = ("fd00::1", "fd00::2") if v6 else ("10.0.0.1", "10.0.0.2")
        self.sink = ListSink()
        self.now = 10 * SEC
        self.out: list[Segment] = []
        self.peer_nxt = 1
        self.window = 65535
        self.peer_ts = 1000
        self.conn = Connection(
            replace(profile, **changes), options or ConnectionOptions(), self.us, 80,
            host="us", conn=1, iss=OUR_ISS, sink=self.sink, mtu=mtu,
        )  # fmt: skip

    # --- reaching states -----------------------------------------------------------------

    @classmethod
    def listening(cls, *args: Any, **kwargs: Any) -> Solo:
        solo = cls(*args, **kwargs)
        solo.conn.open_passive(solo.now)
        return solo

    @classmethod
    def syn_sent(cls, *args: Any, **kwargs: Any) -> Solo:
        solo = cls(*args, **kwargs)
        solo.conn.open_active(solo.now, solo.peer, 4000)
        solo.drain()
        return solo

    @classmethod
    def syn_received(cls, *args: Any, **kwargs: Any) -> Solo:
        solo = cls.listening(*args, **kwargs)
        solo.rcv("S", seq=0, mss=1460)
        return solo

    @classmethod
    def syn_received_active(cls, *args: Any, **kwargs: Any) -> Solo:
        solo = cls.syn_sent(*args, **kwargs)
        solo.rcv("S", seq=0, mss=1460)
        return solo

    @classmethod
    def established(cls, *args: Any, syn: dict[str, Any] | None = None, **kwargs: Any) -> Solo:
        """By active open; `syn`: options of the peer's SYN,ACK."""
        solo = cls.syn_sent(*args, **kwargs)
        solo.rcv("SA", seq=0, ack=1, **{"mss": 1460, **(syn or {})})
        assert solo.state == "ESTABLISHED"
        solo.out.clear()
        return solo

    @classmethod
    def in_state(cls, state: str, *args: Any, **kwargs: Any) -> Solo:
        """Any state by name, reached by the shortest traffic."""
        if state == "LISTEN":
            return cls.listening(*args, **kwargs)
        if state == "SYN-SENT":
            return cls.syn_sent(*args, **kwargs)
        if state == "SYN-RECEIVED":
            return cls.syn_received(*args, **kwargs)
        solo = cls.established(*args, **kwargs)
        if state in ("CLOSE-WAIT", "LAST-ACK"):
            solo.rcv("FA")
        if state in ("FIN-WAIT-1", "FIN-WAIT-2", "CLOSING", "TIME-WAIT", "LAST-ACK"):
            solo.conn.shutdown(solo.now)
            solo.drain()
        if state in ("FIN-WAIT-2", "TIME-WAIT"):
            solo.rcv("A")
        if state == "CLOSING":
            solo.rcv("FA", ack=1)
        if state == "TIME-WAIT":
            solo.rcv("FA")
        assert solo.state == state, solo.state
        solo.out.clear()
        return solo

    # --- traffic ------------------------------------------------------------------------------

    def segment(
        self, flags: str, seq: int | None = None, ack: int | None = None, data: bytes = b"", wnd: int | None = None,
        mss: int | None = None, wscale: int | None = None, sack_ok: bool = False, ts: tuple[int, int] | None = None,
        sack: tuple[tuple[int, int], ...] = (), urg: int = 0, tos: int = 0,
    ) -> Segment:  # fmt: skip
        """A segment of the peer; by default with the numbers that we expect."""
        mask = flag_mask(flags)
        if seq is None:
            seq = self.peer_nxt
        if ack is None:
            ack = seq_diff(self.conn.snapshot().snd_nxt, OUR_ISS)
        seg = Segment(
            self.peer, self.us, 4000, 80, seq_add(PEER_ISS, seq), seq_add(OUR_ISS, ack) if mask & ACK else 0, mask,
            self.window if wnd is None else wnd, data,
        )  # fmt: skip
        layout: list[int] = []
        if mss is not None:
            seg.opt_mss = mss
            layout.append(OPT_MSS)
        if sack_ok:
            seg.sack_ok = True
            layout += [1, 1, OPT_SACK_OK]
        if wscale is not None:
            seg.opt_wscale = wscale
            layout += [1, OPT_WSCALE]
        if ts is None and self.conn.snapshot().timestamps:
            ts = (self.peer_ts + (self.now - 10 * SEC) // MS, self.conn.ep.ts_value(self.now))
        if ts is not None:
            seg.ts_val, seg.ts_ecr = ts
            layout += [1, 1, OPT_TS]
        if sack:
            seg.sack = tuple((seq_add(OUR_ISS, a), seq_add(OUR_ISS, b)) for a, b in sack)
            layout += [1, 1, OPT_SACK]
        seg.layout = bytes(layout)
        seg.urg, seg.tos = urg, tos
        return seg

    def rcv(self, flags: str, **fields: Any) -> list[str]:
        """The peer's segment arrives; returns what we send at once."""
        seg = self.segment(flags, **fields)
        end = seq_diff(seg.seq, PEER_ISS) + seg.seg_len()
        if fields.get("seq") is None:
            self.peer_nxt = end
        before = len(self.out)
        self.conn.handle_segment(self.now, seg)
        self.drain()
        return [self.text(s) for s in self.out[before:]]

    def icmp(self, icmp_type: int, code: int, *, seq: int = 1, mtu: int = 0, source: str = "10.0.9.9") -> None:
        """A router (or the peer) reports the fate of our segment that began at `seq`."""
        quoted = Segment(self.us, self.peer, 80, 4000, seq_add(OUR_ISS, seq), 0, ACK, 0)
        if ":" in self.us:
            source = "fd00::99"
        self.conn.handle_icmp(self.now, IcmpMessage(source, self.us, icmp_type, code, quoted, mtu))
        self.drain()

    def send(self, data: bytes, **how: Any) -> list[str]:
        before = len(self.out)
        assert self.conn.send(self.now, data, **how) == len(data)
        self.drain()
        return [self.text(s) for s in self.out[before:]]

    def drain(self) -> None:
        while (seg := self.conn.poll_transmit(self.now)) is not None:
            self.out.append(seg)

    def advance(self, by_ns: int) -> list[str]:
        """Time passes; timers fire at their own instants. Returns what was sent."""
        end = self.now + by_ns
        before = len(self.out)
        while (at := self.conn.next_deadline()) is not None and at <= end:
            self.now = max(self.now, at)
            self.conn.handle_timeout(self.now)
            self.drain()
        self.now = end
        return [self.text(s) for s in self.out[before:]]

    # --- looks ----------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        return str(self.conn.state)

    @property
    def events(self) -> list[Event]:
        return self.sink.events

    def sent(self) -> list[str]:
        """Everything sent since the last look, as text."""
        texts = [self.text(seg) for seg in self.out]
        self.out.clear()
        return texts

    def text(self, seg: Segment) -> str:
        """`SA 0 ack 1`, `PA 1:101 ack 1`."""
        seq = seq_diff(seg.seq, OUR_ISS)
        text = f"{seg.flags_letters()} {seq}"
        if seg.payload:
            text += f":{seq + len(seg.payload)}"
        if seg.flags & ACK:
            text += f" ack {seq_diff(seg.ack, PEER_ISS)}"
        return text

    def notified(self) -> list[str]:
        return [e.what for e in self.events if isinstance(e, Notified)]

    def edges(self) -> set[tuple[str, str, str]]:
        return {(e.old, e.cause, e.new) for e in self.events if isinstance(e, StateChanged)}

    def times_of(self, flags: str) -> list[int]:
        from netsim.base.events import SegmentSent

        return [e.t_ns for e in self.events if isinstance(e, SegmentSent) and e.segment.flags_letters() == flags]


__all__ = ["MS", "OUR_ISS", "PEER_ISS", "PLAIN", "SEC", "Solo"]
