"""Writes docs/profiles.md: the stack profiles side by side, field by field, each with its source.

The meaning of a field is its docstring in `netsim/tcp/profile/base.py`; the evidence for a stack's value is the comment
beside it in that stack's file. Run: python scripts/profile_table.py
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from dataclasses import fields
from pathlib import Path

from netsim.tcp.profile.base import Profile
from netsim.tcp.profile.freebsd import FREEBSD
from netsim.tcp.profile.linux import LINUX

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "src" / "netsim" / "tcp" / "profile"
PAGE = ROOT / "docs" / "profiles.md"
SECONDS = 10**9


def meanings() -> dict[str, str]:
    """Field -> its docstring in base.py."""
    tree = ast.parse((FOLDER / "base.py").read_text(encoding="utf-8"))
    found: dict[str, str] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == "Profile":
            last = ""
            for item in node.body:
                if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                    last = item.target.id
                elif isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant) and last:
                    found[last] = " ".join(str(item.value.value).split())
    return found


def evidence(name: str) -> dict[str, str]:
    """Field -> the comment on its line in a stack's file."""
    text = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    lines = text.splitlines()
    found: dict[str, str] = {}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            match = re.match(r"\s+(\w+)=", lines[token.start[0] - 1])
            if match and not token.string.startswith("# fmt"):
                found[match.group(1)] = token.string.lstrip("# ")
    return found


def shown(name: str, value: object) -> str:
    """A value for people."""
    if name == "option_style":
        return "see the source"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_ns") and isinstance(value, int):
        if value >= 1 << 60:
            return "never"
        if value % SECONDS == 0 and value:
            return f"{value // SECONDS} s"
        return f"{value // 10**6} ms" if value else "0"
    if isinstance(value, tuple):
        return f"{len(value)} entries" if len(value) > 2 else ", ".join(str(part) for part in value) or "none"
    return f"`{value}`" if isinstance(value, str) and value else str(value) if value != "" else "none"


def page() -> str:
    """The whole page."""
    what, linux, freebsd = meanings(), evidence("linux"), evidence("freebsd")
    lines = [
        "# The profiles, field by field",
        "",
        "A profile is data: the numbers and choices in which TCP stacks differ. `rfc` holds the RFCs' values, `linux`",
        "those of Linux 6.18, `freebsd` those of FreeBSD's default stack. Rows in which all three agree are left out.",
        "The last column is the evidence for the values that are not the RFC's. This page is written by",
        "`scripts/profile_table.py`.",
        "",
        "| field | meaning | rfc | linux | freebsd | evidence |",
        "|---|---|---|---|---|---|",
    ]
    rfc = Profile()
    same = 0
    for field in fields(Profile):
        name = field.name
        if name == "name":
            continue
        values = [getattr(profile, name) for profile in (rfc, LINUX, FREEBSD)]
        if values[0] == values[1] == values[2]:
            same += 1
            continue
        sources = []
        if values[1] != values[0] and name in linux:
            sources.append(f"linux: {linux[name]}")
        if values[2] != values[0] and name in freebsd:
            sources.append(f"freebsd: {freebsd[name]}")
        cells = [f"`{name}`", what.get(name, ""), *(shown(name, value) for value in values), "<br>".join(sources)]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    lines += ["", f"{same} further fields have the same value in all three.", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
