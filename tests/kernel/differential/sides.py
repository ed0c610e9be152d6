"""One script, put to netsim and to the kernel: what left, what the calls returned, TCP_INFO at the end."""

from __future__ import annotations

import ctypes
import json
import re
import select
import socket
import struct
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from netsim.base.packet import ACK, Segment
from netsim.packetdrill import tree
from netsim.packetdrill.calls import Pending
from netsim.packetdrill.config import RunOptions, symbols_for
from netsim.packetdrill.outcome import PASSED, Mismatch
from netsim.packetdrill.parser import parse
from netsim.packetdrill.run import ScriptRun
from netsim.packetdrill.sockcalls import NEW_DESCRIPTORS
from netsim.packetdrill.tcpinfo import tcp_info
from netsim.wire.codec import decode_packet

from .scripts import INFO_FIELDS, MODES, SYSCTLS

_UNLIKELY: Final = -777
_CLONE_NEWNET: Final = 0x40000000
_SO_TIMESTAMPNS: Final = 35
_OUTGOING: Final = 4


@dataclass
class Answer:
    """What one side did.

    packets: (time in s, is from the host under test, segment); times count from the first packet
    calls: what the calls returned, in order, as "0" or "-1 EPIPE" (netsim's only)
    info: TCP_INFO's fields at the end; empty where the script asks for none
    """

    packets: list[tuple[float, bool, Segment]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    info: dict[str, int] = field(default_factory=dict)
    trouble: str = ""
    times: list[float] = field(default_factory=list)


class _Asking(ScriptRun):
    """A run that expects nothing of the calls, and writes down what they return."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.answers: list[str] = []
        self.info: dict[str, int] = {}
        self.times: list[int] = []

    def _run_event(self, event: tree.Event) -> None:
        super()._run_event(event)
        self.times.append(self.machine.now_ns)

    def _try(self, pending: Pending) -> bool:
        if pending.call.name in NEW_DESCRIPTORS:
            return super()._try(pending)
        expected = pending.call.result
        pending.call.result = tree.Number(_UNLIKELY)
        try:
            return pending.attempt(self.machine.now_ns)
        except Mismatch as failure:
            words = failure.actual.split()
            self.answers.append(" ".join(words[:2]) if words[0] == "-1" else words[0])
            return True
        finally:
            pending.call.result = expected  # the parser keeps what it has read: others meet the same call again

    def _code(self, block: tree.CodeBlock) -> None:
        found = tcp_info(self.caller.socket_of_flow(self.flow), self.machine)
        self.info = {name: found.get(f"tcpi_{name}", -1) for name in INFO_FIELDS}


def ask_netsim(name: str, text: str) -> Answer:
    """Run the script against the Linux profile."""
    sysctls = [*SYSCTLS.items(), *MODES[name].sysctls.items()]
    options = RunOptions(profile="linux", sysctls=sysctls, record=True, tolerance_us=30_000)
    script = parse(text, name, symbols_for("linux", {}, MODES[name].ip))
    run = _Asking(script, options, "linux", record=True)
    outcome = run.run()
    answer = Answer(calls=run.answers, info=run.info)
    if outcome.result != PASSED:
        answer.trouble = f"line {outcome.line} ({outcome.source}): {outcome.message}"
    log = [(t / 1e9, p) for t, p in run.machine.log if isinstance(p, Segment)]
    start = log[0][0] if log else 0.0
    answer.packets = [(t - start, p.src == run.config.local_addr, p) for t, p in log]
    answer.times = [t / 1e9 - start for t in run.times]
    return answer


def with_results(text: str, answers: list[str]) -> str:
    """The script with what netsim's calls returned: the tool stops where the kernel's return something else."""
    rest = iter(answers)
    lines = text.splitlines()
    for i, line in enumerate(lines):
        call = re.match(r"\S+ (\w+)\(.*\) = ", line)
        if call is None or " < " in line or call.group(1) in NEW_DESCRIPTORS:
            continue
        result = next(rest, None)
        if result is None:
            break
        lines[i] = call.group(0) + result + (" (error)" if result.startswith("-1") else "")
    return "\n".join(lines) + "\n"


# --- the kernel ---


def _write_sysctl(name: str, value: str) -> None:
    Path("/proc/sys/" + name.replace(".", "/")).write_text(value + "\n", encoding="utf-8")


def _listen() -> socket.socket:
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0003))
    tap.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
    tap.setblocking(False)
    return tap


def _take(tap: socket.socket, packets: list[tuple[float, bool, Segment]]) -> None:
    while True:
        try:
            data, ancillary, _, address = tap.recvmsg(70000, 256)
        except BlockingIOError:
            return
        stamp = struct.unpack("ll", ancillary[0][2][:16])
        found = decode_packet(data)
        if isinstance(found, Segment):
            packets.append((stamp[0] + stamp[1] / 1e9, address[2] == _OUTGOING, found))


def ask_kernel(name: str, path: Path, tool: str) -> Answer:
    """Run the script with the real tool in a namespace of its own. The calling process moves there for good: fork."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for variable, value in {**SYSCTLS, **MODES[name].sysctls}.items():
        _write_sysctl(variable, value)
    tap = _listen()
    packets: list[tuple[float, bool, Segment]] = []
    with subprocess.Popen(
        [tool, "--tolerance_usecs=200000", str(path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        until = time.monotonic() + 90
        while process.poll() is None and time.monotonic() < until:
            select.select([tap], [], [], 0.05)
            _take(tap, packets)
        process.kill()
        out, err = process.communicate()
    _take(tap, packets)
    answer = Answer()
    start = packets[0][0] if packets else 0.0
    answer.packets = [(t - start, mine, p) for t, mine, p in packets]
    found = re.search(r"^INFO (.*)$", out, re.MULTILINE)
    if found:
        answer.info = dict(zip(INFO_FIELDS, map(int, found.group(1).split()), strict=True))
    if process.returncode:
        answer.trouble = err[-300:]
    return answer


# --- keeping a kernel's answer ---


def to_json(answer: Answer) -> str:
    """For a file: the kernel need not be asked again."""
    rows = [
        [round(t, 6), mine, p.seq, p.ack, p.flags, p.wnd, len(p.payload), p.urg, p.tos, _options(p)]
        for t, mine, p in answer.packets
    ]
    return json.dumps({"packets": rows, "calls": answer.calls, "info": answer.info, "trouble": answer.trouble})


@dataclass
class Row:
    """A segment as it is compared: numbers relative to the initial ones."""

    t: float
    flags: int
    seq: int
    ack: int
    size: int
    wnd: int
    urg: int
    ecn: int
    options: str


def _options(p: Segment) -> str:
    parts = []
    if p.opt_mss >= 0:
        parts.append(f"mss{p.opt_mss}")
    if p.opt_wscale >= 0:
        parts.append(f"ws{p.opt_wscale}")
    if p.sack_ok:
        parts.append("sackOK")
    if p.has_ts:
        parts.append(f"TS:{p.ts_ecr}")
    if p.sack:
        parts.append("sack" + ",".join(f"{a}-{b}" for a, b in p.sack))
    return " ".join(parts)


def rows_of(raw: list[list[Any]], end: float) -> list[Row]:
    """What the host under test sent, with relative numbers, up to `end`."""
    local = remote = None
    newest = first = 0
    rows: list[Row] = []
    for t, mine, seq, ack, flags, wnd, size, urg, tos, options in raw:
        if mine and flags & 2:
            local = seq
            first = first or seq
        if not mine and flags & 2 and (remote is None or not flags & ACK):
            newest = seq
            if remote is None:
                remote = seq
        if mine and flags & 2 and flags & ACK and ack == (newest + 1) % 2**32:
            remote = newest  # another connection answers
        if not mine or t > end:
            continue
        mine0, peer0 = local or 0, remote or 0
        shown = _relative_blocks(options, peer0)
        if flags & 4 and seq == 0:
            mine0 = 0  # a RST to a segment without an ACK
        elif flags & 4 and abs(_rel(seq, first)) < abs(_rel(seq, mine0)):
            mine0 = first
        rows.append(
            Row(t, flags, _rel(seq, mine0), _rel(ack, peer0) if flags & ACK else 0, size, wnd, urg, tos & 3, shown)
        )
    return rows


def _relative_blocks(options: str, start: int) -> str:
    return re.sub(r"(\d+)-(\d+)", lambda m: f"{_rel(int(m[1]), start)}-{_rel(int(m[2]), start)}", options)


def _rel(number: int, start: int) -> int:
    return (number - start + 2**31) % 2**32 - 2**31
