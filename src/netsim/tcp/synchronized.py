"""SEGMENT ARRIVES in SYN-RECEIVED and the synchronized states: RFC 9293 §3.10.7.4.

Eight numbered steps, one function each, in the RFC's order. A step returns None to go on, or
the reason why the segment is done with; `segment_arrives` returns (reason, accepted).
"""

from __future__ import annotations

from typing import Final

from netsim.base.events import Delivered
from netsim.base.packet import ACK, CE, CWR, FIN, RST, SYN, URG, Segment
from netsim.base.reasons import Reason
from netsim.base.seqnum import seq_add, seq_diff, seq_gt, seq_in, seq_le, seq_lt, seq_max
from netsim.base.units import SEC
from netsim.tcp import reasons as why
from netsim.tcp.arrives import enter_established, is_acceptable_ack_of_syn, release_syn_data, reset_for, send_syn_ack
from netsim.tcp.calls import reset
from netsim.tcp.endpoint import Endpoint
from netsim.tcp.state import (
    CLOSE_WAIT,
    CLOSING,
    ESTABLISHED,
    FIN_WAIT_1,
    FIN_WAIT_2,
    LAST_ACK,
    LISTEN,
    SYN_RECEIVED,
    TIME_WAIT,
)
from netsim.tcp.timers import DELACK, FIN_WAIT_2_IDLE, KEEPALIVE, RTO, TIME_WAIT_2MSL

PAWS_IDLE_NS: Final = 24 * 24 * 3600 * SEC
"""After 24 days of silence TS.Recent is too old to reject anything (RFC 7323 §5.5)."""


def segment_arrives(ep: Endpoint, now_ns: int, seg: Segment) -> tuple[Reason, bool]:
    """All eight steps. The second value is False where the segment was refused."""
    if ep.state is TIME_WAIT and ep.profile.time_wait_style != "rfc":
        if ep.profile.time_wait_style == "freebsd":
            return time_wait_freebsd(ep, now_ns, seg), False
        return time_wait_linux(ep, now_ns, seg), False
    if ep.state is FIN_WAIT_2 and ep.user_gone and ep.profile.orphan_in_time_wait:
        done = orphan_segment(ep, now_ns, seg)
    elif ep.state is SYN_RECEIVED and ep.passive and not ep.fast_open and ep.profile.half_open_is_request:
        done = request_segment(ep, now_ns, seg)
        if done is None:
            done = step1_sequence(ep, now_ns, seg)
    else:
        done = step1_sequence(ep, now_ns, seg)
    if done is not None:
        return done, done is why.ACK_FIN_AGAIN or done is why.ACK_OF_SYN
    if seg.flags & RST:
        return step2_rst(ep, now_ns, seg)
    # Third, security and compartment: IP options that this host does not have.
    if seg.flags & SYN:
        return step4_syn(ep, now_ns, seg), False
    done = step5_ack(ep, now_ns, seg)
    if done is not None:
        return done, False
    if ep.sender.fin_was_acked():
        finished = fin_acknowledged(ep, now_ns, has_fin=bool(seg.flags & FIN))
        if finished is not None:
            return finished, True
    if seg.flags & URG:
        step6_urg(ep, now_ns, seg)
    reason = text_and_fin(ep, now_ns, seg)
    if ep.state is FIN_WAIT_1 and seg.flags & FIN and ep.sender.fin_was_acked():
        # Its FIN is not in order yet, so the ACK of ours alone decides.
        fin_acknowledged(ep, now_ns)
    if ep.recording and reason is why.ACCEPTED and not seg.payload and seq_lt(seg.ack, ep.snd.una):
        reason = why.OLD_ACK
    return reason, True


def time_wait_linux(ep: Endpoint, now_ns: int, seg: Segment) -> Reason:
    """TIME-WAIT in Linux (tcp_timewait_state_process): everything but a bare ACK of what is expected is answered."""
    rcv, neg = ep.receiver.rcv, ep.neg
    old = neg.timestamps and seg.has_ts and seq_lt(seg.ts_val, neg.ts_recent)
    if not old and seg.seq == rcv.nxt and (seg.flags & RST or not seg.seg_len()):
        if not seg.flags & RST:
            start_time_wait(ep, now_ns)
            return why.ACCEPTED
        if ep.profile.time_wait_ignores_rst:
            return why.DROP_RST_TIME_WAIT
        ep.die(now_ns, "rcv-rst", why.RESET_BY_PEER)
        return why.RESET_BY_PEER
    if seg.flags & RST:
        return why.DROP_RST_TIME_WAIT
    if old or seg.flags & ACK:
        start_time_wait(ep, now_ns)
    if not ep.may_answer_invalid(now_ns, seg):
        return why.INVALID_LIMITED
    reason = why.ACK_FIN_AGAIN if seg.flags & FIN else why.DROP_UNACCEPTABLE
    if seg.payload and seq_lt(seg.seq, rcv.nxt):
        reason = why.OLD_IN_TIME_WAIT
    ep.send_ack(now_ns, reason)
    return reason


