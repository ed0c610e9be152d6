"""The layout's rules: names, sizes, docstrings, citations."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src" / "netsim"
BANNED_NAMES = {"utils", "util", "misc", "helpers", "common", "process"}
MAX_LINES = 650
MAX_FUNCTION_LINES = 100
MAX_FIELDS = 140
"""A constructor that sets one field a line may be longer."""

CITATION = re.compile(r"RFC (\d+)")
OBSOLETE = {"793", "1323", "2581", "2988", "3782", "6093", "8312"}
"""RFCs that a newer one replaces: cite the newer one."""


def modules() -> list[Path]:
    return sorted(SRC.rglob("*.py"))


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SRC)))
def test_module_is_well_formed(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert path.stem not in BANNED_NAMES, "a name that says nothing"
    assert ast.get_docstring(tree), f"{path}: no docstring"
    assert text.count("\n") <= MAX_LINES, f"{path}: {text.count(chr(10))} lines: look for the seam"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            most = MAX_FUNCTION_LINES if node.name != "__init__" else MAX_FIELDS
            assert length <= most, f"{path}:{node.lineno}: {node.name} has {length} lines"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SRC)))
def test_no_obsolete_citations(path: Path) -> None:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        for rfc in CITATION.findall(line):
            assert rfc not in OBSOLETE, f"{path}:{number}: RFC {rfc} is obsolete"
        assert "draft-ietf" not in line.replace("draft-ietf-opsawg-pcap", ""), f"{path}:{number}: a draft is cited"


def test_every_edge_of_the_state_machine_is_cited() -> None:
    from netsim.tcp.state import EDGES

    for edge in EDGES:
        assert re.search(r"RFC \d+ §\d", edge.cite), edge


def test_licence_is_where_it_is_looked_for() -> None:
    assert "GNU GENERAL PUBLIC LICENSE" in (ROOT / "LICENSE").read_text(encoding="utf-8")
