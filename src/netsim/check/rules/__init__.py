"""The checker's rules, one file each."""

from __future__ import annotations

from typing import Final

from netsim.check.model import Rule

RULES: Final[tuple[Rule, ...]] = ()
