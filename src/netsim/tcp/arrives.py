"""SEGMENT ARRIVES: RFC 9293 §3.10.7.1 (CLOSED), §3.10.7.2 (LISTEN), §3.10.7.3 (SYN-SENT).

The other states are in `netsim.tcp.synchronized`. One function per numbered step, in the
RFC's order. A step returns None to go on to the next one, or the reason why the segment
is done with. Whatever a peer sends, nothing here raises.
"""

from __future__ import annotations

from netsim.base.packet import ACK, CWR, ECE, FIN, RST, SYN, Segment
from netsim.base.reasons import Reason
from netsim.base.seqnum import seq_add, seq_diff, seq_gt, seq_le
from netsim.base.units import MS
from netsim.tcp import pathmtu
from netsim.tcp import reasons as why
from netsim.tcp.endpoint import Endpoint
from netsim.tcp.state import CLOSED, ESTABLISHED, LISTEN, SYN_RECEIVED, SYN_SENT
from netsim.tcp.timers import DELACK, KEEPALIVE, RTO


def reset_for(seg: Segment) -> Segment | None:
    """The answer to a segment for which there is no connection (§3.10.7.1); None for a RST.

    Without an ACK: <SEQ=0><ACK=SEG.SEQ+SEG.LEN><CTL=RST,ACK>; with one: <SEQ=SEG.ACK><CTL=RST>.
    """
    if seg.flags & RST:
        return None
    if seg.flags & ACK:
        reset = Segment(seg.dst, seg.src, seg.dport, seg.sport, seg.ack, 0, RST, 0)
    else:
        ack = seq_add(seg.seq, seg.seg_len())
        reset = Segment(seg.dst, seg.src, seg.dport, seg.sport, 0, ack, RST | ACK, 0)
    reset.encap_sport, reset.encap_dport = seg.encap_dport, seg.encap_sport
    return reset


def segment_arrives_closed(ep: Endpoint, now_ns: int, seg: Segment) -> Reason:
    """§3.10.7.1: everything is discarded, and answered with a RST unless it is one."""
    reset = reset_for(seg)
    if reset is None:
        return why.DROP_RST_CLOSED
    ep.send(now_ns, reset, why.RESET_LOCAL)
    return why.DROP_CLOSED


# --- LISTEN, §3.10.7.2 ---------------------------------------------------------------------


def segment_arrives_listen(ep: Endpoint, now_ns: int, seg: Segment) -> Reason:
    """§3.10.7.2: first RST, second ACK, third SYN, fourth anything else."""
    if seg.flags & RST:
        return why.DROP_RST_LISTEN
    if seg.flags & ACK:
        if seg.flags & SYN and ep.profile.listen_drops_syn_ack:
            return why.DROP_SYN_ACK_LISTEN
        reset = reset_for(seg)
        if reset is not None:
            ep.send(now_ns, reset, why.RST_ACK_IN_LISTEN)
        return why.RST_ACK_IN_LISTEN
    if seg.flags & SYN:
        if seg.flags & FIN and ep.profile.listen_drops_syn_fin:
            return why.DROP_SYN_FIN
        return _listen_third_syn(ep, now_ns, seg)
    return why.DROP_NO_SYN_LISTEN


def _listen_third_syn(ep: Endpoint, now_ns: int, seg: Segment) -> Reason:
    """Third: a SYN. RCV.NXT = SEG.SEQ+1, IRS = SEG.SEQ; send <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK>."""
    ep.remote_addr = seg.src
    ep.remote_port = seg.sport
    ep.local_addr = seg.dst
    if seg.encap_dport:
        ep.encapsulated = True
        ep.options.encap_sport, ep.options.encap_dport = seg.encap_dport, seg.encap_sport
    ep.opened_at_ns = now_ns
    ep.last_heard_ns = now_ns
    ep.receiver.start(seg.seq)
    take_syn_options(ep, now_ns, seg, offered_by_us=False)
    ep.sender.start(ep, now_ns)
    take_peer_window(ep, seg)
    ep.snd.una = ep.snd.iss
    ep.snd.nxt = seq_add(ep.snd.iss, 1)
    ep.snd.up = ep.snd.iss
    if ep.profile.two_way_handshake:
        ep.change_state(now_ns, SYN_RECEIVED, "rcv-syn", why.SYN_IN_LISTEN)
        send_syn_ack(ep, now_ns, why.TWO_WAY_OPEN)
        ep.stop_timer(now_ns, RTO)
        ep.syn_acked = True
        # the ACK that a three-way handshake would wait for, taken for granted
        imagined = Segment(seg.src, seg.dst, seg.sport, seg.dport, seq_add(seg.seq, 1), ep.snd.nxt, ACK, seg.wnd)
        ep.sender.syn_was_acked(ep, now_ns, imagined)
        enter_established(ep, now_ns, "rcv-ack-of-syn", why.TWO_WAY_OPEN)
        hold_syn_data(ep, now_ns, seg)
        release_syn_data(ep, now_ns)
        return why.TWO_WAY_OPEN
    ep.change_state(now_ns, SYN_RECEIVED, "rcv-syn", why.SYN_IN_LISTEN)
    if ep.fast_open:
        return _open_fast(ep, now_ns, seg)
    hold_syn_data(ep, now_ns, seg)
    send_syn_ack(ep, now_ns, why.SYN_IN_LISTEN)
    return why.SYN_IN_LISTEN


