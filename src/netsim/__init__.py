"""netsim: a networking protocol simulator with a real TCP inside.

Nothing is imported here on purpose: `netsim --help` must start at once. Import what you
need from the packages (`netsim.tcp.connection`, `netsim.scenario.loader`, ...).
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from importlib.abc import PathEntryFinder

__version__: Final = "0.1.0"


def _import_from_source() -> None:
    """Let this package's modules come from their .py files, even where compiled ones lie beside them."""
    from importlib.machinery import SOURCE_SUFFIXES, FileFinder, SourceFileLoader

    here = __path__[0]
    finder_for = FileFinder.path_hook((SourceFileLoader, SOURCE_SUFFIXES))

    def of_this_package(path: str) -> PathEntryFinder:
        if path != here and not path.startswith(here + os.sep):
            raise ImportError(f"{path} is not ours")
        return finder_for(path)

    sys.path_hooks.insert(0, of_this_package)
    sys.path_importer_cache.pop(here, None)


if os.environ.get("NETSIM_PURE") == "1":
    _import_from_source()


def is_compiled() -> bool:
    """Whether the hot path runs as compiled extension modules (True) or as plain Python (False)."""
    from netsim.base import seqnum

    return not (seqnum.__file__ or "").endswith(".py")
