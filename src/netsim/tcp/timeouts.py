"""Timeouts: RFC 9293 §3.10.8 and the timers that other RFCs add. One function per timer."""

from __future__ import annotations

from netsim.base.packet import ACK
from netsim.base.seqnum import seq_add
from netsim.tcp import pathmtu
from netsim.tcp import reasons as why
from netsim.tcp.arrives import send_syn_ack
from netsim.tcp.calls import reset, user_timeout_ns
from netsim.tcp.endpoint import Endpoint
from netsim.tcp.gate import RETRY_NS, Gate
from netsim.tcp.state import (
    CLOSE_WAIT,
    CLOSED,
    CLOSING,
    ESTABLISHED,
    FIN_WAIT_1,
    FIN_WAIT_2,
    LAST_ACK,
    SYN_RECEIVED,
    SYN_SENT,
    TIME_WAIT,
)
from netsim.tcp.synchronized import back_to_listen
from netsim.tcp.timers import (
    DELACK,
    FIN_WAIT_2_IDLE,
    KEEPALIVE,
    LOSS,
    OVERRIDE,
    PACING,
    PERSIST,
    RTO,
    TIME_WAIT_2MSL,
    USER,
)


def handle_timeouts(ep: Endpoint, now_ns: int) -> None:
    """Fire every timer whose deadline has come, in the order of the deadlines (then of the table)."""
    while ep.state is not CLOSED and ep.timers.next() <= now_ns:
        at = ep.timers.at
        fire(ep, now_ns, at.index(min(at)))


def fire(ep: Endpoint, now_ns: int, timer: int) -> None:
    """One timer fires."""
    if timer == RTO:
        if ep.state is SYN_SENT or ep.state is SYN_RECEIVED or not ep.syn_acked:
            syn_timeout(ep, now_ns)
        else:
            retransmission_timeout(ep, now_ns)
    elif timer == DELACK:
        delayed_ack_timeout(ep, now_ns)
    elif timer == PERSIST:
        persist_timeout(ep, now_ns)
    elif timer == TIME_WAIT_2MSL:
        ep.timer_expired(now_ns, TIME_WAIT_2MSL, why.TIME_WAIT_OVER)
        ep.die(now_ns, "time-wait-timeout", why.TIME_WAIT_OVER)
    elif timer == LOSS:
        ep.sender.loss_timeout(ep, now_ns)
    elif timer == KEEPALIVE:
        keep_alive_timeout(ep, now_ns)
    elif timer == USER:
        user_timeout(ep, now_ns)
    elif timer == FIN_WAIT_2_IDLE:
        ep.timer_expired(now_ns, FIN_WAIT_2_IDLE, why.FIN_WAIT_2_TIMEOUT)
        ep.die(now_ns, "orphan-timeout", why.FIN_WAIT_2_TIMEOUT)
    elif timer == OVERRIDE:
        ep.sender.override_timeout(ep, now_ns)
    else:
        ep.timer_expired(now_ns, PACING, why.PACED)


def syn_timeout(ep: Endpoint, now_ns: int) -> None:
    """The SYN or SYN,ACK was not answered: send it again, or give up past R2 (MUST-23)."""
    profile = ep.profile
    resent = ep.syn_transmissions
    is_syn = ep.state is SYN_SENT
    ep.timer_expired(now_ns, RTO, why.RESEND_SYN if is_syn else why.RESEND_SYN_ACK, resent)
    limit, time_limit_ns = profile.syn_ack_retries, profile.syn_r2_ns
    if is_syn:
        limit = ep.options.syn_retries or profile.syn_r2_retries
        if limit and not ep.options.syn_retries:
            limit += profile.syn_linear_timeouts
    elif ep.state is not SYN_RECEIVED:
        # CLOSE was called before the SYN was acknowledged: the ordinary R2 holds.
        limit, time_limit_ns = profile.r2_retries, profile.r2_ns
    if limit and resent > limit and now_ns - ep.opened_at_ns >= time_limit_ns:
        give_up(ep, now_ns)
        return
    ep.syn_transmissions += 1
    ep.sender.syn_resent(ep, now_ns)
    if resent == profile.r1_retries:
        ep.notify(now_ns, "r1", why.R1_REACHED)
    if is_syn:
        syn = ep.make_syn(now_ns, with_ack=False)
        if ep.profile.syn_data_stays_queued:
            if ep.syn_cookie is not None:
                ep.syn_cookie = None
                syn = ep.make_syn(now_ns, with_ack=False)
        elif ep.tfo_data_bytes:
            # A lost SYN may have been lost for its data or its option: try a plain one (RFC 7413 §4.1.3).
            ep.sender.take_data_off_syn(ep, now_ns)
            ep.tfo_data_bytes = 0
            ep.syn_cookie = None
            syn = ep.make_syn(now_ns, with_ack=False)
        ep.syn_segment = syn
        ep.send(now_ns, syn, why.RESEND_SYN, "syn")
        ep.set_timer(now_ns, RTO, now_ns + ep.sender.rto_ns(), why.RTO_ARMED)
    else:
        ep.syn_cookie = None
        send_syn_ack(ep, now_ns, why.RESEND_SYN_ACK, "syn")