def _open_fast(ep: Endpoint, now_ns: int, seg: Segment) -> Reason:
    """RFC 7413 §4.2.2: the SYN's cookie is good. Its data is the user's at once, and ours may follow the SYN,ACK."""
    round_receive_buffer(ep)
    ep.receiver.ack_policy.on_established(min(ep.snd.mss, ep.receiver.mss), ep.receiver.free_bytes())
    ep.sender.open_fast()
    ep.sender.established(ep, now_ns)
    if seg.payload or seg.flags & FIN:
        from netsim.tcp.synchronized import step8_fin

        ep.syn_data_acked = len(seg.payload) > 0
        ep.receiver.take_syn_text(seg)
        if ep.receiver.fin_reached():
            step8_fin(ep, now_ns)
    send_syn_ack(ep, now_ns, why.FAST_OPEN_ACCEPTED)
    # tcp_select_initial_window: the window is the whole room from the start, though the SYN,ACK's field tells less
    ep.receiver.rcv.wnd = max(ep.receiver.rcv.wnd, ep.receiver.open_window())
    return why.FAST_OPEN_ACCEPTED


def hold_syn_data(ep: Endpoint, now_ns: int, seg: Segment) -> None:
    """Text (or a FIN) on a SYN is "queued for processing later": until ESTABLISHED."""
    if (seg.payload or seg.flags & FIN) and ep.profile.keep_syn_data:
        ep.syn_data_held = seg
        ep.note(now_ns, why.SYN_DATA_HELD)


def hold_crossed_syn_data(ep: Endpoint, now_ns: int, seg: Segment) -> None:
    """The same for a SYN that crossed ours; FreeBSD keeps its text, but not its FIN."""
    if ep.profile.keep_crossed_syn_text:
        if seg.payload:
            held = seg.copy()
            held.flags &= ~FIN
            ep.syn_data_held = held
            ep.note(now_ns, why.SYN_DATA_HELD)
    else:
        hold_syn_data(ep, now_ns, seg)


def release_syn_data(ep: Endpoint, now_ns: int) -> None:
    """Now that the connection is open, process what the SYN carried besides its number."""
    held = ep.syn_data_held
    if held is None:
        return
    ep.syn_data_held = None
    from netsim.tcp.synchronized import text_and_fin

    if seq_gt(seq_add(held.seq, held.seg_len()), ep.receiver.rcv.nxt):
        text_and_fin(ep, now_ns, held)


def send_syn_ack(ep: Endpoint, now_ns: int, reason: Reason, cause: str = "") -> None:
    """<SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK>, with the retransmission timer."""
    syn_ack = ep.make_syn(now_ns, with_ack=True)
    if not cause and reason is why.SIMULTANEOUS_OPEN and ep.profile.crossed_syn_keeps_timer:
        ep.syn_segment = syn_ack
        ep.sender.recovery.on_syn_crossed(now_ns)
        ep.send(now_ns, syn_ack, reason, cause)
        return
    if not cause:
        ep.syn_sent_ns = now_ns
        ep.syn_transmissions = 1
    ep.syn_segment = syn_ack
    ep.send(now_ns, syn_ack, reason, cause)
    ep.set_timer(now_ns, RTO, now_ns + ep.sender.rto_ns(), why.RTO_ARMED)


