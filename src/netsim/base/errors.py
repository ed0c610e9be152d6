"""The exceptions of netsim. A peer's misbehaviour is data and never raises one.

Each says whose fault it is, and each has its exit code: 2 for bad input or usage,
3 for a bug in netsim itself.
"""

from __future__ import annotations

from typing import ClassVar


class NetsimError(Exception):
    """Base of everything that netsim raises on purpose."""

    exit_code: ClassVar[int] = 2


class UsageError(NetsimError):
    """The API or the command line was misused; the state is unchanged."""


class InputError(NetsimError):
    """An input file is wrong. Carries where, what was expected, and a hint."""

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
        source_line: str | None = None,
        width: int = 1,
        hint: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.column = column
        self.source_line = source_line
        self.width = width
        self.hint = hint

    def __str__(self) -> str:
        return self.render()

    def render(self) -> str:
        """`file:line:column: message`, the source line with the place marked, and the hint."""
        where = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        text = f"{where}: {self.message}" if where else self.message
        if self.source_line is not None and self.line is not None:
            number = str(self.line)
            shown = self.source_line.rstrip("\n").replace("\t", " ")
            text += f"\n  {number} | {shown}"
            if self.column is not None:
                pad = " " * len(number)
                marks = "^" * max(1, min(self.width, len(shown) - self.column + 1))
                text += f"\n  {pad} | {' ' * (self.column - 1)}{marks}"
                if self.hint:
                    text += f" {self.hint}"
                return text
        if self.hint:
            text += f"\n  {self.hint}"
        return text


class ScenarioError(InputError):
    """A scenario file is wrong."""


class ScriptSyntaxError(InputError):
    """A packetdrill script is wrong."""


class CaptureError(NetsimError):
    """A capture file cannot be read or written: file, byte offset, what is wrong."""

    def __init__(self, message: str, *, file: str | None = None, offset: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.offset = offset

    def __str__(self) -> str:
        where = self.file or "capture"
        if self.offset is not None:
            where += f", byte {self.offset}"
        return f"{where}: {self.message}"


class InvariantViolation(NetsimError):
    """netsim itself is wrong. Carries the snapshot and the last events."""

    exit_code = 3