def request_segment(ep: Endpoint, now_ns: int, seg: Segment) -> Reason | None:
    """SYN-RECEIVED of a listener, in Linux not a socket yet (tcp_check_req). None: the steps go on."""
    rcv = ep.receiver.rcv
    neg = ep.neg
    old = neg.timestamps and seg.has_ts and seq_lt(seg.ts_val, neg.ts_recent)
    if seg.flags & (SYN | ACK | RST | FIN) == SYN and seg.seq == rcv.irs and not old:
        return None  # the SYN again
    if seg.flags & ACK and not is_acceptable_ack_of_syn(ep, seg):
        answer = reset_for(seg)
        if answer is not None:
            ep.send(now_ns, answer, why.RST_BAD_ACK_SYN_RECEIVED)
        return why.RST_BAD_ACK_SYN_RECEIVED
    end = seq_add(seg.seq, seg.seg_len())
    edge = seq_add(rcv.nxt, rcv.wnd)
    in_window = seg.seq == rcv.nxt or (seq_gt(end, rcv.nxt) and seq_lt(seg.seq, edge)) or seg.seq == end == edge
    if seg.flags & RST and seg.seq != rcv.nxt and in_window:
        if ep.may_answer_invalid(now_ns, seg):
            ep.send_ack(now_ns, why.CHALLENGE_RST)
        return why.CHALLENGE_RST
    if old or not in_window:
        if not seg.flags & RST and ep.may_answer_invalid(now_ns, seg):
            ep.send_ack(now_ns, why.DROP_UNACCEPTABLE)
        return why.DROP_UNACCEPTABLE
    if seg.flags & RST:
        back_to_listen(ep, now_ns, "rcv-rst", why.RST_BACK_TO_LISTEN)
        return why.RST_BACK_TO_LISTEN
    if seg.flags & SYN and seg.seq != rcv.irs:
        answer = reset_for(seg)
        back_to_listen(ep, now_ns, "rcv-syn", why.SYN_BACK_TO_LISTEN)
        if answer is not None:
            ep.send(now_ns, answer, why.SYN_BACK_TO_LISTEN)
        return why.SYN_BACK_TO_LISTEN
    return None if seg.flags & ACK else why.DROP_NO_ACK


def orphan_segment(ep: Endpoint, now_ns: int, seg: Segment) -> Reason | None:
    """FIN-WAIT-2 without a user, in Linux a TIME-WAIT socket already (tcp_timewait_state_process, TCP_FIN_WAIT2).

    None: it is the peer's FIN in order, and the steps go on.
    """
    rcv = ep.receiver.rcv
    end = seq_add(seg.seq, seg.seg_len())
    edge = seq_add(rcv.nxt, rcv.wnd)
    in_window = seg.seq == rcv.nxt or (seq_gt(end, rcv.nxt) and seq_lt(seg.seq, edge)) or seg.seq == end == edge
    if ep.neg.timestamps:
        done = _check_timestamp(ep, now_ns, seg, seg.has_ts)
        if done is not None:
            return done
    if not in_window:
        if not ep.may_answer_invalid(now_ns, seg):
            return why.INVALID_LIMITED
        ep.send_ack(now_ns, why.DROP_UNACCEPTABLE)
        return why.DROP_UNACCEPTABLE
    if seg.flags & RST:
        ep.die(now_ns, "rcv-rst", why.RESET_BY_PEER)
        return why.RESET_BY_PEER
    if not seg.flags & SYN:
        if not seg.flags & ACK or not seq_gt(end, rcv.nxt) or end == seg.seq:
            return why.ACCEPTED
        if seg.flags & FIN and end == seq_add(rcv.nxt, 1):
            return None
    answer = reset_for(seg)
    ep.die(now_ns, "data-after-close", why.DATA_AFTER_CLOSE)
    if answer is not None:
        ep.send(now_ns, answer, why.DATA_AFTER_CLOSE)
    return why.DATA_AFTER_CLOSE


