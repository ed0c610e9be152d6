"""netsim: a networking protocol simulator with a real TCP inside."""

from typing import Final

__version__: Final = "0.1.0"
