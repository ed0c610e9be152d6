"""The truth beside a capture: what the link did, the kernels counted, the applications called."""

from __future__ import annotations

import json
import platform
import re
from typing import Any

from . import wire
from .lab import ADDRESS, Lab
from .link import OTHER, Path
from .pcap import Frame
from .plan import Plan

ALWAYS = (
    "TcpActiveOpens TcpPassiveOpens TcpAttemptFails TcpEstabResets TcpInSegs TcpOutSegs TcpRetransSegs TcpInErrs "
    "TcpOutRsts TcpInCsumErrors TcpExtTCPTimeouts TcpExtTCPFastRetrans TcpExtTCPSlowStartRetrans "
    "TcpExtTCPLossProbes TcpExtTCPLossProbeRecovery TcpExtTCPDSACKRecv TcpExtTCPSpuriousRTOs "
    "TcpExtTCPSackRecovery TcpExtTCPRenoRecovery TcpExtTCPLostRetransmit TcpExtTCPSynRetrans TcpExtTCPKeepAlive "
    "TcpExtTCPWinProbe TcpExtTCPAbortOnData TcpExtTCPAbortOnClose TcpExtTCPAbortOnTimeout TcpExtTCPChallengeACK "
    "TcpExtTCPOFOQueue TcpExtTCPDSACKOldSent TcpExtTCPDSACKOfoSent TcpExtDelayedACKs"
).split()
"""Counters written even when zero; of the rest, those that moved."""


def nstat_names(counters: dict[str, int]) -> dict[str, int]:
    """Counters under the names that ``nstat`` prints, the important ones always, others only when not zero."""
    moved = {key.replace(".", ""): value for key, value in counters.items()}
    kept = {name: moved.pop(name, 0) for name in ALWAYS}
    kept.update(sorted((k, v) for k, v in moved.items() if k.startswith("Tcp") and v and "CurrEstab" not in k))
    return kept


class _Stream:
    """One direction of one connection, as its sender's capture shows it."""

    def __init__(self, isn: int) -> None:
        self.isn = isn
        self.next = 0
        self.acked = False


def resent(frames: list[Frame], side: str) -> list[dict[str, Any]]:
    """The segments that ``side`` sent again, counted by hand from the capture on its own side.

    A segment is resent when it occupies sequence numbers and all of them have been sent before; a segment that goes
    beyond carries something new. Keep-alives and window probes occupy none or lie below everything unacknowledged:
    Linux sends them empty, so they do not count here, just as the kernel does not count them. Nor does the SYN-ACK
    with which a simultaneous open answers the other SYN.
    """
    streams: dict[tuple[str, int, str, int], _Stream] = {}
    found: list[dict[str, Any]] = []
    ours = {ADDRESS[side][4], ADDRESS[side][6]}
    for number, (_, raw) in enumerate(frames, 1):
        packet = wire.parse(raw)
        if not packet.is_tcp or packet.src not in ours or packet.seq_len == 0 or packet.flags & wire.RST:
            continue
        stream = streams.get(packet.flow)
        if stream is None or (packet.flags & wire.SYN and packet.seq != stream.isn):
            stream = streams[packet.flow] = _Stream(packet.seq)
        rel = (packet.seq - stream.isn + 2**31) % 2**32 - 2**31
        end = rel + packet.seq_len
        answers_syn = packet.flags & (wire.SYN | wire.ACK) == wire.SYN | wire.ACK and not stream.acked
        stream.acked = stream.acked or bool(packet.flags & wire.ACK)
        if end <= stream.next and not answers_syn:
            kind = "syn" if packet.flags & wire.SYN else "data" if packet.payload else "fin"
            found.append({"frame": number, "kind": kind, "rel_seq": rel, "bytes": len(packet.payload)})
        stream.next = max(stream.next, end)
    return found


def closing(frames: dict[str, list[Frame]]) -> list[dict[str, Any]]:
    """The order of each connection's FINs and RSTs, each as it left its host."""
    generation: dict[tuple[int, int], int] = {}
    isn: dict[tuple[int, int], int] = {}
    marks: dict[tuple[int, int, int], list[str]] = {}
    merged = []
    for side, kept in frames.items():
        ours = {ADDRESS[side][4], ADDRESS[side][6]}
        merged += [(at, side, wire.parse(raw)) for at, raw in kept if wire.parse(raw).src in ours]
    for _, side, packet in sorted(merged, key=lambda item: item[0]):
        if not packet.is_tcp:
            continue
        key = (packet.sport, packet.dport) if side == "client" else (packet.dport, packet.sport)
        if side == "client" and packet.flags & 0x12 == wire.SYN and isn.get(key) != packet.seq:
            isn[key] = packet.seq
            generation[key] = generation.get(key, 0) + 1
        order = marks.setdefault((*key, generation.get(key, 1)), [])
        for bit, word in ((wire.FIN, "FIN"), (wire.RST, "RST")):
            if packet.flags & bit and f"{side} {word}" not in order:
                order.append(f"{side} {word}")
    return [{"client_port": k[0], "server_port": k[1], "order": order} for k, order in sorted(marks.items())]


