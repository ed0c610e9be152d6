"""Figures 6 to 13 of RFC 9293, line for line: states, direction, numbers and control bits.

The tables below give each line of a figure that shows a segment: the state of A, an arrow
(`-->` or `<--`), sequence number, acknowledgement number, control bits, data, and the state of
B. As in the RFC a state is the one after the departure or arrival of the segment; `...` at
one side says that the segment is still under way there. `*` stands where the figure names no
state but says something in words.
"""

from __future__ import annotations

import re

import pytest

from netsim.report.rows import SegmentRow
from netsim.scenario.loader import load
from netsim.scenario.runner import run

FIGURES = {
    6: """
    SYN-SENT      --> SEQ=100         CTL=SYN          --> SYN-RECEIVED
    ESTABLISHED   <-- SEQ=300 ACK=101 CTL=SYN,ACK      <-- SYN-RECEIVED
    ESTABLISHED   --> SEQ=101 ACK=301 CTL=ACK          --> ESTABLISHED
    ESTABLISHED   --> SEQ=101 ACK=301 CTL=ACK DATA     --> ESTABLISHED
    """,
    7: """
    SYN-SENT      --> SEQ=100         CTL=SYN          ...
    SYN-RECEIVED  <-- SEQ=300         CTL=SYN          <-- SYN-SENT
                  ... SEQ=100         CTL=SYN          --> SYN-RECEIVED
    SYN-RECEIVED  --> SEQ=100 ACK=301 CTL=SYN,ACK      ...
    ESTABLISHED   <-- SEQ=300 ACK=101 CTL=SYN,ACK      <-- SYN-RECEIVED
                  ... SEQ=100 ACK=301 CTL=SYN,ACK      --> ESTABLISHED
    """,
    8: """
    SYN-SENT      --> SEQ=100         CTL=SYN          ...
                  ... SEQ=90          CTL=SYN          --> SYN-RECEIVED
    SYN-SENT      <-- SEQ=300 ACK=91  CTL=SYN,ACK      <-- SYN-RECEIVED
    SYN-SENT      --> SEQ=91          CTL=RST          --> LISTEN
                  ... SEQ=100         CTL=SYN          --> SYN-RECEIVED
    ESTABLISHED   <-- SEQ=400 ACK=101 CTL=SYN,ACK      <-- SYN-RECEIVED
    ESTABLISHED   --> SEQ=101 ACK=401 CTL=ACK          --> ESTABLISHED
    """,
    9: """
    SYN-SENT      --> SEQ=400         CTL=SYN          --> *
    *             <-- SEQ=300 ACK=100 CTL=ACK          <-- ESTABLISHED
    SYN-SENT      --> SEQ=100         CTL=RST          --> CLOSED
    SYN-SENT      --> SEQ=400         CTL=SYN          --> *
    """,
    10: """
    *             <-- SEQ=300 ACK=100 CTL=ACK DATA     <-- ESTABLISHED
    *             --> SEQ=100         CTL=RST          --> CLOSED
    """,
    11: """
                  ... SEQ=90          CTL=SYN          --> SYN-RECEIVED
    *             <-- SEQ=300 ACK=91  CTL=SYN,ACK      <-- SYN-RECEIVED
    *             --> SEQ=91          CTL=RST          --> LISTEN
    """,
    12: """
    FIN-WAIT-1    --> SEQ=100 ACK=300 CTL=FIN,ACK      --> CLOSE-WAIT
    FIN-WAIT-2    <-- SEQ=300 ACK=101 CTL=ACK          <-- CLOSE-WAIT
    TIME-WAIT     <-- SEQ=300 ACK=101 CTL=FIN,ACK      <-- LAST-ACK
    TIME-WAIT     --> SEQ=101 ACK=301 CTL=ACK          --> CLOSED
    """,
    13: """
    FIN-WAIT-1    --> SEQ=100 ACK=300 CTL=FIN,ACK      ...
    CLOSING       <-- SEQ=300 ACK=100 CTL=FIN,ACK      <-- FIN-WAIT-1
                  ... SEQ=100 ACK=300 CTL=FIN,ACK      --> CLOSING
    CLOSING       --> SEQ=101 ACK=301 CTL=ACK          ...
    TIME-WAIT     <-- SEQ=301 ACK=101 CTL=ACK          <-- CLOSING
                  ... SEQ=101 ACK=301 CTL=ACK          --> TIME-WAIT
    """,
}
BEGINS_NS = {9: 2_000_000_000, 10: 2_000_000_000, 11: 1_000_000_000, 12: 1_000_000_000, 13: 1_000_000_000}
"""Where the figure does not begin with the connection: when its first segment is sent."""

