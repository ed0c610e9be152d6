"""Seeded chance: loss, bursts, duplication, reordering, corruption, delay spikes, outages.

Each impairer draws from its own generator, so that adding one leaves the draws of the
others as they were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.base.errors import UsageError
from netsim.sim import reasons
from netsim.sim.impair import Impairer, Verdict

if TYPE_CHECKING:
    from random import Random


def _probability(value: float, what: str) -> float:
    if not 0.0 <= value <= 1.0:
        raise UsageError(f"{what} must be a probability between 0 and 1, not {value}")
    return value


class Loss(Impairer):
    """Each packet is lost with probability `p`, independently."""

    def __init__(self, rng: Random, p: float) -> None:
        self._rng = rng
        self.p = _probability(p, "loss")

    def judge(self, now_ns: int, source: str, verdict: Verdict) -> None:
        """Lose it, or not."""
        if self._rng.random() < self.p and verdict.drop is None:
            verdict.drop = reasons.LOST


class BurstLoss(Impairer):
    """Gilbert-Elliott: a good and a bad phase, each with its own loss probability.

    Before each packet the phase changes with probability `p_bad` (good to bad) or `p_good`
    (bad to good).
    """

    def __init__(self, rng: Random, p_bad: float, p_good: float, loss_bad: float = 1.0, loss_good: float = 0.0) -> None:
        self._rng = rng
        self.p_bad = _probability(p_bad, "the chance of a bad phase")
        self.p_good = _probability(p_good, "the chance of a good phase")
        self.loss_bad = _probability(loss_bad, "loss in the bad phase")
        self.loss_good = _probability(loss_good, "loss in the good phase")
        self.bad = False

    def judge(self, now_ns: int, source: str, verdict: Verdict) -> None:
        """Change the phase, or not; lose the packet, or not."""
        change = self._rng.random()
        if change < (self.p_good if self.bad else self.p_bad):
            self.bad = not self.bad
        lost = self._rng.random() < (self.loss_bad if self.bad else self.loss_good)
        if lost and verdict.drop is None:
            verdict.drop = reasons.BURST if self.bad else reasons.LOST


class Duplication(Impairer):
    """Each packet is delivered twice with probability `p`."""

    def __init__(self, rng: Random, p: float) -> None:
        self._rng = rng
        self.p = _probability(p, "duplication")

    def judge(self, now_ns: int, source: str, verdict: Verdict) -> None:
        """One copy, or none."""
        if self._rng.random() < self.p:
            verdict.copies += 1


class Reordering(Impairer):
    """Each packet is late by up to `by_ns` with probability `p`, so that others overtake it."""

    def __init__(self, rng: Random, p: float, by_ns: int) -> None:
        self._rng = rng
        self.p = _probability(p, "reordering")
        self.by_ns = by_ns

    def judge(self, now_ns: int, source: str, verdict: Verdict) -> None:
        """Late by 1 to `by_ns`, or not."""
        if self._rng.random() < self.p and self.by_ns > 0:
            verdict.delay_ns += 1 + self._rng.randrange(self.by_ns)
            verdict.notes.append(("reorder", ""))


class Corruption(Impairer):
    """Bits of a packet flip with probability `p`; its receiver sees the wrong checksum."""

    def __init__(self, rng: Random, p: float) -> None:
        self._rng = rng
        self.p = _probability(p, "corruption")

    def judge(self, now_ns: int, source: str, verdict: Verdict) -> None:
        """Flip bits, or not."""
        if self._rng.random() < self.p:
            verdict.change("corrupt", "").corrupted = True


class DelaySpikes(Impairer):
    """With probability `p` a packet starts a spike: it and all behind it come `by_ns` later."""

    def __init__(self, rng: Random, p: float, by_ns: int) -> None:
        self._rng = rng
        self.p = _probability(p, "delay spikes")
        self.by_ns = by_ns

    def judge(self, now_ns: int, source: str, verdict: Verdict) -> None:
        """Hold the line up, or not."""
        if self._rng.random() < self.p:
            verdict.hold_up_ns += self.by_ns
            verdict.notes.append(("delay", ""))


class Outages(Impairer):
    """Everything sent in one of the windows `(start_ns, end_ns)` is lost."""

    def __init__(self, windows: list[tuple[int, int]]) -> None:
        self.windows = sorted(windows)

    def judge(self, now_ns: int, source: str, verdict: Verdict) -> None:
        """Lost while the outage lasts."""
        for start_ns, end_ns in self.windows:
            if start_ns <= now_ns < end_ns and verdict.drop is None:
                verdict.drop = reasons.OUTAGE


class RandomOutages(Impairer):
    """Outages that begin by chance: on average each `every_ns`, lasting up to `longest_ns`."""

    def __init__(self, rng: Random, every_ns: int, longest_ns: int) -> None:
        if every_ns <= 0 or longest_ns <= 0:
            raise UsageError("outages need a positive interval and a positive length")
        self._rng = rng
        self.every_ns = every_ns
        self.longest_ns = longest_ns
        self._start_ns = rng.randrange(2 * every_ns)
        self._end_ns = self._start_ns + 1 + rng.randrange(longest_ns)

    def judge(self, now_ns: int, source: str, verdict: Verdict) -> None:
        """Lost while an outage lasts; draws the next one when one is over."""
        while now_ns >= self._end_ns:
            self._start_ns = self._end_ns + self._rng.randrange(2 * self.every_ns)
            self._end_ns = self._start_ns + 1 + self._rng.randrange(self.longest_ns)
        if now_ns >= self._start_ns and verdict.drop is None:
            verdict.drop = reasons.OUTAGE


class During(Impairer):
    """Another impairer, in force only from `start_ns` to `end_ns`."""

    def __init__(self, start_ns: int, end_ns: int, impairer: Impairer) -> None:
        self.start_ns = start_ns
        self.end_ns = end_ns
        self.impairer = impairer

    def judge(self, now_ns: int, source: str, verdict: Verdict) -> None:
        """Ask it, in its time."""
        if self.start_ns <= now_ns < self.end_ns:
            self.impairer.judge(now_ns, source, verdict)