def _path(path: Path) -> dict[str, Any]:
    kept: dict[str, Any] = {"delay_ms": path.delay_ms}
    if path.rate_mbit is not None:
        kept |= {"rate_mbit": path.rate_mbit, "queue_packets": path.queue_packets}
    if path.mtu != 65535:
        kept |= {"mtu": path.mtu, "too_big": "dropped in silence" if path.silent_mtu else "answered with ICMP"}
    for name in ("loss", "duplication", "jitter_ms"):
        if getattr(path, name):
            kept[name] = getattr(path, name)
    if path.jitter_ms:
        kept["jitter_reorders"] = path.jitter_reorders
    return kept


def _host(lab: Lab, side: str) -> dict[str, Any]:
    if side == lab.script:
        return {"kind": "script", "address": ADDRESS[side][lab.family]}
    return {
        "kind": "linux",
        "address": ADDRESS[side][lab.family],
        "mtu": lab.mtu[side],
        "congestion_control": lab.congestion[side],
        "sysctl": {key: str(value) for key, value in sorted(lab.sysctl[side].items())},
    }


def _placed(lab: Lab, violations: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Violations with frame numbers in place of the running number of the scripted peer's segments."""
    if lab.script is None:
        return []
    side, address = lab.script, ADDRESS[lab.script][lab.family]
    sent = [n for n, (_, raw) in enumerate(lab.link.frames[side], 1) if wire.parse(raw).src == address]
    there = dict(reversed([(pair[0], pair[1]) for pair in lab.link.passage[side]]))
    placed = []
    for violation in violations:
        frame = sent[violation["frame"] - 1]
        frames = {side: frame, OTHER[side]: there.get(frame)}
        placed.append({**violation, "frame": frame, "frames": frames})
    return placed


def truth(
    plan: Plan,
    lab: Lab,
    counters: dict[str, dict[str, int]],
    logs: dict[str, list[dict[str, Any]]],
    violations: list[dict[str, Any]],
) -> dict[str, Any]:
    """Everything known about a run."""
    frames = lab.link.frames
    start_ns = min(kept[0][0] for kept in frames.values() if kept)
    calls = []
    for side, log in logs.items():
        for entry in log:
            entry = dict(entry)
            at, done = entry.pop("at_ns"), entry.pop("done_ns")
            calls.append({"side": side, "at_us": (at - start_ns) // 1000, "done_us": (done - start_ns) // 1000} | entry)
    calls.sort(key=lambda call: (call["at_us"], call["side"]))
    kernels = [side for side in ("client", "server") if side != lab.script]
    return {
        "name": plan.name,
        "shows": plan.shows,
        "family": plan.family,
        "made": f"python -m traces.make {plan.name}",
        "kernel": f"{platform.system()} {platform.release().split('-')[0]}",
        "files": {side: f"{plan.name}.{side}.pcap" for side in ("client", "server")},
        "frames": {side: len(frames[side]) for side in ("client", "server")},
        "hosts": {side: _host(lab, side) for side in ("client", "server")},
        "link": {
            "from_client": _path(lab.paths["client"]),
            "from_server": _path(lab.paths["server"]),
            "orders": [rule.text for rule in lab.rules],
            "seed": lab.seed,
        },
        "notes": plan.notes,
        "events": lab.link.events,
        "resent": {side: resent(frames[side], side) for side in kernels},
        "counters": {side: nstat_names(counters[side]) for side in kernels},
        "closing": closing(frames),
        "calls": calls,
        "violations": _placed(lab, violations),
        "passage": {f"from_{side}": sorted(lab.link.passage[side], key=_by_frame) for side in OTHER},
    }


def _by_frame(pair: list[int | None]) -> tuple[int, int]:
    return (pair[0] or 0, pair[1] or 0)


def dumps(content: dict[str, Any]) -> str:
    """JSON for people: one line per innermost list or object."""
    text = json.dumps(content, indent=1)
    squeeze = re.compile(r"[\[{][^\[\]{}]*[\]}]")

    def flat(match: re.Match[str]) -> str:
        joined = re.sub(r"\s*\n\s*", " ", match.group())
        return joined.replace("[ ", "[").replace(" ]", "]").replace("{ ", "{").replace(" }", "}")

    text = squeeze.sub(lambda m: m.group() if "TcpExt" in m.group() else flat(m), text)
    pairs = re.compile(r"(\[(?:\d+|null), (?:\d+|null)\]),\n\s+(?=\[)")
    while pairs.search(text):
        text = pairs.sub(r"\1, ", text)
    return text + "\n"
