"""From checked data to a `Scenario`: parameters, hosts, routers, links."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Final

from netsim.base.errors import ScenarioError, UsageError
from netsim.base.units import MS
from netsim.scenario.model import HostSpec, LinkSpec, Read, RouterSpec, Scenario
from netsim.scenario.quantity import Quantity, QuantityError, evaluate, names_in
from netsim.scenario.reader import Reader
from netsim.scenario.validate import one_of, schema
from netsim.scenario.yamltree import Path, Source

_NO_OPTIONS: Final = ("profile", "address", "mtu", "isn", "port", "read")


def option_names() -> list[str]:
    """Every option of the stack that a host may set."""
    return [name for name in schema()["$defs"]["host"]["properties"] if name not in _NO_OPTIONS]


# --- parameters ------------------------------------------------------------------------


class Parameters:
    """The parameters' values: as written, overridden, and evaluated.

    `options`: parameters (declared, or given on the command line) that bear the name of a
    host option, with their text; `forced`: those of them that came from the command line.
    """

    def __init__(self, source: Source, overrides: dict[str, str]) -> None:
        self.source = source
        self.values: dict[str, Quantity] = {}
        self.texts: dict[str, str] = {}
        self.forced: set[str] = set()
        declared: dict[str, Any] = source.data.get("parameters") or {}
        for name, spec in declared.items():
            value = spec["default"] if isinstance(spec, dict) else spec
            self.texts[name] = _text(value)
        known_options = option_names()
        for name, text in overrides.items():
            if name not in self.texts and name not in known_options:
                known = [*self.texts, *known_options]
                raise UsageError(f"--set {name}={text}: no such parameter\n  {one_of('parameters are', name, known)}")
            self.texts[name] = text
            self.forced.add(name)
        self.options = {name: text for name, text in self.texts.items() if name in known_options}
        for name in self.texts:
            self._evaluate(name, [])

    def _place(self, name: str) -> Path:
        path: Path = ("parameters", name)
        return (*path, "default") if (*path, "default") in self.source.values else path

    def _fail(self, name: str, message: str, hint: str | None = None) -> ScenarioError | UsageError:
        if name in self.forced:
            text = f"--set {name}={self.texts[name]}: {message}"
            return UsageError(f"{text}\n  {hint}" if hint else text)
        return self.source.error_at(self._place(name), message, hint)

    def _evaluate(self, name: str, chain: list[str]) -> None:
        if name in self.values:
            return
        if name in chain:
            circle = " -> ".join([*chain[chain.index(name) :], name])
            culprit = next((link for link in chain if link in self.forced), chain[-1])
            raise self._fail(
                culprit, f"parameters refer to each other in a circle: {circle}", "give one of them a number"
            )
        text = self.texts[name]
        if text in ("true", "false"):
            self.values[name] = Quantity(1 if text == "true" else 0)
            return
        for other in names_in(text):
            if other in self.texts:
                self._evaluate(other, [*chain, name])
        try:
            self.values[name] = evaluate(text, self.values)
        except QuantityError as error:
            if name in self.options and re.fullmatch(r"[a-z][a-z-]*", text):
                return  # a word, such as congestion_control: cubic
            hint = one_of("parameters are", error.name, list(self.texts)) if error.name else None
            raise self._fail(name, str(error), hint) from None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, "f") if isinstance(value, float) else str(value)


# --- hosts, routers, links ----------------------------------------------------------------


def build_world(reader: Reader, scenario: Scenario, parameters: Parameters, profile: str | None) -> None:
    """Hosts, routers and links, with addresses filled in and everything checked that can be."""
    data = reader.source.data
    hosts: dict[str, Any] = data["hosts"]
    routers: dict[str, Any] = data.get("routers") or {}
    for name in routers:
        if name in hosts:
            raise reader.error(("routers", name), f"'{name}' is a host already", "names are unique", key=True)
    reader.hosts = list(hosts)
    reader.nodes = [*hosts, *routers]
    taken: dict[str, str] = {}
    for number, (name, spec) in enumerate(hosts.items(), 1):
        host = build_host(reader, ("hosts", name), name, spec or {}, number, scenario.ip_version, profile)
        _claim(reader, taken, ("hosts", name, "address"), host.address, name)
        scenario.hosts[name] = host
    for number, (name, spec) in enumerate(routers.items(), 1):
        address = _address(reader, ("routers", name), spec or {}, number, scenario.ip_version, "10.1", "2001:db8:1")
        _claim(reader, taken, ("routers", name, "address"), address, name)
        scenario.routers[name] = RouterSpec(name, address)
    _apply_parameters(reader, scenario, parameters)
    build_links(reader, scenario)


def _claim(reader: Reader, taken: dict[str, str], path: Path, address: str, name: str) -> None:
    if address in taken:
        raise reader.error(path, f"{address} is the address of '{taken[address]}' already", "give each its own")
    taken[address] = name


def _address(reader: Reader, path: Path, spec: dict[str, Any], number: int, version: int, v4: str, v6: str) -> str:
    if "address" not in spec:
        return f"{v4}.{number // 250}.{number % 250}" if version == 4 else f"{v6}::{number:x}"
    try:
        address = ipaddress.ip_address(spec["address"])
    except ValueError:
        hint = "for example 10.0.0.1 or 2001:db8::1"
        raise reader.error((*path, "address"), f"'{spec['address']}' is not an IP address", hint) from None
    if address.is_multicast or address.is_unspecified or address == ipaddress.ip_address("255.255.255.255"):
        raise reader.error((*path, "address"), f"{address} cannot be the address of a host", "use a unicast address")
    return str(address)


def build_host(
    reader: Reader, path: Path, name: str, spec: dict[str, Any], number: int, version: int, profile: str | None
) -> HostSpec:
    """One host from its mapping."""
    address = _address(reader, path, spec, number, version, "10.0", "2001:db8")
    host = HostSpec(name, address, profile or spec.get("profile", "rfc"))
    if "mtu" in spec:
        host.mtu = _mtu(reader, (*path, "mtu"), spec["mtu"], 6 if ":" in address else 4)
    if "port" in spec:
        host.first_port = reader.port((*path, "port"), spec["port"])
    if "read" in spec:
        host.read = build_read(reader, (*path, "read"), spec["read"])
    if "isn" in spec:
        values = spec["isn"] if isinstance(spec["isn"], list) else [spec["isn"]]
        host.isn = tuple(reader.number((*path, "isn"), value) for value in values)
    for key, value in spec.items():
        if key not in _NO_OPTIONS:
            host.options[key] = build_option(reader, (*path, key), key, value)
    return host


def _mtu(reader: Reader, path: Path, value: Any, version: int) -> int:
    low = 68 if version == 4 else 1280
    number = reader.size(path, value)
    if not low <= number <= 65535:
        raise reader.error(path, f"an MTU of {number} is impossible", f"IPv{version}: {low} to 65535")
    return number


def build_read(reader: Reader, path: Path, value: Any) -> Read:
    """How an application reads."""
    if isinstance(value, dict):
        drip = reader.size((*path, "drip"), value["drip"], 1)
        return Read("drip", drip, reader.duration((*path, "every"), value["every"], positive=True))
    if value not in ("auto", "none"):
        hint = one_of("one of", value, ["auto", "none", "{drip: SIZE, every: TIME}"])
        raise reader.error(path, f"'{value}' is no way to read", hint)
    return Read(value)


def build_option(reader: Reader, path: Path, name: str, value: Any) -> Any:
    """The resolved value of one host option."""
    from netsim.scenario.validate import resolve

    spec = resolve(schema()["$defs"]["host"]["properties"][name])
    kind = spec.get("x-kind")
    if name == "delayed_ack":
        if value is False or value == "off":
            return 0
        return reader.duration(path, value)
    if kind == "duration":
        return reader.duration(path, value)
    if kind == "size":
        return reader.size(path, value, 1, 2**30)
    if kind == "count":
        return reader.count(path, value)
    if kind == "flag":
        return reader.flag(path, value)
    if kind == "flag-or-count":
        return value if isinstance(value, bool) else reader.count(path, value, 0, 14)
    return value


def _apply_parameters(reader: Reader, scenario: Scenario, parameters: Parameters) -> None:
    """A parameter named like a host option sets it where a host does not; from the command line it always does."""
    for name, text in parameters.options.items():
        value: Any = {"true": True, "false": False}.get(text, text)
        allowed = schema()["$defs"]["host"]["properties"][name].get("enum")
        path: Path = ("parameters", name)
        if allowed and text not in allowed:
            message = f"'{name}' cannot be '{text}'"
            if name in parameters.forced:
                raise UsageError(f"--set {name}={text}: {message}\n  {one_of('one of', text, allowed)}")
            raise reader.error(path, message, one_of("one of", text, allowed))
        try:
            resolved = build_option(reader, path, name, value)
        except ScenarioError as error:
            if name not in parameters.forced:
                raise
            hint = f"\n  {error.hint}" if error.hint else ""
            raise UsageError(f"--set {name}={text}: {error.message}{hint}") from None
        for host in scenario.hosts.values():
            if name in parameters.forced or name not in host.options:
                host.options[name] = resolved


def build_links(reader: Reader, scenario: Scenario) -> None:
    """The links, and that every pair of ends is joined at most once."""
    data = reader.source.data
    if not data.get("links"):
        names = list(scenario.hosts)
        if len(names) == 2 and not scenario.routers:
            scenario.links.append(LinkSpec(f"{names[0]}-{names[1]}", names[0], names[1]))
            reader.links = [scenario.links[0].name]
        return
    joined: dict[frozenset[str], str] = {}
    for index, spec in enumerate(data["links"]):
        path: Path = ("links", index)
        link = _build_link(reader, path, spec)
        pair = frozenset((link.a, link.b))
        if pair in joined:
            raise reader.error((*path, "between"), f"{link.a} and {link.b} are joined already by link '{joined[pair]}'",
                               "one link between two ends; give it more rate")  # fmt: skip
        if link.name in reader.links:
            raise reader.error((*path, "name"), f"the name '{link.name}' is taken", "link names are unique")
        joined[pair] = link.name
        reader.links.append(link.name)
        scenario.links.append(link)


def _build_link(reader: Reader, path: Path, spec: dict[str, Any]) -> LinkSpec:
    a, b = (reader.node((*path, "between", side), spec["between"][side]) for side in (0, 1))
    if a == b:
        raise reader.error((*path, "between"), f"a link cannot join {a} to itself", "name two different ends")
    link = LinkSpec(spec.get("name", f"{a}-{b}"), a, b)
    read_link_values(reader, path, spec, link.__dict__)
    if "queue" in spec:
        link.queue_packets, link.queue_bytes = _queue(reader, (*path, "queue"), spec["queue"])
    for key in ("duplicate", "reorder", "corrupt"):
        if key in spec:
            setattr(link, key, reader.probability((*path, key), spec[key]))
    link.reorder_by_ns = max(link.delay_ns // 2, MS)
    if "reorder_by" in spec:
        link.reorder_by_ns = reader.duration((*path, "reorder_by"), spec["reorder_by"], positive=True)
    return link


def read_link_values(reader: Reader, path: Path, spec: dict[str, Any], into: dict[str, Any]) -> None:
    """The values that a link has and that a `link` step may change, by their names in `LinkSpec`."""
    if "delay" in spec:
        into["delay_ns"] = reader.duration((*path, "delay"), spec["delay"])
    if "jitter" in spec:
        into["jitter_ns"] = reader.duration((*path, "jitter"), spec["jitter"])
    if "rate" in spec:
        into["rate_bps"] = reader.rate((*path, "rate"), spec["rate"])
    if "mtu" in spec:
        into["mtu"] = _mtu(reader, (*path, "mtu"), spec["mtu"], 4)
    if "loss" in spec:
        into["loss"] = reader.probability((*path, "loss"), spec["loss"])


def _queue(reader: Reader, path: Path, value: Any) -> tuple[int, int]:
    """(packets, bytes) of `100`, `100 packets`, `64KiB`."""
    text = re.sub(r"\s*packets?$", "", str(value))
    if text == str(value) and re.search(r"[A-Za-z]", text):
        try:
            if evaluate(text, reader.names).kind == "size":
                return 0, reader.size(path, value, 1)
        except QuantityError:
            pass
    return reader.count(path, text, 1), 0
