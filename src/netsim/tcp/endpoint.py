"""What the steps of the protocol work on: one endpoint's variables, halves, timers and outbox.

`Endpoint` knows how to build a segment, emit an event and take an edge of the state
machine. What to do when is in `calls`, `arrives` and `timeouts`; how much and what to send
is in `sender`; what was received is in `receiver`.
"""

from __future__ import annotations

from typing import Final

from netsim.base.errors import InvariantViolation
from netsim.base.events import (
    CongestionChanged,
    Event,
    Noted,
    Notified,
    SegmentSent,
    SendHeld,
    Sink,
    StateChanged,
    TimerExpired,
    TimerSet,
    TimerStopped,
)
from netsim.base.packet import ABSENT, ACK, CWR, ECE, FIN, NO_BLOCKS, RST, SYN, Segment
from netsim.base.reasons import Reason
from netsim.base.seqnum import seq_add, seq_diff
from netsim.tcp import reasons as why
from netsim.tcp.options import lay_out
from netsim.tcp.profile.base import ConnectionOptions, Profile
from netsim.tcp.receiver_memory import make_receiver
from netsim.tcp.sender import Sender
from netsim.tcp.state import CLOSED, State, find_edge
from netsim.tcp.tcb import Negotiated, SendSpace
from netsim.tcp.timers import DELACK, NAMES, NEVER, Timers

NO_LAYOUT: Final = b""
NO_DIGEST: Final = bytes(16)
"""Stands for the MD5 digest until the segment leaves."""
TS_LAYOUT: Final = bytes((1, 1, 8))


