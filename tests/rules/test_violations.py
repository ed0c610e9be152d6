"""Every violation against the real kernel: what is found from either tap, exactly that, and why not more.

The captures in `traces/violations` hold a scripted peer that breaks one rule on purpose, the other end is a Linux
kernel. A tap at either end sees the same packets, at other times, and not those that were lost before it.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from netsim.check.engine import Report, check_file

FOLDER = Path(__file__).parents[2] / "traces" / "violations"

FORM = "the segment itself proves it, wherever it is seen"
BOTH = "what it contradicts passed the same tap before"
FLOOR = "RTX004 is the kernel's own 200 ms timer, which the silence of the script runs into"
BOUND = "a tap at the server sees ACKs before the client has them: an upper bound, which proves nothing here"

EXPECTED = {
    "ack-bit-missing": ("SEQ001", "SEQ001", FORM),
    "ack-delayed-too-long": ("RTX004", "ACK004 RTX004", f"at the client the delay may be the network's; {FLOOR}"),
    "ack-goes-backwards": ("ACK001", "ACK001", BOTH),
    "ack-of-unsent-data": ("ACK003", "ACK003", "the FIN shows that the bytes never existed"),
    "bad-checksum": ("SEQ007", "", "at the server it may have been damaged on the way: capture quality only"),
    "data-after-fin": ("CLS001", "CLS001", BOTH),
    "data-after-peers-reset": ("RST005", "", "at the server nothing shows that the reset had arrived"),
    "data-after-rst": ("RST003", "RST003", BOTH),
    "data-beyond-window": ("WND001", "WND001", "no window ever offered allowed it, also those the client had not got"),
    "early-fast-retransmit": ("RTX005", "", f"seven duplicate ACKs had left the server; {BOUND}"),
    "ecn-capable-retransmission": ("ECN003", "", "the original was lost before the server: not known as resent"),
    "ecn-capable-syn": (
        "ECN001 ECN002 ECN004", "ECN001 ECN002 ECN004",
        "ECT on the SYN; the server declined ECN, so neither data nor a pure ACK may carry it",
    ),
    "ecn-echo-never-ends": ("ECN009", "ECN009", "ECE for more than a window after CWR"),
    "ecn-mark-not-echoed": ("", "ECN005", "the mark was set on the way: a tap at the client cannot see it"),
    "ecn-not-negotiated": ("ECN004 ECN007", "ECN004 ECN007", "ECT on data, then ECE and CWR: two faults"),
    "ecn-reduction-not-told": ("ECN006", "ECN006", "the data echo the clock of the very ACK that carried ECE"),
    "ecn-syn-ack-unasked": ("ECN007", "ECN007", FORM),
    "fin-moved": ("CLS002", "CLS002", BOTH),
    "four-tuple-reuse-lower-isn": ("HSK007", "HSK007", BOTH),
    "gap-not-reported": ("RTX004", "ACK008", f"at the client the ACKs may have been lost on their way; {FLOOR}"),
    "handshake-ack-wrong": ("ACK003", "ACK003", BOTH),
    "header-length-wrong": ("SEQ008", "SEQ008", "the checksum is right, so nothing damaged it on the way"),
    "initial-window-of-60": ("CWN001", "", BOUND),
    "isn-predictable": ("HSK006", "HSK006", "four steps of the same size"),
    "no-backoff": ("RTX004 TMR001", "", "the resends were lost before the server; RTX004: the script waits 300 ms"),
    "optimistic-ack": (
        "", "",
        "cannot be decided: the client's tap does not know what was lost, the server's not what it has missed",
    ),
    "optimistic-ack-ahead": ("", "ACK003", "at the client the data had left; that they arrive later shows the server"),
    "old-data-unanswered": ("RTX004", "ACK009 RTX004", "at the client the answers may have been lost like the first"),
    "option-length-wrong": ("OPT017", "OPT017", FORM),
    "option-on-wrong-segment": ("OPT001 OPT002 OPT003", "OPT001 OPT002 OPT003", "three options, each on its segment"),
    "option-twice": ("OPT018", "OPT018", FORM),
    "oversize-segment": ("OPT024", "OPT024", BOTH),
    "padding-not-zero": ("OPT019", "OPT019", FORM),
    "resent-data-differ": ("SEQ003", "SEQ003", BOTH),
    "reserved-bits": ("SEQ004", "SEQ004", FORM),
    "probes-without-backoff": ("TMR005", "TMR005", "eight probes, 300 ms apart"),
    "reset-acknowledges-nothing": ("RST001", "RST001", BOTH),
    "reset-out-of-window": ("RST002 RST006", "RST002 RST006", "one far outside, one inside and ahead of the stream"),
    "rst-in-time-wait": ("CLS003", "", "the ACK of the FIN was lost: at the server it may be an abandoned FIN-WAIT-2"),
    "rst-to-data-wrong-form": ("RST002", "RST002", BOTH),
    "sack-below-ack": ("OPT013", "OPT013", FORM),
    "sack-inverted": ("OPT011", "OPT011", FORM),
    "sack-not-permitted": ("OPT010 RTX004", "OPT010", f"the handshake; {FLOOR}, and at the server no original is seen"),
    "sack-of-unsent-data": ("OPT012", "OPT012", BOTH),
    "sack-oldest-first": ("", "OPT028", "at the client nobody knows which segment came last"),
    "sack-permitted-not-offered": ("OPT006", "OPT006", BOTH),
    "sack-reneging": ("OPT015", "OPT015", BOTH),
    "silly-window": ("WND003", "WND003", BOTH),
    "syn-ack-isn-changes": ("HSK002", "HSK002", BOTH),
    "syn-ack-wrong-ack": ("HSK001", "HSK001", BOTH),
    "syn-and-fin": ("SEQ002", "SEQ002", FORM),
    "syn-echoes-timestamp": ("OPT022", "OPT022", FORM),
    "syn-in-connection": ("HSK009", "HSK009", "the old connection goes on afterwards"),
    "syn-isn-changes": ("HSK008", "HSK008", "the client has sent nothing but SYNs"),
    "syn-option-length-wrong": ("OPT016", "OPT016", FORM),
    "timeout-burst": ("CWN003", "", "the flight was lost before the server: it sees nothing sent again"),
    "timeout-too-early": ("RTX001", "RTX001", "at the server by the client's own timestamp clock"),
    "timestamp-clock-too-fast": ("OPT023", "OPT023", BOTH),
    "timestamp-echo-invented": ("OPT021", "OPT021", BOTH),
    "timestamp-goes-backwards": ("OPT020", "OPT020", BOTH),
    "timestamps-missing": ("OPT008", "OPT008", BOTH),
    "timestamps-not-offered": ("OPT007", "OPT007", BOTH),
    "urgent-nonsense": ("SEQ006", "SEQ006", FORM),
    "window-growth-too-fast": ("CWN002", "", BOUND),
    "window-scale-15": ("OPT004", "OPT004", FORM),
    "window-scale-not-offered": ("OPT005", "OPT005", BOTH),
    "window-taken-back": ("WND002", "WND002", BOTH),
    "zero-window-ignored": ("WND004", "WND004", BOTH),
}  # fmt: skip
"""Capture: the codes found at the client's tap, at the server's, and the reason."""

QUALITY = {
    "bad-checksum": ("CAP011", "CAP011"),
    "header-length-wrong": ("CAP012", "CAP012"),
    # An ACK of what the tap has not seen: of the two explanations the capture's own loss is the innocent one.
    "optimistic-ack": ("", "CAP001"),
}
"""Capture: what its quality says besides. Elsewhere: nothing, the captures are whole."""

ELSEWHERE = {
    "gap-not-reported": "found at the frame that ends the silence of 200 ms, declared at the ACK after it",
    "timestamp-clock-too-fast": "a rate needs half a second",
    "window-growth-too-fast": "three segments of slack",
}
"""Found at other frames than the declared first one."""


def _sides() -> list[tuple[str, str]]:
    return [(path.stem, side) for path in sorted(FOLDER.glob("*.json")) for side in ("client", "server")]


def _truth(name: str) -> dict[str, Any]:
    truth: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return truth


@cache
def _report(name: str, side: str) -> Report:
    return check_file(str(FOLDER / _truth(name)["files"][side]))


def test_every_capture_is_declared() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(EXPECTED)


@pytest.mark.parametrize(("name", "side"), _sides())
def test_exactly_the_declared_rules_speak(name: str, side: str) -> None:
    wanted = set(EXPECTED[name][side == "server"].split())
    assert {finding.meta.code for finding in _report(name, side).findings()} == wanted, EXPECTED[name][2]


@pytest.mark.parametrize(("name", "side"), _sides())
def test_only_the_scripted_end_is_accused(name: str, side: str) -> None:
    hosts = _truth(name)["hosts"]
    for finding in _report(name, side).findings():
        if finding.side and not finding.meta.off:
            assert hosts[finding.side]["kind"] == "script", finding.message


@pytest.mark.parametrize(("name", "side"), _sides())
def test_the_finding_points_at_the_declared_frame(name: str, side: str) -> None:
    codes = set(EXPECTED[name][side == "server"].split())
    declared = {
        fault["frames"][side]
        for fault in _truth(name)["violations"]
        if side in fault["seen_from"] and fault["frames"][side] is not None
    }
    found = {frame for finding in _report(name, side).findings() if not finding.meta.off for frame in finding.frames}
    if declared and codes - {"RTX004"} and name not in ELSEWHERE:
        assert declared & found


@pytest.mark.parametrize(("name", "side"), _sides())
def test_the_capture_itself_is_blamed_only_where_declared(name: str, side: str) -> None:
    wanted = QUALITY.get(name, ("", ""))[side == "server"]
    assert [item.code for item in _report(name, side).quality] == wanted.split()


def test_what_can_be_known_from_a_tap_by_its_truth_is_found_or_explained() -> None:
    """A side from which the truth says it can be known has its rule, or a reason of its own why not."""
    for name, (client, server, why) in EXPECTED.items():
        seen = {side for fault in _truth(name)["violations"] for side in fault["seen_from"]}
        for side, codes in (("client", client), ("server", server)):
            if side in seen and not set(codes.split()) - {"RTX004"}:
                assert why not in (FORM, BOTH), (name, side)
