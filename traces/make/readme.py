"""Writes ``traces/README.md`` from the truth files that lie there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .runner import TRACES

HEAD = Path(__file__).with_name("head.md").read_text()
LOOPBACK = Path(__file__).with_name("loopback.md").read_text()

TITLES = {
    "linux": "Two Linux kernels, both conforming",
    "violations": "A scripted peer that breaks the rules, against the kernel",
    "other": "Made in other ways",
}


def _how(content: dict[str, Any]) -> str:
    """The run's special circumstances, in a few words."""
    if "how" in content:
        return str(content["how"])
    parts = list(content["link"]["orders"])
    ways = [content["link"]["from_client"], content["link"]["from_server"]]
    if ways[0] != ways[1]:
        parts += [
            f"{name}: {_path(way)}" for name, way in zip(("from the client", "from the server"), ways, strict=True)
        ]
    elif ways[0] != {"delay_ms": 20.0}:
        parts.append(_path(ways[0]))
    settings: dict[str, list[str]] = {}
    for side, host in content["hosts"].items():
        words = [f"{key.removeprefix('net.ipv4.')}={value}" for key, value in host.get("sysctl", {}).items()]
        if host.get("mtu", 1500) != 1500:
            words.append(f"MTU {host['mtu']}")
        if host.get("congestion_control", "cubic") != "cubic":
            words.append(host["congestion_control"])
        for word in words:
            settings.setdefault(word, []).append(side)
    parts += [word if len(sides) == 2 else f"{word} ({sides[0]})" for word, sides in settings.items()]
    return "; ".join(parts) or "an undisturbed link"


def _path(way: dict[str, Any]) -> str:
    words = {
        "delay_ms": "delay {} ms",
        "rate_mbit": "{} Mbit/s",
        "queue_packets": "queue of {}",
        "mtu": "MTU {}",
        "too_big": "larger packets {}",
        "loss": "random loss {}",
        "duplication": "random duplication {}",
        "jitter_ms": "jitter {} ms",
        "jitter_reorders": "which reorders: {}",
    }
    return ", ".join(words[key].format(value) for key, value in way.items()).replace(".0 ms", " ms")


def write() -> None:
    """Write the README anew."""
    out = [HEAD]
    for family, title in TITLES.items():
        found = sorted((TRACES / family).glob("*.json"))
        if not found:
            continue
        out.append(
            f"## `{family}/`: {title} ({len(found)})\n\n| capture | frames | what it shows | how it was made |\n"
        )
        out.append("| --- | ---: | --- | --- |\n")
        for path in found:
            content = json.loads(path.read_text())
            frames = "/".join(str(n) for n in content["frames"].values())
            shows = content["shows"]
            wrong = sorted({violation["cite"] for violation in content["violations"]})
            if wrong:
                shows += f" ({', '.join(wrong)})"
            out.append(f"| `{content['name']}` | {frames} | {shows} | {_how(content)} |\n")
        out.append("\n")
    out.append(LOOPBACK)
    (TRACES / "README.md").write_text("".join(out).rstrip("\n") + "\n")
