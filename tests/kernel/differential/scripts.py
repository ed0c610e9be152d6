"""Random packetdrill scripts: a handshake, then calls and segments of every kind, good and bad.

A script expects nothing of what leaves: that is what is compared. Its moments are chosen so that they do not
coincide with the kernel's usual timers (40 ms, 200 ms, an RTO of 200 ms and the round trip).
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Final

SYSCTLS: Final = {
    "net.ipv4.tcp_congestion_control": "cubic",
    "net.ipv4.tcp_rmem": "4096 131072 6291456",
    "net.ipv4.tcp_wmem": "4096 16384 4194304",
    "net.ipv4.tcp_retrans_collapse": "0",
}
"""What the kernel's namespace is set to before every script, so that a machine's own settings play no part.

Segments are not joined when they are sent again, because it depends on when the driver gave their buffers back.
"""

PAUSES: Final = (".005", ".011", ".017", ".066", ".31", "1.13")


@dataclass
class Mode:
    """What the scripts of a mode have in common.

    opening: "any", "active", "passive", "half" (no ACK of the SYN,ACK), "crossed" (simultaneous open), "sent"
    options: socket options set on the connection   sysctls: set in the namespace and in the simulated system
    weights: how often each kind of step occurs      sizes: of what is written
    """

    opening: str = "any"
    timestamps: bool = False
    sack: float = 0.7
    windows: tuple[int, ...] = (257, 1000, 5000, 20000, 65535)
    options: tuple[str, ...] = ()
    sysctls: dict[str, str] = field(default_factory=dict)
    weights: dict[str, int] = field(default_factory=dict)
    sizes: tuple[int, ...] = (1, 100, 1000, 1460, 3000, 5000, 14600)
    steps: tuple[int, int] = (2, 9)
    ip: str = "ipv4"
    syn_flags: str = "S"
    bulk: bool = False
    more: bool = False
    small_buffers: bool = False


MODES: Final[dict[str, Mode]] = {
    "plain": Mode(),
    "timestamps": Mode(timestamps=True),
    "half": Mode(opening="half"),
    "sent": Mode(opening="sent"),
    "crossed": Mode(opening="crossed"),
    "receive": Mode(weights={"data": 60, "read": 12, "write": 6, "ack": 8}, sizes=(1, 1000), steps=(4, 14)),
    "receivets": Mode(weights={"data": 60, "read": 12, "write": 6, "ack": 8}, sizes=(1, 1000), steps=(4, 14),
                      timestamps=True),
    "windows": Mode(windows=(0, 1, 257, 700, 1460, 2000), weights={"write": 35, "ack": 50, "data": 5, "read": 2}),
    "nagle": Mode(
        options=("IPPROTO_TCP, TCP_NODELAY, [1]", "IPPROTO_TCP, TCP_NODELAY, [0]", "IPPROTO_TCP, TCP_CORK, [1]",
                 "IPPROTO_TCP, TCP_CORK, [0]", "IPPROTO_TCP, TCP_QUICKACK, [1]", "IPPROTO_TCP, TCP_QUICKACK, [0]"),
        weights={"write": 45, "ack": 30, "option": 20, "data": 10}, sizes=(1, 100, 400, 1460, 2000, 3000), more=True,
    ),
    "keepalive": Mode(
        options=("SOL_SOCKET, SO_KEEPALIVE, [1]", "IPPROTO_TCP, TCP_KEEPIDLE, [1]", "IPPROTO_TCP, TCP_KEEPINTVL, [1]",
                 "IPPROTO_TCP, TCP_KEEPCNT, [2]"),
        weights={"option": 30, "ack": 20, "data": 10, "write": 12},
    ),
    "close": Mode(
        weights={"close": 15, "shutdown": 15, "fin": 15, "write": 15, "ack": 25, "data": 12, "read": 6, "option": 3},
        options=("SOL_SOCKET, SO_LINGER, {onoff=1, linger=0}",),
    ),
    "usertimeout": Mode(
        options=("IPPROTO_TCP, TCP_USER_TIMEOUT, [700]",), weights={"option": 15, "write": 30, "ack": 30},
    ),
    "ecn": Mode(sysctls={"net.ipv4.tcp_ecn": "1"}, syn_flags="SEW", windows=(20000, 65535),
                weights={"write": 35, "ack": 40, "data": 15}),
    "buffers": Mode(
        options=("SOL_SOCKET, SO_RCVBUF, [3000]", "SOL_SOCKET, SO_RCVBUF, [20000]", "SOL_SOCKET, SO_SNDBUF, [5000]",
                 "SOL_SOCKET, SO_SNDBUF, [30000]"),
        small_buffers=True, weights={"write": 25, "data": 35, "read": 12, "ack": 20}, steps=(4, 12),
    ),
    "ipv6": Mode(ip="ipv6"),
    "bulk": Mode(bulk=True, sack=1.0, windows=(65535,)),
    "bulkts": Mode(bulk=True, sack=1.0, windows=(65535,), timestamps=True),
    "bulknosack": Mode(bulk=True, sack=0.0, windows=(65535,)),
}  # fmt: skip

USUAL: Final = {"write": 30, "read": 6, "shutdown": 4, "close": 6, "data": 20, "ack": 18, "fin": 6, "rst": 5, "syn": 5,
                "option": 0}  # fmt: skip


class Writer:
    """Writes one script. Keeps count of what was certainly sent and received, so that most segments make sense."""

    def __init__(self, mode: Mode, seed: int, name: str) -> None:
        self.mode = mode
        self.random = random.Random(f"{name}/{seed}")
        self.lines: list[str] = []
        self.clock = 1000
        self.elapsed_ms = 0
        self.received = 1
        self.sent = 1
        self.file = 3
        self.ended = self.closed = False
        self.sack = False
        self.window = 5000
        self.syn_options = ""
        self.mss = 1460

    def text(self) -> str:
        """The whole script."""
        mode = self.mode
        if mode.ip != "ipv4":
            self.lines.append(f"--ip_version={mode.ip}")
        if mode.timestamps:
            self.lines += ["--tcp_ts_tick_usecs=1000", "--tcp_ts_ecr_scaled"]
        self._open()
        low, high = mode.steps
        if mode.bulk:
            self._bulk()
        else:
            weights = {**USUAL, **mode.weights}
            for _ in range(self.random.randint(low, high)):
                kind = self.random.choices(list(weights), list(weights.values()))[0]
                getattr(self, f"_{kind}")(self._pause())
        pause = self.random.choice(("0.53", "1.55", "3.57"))
        if self.closed or mode.opening == "half":
            self._say(pause, "`true`")
        else:
            self._say(pause, "%{ " + INFO_CODE + " }%")
        return "\n".join(self.lines) + "\n"

    # --- small things ---

    def _say(self, pause: str, text: str) -> None:
        self.lines.append(f"+{pause} {text}")
        self.elapsed_ms += round(float(pause) * 1000)

    def _pause(self) -> str:
        return self.random.choice(PAUSES) if self.random.random() < 0.93 else "2.57"

    def _stamp(self, old: float = 0.05) -> str:
        if not self.mode.timestamps:
            return ""
        self.clock += self.random.choice((0, 1, 50))
        value = self.clock - (900 if self.random.random() < old else 0)
        return f"<nop,nop,TS val {value} ecr {self._echo()}>"

    def _echo(self) -> int:
        """A timestamp of ours that can have been received: 100 is that of the first segment."""
        return 100 + max(0, self.elapsed_ms - self.random.choice((20, 20, 20, 40, 300)))

    def _sacked(self, blocks: list[tuple[int, int]]) -> str:
        text = ",".join(["nop,nop,sack " + " ".join(f"{a}:{b}" for a, b in blocks)])
        if self.mode.timestamps:
            self.clock += 1
            return f"<nop,nop,TS val {self.clock} ecr {self._echo()},{text}>"
        return f"<{text}>"

    def _number(self) -> int:
        """An acknowledgement number: mostly good."""
        draw = self.random
        if draw.random() < 0.55:
            return self.sent
        return draw.choice((self.sent, max(1, self.sent - 1000), 1, self.sent + draw.choice((1, 1000, 200000))))

    def _offer(self) -> int:
        """A window."""
        draw = self.random
        if draw.random() < 0.8:
            return self.window
        return draw.choice((0, 10, self.window, 60000))

    # --- the opening ---

    def _options_of_syn(self) -> str:
        draw, mode = self.random, self.mode
        self.mss = draw.choice((1460, 1460, 1460, 1000, 536))
        parts = [f"mss {self.mss}"]
        size = 4
        self.sack = draw.random() < mode.sack
        if self.sack:
            parts.append("sackOK")
            size += 2
        if mode.timestamps:
            parts.append("TS val 1000 ecr 0")
            size += 10
        scale = draw.choice((None, 0, 3, 7)) if not mode.bulk else 7
        if scale is not None:
            parts += ["nop", f"wscale {scale}"]
            size += 4
        parts += ["nop"] * (-size % 4)
        return "<" + ",".join(parts) + ">"

    def _open(self) -> None:
        draw, mode = self.random, self.mode
        self.syn_options = self._options_of_syn()
        self.window = draw.choice(mode.windows)
        opening = mode.opening
        if opening == "any":
            opening = "active" if draw.random() < 0.35 else "passive"
        self._prepare(opening)
        answer = self.syn_options.replace("ecr 0", "ecr 100")
        first = draw.choice((32792, 5000, 1000, 65535)) if not mode.bulk else 65535
        echo = "E" if mode.syn_flags != "S" else ""
        if opening == "active":
            self._say(".02", f"< S{echo}. 0:0(0) ack 1 win {first} {answer}")
            self._say("0", "> . 1:1(0) ack 1 <...>")
        elif opening == "crossed":
            self._say(".02", f"< S 0:0(0) win {first} {self.syn_options}")
            self._say("0", "> S. 0:0(0) ack 1 <...>")
            self.window = first
            if draw.random() < 0.6:
                self._say(".02", f"< S. 0:0(0) ack 1 win {first} {answer}")
        elif opening in ("passive", "half"):
            self._say(".01", f"< {mode.syn_flags} 0:0(0) win {first} {self.syn_options}")
            self._say("0", f"> S{echo}. 0:0(0) ack 1 {self._answer()}")
            if opening == "passive":
                self._say(".02", f"< . 1:1(0) ack 1 win {self.window} {self._stamp(0)}".rstrip())
                self._say(".01", "accept(3, ..., ...) = 4")
                self._say("0", "fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0")
                self.file = 4

    def _prepare(self, opening: str) -> None:
        """The socket, its options, and what makes it open."""
        draw, mode = self.random, self.mode
        self.lines.append("0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3")
        if mode.small_buffers:
            for option in draw.sample(mode.options, 2):
                self._say("0", f"setsockopt(3, {option}, 4) = 0")
        if opening in ("active", "crossed", "sent"):
            self._say("0", "fcntl(3, F_SETFL, O_RDWR|O_NONBLOCK) = 0")
            self._say("0", "connect(3, ..., ...) = -1 EINPROGRESS (Operation now in progress)")
            options = "<mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 7>" if mode.timestamps else "<...>"
            self._say("0", f"> S{'EW' if mode.syn_flags != 'S' else ''} 0:0(0) {options}")
        else:
            self._say("0", "setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0")
            self._say("0", "bind(3, ..., ...) = 0")
            self._say("0", "listen(3, 1) = 0")

    def _answer(self) -> str:
        """The options of our SYN,ACK; only with timestamps the tool must be told which."""
        if not self.mode.timestamps:
            return "<...>"
        scale = ",nop,wscale 7" if "wscale" in self.syn_options else ""
        return f"<mss 1460,{'sackOK' if self.sack else 'nop,nop'},TS val 100 ecr 1000{scale}>"

    # --- steps ---

    def _may_call(self) -> bool:
        return not self.closed and (self.mode.opening != "half")

    def _write(self, pause: str) -> None:
        if not self._may_call():
            return
        size = self.random.choice(self.mode.sizes)
        more = self.mode.more and self.random.random() < 0.3
        if more:
            self._say(pause, f"send({self.file}, ..., {size}, MSG_MORE) = {size}")
        else:
            self._say(pause, f"write({self.file}, ..., {size}) = {size}")
        if not self.ended:
            self.sent += size

    def _read(self, pause: str) -> None:
        if self._may_call():
            self._say(pause, f"read({self.file}, ..., {self.random.choice((3000, 3000, 1000, 100, 60000))}) = 0")

    def _option(self, pause: str) -> None:
        options = self.mode.options
        if self._may_call() and options and not self.mode.small_buffers:
            option = self.random.choice(options)
            self._say(pause, f"setsockopt({self.file}, {option}, {8 if 'LINGER' in option else 4}) = 0")

    def _shutdown(self, pause: str) -> None:
        if self._may_call():
            how = self.random.choice(("WR", "WR", "RD", "RDWR"))
            self._say(pause, f"shutdown({self.file}, SHUT_{how}) = 0")
            if how != "RD" and not self.ended:
                self.ended = True
                self.sent += 1

    def _close(self, pause: str) -> None:
        if self._may_call():
            self._say(pause, f"close({self.file}) = 0")
            self.closed = True
            if not self.ended:
                self.ended = True
                self.sent += 1

    def _segment(self, pause: str, flags: str, seq: int, size: int, ack: int | None, options: str = "") -> None:
        if seq < 0 < seq + size:
            size = -seq - 1  # the tool does not count across zero
            if not size:
                return
        seq %= 2**32
        field_ack = "" if ack is None else f" ack {ack}"
        mark = ""
        if self.mode.syn_flags != "S" and self.random.random() < 0.2 and size:
            mark = "[ce] "
        if self.mode.syn_flags != "S" and "." in flags and "R" not in flags and self.random.random() < 0.25:
            flags = self.random.choice(("E", "W")) + flags
        end = (seq + size) % 2**32
        win = 0 if "R" in flags else self._offer()
        self._say(pause, f"< {mark}{flags} {seq}:{end}({size}){field_ack} win {win} {options}".rstrip())

    def _data(self, pause: str) -> None:
        draw = self.random
        size = draw.choice((1, 100, 1000, 1460))
        ahead = (size, 2 * size, 1000, 2000, 3000, 5000)
        offset = draw.choice((0, 0, 0, 0, 0, *ahead, -1, -size, -200, -1000, 200000, 2**31 - 5))
        flags = draw.choice(("P.", ".", "P.", "FP.")) if draw.random() < 0.3 else "P."
        self._segment(pause, flags, self.received + offset, size, self._number(), self._stamp())
        if offset == 0:
            self.received += size + ("F" in flags)

    def _ack(self, pause: str) -> None:
        draw = self.random
        seq = self.received + draw.choice([0] * 8 + [-1, 1, 100, -1000, 200000])
        ack = self._number()
        options = self._stamp()
        if self.sack and self.sent > 2000 and draw.random() < 0.2:
            start = draw.randrange(1, self.sent - 1)
            options = self._sacked([(start, min(self.sent, start + draw.choice((1, 1000, 1460))))])
        self._segment(pause, ".", seq, 0, ack, options)

    def _fin(self, pause: str) -> None:
        seq = self.received + self.random.choice((0, 0, 0, 1, -1))
        self._segment(pause, "F.", seq, 0, self._number(), self._stamp())
        if seq == self.received:
            self.received += 1

    def _rst(self, pause: str) -> None:
        seq = self.received + self.random.choice((0, 0, 1, 100, -1, 200000))
        flags = self.random.choice(("R", "R."))
        self._segment(pause, flags, seq, 0, self._number() if "." in flags else None)

    def _syn(self, pause: str) -> None:
        seq = self.received + self.random.choice((0, -1, 1, 1000, 100000))
        if self.mode.opening == "sent":
            seq = 0  # the tool counts from zero where the SYN that opens has no ACK
        flags = self.random.choice(("S", "S.", "S"))
        ack = self._number() if "." in flags else None
        self._segment(pause, flags, seq, 0, ack, self.syn_options.replace("ecr 0", "ecr 100"))

    # --- bulk: what was sent is known, and acknowledged in patterns ---

    def _bulk(self) -> None:
        """A large write, then ACKs with holes: recovery, and its end."""
        draw = self.random
        size = self.mss - (12 if self.mode.timestamps else 0)
        total = draw.choice((12, 15, 20, 30, 40))
        self._say(".01", f"write({self.file}, ..., {total * size}) = {total * size}")
        una, high = 0, 10
        missing = {draw.randrange(10) for _ in range(draw.choice((1, 1, 2, 3)))}
        got: set[int] = set()
        for _ in range(draw.randint(4, 16)):
            pause = draw.choice((".02", ".001", ".001", ".003", ".021", ".13", ".31", ".61"))
            choice = draw.random()
            if choice < 0.7:
                for _ in range(draw.choice((1, 1, 2))):
                    left = [i for i in range(high) if i not in got and i not in missing]
                    if left:
                        got.add(left[0])
            elif missing and choice < 0.92:
                piece = min(missing)
                missing.discard(piece)
                got.add(piece)
            while una in got:
                una += 1
            high = min(total, max(high, una + 10, len(got) + 8))
            self._acknowledge(pause, una, got, size)

    def _acknowledge(self, pause: str, una: int, got: set[int], size: int) -> None:
        runs: list[tuple[int, int]] = []
        for i in sorted(i for i in got if i > una):
            if runs and runs[-1][1] == i:
                runs[-1] = (runs[-1][0], i + 1)
            else:
                runs.append((i, i + 1))
        blocks = [(1 + a * size, 1 + b * size) for a, b in reversed(runs)][:3]
        options = self._sacked(blocks) if blocks and self.sack else self._stamp()
        self._say(pause, f"< . {self.received}:{self.received}(0) ack {1 + una * size} win 65535 {options}".rstrip())


INFO_FIELDS: Final = (
    "state", "ca_state", "snd_cwnd", "snd_ssthresh", "unacked", "sacked", "lost", "retrans", "rto", "rtt", "rttvar",
    "backoff", "probes", "snd_mss", "rcv_mss", "reordering", "notsent_bytes", "snd_wnd", "options", "snd_wscale",
    "rcv_wscale", "delivered",
)  # fmt: skip
"""Fields of TCP_INFO that are compared at the end."""
INFO_CODE: Final = 'print("INFO", ' + ", ".join(f"tcpi_{name}" for name in INFO_FIELDS) + ")"


def generate(name: str, seed: int) -> str:
    """The script number `seed` of a mode."""
    return Writer(MODES[name], seed, name).text()
