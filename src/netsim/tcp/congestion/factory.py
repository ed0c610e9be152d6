"""Which congestion control: by name, as a profile or a scenario gives it."""

from __future__ import annotations

from typing import Final

from netsim.tcp.congestion.base import CongestionControl
from netsim.tcp.congestion.cubic import Cubic
from netsim.tcp.congestion.cubic_linux import LinuxCubic
from netsim.tcp.congestion.fixed import Fixed
from netsim.tcp.congestion.hystart import HyStart
from netsim.tcp.congestion.reno import Reno

CONGESTION_CONTROLS: Final = ("reno", "cubic", "fixed")


def make_congestion_control(
    name: str,
    smss: int,
    initial_cwnd: int,
    *,
    counts_segments: bool = False,
    slow_start_limit: int = 1,
    hystart: bool = False,
) -> CongestionControl:
    """The congestion control `name`; ValueError lists the known ones.

    counts_segments: Linux's arithmetic in whole segments (profile linux); else bytes, as in the RFCs
    slow_start_limit: see `Reno`
    hystart: CUBIC leaves slow start on ACK trains and delay increase
    """
    if name == "reno":
        return Reno(
            smss, initial_cwnd, counts_segments=counts_segments, slow_start_limit=slow_start_limit,
            half_of_cwnd=counts_segments,
        )  # fmt: skip
    if name == "cubic":
        detector = HyStart() if hystart else None
        if counts_segments:
            return LinuxCubic(smss, initial_cwnd, hystart=detector)
        return Cubic(smss, initial_cwnd, slow_start_limit=slow_start_limit, hystart=detector)
    if name == "fixed":
        return Fixed(smss, initial_cwnd, counts_segments=counts_segments)
    raise ValueError(f"unknown congestion control '{name}'; one of {', '.join(CONGESTION_CONTROLS)}")