# --- first: check sequence number ----------------------------------------------------------


def step1_sequence(ep: Endpoint, now_ns: int, seg: Segment) -> Reason | None:
    """First: PAWS (RFC 7323 §5.3), then RFC 9293's four cases of acceptability.

    Sends an ACK if the segment is unacceptable and not a RST.
    """
    neg = ep.neg
    has_ts = False
    if neg.timestamps:
        has_ts = seg.has_ts
        done = _check_timestamp(ep, now_ns, seg, has_ts)
        if done is not None:
            return done
    rcv = ep.receiver.rcv
    if not is_acceptable(rcv.nxt, ep.receiver.acceptance_window(), seg.seq, seg.seg_len()) and not (
        ep.profile.takes_old_to_last_ack and _is_at_the_edge(ep, seg)
    ):
        if seg.flags & RST:
            if ep.profile.rst_after_fin_may_be_one_less and _is_rst_of_fin(ep, seg):
                ep.die(now_ns, "rcv-rst", why.RESET_BY_PEER, _error_of_rst(ep))
                return why.RESET_BY_PEER
            return why.DROP_RST_UNACCEPTABLE
        return _refuse_unacceptable(ep, now_ns, seg)
    if has_ts and seq_le(seg.seq, rcv.last_ack) and (not ep.profile.ts_recent_with_good_ack or _acks_well(ep, seg)):
        # RFC 7323 §4.3 (2): TS.Recent from the segment that covers Last.ACK.sent
        if not seq_lt(seg.ts_val, neg.ts_recent):
            neg.ts_recent = seg.ts_val
            neg.ts_recent_age_ns = now_ns
    ep.last_heard_ns = now_ns
    ep.keep_probes = 0
    return None


def _acks_well(ep: Endpoint, seg: Segment) -> bool:
    """SND.UNA =< SEG.ACK =< SND.NXT."""
    return seq_le(ep.snd.una, seg.ack) and seq_le(seg.ack, ep.snd.nxt)


def _is_rst_of_fin(ep: Endpoint, seg: Segment) -> bool:
    """Linux: some stacks send a RST with the number of their FIN right after it (tcp_reset_check)."""
    return seq_add(seg.seq, 1) == ep.receiver.rcv.nxt and ep.state in (CLOSE_WAIT, LAST_ACK, CLOSING)


def _is_at_the_edge(ep: Endpoint, seg: Segment) -> bool:
    """Linux, tcp_sequence: old, but not older than the last acknowledgement sent; or empty, at the right edge."""
    rcv = ep.receiver.rcv
    end = seq_add(seg.seq, seg.seg_len())
    if seq_lt(end, rcv.last_ack) or ep.state is TIME_WAIT:
        return False
    if ep.state is SYN_RECEIVED and (ep.passive or seg.flags & SYN):
        return False
    return seq_le(end, seq_add(rcv.nxt, ep.receiver.acceptance_window()))


def is_acceptable(nxt: int, wnd: int, seq: int, length: int) -> bool:
    """RFC 9293 §3.4, the table of four cases: does any octet lie in the receive window?"""
    if length == 0:
        if wnd == 0:
            return seq == nxt
        return seq_in(seq, nxt, wnd)
    if wnd == 0:
        # "If the RCV.WND is zero, no segments will be acceptable, but special allowance
        # should be made to accept valid ACKs, URGs, and RSTs": step 5 sees it without its text.
        return False
    return seq_in(seq, nxt, wnd) or seq_in(seq_add(seq, length - 1), nxt, wnd)


def _check_timestamp(ep: Endpoint, now_ns: int, seg: Segment, has_ts: bool) -> Reason | None:
    """PAWS: an older timestamp marks an old duplicate; a missing one is dropped (RFC 7323 §3.2, §5.3)."""
    neg = ep.neg
    if seg.flags & RST:
        return None
    if not has_ts:
        if ep.profile.require_timestamps and not seg.flags & SYN:
            return why.DROP_NO_TIMESTAMP
        return None
    if seq_lt(seg.ts_val, neg.ts_recent) and now_ns - neg.ts_recent_age_ns < PAWS_IDLE_NS:
        if ep.may_answer_invalid(now_ns, seg):
            ep.receiver.note_old_segment(seg)
            ep.send_ack(now_ns, why.DROP_PAWS)
        return why.DROP_PAWS
    return None


