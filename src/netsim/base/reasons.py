"""Why: every send, drop, deferral, timer and state change carries a `Reason`.

A reason has a permanent code, a sentence that a student understands, and a citation that
can be grepped for. The packages keep their own tables (`tcp.reasons`, `sim.reasons`, ...).
"""

from __future__ import annotations


class Reason:
    """One reason: `code` (kebab-case, permanent), `text` (a sentence), `cite` (RFC and section, may be empty)."""

    __slots__ = ("cite", "code", "text")

    def __init__(self, code: str, text: str, cite: str = "") -> None:
        self.code = code
        self.text = text
        self.cite = cite

    def __repr__(self) -> str:
        return f"Reason({self.code})"
