"""The system under test inside a run: one host in virtual time, its wire, and the settings that scripts change.

`Machine` moves time forward (timers that are due fire in between), keeps what the host sent
until somebody expects it, and asks a pending blocking call whether it is done whenever
something happened.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from netsim.base.events import ListSink, NullSink, PacketDelivered, PacketDropped, PacketSent, Sink
from netsim.base.packet import Packet, Segment
from netsim.drive.offload import split
from netsim.host.host import Host
from netsim.host.pmtu import PathMtuCache
from netsim.packetdrill.config import Config
from netsim.packetdrill.routes import RouteTable
from netsim.packetdrill.settings import SystemSettings, Unsupported
from netsim.packetdrill.shell import RouteChange
from netsim.sim.reasons import QUEUE_FULL
from netsim.tcp.profile.base import RFC, Profile
from netsim.tcp.profile.freebsd import FREEBSD
from netsim.tcp.profile.linux import LINUX

STANDARD: Final = replace(
    FREEBSD,
    name="rfc",
    time_wait_style="rfc",
    listen_drops_syn_ack=False,
    takes_ack_of_old_segment=False,
    acks_repeat_fin=False,
    accepts_all_room=False,
    time_wait_reuse=False,
)
"""The profile `rfc` for scripts written for FreeBSD: the RFCs' rules, FreeBSD's buffers and option layout.

MAY-2 of RFC 9293 (a new SYN may end TIME-WAIT) is not used; SYN with FIN is a SYN like any other.
"""


def base_profile(config: Config) -> Profile:
    """The profile before any sysctl variable is set."""
    if config.profile == "rfc":
        return RFC if config.is_linux else STANDARD
    # A script's writes are counted as the kernel does; simulations keep plain bytes, which people can follow.
    return replace(LINUX, buffer_counts_memory=True) if config.is_linux else FREEBSD


STACK: Final = "stack"
"""Name of the host under test in events, ladders and captures."""
SCRIPT: Final = "script"
"""Name of the script's end."""
_QDISCS: Final = frozenset({"", "fq", "pfifo", "bfifo", "pfifo_fast", "noqueue", "fq_codel", "codel", "mq"})
"""Queueing disciplines that leave packets alone where there is room; "" is the default one."""
_MAX_PACKETS: Final = 200_000


class RunawayError(Exception):
    """The stack sends without end at one instant: a bug of netsim, reported as such."""


