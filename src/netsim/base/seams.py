"""Classes that Python code may subclass even where the package is compiled.

mypyc refuses subclasses of a compiled class unless it is told otherwise. The few classes that
are meant to be extended from outside the compiled packages (sinks, watchers, rules of the
network, nodes, actions) carry `@mypyc_attr(allow_interpreted_subclasses=True)`.

This module stays interpreted: at run time the decorator does nothing, so that
`mypy_extensions` is needed only where the package is compiled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_extensions import mypyc_attr
else:

    def mypyc_attr(*_names, **_values):
        """Do nothing: the compiler has read the decorator already."""
        return lambda cls: cls


__all__ = ["mypyc_attr"]
