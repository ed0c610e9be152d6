"""Carries out the script: which step when, and what it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from netsim.base import events as ev
from netsim.base.errors import ScenarioError, UsageError
from netsim.base.reasons import Reason
from netsim.base.units import format_seconds
from netsim.host.errors import SocketError
from netsim.scenario.faults import effects_of
from netsim.scenario.inject import Injector
from netsim.scenario.model import Read
from netsim.scenario.moments import Watch
from netsim.scenario.outcome import Flow
from netsim.scenario.party import ListenerParty, Parties, Party, TransferParty
from netsim.scenario.world import new_socket
from netsim.sim.chance import Loss
from netsim.sim.impair import Verdict
from netsim.tcp.timers import NAMES

if TYPE_CHECKING:
    from netsim.drive.virtual import World
    from netsim.report.rows import PacketRow
    from netsim.scenario.match import Wire
    from netsim.scenario.model import Intervention, Scenario, Step

CRASH = Reason("crash", "The host crashes and is up again: it has forgotten every connection.", "RFC 9293 §3.5.1")


class _Arm:
    """A step that waits for its moment."""

    __slots__ = ("step", "watch")

    def __init__(self, step: Step, watch: Watch) -> None:
        self.step = step
        self.watch = watch


class Director:
    """Knows the steps, waits for their moments, and does what they say."""

    def __init__(self, scenario: Scenario, world: World, wire: Wire) -> None:
        self.scenario = scenario
        self.world = world
        self.wire = wire
        self.parties = Parties(world)
        self.injector = Injector(world, wire)
        self.flows: list[Flow] = []
        self.notes: list[tuple[int, str]] = []
        self.problems: list[tuple[int, str]] = []
        """Calls that failed: (ns, what)."""
        self.step_times: dict[str, list[int]] = {}
        self._arms: list[_Arm] = []
        self._followers: dict[int, list[Step]] = {}
        self._origin: dict[int, tuple[str, int]] = {}
        """Step index -> the (host, connection) whose event set it off."""

    # -- when --------------------------------------------------------------------------------

    def begin(self) -> None:
        """Plan the steps with a time; arm those that wait; chain those that follow another."""
        script = self.scenario.script
        for step in script:
            if step.on is not None and step.on.kind == "time":
                self._plan(step, step.on.value + step.on.plus_ns + (step.after_ns or 0))
            elif step.on is not None:
                self._arms.append(_Arm(step, Watch(step.on)))
            elif step.at_ns is not None:
                self._plan(step, step.at_ns)
            elif step.index == 0:
                self._plan(step, 0)
            else:
                self._followers.setdefault(step.index - 1, []).append(step)

    def _plan(self, step: Step, at_ns: int) -> None:
        self.world.at(max(at_ns, self.world.now_ns), lambda now_ns: self._do(step, now_ns), f"step {step.index + 1}")

    @property
    def needs_events(self) -> bool:
        """Some step waits for something that only the event stream tells."""
        return any(arm.watch.moment.kind != "step" for arm in self._arms)

    def see_event(self, event: ev.Event) -> None:
        """An event that is no packet's."""
        for arm in self._arms:
            if arm.watch.sees_event(event, self.wire):
                self._fire(arm, event.host, event.conn)

    def see_packet(self, row: PacketRow, seen: str) -> None:
        """A packet was "sent", "received" or "dropped"."""
        for arm in self._arms:
            if arm.watch.sees_packet(row, seen, self.wire):
                self._fire(arm, "", 0)

    def _fire(self, arm: _Arm, host: str, conn: int) -> None:
        if host and host == arm.step.host:
            self._origin[arm.step.index] = (host, conn)
        self._arms = [other for other in self._arms if other is not arm]
        at_ns = self.world.now_ns + arm.watch.moment.plus_ns + (arm.step.after_ns or 0)
        # one hop more: the applications that the same event wakes (accept, read) come first
        self.world.at(at_ns, lambda now_ns: self._plan(arm.step, now_ns), f"step {arm.step.index + 1} is due")

    def _do(self, step: Step, now_ns: int) -> None:
        try:
            getattr(self, f"_do_{step.action}")(step, now_ns)
        except SocketError as failure:
            self._problem(step, now_ns, failure.errno_name, str(failure))
        except UsageError as error:
            raise ScenarioError(f"step {step.index + 1} ({step.action}): {error}", file=self.scenario.file) from None
        for host in self.world.hosts.values():
            self.world.pump(host)
        self._done(step, now_ns)

    def _done(self, step: Step, now_ns: int) -> None:
        if step.id:
            self.step_times.setdefault(step.id, []).append(now_ns)
            for arm in list(self._arms):
                if arm.watch.sees_step(step.id):
                    self._fire(arm, "", 0)
        for follower in self._followers.get(step.index, []):
            if follower.after_ns:
                self._plan(follower, now_ns + follower.after_ns)
            else:
                self._do(follower, now_ns)

    def _problem(self, step: Step, now_ns: int, errno_name: str, text: str) -> None:
        """A call failed as calls do: that is part of the story, not an error of the scenario."""
        self.problems.append((now_ns, f"step {step.index + 1} ({step.action} at {step.host}): {text}"))
        if self.world.sink.recording:
            self.world.sink.emit(ev.Called(now_ns, step.host, 0, step.action.upper(), "", errno_name))

    # -- whose connection -----------------------------------------------------------------------

    def party(self, host: str, connection: str | None, index: int = -1) -> Party | None:
        """The application that a step means."""
        if connection is not None:
            found = self.parties.by_name.get(connection)
            if found is not None or "#" in connection:
                return found
        origin = self._origin.get(index)
        if origin is not None:
            mine = [party for party in self.parties.by_host.get(host, []) if (party.host, party.conn) == origin]
            if mine:
                return mine[-1]
        return self.parties.latest(host)

    def _party_of(self, step: Step) -> Party:
        party = self.party(step.host, step.connection, step.index)
        if party is None or party.dead:
            which = f"connection '{step.connection}'" if step.connection else "a connection"
            raise SocketError("ENOTCONN", f"{step.host} does not have {which} at {format_seconds(self.world.now_ns)} s")
        return party

    def _name(self, party: Party, base: str) -> None:
        self.parties.enter(party, base)

    # -- what ----------------------------------------------------------------------------------------

    def _do_listen(self, step: Step, now_ns: int) -> None:
        spec = self.scenario.hosts[step.host]
        host = self.world.host(step.host)
        socket = new_socket(self.world, host, spec)
        socket.bind(now_ns, "", step.args["port"])
        socket.listen(now_ns, step.args["backlog"])
        read: Read = step.args["read"] or (Read() if step.args["app"] != "none" else spec.read)
        listener = ListenerParty(self.parties, step.host, socket, step.name or step.host, read, step.args["app"])
        listener.accepts = step.args["accept"]

    def _open(self, step: Step, now_ns: int, party: Party, base: str) -> None:
        """Connect a party's socket and enter it in the directory."""
        args = step.args
        self._name(party, base)
        if args["local_port"]:
            party.raw.set_option(now_ns, "SO_REUSEADDR", 1)
            party.raw.bind(now_ns, "", args["local_port"])
        address = self.world.resolve(args["host"])
        try:
            party.raw.connect(now_ns, address, args["port"])
        except SocketError as failure:
            if failure.errno_name != "EINPROGRESS":
                party.error = failure.errno_name
                raise
        party.connected()
        self.wire.connections[party.name] = (party.host, party.conn)
        if party.key is not None:
            self.injector.note_pair(step.host, party.key[1], args["host"], args["port"])

    def _do_connect(self, step: Step, now_ns: int) -> None:
        spec = self.scenario.hosts[step.host]
        socket = new_socket(self.world, self.world.host(step.host), spec)
        party = Party(self.parties, step.host, socket, step.args["read"] or spec.read)
        self._open(step, now_ns, party, step.name or step.host)

    def _do_transfer(self, step: Step, now_ns: int) -> None:
        args = step.args
        if args["apart_ns"] == 0:
            for _ in range(args["flows"]):
                self._start_flow(step, now_ns)
            return
        for number in range(args["flows"]):
            at_ns = now_ns + number * args["apart_ns"]
            self.world.at(at_ns, lambda then_ns: self._start_flow(step, then_ns), f"flow {number + 1}")

    def _start_flow(self, step: Step, now_ns: int) -> None:
        spec = self.scenario.hosts[step.host]
        socket = new_socket(self.world, self.world.host(step.host), spec)
        party = TransferParty(self.parties, step.host, socket, Read())
        self._open(step, now_ns, party, step.host)
        party.flow = Flow(step.args["bytes"], now_ns)
        self.flows.append(party.flow)
        if step.args["bytes"]:
            party.send(now_ns, step.args["bytes"], None, False, False, False)
        party.finish(now_ns, "shutdown")
        self.world.pump(step.host)

    def _do_send(self, step: Step, now_ns: int) -> None:
        party = self._party_of(step)
        args = step.args
        for number in range(args["times"]):
            if number == 0 or args["every_ns"] == 0:
                self._send_once(party, args, now_ns)
            else:
                at_ns = now_ns + number * args["every_ns"]
                self.world.at(at_ns, lambda then_ns: self._send_once(party, args, then_ns), f"step {step.index + 1}")

    def _send_once(self, party: Party, args: dict[str, Any], now_ns: int) -> None:
        party.send(now_ns, args["bytes"], args["data"], args["push"], args["urgent"], args["more"])
        self.world.pump(party.host)

    def _do_read(self, step: Step, now_ns: int) -> None:
        self._party_of(step).set_read(now_ns, step.args["read"])

    def _do_recv(self, step: Step, now_ns: int) -> None:
        self._party_of(step).receive(now_ns, step.args["bytes"])

    def _do_shutdown(self, step: Step, now_ns: int) -> None:
        self._party_of(step).finish(now_ns, "shutdown")

    def _do_close(self, step: Step, now_ns: int) -> None:
        party = self.party(step.host, step.connection, step.index)
        if party is None or (party.raw.closed and step.connection is None):
            listeners = self.parties.listeners.pop(step.host, [])
            if listeners:
                for listener in listeners:
                    listener.raw.close(now_ns)
                return
        self._party_of(step).finish(now_ns, "close")

    def _do_abort(self, step: Step, now_ns: int) -> None:
        self._party_of(step).finish(now_ns, "abort")

    def _do_option(self, step: Step, now_ns: int) -> None:
        names = {"nodelay": "TCP_NODELAY", "cork": "TCP_CORK", "keep_alive": "SO_KEEPALIVE",
                 "receive_buffer": "SO_RCVBUF", "send_buffer": "SO_SNDBUF"}  # fmt: skip
        party = self._party_of(step)
        for name, value in step.args.items():
            party.raw.set_option(now_ns, names[name], int(value))

    def _do_bind_udp(self, step: Step, now_ns: int) -> None:
        from netsim.scenario.datagrams import UdpParty

        UdpParty(self.parties, step.host, now_ns, step.args["port"], step.args["echo"])

    def _do_datagram(self, step: Step, now_ns: int) -> None:
        from netsim.scenario.datagrams import send_datagram

        send_datagram(self.world, step, now_ns)

    def _do_inject(self, step: Step, now_ns: int) -> None:
        args = step.args
        for index in range(args["count"]):
            if index == 0 or args["every_ns"] == 0:
                self.injector.inject(now_ns, args, index)
            else:
                at_ns = now_ns + index * args["every_ns"]
                self.world.at(at_ns, self._injection(args, index), f"step {step.index + 1}")

    def _injection(self, args: dict[str, Any], index: int) -> Any:
        return lambda now_ns: self.injector.inject(now_ns, args, index)

    def _do_crash(self, step: Step, now_ns: int) -> None:
        host = self.world.host(step.host)
        self.parties.forget(step.host)
        if self.world.sink.recording:
            for number in host.connections:
                self.world.sink.emit(ev.Noted(now_ns, host.name, number, CRASH))
        host.reboot()

    def _do_link(self, step: Step, now_ns: int) -> None:
        change_link(self.world, step.args, now_ns)

    def _do_expire(self, step: Step, now_ns: int) -> None:
        party = self._party_of(step)
        expire(self.world, party, step.args["text"], now_ns)

    def _do_note(self, step: Step, now_ns: int) -> None:
        self.notes.append((now_ns, step.args["text"]))

    def intervene(self, change: Intervention, now_ns: int) -> None:
        """One of the scenario's changes at a step of the simulator."""
        if change.packet is not None:
            change_in_flight(self.world, change, self.wire, now_ns)
        elif change.what == "link":
            change_link(self.world, change.link, now_ns)
        else:
            party = self.party(change.host, change.connection)
            if party is None:
                raise UsageError(f"intervention at step {change.step}: {change.host} has no connection then")
            if change.what == "expire":
                expire(self.world, party, change.timer, now_ns)
            else:
                party.finish(now_ns, change.what)
        for host in self.world.hosts.values():
            self.world.pump(host)


