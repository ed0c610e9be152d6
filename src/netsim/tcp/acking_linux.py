"""When Linux acknowledges: quick ACKs at the start, ping-pong mode, an adaptive delay.

net/ipv4/tcp_input.c (tcp_event_data_recv, tcp_measure_rcv_mss, __tcp_ack_snd_check), tcp_output.c
(tcp_send_delayed_ack, tcp_event_ack_sent, tcp_event_data_sent), tcp_timer.c (tcp_delack_timer_handler),
tcp.c (__tcp_cleanup_rbuf). Where the kernel rounds to ticks of a 250 Hz clock, so does this.
"""

from __future__ import annotations

from typing import Final

from netsim.base.packet import Segment
from netsim.base.reasons import Reason
from netsim.base.units import MS
from netsim.tcp import reasons as why
from netsim.tcp.acking import AckPolicy

ATO_MIN_NS: Final = 40 * MS
"""TCP_ATO_MIN, TCP_DELACK_MIN: HZ/25."""
DELACK_MAX_NS: Final = 200 * MS
"""TCP_DELACK_MAX: HZ/5."""
MAX_QUICK_ACKS: Final = 16
"""TCP_MAX_QUICKACKS."""
SOON_NS: Final = 4 * MS
"""A timer set for "now" fires a tick later, at 250 Hz."""


class LinuxAckPolicy(AckPolicy):
    """State of `struct inet_connection_sock`'s icsk_ack.

    ato_ns: predicted tick of the delayed ACK; 0: no data yet   quick: ACKs still to be sent at once
    pingpong: data goes both ways, so that ACKs can ride on it   rcv_mss: the segment size that the peer uses
    """

    def __init__(self, delayed: bool) -> None:
        self.delayed = delayed
        self.ato_ns = 0
        self.quick = 0
        self.pingpong = False
        self.rcv_mss = 536
        self._last_data_ns = 0
        self._pushed = 0
        self._grown = False
        self._window_bytes = 65535
        self._srtt_ns = 0
        self._rto_ns = 1000 * MS

    def on_established(self, mss: int, rcv_wnd: int) -> None:
        """tcp_initialize_rcv_mss: at most 536 until segments are seen."""
        self.rcv_mss = max(88, min(mss, rcv_wnd // 2, 536))

    def holds_handshake_ack(self, now_ns: int) -> bool:
        """tcp_rcv_synsent_state_process, "Save one ACK": quick-ACK mode, and the data will follow."""
        self.pingpong = False
        self.enter_quick_mode(MAX_QUICK_ACKS)
        self.ato_ns = ATO_MIN_NS
        self._last_data_ns = now_ns
        return True

    def on_rtt(self, srtt_ns: int, rto_ns: int) -> None:
        """The delay is bounded by the round trip."""
        self._srtt_ns = srtt_ns
        self._rto_ns = rto_ns

    def on_text(
        self, now_ns: int, size: int, unacked_bytes: int, unacked_segs: int, mss: int, seg: Segment
    ) -> Reason | None:
        """tcp_event_data_recv, then __tcp_ack_snd_check."""
        self._measure(size, mss)
        self._predict(now_ns)
        self._last_data_ns = now_ns
        if self._grown:
            self._grown = False
            self.quick |= 1
        if not self.delayed:
            return why.ACK_IMMEDIATE
        if unacked_bytes > self.rcv_mss:
            return why.ACK_EVERY_SECOND
        if self.quick and not self.pingpong:
            return why.ACK_IMMEDIATE
        return None

    def _measure(self, size: int, mss: int) -> None:
        """tcp_measure_rcv_mss."""
        segment = size if size <= mss else mss
        if segment >= self.rcv_mss:
            self.rcv_mss = segment
        else:
            self._pushed = min(2, self._pushed + 1)

    def on_early_text(self, size: int, mss: int) -> None:
        """tcp_data_queue_ofo measures too."""
        self._measure(size, mss)

    def _predict(self, now_ns: int) -> None:
        """tcp_event_data_recv: the first data, data at a steady rate, or data after a pause."""
        if self.ato_ns == 0:
            self.enter_quick_mode(MAX_QUICK_ACKS)
            self.ato_ns = ATO_MIN_NS
            return
        gap = now_ns - self._last_data_ns
        if gap <= ATO_MIN_NS // 2:
            self.ato_ns = self.ato_ns // 2 + ATO_MIN_NS // 2
        elif gap < self.ato_ns:
            self.ato_ns = min(self.ato_ns // 2 + gap, self._rto_ns)
        elif gap > self._rto_ns:
            self.enter_quick_mode(MAX_QUICK_ACKS)

    def enter_quick_mode(self, limit: int) -> None:
        """tcp_incr_quickack."""
        quick = min(self._window_bytes // (2 * self.rcv_mss) or 2, limit)
        self.quick = max(self.quick, quick)

    def on_window(self, rcv_wnd: int) -> None:
        """The window that was last offered (it bounds the number of quick ACKs)."""
        self._window_bytes = rcv_wnd

    def on_window_growth(self) -> None:
        """tcp_grow_window: icsk_ack.quick |= 1, for the segment at hand too."""
        self._grown = True

    def leave_quick_mode(self) -> None:
        """__tcp_select_window."""
        self.quick = 0

    def is_quick(self) -> bool:
        """tcp_in_quickack_mode; without delayed ACKs always."""
        return not self.delayed or (self.quick > 0 and not self.pingpong)

    def delay_ns(self, now_ns: int) -> int:
        """tcp_send_delayed_ack."""
        ato = self.ato_ns
        if ato == 0:
            return SOON_NS
        if ato > ATO_MIN_NS:
            longest = DELACK_MAX_NS if self.pingpong or self._pushed else 500 * MS
            if self._srtt_ns:
                longest = min(longest, max(self._srtt_ns, ATO_MIN_NS))
            ato = min(ato, longest)
        return min(ato, DELACK_MAX_NS)

    def on_data_sent(self, now_ns: int) -> None:
        """tcp_event_data_sent: an answer soon after data arrived makes it a dialogue."""
        if now_ns - self._last_data_ns < self.ato_ns:
            self.pingpong = True

    def on_ack_sent(self, now_ns: int) -> None:
        """tcp_event_ack_sent."""
        if self.quick:
            self.quick -= 1
            if self.quick == 0:
                self.ato_ns = ATO_MIN_NS
        self._pushed = 0

    def on_delay_over(self, now_ns: int) -> None:
        """tcp_delack_timer_handler: too long a wait; either the guess was wrong or the dialogue is over."""
        if self.pingpong:
            self.pingpong = False
            self.ato_ns = ATO_MIN_NS
        else:
            self.ato_ns = min(self.ato_ns * 2, self._rto_ns)

    def on_fin(self) -> None:
        """tcp_fin: ESTABLISHED to CLOSE-WAIT; the ACK may ride on the answer."""
        self.pingpong = True

    def segment_size(self) -> int:
        """tcpi_rcv_mss."""
        return self.rcv_mss

    def on_read(self, now_ns: int, unacked_bytes: int, emptied: bool) -> Reason | None:
        """__tcp_cleanup_rbuf: the user read; is the ACK that is owed due now?"""
        if unacked_bytes > self.rcv_mss:
            return why.ACK_EVERY_SECOND
        if emptied and (self._pushed == 2 or (self._pushed and not self.pingpong)):
            return why.ACK_IMMEDIATE
        return None
