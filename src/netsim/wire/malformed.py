"""What decoding answers when bytes are no packet: a value, never an exception."""

from __future__ import annotations


class Malformed:
    """Bytes that are not a packet that netsim can represent.

    what:    kebab-case: "empty", "not-ip", "truncated", "ip-header-length", "ip-total-length", "fragment",
             "unsupported-protocol", "tcp-header", "tcp-data-offset", "tcp-option-length", "udp-header",
             "udp-length", "icmp-header"
    offset:  offset of the fault from the packet's first octet
    message: a sentence for people
    """

    __slots__ = ("message", "offset", "what")

    def __init__(self, what: str, offset: int, message: str) -> None:
        self.what = what
        self.offset = offset
        self.message = message

    def __repr__(self) -> str:
        return f"Malformed({self.what} at {self.offset}: {self.message})"