_LINE = re.compile(
    r"(?P<a>[A-Z0-9*-]+)?\s*(?P<left>-->|<--|\.\.\.) SEQ=(?P<seq>\d+)\s+(?:ACK=(?P<ack>\d+)\s+)?"
    r"CTL=(?P<ctl>[A-Z,]+)(?P<data> DATA)?\s+(?P<right>-->|<--|\.\.\.)\s*(?P<b>[A-Z0-9*-]+)?"
)


def lines_of(figure: int) -> list[re.Match[str]]:
    """The figure's lines, in order."""
    found = [_LINE.fullmatch(line.strip()) for line in FIGURES[figure].strip().splitlines()]
    assert all(found)
    return [match for match in found if match is not None]


def fits(match: re.Match[str], row: SegmentRow) -> bool:
    """The row is the segment that the line shows."""
    sender = "B" if "<--" in (match["left"], match["right"]) else "A"
    names = {name for name in row.names.split(",") if name != "PSH"}
    return (
        row.sender == sender
        and row.seq == int(match["seq"])
        and row.ack == (int(match["ack"]) if match["ack"] else None)
        and names == set(match["ctl"].split(","))
        and (row.length > 0) == bool(match["data"])
    )


def states_fit(match: re.Match[str], row: SegmentRow) -> bool:
    """The states beside the arrow are those after departure and arrival."""
    sender_first = "<--" not in (match["left"], match["right"])
    states = {"A": match["a"], "B": match["b"]}
    at_sender, at_receiver = (states["A"], states["B"]) if sender_first else (states["B"], states["A"])
    departs = at_sender not in (None, "*")
    arrives = at_receiver not in (None, "*")
    if departs and row.from_state != at_sender:
        return False
    return not arrives or row.to_state == at_receiver


@pytest.mark.parametrize("figure", sorted(FIGURES))
def test_every_line_of_the_figure(figure: int) -> None:
    result = run(load(f"rfc9293-figure-{figure}"))
    rows = [row for row in result.segments if (row.sent_ns or 0) >= BEGINS_NS.get(figure, 0)]
    used: list[SegmentRow] = []
    arrivals: list[int] = []
    departures: list[int] = []
    for match in lines_of(figure):
        under_way = match["left"] == "..."
        candidates = [row for row in rows if fits(match, row)]
        fresh = [row for row in candidates if row not in used]
        # a line that begins with "..." shows the arrival of a segment which an earlier line showed
        # leaving (or which comes from nowhere: an old duplicate)
        row = (candidates if under_way else fresh)[0]
        assert states_fit(match, row), f"{match[0]}: {row.from_state} -> {row.to_state}"
        used.append(row)
        if match["right"] == "-->" or match["left"] == "<--":
            arrivals.append(row.received_ns or 0)
        if match["left"] == "-->" or match["right"] == "<--":
            departures.append(row.sent_ns or 0)
    assert arrivals == sorted(arrivals)
    assert departures == sorted(departures)


@pytest.mark.parametrize("figure", sorted(FIGURES))
def test_no_segment_that_the_figure_does_not_show(figure: int) -> None:
    """Up to the figure's last line the simulation sends nothing else (figure 9 goes on as figure 6)."""
    result = run(load(f"rfc9293-figure-{figure}"))
    rows = [row for row in result.segments if (row.sent_ns or 0) >= BEGINS_NS.get(figure, 0)]
    matches = lines_of(figure)
    shown = [row for row in rows if any(fits(match, row) for match in matches)]
    last = max(row.n for row in shown)
    extra = [row for row in rows if row.n <= last and row not in shown]
    assert extra == []