def _refuse_unacceptable(ep: Endpoint, now_ns: int, seg: Segment) -> Reason:
    """No octet in the window: answer with an ACK; a few cases mean something all the same."""
    rcv = ep.receiver.rcv
    state = ep.state
    if state is SYN_RECEIVED and seg.flags & SYN and seg.seq == rcv.irs:
        if seg.flags & ACK and ep.syn_segment is not None and seg.ack == ep.snd.nxt:
            # Simultaneous open: the peer's SYN,ACK carries the number we know, and acknowledges ours.
            # Our own SYN,ACK acknowledged it already (figure 7 of RFC 9293), so nothing is sent.
            _syn_received_ack(ep, now_ns, seg)
            if ep.profile.crossed_syn_ack_is_acked:
                ep.receiver.note_old_syn()
            return why.ACK_OF_SYN
        if not ep.passive and ep.profile.half_open_is_request:
            ep.challenge_ack(now_ns, why.CHALLENGE_SYN)
            return why.CHALLENGE_SYN
        if ep.profile.resend_syn_ack_on_syn:
            if not ep.may_answer_invalid(now_ns, seg):
                return why.INVALID_LIMITED
            send_syn_ack(ep, now_ns, why.SYN_AGAIN_ACKED, "syn")
            return why.SYN_AGAIN_ACKED
        ep.send_ack(now_ns, why.ACK_SYN_AGAIN)
        return why.ACK_SYN_AGAIN
    if state is TIME_WAIT and seg.flags & FIN and seq_add(seg.seq, seg.seg_len()) == rcv.nxt:
        # "The only thing that can arrive in this state is a retransmission of the remote FIN.
        # Acknowledge it, and restart the 2 MSL timeout."
        ep.send_ack(now_ns, why.ACK_FIN_AGAIN)
        start_time_wait(ep, now_ns)
        return why.ACK_FIN_AGAIN
    if seg.flags & SYN and state is not SYN_RECEIVED and state is not TIME_WAIT:
        # RFC 5961 §4.2: "irrespective of the sequence number", a SYN asks for a challenge ACK.
        ep.challenge_ack(now_ns, why.CHALLENGE_SYN)
        return why.CHALLENGE_SYN
    ep.receiver.note_old_segment(seg)
    reason = why.DROP_UNACCEPTABLE
    if ep.profile.takes_ack_of_old_segment and seg.flags & ACK and seq_lt(seg.seq, rcv.nxt):
        return _take_ack_of_old_segment(ep, now_ns, seg)
    if seg.payload and rcv.wnd == 0 and seg.seq == rcv.nxt:
        reason = why.ACK_CLOSED_WINDOW
    elif seq_add(seg.seq, 1) == rcv.nxt and len(seg.payload) <= 1 and not seg.flags & (SYN | FIN):
        reason = why.ACK_KEEP_ALIVE
    elif seq_lt(seg.seq, rcv.nxt) and seg.payload:
        reason = why.OLD_IN_TIME_WAIT if state is TIME_WAIT else why.ACK_DUPLICATE
    ep.last_heard_ns = now_ns
    if seg.flags & URG and seg.seq == rcv.nxt:
        step6_urg(ep, now_ns, seg)  # MUST-66
    if seg.flags & ACK and not seg.flags & SYN and seg.seq == rcv.nxt and state is not SYN_RECEIVED:
        # Window zero: the text is refused, but a valid ACK in it counts (RFC 9293 §3.4).
        if step5_ack(ep, now_ns, seg) is None and ep.sender.fin_was_acked():
            if fin_acknowledged(ep, now_ns) is not None:
                return reason
    elif seg.flags & ACK and not seg.flags & SYN and state is not SYN_RECEIVED and not seg.seg_len():
        # Probes answered from an old number still prove that the peer lives.
        ep.keep_probes = 0
    if ep.may_answer_invalid(now_ns, seg):
        ep.send_ack(now_ns, reason)
    return reason


def _take_ack_of_old_segment(ep: Endpoint, now_ns: int, seg: Segment) -> Reason:
    """BSD: the text and the FIN of an old segment are dropped, its ACK field counts (Stevens, vol. 2, p. 960)."""
    ep.last_heard_ns = now_ns
    ep.receiver.ack_reason = ep.receiver.ack_reason or why.DROP_UNACCEPTABLE
    if step5_ack(ep, now_ns, seg) is None and ep.sender.fin_was_acked():
        fin_acknowledged(ep, now_ns)
    if ep.state is TIME_WAIT:
        ep.receiver.ack_reason = None
    return why.DROP_UNACCEPTABLE


