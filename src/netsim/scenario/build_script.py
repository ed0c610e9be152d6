"""From checked data to a `Scenario`: the script's steps, moments, faults, interventions."""

from __future__ import annotations

from typing import Any, Final

from netsim.base.packet import FLAG_NAMES
from netsim.scenario.build import build_read, read_link_values
from netsim.scenario.model import (
    ACTIONS,
    EVENTS,
    STATES,
    Edit,
    Fault,
    Intervention,
    Match,
    Moment,
    Read,
    Scenario,
    Step,
)
from netsim.scenario.pattern import pattern
from netsim.scenario.reader import Reader
from netsim.scenario.validate import one_of
from netsim.scenario.yamltree import Path

_WHEN: Final = ("id", "at", "on", "after", "host", "connection", "as")
_HOSTLESS: Final = ("inject", "link", "note")
_FAULTS: Final = ("drop", "delay", "duplicate", "corrupt", "edit")


# --- which packets, and when -------------------------------------------------------------


def build_match(reader: Reader, path: Path, spec: dict[str, Any]) -> Match:
    """A `match` or `fault_match` mapping."""
    values: dict[str, Any] = {}
    for key, value in spec.items():
        here = (*path, key)
        if key in ("from", "to"):
            name = reader.node(here, value)
            values["sender" if key == "from" else "receiver"] = name
        elif key == "connection":
            values[key] = reader.connection(here, value)
        elif key == "flags":
            values[key] = reader.flags(here, value)
        elif key in ("seq", "ack", "abs_seq", "abs_ack", "carries"):
            values[key] = reader.number(here, value)
        elif key in ("len", "win"):
            values["length" if key == "len" else "win"] = reader.bound(here, value)
        elif key in ("at", "arrives", "after", "before"):
            values[f"{key}_ns"] = reader.duration(here, value)
        elif key in ("mss", "ws"):
            values[key] = reader.count(here, value)
        elif key == "sack":
            values[key] = tuple((reader.number(here, a), reader.number(here, b)) for a, b in value)
        elif key == "options":
            values[key] = tuple(value)
        elif key == "nth":
            values[key] = reader.count(here, value, 1)
        else:
            values[key] = value
    return Match(**values, text=describe_match(spec))


def describe_match(spec: dict[str, Any]) -> str:
    """A match in words: `FIN from server, the 2nd`."""
    words: list[str] = []
    flags = str(spec.get("flags", "")).lstrip("=")
    words.append(flags if flags and flags != "none" else {"udp": "datagram", "icmp": "ICMP message"}.get(
        spec.get("protocol", ""), "segment"))  # fmt: skip
    if "from" in spec:
        words.append(f"from {spec['from']}")
    if "to" in spec:
        words.append(f"to {spec['to']}")
    skip = ("flags", "from", "to", "nth", "protocol")
    for key, value in spec.items():
        if key in skip:
            continue
        if value is True:
            words.append(key)
        elif value is False:
            words.append(f"not {key}")
        elif key == "options":
            words.append(f"with {', '.join(value)}")
        else:
            words.append(f"{key} {value}")
    text = " ".join(words)
    if "nth" in spec and not isinstance(spec["nth"], list):
        text += f", no. {spec['nth']}"
    return text


def build_moment(reader: Reader, path: Path, value: Any) -> Moment:
    """A point in time: `server.received-fin`, or a mapping."""
    if isinstance(value, str):
        return _moment_of_text(reader, path, value)
    host = reader.host((*path, "host"), value["host"]) if "host" in value else ""
    connection = reader.connection((*path, "connection"), value["connection"]) if "connection" in value else None
    kinds = [key for key in ("time", "segment", "state", "left", "timer", "received", "event", "step") if key in value]
    if len(kinds) != 1:
        found = " and ".join(f"'{kind}'" for kind in kinds) or "nothing"
        raise reader.error(path, f"a moment needs one thing to wait for, and here is {found}",
                           "one of time, segment, state, left, timer, received, event, step")  # fmt: skip
    kind = kinds[0]
    here = (*path, kind)
    what, number, match = "", 0, None
    if kind == "time":
        number = reader.duration(here, value[kind])
    elif kind == "segment":
        match = build_match(reader, here, value[kind])
    elif kind == "received":
        number = reader.size(here, value[kind], 1)
    else:
        what = value[kind]
    if kind in ("state", "left", "timer", "received", "event") and not host:
        raise reader.error(path, f"at which host? '{kind}' needs one", "add 'host:'")
    if "seen" in value and kind != "segment":
        raise reader.error((*path, "seen"), f"'seen' has no meaning with '{kind}'", key=True)
    if kind == "step" and what not in reader.steps:
        raise reader.error(here, f"unknown step '{what}'", one_of("steps with an id are", what, reader.steps))
    nth = reader.count((*path, "nth"), value["nth"], 1) if "nth" in value else 1
    plus = reader.duration((*path, "plus"), value["plus"]) if "plus" in value else 0
    seen = value.get("seen", "received")
    text = _moment_text(kind, host, what, value, nth, seen, match)
    return Moment(kind, host, connection, what, number, match, seen, nth, plus, text)


