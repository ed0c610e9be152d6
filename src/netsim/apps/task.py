"""Tasks: coroutines that wait for simulated sockets and for virtual time. No asyncio.

A coroutine awaits a `Wait`; the wait goes up to whoever runs the task (`apps.runtime`),
which resumes the coroutine when it is over.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import TYPE_CHECKING, Any

from netsim.base.errors import NetsimError
from netsim.base.units import format_seconds, parse_duration

if TYPE_CHECKING:
    from netsim.host.socket import TcpSocket
    from netsim.host.udp import UdpSocket


class AppError(NetsimError):
    """An application failed: its name, when, and with what. The cause is `__cause__`."""

    def __init__(self, task: Task, now_ns: int, cause: BaseException) -> None:
        what = str(cause) or type(cause).__name__
        if not isinstance(cause, NetsimError):
            what = f"{type(cause).__name__}: {what}" if str(cause) else what
        super().__init__(f"application '{task.name}' failed at {format_seconds(now_ns)} s: {what}")
        self.task = task
        self.at_ns = now_ns


class Wait:
    """Something a task can await."""

    def __await__(self) -> Generator[Wait, Any, Any]:
        return (yield self)


class Sleep(Wait):
    """Wait for a duration in ns."""

    def __init__(self, duration_ns: int) -> None:
        self.duration_ns = duration_ns


class Readiness(Wait):
    """Wait until `poll_mask` of the socket has one of the bits of `mask` (errors and hang-ups always count)."""

    def __init__(self, socket: TcpSocket | UdpSocket, mask: int) -> None:
        self.socket = socket
        self.mask = mask


class Join(Wait):
    """Wait until another task is over."""

    def __init__(self, task: Task) -> None:
        self.task = task


async def sleep(duration: str | int) -> None:
    """Let virtual time pass: a text like "50ms", or a number of nanoseconds."""
    await Sleep(parse_duration(duration) if isinstance(duration, str) else duration)


class Task:
    """One running application.

    done:   it is over        result: what it returned
    error:  the exception that ended it, if any
    caught: somebody awaits its end, so that its error is theirs to handle
    """

    def __init__(self, coroutine: Coroutine[Any, Any, Any], name: str) -> None:
        self.coroutine = coroutine
        self.name = name
        self.done = False
        self.result: object = None
        self.error: Exception | None = None
        self.caught = False
        self.waiting_for: Wait | None = None
        self.joiners: list[Task] = []

    async def join(self) -> object:
        """Wait for its end; its result, or its exception again."""
        self.caught = True
        if not self.done:
            await Join(self)
        if self.error is not None:
            raise self.error
        return self.result
