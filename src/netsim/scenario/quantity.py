"""Quantities and the arithmetic of scenario files: `50ms`, `2*msl`, `64KiB`, `(rto + 10ms) / 2`.

A quantity is an exact fraction with a kind: "time" (ns), "size" (bytes), "rate" (bit/s)
or "" (a plain number). Addition needs equal kinds; multiplication needs a plain number on
one side; dividing a kind by itself gives a plain number. Nothing else is possible: there
are no names but parameters, no calls but min() and max(), and no powers.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

from netsim.base.units import parse_duration, parse_rate, parse_size

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:\s*(?:%|[A-Za-zµ]+(?:/s)?))?)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<op>[-+*/(),]))"
)
_TIMES: Final = ("ns", "us", "µs", "ms", "s", "sec", "min", "h")
_RATES: Final = ("bit/s", "kbit/s", "mbit/s", "gbit/s", "tbit/s", "bps", "kbps", "mbps", "gbps")
_SIZES: Final = ("b", "byte", "bytes", "kb", "mb", "gb", "kib", "mib", "gib")
_LARGEST: Final = 10**24
MAX_LENGTH: Final = 200

KIND_WORDS: Final = {"time": "a duration", "size": "a size", "rate": "a rate", "": "a plain number"}


class Quantity:
    """An exact value with its kind ("time" in ns, "size" in bytes, "rate" in bit/s, "" = plain)."""

    __slots__ = ("kind", "value")

    def __init__(self, value: Fraction | int, kind: str = "") -> None:
        self.value = Fraction(value)
        self.kind = kind

    def __repr__(self) -> str:
        return f"Quantity({self.value}, {self.kind!r})"


class QuantityError(ValueError):
    """The text is no quantity. `name` is the unknown parameter, where that is the reason."""

    def __init__(self, message: str, name: str = "") -> None:
        super().__init__(message)
        self.name = name


def _number(text: str) -> Quantity:
    """A number with or without a unit."""
    match = re.fullmatch(r"([0-9.]+)\s*(.*)", text)
    assert match is not None
    digits, unit = match.group(1), match.group(2)
    if len(digits) > 30:
        raise QuantityError(f"the number '{digits[:12]}...' is too large")
    if unit == "":
        return Quantity(Fraction(digits if digits != "." else "0"))
    if unit == "%":
        return Quantity(Fraction(digits) / 100)
    low = unit.lower()
    try:
        if unit in _TIMES or low in _TIMES:
            return Quantity(parse_duration(text), "time")
        if low in _RATES:
            return Quantity(parse_rate(text), "rate")
        if low in _SIZES:
            return Quantity(parse_size(text), "size")
    except ValueError as error:
        raise QuantityError(str(error)) from None
    raise QuantityError(f"'{unit}' is not a unit; units are ms, s, min, bytes, kB, KiB, MB, Mbit/s, ...")


class _Parser:
    """Recursive descent over the tokens of one expression."""

    def __init__(self, text: str, names: dict[str, Quantity]) -> None:
        if len(text) > MAX_LENGTH:
            raise QuantityError(f"the expression is longer than {MAX_LENGTH} characters")
        self.text = text
        self.names = names
        self.tokens = self._split(text)
        self.at = 0
        self.depth = 0

    def _split(self, text: str) -> list[tuple[str, str]]:
        tokens: list[tuple[str, str]] = []
        at = 0
        end = len(text.rstrip())
        while at < end:
            match = _TOKEN.match(text, at)
            if match is None or match.end() == at:
                raise QuantityError(f"'{text.strip()}' is not a number or an expression")
            kind = str(match.lastgroup)
            if kind == "number":
                _number(match.group(kind))  # a wrong unit is told before an unknown name: it is surely a mistake
            tokens.append((kind, match.group(kind)))
            at = match.end()
        tokens.append(("end", ""))
        return tokens

    def take(self, op: str) -> bool:
        if self.tokens[self.at] == ("op", op):
            self.at += 1
            return True
        return False

    def whole(self) -> Quantity:
        value = self.sum()
        if self.tokens[self.at][0] != "end":
            raise QuantityError(f"'{self.text.strip()}': '{self.tokens[self.at][1]}' is not expected there")
        return value

    def sum(self) -> Quantity:
        self.depth += 1
        if self.depth > 30:
            raise QuantityError("the expression is nested too deeply")
        left = self.product()
        while self.tokens[self.at] in (("op", "+"), ("op", "-")):
            sign = 1 if self.take("+") else -1
            if sign < 0:
                self.take("-")
            right = self.product()
            if left.kind != right.kind and left.value != 0 and right.value != 0:
                words = (KIND_WORDS[left.kind], KIND_WORDS[right.kind])
                raise QuantityError(f"'{self.text.strip()}' adds {words[0]} and {words[1]}")
            left = self.limited(left.value + sign * right.value, left.kind or right.kind)
        self.depth -= 1
        return left

    def product(self) -> Quantity:
        left = self.factor()
        while self.tokens[self.at] in (("op", "*"), ("op", "/")):
            if self.take("*"):
                right = self.factor()
                if left.kind and right.kind:
                    raise QuantityError(f"'{self.text.strip()}' multiplies two quantities with units")
                left = self.limited(left.value * right.value, left.kind or right.kind)
                continue
            self.take("/")
            right = self.factor()
            if right.value == 0:
                raise QuantityError(f"'{self.text.strip()}' divides by zero")
            if right.kind not in ("", left.kind):
                raise QuantityError(
                    f"'{self.text.strip()}' divides {KIND_WORDS[left.kind]} by {KIND_WORDS[right.kind]}"
                )
            left = self.limited(left.value / right.value, "" if right.kind else left.kind)
        return left

    def limited(self, value: Fraction, kind: str) -> Quantity:
        if abs(value) > _LARGEST or value.denominator > _LARGEST**2:
            raise QuantityError(f"'{self.text.strip()}' is too large")
        return Quantity(value, kind)

    def factor(self) -> Quantity:
        kind, text = self.tokens[self.at]
        self.at += 1
        if kind == "number":
            return _number(text)
        if kind == "op" and text in "+-":
            self.depth += 1
            if self.depth > 30:
                raise QuantityError("the expression is nested too deeply")
            inner = self.factor()
            self.depth -= 1
            return inner if text == "+" else Quantity(-inner.value, inner.kind)
        if kind == "op" and text == "(":
            inner = self.sum()
            if not self.take(")"):
                raise QuantityError(f"'{self.text.strip()}': a ')' is missing")
            return inner
        if kind == "name":
            if text in ("min", "max") and self.take("("):
                return self.extreme(text)
            if text not in self.names:
                raise QuantityError(f"'{text}' is neither a number nor a parameter", name=text)
            return self.names[text]
        raise QuantityError(f"'{self.text.strip()}' ends too early" if kind == "end" else f"'{text}' is not expected")

    def extreme(self, which: str) -> Quantity:
        values = [self.sum()]
        while self.take(","):
            values.append(self.sum())
        if not self.take(")"):
            raise QuantityError(f"'{self.text.strip()}': a ')' is missing")
        if len({value.kind for value in values}) > 1:
            raise QuantityError(f"'{self.text.strip()}' compares different kinds")
        numbers = [value.value for value in values]
        return Quantity(min(numbers) if which == "min" else max(numbers), values[0].kind)


def evaluate(text: str, names: dict[str, Quantity]) -> Quantity:
    """The value of an expression over parameters. QuantityError says what is wrong with it."""
    return _Parser(text, names).whole()


def names_in(text: str) -> list[str]:
    """The names that an expression uses, in order ([] where it is no expression)."""
    try:
        tokens = _Parser(text, {}).tokens
    except QuantityError:
        return []
    return [word for kind, word in tokens if kind == "name" and word not in ("min", "max")]
