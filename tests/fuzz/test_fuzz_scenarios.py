"""Whatever stands in a scenario file: it loads and runs, or there is one message of ours, in bounded time."""

# ruff: noqa: E501
from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest

from netsim.base.errors import NetsimError
from netsim.scenario import catalog
from netsim.scenario.loader import load_text
from netsim.scenario.runner import Run
from netsim.scenario.yamltree import parse

FILES = [path.read_text(encoding="utf-8") for name in catalog.names() if (path := catalog.path_of(name)) is not None]
DATA = [parse("x.yaml", text.encode()).data for text in FILES]
WORDS = [
    "null", "~", "true", "-1", "0", "1e9", "99999999999999999999", "0.5", "-5ms", "50ms", "1000h", "1 byte", "1GB", "client",
    "server", "nobody", "[]", "{}", "[1, 2]", "{a: 1}", "*x", "&x y", "!!int 5", "'", '"', "\\", "...", "---", "- -", ": :", "SYN",
    "TIME-WAIT", "2*msl", "msl", "1/0", "((((", "server:80", "client#2", "%", "\u00e9", "\U0001f600", "=ACK", "!SYN", ">0", "abs 5",
    "next+1", "auto", "server.received-fin", "|", ">", "?", "#", "@", "`", "\t", "0x10", ".inf", ".nan", "2001-01-01", "yes",
]  # fmt: skip
KEYS = ["drop", "delay", "at", "on", "host", "send", "close", "abort", "crash", "inject", "link", "nth", "count", "state", "segments",
        "none", "wire", "delivered", "times", "every", "isn", "mss", "receive_buffer", "msl", "until", "ip", "queue", "loss"]  # fmt: skip
MOST_STEPS = 3_000


def mutate(text: str, rng: random.Random) -> str:
    """A few small changes: words, keys, lines and characters moved, lost, doubled or replaced."""
    for _ in range(rng.randint(1, 4)):
        lines = text.split("\n")
        at = rng.randrange(len(lines))
        kind = rng.randrange(8)
        if kind == 0:
            del lines[at]
        elif kind == 1:
            lines.insert(at, lines[rng.randrange(len(lines))])
        elif kind == 2:
            words = lines[at].split(" ")
            words[rng.randrange(len(words))] = rng.choice(WORDS)
            lines[at] = " ".join(words)
        elif kind == 3:
            lines[at] = lines[at].replace(": ", f": {rng.choice(WORDS)}, {rng.choice(KEYS)}: ", 1)
        elif kind == 4:
            cut = rng.randrange(len(lines[at]) + 1)
            lines[at] = lines[at][:cut] + rng.choice(WORDS) + lines[at][cut + rng.randrange(3) :]
        elif kind == 5:
            lines[at] = "  " * rng.randrange(4) + lines[at].lstrip()
        elif kind == 6:
            other = rng.choice(FILES).split("\n")
            start = rng.randrange(len(other))
            lines[at:at] = other[start : start + rng.randrange(1, 5)]
        else:
            key, sign, rest = lines[at].partition(":")
            lines[at] = f"{key}{sign} {rng.choice(WORDS)}" if rng.random() < 0.5 else f"{rng.choice(KEYS)}{sign}{rest}"
        text = "\n".join(lines)
    return text


VALUES: list[Any] = [None, True, 0, -1, 3, 0.5, 10**12, "0", "50ms", "-1s", "1000h", "2*msl", "1 byte", "64KiB", "50%", "client",
                     "server", "server:80", "server#2", "SYN", "=ACK", "TIME-WAIT", "all", "...", "next+5", "abs 7", ">0", [], {}, [1],
                     {"from": "client"}, {"port": 80}, {"segment": {"flags": "FIN"}}, {"host": "client", "state": "ESTABLISHED"}]  # fmt: skip


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of everything in the data."""
    found = [path] if path else []
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in items:
        found += places(value, (*path, key))
    return found


def mutate_data(rng: random.Random) -> str:
    """A built-in scenario with a few values replaced, lost, moved or added, as JSON (which is YAML)."""
    data = copy.deepcopy(rng.choice(DATA))
    data.pop("lesson", None)
    for _ in range(rng.randint(1, 3)):
        *path, last = rng.choice(places(data))
        holder = data
        for key in path:
            holder = holder[key]
        kind = rng.randrange(4)
        if kind == 0:
            holder[last] = rng.choice(VALUES)
        elif kind == 1 and len(holder) > 1:
            del holder[last]
        elif kind == 2 and isinstance(holder, dict):
            holder[rng.choice(KEYS)] = holder[last]
        else:
            *other, end = rng.choice(places(data))
            value: Any = data
            for key in [*other, end]:
                value = value[key]
            holder[last] = copy.deepcopy(value)
    return json.dumps(data)


def outcome(text: str) -> str:
    """ "ran", or the kind of error."""
    try:
        scenario = load_text(text.encode("utf-8", "surrogatepass"), "fuzz.yaml")
        steps = Run(scenario)
        for _ in range(MOST_STEPS):
            if not steps.step():
                steps.finish()
                break
    except NetsimError as error:
        return type(error).__name__ if error.exit_code == 2 and str(error) else "a bug"
    return "ran"


def explore(count: int, seed: int) -> dict[str, int]:
    """How often each outcome was met."""
    rng = random.Random(seed)
    found: dict[str, int] = {}
    for _ in range(count):
        kind = outcome(mutate(rng.choice(FILES), rng) if rng.random() < 0.3 else mutate_data(rng))
        found[kind] = found.get(kind, 0) + 1
    assert "a bug" not in found
    return found


def test_mutated_scenarios() -> None:
    found = explore(150, seed=1)
    assert found["ScenarioError"] > 20
    assert found["ran"] > 10


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10))
def test_many_mutated_scenarios(seed: int) -> None:
    explore(1000, seed=seed + 100)


def test_random_bytes() -> None:
    rng = random.Random(5)
    for length in (0, 1, 10, 100, 1000):
        for _ in range(20):
            raw = bytes(rng.randrange(256) for _ in range(length))
            with pytest.raises(NetsimError):
                load_text(raw, "fuzz.yaml")