# --- second: check the RST bit -----------------------------------------------------------------


def step2_rst(ep: Endpoint, now_ns: int, seg: Segment) -> tuple[Reason, bool]:
    """Second: RFC 5961 §3: exactly RCV.NXT resets, elsewhere in the window asks with a challenge ACK."""
    if ep.state is TIME_WAIT and ep.profile.time_wait_ignores_rst:
        return why.DROP_RST_TIME_WAIT, False
    if seg.seq != ep.receiver.rcv.nxt and not ep.profile.insecure_rst and not _is_rst_at_sack(ep, seg):
        if ep.state is TIME_WAIT and not ep.profile.time_wait_challenges_rst:
            return why.DROP_RST_TIME_WAIT, False
        ep.challenge_ack(now_ns, why.CHALLENGE_RST)
        return why.CHALLENGE_RST, False
    if ep.state is SYN_RECEIVED and not ep.fast_open:
        return _back_to_listen_or_refuse(ep, now_ns), True
    ep.die(now_ns, "rcv-rst", why.RESET_BY_PEER, _error_of_rst(ep))
    return why.RESET_BY_PEER, True


def _error_of_rst(ep: Endpoint) -> str:
    """What the user is told of a RST."""
    if ep.state is TIME_WAIT:
        return ""
    return ep.profile.rst_in_close_wait if ep.state is CLOSE_WAIT else "connection-reset"


def _is_rst_at_sack(ep: Endpoint, seg: Segment) -> bool:
    """Linux: the peer may have sent it right after the last octets that we reported by SACK (after RFC 5961 §3.2)."""
    receiver = ep.receiver
    if not ep.profile.rst_at_highest_sack or not ep.neg.sack or not receiver.reassembly.bytes_held:
        return False
    return seg.seq == receiver.seq_of(receiver.reassembly.runs()[-1][1])


def _back_to_listen_or_refuse(ep: Endpoint, now_ns: int) -> Reason:
    """SYN-RECEIVED: from a passive open back to LISTEN (MUST-11), from an active open: refused."""
    if ep.passive and ep.profile.syn_received_to_listen:
        back_to_listen(ep, now_ns, "rcv-rst", why.RST_BACK_TO_LISTEN)
        return why.RST_BACK_TO_LISTEN
    ep.die(now_ns, "rcv-rst", why.REFUSED_IN_SYN_RECEIVED, ep.profile.rst_in_syn_received)
    return why.REFUSED_IN_SYN_RECEIVED


def back_to_listen(ep: Endpoint, now_ns: int, cause: str, reason: Reason) -> None:
    """Forget the half-open connection, and wait for the next SYN."""
    ep.change_state(now_ns, LISTEN, cause, reason)
    ep.timers.stop_all()
    ep.sender.clear()
    ep.receiver.reassembly.clear()
    ep.receiver.ack_reason = None
    ep.syn_data_held = None
    ep.remote_addr = ""
    ep.remote_port = 0
    ep.receiver.rcv.wnd = 0


# --- fourth: check the SYN bit -----------------------------------------------------------------


def step4_syn(ep: Endpoint, now_ns: int, seg: Segment) -> Reason:
    """Fourth: a SYN in the window. RFC 5961 §4: challenge ACK; passive SYN-RECEIVED: back to LISTEN."""
    if ep.state is SYN_RECEIVED and ep.passive and not ep.profile.resend_syn_ack_on_syn:
        back_to_listen(ep, now_ns, "rcv-syn", why.SYN_BACK_TO_LISTEN)
        return why.SYN_BACK_TO_LISTEN
    # The SYN's own number must be in the window for that; a FIN behind it may be all that is acceptable.
    if ep.profile.insecure_syn and seq_in(seg.seq, ep.receiver.rcv.nxt, ep.receiver.acceptance_window()):
        reset(ep, now_ns, "rcv-rst", why.RST_SYN_IN_WINDOW)
        ep.error = "connection-reset"
        return why.RST_SYN_IN_WINDOW
    ep.challenge_ack(now_ns, why.CHALLENGE_SYN)
    return why.CHALLENGE_SYN


# --- fifth: check the ACK field ------------------------------------------------------------------


