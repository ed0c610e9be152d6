"""Commands: each does what it says; wrong ones give a hint; a session reads the same every time."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from netsim.base.errors import NetsimError
from netsim.report.cells import plain
from netsim.step.command_list import COMMANDS
from netsim.step.commands import Console
from netsim.step.debugger import Debugger
from netsim.tui.opening import open_debugger
from netsim.tui.plain import session

HERE = Path(__file__).parent
SCRIPT = HERE / "session.txt"
GOLDEN = HERE / "session.golden.txt"


@pytest.fixture
def console() -> Console:
    return Console(open_debugger("last-ack-lost"))


def say(console: Console, text: str) -> str:
    return plain(console.execute(text))


def stepper() -> Debugger:
    return open_debugger("last-ack-lost")


def test_a_session_is_the_golden_text_every_time() -> None:
    texts = []
    for _ in range(2):
        out = io.StringIO()
        with SCRIPT.open(encoding="utf-8") as commands:
            assert session(stepper(), commands, out) == 0
        texts.append(out.getvalue())
    assert texts[0] == texts[1]
    assert texts[0] == GOLDEN.read_text(encoding="utf-8"), "run: python scripts/step_screens.py"


def test_every_command_has_a_handler_and_help(console: Console) -> None:
    listed = say(console, "help")
    for command in COMMANDS:
        assert callable(getattr(console, f"_do_{command.name}"))
        assert command.name in listed
        for name in command.names:
            assert command.help_text in say(console, f"help {name}")


@pytest.mark.parametrize(
    ("commands", "step"),
    [
        ("n", 1),
        ("n 3", 3),
        ("next segment", 2),
        ("n state", 1),
        ("n timer", 9),
        ("n seg 2", 3),
        ("s", 2),
        ("state", 1),
        ("end; p", 18),
        ("end; b state", 18),
        ("end; p timer", 16),
        ("end; start", 0),
        ("goto 12", 12),
        ("goto 2.15s", 14),
        ("goto 2.2", 15),
        ("goto 2200ms", 15),
        ("g frame 1", 2),
        ("goto frame 7", 12),
        ("search TIME-WAIT", 15),
        ("/8th; /eighth step", 12),
        ("end; search -delayed-ACK", 9), ("break client.state == FIN-WAIT-2; c", 13),
        ("break segment.lost; end; rc", 15), ("break client.state == FIN-WAIT-2; run", 13),
    ],
)  # fmt: skip
def test_movement(console: Console, commands: str, step: int) -> None:
    for text in commands.split("; "):
        console.execute(text)
    assert console.debugger.cursor == step


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("tcb client", "client TIME-WAIT"), ("tcb", "server LAST-ACK"), ("timers", "2MSL client 122.200"),
        ("segments", "nothing is in flight"), ("states", "C▸TIME-WAIT"), ("space client", "acknowledged to 1002"),
        ("ladder 3", "▸  2.200 TIME-WAIT"), ("why", "eighth step"), ("where", "step 15 of 19"),
        ("branches", "▸ main"), ("break", "no breakpoints"), ("help goto", "goto frame 7"),
    ],
)  # fmt: skip
def test_looks(console: Console, text: str, answer: str) -> None:
    console.execute("goto 15")
    assert answer in say(console, text)
    assert console.debugger.cursor == 15


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("drop 11", "packet 11 is dropped"), ("delay 11 200ms", "delayed by 200 ms"), ("dup 11", "duplicated"),
        ("edit 11 flags=RST,ACK seq=5", "altered"), ("expire 2msl client", "the 2MSL timer of client expires now"),
        ("close client", "client calls CLOSE"), ("abort server", "server calls ABORT"),
        ("link client-server delay=1s loss=10%", "link client-server is changed"),
        ("link client-server up=no", "link"),
        ("fork mine", "branch mine"),
    ],
)  # fmt: skip
def test_what_if(console: Console, text: str, answer: str) -> None:
    console.execute("goto 17")
    assert answer in say(console, text)
    assert console.debugger.branch.name != "main"
    assert console.debugger.branch.parent == "main"
    assert len(say(console, "branches").splitlines()) == 2
    assert "main" in say(console, f"diff {console.debugger.branch.name} main")
    console.execute("switch main")
    assert console.debugger.cursor == 17


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("nxt", "Did you mean 'next'"),
        ("xyzzy", "`help` lists"),
        ("n sideways", "nothing to step by"),
        ("goto", "no time"),
        ("goto nowhere", "goto 2.35s"), ("goto frame 99", "no segment 99"), ("search", "search for what"),
        ("break", ""),
        ("break client.state ==", "ends too early"),
        ("delete 3", "no breakpoint 3"),
        ("delete", "which breakpoint"),
        ("tcb nobody", "hosts are: client, server"), ("tcb clint", "Did you mean 'client'"), ("drop", "which packet"),
        ("drop 99", "in flight: 11"),
        ("delay 11", "no time"),
        ("delay 11 soon", "delay 3 200ms"),
        ("edit 11", "KEY=VALUE"),
        ("edit 11 colour=red", "no field 'colour'"),
        ("edit 11 flags=XX", "no set of flags"),
        ("edit 11 win=x", "not a number"),
        ("edit 11 seq=x", "no sequence number"),
        ("expire RTO client", "running: 2MSL"),
        ("expire nothing", "timers are"),
        ("close nobody", "no host"), ("link nowhere up=no", "links are"), ("link client-server", "KEY=VALUE"),
        ("link client-server colour=red", "a link has no"), ("link client-server up=maybe", "up=yes"),
        ("link client-server loss=200%", "no share"), ("fork main", "already"), ("switch man", "Did you mean 'main'"),
        ("diff a b", "no branch 'a'"),
        ("diff", "two branches"),
        ("save", "which file"),
        ("predict maybe", "predict on"),
        ("answer from=client", "no question"),
        ("help xyzzy", "no command"),
        ("run fast", "no speed"),
        ("ladder x", "how many rows"),
        ("save /no/such/folder/x.yaml", "cannot be written"),
    ],
)  # fmt: skip
def test_wrong_commands_give_a_hint_and_change_nothing(console: Console, text: str, hint: str) -> None:
    console.execute("goto 17")
    if hint:
        with pytest.raises(NetsimError) as error:
            console.execute(text)
        assert hint in str(error.value)
    else:
        console.execute(text)
    assert console.debugger.cursor == 17
    assert list(console.debugger.branches) == ["main"]


def test_save_and_quit(console: Console, tmp_path: Path) -> None:
    console.execute("goto 17")
    console.execute("drop 11")
    assert "1 change" in say(console, f"save {tmp_path / 'x'}")
    assert (tmp_path / "x.yaml").exists()
    assert not console.done
    console.execute("quit")
    assert console.done


def test_predict_mode_keeps_score(console: Console) -> None:
    assert "who sends next" in say(console, "predict on")
    assert "Answer first" in say(console, "n")
    answer = say(console, "answer from=client flags=SYN seq=0 ack=- state=SYN-SENT")
    assert "✗" not in answer
    assert "score: 5 of 5" in answer
    answer = say(console, "answer from=client flags=SYN")
    assert "you said client" in answer
    assert "score: 5 of 10" in answer
    for _ in range(8):
        console.execute("answer ?")
    assert "no more segments" in say(console, "answer ?")
    assert "of" in say(console, "predict off")


@pytest.mark.parametrize("path", ["three-way-handshake", "traces/loopback-half-close.pcap"])
def test_the_end_and_the_start_are_told(path: str) -> None:
    root = HERE.parents[2]
    console = Console(open_debugger(str(root / path) if "/" in path else path))
    console.execute("end")
    assert "this is the end" in say(console, "n")
    console.execute("start")
    assert "this is the start" in say(console, "p")
    assert "between here" in say(console, "p timer")


def test_a_capture_says_what_a_tap_cannot_know() -> None:
    root = HERE.parents[2]
    console = Console(open_debugger(str(root / "traces" / "loopback-half-close.pcap")))
    console.execute("goto 6")
    text = say(console, "tcb client")
    assert "FIN-WAIT-1" in text
    assert "cwnd         ?" in text
    assert "snd.una      25" in text
    with pytest.raises(NetsimError, match=r"not on its way|cannot be executed"):
        console.execute("drop 1")
    with pytest.raises(NetsimError, match="cannot be executed again"):
        console.execute("fork")


def test_a_script_is_stepped_event_by_event() -> None:
    root = HERE.parents[2]
    script = sorted((root / "tests" / "packetdrill" / "rfc").rglob("*.pkt"))[0]
    console = Console(open_debugger(str(script)))
    console.execute("end")
    assert console.debugger.timeline.last > 2
    text = say(console, "tcb script")
    assert "the script plays it" in text


def test_the_session_in_the_readme_is_what_the_stepper_says() -> None:
    readme = (HERE.parents[2] / "README.md").read_text(encoding="utf-8")
    block = readme.split("```text\nlast-ack-lost ·")[1].split("```")[0]
    shown = "last-ack-lost ·" + block
    typed = "".join(f"{row.removeprefix('(step) ')}\n" for row in shown.splitlines() if row.startswith("(step) "))
    out = io.StringIO()
    session(stepper(), io.StringIO(typed), out)
    assert out.getvalue().rstrip() == shown.rstrip()