def _moment_text(
    kind: str, host: str, what: str, value: dict[str, Any], nth: int, seen: str, match: Match | None
) -> str:
    again = f", no. {nth}" if nth > 1 else ""
    later = f" plus {value['plus']}" if "plus" in value else ""
    if match is not None:
        return f"{match.text} is {seen}{again}{later}"
    texts = {
        "time": f"{value.get('time')}",
        "state": f"{host} enters {what}",
        "left": f"{host} leaves {what}",
        "timer": f"{host}'s {what} timer runs out",
        "received": f"{host} has received {value.get('received')}",
        "event": f"{host}.{what}",
        "step": f"step {what}",
    }
    return texts[kind] + again + later


def _moment_of_text(reader: Reader, path: Path, text: str) -> Moment:
    host, dot, event = text.rpartition(".")
    if not dot:
        raise reader.error(path, f"'{text}' is no moment", "write HOST.EVENT, for example server.received-fin")
    reader.host(path, host)
    if event.upper() in STATES:
        if event == "closed":
            return Moment("event", host, what="closed", text=text)
        return Moment("state", host, what=event.upper(), text=f"{host} enters {event.upper()}")
    if event not in EVENTS:
        raise reader.error(path, f"unknown event '{event}'", one_of("events are", event, [*EVENTS, *STATES]))
    return Moment("event", host, what=event, text=text)


# --- the script -----------------------------------------------------------------------------


def build_script(reader: Reader, scenario: Scenario) -> None:
    """Every step, then what can only be judged of the whole: waiting in circles, ports, reachability."""
    data: list[dict[str, Any]] = reader.source.data.get("script") or []
    for index, spec in enumerate(data):
        if "id" in spec:
            if spec["id"] in reader.steps:
                raise reader.error(("script", index, "id"), f"two steps are called '{spec['id']}'", "ids are unique")
            reader.steps.append(spec["id"])
        if "as" in spec:
            if spec["as"] in reader.connections or (spec["as"] in reader.hosts and spec["as"] != spec.get("host")):
                raise reader.error(("script", index, "as"), f"the name '{spec['as']}' is taken", "names are unique")
            reader.connections.append(spec["as"])
    for index, spec in enumerate(data):
        scenario.script.append(_build_step(reader, index, spec))
    _check_circles(reader, scenario)
    _check_reachable(reader, scenario)


def _build_step(reader: Reader, index: int, spec: dict[str, Any]) -> Step:
    path: Path = ("script", index)
    actions = [key for key in spec if key in ACTIONS]
    if len(actions) != 1:
        if not actions:
            raise reader.error(path, "the step does nothing", one_of("add one of", "", list(ACTIONS)))
        raise reader.error((*path, actions[1]), f"a step does one thing: '{actions[0]}' or '{actions[1]}'",
                           "make it two steps", key=True)  # fmt: skip
    action = actions[0]
    reader.only(path, spec, (*_WHEN, action), f"'{action}'")
    if "at" in spec and ("on" in spec or "after" in spec):
        raise reader.error((*path, "at"), "'at' and 'on' or 'after' exclude each other", "use one of them", key=True)
    step = Step(index, action, {}, path, spec.get("id", ""))
    if "host" in spec:
        step.host = reader.host((*path, "host"), spec["host"])
    elif action not in _HOSTLESS:
        raise reader.error(
            path, f"who does it? '{action}' needs a host", one_of("add 'host:', one of", "", reader.hosts)
        )
    if "at" in spec:
        step.at_ns = reader.duration((*path, "at"), spec["at"])
    if "on" in spec:
        step.on = build_moment(reader, (*path, "on"), spec["on"])
        if step.on.kind == "step" and step.on.what == step.id:
            raise reader.error((*path, "on"), "the step waits for itself", "name another step")
    if "after" in spec:
        step.after_ns = reader.duration((*path, "after"), spec["after"])
        if index == 0 and step.on is None:
            raise reader.error((*path, "after"), "there is no step before this one", "use 'at'", key=True)
    if "connection" in spec:
        step.connection = reader.connection((*path, "connection"), spec["connection"])
    if "as" in spec and action not in ("connect", "listen"):
        raise reader.error(
            (*path, "as"), f"'as' has no meaning with '{action}'", "it goes with connect or listen", key=True
        )
    step.name = spec.get("as")
    step.args = _build_args(reader, (*path, action), action, spec[action], step.host)
    return step


