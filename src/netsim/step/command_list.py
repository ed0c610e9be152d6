"""The list of the stepper's commands: names, arguments, help."""

from __future__ import annotations

from typing import Final

from netsim.base.errors import UsageError
from netsim.base.hints import did_you_mean
from netsim.tcp.timers import NAMES as TIMERS


class Command:
    """A command: its names, its arguments, its line in the help text, and a longer text."""

    def __init__(self, names: str, usage: str, help_text: str, more: str = "") -> None:
        self.names = names.split()
        self.usage = usage
        self.help_text = help_text
        self.more = more

    @property
    def name(self) -> str:
        """Its first name."""
        return self.names[0]


COMMANDS: Final = (
    Command(
        "next n",
        "[event|segment|state|timer]",
        "one step forward",
        "`n 5` makes five steps; `n state` goes to the next change of state.",
    ),
    Command(
        "back p b",
        "[event|segment|state|timer]",
        "one step back",
        "Exact: nothing is run again, the step is looked up.",
    ),
    Command("segment s", "", "to the next segment sent, received or lost (same as `next segment`)"),
    Command("state", "", "to the next change of state (same as `next state`)"),
    Command(
        "goto g", "STEP|TIME|frame N", "go to a step, a time or a segment", "`goto 12`, `goto 2.35s`, `goto frame 7`."
    ),
    Command("start", "", "to the start"),
    Command("end", "", "to the end"),
    Command(
        "run r",
        "[SPEED]",
        "play; on the screen `space` pauses",
        "In plain mode the same as `continue`. SPEED in steps a second.",
    ),
    Command(
        "search /",
        "TEXT",
        "to the next step that speaks of TEXT",
        "Searches headlines, reasons and citations; `search -TEXT` searches backwards.",
    ),
    Command(
        "break",
        "[CONDITION]",
        "stop where a condition becomes true; alone: list",
        "client.state == TIME-WAIT; client.cwnd < 4*mss; segment.flags has RST; and, or, not, ( ).\n"
        "Variables: state snd.una snd.nxt snd.wnd rcv.nxt rcv.wnd cwnd ssthresh phase srtt rto\n"
        "mss flight unsent readable;\n"
        "segment.flags .seq .ack .len .win .from .n .lost .resent; time; step. Units: ms, s, KiB.",
    ),
    Command("delete", "N|all", "remove a breakpoint"),
    Command("continue c", "", "forward to the next breakpoint"),
    Command("reverse rc", "", "backward to the last breakpoint"),
    Command("where w", "", "this step again: what happened, and why"),
    Command("why", "", "every reason of this step, with its citation"),
    Command("tcb", "[HOST]", "a control block; what the step changed is marked"),
    Command("segments flight", "", "what is in flight, with its numbers and arrival times"),
    Command("timers", "", "pending timers"),
    Command("space", "[HOST]", "the sequence space: acknowledged, in flight, may be sent"),
    Command("states", "", "both ends in the state diagram"),
    Command("ladder l", "[N]", "the ladder up to here (the last N rows)"),
    Command("drop", "N", "what if packet N in flight were lost? Forks here"),
    Command("delay", "N TIME", "what if packet N were delayed?"),
    Command("dup duplicate", "N", "what if packet N came twice?"),
    Command(
        "edit",
        "N FIELD=VALUE…",
        "what if packet N were different?",
        "Fields: seq ack flags win ttl; seq and ack relative, or abs:NUMBER. `edit 7 flags=RST,ACK`.",
    ),
    Command("expire", "TIMER HOST", "what if this timer ran out now?", f"Timers: {', '.join(TIMERS)}."),
    Command("close", "HOST", "what if this end closed now?"),
    Command("abort", "HOST", "what if this end aborted now?"),
    Command(
        "link",
        "NAME KEY=VALUE…",
        "what if the link changed now?",
        "Keys: delay rate jitter mtu loss up. `link client-server delay=200ms`, `link client-server up=no`.",
    ),
    Command("fork", "[NAME]", "a branch from here without a change"),
    Command("branches", "", "list the branches"),
    Command("switch", "NAME", "show another branch"),
    Command("diff", "A [B]", "compare two branches side by side"),
    Command("save", "FILE", "write this branch as a scenario file for `netsim run`"),
    Command(
        "predict",
        "on|off",
        "be asked before each segment",
        "Answer with `answer KEY=VALUE…`, keys: from flags seq ack state;\n`answer ?` gives up.",
    ),
    Command(
        "answer a", "KEY=VALUE…", "answer the question", "`answer from=client flags=ACK seq=1 ack=1 state=ESTABLISHED`."
    ),
    Command("help h ?", "[COMMAND]", "this list, or more about one command"),
    Command("quit q exit", "", "leave"),
)

_BY_NAME: Final = {name: command for command in COMMANDS for name in command.names}


def find(word: str) -> Command:
    """The command of that name or unique beginning. UsageError with a hint."""
    if word in _BY_NAME:
        return _BY_NAME[word]
    longer = {command.name: command for name, command in _BY_NAME.items() if len(word) > 1 and name.startswith(word)}
    if len(longer) == 1:
        return next(iter(longer.values()))
    if longer:
        raise UsageError(f"'{word}' is not clear: {', '.join(longer)}?")
    raise UsageError(f"there is no command '{word}'.{did_you_mean(word, _BY_NAME)} `help` lists the commands")