def take_syn_options(ep: Endpoint, now_ns: int, seg: Segment, offered_by_us: bool) -> None:
    """What the peer's SYN offers or accepts: MSS, window scale, SACK, timestamps, ECN.

    An option in a SYN,ACK that we did not offer is ignored. RFC 9293 §3.7.1 (MUST-15: 536/1220
    without an MSS option), RFC 7323 §2.2 and §3.2, RFC 2018 §2, RFC 3168 §6.1.1.
    """
    profile, options, neg = ep.profile, ep.options, ep.neg
    neg.peer_mss = max(0, seg.opt_mss)
    mss = seg.opt_mss
    if mss < 0:
        mss = profile.default_mss_v6 if ":" in ep.remote_addr else profile.default_mss_v4
    mss = max(mss, profile.min_mss)
    neg.mss_clamp = min(mss, options.mss) if options.mss else mss
    ep.snd.mss = pathmtu.largest_mss(ep, ep.mtu)
    ep.receiver.mss = ep.our_mss()
    no_options = options.no_options
    neg.wscale = seg.opt_wscale >= 0 and profile.use_window_scale and not no_options
    if neg.wscale:
        # RFC 7323 §2.3: a shift above 14 counts as 14.
        ep.snd.wscale = min(seg.opt_wscale, 14)
        ep.receiver.rcv.wscale = ep.offered_wscale()
    neg.sack = seg.sack_ok and profile.use_sack and not no_options
    neg.timestamps = seg.has_ts and profile.use_timestamps and not no_options
    if neg.timestamps:
        neg.ts_recent = seg.ts_val
        neg.ts_recent_age_ns = now_ns
        ep.receiver.mss = ep.our_mss() - 12
    if offered_by_us:
        neg.ecn = ep.asks_for_ecn() and seg.flags & (ECE | CWR) == ECE
    else:
        neg.ecn = (profile.ecn != "off" or ep.asks_for_ecn()) and seg.flags & (ECE | CWR) == ECE | CWR


def take_peer_window(ep: Endpoint, seg: Segment) -> None:
    """SND.WND from a SYN, whose window is never scaled (RFC 7323 §2.2), with WL1 and WL2."""
    snd = ep.snd
    snd.wnd = seg.wnd
    snd.max_wnd = max(snd.max_wnd, seg.wnd)
    snd.wl1 = seg.seq
    snd.wl2 = seg.ack if seg.flags & ACK else snd.iss


def enter_established(ep: Endpoint, now_ns: int, cause: str, reason: Reason) -> None:
    """The handshake is complete: timers of the handshake stop, the sender may start."""
    ep.change_state(now_ns, ESTABLISHED, cause, reason)
    ep.established_at_ns = now_ns
    ep.syn_segment = None
    ep.stop_timer(now_ns, RTO)
    ep.stop_timer(now_ns, KEEPALIVE)
    if ep.fast_open:
        ep.sender.sync_timers(ep, now_ns)
        return
    round_receive_buffer(ep)
    ep.sender.established(ep, now_ns)
    size = min(ep.sender.segment_bytes(ep), ep.receiver.mss)
    ep.receiver.ack_policy.on_established(size, ep.receiver.free_bytes())
    ep.receiver.ack_policy.on_window(ep.receiver.free_bytes())


def round_receive_buffer(ep: Endpoint) -> None:
    """FreeBSD (tcp_mss): the receive buffer becomes a whole number of segments, once the MSS is known."""
    ep.receiver.takes_all_room = ep.profile.accepts_all_room
    if ep.receiver.space is not None:
        ep.receiver.space.established(ep.our_mss() if ep.passive else ep.receiver.mss, ep.neg.wscale)
        ep.receiver.space.advmss = ep.receiver.mss
    if ep.profile.round_rcv_buffer_to_mss and not ep.options.rcv_buffer:
        mss = ep.snd.mss
        ep.receiver.capacity = (ep.receiver.capacity + mss - 1) // mss * mss


# --- SYN-SENT, §3.10.7.3 ---------------------------------------------------------------------


def segment_arrives_syn_sent(ep: Endpoint, now_ns: int, seg: Segment) -> Reason:
    """§3.10.7.3: first ACK, second RST, (third security), fourth SYN, fifth neither SYN nor RST."""
    done = _syn_sent_first_ack(ep, now_ns, seg)
    if done is not None:
        return done
    done = _syn_sent_second_rst(ep, now_ns, seg)
    if done is not None:
        return done
    if not seg.flags & SYN:
        return why.DROP_NO_SYN_SYN_SENT
    return _syn_sent_fourth_syn(ep, now_ns, seg)


def _syn_sent_first_ack(ep: Endpoint, now_ns: int, seg: Segment) -> Reason | None:
    """First: an ACK must lie in ISS < SEG.ACK =< SND.NXT, or the answer is a RST."""
    if not seg.flags & ACK:
        return None
    snd = ep.snd
    out_of_range = not seq_gt(seg.ack, snd.iss) or seq_gt(seg.ack, snd.nxt)
    if out_of_range or not _echo_is_possible(ep, now_ns, seg):
        soon = ep.profile.bad_ack_resends_syn_ns
        if soon and out_of_range and ep.syn_transmissions == 1:
            ep.set_timer(now_ns, RTO, now_ns + soon, why.RESEND_SYN)
        if seg.flags & RST:
            return why.DROP_BAD_ACK_RST
        reset = reset_for(seg)
        if reset is not None:
            ep.send(now_ns, reset, why.RST_BAD_ACK_SYN_SENT)
        return why.RST_BAD_ACK_SYN_SENT
    return None


