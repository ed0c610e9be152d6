"""JSON, verdict, pcap, mermaid, SVG and plots of the same hand-made story."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from netsim.base import events as ev
from netsim.base.errors import UsageError
from netsim.base.packet import Segment
from netsim.base.units import MS
from netsim.report.build import ladder_from, make_absolute
from netsim.report.cells import plain
from netsim.report.items import Arrow
from netsim.report.json import Expectation, run_object
from netsim.report.mermaid import escape, mermaid
from netsim.report.pcap import frames_at, tap_host, write_pcap
from netsim.report.plot import plot
from netsim.report.record import Recorder, record
from netsim.report.svg import svg
from netsim.report.verdict import verdict_lines
from tests.unit.report.story import IRS, ISS, Story, last_ack_lost, open_connection, transfer, wrap

HOSTS = ["client", "server"]
PROMISED = {"schema", "scenario", "seed", "passed", "expectations", "endpoints", "segments", "simulated_ns", "wall_s",
            "events", "digest"}  # fmt: skip
PROMISED_SEGMENT = {"n", "sent_ns", "received_ns", "from", "to", "flags", "seq", "ack", "len", "win", "options",
                    "reason", "retransmission", "dropped", "from_state", "to_state"}  # fmt: skip
PROMISED_ENDPOINT = {"states", "final_state", "bytes_sent", "bytes_received", "segments_sent", "retransmissions"}


def as_json(recorder: Recorder, **more: object) -> dict:  # type: ignore[type-arg]
    made = run_object(
        recorder, scenario="story", seed=1, expectations=[Expectation("it ends", True)], simulated_ns=recorder.last_ns,
        wall_s=0.0041234567, **more,  # type: ignore[arg-type]
    )  # fmt: skip
    return json.loads(json.dumps(made))


def test_the_promised_keys_are_there() -> None:
    made = as_json(record(last_ack_lost().events))
    assert made.keys() >= PROMISED
    assert made["schema"] == "netsim.run/1"
    assert made["expectations"] == [{"text": "it ends", "passed": True, "detail": ""}]
    for segment in made["segments"]:
        assert segment.keys() >= PROMISED_SEGMENT
    for endpoint in made["endpoints"].values():
        assert endpoint.keys() >= PROMISED_ENDPOINT


def test_numbers_are_relative_unless_absolute() -> None:
    recorder = record(last_ack_lost().events)
    first, second = as_json(recorder)["segments"][:2]
    assert (first["seq"], first["ack"], second["seq"], second["ack"]) == (0, None, 0, 1)
    first, second = as_json(recorder, absolute=True)["segments"][:2]
    assert (first["seq"], first["ack"], second["seq"], second["ack"]) == (ISS, None, IRS, wrap(ISS + 1))


def test_a_lost_segment_in_json() -> None:
    lost = next(row for row in as_json(record(last_ack_lost().events))["segments"] if row["dropped"])
    assert lost["dropped"] == 'rule "last ACK, once"'
    assert (lost["received_ns"], lost["to_state"], lost["to"], lost["from_state"]) == (
        None,
        None,
        "server",
        "TIME-WAIT",
    )


def test_the_verdict_shows_what_failed() -> None:
    recorder = record(last_ack_lost().events)
    results = [Expectation("no RST", True), Expectation("delivered 2000 bytes", False, "1000 were delivered")]
    text = plain(verdict_lines(recorder, results, recorder.last_ns, None, 80))
    assert " ✗ delivered 2000 bytes\n   1000 were delivered\n" in text
    assert text.endswith(" ✗ 1 of 2 expectations · 11 segments, 1 lost, 1 resent · 122.6 s simulated\n")
    assert "no RST" not in text


def test_absolute_numbers_on_a_ladder() -> None:
    recorder = record(last_ack_lost().events)
    ladder = ladder_from(recorder, HOSTS)
    make_absolute(ladder, recorder)
    arrows = [item for item in ladder.items if isinstance(item, Arrow)]
    assert (arrows[0].seq, arrows[1].ack) == (ISS, wrap(ISS + 1))


# --- captures ---------------------------------------------------------------------------------


def test_each_tap_sees_its_side() -> None:
    recorder = record(last_ack_lost().events)
    client = [t_ns for t_ns, _ in frames_at(recorder, "client")]
    server = [t_ns for t_ns, _ in frames_at(recorder, "server")]
    assert client == sorted(client)
    assert len(client) == 11  # the lost ACK left the client …
    assert len(server) == 10  # … and never came to the server
    assert server[0] == 50 * MS


def test_at_one_instant_arrivals_come_first() -> None:
    recorder = record(last_ack_lost().events)
    flags = [packet.flags_letters() for _, packet in frames_at(recorder, "server") if isinstance(packet, Segment)]
    assert flags[:3] == ["S", "SA", "A"]


def test_an_altered_packet_arrives_altered() -> None:
    story = Story()
    open_connection(story)
    sent = story.send("client", 300, "A", wrap(ISS + 1), IRS + 1)
    altered = sent.copy()
    altered.corrupted = True
    story.events.append(ev.PacketImpaired(300 * MS, "", altered, "link", "corrupt", "bits"))
    story.events.append(ev.PacketDelivered(350 * MS, "server", altered))
    recorder = record(story.events)
    assert not frames_at(recorder, "client")[-1][1].corrupted
    assert frames_at(recorder, "server")[-1][1].corrupted
    assert len(recorder.segments) == 4


def test_which_host_is_tapped() -> None:
    recorder = record(last_ack_lost().events)
    assert tap_host(recorder, HOSTS, None) == "client"
    assert tap_host(recorder, ["a", "b"], None) == "client"
    assert tap_host(recorder, HOSTS, "server") == "server"
    with pytest.raises(UsageError, match="hosts are: client, server"):
        tap_host(recorder, HOSTS, "nobody")


@pytest.mark.tshark
@pytest.mark.parametrize("extension", ["pcap", "pcapng"])
def test_tshark_reads_the_capture(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"story.{extension}"
    assert write_pcap(record(last_ack_lost().events), str(path), "client") == 11
    assert shutil.which("tshark")
    done = subprocess.run(
        ["tshark", "-n", "-r", str(path), "-o", "tcp.check_checksum:TRUE", "-T", "fields", "-e", "tcp.checksum.status",
         "-e", "tcp.flags.syn", "-e", "_ws.malformed"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [row[0] for row in rows] == ["1"] * 11
    assert not any(row[2] for row in rows)


# --- pictures ---------------------------------------------------------------------------------


def test_mermaid_has_a_line_per_segment() -> None:
    text = mermaid(ladder_from(record(last_ack_lost().events), HOSTS))
    assert text.startswith("sequenceDiagram\n")
    assert len(re.findall(r"^    [LR](?:->>|-x)[LR]: ", text, re.MULTILINE)) == 11
    assert len(re.findall(r"^    L-xR: .*✗ dropped by rule", text, re.MULTILINE)) == 1
    assert "participant L as client" in text


def test_mermaid_text_is_escaped() -> None:
    assert escape('a;b #1 <x> "q" end') == "a#59;b #35;1 #lt;x#gt; #quot;q#quot; #101;nd"
    for line in mermaid(ladder_from(record(last_ack_lost().events), HOSTS)).splitlines():
        assert not re.search(r";", re.sub(r"#\w+;", "", line)), line


def test_svg_is_well_formed_and_complete() -> None:
    ladder = ladder_from(record(last_ack_lost().events), HOSTS)
    ladder.title = "<&> a title"
    root = ET.fromstring(svg(ladder))
    space = "{http://www.w3.org/2000/svg}"
    arrows = [line for line in root.iter(f"{space}line") if line.get("class") == "a"]
    assert len(arrows) == 11
    texts = ["".join(text.itertext()) for text in root.iter(f"{space}text")]
    assert "<&> a title" in texts
    for state in ("SYN-SENT", "LAST-ACK", "TIME-WAIT"):
        assert state in texts
    assert any("dropped by rule" in text for text in texts)


def test_the_last_line_of_the_verdict_is_no_wider_than_the_rest() -> None:
    story = Story()
    open_connection(story)
    made = verdict_lines(record(story.events), [Expectation("it ends", True)] * 1000, 2**60, 4321.5, 50)
    texts = [plain([each]).rstrip("\n") for each in made]
    assert texts[-2:] == [" ✓ 1,000 of 1,000 expectations · 3 segments ·", "   1152921504.6 s simulated in 4321.5 s"]


def test_a_long_title_goes_on_below_in_the_svg() -> None:
    ladder = ladder_from(record(last_ack_lost().events), HOSTS)
    short = ET.fromstring(svg(ladder))
    ladder.title = "word " * 40
    long = ET.fromstring(svg(ladder))
    texts = [each for each in long.iter("{http://www.w3.org/2000/svg}text") if each.get("class") == "title"]
    titles = [each for each in texts if "word" in (each.text or "")]
    assert " ".join(each.text or "" for each in titles) == ladder.title.strip()
    assert len(titles) == 3
    assert all(len(each.text or "") * 9.65 < 1000 - 40 for each in titles), "bold 16 px: 9.65 px a character"
    assert int(long.get("height", "")) - int(short.get("height", "")) == 2 * 22


def test_what_arrives_at_one_instant_ends_below_each_other_in_the_svg() -> None:
    story = Story()
    first = story.send("client", 0, "S", 5, state="SYN-SENT")
    second = story.send("client", 10, "S", 5, state="SYN-SENT")
    story.arrive(first, 50, before="LISTEN", after="SYN-RECEIVED")
    story.arrive(second, 50, before="SYN-RECEIVED", after="SYN-RECEIVED")
    root = ET.fromstring(svg(ladder_from(record(story.events), HOSTS)))
    lines = [line for line in root.iter("{http://www.w3.org/2000/svg}line") if line.get("class") == "a"]
    ends = [float(line.get("y2", "")) for line in lines[-2:]]
    assert ends[0] < ends[1]


def test_crossing_segments_cross_in_the_svg() -> None:
    story = Story()
    first = story.send("client", 0, "S", 5, state="SYN-SENT")
    second = story.send("server", 10, "S", 9, state="SYN-SENT")
    story.arrive(first, 50, before="SYN-SENT", after="SYN-RECEIVED")
    story.arrive(second, 60, before="SYN-SENT", after="SYN-RECEIVED")
    root = ET.fromstring(svg(ladder_from(record(story.events), HOSTS)))
    lines = [line for line in root.iter("{http://www.w3.org/2000/svg}line") if line.get("class") == "a"]
    (a, b) = ((float(line.get("y1", 0)), float(line.get("y2", 0))) for line in lines)
    assert a[0] < b[0] < a[1] < b[1]


def test_plots(tmp_path: Path) -> None:
    story = Story()
    open_connection(story)
    transfer(story, 1000, 20)
    recorder = record(story.events)
    plot(recorder, str(tmp_path / "a.svg"), title="story")
    plot(recorder, str(tmp_path / "b.svg"), title="story")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    plot(recorder, str(tmp_path / "a.png"))
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("name", "connection"), [("a.gif", None), ("a", None), ("a.png", 7)])
def test_what_cannot_be_plotted_is_a_usage_error(tmp_path: Path, name: str, connection: int | None) -> None:
    with pytest.raises(UsageError):
        plot(record(last_ack_lost().events), str(tmp_path / name), connection=connection)
    assert not list(tmp_path.iterdir())


def test_nothing_to_plot(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to plot"):
        plot(Recorder(), str(tmp_path / "a.png"))
