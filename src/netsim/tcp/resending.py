"""What is sent again, and by which timer: retransmissions, tail loss probes, window probes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from netsim.base.packet import ACK, CWR, FIN, PSH, Segment
from netsim.base.seqnum import seq_add
from netsim.tcp import pathmtu, tso
from netsim.tcp import reasons as why
from netsim.tcp.gate import RETRY_NS
from netsim.tcp.newdata import NewData
from netsim.tcp.recovery.base import LOSS as LOSS_PHASE
from netsim.tcp.recovery.base import (
    PROBE_LAST,
    PROBE_NEW,
    TIMER_PROBE,
)
from netsim.tcp.recovery.reasons import RESCUE
from netsim.tcp.recovery.scoreboard import SENT_EOR, SENT_FIN, SENT_JOINED, SENT_PUSH, Sent
from netsim.tcp.sendqueue import NOT_QUEUED
from netsim.tcp.timers import LOSS, OVERRIDE, PERSIST

if TYPE_CHECKING:
    from netsim.tcp.endpoint import Endpoint


class Resending(NewData):
    """Retransmissions and probes; what is lost is known by `recovery`."""

    __slots__ = ()

    def _resend(self, ep: Endpoint, now_ns: int, record: Sent) -> Segment:
        """Build a segment from a record, and tell why it goes again."""
        size = self.room(ep)
        if self.profile.resends_within_window:
            left = self.una + self.snd.wnd - record.start
            if 0 < left < size:
                size = left
        if record.end - record.start > size + (1 if record.flags & SENT_FIN else 0):
            self.recovery.sb.split(record, record.start + size)
        else:
            if self.profile.tso:
                self._refill(record, size)
            if self.profile.repacks:
                self._repack(record, size)
        has_fin = bool(record.flags & SENT_FIN)
        data_end = record.end - 1 if has_fin else record.end
        last = self._extend_resend(record, size) if self.profile.tso and not has_fin else None
        if last is not None:
            data_end = last.end
        payload = self.buffer.peek(record.start - 1, data_end - record.start)
        flags = ACK
        if self.profile.repacks == "bytes":
            if payload and data_end == self.buffer.end + 1:
                flags |= PSH  # cut anew, so decided anew: the send buffer ends here (MUST-61)
        elif record.flags & SENT_PUSH:
            flags |= PSH
        if has_fin:
            flags |= FIN
        seg = ep.make_segment(now_ns, seq_add(self.snd.iss, record.start), flags, payload)
        self._mark_urgent(seg)
        seg.flags &= ~CWR
        cause = self._resend_cause(record)
        if self.search is not None and self.search.size:
            pathmtu.probe_spoilt(ep, self.search)
        if last is not None:
            seg.flags |= PSH
        if self.profile.tso:
            self.recovery.sb.cut_out(record, last or record)
        reason = _RESEND_REASONS.get(cause, why.RESEND_GO_BACK)
        detector = self.recovery.sack_detector
        if detector is not None and cause == "sack" and detector.is_rescue(self.recovery.sb, record):
            reason = RESCUE
        self.recovery.on_retransmit(now_ns, record)
        if last is not None:
            self._note_extended(now_ns, record, last)
        if cause == "timeout" and self.options.user_timeout_ns and self.profile.user_timeout_at_rto:
            self._clamp_timer(now_ns)
        self._left(ep, now_ns, seg, reason, cause)
        return seg

    def _clamp_timer(self, now_ns: int) -> None:
        """The timer does not run beyond the user timeout (tcp_clamp_rto_to_user_timeout)."""
        recovery = self.recovery
        end_ns = max(recovery.undo.stamp_ns + self.options.user_timeout_ns, now_ns + self.profile.ts_tick_ns)
        recovery.timer_at_ns = min(recovery.timer_at_ns, end_ns)

    def _has_window(self, record: Sent) -> bool:
        """Linux (__tcp_retransmit_skb): nothing beyond a window that shrank is sent again, but the first segment."""
        if not self.profile.resends_within_window:
            return True
        return record.start < self.una + self.snd.wnd or record.start <= self.una

    def _refill(self, record: Sent, size: int) -> None:
        """What is left of an offloaded segment is cut anew from its beginning (tcp_trim_head, tcp_fragment)."""
        sb = self.recovery.sb
        while record.end - record.start < size:
            following = sb.after(record)
            if following is None or not following.flags & SENT_JOINED or following.sacked:
                return
            if following.lost != record.lost or following.retrans_out or record.retrans_out:
                return
            room = size - (record.end - record.start)
            if following.end - following.start > room:
                rest = sb.split(following, following.start + room)
                rest.flags |= SENT_JOINED
            if not sb.join(record):
                return

    def _repack(self, record: Sent, size: int) -> None:
        """Fill `record` up to `size` octets with what follows it, where the stack does so and the window has room.

        RFC 9293 §3.8.1; `Profile.repacks`. FIN takes a number, but no room.
        """
        recovery = self.recovery
        sb = recovery.sb
        cut = self.profile.repacks == "bytes"
        if not cut:
            if sb.is_offloaded(record):
                return
            size = min(size, self.una + self.snd.wnd - record.start)
        elif not recovery.forced:
            size = min(size, max(recovery.window_left(), record.end - record.start))
        while True:
            following = sb.after(record)
            room = size - (record.end - record.start)
            if following is None or room <= 0:
                return
            length = following.end - following.start - (1 if following.flags & SENT_FIN else 0)
            if length > room:
                if not cut or following.sacked or record.flags & SENT_EOR:
                    return
                sb.split(following, following.start + room)
            elif not cut and (sb.is_offloaded(following) or following.end > self.una + self.snd.wnd):
                return
            if not sb.join(record):
                return

    def _extend_resend(self, record: Sent, size: int) -> Sent | None:
        """The last record of the offloaded segment that `record` began, as far as all of it is lost.

        Linux sends a lost skb again as it was, if the window has room for all its segments
        (tcp_xmit_retransmit_queue); after a timeout the first one goes alone.
        """
        recovery = self.recovery
        sb = recovery.sb
        if recovery.phase == LOSS_PHASE and self.timeouts and record is sb.first():
            return None
        most = tso.autosize_segments(self.profile, self._rate(), size, recovery.rtt.min_rtt_ns)
        room = min(recovery.window_left(), most * size) - size
        last = None
        index = sb.index_of(record.start) + 1
        while index < len(sb.records) and room >= size:
            candidate = sb.records[index]
            if not candidate.flags & SENT_JOINED or not candidate.lost or candidate.retrans_out or candidate.sacked:
                break
            last = candidate
            room -= size
            index += 1
        return last

    def _note_extended(self, now_ns: int, record: Sent, last: Sent) -> None:
        """The records after `record` up to `last` left with it."""
        sb = self.recovery.sb
        index = sb.index_of(record.start) + 1
        while index < len(sb.records) and sb.records[index].end <= last.end:
            self.recovery.on_retransmit(now_ns, sb.records[index])
            index += 1

    def _resend_cause(self, record: Sent) -> str:
        """Which mechanism sends this record again."""
        recovery = self.recovery
        if recovery.probing:
            return "tlp"
        if recovery.phase == LOSS_PHASE and not recovery.mtu_probe_resent:
            # the segment for which the timer ran out; what follows it (or a smaller path MTU) is go-back
            return "timeout" if self.timeouts and record is recovery.sb.first() else "go-back"
        if recovery.rack is not None:
            return "rack"
        if recovery.sack_ok:
            return "sack"
        return "fast" if recovery.duplicates else "partial"

    def count_timeout(self, now_ns: int) -> int:
        """One more timeout in a row; how many."""
        self.timeouts += 1
        return self.timeouts

    def past_r2(self, ep: Endpoint, now_ns: int) -> bool:
        """RFC 9293 §3.8.3: both counts and time are past R2."""
        profile = self.profile
        if profile.r2_retries and self.timeouts <= profile.r2_retries:
            return False
        return self.first_unanswered_ns >= 0 and now_ns - self.first_unanswered_ns >= profile.r2_ns

    def retransmission_timeout(self, ep: Endpoint, now_ns: int) -> None:
        """The RTO expired: recovery marks what is lost; `poll` sends the first of it again."""
        if self.gate is not None and self.gate.refuses:
            # the device takes nothing: no back-off, but another try soon (tcp_retransmit_timer)
            self.recovery.on_rto(now_ns, retry_ns=RETRY_NS)
        else:
            self.recovery.on_rto(now_ns)
        if ep.recording:
            self._tell_recovery(ep, now_ns)
        self.sync_timers(ep, now_ns)

    def loss_timeout(self, ep: Endpoint, now_ns: int) -> None:
        """The RACK reordering timer or the tail-loss probe timer expired (RFC 8985)."""
        recovery = self.recovery
        if recovery.timer != TIMER_PROBE:
            ep.timer_expired(now_ns, LOSS, why.RESEND_RACK)
            recovery.on_reorder_timer(now_ns)
        else:
            waiting = self.unsent_bytes() + self.fin_waits()
            ready = waiting > 0 and self.una + self.snd.wnd >= self.nxt + min(waiting, self.room(ep))
            ep.timer_expired(now_ns, LOSS, why.PROBE_TLP_NEW if ready else why.RESEND_TLP)
            probe = recovery.on_probe_timer(now_ns, ready)
            if probe == PROBE_NEW:
                self._tlp_new = True
            elif probe == PROBE_LAST:
                record = recovery.probe_record()
                if (
                    record is not None
                    and self._has_window(record)
                    and not (self.gate is not None and self.gate.refuses)
                ):
                    ep.outbox.append(self._resend(ep, now_ns, record))
        if ep.recording:
            self._tell_recovery(ep, now_ns)
        self.sync_timers(ep, now_ns)

    def override_timeout(self, ep: Endpoint, now_ns: int) -> None:
        """Small as it is, the segment goes now."""
        ep.timer_expired(now_ns, OVERRIDE, why.CORK_TIMEOUT if self._is_corked() else why.SWS_OVERRIDE)
        self._force = True
        self._force_push = self.profile.sws_override_probes
        self.corked = False
        self.push_marks.append(self.buffer.end + 1)

    def persist_gives_up(self, ep: Endpoint, now_ns: int) -> bool:
        """A peer that keeps answering is kept for ever (MUST-37); one that is silent falls to R2."""
        profile = self.profile
        if not profile.r2_retries or self.persist_count < profile.r2_retries:
            return False
        return now_ns - ep.last_heard_ns >= profile.r2_ns

    def send_probe(self, ep: Endpoint, now_ns: int) -> None:
        """One octet beyond the closed window (RFC 9293 §3.8.6.1); the FIN if nothing else is left."""
        self.persist_count += 1
        if self.profile.persist_with_old_number:
            probe = ep.make_segment(now_ns, seq_add(self.snd.una, -1), ACK, b"")
        elif self.unsent_bytes() > 0:
            payload = self.buffer.peek(self.nxt - 1, 1)
            probe = ep.make_segment(now_ns, self.snd.nxt, ACK, payload)
        elif self.fin_offset != NOT_QUEUED and not self.fin_sent:
            ep.outbox.append(self._send_new(ep, now_ns, 0))
            return
        else:
            return
        # The octet counts as sent only once it is acknowledged: the peer is expected to refuse it.
        self.probing = len(probe.payload) > 0
        ep.ack_left(now_ns)
        ep.outbox.append(probe)
        if ep.recording:
            ep.sent(now_ns, probe, why.PERSIST_PROBE, "persist")
        ep.set_timer(now_ns, PERSIST, now_ns + self._probe_interval_ns(), why.PERSIST_ARMED)

    def admit_probe(self, now_ns: int, ack: int) -> None:
        """The peer took the octet of a window probe: it counts as sent from now on."""
        if self.probing and ack == seq_add(self.snd.nxt, 1) and self.unsent_bytes() > 0:
            self._record(now_ns, 1, 0)
            self.snd.nxt = ack

    def path_mtu_shrank(self, ep: Endpoint, now_ns: int) -> None:
        """RFC 1191 §6.4: segments above the new size are cut and sent again at once, without a timeout."""
        smss = self.segment_bytes(ep)
        self.recovery.on_mtu_reduced(now_ns, smss)
        self.sync_timers(ep, now_ns)


_RESEND_REASONS: Final = {
    "timeout": why.RESEND_TIMEOUT,
    "fast": why.RESEND_FAST,
    "partial": why.RESEND_PARTIAL,
    "sack": why.RESEND_SACK,
    "rack": why.RESEND_RACK,
    "tlp": why.RESEND_TLP,
    "fin": why.RESEND_FIN,
    "go-back": why.RESEND_GO_BACK,
}
