"""Random conversations over random links, as scenario texts: every one can be run again with `netsim run`."""

from __future__ import annotations

import random
from typing import Final

PROFILES: Final = ("rfc", "linux", "freebsd")
DELAYS: Final = ("200us", "1ms", "5ms", "20ms", "60ms", "150ms")
RATES: Final = ("", "", "1Mbit/s", "10Mbit/s", "100Mbit/s")


def _host(rng: random.Random) -> str:
    """Profile and options of one host."""
    words = [f"profile: {rng.choice(PROFILES)}"]
    for option, chance in (("sack", 0.25), ("timestamps", 0.3), ("window_scale", 0.25)):
        if rng.random() < chance:
            words.append(f"{option}: false")
    if rng.random() < 0.2:
        words.append(f"receive_buffer: {rng.choice((4000, 20000, 200000))} bytes")
    if rng.random() < 0.2:
        words.append("nagle: false")
    return "{" + ", ".join(words) + "}"


def _link(rng: random.Random) -> str:
    """Delay, rate, and what chance does to packets."""
    words = ["between: [client, server]", f"delay: {rng.choice(DELAYS)}"]
    rate = rng.choice(RATES)
    if rate:
        words += [f"rate: {rate}", f"queue: {rng.choice((5, 20, 200))} packets"]
    for what, values in (("loss", (0, 1, 3, 8)), ("duplicate", (0, 0, 2)), ("reorder", (0, 0, 1, 5))):
        value = rng.choice(values)
        if value:
            words.append(f"{what}: {value}%")
    if rng.random() < 0.2:
        words.append("corrupt: 1%")
    if rng.random() < 0.15:
        words.append(f"jitter: {rng.choice(('300us', '3ms'))}")
    return "{" + ", ".join(words) + "}"


def _script(rng: random.Random) -> list[str]:
    """Who writes what and when, and who closes first."""
    steps = ["{at: 0s, host: server, listen: 80}", '{at: 0s, host: client, connect: "server:80"}']
    at_ms = 500
    for _ in range(rng.randint(1, 6)):
        side = rng.choice(("client", "server"))
        size = rng.choice((1, 100, 1448, 5000, 20000, 60000))
        steps.append(f"{{at: {at_ms}ms, host: {side}, send: {size} bytes}}")
        at_ms += rng.choice((0, 3, 150, 700))
    first, second = rng.sample(("client", "server"), 2)
    ending = rng.random()
    if ending < 0.1:
        return [*steps, f"{{at: {at_ms + 2000}ms, host: {first}, abort}}"]
    steps.append(f"{{at: {at_ms}ms, host: {first}, shutdown}}")
    if ending < 0.2:
        steps.append(f"{{at: {at_ms}ms, host: {second}, shutdown}}")
    else:
        steps.append(f"{{on: {second}.received-fin, host: {second}, shutdown}}")
    return steps


def scenario_text(seed: int) -> str:
    """The scenario of a seed."""
    rng = random.Random(f"links/{seed}")
    lines = [
        f"name: random-link-{seed}", f"title: Random link {seed}", "hosts:", f"  client: {_host(rng)}",
        f"  server: {_host(rng)}", "links:", f"  - {_link(rng)}", "until: 300s", f"seed: {seed + 1}", "script:",
    ]  # fmt: skip
    return "\n".join([*lines, *(f"  - {step}" for step in _script(rng))]) + "\n"
