"""Whatever bytes stand in a capture file, checking it ends with a report or one clear error, never a traceback."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from netsim.base.errors import CaptureError
from netsim.check.engine import check_file, report_json

TRACES = Path(__file__).parents[2] / "traces"


def _mutate(data: bytes, other: bytes, chance: random.Random) -> bytes:
    """Flip bits, cut, splice, repeat, swap."""
    broken = bytearray(data)
    kind = chance.randrange(6)
    start = 24 if chance.random() < 0.9 else 0
    if kind <= 2:
        for _ in range(chance.choice((1, 3, 20, 200))):
            broken[chance.randrange(start, len(broken))] ^= 1 << chance.randrange(8)
    elif kind == 3:
        del broken[chance.randrange(start, len(broken)) :]
    elif kind == 4:
        place = chance.randrange(start, len(broken))
        broken[place:place] = other[chance.randrange(len(other)) :][:2000]
    else:
        place = chance.randrange(start, len(broken))
        size = chance.randrange(1, 400)
        broken[place : place + size] = chance.randbytes(size)
    return bytes(broken)


def _run(count: int, seed: int, tmp_path: Path) -> None:
    files = [path for path in sorted(TRACES.rglob("*.pcap*")) if 100 < path.stat().st_size < 60_000]
    chance = random.Random(seed)
    contents = [path.read_bytes() for path in files]
    target = tmp_path / "broken.pcap"
    for _ in range(count):
        target.write_bytes(_mutate(chance.choice(contents), chance.choice(contents), chance))
        message = ""
        try:
            json.dumps(report_json(check_file(str(target))))
        except CaptureError as error:
            message = str(error)
        assert "\n" not in message


def test_some_broken_files(tmp_path: Path) -> None:
    _run(400, 1, tmp_path)


@pytest.mark.long
def test_a_hundred_thousand_broken_files(tmp_path: Path) -> None:
    _run(100_000, 2, tmp_path)
