"""IP fragments put together again, where all of them were captured whole.

RFC 791 §3.2, RFC 8200 §4.5; overlapping fragments that are not plain duplicates make the
datagram worthless (RFC 5722, and good sense for IPv4). Memory and patience are bounded.
"""

from __future__ import annotations

from typing import Final

TIMEOUT_NS: Final = 60 * 1_000_000_000
"""RFC 8200 §4.5: sixty seconds after the first-arriving fragment; by the capture's clock."""
MAX_DATAGRAMS: Final = 1024
MAX_PIECES: Final = 512
"""Fragments of one datagram: no real link has an MTU so small that 64 KiB need more."""
MAX_BYTES: Final = 8 * 1024 * 1024


class _Datagram:
    """One datagram in pieces."""

    __slots__ = ("header", "pieces", "size", "stored", "t_ns")

    def __init__(self, t_ns: int) -> None:
        self.t_ns = t_ns
        self.header = b""
        self.pieces: dict[int, bytes] = {}
        self.stored = 0
        self.size = -1
        """Octets of the whole payload, known from the last fragment; -1 before."""


class Reassembler:
    """Collects fragments by (addresses, protocol, identification).

    given_up: datagrams thrown away (overlap, too old, too many)      pending: datagrams incomplete now
    """

    def __init__(self) -> None:
        self.given_up = 0
        self._datagrams: dict[bytes, _Datagram] = {}
        self._stored = 0

    @property
    def pending(self) -> int:
        """How many datagrams are incomplete."""
        return len(self._datagrams)

    def add(self, key: bytes, t_ns: int, header: bytes, offset: int, more: bool, data: bytes) -> bytes | None:
        """Take one fragment; the whole datagram (header of its first fragment, then payload) or None.

        key: what identifies the datagram       header: the header to put in front, if this is the first
        offset: octets into the payload         more: the more-fragments bit
        """
        self._expire(t_ns)
        datagram = self._datagrams.get(key)
        if datagram is None:
            datagram = _Datagram(t_ns)
            self._datagrams[key] = datagram
        end = offset + len(data)
        bad = end > 65535 or 0 <= datagram.size < end
        if more and (len(data) & 7 != 0 or not data):
            bad = True
        if not more and not bad:
            bad = datagram.size >= 0 and datagram.size != end
            for start, piece in datagram.pieces.items():
                bad = bad or start + len(piece) > end
            datagram.size = end
        known = datagram.pieces.get(offset)
        if known is not None and known == data:
            return None
        if len(datagram.pieces) >= MAX_PIECES:
            bad = True
        if not bad:
            for start, piece in datagram.pieces.items():
                if start < end and offset < start + len(piece):
                    bad = True
                    break
        if bad:
            self._forget(key)
            self.given_up += 1
            return None
        datagram.pieces[offset] = data
        datagram.stored += len(data)
        self._stored += len(data)
        if offset == 0:
            datagram.header = header
        if datagram.stored == datagram.size and 0 in datagram.pieces:
            whole = datagram.header + b"".join([datagram.pieces[start] for start in sorted(datagram.pieces)])
            self._forget(key)
            return whole
        return None

    def _expire(self, t_ns: int) -> None:
        """Give up what is too old or too much; the dict is in order of arrival."""
        while self._datagrams:
            key = next(iter(self._datagrams))
            old = t_ns - self._datagrams[key].t_ns > TIMEOUT_NS
            if not old and len(self._datagrams) < MAX_DATAGRAMS and self._stored < MAX_BYTES:
                return
            self._forget(key)
            self.given_up += 1

    def _forget(self, key: bytes) -> None:
        self._stored -= self._datagrams.pop(key).stored