def retransmission_timeout(ep: Endpoint, now_ns: int) -> None:
    """RFC 6298 §5.4-5.6: send the earliest unacknowledged segment again, back off, restart the timer."""
    sender = ep.sender
    if ep.profile.user_timeout_at_rto and sender.timeouts and user_timeout_ns(ep):
        since_ns = sender.recovery.undo.stamp_ns
        if since_ns >= 0 and now_ns - since_ns >= user_timeout_ns(ep):
            ep.timer_expired(now_ns, RTO, why.USER_TIMEOUT)
            ep.die(now_ns, "timeout", why.USER_TIMEOUT, "timed-out")
            return
    count = sender.count_timeout(now_ns)
    ep.timer_expired(now_ns, RTO, why.RTO_EXPIRED, count)
    if sender.past_r2(ep, now_ns):
        give_up(ep, now_ns)
        return
    if count == ep.profile.r1_retries:
        ep.notify(now_ns, "r1", why.R1_REACHED)
    if ep.profile.black_hole_mss[0]:
        suspect_black_hole(ep, now_ns, count)
    elif ep.profile.mtu_probing != "off":
        pathmtu.suspect_black_hole(ep, now_ns)
    sender.retransmission_timeout(ep, now_ns)


def suspect_black_hole(ep: Endpoint, now_ns: int, count: int) -> None:
    """Every second timeout, smaller segments, as long as there are smaller ones to try; then the old size again.

    FreeBSD, sys/netinet/tcp_timer.c: tcp_timer_rexmt (Path MTU black-hole detection); the idea of RFC 2923 §2.1.
    """
    if count < 2 or count % 2:
        return
    profile, snd = ep.profile, ep.snd
    six = ":" in ep.local_addr
    steps = (profile.black_hole_mss[six], profile.default_mss_v6 if six else profile.default_mss_v4)
    smaller = [size for size in steps if 0 < size < snd.mss] if count < 6 else []
    if smaller:
        ep.saved_mss = ep.saved_mss or snd.mss
        snd.mss = smaller[0]
        ep.note(now_ns, why.BLACK_HOLE_SUSPECTED)
    elif ep.saved_mss:
        snd.mss = ep.saved_mss
        ep.saved_mss = 0
        ep.note(now_ns, why.NO_BLACK_HOLE)
    ep.sender.path_mtu_shrank(ep, now_ns)


def give_up(ep: Endpoint, now_ns: int) -> None:
    """R2 is passed: close the connection and tell the user (MUST-20, SHLD-10)."""
    error = ep.soft_error or "timed-out"
    if ep.state is SYN_RECEIVED and ep.passive and not ep.fast_open and ep.profile.syn_received_to_listen:
        back_to_listen(ep, now_ns, "timeout", why.GAVE_UP)
        return
    ep.die(now_ns, "timeout", why.GAVE_UP, error)


def delayed_ack_timeout(ep: Endpoint, now_ns: int) -> None:
    """The ACK waited long enough."""
    ep.timer_expired(now_ns, DELACK, why.ACK_DELAYED)
    ep.receiver.ack_policy.on_delay_over(now_ns)
    ep.receiver.ack_reason = why.ACK_DELAYED


def persist_timeout(ep: Endpoint, now_ns: int) -> None:
    """Probe the closed window (MUST-36), at growing intervals (SHLD-30)."""
    gate = ep.sender.gate
    if gate is not None and (gate.refuses or ep.sender.unsent_in_window()):
        retry_at_device(ep, now_ns, gate)
        return
    ep.timer_expired(now_ns, PERSIST, why.PERSIST_PROBE, ep.sender.persist_count + 1)
    if ep.sender.persist_gives_up(ep, now_ns):
        give_up(ep, now_ns)
        return
    ep.sender.send_probe(ep, now_ns)


