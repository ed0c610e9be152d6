"""The screen through Textual's pilot: every key, the mouse, sizes, themes, crashes."""

from __future__ import annotations

import pytest
from textual.widgets import Input, OptionList, Static

from netsim.step.command_list import COMMANDS
from netsim.tui.app import Stepper, keys_for
from netsim.tui.dialogs import Menu, Reader
from netsim.tui.opening import open_debugger
from netsim.tui.panels import LadderPanel, Panel, WhyPanel


def app(name: str = "last-ack-lost", theme: str = "dark") -> Stepper:
    return Stepper(open_debugger(name), theme_name=theme)


def text(stepper: Stepper, panel: str) -> str:
    return str(stepper.screen_stack[0].query_one(f"#{panel}", Static).render())


@pytest.mark.parametrize(
    ("keys", "step"),
    [
        ("n", 1), ("right", 1), ("down", 1), ("n n p", 1), ("n n left", 1), ("n n up", 1), ("s", 2), ("s s S", 2),
        ("c c", 2), ("c c C", 1), ("t", 9), ("t t T", 9), ("end", 19), ("end home", 0),
    ],
)  # fmt: skip
async def test_keys_move(keys: str, step: int) -> None:
    stepper = app()
    async with stepper.run_test(size=(80, 24)) as pilot:
        await pilot.press(*keys.split())
        await pilot.pause()
        assert stepper.debugger.cursor == step
        assert f"step {step} of 19" in text(stepper, "title")


async def type_line(pilot: object, line: str) -> None:
    names = {" ": "space", "=": "equals_sign", ".": "full_stop", "-": "minus", ",": "comma", "<": "less_than_sign",
             "*": "asterisk", ":": "colon", "/": "slash", "?": "question_mark"}  # fmt: skip
    await pilot.press(*[names.get(letter, letter) for letter in line], "enter")  # type: ignore[attr-defined]
    await pilot.pause()  # type: ignore[attr-defined]


async def test_goto_search_and_breakpoints_by_their_keys() -> None:
    stepper = app()
    async with stepper.run_test(size=(80, 24)) as pilot:
        await pilot.press("g")
        await type_line(pilot, "12")
        assert stepper.debugger.cursor == 12
        await pilot.press("slash")
        await type_line(pilot, "TIME-WAIT")
        assert stepper.debugger.cursor == 15
        await pilot.press("b")
        await type_line(pilot, "client.state == FIN-WAIT-2")
        assert "breakpoint 1" in text(stepper, "why")
        await pilot.press("left_square_bracket")
        await pilot.pause()
        assert stepper.debugger.cursor == 13
        await pilot.press("home", "right_square_bracket")
        await pilot.pause()
        assert stepper.debugger.cursor == 13


async def test_every_command_works_from_the_command_line() -> None:
    """Each, as it stands: it moves, answers, or says what is missing; none breaks the screen."""
    stepper = app()
    async with stepper.run_test(size=(80, 24)) as pilot:
        for command in COMMANDS:
            if command.name == "quit":
                continue
            await pilot.press("colon")
            await type_line(pilot, command.name)
            if isinstance(stepper.screen, Reader):
                await pilot.press("escape")
            assert stepper.screen is stepper.screen_stack[0], command.name
            assert not stepper.query_one("#command", Input).has_class("open")
        assert stepper.is_running


async def test_a_wrong_command_gives_a_hint_below() -> None:
    stepper = app()
    async with stepper.run_test(size=(80, 24)) as pilot:
        await pilot.press("colon")
        await type_line(pilot, "nxt")
        assert "Did you mean 'next'" in text(stepper, "why")
        await pilot.press("n")
        await pilot.pause()
        assert "Did you mean" not in text(stepper, "why")


async def test_escape_closes_the_command_line() -> None:
    stepper = app()
    async with stepper.run_test(size=(80, 24)) as pilot:
        await pilot.press("colon", "n", "n", "escape", "n")
        await pilot.pause()
        assert stepper.debugger.cursor == 1


