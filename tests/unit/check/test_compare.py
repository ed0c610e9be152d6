"""Comparing: two columns in order, derived scenarios that run, explanations that are true."""

from __future__ import annotations

from pathlib import Path

import pytest

from netsim.check.compare import Comparison, compare, explain, to_text
from netsim.check.derive import derive
from netsim.check.trace import Trace, from_capture, from_scenario
from netsim.scenario.loader import load
from netsim.scenario.runner import run

TRACES = Path(__file__).parents[3] / "traces" / "linux"
EMPTY = ("connect-timeout.server", "icmp-refused.server")
CAPTURES = [path.stem for path in sorted(TRACES.glob("*.pcap")) if path.stem not in EMPTY]
ALIKE = (
    "all-acks-lost.server", "bare-options.client", "burst-loss.server", "cork.client", "download-loss.client",
    "ecn-quiet.client", "ecn-refused.server", "exchanges.server", "fast-retransmit-ipv6.server",
    "fast-retransmit-no-sack.client", "fast-retransmit-sack.client", "fast-retransmit-sack.server",
    "fin-with-data.client", "half-close.server", "handshake-ipv6.client", "handshake-transfer-teardown.server",
    "jumbo-loss.client", "last-ack-lost.client", "mtu-9000.server", "no-window-scale.client",
    "several-losses-sack.client", "simultaneous-close.client", "tail-loss.client",
)  # fmt: skip
"""Where the model does what the kernel did, segment by segment, once the scenario is derived."""


def against_the_model(name: str) -> tuple[Comparison, str]:
    capture = from_capture(str(TRACES / f"{name}.pcap"))
    text = derive(capture, "derived")
    tap = "server" if capture.connection.vantage == "server" else "client"
    return compare(capture, from_scenario("derived", tap, text=text)), text


def assert_in_order(result: Comparison, a: Trace, b: Trace) -> None:
    left = [pair[0].n for pair in result.pairs if pair[0] is not None]
    right = [pair[1].n for pair in result.pairs if pair[1] is not None]
    assert left == [line.n for line in a.lines]
    assert right == [line.n for line in b.lines]


@pytest.mark.parametrize("name", CAPTURES)
def test_every_derived_scenario_runs_and_both_columns_are_in_order(name: str) -> None:
    result, _ = against_the_model(name)
    assert_in_order(result, result.a, result.b)
    assert explain(result)[0].strip()


@pytest.mark.parametrize("name", ALIKE)
def test_the_model_does_what_the_kernel_did(name: str) -> None:
    result, _ = against_the_model(name)
    assert [difference.to_json() for difference in result.differences] == []


@pytest.mark.parametrize("name", ["fast-retransmit-sack.client", "zero-window.server", "mtu-9000.client"])
def test_an_emitted_scenario_is_a_file_for_netsim_run(name: str, tmp_path: Path) -> None:
    _, text = against_the_model(name)
    file = tmp_path / "derived.yaml"
    file.write_text(text)
    assert run(load(str(file))).recorder.segments


@pytest.mark.parametrize("name", [name[:-7] for name in CAPTURES if name.endswith(".client")][::4])
def test_client_and_server_side_of_one_conversation_stay_in_order(name: str) -> None:
    if f"{name}.server" not in CAPTURES:
        pytest.skip("nothing reached the server")
    a, b = (from_capture(str(TRACES / f"{name}.{side}.pcap")) for side in ("client", "server"))
    assert_in_order(compare(a, b), a, b)


def test_segments_that_crossed_point_at_each_other() -> None:
    result, _ = against_the_model("reorder-acks.client")
    text = to_text(result, 100, everything=True)
    assert "↕" in text
    assert "as 24 of B" in text
    assert "as 15 of A" in text


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("keep-alive.client", "In A the client asks whether its peer is still there (keep-alive); in B it does not."),
        ("reorder-acks.client", "or the ACK was lost before the tap"),
        ("data-after-close.client", "The control bits differ."),
        ("duplicate-acks.client", "In A an ACK comes that says nothing new"),
    ],
)
def test_the_first_divergence_is_explained(name: str, words: str) -> None:
    result, _ = against_the_model(name)
    assert words in explain(result)[-1]
