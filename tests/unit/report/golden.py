"""Compare with a committed text; NETSIM_UPDATE_GOLDEN=1 writes it anew (then read the diff)."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "golden"


def assert_golden(name: str, text: str) -> None:
    path = FOLDER / name
    if os.environ.get("NETSIM_UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.is_file(), f"{path} is missing: make it with NETSIM_UPDATE_GOLDEN=1 and read it"
    assert text == path.read_text(encoding="utf-8"), f"differs from {path}"
