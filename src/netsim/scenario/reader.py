"""Reads typed values out of a scenario's data, with errors that show the place."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any, Final

from netsim.base.errors import ScenarioError
from netsim.base.hints import did_you_mean
from netsim.base.packet import FLAG_NAMES
from netsim.base.units import SEC
from netsim.scenario.model import Bound, Flags
from netsim.scenario.quantity import KIND_WORDS, Quantity, QuantityError, evaluate
from netsim.scenario.validate import one_of
from netsim.scenario.yamltree import Path, Source

LONGEST_NS: Final = 10 * 366 * 86400 * SEC
LARGEST_BYTES: Final = 10**14
LARGEST_COUNT: Final = 10**9

_FLAG_BITS: Final = {name: mask for mask, name in FLAG_NAMES}
_BOUND: Final = re.compile(r"(<=|>=|<|>|=)?\s*(.+)")
_SEQUENCE: Final = re.compile(r"(abs|next)?\s*([-+]?.*)")


class Reader:
    """The data, its places, the parameters, and the names that may be referred to."""

    def __init__(self, source: Source, names: dict[str, Quantity]) -> None:
        self.source = source
        self.names = names
        self.hosts: list[str] = []
        self.nodes: list[str] = []
        self.links: list[str] = []
        self.steps: list[str] = []
        self.connections: list[str] = []
        self.trusted = False  # the schema was checked before: no need to load the validator

    def error(self, path: Path, message: str, hint: str | None = None, *, key: bool = False) -> ScenarioError:
        """An error about the value (or the key) at `path`."""
        return self.source.error_at(path, message, hint, key=key)

    # -- numbers -------------------------------------------------------------------

    def quantity(self, path: Path, value: Any, kind: str) -> Fraction:
        """The number of kind "time", "size", "rate" or "" that `value` stands for."""
        if isinstance(value, bool) or value is None:
            raise self.error(path, f"{KIND_WORDS[kind]} was expected here")
        text = format(value, "f") if isinstance(value, float) else str(value)
        try:
            found = evaluate(text, self.names)
        except QuantityError as error:
            hint = None
            if error.name and self.names:
                hint = one_of("parameters are", error.name, list(self.names))
            elif error.name:
                hint = f"a name stands for a parameter; declare it with  parameters: {{{error.name}: ...}}"
            raise self.error(path, str(error), hint) from None
        if found.kind == kind or (found.kind == "" and (kind in ("size", "rate") or found.value == 0)):
            return found.value
        if kind == "time" and found.kind == "":
            raise self.error(path, f"'{text}' has no unit", f"write {text}ms or {text}s")
        raise self.error(path, f"'{text}' is {KIND_WORDS[found.kind]}, not {KIND_WORDS[kind]}")

    def duration(self, path: Path, value: Any, *, positive: bool = False) -> int:
        """Nanoseconds; never negative."""
        number = self.quantity(path, value, "time")
        if number < 0:
            raise self.error(path, f"the time {value} is negative", "times start at 0")
        if number > LONGEST_NS:
            raise self.error(path, f"the time {value} is too long", "at most ten years")
        if positive and number == 0:
            raise self.error(path, "the time must be more than 0")
        return int(number)

    def size(self, path: Path, value: Any, low: int = 0, high: int = LARGEST_BYTES) -> int:
        """Bytes between `low` and `high`."""
        return self._whole(path, value, "size", low, high)

    def count(self, path: Path, value: Any, low: int = 0, high: int = LARGEST_COUNT) -> int:
        """A whole number between `low` and `high`."""
        return self._whole(path, value, "", low, high)

    def rate(self, path: Path, value: Any) -> int:
        """Bits per second, more than 0."""
        return self._whole(path, value, "rate", 1, 10**15)

    def _whole(self, path: Path, value: Any, kind: str, low: int, high: int) -> int:
        number = self.quantity(path, value, kind)
        if number.denominator != 1:
            if kind == "":
                raise self.error(path, f"'{value}' is not a whole number")
            number = Fraction(int(number))
        if number < low:
            raise self.error(path, f"{value} is too small", f"at least {low:,}")
        if number > high:
            raise self.error(path, f"{value} is too large", f"at most {high:,}")
        return int(number)

    def probability(self, path: Path, value: Any) -> float:
        """A chance between 0 and 1."""
        number = self.quantity(path, value, "")
        if not 0 <= number <= 1:
            raise self.error(path, f"{value} is not a probability", "between 0 and 1, or 0% and 100%")
        return float(number)

    def flag(self, path: Path, value: Any) -> bool:
        """True or false, or a parameter that is one."""
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value in self.names and self.names[value].kind == "":
            return self.names[value].value != 0
        raise self.error(path, f"'{value}' is neither true nor false")

    def bound(self, path: Path, value: Any) -> Bound:
        """`1000`, `>0`, `<=3*mss`."""
        match = _BOUND.fullmatch(str(value).strip())
        if match is None:
            raise self.error(path, f"'{value}' is no bound", "for example 1000 or >0")
        return Bound(match.group(1) or "=", self.size(path, match.group(2)))

    def number(self, path: Path, value: Any) -> int:
        """A 32-bit number (sequence numbers), expressions allowed."""
        return self.count(path, value, 0, 2**32 - 1)

    def sequence(self, path: Path, value: Any) -> tuple[str, int]:
        """("rel" | "abs" | "next", number) of `90`, `abs 90`, `next+10`."""
        text = str(value).strip()
        match = _SEQUENCE.fullmatch(text)
        assert match is not None
        mode, rest = match.group(1) or "rel", match.group(2).strip()
        if mode == "next" and rest == "":
            return "next", 0
        if rest == "":
            raise self.error(path, f"'{value}' is not a sequence number", "for example 90, abs 90, next or next+10")
        return mode, self.count(path, rest.removeprefix("+"), -(2**32), 2**32 - 1)

    # -- names -----------------------------------------------------------------------

    def host(self, path: Path, value: str) -> str:
        """The name of a host."""
        if value not in self.hosts:
            raise self.error(path, f"unknown host '{value}'", one_of("hosts are", value, self.hosts))
        return value

    def node(self, path: Path, value: str) -> str:
        """The name of a host or router."""
        if value not in self.nodes:
            what = "hosts and routers are" if len(self.nodes) > len(self.hosts) else "hosts are"
            raise self.error(path, f"unknown host '{value}'", one_of(what, value, self.nodes))
        return value

    def link(self, path: Path, value: str) -> str:
        """The name of a link."""
        if value not in self.links:
            raise self.error(path, f"unknown link '{value}'", one_of("links are", value, self.links))
        return value

    def connection(self, path: Path, value: str) -> str:
        """The name of a connection: an `as`, a host, each perhaps with #number."""
        base, _, number = value.partition("#")
        if base not in self.connections and base not in self.hosts:
            known = self.connections + [name for name in self.hosts if name not in self.connections]
            raise self.error(path, f"unknown connection '{value}'", one_of("connections are", base, known))
        if number and not (number.isdigit() and 0 < int(number) <= LARGEST_COUNT):
            raise self.error(path, f"'{value}' is no connection", f"for example {base}#2")
        return value

    def target(self, path: Path, value: str) -> tuple[str, int]:
        """(host, port) of `server:80`."""
        name, colon, port = value.rpartition(":")
        if not colon:
            raise self.error(path, f"'{value}' names no port", f"for example {value}:80")
        host = self.host(path, name)
        return host, self.port(path, port)

    def port(self, path: Path, value: Any) -> int:
        """A port number."""
        number = self.quantity(path, value, "")
        if number.denominator != 1 or not 1 <= number <= 65535:
            raise self.error(path, f"{value} is not a port", "ports are 1 to 65535")
        return int(number)

    # -- control bits -------------------------------------------------------------------

    def flags(self, path: Path, value: str) -> Flags:
        """`SYN`, `FIN,ACK`, `SYN,!ACK`, `=ACK`, `=none`."""
        exact = value.startswith("=")
        must = must_not = 0
        for word in value.removeprefix("=").split(","):
            if word == "none":
                continue
            name = word.removeprefix("!")
            if name not in _FLAG_BITS:
                raise self.error(
                    path, f"unknown control bit '{name}'", one_of("control bits are", name, list(_FLAG_BITS))
                )
            if word.startswith("!"):
                must_not |= _FLAG_BITS[name]
            else:
                must |= _FLAG_BITS[name]
        if must & must_not:
            raise self.error(path, f"'{value}' wants a bit both set and not set")
        return Flags(must, must_not, exact, value)

    def control_bits(self, path: Path, value: str) -> int:
        """The bits of a segment to be made: `SYN` or `FIN,ACK`."""
        flags = self.flags(path, value)
        if flags.must_not:
            raise self.error(path, f"'{value}': '!' has no meaning here", "name the bits that are set")
        return flags.must

    def only(self, path: Path, data: dict[str, Any], allowed: tuple[str, ...], what: str) -> None:
        """Every key of `data` must be one of `allowed`."""
        for key in data:
            if key not in allowed:
                hint = one_of(f"keys that go with {what} are", key, list(allowed))
                raise self.error((*path, key), f"'{key}' has no meaning with {what}", hint, key=True)


__all__ = ["Reader", "did_you_mean"]
