"""netsim: a networking protocol simulator with a real TCP inside.

Nothing is imported here on purpose: `netsim --help` must start at once. Import what you
need from the packages (`netsim.tcp.connection`, `netsim.scenario.loader`, ...).
"""

from typing import Final

__version__: Final = "0.1.0"


def is_compiled() -> bool:
    """Whether the hot path runs as compiled extension modules (True) or as plain Python (False)."""
    from netsim.base import seqnum

    return not (seqnum.__file__ or "").endswith(".py")