async def test_what_if_menu_forks_and_branches_are_switched_and_compared() -> None:
    stepper = app()
    async with stepper.run_test(size=(80, 24)) as pilot:
        stepper.execute("goto 17")
        await pilot.press("f")
        await pilot.pause()
        assert isinstance(stepper.screen, Menu)
        assert stepper.screen.query_one(OptionList).option_count > 4
        await pilot.press("enter")
        await pilot.pause()
        assert stepper.debugger.branch.name == "branch-1"
        assert "packet 11 is dropped" in text(stepper, "why")
        assert "branch: branch-1" in text(stepper, "title")
        await pilot.press("x")
        await pilot.pause()
        assert isinstance(stepper.screen, Reader)
        assert "first difference at step 18" in str(stepper.screen.query_one("#text", Static).render())
        await pilot.press("escape", "v")
        await pilot.pause()
        await pilot.press("enter")
        await pilot.pause()
        assert stepper.debugger.branch.name == "main"
        await pilot.press("f", "escape")
        await pilot.pause()
        assert len(stepper.debugger.branches) == 2


async def test_choices_that_need_a_number_open_the_command_line() -> None:
    stepper = app()
    async with stepper.run_test(size=(80, 24)) as pilot:
        stepper.execute("goto 17")
        await pilot.press("f", "down", "down", "enter")
        await pilot.pause()
        assert stepper.query_one("#command", Input).value == "delay 11 200ms"
        await pilot.press("enter")
        await pilot.pause()
        assert "delayed by 200 ms" in text(stepper, "why")


@pytest.mark.parametrize(
    ("key", "words"), [("question_mark", "one step forward"), ("d", "ESTABLISHED"), ("k", "ssthresh")]
)
async def test_keys_that_open_a_text(key: str, words: str) -> None:
    stepper = app()
    async with stepper.run_test(size=(80, 24)) as pilot:
        stepper.execute("goto 9")
        await pilot.press(key)
        await pilot.pause()
        assert isinstance(stepper.screen, Reader)
        assert words in str(stepper.screen.query_one("#text", Static).render())
        await pilot.press("q")
        await pilot.pause()
        assert stepper.is_running
        assert stepper.screen is stepper.screen_stack[0]


async def test_why_shows_every_reason() -> None:
    stepper = app()
    async with stepper.run_test(size=(80, 24)) as pilot:
        stepper.execute("goto 15")
        await pilot.press("w")
        await pilot.pause()
        assert isinstance(stepper.screen, Reader)
        assert "RFC 9293 §3.10.7.4, eighth step" in str(stepper.screen.query_one("#text", Static).render()).replace(
            "\n", ""
        )


async def test_play_pauses_at_a_breakpoint() -> None:
    stepper = app()
    async with stepper.run_test(size=(80, 24)) as pilot:
        stepper.execute("break client.state == ESTABLISHED")
        await pilot.press("plus", "plus", "plus", "plus", "space")
        while stepper.playing is not None:
            await pilot.pause(0.02)
        assert stepper.debugger.cursor == 4
        await pilot.press("minus", "space", "space")
        assert stepper.playing is None


async def test_predict_mode() -> None:
    stepper = app()
    async with stepper.run_test(size=(80, 24)) as pilot:
        await pilot.press("m")
        await pilot.pause()
        assert "who sends next" in text(stepper, "why")
        await pilot.press("enter")
        await type_line(pilot, "client flags=SYN seq=0 state=SYN-SENT")
        assert stepper.stepping.quiz is not None
        assert stepper.stepping.quiz.right == 4
        if isinstance(stepper.screen, Reader):
            await pilot.press("escape")
        await pilot.press("m")
        await pilot.pause()
        assert stepper.stepping.quiz is None


async def test_a_click_on_the_ladder_goes_there_and_the_wheel_steps() -> None:
    stepper = app()
    async with stepper.run_test(size=(120, 40)) as pilot:
        stepper.execute("goto 15")
        await pilot.pause()
        ladder = stepper.query_one(LadderPanel)
        await pilot.click(ladder, offset=(15, 3))
        await pilot.pause()
        assert stepper.debugger.cursor == 2
        ladder.post_message(LadderPanel.Turned(True))
        await pilot.pause()
        assert stepper.debugger.cursor == 3


