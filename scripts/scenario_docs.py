"""Writes docs/scenarios.md from the schema of scenario files and the list of built-in ones.

Run it after a change of either: `python scripts/scenario_docs.py`. A test compares the file
with what this script would write.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from netsim.scenario import catalog  # noqa: E402
from netsim.scenario.validate import schema  # noqa: E402

INTRODUCTION = """\
# Scenario files

A scenario is a YAML file that says which hosts there are and how they are joined, what their
applications do and when, what the network does to the packets, and what must come of it.
`netsim run FILE` runs it, shows the ladder, and exits with 1 if an expectation fails.

```yaml
name: last-ack-lost
title: "The final ACK is lost: the FIN comes again, 2MSL starts again"
hosts:
  client: {profile: rfc}
  server: {profile: rfc}
links:
  - {between: [client, server], delay: 50ms, rate: 10Mbit/s}
parameters:
  msl: 60s
script:
  - {at: 0s,  host: server, listen: 80}
  - {at: 0s,  host: client, connect: "server:80"}
  - {at: 1s,  host: client, send: 1000 bytes}
  - {at: 2s,  host: client, close}
  - {on: server.received-fin, host: server, close}
faults:
  - {drop: {from: client, flags: ACK, state: TIME-WAIT, count: 1}, name: "last ACK, once"}
expect:
  - {host: client, states: [..., FIN-WAIT-1, FIN-WAIT-2, TIME-WAIT, CLOSED]}
  - {segments: {from: server, flags: FIN}, count: 2}
  - {host: client, state: TIME-WAIT, lasts: 2*msl, after: {segment: {from: server, flags: FIN, nth: 2}}}
  - {none: {flags: RST}}
```

This page is made from the schema, `src/netsim/scenario/schema.json` (JSON Schema, draft 2020-12;
editors that know YAML can use it for completion), by `scripts/scenario_docs.py`.

## What holds everywhere

**Times, sizes, rates.** `50ms`, `1.5s`, `2min`; `1000 bytes`, `64KiB`, `1MB`; `10Mbit/s`. Only 0 needs
no unit. Wherever a number is expected, an expression may stand: `2*msl`, `(rto_min + 10ms) / 2`,
`min(3*mss, 4380 bytes)`. Its names are the scenario's parameters; there is nothing else in it but
`+ - * / ( ) min max`.

**Parameters** have defaults in the file, and `netsim run FILE --set msl=2s` overrides them. A parameter
with the name of a host option (such as `msl`) is also the default of that option at every host; with
`--set` any host option can be set so, at all hosts, whether the scenario declares it or not.

**Relative numbers.** `seq`, `ack` and `sack` count from the initial sequence numbers: the SYN is 0, the
first byte of data 1. `abs_seq` and `abs_ack` are the numbers on the wire.

**Control bits.** `FIN` means "FIN is set, whatever else is"; `SYN,!ACK` adds what must not be set;
`=ACK` means exactly that (PSH does not count).

**Connections.** The first connection of a host has the host's name, the second is `client#2`, and so
on; `as:` gives another name. A step without `connection` means the one whose event set it off, else
the host's latest.

**Time.** At one instant, arrivals come before timers, timers before applications, and steps in
their order in the file.
"""


def resolve(spec: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The definition that `spec` means, and the name under which it has a section of its own ("" if none)."""
    if "$ref" not in spec:
        return spec, ""
    name = spec["$ref"].rsplit("/", 1)[-1]
    target: Any = schema()
    for part in spec["$ref"].removeprefix("#/").split("/"):
        target = target[part]
    return target, name


KINDS = {
    "duration": "time",
    "size": "size",
    "rate": "rate",
    "count": "number",
    "probability": "chance",
    "flag": "true/false",
    "flag-or-count": "true/false or number",
    "bound": "number or bound",
    "sequence": "sequence number",
    "queue": "packets or size",
    "size-or-all": "size or `all`",
}
SECTIONS = ("host", "router", "link", "read", "match", "moment", "step", "inject", "fault", "fault_match", "edit",
            "intervention", "expectation")  # fmt: skip


def kind_of(spec: dict[str, Any]) -> str:
    """What may stand there, in a few words."""
    target, name = resolve(spec)
    if name in SECTIONS:
        return f"[{name}](#{name.replace('_', '-')})"
    if "x-kind" in target:
        word = KINDS[target["x-kind"]]
        return f"{word} or mapping" if "object" in target.get("type", []) else word
    if "TIME-WAIT" in target.get("enum", []):
        return "state, or `...`" if "..." in target["enum"] else "state"
    if "enum" in target:
        return ", ".join(f"`{item}`" for item in target["enum"])
    types = target.get("type", "")
    types = types if isinstance(types, list) else [types]
    if types[0] == "array":
        items = target.get("items", {})
        return f"list of {kind_of(items)}" if items and "x-items" not in target else "list"
    words = {"string": "text", "integer": "number", "number": "number", "boolean": "true/false", "object": "mapping",
             "null": "nothing"}  # fmt: skip
    return " or ".join(dict.fromkeys(words[kind] for kind in types))


def cell(text: str) -> str:
    """Text for a table's cell."""
    return text.replace("|", "\\|").replace("\n", " ")


def description_of(spec: dict[str, Any]) -> str:
    """Its own description, else that of what it refers to."""
    target, _ = resolve(spec)
    return cell(str(spec.get("description") or target.get("description", "")))


def table(properties: dict[str, Any], required: list[str]) -> list[str]:
    """One line per key; keys of small mappings indented below."""
    lines = ["| key | value | meaning |", "|---|---|---|"]
    for key, spec in properties.items():
        target, name = resolve(spec)
        mark = " (required)" if key in required else ""
        lines.append(f"| `{key}`{mark} | {cell(kind_of(spec))} | {description_of(spec)} |")
        if name not in SECTIONS and "properties" in target:
            inner_required = target.get("required", [])
            for inner, inner_spec in target["properties"].items():
                mark = " (required)" if inner in inner_required else ""
                lines.append(f"| `{key}.{inner}`{mark} | {cell(kind_of(inner_spec))} | {description_of(inner_spec)} |")
    return lines


def reference() -> list[str]:
    """A section for the file, and one for each definition."""
    whole = schema()
    lines = ["## The file", "", whole["description"], "", *table(whole["properties"], whole["required"]), ""]
    for name in SECTIONS:
        spec = whole["$defs"][name]
        lines += [f"## {name}".replace("_", "-"), "", spec["description"], ""]
        lines += [*table(spec["properties"], spec.get("required", [])), ""]
    return lines


def builtin() -> list[str]:
    """The built-in scenarios by topic."""
    lines = ["## Built-in scenarios", "", "Each is a lesson: `netsim run NAME --explain`.", ""]
    topic = ""
    for entry in catalog.entries():
        if entry.topic != topic:
            topic = entry.topic
            lines += ["", f"### {topic.capitalize()}", "", "| name | what it shows | source |", "|---|---|---|"]
        lines.append(f"| `{entry.name}` | {cell(entry.title)} | {cell(entry.source)} |")
    return [*lines, ""]


def page() -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, *reference(), *builtin()]).rstrip() + "\n"


def main() -> None:
    """Write it."""
    (ROOT / "docs" / "scenarios.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
