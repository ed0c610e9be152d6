"""The arguments of system calls: from expressions to numbers, names, buffers and addresses."""

from __future__ import annotations

from typing import Final

from netsim.packetdrill import symbols, tree
from netsim.packetdrill.flow import ScriptProblem
from netsim.packetdrill.names import did_you_mean
from netsim.packetdrill.outcome import Mismatch
from netsim.packetdrill.systems import System

MAX_BYTES: Final = 64 * 1024 * 1024
"""The most that one call of a script may read or write."""


class BadPointer(Exception):
    """A NULL where the system would read or write: EFAULT."""


class Arguments:
    """The arguments of one call."""

    def __init__(self, call: tree.SystemCall, system: System) -> None:
        self.call = call
        self.items = call.arguments
        self.system = system

    def __len__(self) -> int:
        return len(self.items)

    def need(self, least: int, most: int | None = None) -> None:
        """Raises ScriptProblem unless the call has so many arguments."""
        most = least if most is None else most
        if not least <= len(self.items) <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            raise ScriptProblem(f"{self.call.name} takes {wanted} arguments, not {len(self.items)}")

    def is_any(self, index: int) -> bool:
        """`...`."""
        return isinstance(self.items[index], tree.Anything)

    def is_null(self, index: int) -> bool:
        """`NULL`."""
        item = self.items[index]
        return isinstance(item, tree.Word) and item.name == "NULL"

    def number(self, index: int) -> int:
        """The integer that the argument stands for."""
        return self.value(self.items[index])

    def value(self, item: tree.Expression) -> int:
        """The integer that an expression stands for. Raises ScriptProblem."""
        if isinstance(item, tree.Number):
            return item.value
        if isinstance(item, tree.Word):
            for table in (self.system.constants, self.system.errnos):
                if item.name in table:
                    return table[item.name]
            other = symbols.FREEBSD if self.system.name == "linux" else symbols.LINUX
            where = f" ({self.system.name} has no such constant)" if item.name in other else ""
            hint = None if where else did_you_mean(item.name, [*self.system.constants, *self.system.errnos])
            raise ScriptProblem(f"the symbol '{item.name}' is not known{where}{f' ({hint})' if hint else ''}")
        if isinstance(item, tree.BitOr):
            result = 0
            for part in item.items:
                result |= self.value(part)
            return result
        if isinstance(item, tree.Call) and item.name in ("htons", "htonl") and len(item.arguments) == 1:
            return self.value(item.arguments[0])
        raise ScriptProblem(f"{self.call.name}: a number was expected here, not {type(item).__name__.lower()}")

    def element(self, index: int) -> tree.Expression | None:
        """The single element of `[x]`; None for `...`, and for `[...]`."""
        item = self.items[index]
        if isinstance(item, tree.Anything):
            return None
        if isinstance(item, tree.Array) and len(item.items) == 1:
            return None if isinstance(item.items[0], tree.Anything) else item.items[0]
        return item

    def words(self, index: int) -> set[str]:
        """The MSG_ flags of an argument by name, whatever way they are written."""
        number = self.number(index)
        found: set[str] = set()
        for name, bit in self.system.message_flags.items():
            if number & bit:
                found.add(name)
                number &= ~bit
        if number:
            raise ScriptProblem(f"{self.call.name}: the flag 0x{number:x} is not known")
        return found

    def length(self, value: int) -> int:
        """A length that a script may ask for. Raises ScriptProblem."""
        if not 0 <= value <= MAX_BYTES:
            raise ScriptProblem(f"{self.call.name}: a length must be between 0 and {MAX_BYTES}")
        return value

    def buffer(self, index: int, length: int) -> bytes:
        """The data to send: `...` is zeroes. BadPointer for NULL."""
        length = self.length(length)
        item = self.items[index]
        if self.is_null(index):
            raise BadPointer
        if isinstance(item, tree.Text):
            return (item.value + bytes(max(0, length - len(item.value))))[:length]
        return bytes(length)

    def struct(self, index: int) -> tree.Struct:
        """A structure; also the only one in an array."""
        item = self.items[index]
        if isinstance(item, tree.Array) and len(item.items) == 1:
            item = item.items[0]
        if not isinstance(item, tree.Struct):
            raise ScriptProblem(f"{self.call.name}: a structure {{...}} was expected as argument {index + 1}")
        return item

    def iovecs(self, item: tree.Expression | None) -> list[int]:
        """The lengths of `[{..., 10}, {..., 20}]`."""
        if not isinstance(item, tree.Array):
            raise ScriptProblem(f"{self.call.name}: an array of {{..., length}} was expected")
        lengths: list[int] = []
        for part in item.items:
            if not isinstance(part, tree.Struct) or len(part.fields) != 2:
                raise ScriptProblem(f"{self.call.name}: an iovec is written {{..., length}}")
            lengths.append(self.length(self.value(part.fields[1].value)))
        self.length(sum(lengths))
        return lengths

    def expect_read(self, index: int, data: bytes) -> None:
        """Raises Mismatch if the script says what the buffer holds afterwards, and it holds something else."""
        wanted = self.items[index]
        if isinstance(wanted, tree.Text) and not data.startswith(wanted.value[: len(data)]):
            raise Mismatch("other bytes were read", repr(wanted.value), repr(data[: len(wanted.value)]))


def quoted_address(item: tree.Expression) -> str | None:
    """The family of a sockaddr structure as written: "AF_INET", "AF_UNSPEC"..., None if it is not one."""
    if isinstance(item, tree.Struct):
        family = item.get("sa_family")
        if isinstance(family, tree.Word):
            return family.name
    return None
