"""The build backend: setuptools, and mypy where the hot path is to be compiled.

pip asks a backend what it needs before it runs `setup.py`; mypyc is needed only when
NETSIM_COMPILE asks for it, so that an ordinary installation stays small and quick.
"""

from __future__ import annotations

import os
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import build_editable, build_sdist, build_wheel, prepare_metadata_for_build_wheel

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

get_requires_for_build_sdist = build_meta.get_requires_for_build_sdist
prepare_metadata_for_build_editable = build_meta.prepare_metadata_for_build_editable


COMPILER = ["mypy>=1.13", "networkx>=3.2", "types-networkx", "rich>=13.7", "ruamel.yaml>=0.18", "types-jsonschema"]
"""mypyc, and what the modules that it reads import (it checks types before it compiles)."""


def _compiles() -> bool:
    return os.environ.get("NETSIM_PURE") != "1" and os.environ.get("NETSIM_COMPILE", "") in ("1", "auto")


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    """What a wheel needs. Asked before mypy is there: `setup.py` must not run yet if it would compile."""
    return COMPILER if _compiles() else build_meta.get_requires_for_build_wheel(config_settings)


def get_requires_for_build_editable(config_settings: Any = None) -> list[str]:
    """The same for an editable installation."""
    return COMPILER if _compiles() else build_meta.get_requires_for_build_editable(config_settings)
