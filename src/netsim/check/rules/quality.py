"""CAP001 to CAP013: the faults and peculiarities of a capture itself, found by `check.audit`.

They are no rules about TCP: they tell how far the capture can be trusted, and are never blamed on an endpoint.
"""

from __future__ import annotations

from typing import Final

from netsim.check.model import NOTE, Meta


def _page(does: str, why: str, cannot: str) -> str:
    return (
        f"## What it does\n\n{does}\n\n## Why it matters\n\n{why}\n\n## What it must not claim\n\n{cannot}\n\n"
        "## References\n\nV. Paxson, Automated Packet Trace Analysis of TCP Implementations, SIGCOMM 1997\n"
    )


def _meta(code: str, name: str, does: str, why: str, cannot: str) -> Meta:
    return Meta(code, name, NOTE, "capture quality", 0, _page(does, why, cannot))


QUALITY: Final = (
    _meta(
        "CAP001",
        "packets-missing",
        "Counts packets that the capture lacks: the receiver acknowledged their data, so they arrived, "
        "but the tap never saw them.",
        "Whatever follows from packets that were not captured is not TCP's fault: rules that need a whole "
        "capture stay silent.",
        "Packets lost by the network before the tap are not missing from the capture.",
    ),
    _meta(
        "CAP002",
        "packets-duplicated",
        "Finds packets that stand in the file twice: equal in every field, with the same IP "
        "identification, or too close together for a second one to have been sent.",
        "A span port that mirrors both ways, or a capture on two interfaces, doubles packets; taken for "
        "retransmissions they would spoil every count.",
        "Whether the tap or the network made the copy: both look the same here.",
    ),
    _meta(
        "CAP003",
        "packets-out-of-order-in-file",
        "Finds answers that stand in the file before what they answer: an ACK that echoes the timestamp "
        "of a segment not seen yet.",
        "Captures merged from two directions swap neighbours; an ACK before its data is then no optimistic ACK.",
        "Reordering by the network between the ends is not counted.",
    ),
    _meta(
        "CAP004",
        "offload-giants",
        "Counts segments larger than the wire carries.",
        "They were captured inside a host that lets its network card cut segments up or put them "
        "together. Sizes and counts of segments are not those on the wire.",
        "Nothing is wrong with the connection.",
    ),
    _meta(
        "CAP005",
        "checksum-offload",
        "Counts packets without a complete checksum.",
        "They were captured inside their sender, before the network card filled the checksum in. This "
        "also tells where the tap is.",
        "Nothing is wrong with the connection.",
    ),
    _meta(
        "CAP006",
        "packets-cut-short",
        "Counts packets of which only the beginning was captured (snaplen).",
        "Their payload cannot be compared, nor their checksum verified.",
        "Lengths are taken from the IP header and are right.",
    ),
    _meta(
        "CAP007",
        "one-direction-only",
        "Counts connections of which only one direction was captured.",
        "Nothing can be said about answers: most rules stay silent.",
        "That the other end did not answer.",
    ),
    _meta(
        "CAP008",
        "clock-steps",
        "Finds packets with an earlier time than the packet before them.",
        "Every interval across the step is wrong.",
        "Whether the clock was set or the file was merged in the wrong order.",
    ),
    _meta(
        "CAP009",
        "fragments",
        "Counts segments that came as several IP fragments and were put together again.",
        "Fragments are lost as a whole; path MTU discovery does not work there.",
        "Nothing about TCP.",
    ),
    _meta(
        "CAP010",
        "file-damaged",
        "Tells where the file stops being readable.",
        "Everything before the damage was analysed; nothing is known of what comes after it.",
        "That the capture was complete up to there.",
    ),
    _meta(
        "CAP011",
        "wrong-checksum",
        "Counts packets whose TCP checksum is wrong although it is filled in.",
        "They were damaged on the way and are dropped by the receiver: the retransmission that follows is right.",
        "Whether the sender computed it wrongly: a correct sender's packet damaged before the tap looks the same.",
    ),
    _meta(
        "CAP012",
        "header-points-outside",
        "Counts packets whose TCP data offset is below five or beyond the packet.",
        "Nothing in them can be trusted, so they are not taken into the connection.",
        "Who damaged them.",
    ),
    _meta(
        "CAP013",
        "under-way",
        "Counts connections whose beginning is not in the capture.",
        "Their options are unknown: the window's scale, for one, so rules that need the handshake stay silent.",
        "Nothing is wrong with the connection.",
    ),
)
