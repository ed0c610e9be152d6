"""What loss recovery is told, what it is made of, and the words it uses.

`RecoveryConfig` is what a profile sets; `AckInfo` is what the sender hands over for every
ACK that passed the acceptability checks; `LossRecovery` (recovery/machine.py) does the rest.
"""

from __future__ import annotations

from typing import Final

from netsim.base.units import MS
from netsim.tcp.rtt import RttConfig, freebsd_rtt_config, linux_rtt_config

# Phases of loss recovery, ordered by severity.
OPEN: Final = 0
"""Nothing is wrong."""
DISORDER: Final = 1
"""Duplicate ACKs or SACKs came in; too few to judge."""
CWR: Final = 2
"""The window is being reduced for an ECN mark (RFC 3168)."""
RECOVERY: Final = 3
"""Fast recovery: lost segments are being resent."""
LOSS: Final = 4
"""After a retransmission timeout."""

PHASE_NAMES: Final = ("open", "disorder", "cwr", "recovery", "loss")

# The transmit timer: one of these runs at a time (RFC 8985 §8).
TIMER_NONE: Final = 0
TIMER_RTO: Final = 1
TIMER_PROBE: Final = 2
TIMER_REORDER: Final = 3

TIMER_NAMES: Final = ("", "retransmission", "tail-loss-probe", "reordering")

# What the sender shall do when the probe timer expired.
PROBE_NOTHING: Final = 0
PROBE_NEW: Final = 1
"""Send one segment of new data, whatever cwnd says; then `on_transmit` as always."""
PROBE_LAST: Final = 2
"""Resend the newest segment (`probe_record()`); then `on_retransmit` as always."""

NO_BLOCKS: Final[tuple[tuple[int, int], ...]] = ()


class RecoveryConfig:
    """The knobs of loss recovery, for a profile to set. Defaults are the RFCs'.

    rtt:             the RTO estimator's numbers
    counts_segments: windows and pipe are counted in segments, each as if full-sized (Linux); else in bytes
    sack_detector:   with SACK: "rfc6675" or "rack" (RFC 8985). Without SACK it is always duplicate ACKs (RFC 6582)
    dup_thresh:      DupThresh, RFC 5681 §3.2
    limited_transmit: new data on the first two duplicate ACKs (RFC 3042)
    prr:             how the window comes down: "" at once (RFC 5681, 6675), "rfc6937" (slow start reduction bound),
                     "rfc6937-crb" (conservative), "rfc9937" (safe-ACK heuristic), "linux"
    tail_loss_probe: RFC 8985 §7 (with SACK and RACK only)
    frto:            RFC 5682
    undo:            take reductions back when DSACK (RFC 3708) or timestamps (RFC 3522) prove them wrong
    initial_window_segs: 10 = RFC 6928, 0 = RFC 5681, else so many segments
    idle_restart:    RFC 5681 §4.1: restart window after an idle RTO
    idle_halving:    with it, Linux's form: halve once per idle RTO, not below the initial window
    cwnd_validation: grow only when the window was used (Linux tcp_is_cwnd_limited; RFC 9438 §5.8, RFC 7661 in spirit)
    sample_every_ack: an RTT sample from every ACK; else, without timestamps, one a round trip (RFC 6298 §3)
    samples_lost:    an RTT sample also from a SACK of what had been judged lost (Linux)
    timer_slack_ns:  smallest distance of the probe and reordering timers (Linux TCP_TIMEOUT_MIN: 2 ticks)
    max_ack_delay_ns: WCDelAckT of RFC 8985 §7.2: added to the probe timeout when one segment is in flight
    reorder_ceiling_segs: bound of the reordering degree without SACK (Linux tcp_max_reordering)
    """

    __slots__ = (
        "counts_segments", "cwnd_validation", "dup_thresh", "frto", "idle_halving", "idle_restart",
        "initial_window_segs", "limited_transmit", "max_ack_delay_ns", "prr", "reorder_ceiling_segs", "rtt",
        "sack_detector", "sample_every_ack", "samples_lost", "tail_loss_probe", "timer_slack_ns", "undo",
    )  # fmt: skip

    def __init__(
        self,
        rtt: RttConfig | None = None,
        *,
        counts_segments: bool = False,
        sack_detector: str = "rfc6675",
        dup_thresh: int = 3,
        limited_transmit: bool = True,
        prr: str = "",
        tail_loss_probe: bool = False,
        frto: bool = False,
        undo: bool = False,
        initial_window_segs: int = 10,
        idle_restart: bool = True,
        idle_halving: bool = False,
        cwnd_validation: bool = True,
        sample_every_ack: bool = True,
        samples_lost: bool = False,
        timer_slack_ns: int = 2 * MS,
        max_ack_delay_ns: int = 200 * MS,
        reorder_ceiling_segs: int = 300,
    ) -> None:
        self.rtt = rtt if rtt is not None else RttConfig()
        self.counts_segments = counts_segments
        self.sack_detector = sack_detector
        self.dup_thresh = dup_thresh
        self.limited_transmit = limited_transmit
        self.prr = prr
        self.tail_loss_probe = tail_loss_probe
        self.frto = frto
        self.undo = undo
        self.initial_window_segs = initial_window_segs
        self.idle_restart = idle_restart
        self.idle_halving = idle_halving
        self.cwnd_validation = cwnd_validation
        self.sample_every_ack = sample_every_ack
        self.samples_lost = samples_lost
        self.timer_slack_ns = timer_slack_ns
        self.max_ack_delay_ns = max_ack_delay_ns
        self.reorder_ceiling_segs = reorder_ceiling_segs


def linux_recovery_config() -> RecoveryConfig:
    """Linux 6.18's defaults: RACK-TLP, PRR, F-RTO, undo, everything counted in segments."""
    return RecoveryConfig(
        linux_rtt_config(),
        counts_segments=True,
        sack_detector="rack",
        prr="linux",
        tail_loss_probe=True,
        frto=True,
        undo=True,
        idle_restart=True,
        idle_halving=True,
        samples_lost=True,
    )


def freebsd_recovery_config() -> RecoveryConfig:
    """FreeBSD's default stack: RFC 6675 with PRR, RFC 6298 with a slop."""
    return RecoveryConfig(freebsd_rtt_config(), prr="rfc6937")


class AckInfo:
    """One ACK. The sender keeps one instance, and sets every field for each ACK.

    ack:            the cumulative ACK as an offset; may lie below una (an old ACK: only its SACK blocks count)
    sack:           SACK blocks as offsets, in the order of the segment, DSACK included
    has_data:       the segment carries data, SYN or FIN: it is no duplicate ACK (RFC 5681 §2)
    window_changed: the advertised window differs from the last: no duplicate ACK
    ece:            ECE is set on a connection that negotiated ECN
    ts_echo_ns:     when (our clock) the echoed timestamp was taken, rounded down to its tick; -1 without timestamps
    window_end:     offset up to which the peer's window allows sending
    new_data_ready: there is unsent data
    """

    __slots__ = ("ack", "ece", "has_data", "new_data_ready", "sack", "ts_echo_ns", "window_changed", "window_end")

    def __init__(self) -> None:
        self.ack = 0
        self.sack: tuple[tuple[int, int], ...] = NO_BLOCKS
        self.has_data = False
        self.window_changed = False
        self.ece = False
        self.ts_echo_ns = -1
        self.window_end = 0
        self.new_data_ready = False
