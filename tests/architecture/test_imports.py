"""The import contracts, read from the syntax trees: layers, and the purity of the core.

import-linter checks the same graph in `.ci/run`; this test needs nothing but Python, and
says which line broke the contract.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src" / "netsim"

ROWS = [
    {"base"},
    {"tcp"},
    {"wire"},
    {"apps", "host", "sim", "capture"},
    {"drive", "report"},
    {"check", "packetdrill", "scenario"},
    {"step"},
    {"cli", "tui"},
    {"__main__"},
]
HEIGHT = {package: height for height, row in enumerate(ROWS) for package in row}
PURE = ("base", "tcp", "wire", "host")
WORLD = {
    "time", "random", "os", "io", "socket", "asyncio", "threading", "logging",
    "scapy", "networkx", "ruamel", "yaml", "textual", "rich",
}  # fmt: skip
LAZY = {"scapy", "networkx", "matplotlib", "textual", "jsonschema", "rich"}
"""Heavy libraries: imported only inside the function that needs them (textual also at the top of `tui`)."""
NOT_EVERYWHERE = {
    "curses",
    "fcntl",
    "grp",
    "msvcrt",
    "pty",
    "pwd",
    "readline",
    "resource",
    "syslog",
    "termios",
    "tty",
    "winreg",
}
"""Modules that some systems lack: imported only where a feature of one system needs them."""


def modules() -> list[Path]:
    return sorted(SRC.rglob("*.py"))


def package_of(path: Path) -> str:
    parts = path.relative_to(SRC).with_suffix("").parts
    return parts[0]


def is_type_checking(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def imports(tree: ast.Module, *, top_level_only: bool) -> list[tuple[int, str]]:
    """(line, dotted name) of every import that runs; those under TYPE_CHECKING do not."""
    found: list[tuple[int, str]] = []
    queue: list[ast.AST] = [tree]
    while queue:
        node = queue.pop()
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute here"
            found.append((node.lineno, node.module or ""))
            if node.module == "netsim":
                found += [(node.lineno, f"netsim.{alias.name}") for alias in node.names]
        if isinstance(node, ast.stmt) and is_type_checking(node):
            assert isinstance(node, ast.If)
            queue += node.orelse
        elif not (top_level_only and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
            queue += ast.iter_child_nodes(node)
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SRC)))
def test_module_keeps_the_contracts(path: Path) -> None:
    package = package_of(path)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    everything = imports(tree, top_level_only=False)
    if package not in {"__init__"} and path.name != "command.py":
        for line, name in everything:
            parts = name.split(".")
            if parts[0] == "netsim" and len(parts) > 1 and parts[1] in HEIGHT:
                assert HEIGHT[parts[1]] <= HEIGHT[package], f"{path}:{line}: {package} must not import {name}"
    if package in PURE:
        for line, name in everything:
            assert name.split(".")[0] not in WORLD, f"{path}:{line}: the core must not import {name}"
    for line, name in imports(tree, top_level_only=True):
        root = name.split(".")[0]
        if root in LAZY and not (package == "tui" and root in {"textual", "rich"}):
            pytest.fail(f"{path}:{line}: import {root} inside the function that needs it")
        assert root not in NOT_EVERYWHERE, f"{path}:{line}: not every system has {root}"


def test_every_package_has_a_row() -> None:
    packages = {package_of(path) for path in modules()} - {"__init__"}
    assert packages <= set(HEIGHT), f"without a row: {sorted(packages - set(HEIGHT))}"


def test_a_forbidden_import_is_seen() -> None:
    """The test itself can fail: an import in a function and one at the top are both found."""
    tree = ast.parse("import os\ndef f():\n    from netsim import cli\nif TYPE_CHECKING:\n    import rich\n")
    assert {name for _, name in imports(tree, top_level_only=False)} == {"os", "netsim", "netsim.cli"}
    assert {name for _, name in imports(tree, top_level_only=True)} == {"os"}
