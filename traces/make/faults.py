"""What the link may be ordered to do to a packet, and to which one."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from . import wire
from .wire import Packet

Match = Callable[[Packet, int], bool]
"""Gets a packet and its sequence number relative to the sender's ISN; says whether the rule means it."""


def syn(packet: Packet, rel: int) -> bool:
    """A SYN without ACK."""
    return packet.flags & (wire.SYN | wire.ACK) == wire.SYN


def syn_ack(packet: Packet, rel: int) -> bool:
    """A SYN with ACK."""
    return packet.flags & (wire.SYN | wire.ACK) == wire.SYN | wire.ACK


def data(packet: Packet, rel: int) -> bool:
    """A segment with payload that is not a SYN."""
    return packet.is_tcp and bool(packet.payload) and not packet.flags & wire.SYN


def fin(packet: Packet, rel: int) -> bool:
    """A segment with FIN."""
    return bool(packet.flags & wire.FIN)


def rst(packet: Packet, rel: int) -> bool:
    """A segment with RST."""
    return bool(packet.flags & wire.RST)


def pure_ack(packet: Packet, rel: int) -> bool:
    """An ACK that carries nothing else."""
    return packet.is_tcp and packet.flags & 0x17 == wire.ACK and not packet.payload


def anything(packet: Packet, rel: int) -> bool:
    """Every packet."""
    return True


def covers(offset: int) -> Match:
    """Segments that carry stream byte ``offset`` (the first byte after the SYN is 0)."""

    def match(packet: Packet, rel: int) -> bool:
        return data(packet, rel) and rel <= offset + 1 < rel + len(packet.payload)

    match.__name__ = f"segment with byte {offset}"
    return match


def after(offset: int) -> Match:
    """Data segments that begin at stream byte ``offset`` or later."""

    def match(packet: Packet, rel: int) -> bool:
        return data(packet, rel) and rel - 1 >= offset

    match.__name__ = f"segment from byte {offset} on"
    return match


@dataclass
class Rule:
    """One order to the link.

    ``sender`` is the side whose packets are meant, ``nth`` which of the matching ones (counted from 1, every
    transmission counts; None means all). ``text`` is the order in words, for the record.
    """

    action: str
    sender: str
    match: Match
    nth: Collection[int] | None = (1,)
    text: str = ""
    delay_ms: float = 0.0
    count: int = 1
    seen: int = field(default=0, init=False)

    def applies(self, packet: Packet, rel: int) -> bool:
        """Count the packet if it matches, and say whether the order is for it."""
        if not self.match(packet, rel):
            return False
        self.seen += 1
        return self.nth is None or self.seen in self.nth


def _name(match: Match) -> str:
    return {"syn_ack": "SYN-ACK", "pure_ack": "pure ACK", "anything": "packet"}.get(
        match.__name__, match.__name__.upper() if match in (syn, fin, rst) else match.__name__
    )


def _ordinal(n: int) -> str:
    return f"{n}{'th' if 10 < n % 100 < 14 else {1: 'st', 2: 'nd', 3: 'rd'}.get(n % 10, 'th')}"


def _text(verb: str, sender: str, match: Match, nth: Collection[int] | None) -> str:
    if nth is None:
        return f"{verb} every {_name(match)} from the {sender}"
    numbers = sorted(nth)
    if len(numbers) > 3 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        which = f"{_ordinal(numbers[0])} to {_ordinal(numbers[-1])}"
    else:
        which = ", ".join(_ordinal(n) for n in numbers)
    return f"{verb} the {which} {_name(match)} from the {sender}"


def drop(sender: str, match: Match, nth: Collection[int] | None = (1,), text: str = "") -> Rule:
    """Lose it."""
    return Rule("drop", sender, match, nth, text or _text("drop", sender, match, nth))


def delay(sender: str, match: Match, ms: float, nth: Collection[int] | None = (1,), text: str = "") -> Rule:
    """Let it arrive ``ms`` later than its place in the line; later packets may overtake it."""
    return Rule("delay", sender, match, nth, text or _text(f"delay by {ms:g} ms", sender, match, nth), delay_ms=ms)


def stall(sender: str, match: Match, ms: float, nth: Collection[int] | None = (1,), text: str = "") -> Rule:
    """Stop the whole direction for ``ms`` before it: nothing is overtaken, all behind it waits."""
    return Rule("stall", sender, match, nth, text or _text(f"stall {ms:g} ms at", sender, match, nth), delay_ms=ms)


def duplicate(
    sender: str, match: Match, nth: Collection[int] | None = (1,), *, ms: float = 0.3, count: int = 1, text: str = ""
) -> Rule:
    """Deliver ``count`` further copies, each ``ms`` after the one before."""
    words = text or _text(f"deliver {count} more of", sender, match, nth)
    return Rule("duplicate", sender, match, nth, words, delay_ms=ms, count=count)


def reorder(sender: str, match: Match, behind: int, nth: Collection[int] | None = (1,), text: str = "") -> Rule:
    """Let the next ``behind`` packets of the same direction overtake it."""
    return Rule("reorder", sender, match, nth, text or _text(f"put {behind} back", sender, match, nth), count=behind)


def damage(sender: str, match: Match, nth: Collection[int] | None = (1,), text: str = "") -> Rule:
    """Flip a bit; the receiver's checksum finds it."""
    return Rule("corrupt", sender, match, nth, text or _text("corrupt", sender, match, nth))


def mark(sender: str, match: Match, nth: Collection[int] | None = (1,), text: str = "") -> Rule:
    """Set Congestion Experienced where the packet is ECN-capable."""
    return Rule("mark-ce", sender, match, nth, text or _text("mark CE on", sender, match, nth))


def clamp(sender: str, mss: int) -> Rule:
    """Lower the MSS option in the sender's SYN, as a tunnel's router does."""

    def any_syn(packet: Packet, rel: int) -> bool:
        return bool(packet.flags & wire.SYN)

    return Rule("clamp-mss", sender, any_syn, None, f"lower the MSS option of the {sender}'s SYN to {mss}", count=mss)


def unreachable(sender: str, match: Match, code: int, nth: Collection[int] | None = (1,), text: str = "") -> Rule:
    """Lose it and answer with ICMP destination unreachable."""
    words = text or _text(f"answer ICMP unreachable code {code} to", sender, match, nth)
    return Rule("unreachable", sender, match, nth, words, count=code)
