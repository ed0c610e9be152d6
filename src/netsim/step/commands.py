"""The stepper's commands: one line of text in, styled lines out. Plain mode and the screen share them."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from netsim.base.errors import NetsimError, UsageError
from netsim.base.hints import did_you_mean
from netsim.base.units import parse_duration, parse_rate
from netsim.report.cells import Line, line
from netsim.scenario.model import Edit, Intervention
from netsim.step import show
from netsim.step.command_list import COMMANDS, find
from netsim.step.predicate import FLAGS
from netsim.step.quiz import Quiz
from netsim.step.timeline import KINDS
from netsim.tcp.timers import NAMES as TIMERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from netsim.step.debugger import Debugger


class Console:
    """Carries out commands on a debugger. `done`: the user wants to leave."""

    def __init__(self, debugger: Debugger, *, width: int = 80) -> None:
        self.debugger = debugger
        self.width = width
        self.done = False
        self.quiz: Quiz | None = None
        self.speed = 4.0

    def execute(self, text: str) -> list[Line]:
        """One command; its output. UsageError (or another NetsimError): the command was wrong, nothing changed."""
        text = text.strip()
        if not text or text.startswith("#"):
            return []
        if text.startswith("/"):
            text = f"search {text[1:]}"
        word, _, rest = text.partition(" ")
        command = find(word)
        handler: Callable[[str], list[Line]] = getattr(self, f"_do_{command.name}")
        return handler(rest.strip())

    def complain(self, error: NetsimError) -> list[Line]:
        """An error as lines."""
        return [line(("✗ ", "fail"), (part, "")) if not n else line(("  " + part, "")) for n, part in
                enumerate(str(error).splitlines())]  # fmt: skip

    def here(self) -> list[Line]:
        """The current step: headline and main reason."""
        return show.step_lines(self.debugger, self.width)

    # --- movement ---------------------------------------------------------------------------

    def _move(self, rest: str, *, forward: bool) -> list[Line]:
        kind, count = "event", 1
        for word in rest.split():
            if word.isdigit():
                count = int(word)
                continue
            matches = [name for name in KINDS if name.startswith(word)]
            if len(matches) != 1:
                raise UsageError(f"'{word}' is nothing to step by; there are {', '.join(KINDS)}, and a number")
            kind = matches[0]
        if self.quiz is not None and forward and self.quiz.pending is None:
            return self._ask()
        if self.quiz is not None and forward:
            return [line(("Answer first: `answer from=… flags=… seq=… ack=… state=…`, or `answer ?`", ""))]
        debugger = self.debugger
        moved = False
        for _ in range(count):
            if not (debugger.forward(kind) if forward else debugger.back(kind)):
                break
            moved = True
        if not moved:
            edge = "end" if forward else "start"
            what = "" if kind == "event" else f"no {kind} between here and "
            return [line((f"{what}the {edge}" if what else f"this is the {edge}", "dim"))]
        return self.here()

    def _do_next(self, rest: str) -> list[Line]:
        return self._move(rest, forward=True)

    def _do_back(self, rest: str) -> list[Line]:
        return self._move(rest, forward=False)

    def _do_segment(self, rest: str) -> list[Line]:
        return self._move("segment " + rest, forward=True)

    def _do_state(self, rest: str) -> list[Line]:
        return self._move("state " + rest, forward=True)

    def _do_goto(self, rest: str) -> list[Line]:
        words = rest.split()
        if len(words) == 2 and words[0] in ("frame", "segment", "f") and words[1].isdigit():
            self.debugger.goto(self.debugger.frame(int(words[1])))
        elif len(words) == 1 and words[0].isdigit():
            wanted = int(words[0])
            reached = self.debugger.goto(wanted)
            if reached < wanted:
                return [line((f"the run has only {reached} steps", "dim")), *self.here()]
        else:
            # times are shown in milliseconds: what rounds to the time asked for is meant, too
            self.debugger.goto_time(_duration(rest, "goto 12, goto 2.35s or goto frame 7") + 499_999)
        return self.here()

    def _do_start(self, _rest: str) -> list[Line]:
        self.debugger.start()
        return self.here()

    def _do_end(self, _rest: str) -> list[Line]:
        self.debugger.end()
        return self.here()

    def _do_run(self, rest: str) -> list[Line]:
        if rest:
            try:
                self.speed = max(0.1, min(1000.0, float(rest)))
            except ValueError:
                raise UsageError(f"'{rest}' is no speed; write steps a second, for example run 5") from None
        return self._do_continue("")

    def _do_search(self, rest: str) -> list[Line]:
        backwards = rest.startswith("-")
        wanted = rest.removeprefix("-").strip()
        if not wanted:
            raise UsageError("search for what? For example: search TIME-WAIT")
        if not self.debugger.search(wanted, backwards=backwards):
            return [line((f"'{wanted}' is not found from here {'backwards' if backwards else 'on'}", "dim"))]
        return self.here()

    # --- breakpoints ------------------------------------------------------------------------

    def _do_break(self, rest: str) -> list[Line]:
        points = self.debugger.breakpoints
        if rest:
            self.debugger.add_break(rest)
            return [line((f"breakpoint {len(points)}: ", ""), (points[-1].text, "flags"), ("  (c, rc)", "dim"))]
        if not points:
            return [line(("no breakpoints; for example: break client.state == TIME-WAIT", "dim"))]
        return [line((f"{number:3d}  {point.text}", "")) for number, point in enumerate(points, 1)]

    def _do_delete(self, rest: str) -> list[Line]:
        if rest == "all":
            self.debugger.breakpoints.clear()
            return [line(("no breakpoints any more", ""))]
        if not rest.isdigit():
            raise UsageError("delete which breakpoint? A number, or all; `break` lists them")
        return [line((f"removed: {self.debugger.delete_break(int(rest)).text}", ""))]

    def _run_on(self, *, backwards: bool) -> list[Line]:
        hit = self.debugger.run_on(backwards=backwards)
        if hit is None:
            edge = "the start" if backwards else "the end"
            return [line((f"{edge}; no breakpoint on the way", "dim")), *self.here()]
        return [line(("● ", "flags"), (hit.text, "")), *self.here()]

    def _do_continue(self, _rest: str) -> list[Line]:
        return self._run_on(backwards=False)

    def _do_reverse(self, _rest: str) -> list[Line]:
        return self._run_on(backwards=True)

    # --- looks ------------------------------------------------------------------------------

    def _do_where(self, _rest: str) -> list[Line]:
        return self.here()

    def _do_why(self, _rest: str) -> list[Line]:
        return show.why_lines(self.debugger.view(), self.width)

    def _host(self, rest: str) -> str:
        hosts = self.debugger.hosts
        if rest not in hosts:
            raise UsageError(f"there is no host '{rest}'; hosts are: {', '.join(hosts)}.{did_you_mean(rest, hosts)}")
        return rest

    def _do_tcb(self, rest: str) -> list[Line]:
        view = self.debugger.view()
        ends = [view.end(self._host(rest))] if rest else view.ends()
        return [made for end in ends for made in show.tcb_lines(end, self.width)]

    def _do_segments(self, _rest: str) -> list[Line]:
        return show.flight_lines(self.debugger.view())

    def _do_timers(self, _rest: str) -> list[Line]:
        return show.timer_lines(self.debugger.view())

    def _do_space(self, rest: str) -> list[Line]:
        view = self.debugger.view()
        ends = [view.end(self._host(rest))] if rest else view.ends()
        return [made for end in ends for made in show.space_lines(end, self.width)]

    def _do_states(self, _rest: str) -> list[Line]:
        return show.diagram(self.debugger.view().ends())

    def _do_ladder(self, rest: str) -> list[Line]:
        if rest and not rest.isdigit():
            raise UsageError("ladder N: how many rows? For example: ladder 20")
        return show.ladder_lines(self.debugger, self.width, int(rest) if rest else 40)

    # --- what if ----------------------------------------------------------------------------

    def _forked(self, change: Intervention | None, name: str = "") -> list[Line]:
        before = self.debugger.branch
        try:
            branch = self.debugger.what_if(change, name)
        except NetsimError:
            self.debugger.branch = before
            raise
        return [line(("branch ", ""), (branch.name, "flags"), (f", {branch.describe()}", "")), *self.here()]

    def _number(self, rest: str, example: str) -> tuple[int, str]:
        word, _, more = rest.partition(" ")
        if not word.isdigit():
            raise UsageError(f"which packet? `segments` lists their numbers. For example: {example}")
        return self.debugger.packet_of(int(word)), more.strip()

    def _do_drop(self, rest: str) -> list[Line]:
        return self._forked(Intervention("drop", packet=self._number(rest, "drop 3")[0]))

    def _do_delay(self, rest: str) -> list[Line]:
        uid, more = self._number(rest, "delay 3 200ms")
        return self._forked(Intervention("delay", packet=uid, by_ns=_duration(more, "delay 3 200ms")))

    def _do_dup(self, rest: str) -> list[Line]:
        return self._forked(Intervention("duplicate", packet=self._number(rest, "dup 3")[0]))

    def _do_edit(self, rest: str) -> list[Line]:
        uid, more = self._number(rest, "edit 3 flags=RST,ACK")
        return self._forked(Intervention("edit", packet=uid, edit=parse_edit(more)))

    def _do_expire(self, rest: str) -> list[Line]:
        words = rest.split()
        names = {name.lower(): name for name in TIMERS}
        if len(words) != 2 or words[0].lower() not in names:
            raise UsageError(f"write: expire TIMER HOST; timers are {', '.join(TIMERS)}")
        host, timer = self._host(words[1]), names[words[0].lower()]
        running = [name for _, where, name in self.debugger.view().timers() if where == host]
        if timer not in running:
            raise UsageError(f"{host} has no running {timer} timer; running: {', '.join(running) or 'none'}")
        return self._forked(Intervention("expire", step=0, host=host, timer=timer))

    def _do_close(self, rest: str) -> list[Line]:
        return self._forked(Intervention("close", step=0, host=self._host(rest)))

    def _do_abort(self, rest: str) -> list[Line]:
        return self._forked(Intervention("abort", step=0, host=self._host(rest)))

    def _do_link(self, rest: str) -> list[Line]:
        origin = self.debugger.origin
        if origin is None:
            raise UsageError("what-if needs a scenario: this run cannot be executed again")
        names = [link.name for link in origin.scenario.links]
        return self._forked(Intervention("link", step=0, link=parse_link(rest, names)))

    def _do_fork(self, rest: str) -> list[Line]:
        return self._forked(None, rest)

    def _do_branches(self, _rest: str) -> list[Line]:
        made = []
        for name, branch in self.debugger.branches.items():
            sign = "▸ " if branch is self.debugger.branch else "  "
            made.append(line((sign, "title"), (f"{name:12} ", "flags"), (branch.describe(), "")))
        return made

    def _do_switch(self, rest: str) -> list[Line]:
        self.debugger.switch(rest)
        return self.here()

    def _do_diff(self, rest: str) -> list[Line]:
        names = rest.split()
        if len(names) == 1:
            names = [self.debugger.branch.name, *names]
        if len(names) != 2:
            raise UsageError(f"diff A B: two branches; there are {', '.join(self.debugger.branches)}")
        return show.diff_lines(self.debugger, names[0], names[1], self.width)

    def _do_save(self, rest: str) -> list[Line]:
        if not rest:
            raise UsageError("save to which file? For example: save branch.yaml")
        path = shlex.split(rest)[0]
        return [line((self.debugger.save(path if "." in path else f"{path}.yaml"), ""))]

    # --- predict ----------------------------------------------------------------------------

    def _do_predict(self, rest: str) -> list[Line]:
        if rest == "off":
            made = [line((self.quiz.score_text(), ""))] if self.quiz is not None else []
            self.quiz = None
            return made
        if rest not in ("", "on"):
            raise UsageError("predict on, or predict off")
        self.quiz = Quiz(self.debugger)
        return self._ask()

    def _ask(self) -> list[Line]:
        assert self.quiz is not None
        question = self.quiz.ask()
        if question is None:
            return [line(("no more segments. ", ""), (self.quiz.score_text(), "flags"))]
        return [*self.here(), line(("? ", "flags"), (question, ""))]

    def _do_answer(self, rest: str) -> list[Line]:
        quiz = self.quiz
        if quiz is None:
            raise UsageError("no question was asked; `predict on` begins")
        answer = {} if rest in ("", "?") else parse_pairs(rest, "answer from=client flags=ACK seq=1 ack=1")
        grade = quiz.answer(answer)
        made = [
            line(
                (f"{'✓' if right else '✗'} {key}: ", "pass" if right else "fail"),
                (truth, "flags"),
                ("" if right or not given else f"  (you said {given})", ""),
            )
            for key, given, truth, right in grade
        ]
        return [*made, *self.here(), line((quiz.score_text(), "dim")), *self._ask()[-1:]]

    # --- the rest ---------------------------------------------------------------------------

    def _do_help(self, rest: str) -> list[Line]:
        if rest:
            command = find(rest)
            also = f"  (also: {', '.join(command.names[1:])})" if len(command.names) > 1 else ""
            made = [line((f"{command.name} {command.usage}".rstrip(), "flags"), (also, "dim"))]
            return [*made, line(("  " + command.help_text, "")),
                    *[line(("  " + text, "")) for text in command.more.splitlines()]]  # fmt: skip
        made = []
        for command in COMMANDS:
            names = ", ".join(command.names[:2])
            left = f"{names} {command.usage}".rstrip()
            row = line((f"  {left}", "flags"))
            row.put(max(36, len(row.text) + 2), command.help_text)
            made.append(row)
        return made

    def _do_quit(self, _rest: str) -> list[Line]:
        self.done = True
        return [line((self.quiz.score_text(), ""))] if self.quiz is not None else []


def _duration(text: str, example: str) -> int:
    text = text.strip()
    try:
        if re.fullmatch(r"\d+\.\d*", text):
            return parse_duration(text + "s")
        return parse_duration(text)
    except ValueError:
        raise UsageError(f"'{text}' is no time; for example: {example}") from None


def parse_pairs(text: str, example: str) -> dict[str, str]:
    """`a=1 b=2` as a mapping. UsageError."""
    pairs: dict[str, str] = {}
    for word in text.split():
        key, sign, value = word.partition("=")
        if not sign or not key:
            raise UsageError(f"'{word}' is not KEY=VALUE; for example: {example}")
        pairs[key] = value
    if not pairs:
        raise UsageError(f"KEY=VALUE is missing; for example: {example}")
    return pairs


def _relative(value: str) -> tuple[bool, int]:
    digits = value.removeprefix("abs:")
    if not digits.isdigit():
        raise UsageError(f"'{value}' is no sequence number; write a number, or abs:NUMBER")
    return (value.startswith("abs:"), int(digits))


def _limited(value: str, most: int) -> int:
    if not value.isdigit() or int(value) > most:
        raise UsageError(f"'{value}' is not a number from 0 to {most}")
    return int(value)


def parse_edit(text: str) -> Edit:
    """New header values from `flags=RST,ACK seq=5`. UsageError."""
    from netsim.base.packet import FLAG_NAMES

    bits = {name: bit for bit, name in FLAG_NAMES}
    edit = Edit()
    for key, value in parse_pairs(text, "edit 3 flags=RST,ACK seq=5").items():
        if key == "seq":
            edit.seq = _relative(value)
        elif key == "ack":
            edit.ack = _relative(value)
        elif key == "win":
            edit.win = _limited(value, 65535)
        elif key == "ttl":
            edit.ttl = _limited(value, 255)
        elif key == "flags":
            names = value.upper().split(",")
            if any(name not in bits for name in names):
                raise UsageError(f"'{value}' is no set of flags; flags are {','.join(FLAGS)}")
            edit.flags = sum(bits[name] for name in dict.fromkeys(names))
        else:
            raise UsageError(f"there is no field '{key}' to edit; there are seq, ack, flags, win, ttl")
    return edit


def parse_link(text: str, names: list[str]) -> dict[str, object]:
    """What to change at a link, from `NAME delay=200ms loss=1%`. UsageError."""
    name, _, more = text.partition(" ")
    if name not in names:
        raise UsageError(f"there is no link '{name}'; links are: {', '.join(names)}.{did_you_mean(name, names)}")
    args: dict[str, object] = {"name": name}
    for key, value in parse_pairs(more, f"link {name} delay=200ms").items():
        try:
            if key in ("delay", "jitter"):
                args[f"{key}_ns"] = parse_duration(value)
            elif key == "rate":
                args["rate_bps"] = parse_rate(value)
            elif key == "mtu":
                args["mtu"] = _limited(value, 65535)
            elif key == "loss":
                share = float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
                if not 0 <= share <= 1:
                    raise ValueError(f"'{value}' is no share; write for example 1%")
                args["loss"] = share
            elif key == "up":
                if value not in ("yes", "no", "true", "false"):
                    raise ValueError(f"up={value}: write up=yes or up=no")
                args["up"] = value in ("yes", "true")
            else:
                raise ValueError(f"a link has no '{key}'; it has delay, jitter, rate, mtu, loss, up")
        except ValueError as error:
            raise UsageError(str(error)) from None
    return args
