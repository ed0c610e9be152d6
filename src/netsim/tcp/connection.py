"""One TCP connection's end, sans-IO: the façade of the protocol core.

It reads no clock, no random source, no file, no socket. Drive it like this:

- commands: `open_passive open_active send receive shutdown close abort`
- inputs: `handle_segment`, `handle_icmp`, `handle_timeout`; each carries the time, which never goes back
- outputs: after every command or input call `poll_transmit` until it returns None, then read
  `next_deadline` and call `handle_timeout` when that time has come
- looks: `state`, `readable_bytes` ... `snapshot`

Events go to the sink at once, in the order in which things happen.
"""

from __future__ import annotations

from netsim.base.errors import UsageError
from netsim.base.events import SegmentProcessed, SegmentReceived, Sink
from netsim.base.packet import IcmpMessage, Segment
from netsim.base.reasons import Reason
from netsim.tcp import arrives, calls, icmp, synchronized, timeouts
from netsim.tcp.calls import CallError
from netsim.tcp.endpoint import Endpoint
from netsim.tcp.profile.base import ConnectionOptions, Profile
from netsim.tcp.reasons import DROP_BAD_MD5, DROP_SYN_FIN, TIME_WAIT_REUSED
from netsim.tcp.signature import is_signed, sign
from netsim.tcp.snapshot import Snapshot
from netsim.tcp.state import CLOSED, LISTEN, SYN_SENT, TIME_WAIT, State
from netsim.tcp.timers import KEEPALIVE, NEVER
from netsim.tcp.timers import NAMES as TIMER_NAMES

__all__ = ["CallError", "Connection", "ConnectionOptions", "Profile", "Snapshot"]


