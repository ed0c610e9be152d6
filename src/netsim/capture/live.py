"""Live capture: scapy opens the interface and compiles the filter, frames go to a file as they come.

Scapy is imported only when a capture is opened. On Linux the frames are read from scapy's
packet socket here, because scapy rounds the kernel's nanoseconds to a float and does not
tell the direction, the true length of a cut frame or how many the kernel dropped.
"""

from __future__ import annotations

import select
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from netsim.base.errors import UsageError
from netsim.base.units import SEC
from netsim.capture.frames import INBOUND, LINK_ETHERNET, LINK_RAW, OUTBOUND, FrameBatch, Interface
from netsim.capture.record import IcmpRecord, TcpRecord
from netsim.capture.source import TcpSource
from netsim.capture.tcpview import TcpDecoder
from netsim.capture.writer import CaptureWriter, PcapngWriter

_SOL_PACKET: Final = 263
_PACKET_STATISTICS: Final = 6
_PACKET_AUXDATA: Final = 8
_SO_TIMESTAMPNS: Final = 35
_SO_RCVBUFFORCE: Final = 33
_OUTGOING: Final = 4
_OTHER_HOST: Final = 3
_VLAN_VALID: Final = 0x10
_VLAN_TPID_VALID: Final = 0x40
_BUFFER: Final = 32 * 1024 * 1024
_LARGEST: Final = 262144
_AT_ONCE: Final = 512
"""Frames taken before anything else gets its turn."""

_ARPHRD_ETHERNET: Final = 1
_ARPHRD_LOOPBACK: Final = 772
_ARPHRD_RAW_IP: Final = (65534, 768, 769, 776, 778, 823, 519)
"""Without a link header: tun, IP-in-IP, IPv6 tunnel, 6in4, GRE over IPv4 and IPv6, raw IP modems."""

LiveFrame = tuple[int, bytes, int, int]
"""(t_ns, captured bytes, length on the wire, direction)."""

NO_PRIVILEGE: Final = (
    "capturing needs privileges: run it as root (sudo netsim capture ...), or give Python the capability "
    "CAP_NET_RAW. Reading and checking capture files needs none"
)


def interface_names() -> list[str]:
    """The interfaces of this machine, as the operating system numbers them."""
    try:
        return [name for _, name in socket.if_nameindex()]
    except OSError:
        return []


