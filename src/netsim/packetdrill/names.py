"""Names that a script gets wrong: what was probably meant, before anything runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from netsim.base.errors import ScriptSyntaxError
from netsim.base.hints import nearest

if TYPE_CHECKING:
    from netsim.packetdrill import tree


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A hint that names the nearest known name, if there is one near."""
    near = nearest(name, known, cutoff=0.7)
    return f"did you mean {near}?" if near is not None else None


def check_calls(script: tree.Script, known: Iterable[str]) -> None:
    """ScriptSyntaxError for a system call that does not exist, but nearly. (Others may exist, unsupported here.)"""
    from netsim.packetdrill.tree import SystemCall

    names = frozenset(known)
    for event in script.events:
        call = event.action
        if isinstance(call, SystemCall) and call.name not in names:
            hint = did_you_mean(call.name, sorted(names))
            if hint is not None:
                raise ScriptSyntaxError(
                    f"there is no system call '{call.name}'",
                    file=script.path,
                    line=event.line,
                    column=call.column,
                    source_line=script.source_line(event.line),
                    width=len(call.name),
                    hint=hint,
                )
