"""Draws the stepper's screens into docs/screens and writes the golden text of the scripted session.

Run it after a change of what they show: `python scripts/step_screens.py`.
"""

from __future__ import annotations

import asyncio
import io
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from netsim.tui.app import Stepper  # noqa: E402
from netsim.tui.opening import open_debugger  # noqa: E402
from netsim.tui.plain import session  # noqa: E402

SCREENS = ROOT / "docs" / "screens"
SESSION = ROOT / "tests" / "unit" / "step" / "session.txt"

SHOTS: dict[str, tuple[str, tuple[int, int], str, list[str], list[str]]] = {
    # name: what is stepped through, size, theme, commands, keys
    "handshake": ("three-way-handshake", (80, 24), "dark", ["goto 4"], []),
    "teardown": ("four-way-teardown", (80, 24), "light", ["search TIME-WAIT"], []),
    "last-ack-lost": ("last-ack-lost", (120, 40), "dark", ["goto 17"], []),
    "what-if": ("last-ack-lost", (80, 24), "dark", ["goto 17"], ["f"]),
    "branch": ("last-ack-lost", (120, 40), "light", ["goto 17", "drop 11", "next", "next"], []),
    "compare": ("last-ack-lost", (80, 24), "dark", ["goto 17", "drop 11"], ["x"]),
    "break-backwards": ("last-ack-lost", (80, 24), "dark", ["break client.state == TIME-WAIT", "end", "reverse"], []),
    "capture": ("traces/loopback-half-close.pcap", (80, 24), "dark", ["goto 6"], []),
}


async def shoot(name: str) -> str:
    """One screen as SVG."""
    source, size, theme, commands, keys = SHOTS[name]
    path = str(ROOT / source) if "/" in source else source
    app = Stepper(open_debugger(path), theme_name=theme)
    async with app.run_test(size=size, notifications=False) as pilot:
        for command in commands:
            app.execute(command)
            await pilot.pause()
        app.clear_notifications()
        if keys:
            await pilot.press(*keys)
        await pilot.pause(0.3)
        return _settled(app.export_screenshot(title=f"netsim step {Path(source).name}"))


_PIECE = re.compile(r'x="([0-9.]+)" y="([0-9.]+)" textLength="([0-9.]+)"([^>]*)>((?:&#160;)+)')


def _settled(svg: str) -> str:
    """Leading spaces as a place instead of as text: some renderers drop them."""

    def moved(found: re.Match[str]) -> str:
        shift = 12.2 * len(found[5]) / len("&#160;")
        x, length = float(found[1]) + shift, float(found[3]) - shift
        return f'x="{x:.1f}" y="{found[2]}" textLength="{length:.1f}"{found[4]}>'

    return _PIECE.sub(moved, svg)


def golden() -> str:
    """The scripted session's text."""
    out = io.StringIO()
    with SESSION.open(encoding="utf-8") as commands:
        session(open_debugger("last-ack-lost"), commands, out)
    return out.getvalue()


def main() -> None:
    """Write everything."""
    SCREENS.mkdir(parents=True, exist_ok=True)
    for name in SHOTS:
        (SCREENS / f"{name}.svg").write_text(asyncio.run(shoot(name)), encoding="utf-8")
    (SESSION.parent / "session.golden.txt").write_text(golden(), encoding="utf-8")


if __name__ == "__main__":
    main()