def change_in_flight(world: World, change: Intervention, wire: Wire, now_ns: int) -> None:
    """Drop, delay, duplicate, corrupt or edit a packet on its way. UsageError: it is not on its way."""
    uid = change.packet or 0
    flight = world.network.find_in_flight(uid)
    if flight is None:
        raise UsageError(f"intervention at step {change.step}: packet {uid} is not on its way then")
    channel, rule = flight.channel, "what if"
    if change.what == "drop":
        channel.take_out(now_ns, uid, rule=rule)
    elif change.what == "delay":
        channel.postpone(now_ns, uid, change.by_ns, rule)
    elif change.what == "duplicate":
        channel.replicate(now_ns, uid, rule)
    else:
        verdict = Verdict(flight.packet)
        for effect in effects_of(change.what, change.by_ns, change.edit, wire):
            effect.apply(verdict, rule)
        channel.replace(now_ns, uid, verdict.packet, rule)


def change_link(world: World, args: dict[str, Any], now_ns: int) -> None:
    """Change a link while the run goes on."""
    link = world.network.links[args["name"]]
    link.change(
        now_ns,
        rate_bps=args.get("rate_bps"),
        delay_ns=args.get("delay_ns"),
        jitter_ns=args.get("jitter_ns"),
        mtu=args.get("mtu"),
        up=args.get("up"),
    )
    if "loss" in args:
        for channel in (link.forward, link.backward):
            chances = [impairer for impairer in channel.impairers if isinstance(impairer, Loss)]
            if chances:
                chances[0].p = args["loss"]
            else:
                rng = world.sim.rng(f"loss {args['name']} {channel.source.name}")
                channel.impairers.append(Loss(rng, args["loss"]))


def expire(world: World, party: Party, timer: str, now_ns: int) -> None:
    """Let a running timer of the connection run out now. UsageError: it is not running."""
    slot = party.raw.slot
    number = NAMES.index(timer)
    if slot is None or not slot.conn.ep.timers.is_set(number):
        raise UsageError(f"{party.name} has no running {timer} timer at {format_seconds(now_ns)} s")
    slot.conn.ep.timers.set(number, now_ns)
    slot.conn.handle_timeout(now_ns)
    world.host(party.host).tcp.touch(slot)
