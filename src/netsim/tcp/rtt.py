"""Round-trip time and the retransmission timeout: RFC 6298, and what Linux and FreeBSD make of it.

All times are integer nanoseconds. The estimator knows nothing of segments: who feeds it
obeys Karn's rule (no sample from a segment that was sent more than once, RFC 6298 §3).
"""

from __future__ import annotations

from typing import Final

from netsim.base.units import MS, SEC

_LARGEST_NS: Final = (1 << 62) - 1


class RttConfig:
    """The numbers of an estimator.

    style:           "rfc6298", "linux" or "freebsd": the formula
    initial_ns:      RTO before the first sample. RFC 6298 §2.1: SHOULD be 1 s
    min_ns:          floor of the RTO. RFC 6298 §2.4: SHOULD be 1 s.
                     DEVIATES RFC 6298 §2.4: Linux 200 ms (TCP_RTO_MIN), FreeBSD 30 ms (net.inet.tcp.rexmit_min)
    max_ns:          ceiling of the RTO and of its back-off. RFC 6298 §2.5: at least 60 s
    granularity_ns:  clock granularity G of RFC 6298 §2.2
    slop_ns:         FreeBSD adds it to every RTO but the first (net.inet.tcp.rexmit_slop, 200 ms)
    after_syn_loss_ns: RTO for data if the SYN's timer expired and no sample exists (RFC 6298 §5.7: 3 s); 0 = not done
    backoff_reset_on_ack: an ACK of new data ends the back-off even without a sample (FreeBSD t_rxtshift);
                     RFC 6298 §5 ends it with the next sample (Karn's second half)
    """

    __slots__ = (
        "after_syn_loss_ns", "backoff_reset_on_ack", "granularity_ns", "initial_ns", "max_ns", "min_ns",
        "slop_ns", "style",
    )  # fmt: skip

    def __init__(
        self,
        style: str = "rfc6298",
        *,
        initial_ns: int = SEC,
        min_ns: int = SEC,
        max_ns: int = 60 * SEC,
        granularity_ns: int = MS,
        slop_ns: int = 0,
        after_syn_loss_ns: int = 3 * SEC,
        backoff_reset_on_ack: bool = False,
    ) -> None:
        self.style = style
        self.initial_ns = initial_ns
        self.min_ns = min_ns
        self.max_ns = max_ns
        self.granularity_ns = granularity_ns
        self.slop_ns = slop_ns
        self.after_syn_loss_ns = after_syn_loss_ns
        self.backoff_reset_on_ack = backoff_reset_on_ack


def linux_rtt_config() -> RttConfig:
    """Linux: TCP_TIMEOUT_INIT 1 s, TCP_RTO_MIN 200 ms, TCP_RTO_MAX 120 s."""
    return RttConfig("linux", min_ns=200 * MS, max_ns=120 * SEC)


def freebsd_rtt_config() -> RttConfig:
    """FreeBSD: rexmit_initial 1 s, rexmit_min 30 ms, rexmit_slop 200 ms, TCPTV_REXMTMAX 64 s."""
    return RttConfig(
        "freebsd", min_ns=30 * MS, max_ns=64 * SEC, slop_ns=200 * MS, after_syn_loss_ns=0, backoff_reset_on_ack=True
    )


class RttEstimator:
    """RFC 6298 §2: SRTT, RTTVAR and RTO; §5.5-5.7: back-off.

    srtt_ns, rttvar_ns: 0 before the first sample
    rto_ns:    the timeout to use now, back-off included
    backoffs:  how often it was doubled since the last sample
    min_rtt_ns: smallest sample so far (for RACK), 0 before the first
    latest_ns: the last sample
    """

    __slots__ = (
        "_base_ns",
        "backoffs",
        "config",
        "latest_ns",
        "min_rtt_ns",
        "rto_ns",
        "rttvar_ns",
        "samples",
        "srtt_ns",
    )

    def __init__(self, config: RttConfig) -> None:
        self.config = config
        self.srtt_ns = 0
        self.rttvar_ns = 0
        self.min_rtt_ns = 0
        self.latest_ns = 0
        self.samples = 0
        self.backoffs = 0
        self._base_ns = config.initial_ns
        self.rto_ns = config.initial_ns

    def deviation_ns(self) -> int:
        """The variation as TCP_INFO tells it."""
        return self.rttvar_ns

    def sample(self, rtt_ns: int, newest_ns: int, una: int, nxt: int) -> None:
        """Take a measurement (RFC 6298 §2.2, §2.3); ends the back-off.

        rtt_ns:    since the oldest segment that the ACK covers was sent (delayed ACKs included)
        newest_ns: since the newest was sent: what `min_rtt_ns` is made of
        una, nxt:  the send window's offsets after the ACK (Linux's variance decays once per window)
        """
        if rtt_ns < 1:
            rtt_ns = 1
        self.latest_ns = rtt_ns
        self.samples += 1
        if newest_ns < self.min_rtt_ns or self.min_rtt_ns == 0:
            self.min_rtt_ns = newest_ns if newest_ns > 0 else 1
        self._update(rtt_ns, una, nxt)

    def _update(self, rtt_ns: int, una: int, nxt: int) -> None:
        srtt = self.srtt_ns
        if srtt == 0:
            self.srtt_ns = rtt_ns
            self.rttvar_ns = rtt_ns >> 1
        else:
            # RTTVAR first, with the old SRTT: beta = 1/4, alpha = 1/8.
            error = srtt - rtt_ns
            self.rttvar_ns += ((error if error >= 0 else -error) - self.rttvar_ns) >> 2
            self.srtt_ns = srtt - (error >> 3)
        config = self.config
        spread = self.rttvar_ns << 2
        if spread < config.granularity_ns:
            spread = config.granularity_ns
        rto = self.srtt_ns + spread
        if rto < config.min_ns:
            rto = config.min_ns
        elif rto > config.max_ns:
            rto = config.max_ns
        self._base_ns = rto
        self.rto_ns = rto
        self.backoffs = 0

    def back_off(self) -> None:
        """RFC 6298 §5.5: the timer expired; double the RTO, up to the ceiling."""
        self.backoffs += 1
        rto = self.rto_ns << 1
        self.rto_ns = rto if rto < self.config.max_ns else self.config.max_ns

    def end_back_off(self) -> None:
        """Take the back-off away without a sample: new data was acknowledged, or the timeout was spurious."""
        if self.backoffs:
            self.backoffs = 0
            self.rto_ns = self._base_ns

    def on_new_ack(self) -> None:
        """New data was acknowledged, but gave no sample."""
        if self.backoffs and self.config.backoff_reset_on_ack:
            self.end_back_off()

    def on_established(self, syn_timed_out: bool) -> None:
        """The handshake is done. RFC 6298 §5.7: if the SYN's timer expired, data starts with 3 s (no sample yet)."""
        if syn_timed_out and self.samples == 0 and self.config.after_syn_loss_ns:
            self._base_ns = self.config.after_syn_loss_ns
            self.rto_ns = self._base_ns
            self.backoffs = 0