def step5_ack(ep: Endpoint, now_ns: int, seg: Segment) -> Reason | None:
    """Fifth: the ACK field. RFC 5961 §5 bounds it: SND.UNA - MAX.SND.WND =< SEG.ACK =< SND.NXT."""
    if not seg.flags & ACK:
        return why.DROP_NO_ACK
    snd = ep.snd
    if ep.state is SYN_RECEIVED:
        done = _syn_received_ack(ep, now_ns, seg)
        if done is not None:
            return done
    elif not ep.syn_acked and seq_gt(seg.ack, snd.iss) and seq_le(seg.ack, snd.nxt):
        # CLOSE in SYN-RECEIVED sent our FIN before the SYN was acknowledged.
        ep.syn_acked = True
        ep.sender.syn_was_acked(ep, now_ns, seg)
        if ep.fast_open:
            ep.established_at_ns = now_ns
            ep.stop_timer(now_ns, RTO)
            ep.sender.sync_timers(ep, now_ns)
    if ep.sender.probing:
        ep.sender.admit_probe(now_ns, seg.ack)
    if seq_gt(seg.ack, snd.nxt):
        if ep.state is not TIME_WAIT:
            ep.challenge_ack(now_ns, why.ACK_UNSENT)
            return why.ACK_UNSENT
        return why.ACK_UNSENT
    if ep.profile.check_ack_lower_bound and seq_diff(seg.ack, snd.una) < -snd.max_wnd:
        ep.challenge_ack(now_ns, why.CHALLENGE_ACK_RANGE)
        return why.CHALLENGE_ACK_RANGE
    if ep.neg.ecn:
        _take_ecn(ep, seg)
    ep.sender.handle_ack(ep, now_ns, seg)
    return None


def _take_ecn(ep: Endpoint, seg: Segment) -> None:
    """RFC 3168 §6.1.3: echo CE until the sender answers with CWR."""
    if seg.flags & CWR:
        ep.ecn_echo = False
    if seg.tos & 3 and seg.payload:
        ep.ecn_seen = True
        if seg.tos & 3 == CE:
            ep.ecn_echo = True


def _syn_received_ack(ep: Endpoint, now_ns: int, seg: Segment) -> Reason | None:
    """SYN-RECEIVED: SND.UNA < SEG.ACK =< SND.NXT opens the connection; else a RST."""
    snd = ep.snd
    if not is_acceptable_ack_of_syn(ep, seg):
        reset_seg = reset_for(seg)
        if reset_seg is not None:
            ep.send(now_ns, reset_seg, why.RST_BAD_ACK_SYN_RECEIVED)
        return why.RST_BAD_ACK_SYN_RECEIVED
    ep.syn_acked = True
    ep.sender.syn_was_acked(ep, now_ns, seg)
    # "SND.WND <- SEG.WND, SND.WL1 <- SEG.SEQ, SND.WL2 <- SEG.ACK"
    plain = seg.flags & SYN and not ep.profile.crossed_window_is_scaled
    window = seg.wnd if plain else seg.wnd << snd.wscale
    snd.wnd = window
    # tcp_create_openreq_child: a passive opener forgets the window of the SYN
    if ep.passive and ep.profile.mss_within_half_window:
        snd.max_wnd = window
    else:
        snd.max_wnd = max(snd.max_wnd, seg.wnd if seg.flags & SYN else window)
    snd.wl1 = seg.seq
    snd.wl2 = seg.ack
    enter_established(ep, now_ns, "rcv-ack-of-syn", why.ACK_OF_SYN)
    release_syn_data(ep, now_ns)
    if ep.close_pending:
        ep.close_pending = False
        ep.sender.queue_fin()
        if ep.state is ESTABLISHED:
            ep.change_state(now_ns, FIN_WAIT_1, "close", why.CLOSE_CALL)
        elif ep.state is CLOSE_WAIT:
            ep.change_state(now_ns, LAST_ACK, "close", why.CLOSE_CALL)
    return None


def fin_acknowledged(ep: Endpoint, now_ns: int, *, has_fin: bool = False) -> Reason | None:
    """Our FIN is acknowledged: FIN-WAIT-1 -> FIN-WAIT-2, CLOSING -> TIME-WAIT, LAST-ACK -> CLOSED.

    `has_fin`: the same segment brings the peer's FIN: then the eighth step may go from FIN-WAIT-1
    straight to TIME-WAIT (note 2 under figure 5).
    """
    state = ep.state
    if state is FIN_WAIT_1:
        if has_fin:
            return None
        ep.change_state(now_ns, FIN_WAIT_2, "rcv-ack-of-fin", why.ACK_OF_FIN)
        if ep.user_gone and ep.profile.fin_wait_2_ns:
            ep.set_timer(now_ns, FIN_WAIT_2_IDLE, now_ns + ep.profile.fin_wait_2_ns, why.FIN_WAIT_2_ARMED)
    elif state is CLOSING:
        ep.change_state(now_ns, TIME_WAIT, "rcv-ack-of-fin", why.ACK_OF_FIN)
        start_time_wait(ep, now_ns)
        return why.ACK_OF_FIN
    elif state is LAST_ACK:
        ep.die(now_ns, "rcv-ack-of-fin", why.LAST_ACK_CAME)
        return why.LAST_ACK_CAME
    return None