class LiveCapture:
    """An interface being listened to. Close it, or use it as a context manager.

    linktype: of the frames         frames: seen so far (before `keep` chose)
    dropped:  frames that the kernel had no room for, as far as it has been asked
    """

    def __init__(self, iface: str, bpf: str = "", *, promiscuous: bool = False) -> None:
        """Open it. UsageError says clearly why not: no privilege, no such interface, a wrong filter."""
        self.iface = iface
        self.frames = 0
        self.dropped = 0
        self._socket = _open(iface, bpf, promiscuous)
        self._raw: socket.socket | None = None
        self.linktype = LINK_ETHERNET
        inner = getattr(self._socket, "ins", None)
        if hasattr(socket, "AF_PACKET") and isinstance(inner, socket.socket):
            self._raw = inner
            self._prepare(inner)
        self._loopback = self._hardware == _ARPHRD_LOOPBACK if self._raw is not None else False

    def _prepare(self, raw: socket.socket) -> None:
        """A large buffer, nanosecond times, and the link type that the interface's hardware means."""
        for level, name, value in (
            (socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER),
            (socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1),
            (_SOL_PACKET, _PACKET_AUXDATA, 1),
        ):
            try:
                raw.setsockopt(level, name, value)
            except OSError:
                continue
        raw.setblocking(False)
        self._hardware = int(raw.getsockname()[3])
        if self._hardware in _ARPHRD_RAW_IP:
            self.linktype = LINK_RAW
        elif self._hardware not in (_ARPHRD_ETHERNET, _ARPHRD_LOOPBACK):
            self.close()
            raise UsageError(f"interface {self.iface} is of a hardware type ({self._hardware}) that is not supported")

    def poll(self, timeout_s: float) -> list[LiveFrame]:
        """The frames that came, at most a few hundred; waits up to `timeout_s` for the first."""
        out: list[LiveFrame] = []
        ready, _, _ = select.select([self._socket], [], [], max(0.0, timeout_s))
        if not ready:
            return out
        while len(out) < _AT_ONCE:
            frame = self._one() if self._raw is not None else self._one_by_scapy()
            if frame is None:
                break
            if frame[1]:
                out.append(frame)
            if self._raw is None:
                break
        self.frames += len(out)
        return out

    def _one(self) -> LiveFrame | None:
        """The next frame of the packet socket; None if there is none; empty bytes for one to pass over."""
        assert self._raw is not None
        if sys.platform == "win32":
            return None  # it has no packet sockets, and `_raw` is never set there
        try:
            data, ancillary, _, address = self._raw.recvmsg(_LARGEST, 256, socket.MSG_TRUNC)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError as error:
            raise UsageError(f"interface {self.iface}: {error.strerror or error}") from None
        kind = address[2]
        if self._loopback and kind == _OUTGOING:
            return 0, b"", 0, 0  # loopback shows every frame twice, going out and coming in
        t_ns, wire, data = _ancillary(ancillary, data)
        direction = 0
        if not self._loopback and kind != _OTHER_HOST:
            direction = OUTBOUND if kind == _OUTGOING else INBOUND
        return t_ns, data, max(wire, len(data)), direction

    def _one_by_scapy(self) -> LiveFrame | None:
        """Where there is no packet socket (BSD, macOS, Windows): whatever scapy's listener gives."""
        kind, data, seconds = self._socket.recv_raw()
        if data is None:
            return None
        if kind is not None and kind.__name__ in ("IP", "IPv6"):
            self.linktype = LINK_RAW
        t_ns = time.time_ns() if seconds is None else int(seconds * SEC)
        return t_ns, bytes(data), len(data), 0

    def count_drops(self) -> int:
        """Ask the kernel how many frames it dropped so far for want of room."""
        if self._raw is not None:
            try:
                answer = self._raw.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
            except OSError:
                return self.dropped
            self.dropped += int(struct.unpack("II", answer)[1])  # the kernel's counters restart at each question
        return self.dropped

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()

    def __enter__(self) -> LiveCapture:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _ancillary(ancillary: list[tuple[int, int, bytes]], data: bytes) -> tuple[int, int, bytes]:
    """(time, length on the wire, data with the VLAN tag back in place) from what came beside a frame."""
    t_ns = -1
    wire = len(data)
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(value) >= 16:
            seconds, rest = struct.unpack_from("qq", value)
            t_ns = seconds * SEC + rest
        elif level == _SOL_PACKET and kind == _PACKET_AUXDATA and len(value) >= 20:
            status, length, _, _, _, tci, tpid = struct.unpack_from("IIIHHHH", value)
            wire = max(wire, length)
            if status & _VLAN_VALID:
                tag = (tpid if status & _VLAN_TPID_VALID else 0x8100).to_bytes(2, "big") + tci.to_bytes(2, "big")
                data = data[:12] + tag + data[12:]
                wire += 4
    return (t_ns if t_ns >= 0 else time.time_ns()), wire, data


def _open(iface: str, bpf: str, promiscuous: bool) -> Any:
    """Scapy's listening socket; UsageError says clearly what is wrong."""
    names = interface_names()
    if names and iface not in names:
        raise UsageError(f"there is no interface '{iface}'; this machine has {', '.join(names)}")
    import logging

    logging.getLogger("scapy.runtime").setLevel(logging.ERROR)
    try:
        listener, scapy_error = _scapy_listener()
    except ImportError:
        raise UsageError("capturing needs scapy: pip install scapy") from None
    try:
        # promisc is given only if wanted: entering that mode is a change to the interface.
        return listener(iface=iface, filter=bpf or None, promisc=promiscuous)
    except PermissionError:
        raise UsageError(NO_PRIVILEGE) from None
    except scapy_error as error:
        raise UsageError(_filter_message(bpf, str(error))) from None
    except OSError as error:
        raise UsageError(f"interface {iface} cannot be opened: {error.strerror or error}") from None


