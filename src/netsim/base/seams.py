"""What the compiler is told: which classes Python code may subclass, and which integers are small.

mypyc refuses subclasses of a compiled class unless it is told otherwise. The few classes that
are meant to be extended from outside the compiled packages (sinks, watchers, rules of the
network, nodes, actions) carry `@mypyc_attr(allow_interpreted_subclasses=True)`.

`i64` is `int` that the compiler may hold in a machine word: only for local arithmetic whose values
stay below 2^63 by construction. Its products are computed at once, where those of `int` are
computed by Python as soon as a factor exceeds 2^30.

This module stays interpreted: at run time the decorator does nothing, so that
`mypy_extensions` is needed only where the package is compiled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_extensions import i64, mypyc_attr
else:
    i64 = int

    def mypyc_attr(*_names, **_values):
        """Do nothing: the compiler has read the decorator already."""
        return lambda cls: cls


__all__ = ["i64", "mypyc_attr"]