class Machine:
    """The host under test and its time.

    now_ns: script time, 0 at the start
    wire: what the host sent and nobody has looked at yet, as (time, packet)
    settled: called after everything that happened (a blocking call may be done now)
    watcher: called likewise, before it
    """

    def __init__(self, config: Config, *, record: bool, seed: int) -> None:
        self.config = config
        self.now_ns = 0
        self.wire: deque[tuple[int, Packet]] = deque()
        self.log: list[tuple[int, Packet]] = []
        self.record = record
        self.sink: Sink = ListSink() if record else NullSink()
        fixed = {"drop_syn_fin": False} if config.profile == "rfc" else {}
        self.settings = SystemSettings(base_profile(config), config.system, fixed)
        self.host = Host(
            STACK,
            [config.local_addr],
            self.settings.profile(),
            sink=self.sink,
            rng=random.Random(f"{seed}/packetdrill"),
            mtu=config.mtu,
        )
        self.host.settings.syn_backlog = 128
        self.host.settings.udp_soft_errors = config.profile != "linux"
        self.settled: Callable[[], None] | None = None
        self.watcher: Callable[[], None] | None = None
        self.offload = True
        """The device cuts segments itself; False: the stack's last step does (Linux: tcp_gso_segment)."""
        self.md5_keys: dict[str, bytes] = {}
        self.drops_all = False
        """The device's queue takes no packet (`tc qdisc ... pfifo limit 0`)."""
        self._routes = RouteTable()
        self._sent = 0

    def apply_settings(self) -> None:
        """Make the host follow the sysctl variables; existing connections keep what they negotiated."""
        host, settings = self.host, self.settings
        profile = settings.profile()
        host.profile = profile
        for conn in host.connections.values():
            conn.ep.profile = profile
            conn.ep.receiver.profile = profile
            conn.ep.sender.profile = profile
            conn.follow_pacing()
        if settings.system == "freebsd":
            host.settings.send_resets = settings.number("net.inet.tcp.blackhole") == 0
            host.settings.udp_tunnel_port = settings.number("net.inet.tcp.udp_tunneling_port")
            cookies_only = settings.number("net.inet.tcp.syncookies_only") != 0
            host.settings.syn_cookies = "always" if cookies_only else "when-full"
        else:
            self._apply_fast_open()

    def _apply_fast_open(self) -> None:
        """net.ipv4.tcp_fastopen's bits beyond "client" and "server" (include/net/tcp.h, TFO_...), and the keys."""
        settings = self.settings
        bits = settings.number("net.ipv4.tcp_fastopen")
        target = self.host.settings
        target.fast_open_client_without_cookie = bits & 0x4 != 0
        target.fast_open_without_cookie = bits & 0x200 != 0
        target.fast_open_every_listener = bits & 0x400 != 0
        target.fast_open_keys = settings.fast_open_keys()

    def forget_peers(self) -> None:
        """Flush what is remembered of peers: path MTUs, metrics, Fast Open cookies."""
        self.host.path_mtu = PathMtuCache(self.host.settings.path_mtu_age_ns)
        self.host.cookies.clear()

    @property
    def counters(self) -> dict[str, int]:
        """The counters that nstat shows, those that the model has."""
        return {"TcpExtOutOfWindowIcmps": self.host.tcp.icmp_out_of_window}

    def set_qdisc(self, operation: str, kind: str, limit: int) -> None:
        """`tc qdisc`: fq paces every connection; a queue of no packets drops all, and TCP knows; others are plain."""
        if kind not in _QDISCS:
            raise Unsupported(f"the queueing discipline '{kind}' is not supported")
        self.drops_all = limit == 0
        paced = kind == "fq"
        for conn in self.host.connections.values():
            conn.set_device_refuses(self.drops_all)
        if paced != bool(self.settings.fixed.get("pacing", False)):
            self.settings.fixed["pacing"] = paced
            self.apply_settings()

    def set_offload(self, feature: str, enabled: bool) -> None:
        """`ethtool -K`: segmentation offload on or off."""
        if feature in ("tso", "gso"):
            self.offload = enabled
            self.apply_settings()

    def set_route(self, route: RouteChange) -> None:
        """`ip route change`: metrics of the route to the peer."""
        remote = self.config.remote_addr
        self._routes.change(route.destination, route.metrics, six=":" in remote)
        metrics = self._routes.towards(remote)
        if metrics is None:
            self.host.routes.pop(remote, None)
        else:
            self.host.routes[remote] = metrics
        self.host.tcp.reroute(self.now_ns)

    def set_link_mtu(self, mtu: int) -> None:
        """`ip link set dev tun0 mtu N`."""
        self.host.mtu = mtu
        self.host.tcp.reroute(self.now_ns)

    def set_module_parameter(self, module: str, name: str, value: str) -> None:
        """`echo N > /sys/module/...`."""
        if (module, name) != ("tcp_cubic", "hystart_detect"):
            raise Unsupported(f"the module parameter {module}.{name} is not supported")

    # --- time ----------------------------------------------------------------------------

    def drain(self) -> None:
        """Take everything that the host has to send now, until nothing happens any more."""
        host, now = self.host, self.now_ns
        while True:
            sent_any = False
            while True:
                packet = host.poll_transmit(now)
                if packet is None:
                    break
                sent_any = True
                self._take(packet)
            if self.watcher is not None:
                self.watcher()
            if self.settled is None:
                return
            before = len(self.wire)
            self.settled()
            if not sent_any and len(self.wire) == before and not self._has_more():
                return
            if not self._has_more():
                return

    def _has_more(self) -> bool:
        """Did the blocking call that was just completed leave something to send?"""
        packet = self.host.poll_transmit(self.now_ns)
        if packet is None:
            return False
        self._take(packet)
        return True

    def _take(self, packet: Packet) -> None:
        """A packet of the host leaves: in pieces, if the device does not cut it."""
        if self.drops_all:
            self._drop(packet)
            return
        if not self.offload and isinstance(packet, Segment) and packet.payload:
            conn = self.host.connection_of(packet)
            if conn is not None:
                for piece in split(packet, conn.ep.sender.piece_bytes(conn.ep, packet)):
                    self._put(piece)
                return
        self._put(packet)

    def _drop(self, packet: Packet) -> None:
        """The queue of the device is full: nothing leaves, and the connection gets to know (NET_XMIT_DROP)."""
        if self.record:
            self.sink.emit(PacketDropped(self.now_ns, STACK, packet, "tun0", QUEUE_FULL))
        conn = self.host.connection_of(packet) if isinstance(packet, Segment) else None
        if conn is not None:
            conn.set_device_refuses(True)
            conn.packet_dropped_locally(self.now_ns)

    def _put(self, packet: Packet) -> None:
        """A packet of the host is on the wire."""
        self._sent += 1
        if self._sent > _MAX_PACKETS:
            raise RunawayError(f"the stack under test sent more than {_MAX_PACKETS} packets")
        self.wire.append((self.now_ns, packet))
        if self.record:
            self._log(packet, STACK, SCRIPT)

    def _log(self, packet: Packet, sender: str, receiver: str) -> None:
        """Tell the recorder that a packet crossed the wire (it takes no time)."""
        now = self.now_ns
        self.log.append((now, packet))
        packet.uid = len(self.log)
        self.sink.emit(PacketSent(now, sender, packet, "wire"))
        if receiver == SCRIPT:
            self.sink.emit(PacketDelivered(now, receiver, packet))

    def step_to_next(self, limit_ns: int) -> bool:
        """Go to the host's next timer, if it is due at or before `limit_ns`, and fire it."""
        deadline = self.host.next_deadline()
        if deadline is None or deadline > limit_ns:
            return False
        self.now_ns = max(self.now_ns, deadline)
        self.host.handle_timeout(self.now_ns)
        self.drain()
        return True

    def advance(self, to_ns: int) -> None:
        """Go to `to_ns`; timers due before it fire, those due exactly then do not yet."""
        while self.step_to_next(to_ns - 1):
            pass
        self.now_ns = max(self.now_ns, to_ns)

    def inject(self, packet: Packet) -> None:
        """A packet arrives at the host now."""
        if self.record:
            self._log(packet, SCRIPT, STACK)
        self.host.handle_packet(self.now_ns, packet)
        self.drain()
