"""Whatever bytes stand in a capture file, checking it ends with a report or one clear error, never a traceback.

In time and memory too: no file may take seconds, nor make the process grow.
"""

from __future__ import annotations

import gzip
import json
import random
import resource
import time
from pathlib import Path

import pytest

from netsim.base.errors import CaptureError
from netsim.capture.reader import CaptureReader
from netsim.capture.writer import PcapngWriter
from netsim.check.command import live_report
from netsim.check.engine import check_file
from netsim.check.outputs import comments, json_parts, to_junit, to_sarif
from netsim.check.rules import RULES

TRACES = Path(__file__).parents[2] / "traces"
_SECONDS = 3.0
"""CPU time of one file of 60 kB at most: a hundred times what is usual."""
_GROWTH_KB = 60_000


def _as_pcapng(path: Path, target: Path) -> bytes:
    """The same frames in the newer format."""
    with CaptureReader(str(path)) as reader:
        frames = list(reader)
        writer = PcapngWriter(str(target), reader.interfaces[0].linktype)
    for frame in frames:
        writer.write(frame.t_ns, frame.data, frame.wire_len)
    writer.close()
    return target.read_bytes()


def _mutate(data: bytes, other: bytes, chance: random.Random) -> bytes:
    """Flip bits, cut, splice, repeat, overwrite; now and then several, or inside gzip."""
    broken = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        if len(broken) < 48:
            break
        kind = chance.randrange(8)
        start = 24 if chance.random() < 0.9 else 0
        place = chance.randrange(start, len(broken))
        if kind <= 2:
            for _ in range(chance.choice((1, 3, 20, 200))):
                broken[chance.randrange(start, len(broken))] ^= 1 << chance.randrange(8)
        elif kind == 3:
            del broken[place:]
        elif kind == 4:
            broken[place:place] = other[chance.randrange(len(other)) :][:2000]
        elif kind == 5:
            broken[place : place + chance.randrange(1, 400)] = chance.randbytes(chance.randrange(1, 400))
        elif kind == 6:
            broken[place:place] = broken[place : place + chance.randrange(1, 3000)]
        else:
            value = chance.choice((0, 1, 2**31 - 1, 2**31, 2**32 - 1, chance.randrange(2**32), chance.randrange(300)))
            broken[place : place + 4] = value.to_bytes(4, chance.choice(("little", "big")))
    if chance.random() < 0.05:
        packed = bytearray(gzip.compress(bytes(broken), 1, mtime=0))
        if chance.random() < 0.5:
            packed[chance.randrange(len(packed))] ^= 1 << chance.randrange(8)
        return bytes(packed)
    return bytes(broken)


def _outputs(path: Path) -> None:
    """Every way to say what was found."""
    report = check_file(str(path))
    json.loads("".join(json_parts([report])))
    text, _ = live_report(report)
    assert text
    to_junit([report], RULES)
    to_sarif([report], RULES)
    comments(report)


def _run(count: int, seed: int, folder: Path) -> None:
    files = [path for path in sorted(TRACES.rglob("*.pcap*")) if 100 < path.stat().st_size < 60_000]
    chance = random.Random(seed)
    contents = [path.read_bytes() for path in files]
    contents += [_as_pcapng(path, folder / "whole.pcapng") for path in files[::3] if path.suffix == ".pcap"]
    target = folder / "broken.pcap"
    before = 0
    for number in range(count):
        target.write_bytes(_mutate(chance.choice(contents), chance.choice(contents), chance))
        start = time.process_time()
        message = ""
        try:
            _outputs(target)
        except CaptureError as error:
            message = str(error)
        except Exception as error:
            raise AssertionError(f"seed {seed}, file {number}: {error!r}") from error
        assert "\n" not in message
        took = time.process_time() - start
        assert took < _SECONDS, f"seed {seed}, file {number} took {took:.1f} s"
        if number == min(300, count // 2):
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < _GROWTH_KB, f"seed {seed}: grew by {grown} kB"


def test_some_broken_files(tmp_path: Path) -> None:
    _run(300, 1, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 12))
def test_a_hundred_thousand_broken_files(seed: int, tmp_path: Path) -> None:
    _run(10_000, seed, tmp_path)