class Connection:
    """One end of a TCP connection (RFC 9293). See the module's docstring for how to drive it.

    profile: the stack's numbers and policies      options: what the user set
    host, conn: identity in the event stream       iss: initial send sequence number (RFC 6528: the caller's task)
    mtu: of the path as known so far, bytes        ts_offset: added to the timestamp clock
    """

    __slots__ = ("ep",)

    def __init__(
        self,
        profile: Profile,
        options: ConnectionOptions,
        local_addr: str,
        local_port: int,
        *,
        host: str,
        conn: int,
        iss: int,
        sink: Sink,
        mtu: int = 1500,
        ts_offset: int = 0,
    ) -> None:
        self.ep = Endpoint(profile, options, local_addr, local_port, host, conn, iss, sink, mtu, ts_offset)

    # --- commands ----------------------------------------------------------------------

    def open_passive(self, now_ns: int, remote_addr: str = "", remote_port: int = 0) -> None:
        """OPEN, passive: CLOSED -> LISTEN."""
        calls.open_passive(self.ep, now_ns, remote_addr, remote_port)

    def open_active(
        self,
        now_ns: int,
        remote_addr: str,
        remote_port: int,
        data: bytes = b"",
        tfo_cookie: bytes | None = None,
        *,
        cookie_exp: bool = False,
        without_cookie: bool = False,
    ) -> int:
        """OPEN, active: send a SYN. With a Fast Open cookie, `data` may ride on it (RFC 7413).

        `tfo_cookie` b"" asks for a cookie; `cookie_exp`: with the experimental option; `without_cookie`: data rides on
        the SYN though there is none. Returns how much of `data` was taken.
        """
        ep = self.ep
        taken = 0
        if data:
            taken = ep.sender.enqueue(now_ns, data, True, False, False)
        if tfo_cookie is not None:
            ep.syn_cookie = tfo_cookie
            ep.syn_cookie_exp = cookie_exp
            ep.fast_open_asked = True
        if tfo_cookie or without_cookie:
            ep.tfo_data_bytes = taken
        calls.open_active(ep, now_ns, remote_addr, remote_port)
        return taken

    def send(
        self,
        now_ns: int,
        data: bytes,
        *,
        push: bool = False,
        urgent: bool = False,
        more: bool = False,
        end_of_record: bool = False,
    ) -> int:
        """SEND: how many octets were taken into the send buffer (0: it is full).

        more: hold a partial segment back (MSG_MORE); end_of_record: nothing is ever joined to it (MSG_EOR)
        """
        return calls.send(self.ep, now_ns, data, push, urgent, more, end_of_record)

    def receive(self, now_ns: int, max_bytes: int, *, peek: bool = False) -> bytes:
        """RECEIVE: up to `max_bytes` in-order octets; b"" if none are readable now."""
        return calls.receive(self.ep, now_ns, max_bytes, peek)

    def shutdown(self, now_ns: int) -> None:
        """CLOSE as the RFC means it: no more data from us; receiving goes on (half-close)."""
        calls.shutdown(self.ep, now_ns)

    def close(self, now_ns: int) -> None:
        """The user lets go altogether; unread data makes it a reset (SHLD-3)."""
        calls.close(self.ep, now_ns)

    def abort(self, now_ns: int) -> None:
        """ABORT: reset the connection."""
        calls.abort(self.ep, now_ns)

    def set_keep_alive(self, now_ns: int, on: bool) -> None:
        """Switch keep-alive probes on or off (off by default: MUST-25)."""
        ep = self.ep
        ep.options.keep_alive = on
        if on and ep.established_at_ns >= 0 and ep.state is not CLOSED:
            idle = ep.options.keep_idle_ns or ep.profile.keep_idle_ns
            ep.timers.set(KEEPALIVE, max(now_ns, ep.last_heard_ns + idle))
        elif not on and ep.established_at_ns >= 0:
            ep.timers.stop(KEEPALIVE)

    def flush_corked(self) -> None:
        """TCP_CORK was taken off, TCP_NODELAY set, or MSG_MORE ended: a partial segment may leave."""
        self.ep.sender.uncork()

    def follow_pacing(self) -> None:
        """SO_MAX_PACING_RATE, or the profile's pacing, changed."""
        self.ep.sender.follow_gate_options()

    def set_device_refuses(self, refuses: bool) -> None:
        """The queue of the device takes no packet any more (True), or does again."""
        self.ep.sender.set_refusing(refuses)

    def packet_dropped_locally(self, now_ns: int) -> None:
        """A packet of this connection did not leave the host: its own device had no room."""
        ep = self.ep
        if ep.state is not CLOSED and ep.syn_acked:
            ep.sender.locally_dropped(ep, now_ns)

    # --- inputs -----------------------------------------------------------------------------

    def handle_segment(self, now_ns: int, seg: Segment) -> None:
        """SEGMENT ARRIVES (RFC 9293 §3.10.7). Never raises, whatever the segment holds."""
        ep = self.ep
        recording = ep.recording
        if recording:
            ep.sink.emit(SegmentReceived(now_ns, ep.host, ep.conn, seg, str(ep.state.value)))
        state = ep.state
        accepted = True
        reason: Reason
        if seg.flags & 3 == 3 and ep.profile.drop_syn_fin:
            reason = DROP_SYN_FIN
            accepted = False
        elif (ep.options.md5_key or seg.md5 is not None) and not is_signed(seg, ep.options.md5_key):
            reason = DROP_BAD_MD5
            accepted = False
        elif state is SYN_SENT:
            reason = arrives.segment_arrives_syn_sent(ep, now_ns, seg)
        elif state is LISTEN:
            reason = arrives.segment_arrives_listen(ep, now_ns, seg)
        elif state is CLOSED:
            reason = arrives.segment_arrives_closed(ep, now_ns, seg)
            accepted = False
        else:
            reason, accepted = synchronized.segment_arrives(ep, now_ns, seg)
        if recording:
            ep.sink.emit(SegmentProcessed(now_ns, ep.host, ep.conn, seg, str(ep.state.value), reason, accepted))

    def handle_icmp(self, now_ns: int, message: IcmpMessage, *, accepted: bool = True) -> bool:
        """An ICMP error that quotes a segment of this connection; False: the number that it quotes is not in flight."""
        return icmp.handle_icmp(self.ep, now_ns, message, accepted=accepted)

    def handle_timeout(self, now_ns: int) -> None:
        """Fire every timer whose deadline is at or before `now_ns`."""
        timeouts.handle_timeouts(self.ep, now_ns)

    def expire_timer(self, now_ns: int, timer: str) -> None:
        """Fire one running timer now, by its name (what-if). UsageError if it does not run."""
        if timer not in TIMER_NAMES or not self.ep.timers.is_set(TIMER_NAMES.index(timer)):
            running = ", ".join(name for i, name in enumerate(TIMER_NAMES) if self.ep.timers.is_set(i)) or "none"
            raise UsageError(f"timer '{timer}' is not running; running: {running}")
        timeouts.fire(self.ep, now_ns, TIMER_NAMES.index(timer))

    def accepts_new_incarnation(self, now_ns: int, seg: Segment) -> bool:
        """May this SYN end TIME-WAIT and open a new connection? (RFC 9293 MAY-2, RFC 6191)."""
        return synchronized.accepts_new_incarnation(self.ep, now_ns, seg)

    def yield_to_new_incarnation(self, now_ns: int) -> None:
        """TIME-WAIT ends early because a new incarnation takes the pair of sockets."""
        self.ep.die(now_ns, "new-incarnation", TIME_WAIT_REUSED)

    # --- outputs ----------------------------------------------------------------------------------

    def poll_transmit(self, now_ns: int) -> Segment | None:
        """The next segment to send now, or None. Call until None after every command or input."""
        seg = self._next_segment(now_ns)
        if seg is not None and self.ep.options.md5_key:
            sign(seg, self.ep.options.md5_key)
        return seg

    def _next_segment(self, now_ns: int) -> Segment | None:
        ep = self.ep
        if ep.outbox:
            return ep.outbox.pop(0)
        state = ep.state
        if state is CLOSED or state is LISTEN or state is SYN_SENT:
            return None
        if state is not TIME_WAIT:
            seg = ep.sender.poll(ep, now_ns)
            if seg is not None:
                return seg
        reason = ep.receiver.ack_reason
        if reason is not None:
            ack = ep.make_ack(now_ns)
            ep.ack_left(now_ns)
            if ep.recording:
                ep.sent(now_ns, ack, reason, "")
            return ack
        return None

    def next_deadline(self) -> int | None:
        """When `handle_timeout` must be called next, or None."""
        at = self.ep.timers.next()
        return None if at == NEVER else at

    # --- looks ----------------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """The state (RFC 9293 §3.3.2)."""
        return self.ep.state

    @property
    def error(self) -> str:
        """Why the connection ended badly, "" if it did not: "connection-reset", "timed-out", ..."""
        return self.ep.error

    @property
    def soft_error(self) -> str:
        """The last soft error (ICMP), "" if none."""
        return self.ep.soft_error

    def is_closed(self) -> bool:
        """CLOSED: the TCB is deleted (or was never made)."""
        return self.ep.state is CLOSED

    def readable_bytes(self) -> int:
        """In-order octets waiting for `receive`."""
        return self.ep.receiver.buffer.size

    def at_eof(self) -> bool:
        """The peer's FIN was reached, and everything before it was read."""
        return self.ep.receiver.fin_done and self.ep.receiver.buffer.size == 0

    def writable_bytes(self) -> int:
        """Free room in the send buffer."""
        return self.ep.sender.free_bytes()

    def unsent_bytes(self) -> int:
        """Octets in the send buffer that were never sent."""
        return self.ep.sender.unsent_bytes()

    def unacked_bytes(self) -> int:
        """Octets sent and not yet acknowledged."""
        return self.ep.sender.unacked_bytes()

    def snapshot(self) -> Snapshot:
        """A copy of the TCB. STATUS (RFC 9293 §3.10.6) is this."""
        return Snapshot(self.ep)

    def status(self) -> Snapshot:
        """STATUS (RFC 9293 §3.10.6)."""
        return Snapshot(self.ep)