class Endpoint:
    """One end of one connection: data and the small acts that every step needs.

    passive: the connection was opened by LISTEN (a reset half-open one returns there)
    fast_open: opened passively by a SYN with a good Fast Open cookie: data flows before the handshake is over
    fast_open_asked: our first SYN carried a Fast Open option
    syn_data_acked: the data on the SYN was taken (by us, or by the peer)
    syn_cookie, syn_cookie_exp: the Fast Open option of our SYN or SYN,ACK; in its experimental form
    read_shut: the user will read no more, but still has the connection (SHUT_RD)
    user_gone: the user called CLOSE for good: nobody can read any more
    write_pending: the user waits for the handshake to send more than the SYN could carry
    close_pending: CLOSE was called before the connection was established, with data queued
    ecn_seen: data came from a sender that marks it ECN-capable
    error, soft_error: what the user is told, as a code ("connection-reset", ...)
    """

    __slots__ = (
        "challenge_count",
        "challenge_since_ns",
        "close_pending",
        "conn",
        "ecn_echo",
        "ecn_seen",
        "ecn_wants_cwr",
        "encapsulated",
        "error",
        "established_at_ns",
        "fast_open",
        "fast_open_asked",
        "host",
        "keep_probes",
        "last_heard_ns",
        "last_invalid_ns",
        "local_addr",
        "local_port",
        "mtu",
        "neg",
        "next_mtu",
        "opened_at_ns",
        "options",
        "outbox",
        "passive",
        "profile",
        "read_shut",
        "receiver",
        "recording",
        "remote_addr",
        "remote_port",
        "saved_mss",
        "sender",
        "sink",
        "snd",
        "soft_error",
        "state",
        "syn_acked",
        "syn_cookie",
        "syn_cookie_exp",
        "syn_data_acked",
        "syn_data_held",
        "syn_segment",
        "syn_sent_ns",
        "syn_transmissions",
        "tfo_data_bytes",
        "timers",
        "ts_offset",
        "user_gone",
        "write_pending",
    )  # fmt: skip

    def __init__(
        self,
        profile: Profile,
        options: ConnectionOptions,
        local_addr: str,
        local_port: int,
        host: str,
        conn: int,
        iss: int,
        sink: Sink,
        mtu: int,
        ts_offset: int,
    ) -> None:
        self.profile = profile
        self.options = options
        self.host = host
        self.conn = conn
        self.sink = sink
        self.recording = sink.recording
        self.local_addr = local_addr
        self.local_port = local_port
        self.remote_addr = ""
        self.remote_port = 0
        self.mtu = mtu
        self.next_mtu = 0
        """Of the route, once a segment leaves by it; 0: as it is."""
        self.saved_mss = 0
        self.ts_offset = ts_offset
        self.state: State = CLOSED
        self.snd = SendSpace(iss)
        self.neg = Negotiated()
        self.timers = Timers()
        capacity = options.rcv_buffer or profile.rcv_buffer
        self.receiver = make_receiver(profile, options, capacity)
        self.sender = Sender(profile, options, self.snd)
        self.outbox: list[Segment] = []
        self.passive = False
        self.read_shut = False
        self.user_gone = False
        self.write_pending = False
        self.close_pending = False
        self.error = ""
        self.soft_error = ""
        self.opened_at_ns = 0
        self.established_at_ns = -1
        self.last_heard_ns = 0
        self.keep_probes = 0
        self.syn_acked = False
        self.syn_sent_ns = 0
        self.syn_transmissions = 0
        self.syn_cookie: bytes | None = None
        self.syn_cookie_exp = False
        self.fast_open = False
        self.fast_open_asked = False
        self.syn_data_acked = False
        self.syn_segment: Segment | None = None
        self.syn_data_held: Segment | None = None
        self.tfo_data_bytes = 0
        self.challenge_since_ns = -1
        self.last_invalid_ns = -1
        self.challenge_count = 0
        self.ecn_wants_cwr = False
        self.ecn_echo = False
        self.ecn_seen = False
        self.encapsulated = options.encap_dport != 0

    # --- events -----------------------------------------------------------------------

    def emit(self, event: Event) -> None:
        """Give an event to the sink. Callers guard with `recording`, so that nothing is built in vain."""
        self.sink.emit(event)

    def note(self, now_ns: int, reason: Reason) -> None:
        """Something worth a sentence happened."""
        if self.recording:
            self.sink.emit(Noted(now_ns, self.host, self.conn, reason))

    def held(self, now_ns: int, waiting: int, reason: Reason) -> None:
        """Something could be sent, and `reason` holds it back."""
        if self.recording:
            self.sink.emit(SendHeld(now_ns, self.host, self.conn, waiting, reason))

    def notify(self, now_ns: int, what: str, reason: Reason) -> None:
        """Tell the user something asynchronously (RFC 9293 §3.9.1.8)."""
        if self.recording:
            self.sink.emit(Notified(now_ns, self.host, self.conn, what, reason))

    def congestion_changed(self, now_ns: int, cwnd: int, ssthresh: int, phase: str, reason: Reason) -> None:
        """The congestion window or its phase changed."""
        if self.recording:
            self.sink.emit(CongestionChanged(now_ns, self.host, self.conn, cwnd, ssthresh, phase, reason))

    # --- the state machine ---------------------------------------------------------------

    def change_state(self, now_ns: int, new: State, cause: str, reason: Reason) -> None:
        """Take the edge from the present state to `new`. The only place where the state changes.

        Raises InvariantViolation if the table of `netsim.tcp.state` has no such edge.
        """
        old = self.state
        if find_edge(old, cause, new) is None:
            raise InvariantViolation(f"no edge from {old} to {new} because of '{cause}'")
        self.state = new
        if self.recording:
            self.sink.emit(StateChanged(now_ns, self.host, self.conn, str(old.value), str(new.value), cause, reason))

    def die(self, now_ns: int, cause: str, reason: Reason, error: str = "") -> None:
        """Delete the TCB: enter CLOSED, stop every timer, flush both queues, tell the user."""
        self.change_state(now_ns, CLOSED, cause, reason)
        if error:
            self.error = error
            self.notify(now_ns, error, reason)
        self.timers.stop_all()
        self.sender.clear()
        self.receiver.reassembly.clear()
        self.receiver.ack_reason = None

    # --- timers ------------------------------------------------------------------------------

    def set_timer(self, now_ns: int, timer: int, at_ns: int, reason: Reason) -> None:
        """Start or move a timer."""
        if self.recording and self.timers.at[timer] != at_ns:
            self.sink.emit(TimerSet(now_ns, self.host, self.conn, NAMES[timer], at_ns, reason))
        self.timers.set(timer, at_ns)

    def stop_timer(self, now_ns: int, timer: int) -> None:
        """Stop a timer if it runs."""
        if self.timers.at[timer] != NEVER:
            if self.recording:
                self.sink.emit(TimerStopped(now_ns, self.host, self.conn, NAMES[timer]))
            self.timers.stop(timer)

    def timer_expired(self, now_ns: int, timer: int, reason: Reason, count: int = 1) -> None:
        """A timer fired: it is off now."""
        self.timers.stop(timer)
        if self.recording:
            self.sink.emit(TimerExpired(now_ns, self.host, self.conn, NAMES[timer], count, reason))

    # --- segments -------------------------------------------------------------------------------

    def our_mss(self) -> int:
        """The MSS that we announce: MTU less fixed headers (RFC 9293 §3.7.1, MUST-67)."""
        route = self.options.route
        if route is not None and route.advmss:
            size = route.advmss
        else:
            size = self.mtu - (60 if ":" in self.local_addr else 40) - (8 if self.encapsulated else 0)
        if self.options.mss:
            size = min(size, self.options.mss)
        return min(size, 65535)

    def ts_value(self, now_ns: int) -> int:
        """TSval now (RFC 7323 §4.1)."""
        return (now_ns // self.profile.ts_tick_ns + self.ts_offset) & 0xFFFFFFFF

    def make_segment(self, now_ns: int, seq: int, flags: int, payload: bytes) -> Segment:
        """A segment with our addresses; ACK, window and the options of a synchronized connection filled in.

        Not for SYNs (see `make_syn`) nor RSTs (see `send_rst`).
        """
        receiver = self.receiver
        seg = Segment(
            self.local_addr, self.remote_addr, self.local_port, self.remote_port,
            seq, receiver.rcv.nxt, flags, receiver.window_field(), payload,
        )  # fmt: skip
        neg = self.neg
        if neg.timestamps:
            seg.ts_val = self.ts_value(now_ns)
            seg.ts_ecr = neg.ts_recent
            seg.layout = TS_LAYOUT
        if neg.sack and receiver.owes_sack():
            blocks = receiver.sack_blocks(self.sack_limit())
            if blocks:
                seg.sack = blocks
                lay_out(seg, neg.timestamps, self.profile.option_style)
        if self.options.md5_key:
            seg.md5 = NO_DIGEST
            lay_out(seg, neg.timestamps, self.profile.option_style)
        self._stamp(seg)
        if neg.ecn:
            self._mark_ecn(seg)
        return seg

    def sack_limit(self) -> int:
        """How many SACK blocks fit beside the other options."""
        return min(self.profile.max_sack_blocks, 3 if self.neg.timestamps else 4)

    def _stamp(self, seg: Segment) -> None:
        """The IP fields that the user or the encapsulation decides."""
        options = self.options
        if options.ttl != 64:
            seg.ttl = options.ttl
        if options.tos:
            seg.tos = options.tos
        if self.encapsulated:
            seg.encap_sport = options.encap_sport
            seg.encap_dport = options.encap_dport
        if not self.profile.pmtu_discovery:
            seg.df = False

    def _mark_ecn(self, seg: Segment) -> None:
        """RFC 3168 §6.1: ECT(0) on new data, ECE while a CE mark is not answered, CWR after a reduction."""
        if self.ecn_echo:
            seg.flags |= ECE
        if seg.payload and self.ecn_wants_cwr:
            seg.flags |= CWR
            self.ecn_wants_cwr = False

    def make_syn(self, now_ns: int, with_ack: bool) -> Segment:
        """Our SYN or SYN,ACK with the options that we offer, or accept (RFC 9293 §3.7.1, RFC 7323 §2.2)."""
        profile = self.profile
        receiver = self.receiver
        window = self._syn_window(with_ack)
        seg = Segment(
            self.local_addr, self.remote_addr, self.local_port, self.remote_port,
            self.snd.iss, receiver.rcv.nxt if with_ack else 0, SYN | (ACK if with_ack else 0), window,
        )  # fmt: skip
        dropping = 0 < profile.syn_rtx_drops_options_after < self.syn_transmissions and not with_ack
        timestamps = False
        if profile.send_mss_option and not self.options.no_options:
            seg.opt_mss = self.our_mss()
        if not dropping and not self.options.no_options:
            neg = self.neg
            accepting = with_ack and (self.passive or not profile.crossed_syn_ack_offers_all)
            if neg.wscale if accepting else profile.use_window_scale:
                seg.opt_wscale = self.offered_wscale()
            seg.sack_ok = neg.sack if accepting else profile.use_sack
            timestamps = neg.timestamps if accepting else profile.use_timestamps
        if timestamps:
            seg.ts_val = self.ts_value(now_ns)
            seg.ts_ecr = self.neg.ts_recent if with_ack else 0
        if self.syn_cookie is not None and (self.passive or not with_ack):
            seg.tfo = self.syn_cookie
            seg.tfo_exp = self.syn_cookie_exp
        if self.options.md5_key:
            seg.md5 = NO_DIGEST
        lay_out(seg, timestamps, profile.option_style)
        self._stamp(seg)
        if with_ack:
            if self.neg.ecn:
                seg.flags |= ECE
        elif self.asks_for_ecn() and self.syn_transmissions - 1 <= profile.ecn_syn_retries:
            seg.flags |= ECE | CWR
        return seg

    def _syn_window(self, with_ack: bool) -> int:
        """The window field of our SYN or SYN,ACK; RCV.WND may be more."""
        profile, receiver, route = self.profile, self.receiver, self.options.route
        segs = route.initrwnd if route is not None else 0
        if receiver.space is not None:
            offer = self.neg.wscale if with_ack else profile.use_window_scale and not self.options.no_options
            mss = self.our_mss() - (12 if with_ack and self.neg.timestamps else 0)
            receiver.rcv.wnd = receiver.space.open(mss, offer, segs, route.window if route is not None else 0)[0]
            return min(receiver.rcv.wnd, 65535)
        window = min(receiver.free_bytes(), profile.syn_window, 65535)
        if route is not None and route.window:
            mss = self.our_mss()
            window = min(window, max(route.window // mss, 1) * mss)  # tcp_select_initial_window
        if segs:
            window = min(window, segs * (self.our_mss() - (12 if profile.use_timestamps else 0)))
        if receiver.rcv.wnd < window:
            receiver.rcv.wnd = window
        return window

    def asks_for_ecn(self) -> bool:
        """RFC 3168: by the profile, or for the peer's route."""
        route = self.options.route
        return self.profile.ecn == "active" or (route is not None and route.ecn)

    def offered_wscale(self) -> int:
        """Rcv.Wind.Shift: the smallest that can express the receive buffer (RFC 7323 §2.2)."""
        profile = self.profile
        if profile.wscale >= 0:
            return min(profile.wscale, 14)
        wanted = profile.wscale_from_bytes or self.receiver.capacity
        route = self.options.route
        space = self.receiver.space
        if space is not None:
            return space.open(self.our_mss(), True, 0, route.window if route is not None else 0)[1]
        if route is not None and route.window:
            wanted = min(wanted, route.window)
        shift = 0
        while shift < 14 and (65535 << shift) < wanted:
            shift += 1
        return shift

    def send(self, now_ns: int, seg: Segment, reason: Reason, cause: str = "") -> None:
        """Put a control segment into the outbox, and tell."""
        if seg.flags & RST:
            seg.ttl, seg.tos = self.options.ttl, self.options.tos
            if self.options.md5_key:
                seg.md5 = NO_DIGEST
                lay_out(seg, False, self.profile.option_style)
        self.outbox.append(seg)
        if seg.flags & ACK and not seg.flags & RST:
            self.ack_left(now_ns)
        if self.recording:
            self.sent(now_ns, seg, reason, cause)

    def sent(self, now_ns: int, seg: Segment, reason: Reason, cause: str) -> None:
        """Emit SegmentSent."""
        self.sink.emit(
            SegmentSent(now_ns, self.host, self.conn, seg, str(self.state.value), reason, cause != "", cause)
        )

    def ack_left(self, now_ns: int) -> None:
        """An acknowledgement of RCV.NXT is on its way."""
        self.receiver.ack_sent(now_ns)
        if self.timers.at[DELACK] != NEVER:
            self.stop_timer(now_ns, DELACK)

    def send_rst(
        self,
        now_ns: int,
        seq: int,
        reason: Reason,
        ack: int = ABSENT,
        blocks: tuple[tuple[int, int], ...] = NO_BLOCKS,
    ) -> None:
        """A RST with this number; with an ACK field if `ack` is given (RFC 9293 §3.5.2), and SACK blocks if any."""
        flags = RST if ack == ABSENT else RST | ACK
        plain = self.profile.rst_window_zero and not self.profile.abort_rst_is_whole
        window = 0 if plain else self.receiver.window_field()
        seg = Segment(
            self.local_addr, self.remote_addr, self.local_port, self.remote_port,
            seq, 0 if ack == ABSENT else ack, flags, window,
        )  # fmt: skip
        if self.neg.timestamps and self.profile.abort_rst_has_timestamps:
            seg.ts_val = self.ts_value(now_ns)
            seg.ts_ecr = self.neg.ts_recent
            seg.layout = TS_LAYOUT
        if blocks:
            seg.sack = blocks
            lay_out(seg, seg.has_ts, self.profile.option_style)
        self._stamp(seg)
        self.send(now_ns, seg, reason)

    def send_ack(self, now_ns: int, reason: Reason) -> None:
        """<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>, now and alone."""
        self.send(now_ns, self.make_ack(now_ns), reason)

    def make_ack(self, now_ns: int) -> Segment:
        """A pure ACK; with the FIN again where the profile says so (`Profile.acks_repeat_fin`)."""
        sender = self.sender
        if self.profile.acks_repeat_fin and sender.fin_was_sent() and not sender.fin_was_acked():
            return self.make_segment(now_ns, seq_add(self.snd.nxt, -1), ACK | FIN, b"")
        return self.make_segment(now_ns, self.control_seq(), ACK, b"")

    def control_seq(self) -> int:
        """SEG.SEQ of a segment without text: SND.NXT, or the window's end if that was taken back to before it."""
        snd = self.snd
        if not self.profile.control_seq_in_window:
            return snd.nxt
        beyond = seq_diff(snd.nxt, seq_add(snd.una, snd.wnd))
        if beyond <= 0 or (self.neg.wscale and beyond < 1 << self.receiver.rcv.wscale):
            return snd.nxt
        return seq_add(snd.nxt, -beyond)

    def challenge_ack(self, now_ns: int, reason: Reason) -> bool:
        """RFC 5961 §7: an ACK that asks "really?", limited in number. True if it was sent."""
        if not self.may_answer_invalid(now_ns, None):
            return False
        limit = self.profile.challenge_ack_limit
        if limit:
            if self.challenge_since_ns < 0 or now_ns - self.challenge_since_ns >= self.profile.challenge_ack_window_ns:
                self.challenge_since_ns = now_ns
                self.challenge_count = 0
            if self.challenge_count >= limit:
                self.note(now_ns, why.CHALLENGE_LIMITED)
                return False
            self.challenge_count += 1
        self.send(now_ns, self.make_segment(now_ns, self.control_seq(), ACK, b""), reason)
        return True

    def may_answer_invalid(self, now_ns: int, seg: Segment | None) -> bool:
        """May a segment that is not acceptable be answered now? None: it draws a challenge ACK.

        Two ends that both hold the other's segments for invalid would else answer each other for ever. Data, which
        cannot be part of such a loop, is always answered (Linux: tcp_oow_rate_limited).
        """
        interval = self.profile.invalid_ack_interval_ns
        if not interval or (seg is not None and not seg.flags & SYN and seg.seg_len()):
            return True
        if self.last_invalid_ns >= 0 and now_ns - self.last_invalid_ns < interval:
            self.note(now_ns, why.INVALID_LIMITED)
            return False
        self.last_invalid_ns = now_ns
        return True
