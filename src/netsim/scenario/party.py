"""The scripted applications: one `Party` per end of a connection, driven by steps and by readiness."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from netsim.base.seams import mypyc_attr
from netsim.host.errors import CONNECTION_ERRORS, SocketError
from netsim.host.poll import MSG_MORE, MSG_OOB, POLLERR, POLLHUP, POLLIN, POLLOUT, POLLRDHUP, SHUT_WR
from netsim.host.watch import Watcher
from netsim.scenario.model import Read
from netsim.scenario.pattern import Stream
from netsim.sim.kernel import APPLICATION, Action

if TYPE_CHECKING:
    from netsim.drive.virtual import World
    from netsim.host.socket import TcpSocket
    from netsim.host.udp import UdpSocket
    from netsim.scenario.outcome import Flow

_CHUNK: Final = 1 << 18
_CODES: Final = {errno: code for code, errno in reversed(CONNECTION_ERRORS.items())}

Key = tuple[str, int, str, int]
"""Local address and port, remote address and port."""


class Parties:
    """Every application of a run: who is who, and who talks to whom."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.by_name: dict[str, Party] = {}
        self.by_host: dict[str, list[Party]] = {}
        self.by_key: dict[Key, Party] = {}
        self.listeners: dict[str, list[ListenerParty]] = {}
        self._numbers: dict[str, int] = {}

    def enter(self, party: Party, base: str) -> None:
        """Name a party: `base`, `base#2`, ..."""
        number = self._numbers.get(base, 0) + 1
        self._numbers[base] = number
        party.name = base if number == 1 else f"{base}#{number}"
        self.by_name[party.name] = party
        self.by_host.setdefault(party.host, []).append(party)

    def latest(self, host: str) -> Party | None:
        """The host's latest connection that is not closed by its application; else its latest."""
        mine = self.by_host.get(host, [])
        open_ones = [party for party in mine if not party.raw.closed]
        return open_ones[-1] if open_ones else mine[-1] if mine else None

    def forget(self, host: str) -> None:
        """The host crashed: its applications are gone."""
        for party in self.by_host.pop(host, []):
            party.dead = True
            party.raw.watcher = None
        for listener in self.listeners.pop(host, []):
            listener.raw.watcher = None


@mypyc_attr(allow_interpreted_subclasses=True)
class Soon(Watcher):
    """Something that looks at its socket after everything else at this instant has happened."""

    def __init__(self, parties: Parties, host: str) -> None:
        self.parties = parties
        self.host = host
        self._sim = parties.world.sim
        self._stack = parties.world.host(host)
        self._action = Look(self, f"application on {host}")
        self._due = False

    def socket_changed(self, now_ns: int, socket: TcpSocket | UdpSocket) -> None:
        """Look soon; once is enough."""
        if not self._due:
            self._due = True
            self._sim.schedule(self._sim.now_ns, APPLICATION, self._action)

    def look_now(self, now_ns: int) -> None:
        """The instant's arrivals and timers are over: look, and let the host send what came of it."""
        self._due = False
        self.look(now_ns)
        self.parties.world.pump(self._stack)

    def look(self, now_ns: int) -> None:
        """See what can be done."""
        raise NotImplementedError


class Look(Action):
    """The event at which an application looks at its socket."""

    def __init__(self, soon: Soon, text: str) -> None:
        self._soon = soon
        self._text = text

    def run(self, now_ns: int) -> bool:
        """Look."""
        self._soon.look_now(now_ns)
        return True

    def describe(self) -> str:
        """`application on client`."""
        return self._text


class ListenerParty(Soon):
    """A listening application: accepts, and says what the accepted connections do."""

    def __init__(self, parties: Parties, host: str, raw: TcpSocket, base: str, read: Read, app: str) -> None:
        super().__init__(parties, host)
        self.raw = raw
        self.base = base
        self.read = read
        self.app = app
        self.accepts = True
        raw.watcher = self
        parties.listeners.setdefault(host, []).append(self)

    def look(self, now_ns: int) -> None:
        """Accept everything that waits."""
        while self.accepts and not self.raw.closed:
            try:
                raw = self.raw.accept(now_ns)
            except SocketError:
                return
            party = Party(self.parties, self.host, raw, self.read, self.app)
            self.parties.enter(party, self.base)
            party.connected()
            party.look(now_ns)


