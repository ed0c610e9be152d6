"""The text report in colours: what is wrong catches the eye first. Colour carries nothing alone."""

from __future__ import annotations

import re
from typing import Final

from netsim.report.cells import Line, line

SEVERITY: Final = {"error": "fail", "deviation": "resent", "note": "syn"}
_HEAD: Final = re.compile(r"^ (error|deviation|note) ([A-Z]{3}\d{3}) (\S+)(.*?)((?: · (?:certain|likely|possible))?)$")
_ROW: Final = re.compile(r"^(   +\d+ +[\d.]+)(  client .*?)(   ← here)?$")
_TABLE: Final = re.compile(r"^ ([!*])( *\d+ .*)$")
_COUNT: Final = re.compile(r"(\d[\d,]*) (error|deviation|note)s?")


def coloured(text: str) -> list[Line]:
    """A report's text as styled lines."""
    return [_style(each) for each in text.split("\n")]


def _style(each: str) -> Line:
    head = _HEAD.match(each)
    if head:
        severity, code, name, where, sure = head.groups()
        look = SEVERITY[severity]
        return line((" ", ""), (severity, look), (f" {code} ", "flags"), (name, look), (where, ""), (sure, "dim"))
    row = _ROW.match(each)
    if row:
        when, what, here = row.groups()
        return line((when, "time"), (what, ""), (here or "", "flags"))
    table = _TABLE.match(each)
    if table:
        mark, rest = table.groups()
        return line((" ", ""), (mark, "fail" if mark == "!" else "resent"), (rest, ""))
    if each.startswith((" capture: ", "          ")) and not each.startswith("            "):
        return line((each, "timer"))
    if each.startswith("   id "):
        return line((each, "dim"))
    if ". More: netsim rules " in each:
        return line((each, "cite"))
    if each == " ✓ no findings":
        return line((each, "pass"))
    return _verdict(each)


def _verdict(each: str) -> Line:
    """The last line: what there is of each severity in its colour."""
    made = Line()
    if not re.match(r"^ \d[\d,]* errors?, ", each):
        made.add(each)
        return made
    place = 0
    for found in _COUNT.finditer(each):
        made.add(each[place : found.start()])
        made.add(found.group(), "" if found.group(1) == "0" else SEVERITY[found.group(2)])
        place = found.end()
    made.add(each[place:])
    return made