def _scapy_listener() -> tuple[Any, type[Exception]]:
    """Scapy's class for listening on this system, and its exception. On Linux without loading all of scapy."""
    from scapy.error import Scapy_Exception

    if sys.platform == "linux":
        import scapy.layers.inet
        from scapy.arch.linux import L2ListenSocket

        assert scapy.layers.inet  # registers the link types that the socket looks up
        return L2ListenSocket, Scapy_Exception
    import scapy.all

    return scapy.all.conf.L2listen, Scapy_Exception


def _filter_message(bpf: str, error: str) -> str:
    """Why the filter was refused, for people."""
    if "libpcap is not available" in error:
        return (
            "compiling a filter needs libpcap (Debian: apt install libpcap0.8); "
            "without --filter a capture works, and netsim check takes TCP out of it"
        )
    if "root" in error.lower() or "permi" in error.lower():
        return NO_PRIVILEGE
    reason = error[error.rfind("(") + 1 :].rstrip(")") if "(" in error else error
    return f"the filter '{bpf}' is not valid: {reason}; write for example 'tcp port 443 and host 10.0.0.1'"


class LiveSource(TcpSource):
    """A live capture as a source of TCP records for the checker, written to a file at the same time.

    Ends after `count` frames or `duration_ns` (0: no limit), or when `stop` is called.
    """

    def __init__(
        self, live: LiveCapture, writer: CaptureWriter | None = None, *, count: int = 0, duration_ns: int = 0
    ) -> None:
        super().__init__()
        self._live = live
        self._writer = writer
        self._count = count
        self._ends_ns = time.monotonic_ns() + duration_ns if duration_ns else 0
        self._decoder = TcpDecoder()
        self.skipped = self._decoder.skipped
        self._interfaces = [Interface(live.linktype)]
        self.stopped = False
        self.on_step: Callable[[], None] | None = None
        """Called after every look at the interface, for a live count."""

    def stop(self) -> None:
        """End after what was already taken; safe to call from a signal handler."""
        self.stopped = True

    def step(self, timeout_s: float = 0.2) -> list[TcpRecord] | None:
        """Take what is there, write it, decode it. [] for "no TCP just now", None at the end."""
        if self._ends_ns:
            left = self._ends_ns - time.monotonic_ns()
            if left <= 0:
                self.stopped = True
            timeout_s = min(timeout_s, max(0.0, left / SEC))
        if self.stopped:
            return None
        try:
            frames = self._live.poll(timeout_s)
        except InterruptedError:
            return []
        if not frames:
            return []
        if self._count:
            frames = frames[: self._count - self.frames]
        if self._writer is not None:
            for t_ns, data, wire, direction in frames:
                self._writer.write(t_ns, data, wire, direction=direction)
            self._writer.flush()
        records = self._decode(frames)
        if self._count and self.frames >= self._count:
            self.stopped = True
        return records

    def _decode(self, frames: list[LiveFrame]) -> list[TcpRecord]:
        batch = FrameBatch(b"".join([data for _, data, _, _ in frames]), self.frames + 1)
        at = 0
        for index, (t_ns, data, wire, direction) in enumerate(frames):
            batch.spans.append((t_ns, at, at + len(data), wire, 0))
            at += len(data)
            if direction:
                batch.directions[index] = direction
        records = self._decoder.decode(batch, self._interfaces)
        self.frames += len(frames)
        self.tcp_frames = self._decoder.tcp_frames
        self.cut_frames = self._decoder.cut_frames
        self.reassembled = self._decoder.unwrapper.reassembled
        if self.first_ns < 0:
            self.first_ns = frames[0][0]
        self.last_ns = frames[-1][0]
        return records

    def read_batch(self) -> list[TcpRecord]:
        """Wait for TCP; [] when the capture has ended."""
        while True:
            records = self.step()
            if self.on_step is not None:
                self.on_step()
            if records is None:
                return []
            if records:
                return records

    def take_icmp(self) -> list[IcmpRecord]:
        """ICMP errors about TCP since the last call."""
        return self._decoder.take_icmp()

    def finish(self) -> int:
        """The number of frames that the kernel dropped; a pcapng gets it written down. Ends the capture."""
        self.stopped = True
        dropped = self._live.count_drops()
        if isinstance(self._writer, PcapngWriter):
            self._writer.add_statistics(max(self.last_ns, 0), self.frames, dropped)
        return dropped

    def close(self) -> None:
        """Stop listening."""
        self._live.close()