def _build_args(reader: Reader, path: Path, action: str, value: Any, host: str) -> dict[str, Any]:
    if action in ("listen", "bind_udp"):
        spec = value if isinstance(value, dict) else {"port": value}
        where = (*path, "port") if isinstance(value, dict) else path
        args: dict[str, Any] = {"port": reader.port(where, spec["port"]), "echo": spec.get("echo", False),
                                "accept": spec.get("accept", True), "app": spec.get("app", "none")}  # fmt: skip
        args["backlog"] = reader.count((*path, "backlog"), spec.get("backlog", 128), 1, 100_000)
        args["read"] = _read_or_none(reader, path, spec)
        return args
    if action in ("connect", "datagram", "transfer"):
        return _network_args(reader, path, action, value, host)
    if action == "send":
        return _send_args(reader, path, value)
    if action == "read":
        return {"read": build_read(reader, path, value)}
    if action == "recv":
        return {"bytes": reader.size(path, value, 1)}
    if action == "option":
        return {
            key: reader.size((*path, key), item, 1) if key.endswith("buffer") else item for key, item in value.items()
        }
    if action == "inject":
        return _inject_args(reader, path, value)
    if action == "link":
        return _link_args(reader, path, value)
    if action in ("close", "abort", "crash", "shutdown") and value not in (None, True):
        raise reader.error(path, f"'{action}' takes no value", f"write {action}: true, or just {action}")
    return {"text": value} if action in ("note", "expire") else {}


def _read_or_none(reader: Reader, path: Path, spec: dict[str, Any]) -> Read | None:
    return build_read(reader, (*path, "read"), spec["read"]) if "read" in spec else None


def _network_args(reader: Reader, path: Path, action: str, value: Any, host: str) -> dict[str, Any]:
    spec = value if isinstance(value, dict) else {"to": value}
    where = (*path, "to") if isinstance(value, dict) else path
    peer, port = reader.target(where, spec["to"])
    if peer == host:
        raise reader.error(where, f"{host} cannot reach itself over the network", "name another host")
    args: dict[str, Any] = {"host": peer, "port": port}
    args["local_port"] = reader.port((*path, "port"), spec["port"]) if "port" in spec else 0
    if action == "connect":
        args["read"] = _read_or_none(reader, path, spec)
    elif action == "datagram":
        args["data"] = spec["text"].encode() if "text" in spec else None
        args["bytes"] = reader.size((*path, "bytes"), spec.get("bytes", 0), 0, 65507)
    else:
        args["bytes"] = reader.size((*path, "bytes"), spec["bytes"])
        args["flows"] = reader.count((*path, "flows"), spec.get("flows", 1), 1, 100_000)
        args["apart_ns"] = reader.duration((*path, "apart"), spec.get("apart", 0))
    return args


def _send_args(reader: Reader, path: Path, value: Any) -> dict[str, Any]:
    spec = value if isinstance(value, dict) else {"bytes": value}
    where = (*path, "bytes") if isinstance(value, dict) else path
    if ("bytes" in spec) == ("text" in spec):
        raise reader.error(path, "'send' needs either 'bytes' or 'text'", "for example send: 1000 bytes")
    return {
        "bytes": reader.size(where, spec["bytes"], 1, 10**12) if "bytes" in spec else 0,
        "data": spec["text"].encode() if "text" in spec else None,
        "times": reader.count((*path, "times"), spec.get("times", 1), 1, 1_000_000),
        "every_ns": reader.duration((*path, "every"), spec.get("every", 0)),
        "push": spec.get("push", False),
        "urgent": spec.get("urgent", False),
        "more": spec.get("more", False),
    }


