"""Initial sequence numbers (RFC 6528), timestamp offsets, ephemeral ports (RFC 6056), SYN cookies' hashes.

All from one secret and the host's time, so that a run with the same seed is the same.
"""

from __future__ import annotations

from hashlib import blake2s
from typing import Final

_ISN_TICK_NS: Final = 4_000


class Secret:
    """A keyed hash of texts. The key comes from the run's seed."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def number(self, text: str) -> int:
        """A 32-bit number that nobody without the key can predict."""
        return int.from_bytes(blake2s(text.encode(), digest_size=4, key=self._key).digest(), "big")


class IsnSource:
    """ISN = M + F(local address, local port, remote address, remote port, secret): RFC 6528 §3.

    M is the four-microsecond clock of RFC 9293 §3.4.1 (MUST-8). `preset` holds numbers to hand
    out first, in order: scenarios and scripts that need known numbers put them there.
    """

    __slots__ = ("_secret", "preset")

    def __init__(self, secret: Secret) -> None:
        self._secret = secret
        self.preset: list[int] = []

    def next(self, now_ns: int, local_addr: str, local_port: int, remote_addr: str, remote_port: int) -> int:
        """The ISN of a new connection between these sockets, opened now."""
        if self.preset:
            return self.preset.pop(0) & 0xFFFFFFFF
        hashed = self._secret.number(f"isn {local_addr} {local_port} {remote_addr} {remote_port}")
        return (now_ns // _ISN_TICK_NS + hashed) & 0xFFFFFFFF

    def ts_offset(self, local_addr: str, remote_addr: str) -> int:
        """Offset of the timestamp clock for this pair of hosts (RFC 7323 §5.4, RFC 7323 §7.1)."""
        return self._secret.number(f"ts {local_addr} {remote_addr}")


FIRST_EPHEMERAL: Final = 49152
LAST_EPHEMERAL: Final = 65535


class EphemeralPorts:
    """RFC 6056 §3.3.3, algorithm 3: a hash of the destination plus a counter; `in_order`: the counter alone."""

    __slots__ = ("_counter", "_secret", "first", "in_order", "last")

    def __init__(
        self, secret: Secret, first: int = FIRST_EPHEMERAL, last: int = LAST_EPHEMERAL, in_order: bool = False
    ) -> None:
        self._secret = secret
        self._counter = 0
        self.first = first
        self.last = last
        self.in_order = in_order

    def candidates(self) -> int:
        """How many ports there are to try."""
        return self.last - self.first + 1

    def next(self, local_addr: str, remote_addr: str, remote_port: int) -> int:
        """The next port to try for this destination."""
        offset = 0 if self.in_order else self._secret.number(f"port {local_addr} {remote_addr} {remote_port}")
        port = self.first + (offset + self._counter) % self.candidates()
        self._counter += 1
        return port
