"""Whatever segments and ICMP messages arrive in whatever state: nothing raises, the state machine takes only
edges of its table, the invariants hold, and the connection still ends.

An attacker (or a broken peer) injects segments with numbers near the edges of the windows, any flags, any
options and any timestamps, and ICMP errors that quote what is in flight, into a conversation that goes on.
"""

from __future__ import annotations

from random import Random

import pytest

from netsim.base.events import SegmentProcessed, SegmentSent
from netsim.base.packet import (
    OPT_MSS,
    OPT_NOP,
    OPT_SACK,
    OPT_SACK_OK,
    OPT_TS,
    OPT_WSCALE,
    IcmpMessage,
    Segment,
)
from netsim.tcp.connection import Connection

from .invariants import Invariants
from .test_any_calls import Anything

FLAGS = (0x10, 0x10, 0x10, 0x18, 0x11, 0x02, 0x12, 0x04, 0x14, 0x01, 0x00, 0x03, 0x30, 0x50, 0xC2, 0x1FF, 0x29)
WINDOWS = (0, 1, 536, 65535, 65535)
ICMP4 = (*tuple((3, code) for code in range(14)), (11, 0), (11, 1), (12, 0), (4, 0), (5, 1))
LAYOUTS = (
    b"",
    b"",
    bytes((OPT_NOP, OPT_NOP, OPT_TS)),
    bytes((OPT_NOP, OPT_NOP, OPT_TS)),
    bytes((OPT_MSS,)),
    bytes((OPT_MSS, OPT_NOP, OPT_WSCALE, OPT_NOP, OPT_NOP, OPT_SACK_OK)),
    bytes((OPT_NOP, OPT_NOP, OPT_SACK)),
)


class Attacked(Anything):
    """Any calls, and any packets besides."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.rng = Random(f"any segments {seed}")
        self.share = self.rng.choice([0.02, 0.1, 0.5])
        self.stormy = False
        self.harmless = self.rng.random() < 0.4

    def run(self) -> None:
        invariants = Invariants(self.world, self.watch)
        injected = 0
        while self.world.step():
            invariants.check()
            if injected < 300 and self.rng.random() < self.share and self._inject():
                injected += 1
                invariants.check()
            if self.world.sim.steps > 8_000:
                self.stormy = self._is_ack_storm()
                assert self.stormy, f"the run does not come to an end:\n{self.watch.tail()}"
                return

    def _is_ack_storm(self) -> bool:
        """Two ends that forged data has put out of step answer each other's empty segments for ever.

        Known since 1995 (Joncheray); RFC 9293 does not forbid it. Nothing but refusals, and no state changes.
        """
        recent = self.watch.events[-50:]
        sent = [event.segment for event in recent if isinstance(event, SegmentSent)]
        processed = [event.accepted for event in recent if isinstance(event, SegmentProcessed)]
        return len(sent) > 5 and not any(seg.payload for seg in sent) and len(processed) > 5 and not any(processed)

    def _inject(self) -> bool:
        host = self.world.host(self.rng.choice("ab"))
        conns = [conn for conn in host.connections.values() if conn.ep.remote_port]
        if not conns:
            return False
        conn = self.rng.choice(conns)
        packet = self._icmp(conn) if self.rng.random() < 0.15 else self._segment(conn)
        self.world.network.nodes[host.name].receive(self.world.now_ns, packet)
        return True

    def _near(self, *numbers: int) -> int:
        base = self.rng.choice(numbers)
        return (base + self.rng.choice((0, 0, 0, 1, -1, 2, 100, -100, 1460, 65_535, -65_536, 2**31))) & 0xFFFFFFFF

    def _segment(self, conn: Connection) -> Segment:
        ep, rng = conn.ep, self.rng
        rcv, snd = ep.receiver.rcv, ep.snd
        payload = bytes(rng.choice((0, 0, 1, 100, 1460, 3000)))
        segment = Segment(
            ep.remote_addr, ep.local_addr, ep.remote_port, ep.local_port,
            self._near(rcv.nxt, rcv.nxt + rcv.wnd, rcv.irs), self._near(snd.una, snd.nxt, snd.iss),
            rng.choice(FLAGS), rng.choice(WINDOWS), payload,
        )  # fmt: skip
        if self.harmless:
            segment.flags &= ~0x06  # no SYN, no RST
        segment.layout = rng.choice(LAYOUTS)
        segment.opt_mss = rng.choice((-1, 0, 1, 536, 1460, 65535)) if OPT_MSS in segment.layout else -1
        if OPT_MSS in segment.layout:
            segment.opt_mss = max(0, segment.opt_mss)
        if OPT_WSCALE in segment.layout:
            segment.opt_wscale = rng.choice((0, 7, 14, 15, 255))
            segment.sack_ok = True
        if OPT_SACK in segment.layout:
            left = self._near(snd.una, snd.nxt)
            segment.sack = ((left, self._near(left, snd.nxt)),)
        if OPT_TS in segment.layout:
            segment.ts_val = self._near(ep.neg.ts_recent)
            segment.ts_ecr = self._near(ep.ts_value(self.world.now_ns))
        segment.urg = rng.choice((0, 1, 100, 65535))
        segment.tos = rng.choice((0, 1, 2, 3))
        return segment

    def _icmp(self, conn: Connection) -> IcmpMessage:
        ep = conn.ep
        quoted = Segment(
            ep.local_addr, ep.remote_addr, ep.local_port, ep.remote_port,
            self._near(ep.snd.una, ep.snd.nxt), 0, 0x10, 0,
        )  # fmt: skip
        icmp_type, code = self.rng.choice(ICMP4)
        mtu = self.rng.choice((0, 1, 68, 296, 576, 1300, 1500, 65535)) if (icmp_type, code) == (3, 4) else 0
        return IcmpMessage("10.255.0.9", ep.local_addr, icmp_type, code, quoted, mtu)


def check(seed: int) -> None:
    try:
        attacked = Attacked(seed)
        attacked.run()
        if not attacked.stormy:
            attacked.check_nothing_left()
    except Exception as error:
        raise AssertionError(f"seed {seed}: {error}") from error


@pytest.mark.parametrize("block", range(10))
def test_any_segments_in_any_state(block: int) -> None:
    for seed in range(block * 20, block * 20 + 20):
        check(seed)


@pytest.mark.long
@pytest.mark.parametrize("block", range(10, 60))
def test_any_segments_in_any_state_long(block: int) -> None:
    for seed in range(block * 100, block * 100 + 100):
        check(seed)