def _inject_args(reader: Reader, path: Path, spec: dict[str, Any]) -> dict[str, Any]:
    args: dict[str, Any] = {}
    for side in ("from", "to"):
        name, colon, port = spec[side].rpartition(":")
        if colon:
            args[side] = (reader.host((*path, side), name), reader.port((*path, side), port))
        else:
            args[side] = (reader.host((*path, side), port), 0)
    if args["from"][0] == args["to"][0]:
        raise reader.error((*path, "to"), "the segment comes from the host that it goes to", "name two hosts")
    args["flags"] = reader.control_bits((*path, "flags"), spec["flags"])
    args["seq"] = reader.sequence((*path, "seq"), spec.get("seq", "next"))
    args["ack"] = reader.sequence((*path, "ack"), spec["ack"]) if "ack" in spec else None
    length = reader.size((*path, "len"), spec.get("len", 0), 0, 65000)
    if "text" in spec:
        args["data"] = spec["text"].encode()
    elif args["seq"][0] == "rel" and args["seq"][1] > 0:  # an old duplicate: what that stream has there
        args["data"] = pattern(args["seq"][1] - 1, length)
    else:
        args["data"] = bytes(length)
    args["win"] = reader.count((*path, "win"), spec.get("win", 65535), 0, 65535)
    args["mss"] = reader.count((*path, "mss"), spec["mss"], 0, 65535) if "mss" in spec else None
    args["ts"] = (
        tuple(reader.count((*path, "ts"), item, -(2**31), 2**32 - 1) for item in spec["ts"]) if "ts" in spec else None
    )
    args["count"] = reader.count((*path, "count"), spec.get("count", 1), 1, 1_000_000)
    args["every_ns"] = reader.duration((*path, "every"), spec.get("every", 0))
    return args


def _link_args(reader: Reader, path: Path, spec: dict[str, Any]) -> dict[str, Any]:
    if len(spec) == 1:
        raise reader.error(path, "nothing changes", "add delay, rate, jitter, mtu, loss or up")
    args: dict[str, Any] = {"name": reader.link((*path, "name"), spec["name"])}
    read_link_values(reader, path, spec, args)
    if "up" in spec:
        args["up"] = spec["up"]
    return args


def _check_circles(reader: Reader, scenario: Scenario) -> None:
    """No step may wait, directly or by others, for itself."""
    by_id = {step.id: step for step in scenario.script if step.id}
    for step in scenario.script:
        seen = [step.index]
        current = step
        while True:
            if current.at_ns is not None:
                break
            if current.on is not None:
                if current.on.kind != "step":
                    break
                current = by_id[current.on.what]
            elif current.index > 0:
                current = scenario.script[current.index - 1]
            else:
                break
            if current.index == step.index:
                names = " -> ".join(f"step {index + 1}" for index in [*seen, step.index])
                raise reader.error(
                    step.path, f"steps wait for each other in a circle: {names}", "give one of them 'at'"
                )
            if current.index in seen:
                break
            seen.append(current.index)


def _check_reachable(reader: Reader, scenario: Scenario) -> None:
    """Hosts that talk must be joined by links."""
    neighbours: dict[str, list[str]] = {name: [] for name in reader.nodes}
    for link in scenario.links:
        neighbours[link.a].append(link.b)
        neighbours[link.b].append(link.a)
    for step in scenario.script:
        if step.action not in ("connect", "datagram", "transfer"):
            continue
        reached, todo = {step.host}, [step.host]
        while todo:
            for name in neighbours[todo.pop()]:
                if name not in reached:
                    reached.add(name)
                    if name in scenario.routers:  # hosts do not forward
                        todo.append(name)
        if step.args["host"] not in reached:
            raise reader.error((*step.path, step.action), f"no path leads from {step.host} to {step.args['host']}",
                               "add a link (hosts do not forward, routers do)")  # fmt: skip


# --- faults and interventions ---------------------------------------------------------------


def build_faults(reader: Reader, scenario: Scenario) -> None:
    """The network's rules and the single changes."""
    for index, spec in enumerate(reader.source.data.get("faults") or []):
        scenario.faults.append(_build_fault(reader, ("faults", index), spec))
    for index, spec in enumerate(reader.source.data.get("interventions") or []):
        scenario.interventions.append(_build_intervention(reader, ("interventions", index), spec))


