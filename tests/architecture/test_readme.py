"""The README shows what the commands print, its pictures are true, its commands and links exist."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest

from netsim.cli import COMMANDS
from tests.scripts import load_script

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load_script("readme_output")


def test_console_blocks_are_what_the_commands_print(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)  # the blocks name files of the project
    assert script.page(TEXT) == TEXT, "run: python scripts/readme_output.py"
    assert TEXT.count("```console\n") >= 2
    assert "✓" in TEXT


def test_pictures_are_true(script: ModuleType) -> None:
    for name, text in script.pictures().items():
        path = ROOT / "docs" / "images" / name
        assert path.read_text(encoding="utf-8") == text, f"{name}: run python scripts/readme_output.py"


def test_the_plot_can_be_drawn(script: ModuleType, tmp_path: Path) -> None:
    script.draw_plot(tmp_path / "bulk.png")
    size = (tmp_path / "bulk.png").read_bytes()[16:24]  # width and height in the PNG's first chunk
    assert size == (ROOT / "docs" / "images" / "bulk.png").read_bytes()[16:24]


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert links
    for link in links:
        assert link.startswith("https://") or (ROOT / link).exists(), link


def test_commands_exist() -> None:
    shell = "\n".join(re.findall(r"```(?:sh|console)\n(.*?)```", TEXT, re.DOTALL))
    used = set(re.findall(r"^(?:\$ )?netsim (\w+)", shell, re.MULTILINE))
    assert used <= set(COMMANDS)
    assert set(COMMANDS) - {"scenarios"} <= used


def test_the_two_lines_are_there() -> None:
    first, second = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)[:2]
    assert first.count("\n") == second.count("\n") == 1
    assert first.rstrip().endswith("netsim run three-way-handshake")
    assert "pytest" in second
