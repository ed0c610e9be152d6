"""The error of a shell command that is not understood."""

from __future__ import annotations


class CommandError(Exception):
    """A command that is not known, or not like this."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
