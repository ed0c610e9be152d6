"""TCP at a host: finding the connection for a segment, listening, and waking connections in time.

A line of "dirty" connections (something happened to them) and one lazy heap of deadlines:
idle connections cost nothing per segment, however many there are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from netsim.base.events import PacketDropped, SegmentProcessed, SegmentReceived, SegmentSent, StateChanged
from netsim.base.packet import ACK, RST, SYN, IcmpMessage, Packet, Segment
from netsim.base.seqnum import seq_add, seq_gt
from netsim.host import cookies, reasons
from netsim.host.errors import SocketError
from netsim.host.fastopen_server import judge_syn
from netsim.host.listener import Listener
from netsim.host.slot import NO_KEY, Key, Slot
from netsim.host.wakeups import Wakeups
from netsim.tcp.arrives import reset_for
from netsim.tcp.connection import Connection
from netsim.tcp.options import lay_out
from netsim.tcp.pathmtu import adopt_mtu, take_route
from netsim.tcp.signature import sign
from netsim.tcp.state import CLOSED, LISTEN, SYN_RECEIVED, SYN_SENT, TIME_WAIT

if TYPE_CHECKING:
    from netsim.base.events import Event
    from netsim.base.reasons import Reason
    from netsim.host.host import Host
    from netsim.host.socket import TcpSocket
    from netsim.tcp.profile.base import ConnectionOptions

_HANDSHAKE_BITS: Final = SYN | ACK | RST
MAX_OPTION_BYTES: Final = 40
"""MAX_TCP_OPTION_SPACE: Linux leaves so much free beside the data of a SYN."""


class TcpLayer:
    """A host's TCP: connections by pair of sockets, listeners by local socket."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.slots: dict[Key, Slot] = {}
        self.listeners: dict[tuple[str, int], Listener] = {}
        self.bound: dict[int, list[TcpSocket]] = {}
        self._first: Slot | None = None  # of the line of dirty connections, linked by `Slot.behind`
        self._last: Slot | None = None
        self._latest: Slot | None = None  # the connection that the last segment was for
        self._wakeups = Wakeups()
        self.icmp_out_of_window = 0
        """ICMP errors that quoted a number which is not in flight (Linux: TcpExtOutOfWindowIcmps)."""

    # --- input ----------------------------------------------------------------------------

    def handle_segment(self, now_ns: int, seg: Segment) -> None:
        """A segment addressed to this host: to its connection, to a listener, or to nobody."""
        if seg.encap_dport and seg.encap_dport != self.host.settings.udp_tunnel_port:
            self._drop(now_ns, seg, reasons.NO_TUNNEL)
            return
        slot = self._slot_of(seg)
        if slot is None:
            self._handle_unmatched(now_ns, seg)
            return
        conn = slot.conn
        if slot.listener is not None and self._is_refused_by_backlog(now_ns, slot, seg):
            return
        ep = conn.ep
        if ep.state is TIME_WAIT and seg.flags & _HANDSHAKE_BITS == SYN:
            listener = self.find_listener(seg.dst, seg.dport)
            if listener is not None and conn.accepts_new_incarnation(now_ns, seg):
                conn.yield_to_new_incarnation(now_ns)
                self._forget(now_ns, slot)
                self._handle_by_listener(now_ns, listener, seg, after=conn)
                return
        if seg.encap_sport != ep.options.encap_dport:
            self._answer_for_nobody(now_ns, seg, ep.options)
            return
        if ep.state is SYN_SENT:
            self._handle_in_syn_sent(now_ns, conn, seg)
        else:
            conn.handle_segment(now_ns, seg)
        self.touch(slot)

    def _slot_of(self, seg: Segment) -> Slot | None:
        """The connection of a segment. They come in trains, so the last one's is looked at first (as 4.4BSD does)."""
        latest = self._latest
        if latest is not None:
            ep = latest.conn.ep
            if (
                seg.sport == ep.remote_port
                and seg.dport == ep.local_port
                and seg.src == ep.remote_addr
                and seg.dst == ep.local_addr
            ):
                return latest
        self._latest = slot = self.slots.get((seg.dst, seg.dport, seg.src, seg.sport))
        return slot

    def _handle_in_syn_sent(self, now_ns: int, conn: Connection, seg: Segment) -> None:
        """The same, and if it is the answer to a SYN with Fast Open, remember what the peer says (RFC 7413 §4.1.3)."""
        ep = conn.ep
        sent = ep.syn_cookie
        if ep.profile.syn_data_stays_queued and ep.fast_open_asked:
            sent = sent or (b"x" if ep.tfo_data_bytes else b"")
        asked = sent is not None or (ep.tfo_data_bytes > 0 and ep.profile.syn_data_stays_queued)
        conn.handle_segment(now_ns, seg)
        if asked and ep.established_at_ns == now_ns and seg.flags & _HANDSHAKE_BITS == SYN | ACK:
            accepted = seq_gt(seg.ack, seq_add(ep.snd.iss, 1))
            self.host.cookies.learn(now_ns, ep.remote_addr, seg, sent, accepted, ep.syn_transmissions > 1)

    def _is_refused_by_backlog(self, now_ns: int, slot: Slot, seg: Segment) -> bool:
        """Linux: with a full accept queue, the ACK that would complete a handshake is dropped."""
        listener = slot.listener
        assert listener is not None
        if slot.conn.state is not SYN_RECEIVED or slot.conn.ep.fast_open or seg.flags & _HANDSHAKE_BITS != ACK:
            return False
        if not listener.accept_queue_is_full():
            return False
        listener.overflowed += 1
        self._drop(now_ns, seg, reasons.ACCEPT_QUEUE_FULL)
        return True

    def _handle_unmatched(self, now_ns: int, seg: Segment) -> None:
        listener = self.find_listener(seg.dst, seg.dport)
        if listener is not None:
            self._handle_by_listener(now_ns, listener, seg, after=None)
        else:
            self._answer_for_nobody(now_ns, seg)

    def _answer_for_nobody(self, now_ns: int, seg: Segment, options: ConnectionOptions | None = None) -> None:
        """RFC 9293 §3.10.7.1: CLOSED. A RST, unless it is one.

        `options`: of the connection that the segment almost belongs to (its UDP tunnel is another one).
        """
        reset = reset_for(seg)
        reason = reasons.RST_FOR_NOBODY if reset is None else reasons.CLOSED_PORT
        host = self.host
        if host.sink.recording:
            host.sink.emit(SegmentReceived(now_ns, host.name, 0, seg, "CLOSED"))
            host.sink.emit(SegmentProcessed(now_ns, host.name, 0, seg, "CLOSED", reason, False))
        if reset is None or not host.settings.send_resets:
            return
        if options is None and host.profile.rst_as_bound_socket and self.bound.get(seg.dport):
            options = self.bound[seg.dport][0].options
        if options is not None:
            reset.ttl, reset.tos = options.ttl, options.tos
            if options.md5_key:
                reset.md5 = bytes(16)
                lay_out(reset, False, host.profile.option_style)
                sign(reset, options.md5_key)
        host.out.append(reset)
        if host.sink.recording:
            host.sink.emit(SegmentSent(now_ns, host.name, 0, reset, "CLOSED", reason))

    def handle_icmp(self, now_ns: int, message: IcmpMessage, quoted: Segment) -> None:
        """An ICMP error about a segment that this host sent."""
        slot = self.slots.get((quoted.src, quoted.sport, quoted.dst, quoted.dport))
        if slot is None:
            self._drop(now_ns, message, reasons.QUOTE_UNKNOWN)
            return
        options = slot.conn.ep.options
        if (quoted.encap_sport, quoted.encap_dport) != (options.encap_sport, options.encap_dport):
            self._drop(now_ns, message, reasons.QUOTE_UNKNOWN)
            return
        if not slot.conn.handle_icmp(now_ns, message, accepted=slot.listener is None):
            self.icmp_out_of_window += 1
        self.touch(slot)

    def _drop(self, now_ns: int, packet: Packet, reason: Reason) -> None:
        host = self.host
        if host.sink.recording:
            host.sink.emit(PacketDropped(now_ns, host.name, packet, host.name, reason))

    # --- listening --------------------------------------------------------------------------

    def find_listener(self, address: str, port: int) -> Listener | None:
        """Who listens for segments to this local socket: the exact address first, then any."""
        if not self.listeners:
            return None
        return (
            self.listeners.get((address, port))
            or self.listeners.get(("::" if ":" in address else "0.0.0.0", port))
            or self.listeners.get(("", port))
        )

    def _handle_by_listener(self, now_ns: int, listener: Listener, seg: Segment, after: Connection | None) -> None:
        """LISTEN. A SYN takes the spare connection; anything else is refused by it (§3.10.7.2).

        `after`: the connection in TIME-WAIT that made way; our ISN must lie after its numbers.
        """
        bits = seg.flags & _HANDSHAKE_BITS
        if bits == SYN:
            refusal = self._refusal(listener, seg)
            if refusal is reasons.SYN_COOKIE:
                self._answer_with_cookie(now_ns, listener, seg)
                return
            if refusal is not None:
                listener.dropped_syns += 1
                self._drop(now_ns, seg, refusal)
                return
        elif bits == ACK and self.host.settings.syn_cookies != "off":
            found = cookies.check(self.host.secret, now_ns, seg)
            if found is not None:
                self._open_by_cookie(now_ns, listener, seg, found[0], found[1])
                return
        slot = self.spare(now_ns, listener)
        if bits == SYN:
            self._prepare(now_ns, slot.conn, seg, after)
            judge_syn(self.host, listener, slot.conn.ep, seg)
        slot.conn.handle_segment(now_ns, seg)
        if slot.conn.state is not LISTEN:
            self._adopt(slot, listener, seg)
            if slot.conn.ep.fast_open:
                listener.half_open.pop(slot.key, None)
                listener.opened_fast.append(slot)
                self._offer(now_ns, slot, listener)
        self.touch(slot)

    def _refusal(self, listener: Listener, syn: Segment) -> Reason | None:
        """Why this SYN gets no connection; SYN_COOKIE: it gets a cookie instead."""
        if not is_unicast(syn.src) or not is_unicast(syn.dst):
            return reasons.MULTICAST
        if listener.accept_queue_is_full():
            return reasons.ACCEPT_QUEUE_FULL
        mode = self.host.settings.syn_cookies
        full = listener.syn_queue_is_full()
        if mode == "always" or (full and mode == "when-full"):
            return reasons.SYN_COOKIE
        return reasons.SYN_QUEUE_FULL if full else None

    def spare(self, now_ns: int, listener: Listener) -> Slot:
        """The listener's connection in LISTEN; a new one if the last was taken."""
        slot = listener.spare
        if slot is None:
            host = self.host
            address = listener.local_addr if listener.local_addr not in ("", "::", "0.0.0.0") else host.addresses[0]
            conn = self._new_connection(address, listener.local_port, listener.socket.options, 0, host.mtu, 0)
            conn.open_passive(now_ns)
            slot = Slot(conn)
            slot.listener = listener
            listener.spare = slot
        return slot

    def _new_connection(
        self, address: str, port: int, options: ConnectionOptions, iss: int, mtu: int, ts_offset: int
    ) -> Connection:
        host = self.host
        return Connection(
            host.profile, replace(options), address, port,
            host=host.name, conn=host.numbers.next(), iss=iss, sink=host.sink, mtu=mtu, ts_offset=ts_offset,
        )  # fmt: skip

    def _prepare(self, now_ns: int, conn: Connection, syn: Segment, after: Connection | None) -> None:
        """Before a connection in LISTEN sees its SYN: choose the ISN (which depends on the peer) and the MTU."""
        host = self.host
        iss = host.isn.next(now_ns, syn.dst, syn.dport, syn.src, syn.sport)
        conn.ep.snd.iss = iss if after is None else later_iss(iss, after)
        conn.ep.ts_offset = host.isn.ts_offset(syn.dst, syn.src)
        take_route(conn.ep, host.routes.get(syn.src) if host.routes else None, host.mtu_towards(now_ns, syn.src))

    def _adopt(self, slot: Slot, listener: Listener, seg: Segment) -> None:
        """The spare left LISTEN: from now on it is found by its pair of sockets."""
        slot.key = (seg.dst, seg.dport, seg.src, seg.sport)
        self.slots[slot.key] = slot
        listener.half_open[slot.key] = slot
        if listener.spare is slot:
            listener.spare = None

    def _answer_with_cookie(self, now_ns: int, listener: Listener, syn: Segment) -> None:
        """Send a SYN,ACK whose number is a cookie, and forget the connection."""
        keep_sack = self.host.profile.syn_cookie_sack
        slot = self.spare(now_ns, listener)
        listener.spare = None
        listener.cookies_sent += 1
        self._prepare(now_ns, slot.conn, syn, None)
        slot.conn.ep.snd.iss = cookies.make(self.host.secret, now_ns, syn, keep_sack)
        slot.conn.handle_segment(now_ns, cookies.without_extras(syn, keep_sack))
        answer = slot.conn.poll_transmit(now_ns)
        if answer is not None:
            self.host.out.append(answer)

    def _open_by_cookie(self, now_ns: int, listener: Listener, ack: Segment, mss: int, sack: bool) -> None:
        """An ACK of a cookie: rebuild the connection as the SYN would have left it, then let it see the ACK."""
        if listener.accept_queue_is_full():
            listener.overflowed += 1
            self._drop(now_ns, ack, reasons.ACCEPT_QUEUE_FULL)
            return
        slot = self.spare(now_ns, listener)
        syn = cookies.rebuilt_syn(ack, mss, sack)
        self._prepare(now_ns, slot.conn, syn, None)
        ep = slot.conn.ep
        ep.snd.iss = seq_add(ack.ack, -1)
        ep.recording = False  # the SYN came and the SYN,ACK went long ago
        slot.conn.handle_segment(now_ns, syn)
        slot.conn.poll_transmit(now_ns)
        ep.recording = self.host.sink.recording
        if ep.recording:
            why = reasons.COOKIE_CAME_BACK
            self.emit(StateChanged(now_ns, ep.host, ep.conn, "LISTEN", "SYN-RECEIVED", "rcv-syn", why))
        self._adopt(slot, listener, ack)
        slot.conn.handle_segment(now_ns, ack)
        self.touch(slot)

    def close_listener(self, now_ns: int, listener: Listener) -> None:
        """Nobody listens any more: what was not accepted is reset."""
        self.listeners.pop((listener.local_addr, listener.local_port), None)
        spare = listener.spare
        listener.spare = None
        if spare is not None:
            spare.listener = None
            spare.conn.close(now_ns)
            self.touch(spare)
        pending = list(listener.half_open.values()) + list(listener.accepted)
        listener.half_open.clear()
        listener.accepted.clear()
        for slot in pending:
            slot.listener = None
            if not slot.conn.is_closed():
                slot.conn.abort(now_ns)
                self.touch(slot)

    # --- opening ----------------------------------------------------------------------------

    def open_active(
        self,
        now_ns: int,
        socket: TcpSocket,
        remote_addr: str,
        remote_port: int,
        data: bytes,
        cookie: bytes | None,
        without_cookie: bool = False,
    ) -> Slot:
        """Make a connection for `socket` and send its SYN. SocketError: no port, or the pair is in use."""
        host = self.host
        if not is_unicast(remote_addr):
            raise SocketError("ENETUNREACH", f"{remote_addr} is not one host's address")
        local_addr = socket.local_addr
        if local_addr in ("", "::", "0.0.0.0"):
            local_addr = host.source_address(remote_addr)
        after: Connection | None = None
        port = socket.local_port
        if port:
            after = self._make_way(now_ns, (local_addr, port, remote_addr, remote_port))
        else:
            port = self._ephemeral_port(local_addr, remote_addr, remote_port)
            self.bind(socket, port)
        iss = host.isn.next(now_ns, local_addr, port, remote_addr, remote_port)
        if after is not None:
            iss = later_iss(iss, after)
        mtu = host.mtu_towards(now_ns, remote_addr)
        conn = self._new_connection(
            local_addr, port, socket.options, iss, mtu, host.isn.ts_offset(local_addr, remote_addr)
        )  # fmt: skip
        if host.routes:
            take_route(conn.ep, host.routes.get(remote_addr), mtu)
        slot = Slot(conn, (local_addr, port, remote_addr, remote_port))
        slot.socket = socket
        socket.local_addr = local_addr
        socket.local_port = port
        self.slots[slot.key] = slot
        if cookie or without_cookie:
            known = host.cookies.find(now_ns, remote_addr)
            if known is not None and known.mss:
                conn.ep.snd.mss = min(conn.ep.our_mss(), known.mss)
            elif host.profile.syn_data_stays_queued:
                conn.ep.snd.mss = conn.ep.our_mss()
            if host.profile.syn_data_stays_queued:
                data = data[: max(0, conn.ep.snd.mss - MAX_OPTION_BYTES)]
        socket.syn_bytes = conn.open_active(
            now_ns, remote_addr, remote_port, data, cookie, without_cookie=without_cookie,
            cookie_exp=cookie is not None and host.cookies.asks_with_exp(now_ns, remote_addr),
        )  # fmt: skip
        self.touch(slot)
        return slot

    def reroute(self, now_ns: int) -> None:
        """The routing table changed: open connections follow with what they send next."""
        host = self.host
        for slot in self.slots.values():
            ep = slot.conn.ep
            ep.options.route = host.routes.get(ep.remote_addr)
            mtu = host.mtu_towards(now_ns, ep.remote_addr)
            ep.next_mtu = mtu if mtu != ep.mtu else 0

    def _make_way(self, now_ns: int, key: Key) -> Connection | None:
        """The pair must be free. A TIME-WAIT may end early if timestamps tell old segments (RFC 6191 §2)."""
        old = self.slots.get(key)
        if old is None:
            return None
        neg = old.conn.ep.neg
        if old.conn.state is TIME_WAIT and self.host.profile.time_wait_reuse and neg.timestamps:
            old.conn.yield_to_new_incarnation(now_ns)
            self._forget(now_ns, old)
            return old.conn
        raise SocketError("EADDRINUSE", f"{key[0]} port {key[1]} to {key[2]} port {key[3]} is in use")

    def _ephemeral_port(self, local_addr: str, remote_addr: str, remote_port: int) -> int:
        ports = self.host.ports
        for _ in range(ports.candidates()):
            port = ports.next(local_addr, remote_addr, remote_port)
            if port in self.bound or self.find_listener(local_addr, port) is not None:
                continue
            if (local_addr, port, remote_addr, remote_port) not in self.slots:
                return port
        raise SocketError("EADDRNOTAVAIL", "every ephemeral port is in use")

    def bind(self, socket: TcpSocket, port: int) -> None:
        """Enter a socket as the owner of a port."""
        self.bound.setdefault(port, []).append(socket)

    def unbind(self, socket: TcpSocket) -> None:
        """A socket lets go of its port."""
        owners = self.bound.get(socket.local_port, [])
        if socket in owners:
            owners.remove(socket)
            if not owners:
                del self.bound[socket.local_port]

    def choose_port(self) -> int:
        """A free port for a bind to port 0. SocketError EADDRINUSE: none is left."""
        ports = self.host.ports
        for _ in range(ports.candidates()):
            port = ports.next("", "", 0)
            if port not in self.bound and all(key[1] != port for key in self.slots):
                return port
        raise SocketError("EADDRINUSE", "every ephemeral port is in use")

    def check_bind(self, socket: TcpSocket, address: str, port: int) -> None:
        """SocketError EADDRINUSE if the port is taken, unless SO_REUSEADDR allows sharing it.

        Sharing needs the option on both sides and no listener among them; a connection left over
        (in TIME-WAIT, say) blocks only sockets without the option.
        """
        for other in self.bound.get(port, []):
            if other is socket or not _overlap(other.local_addr, address):
                continue
            if not (other.reuse_address and socket.reuse_address) or other.is_listening():
                raise SocketError("EADDRINUSE", f"port {port} is bound by another socket")
        if not socket.reuse_address:
            for key in self.slots:
                if key[1] == port and _overlap(key[0], address):
                    raise SocketError("EADDRINUSE", f"a connection still uses port {port} (see SO_REUSEADDR)")

    # --- output and time ----------------------------------------------------------------------

    def touch(self, slot: Slot) -> None:
        """Something happened to this connection: poll it."""
        if slot.dirty:
            return
        slot.dirty = True
        if self._last is None:
            self._first = slot
        else:
            self._last.behind = slot
        self._last = slot

    def poll_transmit(self, now_ns: int) -> Segment | None:
        """The next segment of any connection, or None when all are settled."""
        while True:
            slot = self._first
            if slot is None:
                return None
            seg = slot.conn.poll_transmit(now_ns)
            if seg is not None:
                return seg
            self._first = slot.behind
            slot.behind = None
            if self._first is None:
                self._last = None
            slot.dirty = False
            self._settle(now_ns, slot)

    def _settle(self, now_ns: int, slot: Slot) -> None:
        """Everything is sent: look at what has become of the connection, and when to wake it."""
        ep = slot.conn.ep
        if ep.next_mtu:
            adopt_mtu(ep, ep.next_mtu)
            ep.next_mtu = 0
        if slot.listener is not None:
            self._settle_pending(now_ns, slot, slot.listener)
        if ep.state is CLOSED:
            self._forget(now_ns, slot)
        else:
            timers = ep.timers
            if timers.not_before < slot.wake_ns and timers.next() < slot.wake_ns:
                self._wakeups.push(slot, timers.not_before)
        socket = slot.socket
        if socket is not None and socket.watcher is not None:
            socket.watcher.socket_changed(now_ns, socket)

    def _settle_pending(self, now_ns: int, slot: Slot, listener: Listener) -> None:
        """A connection that is not accepted yet: back to LISTEN, dead, or ready to be accepted."""
        state = slot.conn.state
        if state is SYN_RECEIVED or not slot.key[1]:
            return
        if listener.half_open.pop(slot.key, None) is None:
            return
        if state is LISTEN:
            self.slots.pop(slot.key, None)
            self._latest = None
            if listener.spare is None:
                slot.key = NO_KEY
                listener.spare = slot
        elif state is not CLOSED:
            self._offer(now_ns, slot, listener)

    def _offer(self, now_ns: int, slot: Slot, listener: Listener) -> None:
        """A connection waits to be accepted."""
        listener.accepted.append(slot)
        watcher = listener.socket.watcher
        if watcher is not None:
            watcher.socket_changed(now_ns, listener.socket)

    def _forget(self, now_ns: int, slot: Slot) -> None:
        if self.slots.get(slot.key) is slot:
            del self.slots[slot.key]
            self._latest = None

    def next_deadline(self) -> int | None:
        """Not later than the next deadline of any connection; None if there is none."""
        return self._wakeups.next()

    def handle_timeout(self, now_ns: int) -> bool:
        """Wake the connections whose deadline has come. False: none had (deadlines move lazily)."""
        fired = False
        while True:
            slot = self._wakeups.pop(now_ns)
            if slot is None:
                return fired
            deadline = slot.conn.next_deadline()
            if deadline is None:
                continue
            if deadline <= now_ns:
                slot.conn.handle_timeout(now_ns)
                self.touch(slot)
                fired = True
            elif deadline < slot.wake_ns:
                self._wakeups.push(slot, deadline)

    def emit(self, event: Event) -> None:
        """Give an event to the host's sink. Callers guard with `recording`."""
        self.host.sink.emit(event)


def later_iss(iss: int, after: Connection) -> int:
    """An ISN after every number of the previous incarnation (RFC 9293 §3.10.7.4, MAY-2)."""
    last = after.ep.snd.nxt
    return iss if seq_gt(iss, last) else seq_add(last, 128_000)


def is_unicast(address: str) -> bool:
    """One host's address: neither multicast, broadcast nor unspecified (MUST-46, MUST-57, MUST-63 of RFC 9293)."""
    if ":" in address:
        return address != "::" and not address.lower().startswith("ff")
    first = int(address.partition(".")[0])
    return 0 < first < 224


def _overlap(a: str, b: str) -> bool:
    """Two local addresses of which one includes the other."""
    wild = ("", "::", "0.0.0.0")
    return a == b or a in wild or b in wild