def _echo_is_possible(ep: Endpoint, now_ns: int, seg: Segment) -> bool:
    """Linux (tcp_rcv_synsent_state_process): an echoed timestamp that no SYN of ours carried is an old duplicate's."""
    if not ep.profile.syn_ack_checks_echo or not seg.has_ts or not seg.ts_ecr or not ep.profile.use_timestamps:
        return True
    first, last = ep.ts_value(ep.opened_at_ns), ep.ts_value(now_ns)
    return seq_le(first, seg.ts_ecr) and seq_le(seg.ts_ecr, last)


def _syn_sent_second_rst(ep: Endpoint, now_ns: int, seg: Segment) -> Reason | None:
    """Second: a RST with an acceptable ACK refuses the connection; without an ACK it is dropped."""
    if not seg.flags & RST:
        return None
    if not seg.flags & ACK:
        return why.DROP_RST_NO_ACK
    ep.die(now_ns, "rcv-rst", why.REFUSED, "connection-refused")
    return why.REFUSED


def _syn_sent_fourth_syn(ep: Endpoint, now_ns: int, seg: Segment) -> Reason:
    """Fourth: a SYN. With our SYN acknowledged: ESTABLISHED and an ACK; else a simultaneous open."""
    snd = ep.snd
    ep.last_heard_ns = now_ns
    ep.receiver.start(seg.seq)
    take_syn_options(ep, now_ns, seg, offered_by_us=True)
    take_peer_window(ep, seg)
    if seg.flags & ACK and seq_gt(seg.ack, snd.iss):
        ep.syn_acked = True
        kept = ep.tfo_data_bytes > 0 and ep.profile.syn_data_stays_queued
        refused = ep.tfo_data_bytes > 0 and seq_gt(snd.nxt, seg.ack)
        if refused and not kept:
            # RFC 7413 §4.2.1: what the SYN carried and the peer did not take is sent again at once.
            ep.sender.take_back_syn_data(ep, seq_diff(seg.ack, snd.iss) - 1)
        # "SND.UNA should be advanced to equal SEG.ACK"
        ep.sender.syn_was_acked(ep, now_ns, seg)
        enter_established(ep, now_ns, "rcv-syn-ack", why.SYN_ACK_COMPLETES)
        if ep.write_pending and ep.receiver.ack_policy.holds_handshake_ack(now_ns):
            # more data is at hand: it will carry the acknowledgement
            ep.receiver.unacked_segs += 1
            ep.set_timer(now_ns, DELACK, now_ns + 200 * MS, why.DELACK_ARMED)
        else:
            ep.receiver.ack_reason = why.SYN_ACK_COMPLETES
        ep.syn_data_acked = ep.tfo_data_bytes > 0 and not refused
        if kept:
            ep.sender.syn_data_answered(ep, now_ns, refused)
        if ep.profile.syn_ack_text_dropped:
            if (ep.fast_open_asked or kept) and not refused:
                ep.receiver.take_syn_text(seg)
                if ep.receiver.fin_reached():
                    from netsim.tcp.synchronized import step8_fin

                    step8_fin(ep, now_ns)
            return why.SYN_ACK_COMPLETES
        if seg.payload or seg.flags & FIN:
            # "If there are other controls or text in the segment, then continue processing
            # at the sixth step under Section 3.10.7.4"
            from netsim.tcp.synchronized import text_and_fin

            text_and_fin(ep, now_ns, seg)
            ep.receiver.ack_reason = ep.receiver.ack_reason or why.SYN_ACK_COMPLETES
        return why.SYN_ACK_COMPLETES
    ep.change_state(now_ns, SYN_RECEIVED, "rcv-syn", why.SIMULTANEOUS_OPEN)
    round_receive_buffer(ep)
    # Two ECN-setup SYNs that cross, or one that we may accept, set ECN up as well (RFC 3168 §6.1.1).
    ep.neg.ecn = ep.profile.ecn != "off" and seg.flags & (ECE | CWR) == ECE | CWR
    hold_crossed_syn_data(ep, now_ns, seg)
    send_syn_ack(ep, now_ns, why.SIMULTANEOUS_OPEN)
    return why.SIMULTANEOUS_OPEN


def is_acceptable_ack_of_syn(ep: Endpoint, seg: Segment) -> bool:
    """SND.UNA < SEG.ACK =< SND.NXT."""
    return seq_gt(seg.ack, ep.snd.una) and seq_le(seg.ack, ep.snd.nxt)


__all__ = [
    "CLOSED",
    "LISTEN",
    "SYN_SENT",
    "enter_established",
    "is_acceptable_ack_of_syn",
    "release_syn_data",
    "reset_for",
    "segment_arrives_closed",
    "segment_arrives_listen",
    "segment_arrives_syn_sent",
    "send_syn_ack",
]