def retry_at_device(ep: Endpoint, now_ns: int, gate: Gate) -> None:
    """Our own device refused what the peer's window would take: once more, every half second, without back-off.

    Linux: tcp_probe_timer, tcp_send_probe0, tcp_write_wakeup.
    """
    ep.timer_expired(now_ns, PERSIST, why.LOCAL_RETRY, gate.failed_probes + 1)
    if gate.first_probe_ns < 0:
        gate.first_probe_ns = now_ns
    limit = user_timeout_ns(ep)
    waited = now_ns - gate.first_probe_ns
    if (limit and waited >= limit) or gate.failed_probes >= (ep.profile.r2_retries or 15):
        give_up(ep, now_ns)
        return
    if not gate.refuses:
        gate.failed_probes = 0
        gate.first_probe_ns = -1
        ep.sender.force_next()
        return
    gate.failed_probes += 1
    ep.sender.locally_dropped(ep, now_ns)
    delay = min(RETRY_NS, max(limit - waited, ep.profile.rto_min_ns // 25)) if limit else RETRY_NS
    ep.set_timer(now_ns, PERSIST, now_ns + delay, why.LOCAL_RETRY_ARMED)


def keep_alive_timeout(ep: Endpoint, now_ns: int) -> None:
    """Before ESTABLISHED: the handshake took too long. After: probe, or give up (MUST-24..29)."""
    if ep.state is SYN_SENT or ep.state is SYN_RECEIVED:
        ep.timer_expired(now_ns, KEEPALIVE, why.USER_TIMEOUT)
        give_up(ep, now_ns)
        return
    options, profile = ep.options, ep.profile
    idle = options.keep_idle_ns or profile.keep_idle_ns
    interval = options.keep_interval_ns or profile.keep_interval_ns
    quiet_until = ep.last_heard_ns + idle
    if ep.keep_probes == 0 and now_ns < quiet_until:
        # Something was heard since the timer was set: move it, silently (lazy timer).
        ep.timers.set(KEEPALIVE, quiet_until)
        return
    if ep.sender.unacked_bytes() or ep.state in (TIME_WAIT, CLOSED):
        ep.timers.set(KEEPALIVE, now_ns + idle)
        return
    ep.timer_expired(now_ns, KEEPALIVE, why.KEEP_ALIVE_PROBE, ep.keep_probes + 1)
    limit_ns = user_timeout_ns(ep)
    dead = now_ns - ep.last_heard_ns >= limit_ns if limit_ns else False
    if ep.keep_probes >= (options.keep_count or profile.keep_count) or (dead and ep.keep_probes):
        if ep.state in (ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, CLOSE_WAIT, CLOSING, LAST_ACK):
            seq = ep.snd.nxt
            ep.die(now_ns, "timeout", why.KEEP_ALIVE_DEAD, "timed-out")
            ep.send_rst(now_ns, seq, why.KEEP_ALIVE_DEAD, ep.receiver.rcv.nxt if profile.abort_rst_has_ack else -1)
        return
    ep.keep_probes += 1
    payload = ep.sender.garbage_octet() if profile.keep_alive_garbage else b""
    probe = ep.make_segment(now_ns, seq_add(ep.snd.nxt, -1), ACK, payload)
    ep.send(now_ns, probe, why.KEEP_ALIVE_PROBE, "keep-alive")
    ep.set_timer(now_ns, KEEPALIVE, now_ns + interval, why.KEEP_ALIVE_ARMED)


def user_timeout(ep: Endpoint, now_ns: int) -> None:
    """§3.10.8: "flush all queues, signal the user 'error: connection aborted due to user timeout'"."""
    ep.timer_expired(now_ns, USER, why.USER_TIMEOUT)
    if ep.state in (SYN_SENT, SYN_RECEIVED):
        ep.die(now_ns, "timeout", why.USER_TIMEOUT, "timed-out")
    elif ep.state in (ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, CLOSE_WAIT, CLOSING, LAST_ACK):
        if ep.sender.unacked_bytes() or ep.sender.unsent_bytes():
            reset(ep, now_ns, "timeout", why.USER_TIMEOUT)
            ep.error = "timed-out"
            ep.notify(now_ns, "timed-out", why.USER_TIMEOUT)
