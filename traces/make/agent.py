"""One host: a process with a network namespace of its own, a TUN device and the applications' sockets.

Started by :mod:`traces.make.lab` with one Unix socket as its standard input. It makes the namespace, sends the
TUN descriptor back over that socket, then obeys one JSON command a line, each in its own thread, and answers with
one JSON line. When the process ends, however it ends, its namespace and device are gone.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ, TCP_FASTOPEN_CONNECT, TCP_MD5SIG = 19, 20, 21, 30, 14
PATIENCE_S = 60.0

_INFO = struct.Struct("=8B 24I 4Q 6I 4Q 2I 2Q 6I 2H I")
_INFO_NAMES = (
    "state ca_state retransmits probes backoff options wscale flags "
    "rto ato snd_mss rcv_mss unacked sacked lost retrans fackets last_data_sent last_ack_sent last_data_recv "
    "last_ack_recv pmtu rcv_ssthresh rtt rttvar snd_ssthresh snd_cwnd advmss reordering rcv_rtt rcv_space "
    "total_retrans pacing_rate max_pacing_rate bytes_acked bytes_received segs_out segs_in notsent_bytes min_rtt "
    "data_segs_in data_segs_out delivery_rate busy_time rwnd_limited sndbuf_limited delivered delivered_ce "
    "bytes_sent bytes_retrans dsack_dups reord_seen rcv_ooopack snd_wnd rcv_wnd rehash total_rto "
    "total_rto_recoveries total_rto_time"
).split()
_INFO_KEPT = (
    "rto rtt rttvar min_rtt snd_mss rcv_mss advmss pmtu snd_cwnd snd_ssthresh reordering total_retrans bytes_sent "
    "bytes_retrans bytes_acked bytes_received segs_out segs_in data_segs_out data_segs_in dsack_dups reord_seen "
    "rcv_ooopack delivered_ce total_rto total_rto_recoveries total_rto_time"
).split()
_STATES = (
    "? ESTABLISHED SYN-SENT SYN-RECEIVED FIN-WAIT-1 FIN-WAIT-2 TIME-WAIT CLOSED CLOSE-WAIT LAST-ACK LISTEN CLOSING"
).split()


def pattern(tag: str, offset: int, count: int) -> bytes:
    """Bytes ``offset .. offset + count`` of the numbered stream: sixteen-byte lines that say where they belong."""
    first = offset // 16
    lines = "".join(f"{tag:<6}{line * 16:9d}\n" for line in range(first, (offset + count) // 16 + 1))
    return lines.encode()[offset - first * 16 :][:count]


def tcp_info(sock: socket.socket) -> dict[str, Any]:
    """The kernel's TCP_INFO, the parts worth keeping."""
    raw = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
    values = dict(zip(_INFO_NAMES, _INFO.unpack(raw.ljust(_INFO.size, b"\0")), strict=True))
    kept: dict[str, Any] = {"state": _STATES[values["state"]]}
    kept.update((name, values[name]) for name in _INFO_KEPT)
    kept["rtt_us"], kept["rttvar_us"], kept["rto_us"] = kept.pop("rtt"), kept.pop("rttvar"), kept.pop("rto")
    kept["min_rtt_us"] = kept.pop("min_rtt")
    return kept


def counters() -> dict[str, int]:
    """Every counter of /proc/net/snmp and /proc/net/netstat of this namespace, as ``Tcp.RetransSegs`` and so on."""
    found: dict[str, int] = {}
    for name in ("snmp", "netstat"):
        lines = Path("/proc/net", name).read_text(encoding="ascii").splitlines()
        for keys, values in zip(lines[::2], lines[1::2], strict=True):
            group = keys.split(":")[0]
            for key, value in zip(keys.split()[1:], values.split()[1:], strict=True):
                found[f"{group}.{key}"] = int(value)
    return found