class LinuxRtt(RttEstimator):
    """Linux net/ipv4/tcp_input.c: tcp_rtt_estimator, tcp_set_rto.

    RTO = SRTT + rttvar, where rttvar is the largest mean deviation (times four) of the last
    window, decays by a quarter a window, and never falls below the floor. So the floor is on
    the variance, not on the RTO: RTO >= SRTT + 200 ms.
    Against Eifel's finding that the RTO grows when the RTT falls, a fall counts an eighth only.
    """

    __slots__ = ("_mdev_max_ns", "_mdev_ns", "_srtt8_ns", "_window_end")

    def deviation_ns(self) -> int:
        """tcpi_rttvar: the mean deviation itself, not its largest."""
        return self._mdev_ns >> 2

    def __init__(self, config: RttConfig) -> None:
        super().__init__(config)
        self._srtt8_ns = 0
        self._mdev_ns = 0
        self._mdev_max_ns = 0
        self._window_end = 0

    def _update(self, rtt_ns: int, una: int, nxt: int) -> None:
        config = self.config
        floor = config.min_ns
        if self._srtt8_ns == 0:
            self._srtt8_ns = rtt_ns << 3
            self._mdev_ns = rtt_ns << 1
            self.rttvar_ns = self._mdev_ns if self._mdev_ns > floor else floor
            self._mdev_max_ns = self.rttvar_ns
            self._window_end = nxt
        else:
            error = rtt_ns - (self._srtt8_ns >> 3)
            self._srtt8_ns += error
            if error < 0:
                error = -error - (self._mdev_ns >> 2)
                if error > 0:
                    error >>= 3
            else:
                error -= self._mdev_ns >> 2
            mdev = self._mdev_ns + error
            self._mdev_ns = mdev
            if mdev > self._mdev_max_ns:
                self._mdev_max_ns = mdev
                if mdev > self.rttvar_ns:
                    self.rttvar_ns = mdev
            if una > self._window_end:
                if self._mdev_max_ns < self.rttvar_ns:
                    self.rttvar_ns -= (self.rttvar_ns - self._mdev_max_ns) >> 2
                self._window_end = nxt
                self._mdev_max_ns = floor
        self.srtt_ns = self._srtt8_ns >> 3
        rto = self.srtt_ns + self.rttvar_ns
        if rto > config.max_ns:
            rto = config.max_ns
        self._base_ns = rto
        self.rto_ns = rto
        self.backoffs = 0


class FreebsdRtt(RttEstimator):
    """FreeBSD sys/netinet/tcp_input.c tcp_xmit_timer, tcp_var.h TCP_REXMTVAL, TCPT_RANGESET.

    RTO = max(rexmit_min, SRTT + 4 * RTTVAR) * back-off, at most 64 s, and then rexmit_slop
    (200 ms) on top; the first SYN's timer is rexmit_initial without the slop.
    """

    __slots__ = ()

    def _update(self, rtt_ns: int, una: int, nxt: int) -> None:
        srtt = self.srtt_ns
        if srtt == 0:
            self.srtt_ns = rtt_ns
            self.rttvar_ns = rtt_ns >> 1
        else:
            error = srtt - rtt_ns
            self.rttvar_ns += ((error if error >= 0 else -error) - self.rttvar_ns) >> 2
            self.srtt_ns = srtt - (error >> 3)
        config = self.config
        base = self.srtt_ns + (self.rttvar_ns << 2)
        if base < config.min_ns:
            base = config.min_ns
        self._base_ns = base
        self.backoffs = 0
        self._set()

    def _set(self) -> None:
        config = self.config
        rto = self._base_ns << min(self.backoffs, 6)
        self.rto_ns = (rto if rto < config.max_ns else config.max_ns) + config.slop_ns

    def back_off(self) -> None:
        """Next step of the schedule 1, 2, 4, ... 64, plus the slop."""
        self.backoffs += 1
        self._set()

    def end_back_off(self) -> None:
        """Back to the first step."""
        if self.backoffs:
            self.backoffs = 0
            self._set()


def make_rtt_estimator(config: RttConfig) -> RttEstimator:
    """The estimator of `config.style`; ValueError for an unknown style."""
    if config.style == "rfc6298":
        return RttEstimator(config)
    if config.style == "linux":
        return LinuxRtt(config)
    if config.style == "freebsd":
        return FreebsdRtt(config)
    raise ValueError(f"unknown RTT style '{config.style}'; one of rfc6298, linux, freebsd")
