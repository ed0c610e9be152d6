"""A plan: everything about one capture, and the register of all plans."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .faults import Rule
from .lab import Lab
from .link import Path

Work = Callable[[Lab], None]


@dataclass
class Plan:
    """How one capture is made.

    ``expect`` holds counter deltas by side that the kernels must show afterwards, without their group's name where
    it is Tcp or TcpExt: an integer, or a pair (at least, at most). A run that shows others is made again.
    ``quiet_ms`` is how long nothing must happen before the capture ends.
    """

    name: str
    shows: str
    work: Work
    family: str = "linux"
    ip: int = 4
    mtu: int | tuple[int, int] = 1500
    rules: Callable[[], list[Rule]] = list
    paths: Callable[[], dict[str, Path]] | None = None
    delay_ms: float = 20.0
    sysctl: dict[str, Any] = field(default_factory=dict)
    client_sysctl: dict[str, Any] = field(default_factory=dict)
    server_sysctl: dict[str, Any] = field(default_factory=dict)
    expect: dict[str, dict[str, int | tuple[int, int]]] = field(default_factory=dict)
    quiet_ms: float = 300.0
    seed: int = 1
    script: str | None = None
    congestion: tuple[str, str] = ("cubic", "cubic")
    notes: list[str] = field(default_factory=list)

    def lab(self) -> Lab:
        """The laboratory that this plan asks for."""
        client_mtu, server_mtu = self.mtu if isinstance(self.mtu, tuple) else (self.mtu, self.mtu)
        default = {"client": Path(self.delay_ms), "server": Path(self.delay_ms)}
        return Lab(
            family=self.ip,
            mtu={"client": client_mtu, "server": server_mtu},
            sysctl={
                "client": _sysctl({**self.sysctl, **self.client_sysctl}),
                "server": _sysctl({**self.sysctl, **self.server_sysctl}),
            },
            rules=self.rules(),
            paths=self.paths() if self.paths else default,
            seed=self.seed,
            script=self.script,
            congestion={"client": self.congestion[0], "server": self.congestion[1]},
        )


PLANS: dict[str, Plan] = {}


def _sysctl(values: dict[str, Any]) -> dict[str, Any]:
    return {key if key.startswith("net.") else f"net.ipv4.{key}": value for key, value in values.items()}


def plan(name: str, shows: str, **options: Any) -> Callable[[Work], Work]:
    """Register the decorated function as the plan of a capture."""

    def register(work: Work) -> Work:
        if name in PLANS:
            raise ValueError(f"two plans are called {name}")
        PLANS[name] = Plan(name, shows, work, **options)
        return work

    return register