# --- sixth: check the URG bit -----------------------------------------------------------------------


def step6_urg(ep: Endpoint, now_ns: int, seg: Segment) -> None:
    """Sixth: RCV.UP <- max(RCV.UP, SEG.UP), and tell the user of urgent data ahead (MUST-31, MUST-32)."""
    if ep.state not in (ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2):
        return
    rcv = ep.receiver.rcv
    up = seq_add(seg.seq, seg.urg)
    if not rcv.urgent or seq_gt(up, rcv.up):
        rcv.up = seq_max(rcv.up, up)
        if seq_gt(rcv.up, rcv.nxt) or seq_gt(up, seq_add(rcv.nxt, -1)):
            rcv.urgent = True
            ep.notify(now_ns, "urgent-data", why.URGENT_DATA)


# --- seventh and eighth: the text and the FIN ----------------------------------------------------------


def text_and_fin(ep: Endpoint, now_ns: int, seg: Segment) -> Reason:
    """Seventh: process the segment text. Eighth: check the FIN bit."""
    state = ep.state
    receiver = ep.receiver
    if state not in (ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2) and not (state is SYN_RECEIVED and ep.fast_open):
        if seg.payload or seg.flags & FIN:
            if state is TIME_WAIT and seg.flags & FIN:
                ep.send_ack(now_ns, why.ACK_FIN_AGAIN)
                start_time_wait(ep, now_ns)
                return why.ACK_FIN_AGAIN
            if ep.profile.late_text_ignored and state is not TIME_WAIT:
                if seq_lt(seg.seq, receiver.rcv.nxt):
                    receiver.note_old_segment(seg)
                    receiver.ack_reason = why.ACK_DUPLICATE
                return why.DROP_TEXT_CLOSING
            receiver.ack_reason = why.ACK_DUPLICATE
            return why.DROP_TEXT_CLOSING
        return why.ACCEPTED
    reason = why.ACCEPTED
    if seg.payload or seg.flags & FIN:
        gone = ep.user_gone or (ep.read_shut and ep.profile.shut_read_refuses)
        gone = gone and (len(seg.payload) > 0 or ep.profile.late_data_rst_as_closed)
        if gone and state is not ESTABLISHED and _is_new_text(ep, seg):
            answer = reset_for(seg) if ep.profile.late_data_rst_as_closed else None
            if answer is None:
                reset(ep, now_ns, "data-after-close", why.DATA_AFTER_CLOSE)
            else:
                ep.die(now_ns, "data-after-close", why.DATA_AFTER_CLOSE, "" if ep.user_gone else "connection-reset")
                ep.send(now_ns, answer, why.DATA_AFTER_CLOSE)
            return why.DATA_AFTER_CLOSE
        before = receiver.buffer.total
        if seg.payload:
            receiver.last_data_ns = now_ns
        if receiver.accept_text(now_ns, seg):
            if ep.recording:
                gained = receiver.buffer.total - before
                ep.emit(Delivered(now_ns, ep.host, ep.conn, gained, receiver.buffer.total))
        elif receiver.refusal is not None:
            reason = receiver.refusal
            receiver.refusal = None
        elif seq_gt(seg.seq, receiver.rcv.nxt):
            reason = why.ACCEPTED_OUT_OF_ORDER
            if receiver.ack_reason is None:
                receiver.ack_reason = why.ACK_OUT_OF_ORDER
        if receiver.fin_reached():
            step8_fin(ep, now_ns)
            # tcp_fin begins ping-pong mode, so only more than a segment is acknowledged at once (__tcp_ack_snd_check)
            much = receiver.unacked_bytes + 1 > (receiver.ack_policy.segment_size() or receiver.mss)
            much = much and (not ep.profile.second_ack_needs_window or receiver.keeps_window(1))
            if state is ESTABLISHED and ep.profile.delay_fin_ack and receiver.ack_reason is why.ACK_FIN and not much:
                receiver.ack_policy.on_fin()
                receiver.delay_fin_ack()
        if receiver.ack_reason is None and receiver.unacked_segs and not ep.timers.is_set(DELACK):
            delay = receiver.ack_policy.delay_ns(now_ns)
            ep.set_timer(now_ns, DELACK, now_ns + delay, why.DELACK_ARMED)
    return reason