def _build_fault(reader: Reader, path: Path, spec: dict[str, Any]) -> Fault:
    kinds = [key for key in spec if key in _FAULTS]
    if len(kinds) != 1:
        raise reader.error(path, "a fault needs exactly one of drop, delay, duplicate, corrupt, edit")
    what = kinds[0]
    here = (*path, what)
    inner = dict(spec[what])
    own = {key: inner.pop(key) for key in ("nth", "count", "every", "chance", "link") if key in inner}
    fault = Fault(what, build_match(reader, here, inner), spec.get("name", ""))
    if "nth" in own:
        numbers = own["nth"] if isinstance(own["nth"], list) else [own["nth"]]
        fault.nth = tuple(reader.count((*here, "nth"), number, 1) for number in numbers)
    fault.count = reader.count((*here, "count"), own["count"], 1) if "count" in own else None
    fault.every = reader.count((*here, "every"), own["every"], 1) if "every" in own else None
    fault.chance = reader.probability((*here, "chance"), own["chance"]) if "chance" in own else None
    fault.link = reader.link((*here, "link"), own["link"]) if "link" in own else None
    if what == "delay" and "by" not in spec:
        raise reader.error(path, "by how much? 'delay' needs 'by'", "for example by: 200ms")
    if "by" in spec:
        if what != "delay":
            raise reader.error((*path, "by"), f"'by' has no meaning with '{what}'", key=True)
        fault.by_ns = reader.duration((*path, "by"), spec["by"])
    if (what == "edit") != ("set" in spec):
        raise reader.error(path, "'edit' and 'set' go together", "edit says which packets, set what changes")
    if "set" in spec:
        fault.edit = build_edit(reader, (*path, "set"), spec["set"])
    if not fault.name:
        fault.name = f"{what} {describe_match(inner)}"
    return fault


def build_edit(reader: Reader, path: Path, spec: dict[str, Any]) -> Edit:
    """New header values."""
    edit = Edit()
    for key in ("seq", "ack"):
        if key in spec:
            mode, number = reader.sequence((*path, key), spec[key])
            if mode == "next":
                raise reader.error((*path, key), "'next' has no meaning here", "a relative number, or abs N")
            setattr(edit, key, (mode == "abs", number))
    if "flags" in spec:
        edit.flags = reader.control_bits((*path, "flags"), spec["flags"])
    if "win" in spec:
        edit.win = reader.count((*path, "win"), spec["win"], 0, 65535)
    if "ttl" in spec:
        edit.ttl = reader.count((*path, "ttl"), spec["ttl"], 0, 255)
    if "payload" in spec:
        edit.payload = spec["payload"].encode()
    edit.strip = tuple(spec.get("strip", ()))
    return edit


def _build_intervention(reader: Reader, path: Path, spec: dict[str, Any]) -> Intervention:
    for place, kinds in (("packet", _FAULTS), ("step", ("expire", "close", "abort", "link"))):
        if place not in spec:
            continue
        found = [key for key in spec if key in kinds]
        if len(found) != 1:
            raise reader.error(path, f"with '{place}' goes exactly one of {', '.join(kinds)}")
        what = found[0]
        allowed = (place, what, "step") if place == "packet" else (place, what, "host", "connection")
        reader.only(path, spec, allowed, f"'{what}' at a {place}")
        here = (*path, what)
        change = Intervention(what, spec.get("packet"), spec.get("step"))
        if what == "delay":
            change.by_ns = reader.duration(here, spec[what])
        elif what == "edit":
            change.edit = build_edit(reader, here, spec[what])
        elif what == "link":
            change.link = _link_args(reader, here, spec[what])
        elif place == "step":
            if "host" not in spec:
                raise reader.error(path, f"at which host? '{what}' needs one", "add 'host:'")
            change.host = reader.host((*path, "host"), spec["host"])
            change.timer = spec[what] if what == "expire" else ""
        if "connection" in spec:
            change.connection = reader.connection((*path, "connection"), spec["connection"])
        return change
    raise reader.error(path, "where? an intervention needs 'packet' or 'step'")


FLAG_BITS: Final = {name: mask for mask, name in FLAG_NAMES}
