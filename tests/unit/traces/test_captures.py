"""The captures in traces/ are whole, and the truth beside them agrees with them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from traces.make import catalogue, pcap, wire
from traces.make.other import OTHERS
from traces.make.plan import PLANS
from traces.make.truth import closing, resent

TRACES = Path(__file__).resolve().parents[3] / "traces"
FAMILIES = ("linux", "violations", "other")
TRUTHS = sorted(path for family in FAMILIES for path in (TRACES / family).glob("*.json"))
CAPTURES = sorted(path for family in FAMILIES for path in (TRACES / family).glob("*.pcap"))
PAIRS = [path for path in TRUTHS if path.parent.name != "other"]
OTHER = {"client": "server", "server": "client"}


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def load(path: Path) -> tuple[dict[str, Any], dict[str, list[pcap.Frame]]]:
    truth = json.loads(path.read_text(encoding="utf-8"))
    return truth, {side: pcap.read(path.parent / file)[1] for side, file in truth["files"].items()}


def parsed(frames: list[pcap.Frame]) -> list[wire.Packet]:
    return [wire.parse(raw) for _, raw in frames]


def tcp_checksum_holds(packet: wire.Packet) -> bool:
    header = len(packet.raw) - len(packet.payload) - len(packet.options) - 20
    body = packet.raw[header:]
    return wire.checksum(wire._pseudo_header(packet.src, packet.dst, wire.TCP, len(body)) + body) == 0


def test_there_are_enough_and_they_are_small() -> None:
    families = [path.parent.name for path in TRUTHS]
    assert families.count("linux") >= 100
    assert families.count("violations") >= 40
    files = [path for path in TRACES.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert sum(path.stat().st_size for path in files) < 8_000_000


def test_every_plan_has_its_capture_and_the_other_way_round() -> None:
    catalogue.load()
    wanted = {f"{plan.family}/{plan.name}" for plan in PLANS.values()} | {f"other/{name}" for name in OTHERS}
    assert {name_of(path) for path in TRUTHS} == wanted
    listed = {path.parent / file for path in TRUTHS for file in json.loads(path.read_text())["files"].values()}
    assert set(CAPTURES) == listed


def test_the_readme_has_a_line_for_each() -> None:
    lines = (TRACES / "README.md").read_text().splitlines()
    for path in TRUTHS:
        truth = json.loads(path.read_text(encoding="utf-8"))
        line = next((line for line in lines if line.startswith(f"| `{truth['name']}` |")), "")
        assert truth["shows"] in line, truth["name"]


@pytest.mark.parametrize("path", TRUTHS, ids=name_of)
def test_frames_are_whole_and_in_order(path: Path) -> None:
    truth, files = load(path)
    assert {side: len(frames) for side, frames in files.items()} == truth["frames"]
    for frames in files.values():
        times = [at for at, _ in frames]
        assert times == sorted(times)


@pytest.mark.parametrize("path", PAIRS, ids=name_of)
def test_the_kernels_count_what_the_captures_show(path: Path) -> None:
    truth, files = load(path)
    for side, counters in truth["counters"].items():
        address = truth["hosts"][side]["address"]
        packets = [packet for packet in parsed(files[side]) if packet.is_tcp]
        again = resent(files[side], side)
        assert again == truth["resent"][side]
        assert counters["TcpRetransSegs"] == len(again)
        assert counters["TcpInSegs"] == sum(packet.dst == address for packet in packets)
        sent = sum(packet.src == address for packet in packets)
        # The kernel counts a repeated SYN-ACK both as sent and as resent, and not at all when SYNs have crossed.
        syn_acks = sum(packet.src == address and packet.flags & 0x12 == 0x12 for packet in packets)
        connections = len({packet.flow for packet in packets if packet.src == address})
        if syn_acks <= connections and truth["name"] != "simultaneous-open":
            assert counters["TcpOutSegs"] + counters["TcpRetransSegs"] == sent
    assert closing(files) == truth["closing"]


@pytest.mark.parametrize("path", PAIRS, ids=name_of)
def test_every_frame_is_accounted_for(path: Path) -> None:
    truth, files = load(path)
    packets = {side: parsed(frames) for side, frames in files.items()}
    changed = {
        (event["sender"], event["frames"][event["sender"]])
        for event in truth["events"]
        if event["what"] in ("corrupt", "clamp-mss")
    }
    for side, other in OTHER.items():
        address = truth["hosts"][side]["address"]
        pairs = truth["passage"][f"from_{side}"]
        sent = [n for n, packet in enumerate(packets[side], 1) if packet.src == address]
        assert sorted({frame for frame, _ in pairs}) == sent
        arrived = [there for _, there in pairs if there is not None]
        assert len(arrived) == len(set(arrived))
        from_side = [n for n, packet in enumerate(packets[other], 1) if packet.src == address]
        assert sorted(arrived) == from_side
        for here, there in pairs:
            if there is None:
                continue
            one, two = packets[side][here - 1], packets[other][there - 1]
            assert files[side][here - 1][0] < files[other][there - 1][0]
            same = (one.seq, one.ack, one.flags, one.payload) == (two.seq, two.ack, two.flags, two.payload)
            assert same or (side, here) in changed


@pytest.mark.parametrize("path", PAIRS, ids=name_of)
def test_the_link_did_what_the_truth_says(path: Path) -> None:
    truth, files = load(path)
    packets = {side: parsed(frames) for side, frames in files.items()}
    for event in truth["events"]:
        side = event["sender"]
        here, there = event["frames"][side], event["frames"][OTHER[side]]
        passed = [pair[1] for pair in truth["passage"][f"from_{side}"] if pair[0] == here]
        if event["what"] in ("drop", "unreachable"):
            assert there is None
            assert passed == [None]
        elif event["what"] == "duplicate":
            assert sorted(there) == sorted(passed)
            assert len(there) > 1
        else:
            assert there in passed
        if event["what"] == "mark-ce":
            assert wire.ecn_bits(packets[OTHER[side]][there - 1].raw) == 3
    lost = sum(there is None for side in OTHER for _, there in truth["passage"][f"from_{side}"])
    assert lost == sum(event["what"] in ("drop", "unreachable") for event in truth["events"])


@pytest.mark.parametrize("path", PAIRS, ids=name_of)
def test_checksums_hold_but_where_they_must_not(path: Path) -> None:
    truth, files = load(path)
    wrong = {
        (OTHER[event["sender"]], event["frames"][OTHER[event["sender"]]])
        for event in truth["events"]
        if event["what"] == "corrupt"
    }
    wrong |= {(s, v["frames"][s]) for v in truth["violations"] if v["kind"] == "bad-checksum" for s in OTHER}
    for side, frames in files.items():
        for number, packet in enumerate(parsed(frames), 1):
            if packet.is_tcp:
                assert tcp_checksum_holds(packet) == ((side, number) not in wrong), (side, number)


SEEN_NOWHERE = {"optimistic-ack"}
"""What no capture can show: it acknowledges what was lost behind the tap, and could as well have come."""


@pytest.mark.parametrize("path", PAIRS, ids=name_of)
def test_violations_are_the_scripted_peers(path: Path) -> None:
    truth, files = load(path)
    scripts = [side for side, host in truth["hosts"].items() if host["kind"] == "script"]
    if path.parent.name == "linux":
        assert scripts == []
        assert truth["violations"] == []
        return
    (script,) = scripts
    assert truth["violations"]
    for violation in truth["violations"]:
        assert violation["side"] == script
        assert violation["frame"] == violation["frames"][script]
        assert violation["kind"]
        assert violation["what"]
        assert violation["cite"].startswith("RFC ")
        assert (script in violation["seen_from"]) == (path.stem not in SEEN_NOWHERE)
        for side, frame in violation["frames"].items():
            if frame is not None:
                packet = wire.parse(files[side][frame - 1][1])
                assert packet.src == truth["hosts"][script]["address"]


@pytest.mark.tshark
def test_tshark_reads_every_frame(tmp_path: Path) -> None:
    merged = tmp_path / "all.pcapng"
    subprocess.run(["mergecap", "-a", "-w", str(merged), *map(str, CAPTURES)], check=True)
    argv = ["tshark", "-r", str(merged), "-T", "fields", "-e", "frame.number", "-e", "_ws.malformed"]
    lines = subprocess.run(argv, check=True, capture_output=True, text=True).stdout.splitlines()
    assert len(lines) == sum(sum(json.loads(path.read_text())["frames"].values()) for path in TRUTHS)
    malformed = [line for line in lines if line.split("\t")[1:] not in ([], [""])]
    impossible = sum(
        violation["kind"] == "option-length-wrong"
        for path in TRUTHS
        for violation in json.loads(path.read_text())["violations"]
    )
    assert len(malformed) <= 2 * impossible


@pytest.mark.parametrize(
    "name", ["linux/fast-open", "linux/zero-window-ipv6", "violations/sack-below-ack", "other/veth-offload"]
)
def test_scapy_reads_the_same(name: str) -> None:
    from scapy.layers.inet import IP, TCP
    from scapy.layers.inet6 import IPv6
    from scapy.utils import rdpcap

    truth, files = load(TRACES / f"{name}.json")
    for side, frames in files.items():
        theirs = rdpcap(str(TRACES / truth["family"] / truth["files"][side]))
        assert len(theirs) == len(frames)
        for packet, (at_ns, raw) in zip(theirs, frames, strict=True):
            assert round(packet.time * 10**9) == at_ns
            ours = wire.parse(raw[14:] if truth["family"] == "other" else raw)
            layer = packet[TCP]
            address = packet[IP].src if IP in packet else packet[IPv6].src
            assert (layer.seq, layer.ack, int(layer.flags), layer.window) == (
                ours.seq,
                ours.ack,
                ours.flags,
                ours.window,
            )
            assert address == ours.src
