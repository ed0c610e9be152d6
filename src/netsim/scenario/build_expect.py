"""From checked data to a `Scenario`: the expectations."""

from __future__ import annotations

from typing import Any, Final

from netsim.scenario.build_script import build_match, build_moment
from netsim.scenario.model import Expectation, Match, Scenario
from netsim.scenario.reader import Reader
from netsim.scenario.validate import one_of, schema
from netsim.scenario.yamltree import Path

_COUNTS: Final = ("count", "at_least", "at_most")
_ALLOWED: Final[dict[str, tuple[str, ...]]] = {
    "states": ("host", "connection"),
    "state": ("host", "connection", "at", "lasts", "after", "tolerance"),
    "segments": (*_COUNTS, "gaps", "tolerance"),
    "none": (),
    "wire": ("of", "order"),
    "delivered": ("host", "connection", "intact"),
    "counter": ("host", "connection", *_COUNTS),
    "timer": ("host", "connection", *_COUNTS),
    "told": ("host", "connection"),
    "between": ("takes", "tolerance"),
    "phases": ("host", "connection"),
    "cwnd": ("host", "connection", "at", "after"),
    "fairness": (),
    "utilisation": ("rate",),
    "connections": ("host",),
    "note": ("host", "connection", *_COUNTS),
}
KINDS: Final = tuple(_ALLOWED)


def build_expectations(reader: Reader, scenario: Scenario) -> None:
    """Every expectation of the file."""
    for index, spec in enumerate(reader.source.data.get("expect") or []):
        scenario.expect.append(_build(reader, ("expect", index), spec))


def _build(reader: Reader, path: Path, spec: dict[str, Any]) -> Expectation:
    kinds = [key for key in KINDS if key in spec]
    if len(kinds) != 1:
        if not kinds:
            raise reader.error(path, "the expectation expects nothing", f"add one of {', '.join(KINDS)}")
        raise reader.error((*path, kinds[1]), f"one expectation at a time: '{kinds[0]}' or '{kinds[1]}'",
                           "make it two", key=True)  # fmt: skip
    kind = kinds[0]
    reader.only(path, spec, ("text", kind, *_ALLOWED[kind]), f"'{kind}'")
    expectation = Expectation(kind, path, spec.get("text", ""))
    if "host" in spec:
        expectation.host = reader.host((*path, "host"), spec["host"])
    elif "host" in _ALLOWED[kind]:
        raise reader.error(path, f"whose? '{kind}' needs a host", f"add 'host:', one of {', '.join(reader.hosts)}")
    if "connection" in spec:
        expectation.connection = reader.connection((*path, "connection"), spec["connection"])
    _common(reader, path, spec, expectation)
    _kind(reader, path, spec, kind, expectation)
    if not expectation.text:
        expectation.text = describe(spec, kind, expectation)
    return expectation


def _common(reader: Reader, path: Path, spec: dict[str, Any], expectation: Expectation) -> None:
    for key in _COUNTS:
        if key in spec:
            setattr(expectation, key, reader.count((*path, key), spec[key]))
    if "count" in spec and ("at_least" in spec or "at_most" in spec):
        raise reader.error((*path, "count"), "'count' is exact: 'at_least' and 'at_most' exclude it", key=True)
    low, high = expectation.at_least, expectation.at_most
    if low is not None and high is not None and low > high:
        raise reader.error((*path, "at_least"), f"at least {low} and at most {high} cannot both be")
    for key in ("at", "lasts", "tolerance", "takes"):
        if key in spec:
            setattr(expectation, f"{key}_ns", reader.duration((*path, key), spec[key]))
    if "after" in spec:
        expectation.after = build_moment(reader, (*path, "after"), spec["after"])


def _kind(reader: Reader, path: Path, spec: dict[str, Any], kind: str, expectation: Expectation) -> None:
    here = (*path, kind)
    value = spec[kind]
    if kind == "states":
        expectation.states = tuple(value)
    elif kind == "phases":
        expectation.states = tuple(value)
    elif kind == "state":
        expectation.state = value
        if "at" in spec and "lasts" in spec:
            raise reader.error((*path, "at"), "'at' and 'lasts' exclude each other", key=True)
        if "after" in spec and "lasts" not in spec:
            raise reader.error((*path, "after"), "'after' needs 'lasts'", "how long after it?", key=True)
    elif kind in ("segments", "none"):
        expectation.match = build_match(reader, here, value)
        expectation.gaps_ns = tuple(
            reader.duration((*path, "gaps", index), gap) for index, gap in enumerate(spec.get("gaps", []))
        )
    elif kind == "wire":
        expectation.wire = _wire(reader, here, value)
        expectation.order = spec.get("order", "sent")
        if "of" in spec:
            expectation.match = build_match(reader, (*path, "of"), spec["of"])
    elif kind == "delivered":
        expectation.delivered = -1 if value == "all" else reader.size(here, value)
        expectation.intact = spec.get("intact", True)
    elif kind in ("counter", "timer", "told", "note"):
        expectation.name = value
        if kind != "told" and all(key not in spec for key in _COUNTS):
            raise reader.error(path, f"'{kind}' needs a number to compare with", "add count, at_least or at_most")
    elif kind == "between":
        expectation.between = tuple(build_moment(reader, (*here, index), item) for index, item in enumerate(value))
        if "takes" not in spec:
            raise reader.error(path, "'between' needs 'takes'", "for example takes: 2*msl")
    elif kind == "cwnd":
        expectation.bound = reader.bound(here, value)
    elif kind == "connections":
        expectation.count = reader.count(here, value)
    else:
        expectation.share = reader.probability(here, value)
        if kind == "utilisation":
            if "rate" not in spec:
                raise reader.error(path, "'utilisation' needs 'rate'", "the rate of the bottleneck link")
            expectation.rate_bps = reader.rate((*path, "rate"), spec["rate"])