class Party(Soon):
    """One end of a connection, as its application: sends from a queue, reads by its policy, closes when told."""

    def __init__(self, parties: Parties, host: str, raw: TcpSocket, read: Read, app: str = "none") -> None:
        super().__init__(parties, host)
        self.raw = raw
        self.read = read
        self.app = app
        self.name = ""
        self.key: Key | None = None
        self._peer: Party | None = None
        self.conn = 0
        self.dead = False
        self.stream = Stream()
        self.taken = 0
        self.received = 0
        self.wrong_at = -1
        self.eof = False
        self.error = ""
        self.flow: Flow | None = None
        self._queue: deque[tuple[int, bool, bool, bool]] = deque()
        self._ending = ""
        self._dripping = False
        raw.watcher = self

    def connected(self) -> None:
        """The socket has its addresses: enter the directory of who talks to whom."""
        slot = self.raw.slot
        if slot is None:
            return
        self.conn = slot.conn.ep.conn
        ep = slot.conn.ep
        self.key = (ep.local_addr, ep.local_port, ep.remote_addr, ep.remote_port)
        self.parties.by_key[self.key] = self

    def peer(self) -> Party | None:
        """The application at the other end, if there is one."""
        if self._peer is None and self.key is not None:
            local_addr, local_port, remote_addr, remote_port = self.key
            self._peer = self.parties.by_key.get((remote_addr, remote_port, local_addr, local_port))
        return self._peer

    # -- what steps do -----------------------------------------------------------------------

    def send(self, now_ns: int, count: int, text: bytes | None, push: bool, urgent: bool, more: bool) -> None:
        """Hand data to the stack as fast as it takes it."""
        if text is not None:
            self.stream.add_text(text)
            count = len(text)
        else:
            self.stream.add_pattern(count)
        self._queue.append((count, push, urgent, more))
        self._write(now_ns)

    def finish(self, now_ns: int, how: str) -> None:
        """Shutdown or close, once everything before is handed over. Abort does not wait."""
        self._ending = how
        if how == "abort":
            self._queue.clear()
        self._write(now_ns)

    def set_read(self, now_ns: int, read: Read) -> None:
        """Read in another way from now on."""
        self.read = read
        self.look(now_ns)

    def receive(self, now_ns: int, count: int) -> None:
        """Read once."""
        self._take(now_ns, count)

    def socket_changed(self, now_ns: int, socket: TcpSocket | UdpSocket) -> None:
        """Look soon, if there is something to do: most ACKs neither bring data nor make room worth a write."""
        if self._due:
            return
        ready = self.raw.poll_mask(POLLOUT if self._queue else POLLIN)
        if (
            ready & (POLLERR | POLLHUP | POLLRDHUP)
            or (ready & POLLIN and self.read.mode != "none")
            or (ready & POLLOUT and self._queue)
        ):
            super().socket_changed(now_ns, socket)

    # -- what readiness does --------------------------------------------------------------------

    def look(self, now_ns: int) -> None:
        """Read and write what can be read and written."""
        if self.dead or self.raw.closed:
            return
        if self.read.mode == "auto":
            while self._take(now_ns, _CHUNK):
                pass
        elif self.read.mode == "drip":
            self._plan_drip(now_ns)
        else:
            self._notice_error()
        self._write(now_ns)

    def _notice_error(self) -> None:
        error = self.raw.pending_error()
        if error and not self.error:
            self.error = _CODES.get(error, error)

    def _plan_drip(self, now_ns: int) -> None:
        conn = self.raw.connection
        if self._dripping or conn is None:
            return
        if conn.readable_bytes() or conn.at_eof() or self.raw.pending_error():
            self._dripping = True
            self.parties.world.at(now_ns + self.read.every_ns, self._drip, f"application on {self.host} reads")

    def _drip(self, now_ns: int) -> None:
        self._dripping = False
        if self.dead or self.raw.closed:
            return
        if self.read.mode == "drip":
            self._take(now_ns, self.read.drip_bytes)
        self.look(now_ns)
        self.parties.world.pump(self.host)

    def _take(self, now_ns: int, count: int) -> bool:
        """Read up to `count` bytes and compare them with what the peer sent. False: nothing more now."""
        if self.raw.closed or self.raw.slot is None or self.eof or not self.raw.has_news():
            return False
        try:
            data = self.raw.recv(now_ns, count)
        except SocketError as failure:
            if failure.errno_name not in ("EAGAIN", "ENOTCONN"):
                self.error = _CODES.get(failure.errno_name, failure.errno_name)
            return False
        if not data:
            self.eof = True
            if self.app != "none":
                self.finish(now_ns, "close")
            return False
        self._check(data)
        self.received += len(data)
        if self.app == "echo":
            self.send(now_ns, 0, data, False, False, False)
        return True

    def _check(self, data: bytes) -> None:
        if self.wrong_at >= 0:
            return
        peer = self.peer()
        wanted = b"" if peer is None else peer.stream.expected(self.received, len(data))
        if wanted != data:
            pairs = zip(wanted, data, strict=False)
            same = next((index for index, (a, b) in enumerate(pairs) if a != b), min(len(wanted), len(data)))
            self.wrong_at = self.received + same

    def _write(self, now_ns: int) -> None:
        raw = self.raw
        if self.dead or raw.closed:
            return
        try:
            while self._queue and self._ending != "abort":
                self._write_some(now_ns)
        except SocketError as failure:
            if failure.errno_name in ("EAGAIN", "ENOTCONN") and not self.error:
                return
            self.error = self.error or _CODES.get(failure.errno_name, failure.errno_name)
            self._queue.clear()
        if self._ending and (not self._queue or self._ending == "abort"):
            self._end(now_ns)

    def _write_some(self, now_ns: int) -> None:
        count, push, urgent, more = self._queue[0]
        flags = (MSG_OOB if urgent else 0) | (MSG_MORE if more else 0)
        piece = self.stream.expected(self.taken, min(count, _CHUNK))
        taken = self.raw.send(now_ns, piece, flags, push=push)
        self.taken += taken
        if taken == count:
            self._queue.popleft()
        else:
            self._queue[0] = (count - taken, push, urgent, more)

    def _end(self, now_ns: int) -> None:
        how, self._ending = self._ending, ""
        if how == "shutdown":
            try:
                self.raw.shutdown(now_ns, SHUT_WR)
            except SocketError as failure:
                self.error = self.error or failure.errno_name
            return
        self._notice_error()
        if how == "abort":
            self.raw.abort(now_ns)
        else:
            self.raw.close(now_ns)


class TransferParty(Party):
    """The stock sender: connect, send, half-close, read to the end, close."""

    def look(self, now_ns: int) -> None:
        """Close when the peer has closed; the flow is over when the peer has read everything."""
        super().look(now_ns)
        if self.eof and not self.raw.closed:
            if self.flow is not None and self.flow.end_ns < 0:
                self.flow.end_ns = now_ns
            self.finish(now_ns, "close")