class Host:
    """The sockets of one namespace, by number."""

    def __init__(self, tag: str, clock_offset_ns: int) -> None:
        self.tag = tag
        self.clock_offset_ns = clock_offset_ns
        self.sockets: dict[int, socket.socket] = {}
        self.sent: dict[int, int] = {}
        self.received: dict[int, int] = {}
        self.log: list[dict[str, Any]] = []
        self.lock = threading.Lock()
        self.next_id = 1

    def now_ns(self) -> int:
        """Wall time on the link's clock."""
        return time.monotonic_ns() + self.clock_offset_ns

    def add(self, sock: socket.socket) -> int:
        """Keep a socket, give its number."""
        with self.lock:
            sid = self.next_id
            self.next_id += 1
            self.sockets[sid] = sock
            self.sent[sid] = self.received[sid] = 0
        sock.settimeout(PATIENCE_S)
        return sid

    def note(self, sid: int, call: str, began_ns: int, **what: Any) -> None:
        """Write down one application call."""
        entry = {"socket": sid, "call": call, "at_ns": began_ns, "done_ns": self.now_ns(), **what}
        with self.lock:
            self.log.append(entry)

    def _new(self, command: dict[str, Any]) -> socket.socket:
        family = socket.AF_INET6 if command.get("family") == 6 else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if command.get("congestion"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, command["congestion"].encode())
        for level, option, value in command.get("options", []):
            sock.setsockopt(level, option, value if isinstance(value, int) else value.encode())
        if command.get("md5"):
            sock.setsockopt(socket.IPPROTO_TCP, TCP_MD5SIG, _md5_key(command["md5"], b"secret"))
        if command.get("isn") is not None:
            sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
            sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, 2)
            sock.setsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ, struct.pack("=I", command["isn"]))
            sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 0)
        if command.get("local_port"):
            sock.bind((command["local"], command["local_port"]))
        return sock

    def do_listen(self, command: dict[str, Any]) -> dict[str, Any]:
        """Passive OPEN."""
        command["local_port"] = command["port"]
        sock = self._new(command)
        sock.listen(command.get("backlog", 16))
        return {"sid": self.add(sock)}

    def do_connect(self, command: dict[str, Any]) -> dict[str, Any]:
        """Active OPEN; an error is a result, not a failure."""
        began = self.now_ns()
        sock = self._new(command)
        sid = self.add(sock)
        outcome = "connected"
        try:
            if command.get("start_only"):
                sock.setblocking(False)
                code = sock.connect_ex((command["address"], command["port"]))
                outcome = "started" if code == errno.EINPROGRESS else os.strerror(code)
                sock.settimeout(PATIENCE_S)
            elif command.get("fast_open"):
                count = command["fast_open"]
                sock.settimeout(None)
                data = pattern(self.tag, 0, count)
                self.sent[sid] = sock.sendto(data, 0x20000000, (command["address"], command["port"]))
                sock.settimeout(PATIENCE_S)
            else:
                sock.connect((command["address"], command["port"]))
        except OSError as error:
            outcome = errno.errorcode.get(error.errno or 0, str(error))
        self.note(sid, "connect", began, result=outcome)
        return {"sid": sid, "outcome": outcome, "local_port": sock.getsockname()[1]}

    def do_accept(self, command: dict[str, Any]) -> dict[str, Any]:
        """Take one connection from a listener."""
        began = self.now_ns()
        sock, peer = self.sockets[command["sid"]].accept()
        sid = self.add(sock)
        self.note(sid, "accept", began, peer_port=peer[1])
        return {"sid": sid}

    def do_send(self, command: dict[str, Any]) -> dict[str, Any]:
        """SEND ``count`` bytes of the numbered stream, waiting for room."""
        sid, began = command["sid"], self.now_ns()
        sock = self.sockets[sid]
        data = pattern(self.tag, self.sent[sid], command["count"])
        outcome, done = "ok", 0
        try:
            while done < len(data):
                done += sock.send(data[done:], command.get("flags", 0))
        except OSError as error:
            outcome = errno.errorcode.get(error.errno or 0, str(error))
        self.sent[sid] += done
        self.note(sid, "send", began, bytes=done, result=outcome)
        return {"sent": done, "outcome": outcome}

    def do_recv(self, command: dict[str, Any]) -> dict[str, Any]:
        """RECEIVE exactly ``count`` bytes (or to the end, or one call) and compare them with the peer's stream."""
        sid, began = command["sid"], self.now_ns()
        sock, count = self.sockets[sid], command.get("count")
        got, outcome, start = 0, "ok", self.received[sid]
        try:
            while count is None or got < count:
                data = sock.recv(65536 if count is None else min(65536, count - got))
                if not data:
                    outcome = "end"
                    break
                if command.get("check", True) and data != pattern(command["peer_tag"], start + got, len(data)):
                    outcome = "different bytes"
                    break
                got += len(data)
                if command.get("once"):
                    break
        except OSError as error:
            outcome = errno.errorcode.get(error.errno or 0, str(error))
        self.received[sid] = start + got
        self.note(sid, "recv", began, bytes=got, result=outcome)
        return {"received": got, "outcome": outcome}

    def do_shutdown(self, command: dict[str, Any]) -> dict[str, Any]:
        """Close the sending half."""
        began = self.now_ns()
        outcome = "ok"
        try:
            self.sockets[command["sid"]].shutdown(socket.SHUT_WR)
        except OSError as error:
            outcome = errno.errorcode.get(error.errno or 0, str(error))
        self.note(command["sid"], "shutdown", began, result=outcome)
        return {"outcome": outcome}

    def do_close(self, command: dict[str, Any]) -> dict[str, Any]:
        """CLOSE, ABORT (``how`` is abort), or vanish without a segment as a crashed host does (``how`` is vanish)."""
        sid, how, began = command["sid"], command.get("how", "close"), self.now_ns()
        sock = self.sockets.pop(sid)
        info = self._info(sock)
        if how == "abort":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("=ii", 1, 0))
        elif how == "vanish":
            sock.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        sock.close()
        self.note(sid, how, began, **({"tcp_info": info} if info else {}))
        return {"tcp_info": info}

    @staticmethod
    def _info(sock: socket.socket) -> dict[str, Any] | None:
        try:
            return tcp_info(sock)
        except OSError:
            return None

    def do_info(self, command: dict[str, Any]) -> dict[str, Any]:
        """TCP_INFO now."""
        return {"tcp_info": tcp_info(self.sockets[command["sid"]])}

    def do_option(self, command: dict[str, Any]) -> dict[str, Any]:
        """Set a socket option."""
        self.sockets[command["sid"]].setsockopt(command["level"], command["option"], command["value"])
        return {}

    def do_counters(self, command: dict[str, Any]) -> dict[str, Any]:
        """The kernel's counters now."""
        return {"counters": counters()}

    def do_log(self, command: dict[str, Any]) -> dict[str, Any]:
        """What the applications called, in order."""
        return {"log": sorted(self.log, key=lambda entry: (entry["at_ns"], entry["socket"]))}

    def do_run(self, command: dict[str, Any]) -> dict[str, Any]:
        """Run one administrative command inside the namespace."""
        subprocess.run(command["argv"], check=True, capture_output=True)
        return {}

    def do_spawn(self, command: dict[str, Any]) -> dict[str, Any]:
        """Start a program inside the namespace that ends with it (a capture tool)."""
        child = subprocess.Popen(command["argv"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return {"pid": child.pid}

    def obey(self, command: dict[str, Any]) -> dict[str, Any]:
        """Carry out one command; a failure becomes an answer."""
        try:
            answer: dict[str, Any] = getattr(self, "do_" + command["do"])(command)
        except subprocess.CalledProcessError as error:
            answer = {"failed": f"{error.cmd}: {error.stderr.decode().strip()}"}
        except Exception as error:
            answer = {"failed": f"{type(error).__name__}: {error}"}
        answer["id"] = command["id"]
        return answer


def _md5_key(peer: str, key: bytes) -> bytes:
    """The struct tcp_md5sig for an IPv4 peer."""
    address = struct.pack("=HH4s", socket.AF_INET, 0, socket.inet_aton(peer)).ljust(128, b"\0")
    return address + struct.pack("=BBHI", 0, 0, len(key), 0) + key.ljust(80, b"\0")


def _open_tun(name: str) -> int:
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return tun


def configure(setup: dict[str, Any]) -> None:
    """Addresses, routes and sysctls of the namespace."""
    for key, value in setup["sysctl"].items():
        Path("/proc/sys", *key.split(".")).write_text(str(value), encoding="ascii")
    for argv in setup["commands"]:
        subprocess.run(argv, check=True, capture_output=True)


def main() -> None:
    """Make the namespace, hand over the TUN, obey commands until the socket closes."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(1, signal.SIGKILL)
    channel = socket.socket(fileno=os.dup(0))
    setup = json.loads(sys.argv[1])
    if libc.unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "cannot make a network namespace")
    stream = channel.makefile("rw")
    try:
        tun = _open_tun(setup["device"]) if setup.get("device") else None
        configure(setup)
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"{error.cmd}: {error.stderr.decode().strip()}") from error
    if tun is not None:
        socket.send_fds(channel, [b"."], [tun])
        os.close(tun)
    else:
        channel.send(b".")
    host = Host(setup["tag"], setup["clock_offset_ns"])
    write_lock = threading.Lock()

    def serve(command: dict[str, Any]) -> None:
        answer = json.dumps(host.obey(command))
        with write_lock:
            stream.write(answer + "\n")
            stream.flush()

    for line in stream:
        threading.Thread(target=serve, args=(json.loads(line),), daemon=True).start()
    os._exit(0)


if __name__ == "__main__":
    main()
