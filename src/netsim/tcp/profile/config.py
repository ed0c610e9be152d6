"""From a profile to the configuration of loss recovery and of the RTO estimator."""

from __future__ import annotations

from typing import Final

from netsim.tcp.profile.base import Profile
from netsim.tcp.profile.route import RouteMetrics
from netsim.tcp.recovery.base import RecoveryConfig
from netsim.tcp.rtt import RttConfig

_RTT_STYLES: Final = {"rfc": "rfc6298", "linux": "linux", "freebsd": "freebsd"}


def rtt_config(profile: Profile) -> RttConfig:
    """The estimator's numbers."""
    return RttConfig(
        _RTT_STYLES[profile.rtt_variant],
        initial_ns=profile.rto_initial_ns,
        min_ns=profile.rto_min_ns,
        max_ns=profile.rto_max_ns,
        slop_ns=profile.rto_slop_ns,
        after_syn_loss_ns=profile.rto_after_syn_loss_ns,
        backoff_reset_on_ack=profile.rtt_variant == "freebsd",
    )


_MOST_KEPT: Final = 64


class _Made:
    """The configurations made so far, with their profiles: the connections of a host share one."""

    __slots__ = ("by_profile",)

    def __init__(self) -> None:
        self.by_profile: dict[int, tuple[Profile, RecoveryConfig]] = {}


_MADE: Final = _Made()


def recovery_config(profile: Profile) -> RecoveryConfig:
    """The knobs of loss recovery. Nobody changes them, so connections with the same profile share them."""
    known = _MADE.by_profile.get(id(profile))
    if known is not None and known[0] is profile:
        return known[1]
    if len(_MADE.by_profile) >= _MOST_KEPT:
        _MADE.by_profile.clear()
    config = _make_recovery_config(profile)
    _MADE.by_profile[id(profile)] = (profile, config)
    return config


def routed_recovery_config(profile: Profile, route: RouteMetrics) -> RecoveryConfig:
    """The same for a connection by a route with metrics of its own."""
    config = _make_recovery_config(profile)
    if route.initcwnd:
        config.initial_window_segs = route.initcwnd
    if route.rto_min_ns:
        config.rtt.min_ns = route.rto_min_ns
    return config


def _make_recovery_config(profile: Profile) -> RecoveryConfig:
    return RecoveryConfig(
        rtt_config(profile),
        counts_segments=profile.counts_segments,
        sack_detector="rack" if profile.recovery == "rack" else "rfc6675",
        dup_thresh=profile.dup_threshold,
        limited_transmit=profile.limited_transmit,
        prr=profile.prr,
        tail_loss_probe=profile.use_tlp,
        frto=profile.use_frto,
        undo=profile.use_undo,
        samples_lost=profile.samples_what_seemed_lost,
        initial_window_segs=0 if profile.initial_window_rfc3390 else profile.initial_window_segs,
        idle_restart=profile.slow_start_after_idle,
        idle_halving=profile.idle_halving,
        sample_every_ack=profile.rtt_every_ack,
        cwnd_validation=profile.cwnd_validation,
        timer_slack_ns=profile.rack_timer_slack_ns,
        max_ack_delay_ns=profile.tlp_max_ack_delay_ns,
        reorder_ceiling_segs=profile.max_reordering,
    )