async def test_the_palette_has_every_command() -> None:
    stepper = app()
    async with stepper.run_test(size=(80, 24)) as pilot:
        titles = [command.title for command in stepper.get_system_commands(stepper.screen)]
        for command in COMMANDS:
            assert any(title.startswith(command.name) for title in titles)
        await pilot.press("ctrl+p")
        await pilot.pause()
        assert stepper.screen is not stepper.screen_stack[0]
        await pilot.press("escape")
        stepper._from_palette("drop")
        await pilot.pause()
        assert stepper.query_one("#command", Input).value == "drop "


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (40, 12), (20, 6), (200, 60)])
@pytest.mark.parametrize("theme", ["dark", "light"])
async def test_it_fits_every_size_in_both_themes(size: tuple[int, int], theme: str) -> None:
    stepper = app(theme=theme)
    async with stepper.run_test(size=size) as pilot:
        for index in (0, 3, 15, 19):
            stepper.execute(f"goto {index}")
            await pilot.pause()
            for panel in stepper.query(Panel):
                for row in str(panel.render()).split("\n"):
                    assert len(row) <= max(panel.content_size.width, 1) or panel.content_size.width < 30


async def test_resizing_never_breaks_it() -> None:
    stepper = app()
    async with stepper.run_test(size=(120, 40)) as pilot:
        stepper.execute("goto 15")
        for size in ((80, 24), (30, 8), (1, 1), (140, 50), (80, 24)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
        assert "TIME-WAIT" in text(stepper, "end-0")
        assert stepper.debugger.cursor == 15


async def test_changes_are_marked_without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    stepper = app()
    async with stepper.run_test(size=(80, 24)) as pilot:
        stepper.execute("goto 15")
        await pilot.pause()
        assert "← FIN-WAIT-2" in text(stepper, "end-0")
        assert "2 ← 1" in text(stepper, "end-0")
        assert "▸" in text(stepper, "ladder")


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_leaving(key: str) -> None:
    stepper = app()
    async with stepper.run_test(size=(80, 24)) as pilot:
        await pilot.press(key)
        await pilot.pause()
    assert stepper.return_code == 0
    assert stepper.return_value == 0


async def test_what_cannot_be_is_told_on_a_capture() -> None:
    from pathlib import Path

    root = Path(__file__).parents[2]
    stepper = app(str(root / "traces" / "loopback-half-close.pcap"))
    async with stepper.run_test(size=(80, 24)) as pilot:
        await pilot.press("n", "n", "f")
        await pilot.pause()
        assert "cannot be executed again" in text(stepper, "why")
        assert "a tap does not see" in text(stepper, "flight")
        assert "?" in text(stepper, "end-0")
        assert stepper.query_one(WhyPanel).border_title == "that is wrong"


async def test_a_prompt_costs_no_row() -> None:
    stepper = app()
    async with stepper.run_test(size=(80, 24)) as pilot:
        await pilot.press("end")
        await pilot.pause()
        before = stepper.query_one("#ladder").size
        await pilot.press("colon")
        await pilot.pause()
        assert stepper.query_one("#command").display
        assert stepper.query_one("#ladder").size == before
        await pilot.press("escape")
        await pilot.pause()
        assert stepper.query_one("#keys").display
        assert stepper.query_one("#ladder").size == before


@pytest.mark.parametrize("size", [(80, 24), (60, 15)])
async def test_a_loss_is_told_even_where_there_is_little_room(size: tuple[int, int]) -> None:
    stepper = app()
    async with stepper.run_test(size=size):
        stepper.execute("goto 15")
        why = text(stepper, "why").replace("\n", " ")
        assert 'ACK seq 1002 ack 2 is lost: the rule "last ACK, once" …' in why
        assert "FIN-WAIT-2 → TIME-WAIT" in why
        assert "RFC 9293 §3.10.7.4" in why


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_timeout_and_the_round_trip_time_are_in_sight(size: tuple[int, int]) -> None:
    stepper = app()
    async with stepper.run_test(size=size):
        stepper.execute("goto 15")
        for end in ("end-0", "end-1"):
            assert {"rto", "srtt", "cwnd", "ssthresh"} <= set(text(stepper, end).split())


@pytest.mark.parametrize("width", range(30, 130, 3))
def test_the_last_line_holds_whole_keys_and_always_help_and_quit(width: int) -> None:
    shown = keys_for(width)
    assert len(" ".join(f"{key} {words}" for key, words in shown)) <= max(width, 25)
    assert ("?", "help") in shown
    assert ("q", "quit") in shown
