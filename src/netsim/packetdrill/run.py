"""Runs one script: its events in order, in virtual time, against one host. packetdrill's rules of time.

Relative times count from the moment when the event before was over; a wrong moment is a
failure beyond the tolerance; an outbound packet is the *next* one of the connection under test.
A run that fails is run again with everything recorded, which gives the same failure (runs are
deterministic) and the transcript for the report.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from netsim.base.packet import ACK, SYN, IcmpMessage, Segment, UdpDatagram
from netsim.base.units import SEC
from netsim.host.udp import UdpSocket
from netsim.packetdrill import outcome as verdicts
from netsim.packetdrill import tree
from netsim.packetdrill.calls import HANDLERS, Caller, Pending
from netsim.packetdrill.commanderror import CommandError
from netsim.packetdrill.commands import CommandRunner
from netsim.packetdrill.compare import CheckSettings, check_segment, join, may_join, segment_text, spec_text
from netsim.packetdrill.config import Config, RunOptions
from netsim.packetdrill.datagrams import (
    UdpPorts,
    check_datagram,
    check_message,
    icmp_text,
    is_query,
    query,
    udp_text,
)
from netsim.packetdrill.evaluator import AssertionFailed, CodeError, Evaluator, read_block
from netsim.packetdrill.flow import CONNECTING, IDLE, LISTENING, SYN_RECEIVED, Flow, ScriptProblem
from netsim.packetdrill.machine import Machine, RunawayError
from netsim.packetdrill.names import check_calls
from netsim.packetdrill.outcome import Mismatch, Outcome, Step
from netsim.packetdrill.report import call_text, describe_failure
from netsim.packetdrill.settings import Unsupported
from netsim.packetdrill.symbols import FREEBSD, LINUX
from netsim.packetdrill.tcpinfo import tcp_info

_WAIT_NS: Final = 2 * SEC
"""How long after its expected time a packet is waited for."""
_ANY_TIME_NS: Final = 24 * 3600 * SEC
_FIRST_REMOTE_PORT: Final = 40001


class ScriptRun:
    """One run of one script."""

    def __init__(self, script: tree.Script, options: RunOptions, profile: str, *, record: bool) -> None:
        self.script = script
        self.config = Config(script, options, profile)
        self.machine = Machine(self.config, record=record, seed=options.seed)
        self.constants = LINUX if self.config.is_linux else FREEBSD
        self.flow: Flow | None = None
        self.udp: UdpSocket | None = None
        """The UDP socket under test: the one of the last call."""
        self.udp_ports = UdpPorts(self.config, _FIRST_REMOTE_PORT)
        self.next_remote_port = _FIRST_REMOTE_PORT
        self.caller = Caller(self.machine, self.config, self.constants, self)
        self.commands = CommandRunner(self.machine, self.caller)
        self.evaluator = Evaluator(self.constants)
        self.outcome = Outcome(script.path, self.config.ip_version, profile)
        self.record = record
        self.pending: Pending | None = None
        self.line = 0
        self.expected_ns = 0
        self.expected_end_ns = 0
        self.last_ns = 0
        self.last_inbound_ns: int | None = None
        self._sysctls = options.sysctls

    # --- the whole -------------------------------------------------------------------------

    def run(self) -> Outcome:
        """Run to the end or to the first failure."""
        for _ in self.stepwise():
            pass
        return self.outcome

    def stepwise(self) -> Iterator[None]:
        """Run, and stop after every event of the script; the outcome is complete when nothing is left."""
        outcome = self.outcome
        try:
            yield from self._events()
        except Mismatch as failure:
            outcome.result = verdicts.FAILED
            outcome.message, outcome.expected, outcome.actual = failure.message, failure.expected, failure.actual
            outcome.checks = failure.checks
        except (AssertionFailed, CodeError) as error:
            outcome.result = verdicts.FAILED
            self._tell_code_failure(error)
        except ScriptProblem as problem:
            outcome.result, outcome.message = verdicts.FAILED, str(problem)
        except Unsupported as lack:
            outcome.result, outcome.message = verdicts.UNSUPPORTED, str(lack)
        except CommandError as error:
            outcome.result = verdicts.UNSUPPORTED
            outcome.message = error.message + (f" ({error.hint})" if error.hint else "")
        except RunawayError as error:
            outcome.result, outcome.message = verdicts.FAILED, f"a bug in netsim: {error}"
        outcome.printed = self.evaluator.printed
        outcome.simulated_ns = self.machine.now_ns
        if outcome.result != verdicts.PASSED:
            outcome.line = self.line
            outcome.source = self.script.source_line(self.line).strip()
        if self.record:
            describe_failure(outcome, self.machine, self.flow)

    def _events(self) -> Iterator[None]:
        machine = self.machine
        for name, value in self._sysctls:
            machine.settings.set(machine.settings.system, name, value)
        machine.apply_settings()
        if self.script.init is not None:
            self.line = self.script.init_line
            self.commands.run(self.script.init.text)
        for event in self.script.events:
            self.line = event.line
            self._run_event(event)
            yield
        if self.pending is not None:
            self._finish_pending(_WAIT_NS)
            yield
        if self.script.cleanup is not None:
            self.commands.run(self.script.cleanup.text)

    def note(self, kind: str, text: str) -> None:
        """A line of the transcript."""
        if self.record:
            self.outcome.steps.append(Step(self.machine.now_ns, kind, text, self.line))

    # --- events ------------------------------------------------------------------------------

    def _run_event(self, event: tree.Event) -> None:
        self._set_times(event)
        action = event.action
        if isinstance(action, tree.PacketSpec) and action.tunnels:
            raise Unsupported(f"encapsulation '{action.tunnels[0]}' is not supported")
        if isinstance(action, tree.UdpSpec | tree.IcmpSpec) and not action.inbound:
            self._other_out(action, event)
            self.last_inbound_ns = None
        elif isinstance(action, tree.TcpSpec):
            if action.inbound:
                self._wait()
                self._inbound(action)
            else:
                self._outbound(action, event)
            self.last_inbound_ns = self.expected_ns if action.inbound else None
        else:
            self._wait()
            self.last_inbound_ns = None
            if isinstance(action, tree.SystemCall):
                self._call(action, event)
            elif isinstance(action, tree.ShellCommand):
                self.note("shell", f"`{action.text}`")
                self.commands.run(action.text)
            elif isinstance(action, tree.CodeBlock):
                self.note("code", f"%{{{action.text}}}%")
                self._code(action)
            elif isinstance(action, tree.IcmpSpec):
                self._icmp(action)
            elif isinstance(action, tree.UdpSpec):
                self._udp_in(action)
        self.last_ns = self.expected_ns

    def _set_times(self, event: tree.Event) -> None:
        """When the event should happen, in script time."""
        time = event.time
        base = self.machine.now_ns
        if time.kind == tree.RELATIVE and self.last_inbound_ns is not None and getattr(event.action, "inbound", False):
            base = self.last_inbound_ns
        if time.kind == tree.ABSOLUTE:
            self.expected_ns = self.expected_end_ns = time.start_ns
        elif time.kind == tree.ABSOLUTE_RANGE:
            self.expected_ns, self.expected_end_ns = time.start_ns, time.end_ns
        elif time.kind == tree.RELATIVE:
            self.expected_ns = self.expected_end_ns = base + time.start_ns
        elif time.kind == tree.RELATIVE_RANGE:
            self.expected_ns, self.expected_end_ns = base + time.start_ns, base + time.end_ns
        else:
            self.expected_ns = base
            self.expected_end_ns = base + _ANY_TIME_NS
        if event.time.kind in (tree.ABSOLUTE_RANGE, tree.RELATIVE_RANGE, tree.ANY_TIME):
            if not isinstance(event.action, tree.PacketSpec) or event.action.inbound:
                raise Mismatch("only an outbound packet may have a time range")

    def _wait(self) -> None:
        """Go to the event's time."""
        machine = self.machine
        machine.advance(self.expected_ns)
        late = machine.now_ns - self.expected_ns
        if late > self.config.tolerance_ns(self.expected_ns - self.last_ns):
            raise Mismatch(
                "the event's time is past already",
                f"at {_seconds(self.expected_ns)}",
                f"now is {_seconds(machine.now_ns)}",
            )

    def _check_time(self, at_ns: int, what: str) -> None:
        tolerance = self.config.tolerance_ns(self.expected_ns - self.last_ns)
        if self.expected_ns - tolerance <= at_ns <= self.expected_end_ns + tolerance:
            return
        early = at_ns < self.expected_ns
        expected = _seconds(self.expected_ns)
        if self.expected_end_ns != self.expected_ns:
            expected += f" to {_seconds(self.expected_end_ns)}"
        apart = self.expected_ns - at_ns if early else at_ns - self.expected_end_ns
        raise Mismatch(
            f"{what} came {_seconds(apart)} too {'early' if early else 'late'} (tolerance {_seconds(tolerance)})",
            f"at {expected}",
            f"at {_seconds(at_ns)}",
        )

    # --- packets in --------------------------------------------------------------------------

    def _inbound(self, spec: tree.TcpSpec) -> None:
        flow = self.flow
        if flow is None or flow.state == LISTENING:
            flow = Flow(self.config.local_addr, self.config.remote_addr, state=SYN_RECEIVED)
            flow.local_port = self.config.bind_port
            flow.remote_port = self.next_remote_port
            self.next_remote_port += 1
            flow.live_remote_isn = spec.seq.start
            self.flow = flow
        elif flow.state == IDLE and not flow.remote_port:
            flow.local_port, flow.remote_port = self.config.bind_port, self.next_remote_port
            self.next_remote_port += 1
        flow.note_inbound(spec)
        segment = flow.to_live(spec, self.config.md5_secret, self.config.ts_scaled)
        self.note("in", spec_text(spec))
        self.machine.inject(segment)

    def _icmp(self, spec: tree.IcmpSpec) -> None:
        self.note("in", f"icmp {spec.type_name} {spec.code_name or ''}".rstrip())
        config = self.config
        if is_query(spec, ":" in config.local_addr):
            self.machine.inject(query(spec, config))
            return
        about_udp = spec.echo_kind == "udp" or (self.flow is None and self.udp is not None)
        if self.flow is None and not about_udp:
            raise Mismatch("there is no connection that this ICMP message could be about")
        message = (self.flow or Flow(config.local_addr, config.remote_addr)).icmp_to_live(spec)
        if about_udp:
            message.quoted = self.udp_ports.quoted(spec.echo.length if spec.echo is not None else 0, self.udp)
        self.machine.inject(message)

    def _udp_in(self, spec: tree.UdpSpec) -> None:
        self.note("in", udp_text(spec.length))
        self.machine.inject(self.udp_ports.inbound(spec, self.udp))

    # --- packets out -------------------------------------------------------------------------

    def _other_out(self, spec: tree.UdpSpec | tree.IcmpSpec, event: tree.Event) -> None:
        """A datagram of the UDP socket under test, or an ICMP message of the host: the next one is compared."""
        machine = self.machine
        wanted = udp_text(spec.length) if isinstance(spec, tree.UdpSpec) else f"icmp {spec.type_name}"
        any_time = event.time.kind == tree.ANY_TIME
        limit = self.expected_end_ns if any_time else self.expected_end_ns + _WAIT_NS
        while True:
            while machine.wire:
                at_ns, packet = machine.wire.popleft()
                if isinstance(spec, tree.IcmpSpec) and isinstance(packet, IcmpMessage):
                    actual = icmp_text(packet.icmp_type, packet.icmp_code, packet.mtu if packet.quoted else 0)
                    checks = check_message(spec, packet)
                elif isinstance(spec, tree.UdpSpec) and self.udp_ports.belongs(packet, self.udp):
                    assert isinstance(packet, UdpDatagram)
                    actual, checks = udp_text(len(packet.payload)), check_datagram(spec, packet)
                else:
                    self.note("surplus", f"(not of the socket under test) {packet!r}")
                    continue
                self.note("out", actual)
                wrong = [check.name for check in checks if not check.ok]
                if wrong:
                    raise Mismatch(f"the packet differs: {', '.join(wrong)}", wanted, actual, checks)
                if not any_time:
                    self._check_time(at_ns, "the packet")
                return
            if not machine.step_to_next(limit):
                raise Mismatch(f"no packet was sent (waited until {_seconds(machine.now_ns)})", wanted, "nothing")

    def _next_out(self, flow: Flow, limit_ns: int) -> tuple[int, Segment] | None:
        """The next packet of the flow; None if none comes until `limit_ns`."""
        machine = self.machine
        while True:
            while machine.wire:
                at_ns, packet = machine.wire.popleft()
                if isinstance(packet, Segment) and flow.belongs(packet):
                    return at_ns, packet
                self.note("surplus", f"(not of the connection under test) {packet!r}")
            if not machine.step_to_next(limit_ns):
                return None

    def _outbound(self, spec: tree.TcpSpec, event: tree.Event) -> None:
        flow = self.flow
        if flow is None:
            raise Mismatch("there is no connection that could send a packet", spec_text(spec), "nothing")
        any_time = event.time.kind == tree.ANY_TIME
        if spec.flags & (SYN | ACK) == SYN and flow.state == CONNECTING:
            pass  # note_outbound learns the numbers when the SYN is there
        limit = self.expected_end_ns if any_time else self.expected_end_ns + _WAIT_NS
        parts: list[Segment] = []
        at_ns = 0
        length = 0
        while True:
            found = self._next_out(flow, limit)
            if found is None:
                self._no_packet(spec, parts, flow)
            assert found is not None
            at_ns, live = found
            flow.note_outbound(spec, live)
            if parts:
                wrong = may_join(parts[-1], live)
                if not wrong and length + len(live.payload) < spec.seq.length:
                    wrong = "length" if len(live.payload) != len(parts[-1].payload) else ""
                if wrong:
                    shown = " + ".join(segment_text(flow.to_script(part)) for part in [*parts, live])
                    raise Mismatch(f"these packets do not make one ({wrong} differs)", spec_text(spec), shown)
            parts.append(live)
            length += len(live.payload)
            if length >= spec.seq.length or not self.config.is_linux or self.config.strict_segments:
                break
        live = join(parts)
        actual = flow.to_script(live)
        flow.learn_timestamp(spec, actual)
        self.note("out", segment_text(actual))
        self._compare(spec, live, actual)
        if not any_time:
            self._check_time(at_ns, "the packet")

    def _compare(self, spec: tree.TcpSpec, live: Segment, actual: Segment) -> None:
        tolerance_us = max(self.config.tolerance_us, self.expected_ns * self.config.tolerance_percent_x10 // 1_000_000)
        settings = CheckSettings(self.config.ts_tick_us, tolerance_us, self.config.md5_secret)
        checks = check_segment(spec, live, actual, settings)
        wrong = [check for check in checks if not check.ok]
        if wrong:
            names = ", ".join(check.name for check in wrong)
            raise Mismatch(f"the packet differs: {names}", spec_text(spec), segment_text(actual), checks)

    def _no_packet(self, spec: tree.TcpSpec, parts: list[Segment], flow: Flow) -> None:
        sent = " + ".join(segment_text(flow.to_script(part)) for part in parts)
        if sent:
            raise Mismatch("only a part of the packet was sent", spec_text(spec), sent)
        raise Mismatch(f"no packet was sent (waited until {_seconds(self.machine.now_ns)})", spec_text(spec), "nothing")

    # --- system calls ------------------------------------------------------------------------

    def _call(self, call: tree.SystemCall, event: tree.Event) -> None:
        if self.pending is not None:
            self._finish_pending(SEC)
        self.note("call", call_text(call))
        pending = self.caller.start(call)
        if call.end_ns is None:
            if not self._try(pending):
                raise Mismatch(f"{call.name} would block", call_text(call), "the call waits for something")
            self.machine.drain()
            return
        base = self.machine.now_ns if event.time.kind == tree.RELATIVE else 0
        start = self.machine.now_ns
        pending.end_ns = base - (event.time.start_ns if event.time.kind == tree.RELATIVE else 0) + call.end_ns
        if event.time.kind == tree.RELATIVE:
            pending.end_ns = start - event.time.start_ns + call.end_ns
        pending.line = self.line
        self.pending = pending
        self.machine.settled = self._poll_pending
        self.machine.drain()

    def _try(self, pending: Pending) -> bool:
        """Make the call; False when it would block. Raises Mismatch when its result is not the script's."""
        try:
            return pending.attempt(self.machine.now_ns)
        except Mismatch as failure:
            if not self.config.non_fatal_syscall:
                raise
            self.outcome.warnings.append(f"line {self.line}: {failure.message}")
            return True

    def _poll_pending(self) -> None:
        pending = self.pending
        if pending is None:
            return
        line, self.line = self.line, pending.line
        if self._try(pending):
            self.pending = None
            self.machine.settled = None
            self.note("call", f"{pending.call.name} returns")
            tolerance = self.config.tolerance_ns(abs(pending.end_ns - self.last_ns))
            apart = self.machine.now_ns - pending.end_ns
            if abs(apart) > tolerance:
                raise Mismatch(
                    f"{pending.call.name} returned {_seconds(abs(apart))} too {'late' if apart > 0 else 'early'}",
                    f"at {_seconds(pending.end_ns)}",
                    f"at {_seconds(self.machine.now_ns)}",
                )
        self.line = line

    def _finish_pending(self, at_most_ns: int) -> None:
        """The next call waits for a blocking one, but not for ever."""
        machine = self.machine
        limit = machine.now_ns + at_most_ns
        pending = self.pending
        while self.pending is not None and machine.step_to_next(limit):
            pass
        if self.pending is not None and pending is not None:
            self.line = pending.line
            raise Mismatch(f"{pending.call.name} never returned", call_text(pending.call), "it still waits")

    # --- code --------------------------------------------------------------------------------

    def _code(self, block: tree.CodeBlock) -> None:
        self.evaluator.run(read_block(block.text), tcp_info(self.caller.socket_of_flow(self.flow), self.machine))

    def _tell_code_failure(self, error: AssertionFailed | CodeError) -> None:
        outcome = self.outcome
        self.line += error.row
        if isinstance(error, CodeError):
            outcome.message = error.message + (f" ({error.hint})" if error.hint else "")
            return
        outcome.message = "the assertion does not hold" + (f": {error.message}" if error.message else "")
        outcome.expected = error.assertion
        outcome.actual = error.values


def _seconds(t_ns: int) -> str:
    """`1.234567s`."""
    sign = "-" if t_ns < 0 else ""
    return f"{sign}{abs(t_ns) // 10**9}.{abs(t_ns) // 1000 % 10**6:06d}s"


def run_script(script: tree.Script, options: RunOptions, profile: str) -> Outcome:
    """Run a script; when it fails, run it again with everything recorded."""
    check_calls(script, HANDLERS)
    outcome = ScriptRun(script, options, profile, record=options.record).run()
    if outcome.result == verdicts.PASSED or options.record:
        return outcome
    return ScriptRun(script, options, profile, record=True).run()