def _wire(reader: Reader, path: Path, items: list[Any]) -> tuple[Match | None, ...]:
    matches: list[Match | None] = []
    known = schema()["$defs"]["match"]["properties"]
    for index, item in enumerate(items):
        if item == "...":
            matches.append(None)
            continue
        if isinstance(item, str):
            raise reader.error(
                (*path, index), f"'{item}' is no packet", "a mapping such as {from: client, flags: SYN}, or ..."
            )
        for key in item:
            if key not in known or key == "nth":
                hint = one_of("keys are", key, [name for name in known if name != "nth"])
                raise reader.error((*path, index, key), f"unknown key '{key}' in a packet of 'wire'", hint, key=True)
        if not reader.trusted:
            _check_types(reader, (*path, index), item)
        matches.append(build_match(reader, (*path, index), item))
    return tuple(matches)


def _check_types(reader: Reader, path: Path, item: dict[str, Any]) -> None:
    """The schema cannot say `match or "..."` and still explain an error well: check a match here."""
    import jsonschema

    from netsim.scenario.validate import explain

    validator = jsonschema.Draft202012Validator({"$ref": "#/$defs/match", "$defs": schema()["$defs"]})
    for error in validator.iter_errors(item):
        raise explain(reader.source, error, path)


def describe(spec: dict[str, Any], kind: str, expectation: Expectation) -> str:
    """The expectation in words."""
    host = expectation.host
    if expectation.connection:
        host += f" ({expectation.connection})"
    count = _count_words(spec)
    if kind in ("states", "phases"):
        return f"{host} goes through {', '.join(spec[kind])}"
    if kind == "state":
        if "lasts" in spec:
            after = f" after {expectation.after.text}" if expectation.after else ""
            return f"{host} stays in {spec['state']} for {spec['lasts']}{after}"
        when = f"at {spec['at']}" if "at" in spec else "in the end"
        return f"{host} is in {spec['state']} {when}"
    if kind == "segments":
        assert expectation.match is not None
        gaps = f", {', '.join(map(str, spec['gaps']))} apart" if "gaps" in spec else ""
        return f"{count or 'at least one'}: {expectation.match.text}{gaps}"
    if kind == "none":
        assert expectation.match is not None
        return f"no {expectation.match.text}"
    if kind == "wire":
        of = f" among {expectation.match.text}" if expectation.match else ""
        return f"the packets on the wire{of}, {len(spec['wire'])} lines"
    if kind == "delivered":
        what = "everything" if spec["delivered"] == "all" else f"{expectation.delivered:,} bytes"
        return f"{host} receives {what} that was sent, intact and in order"
    texts = {
        "counter": f"{host} counts {count} {str(spec.get('counter')).replace('_', ' ')}",
        "timer": f"{host}'s {spec.get('timer')} timer runs out {count} times",
        "told": f"{host}'s application is told: {spec.get('told')}",
        "between": f"{' until '.join(moment.text for moment in expectation.between)} takes {spec.get('takes')}",
        "cwnd": f"{host}'s congestion window is {spec.get('cwnd')}",
        "fairness": f"the flows share fairly (Jain's index at least {spec.get('fairness')})",
        "utilisation": f"the flows use at least {spec.get('utilisation')} of {spec.get('rate')}",
        "connections": f"{expectation.count} connections are established at {host}",
        "note": f"{host} notes {spec.get('note')} {count} times",
    }
    return texts[kind]


def _count_words(spec: dict[str, Any]) -> str:
    if "count" in spec:
        return f"exactly {spec['count']}"
    parts = []
    if "at_least" in spec:
        parts.append(f"at least {spec['at_least']}")
    if "at_most" in spec:
        parts.append(f"at most {spec['at_most']}")
    return " and ".join(parts)