def _is_new_text(ep: Endpoint, seg: Segment) -> bool:
    return seq_gt(seq_add(seg.seq, len(seg.payload)), ep.receiver.rcv.nxt)


def step8_fin(ep: Endpoint, now_ns: int) -> None:
    """Eighth: the FIN is in order. Tell the user, acknowledge it, change the state."""
    ep.receiver.consume_fin()
    ep.notify(now_ns, "connection-closing", why.RCV_FIN)
    state = ep.state
    if state is SYN_RECEIVED or state is ESTABLISHED:
        ep.change_state(now_ns, CLOSE_WAIT, "rcv-fin", why.RCV_FIN)
    elif state is FIN_WAIT_1:
        if ep.sender.fin_was_acked():
            ep.change_state(now_ns, TIME_WAIT, "rcv-fin-and-ack-of-fin", why.RCV_FIN)
            start_time_wait(ep, now_ns)
        else:
            ep.change_state(now_ns, CLOSING, "rcv-fin", why.RCV_FIN)
    elif state is FIN_WAIT_2:
        ep.change_state(now_ns, TIME_WAIT, "rcv-fin", why.RCV_FIN)
        start_time_wait(ep, now_ns)


def start_time_wait(ep: Endpoint, now_ns: int) -> None:
    """Start (or start again) the 2MSL timer, turn the other timers off."""
    for timer in (RTO, KEEPALIVE, FIN_WAIT_2_IDLE):
        ep.stop_timer(now_ns, timer)
    ep.sender.stop_timers(ep, now_ns)
    ep.set_timer(now_ns, TIME_WAIT_2MSL, now_ns + 2 * ep.profile.msl_ns, why.TIME_WAIT_STARTED)


def time_wait_freebsd(ep: Endpoint, now_ns: int, seg: Segment) -> Reason:
    """TIME-WAIT as FreeBSD sees it (sys/netinet/tcp_timewait.c: tcp_twcheck).

    RSTs never end it (RFC 1337); what lacks an ACK is dropped; a retransmitted FIN restarts the
    clock; everything but an exact duplicate of the last ACK is answered with an ACK.
    """
    if seg.flags & RST:
        return why.DROP_RST_TIME_WAIT
    if not seg.flags & ACK:
        return why.DROP_TIME_WAIT_NO_ACK
    neg, rcv = ep.neg, ep.receiver.rcv
    if neg.timestamps and not seg.has_ts and ep.profile.require_timestamps:
        return why.DROP_NO_TIMESTAMP
    if seg.flags & FIN and seq_add(seg.seq, seg.seg_len()) == rcv.nxt:
        start_time_wait(ep, now_ns)
    if seg.flags == ACK and not seg.payload and seg.seq == rcv.nxt and seg.ack == ep.snd.nxt:
        return why.DROP_TIME_WAIT_DUPLICATE
    ep.send_ack(now_ns, why.ACK_IN_TIME_WAIT)
    return why.ACK_IN_TIME_WAIT


def accepts_new_incarnation(ep: Endpoint, now_ns: int, seg: Segment) -> bool:
    """May this SYN open a new connection out of TIME-WAIT? (RFC 9293 MAY-2, RFC 6191 §2).

    Yes if its timestamp is newer than the last of the old incarnation, or, where the old one
    had no timestamps or they are equal, if its number is beyond everything received.
    """
    if ep.state is not TIME_WAIT or not ep.profile.time_wait_reuse:
        return False
    if not seg.flags & SYN or seg.flags & (RST | ACK) or (seg.flags & FIN and ep.profile.drop_syn_fin):
        return False
    if ep.profile.time_wait_style == "freebsd":
        return seq_gt(seg.seq, ep.receiver.rcv.nxt)
    if ep.neg.timestamps and seg.has_ts:
        if seq_gt(seg.ts_val, ep.neg.ts_recent):
            return True
        if seg.ts_val != ep.neg.ts_recent:
            return False
    return seq_gt(seg.seq, ep.receiver.rcv.nxt)
