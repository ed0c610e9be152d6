"""Differences between stacks, as data and one-method policies: rfc, linux, freebsd."""

from __future__ import annotations

from typing import Final

from netsim.tcp.profile.base import RFC, ConnectionOptions, OptionStyle, Profile
from netsim.tcp.profile.freebsd import FREEBSD
from netsim.tcp.profile.linux import LINUX

PROFILES: Final = {"rfc": RFC, "linux": LINUX, "freebsd": FREEBSD}

__all__ = ["FREEBSD", "LINUX", "PROFILES", "RFC", "ConnectionOptions", "OptionStyle", "Profile"]
