"""The table writer of the benchmarks. Nothing here looks at a clock."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from benchmarks import __main__ as command
from benchmarks import cases, table, targets
from benchmarks.table import Row


def _row(case: str, runner: str, *seconds: float, unit: str = "packets") -> Row:
    rounds = [{"round": i, "work": 1000.0, "seconds": each, "rss_mb": 40.0 + i} for i, each in enumerate(seconds)]
    return Row("family", case, f"Work {case}", unit, runner, rounds)


def test_rate_is_the_median_of_the_rounds() -> None:
    assert _row("a", "compiled", 1.0, 4.0, 2.0).rate() == 500


def test_ratio_compares_the_same_rounds() -> None:
    """A machine that is busy in the second round is busy for both."""
    assert table.ratio(_row("a", "compiled", 1.0, 10.0, 1.0), _row("a", "tshark", 3.0, 30.0, 3.0)) == 3


def test_ratio_leaves_out_rounds_that_one_of_them_lacks() -> None:
    one, other = _row("a", "compiled", 1.0, 1.0, 1.0), _row("a", "tshark", 2.0, 50.0, 2.0)
    del one.rounds[1]
    assert table.ratio(one, other) == 2
    other.rounds = [each for each in other.rounds if each["round"] == 1]
    with pytest.raises(KeyError):
        table.ratio(one, other)


@pytest.mark.parametrize(("value", "shown"), [(128_437.2, 128_000), (999.6, 1000), (12.4, 12), (1_234_567, 1_230_000)])
def test_three_significant_digits(value: float, shown: int) -> None:
    assert table.significant(value) == shown


def test_table_names_the_work_once_and_compares_peers_with_every_build() -> None:
    rows = [_row("a", "interpreted", 2.0), _row("a", "compiled", 0.5), _row("a", "tshark", 4.0)]
    lines = table.table(rows).splitlines()[2:]
    assert lines == [
        "| Work a | **netsim, interpreted** | 500 packets/s |  | 40 MB |",
        "|  | **netsim, compiled** | 2,000 packets/s |  | 40 MB |",
        "|  | tshark | 250 packets/s | 2.0x (interpreted), 8.0x (compiled) | 40 MB |",
    ]


def test_start_up_is_shown_as_time() -> None:
    assert _row("help", "interpreted", 0.125, unit="s").figure() == "0.12 s"


def test_insert_replaces_only_what_is_between_the_markers() -> None:
    begin, end = table.BEGIN.format("rates"), table.END.format("rates")
    page = f"before\n{begin}\nold\n{end}\nafter\n"
    assert table.insert(page, "rates", "new\n") == f"before\n{begin}\nnew\n{end}\nafter\n"
    with pytest.raises(ValueError, match="markers"):
        table.insert(page, "targets", "new")


def test_the_page_has_both_places() -> None:
    page = (Path(__file__).parents[3] / "docs" / "performance.md").read_text(encoding="utf-8")
    for name in ("benchmarks", "targets"):
        assert "\nnew\n" in table.insert(page, name, "new")


def test_regressions_are_twenty_percent_relative_to_the_yardstick() -> None:
    before = table.baseline_of([_row("a", "compiled", 1.0), _row("yardstick", "interpreted", 1.0)])
    slow_machine = table.baseline_of([_row("a", "compiled", 2.0), _row("yardstick", "interpreted", 2.0)])
    slower = table.baseline_of([_row("a", "compiled", 1.3), _row("yardstick", "interpreted", 1.0)])
    assert table.regressions(slow_machine, before) == []
    assert table.regressions(slower, before) == ["a/compiled: 77% of the baseline's rate"]


def test_targets_say_by_how_much() -> None:
    rows = [_row("help", "interpreted", 0.05, unit="s"), _row("help", "compiled", 0.4, unit="s")]
    rows += [_row("bulk", "interpreted", 1.0), _row("bulk", "compiled", 0.08), _row("bulk", "ns-3", 1.0)]
    lines = targets.table(rows).splitlines()[2:]
    assert lines == [
        "| `bulk` | 25,000 segments/s | **short**: 1,000 packets/s "
        "| 250,000 segments/s | **short**: 12,500 packets/s |",
        "| `bulk`, beside ns-3 | at least 1x | yes: 1.0x | at least 10x | yes: 12x |",
        "| `netsim --help` | 0.3 s | yes: 0.05 s | 0.3 s | **short**: 0.40 s |",
    ]


def test_every_row_that_a_target_needs_is_measured(tmp_path: Path) -> None:
    """A target whose case has another name by now would be left out of the table without a word."""
    rows = [
        Row(
            "f",
            case.name,
            "",
            case.unit,
            name,
            [{"round": 0, "work": 1.0, "seconds": 1.0, "bytes_each": 1.0, "rss_mb": 1.0}],
        )
        for case in cases.all_cases(["src"], tmp_path, 0.0001, list(cases.FAMILIES))
        for name in ("interpreted", "compiled", "ns-3", "tshark -z expert,tcp")
    ]
    assert "not measured" not in targets.table(rows)
    assert len(targets.table(rows).splitlines()) == 2 + len(targets.TARGETS["compiled"])


@pytest.mark.parametrize(("stored", "now", "code"), [(1.0, 0.81, 0), (1.0, 0.79, 1)])
def test_the_comparison_shows_a_loss_of_twenty_percent(
    stored: float, now: float, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    baseline = tmp_path / "baseline.json"
    baseline.write_text(json.dumps({"scale": 1.0, "rates": {"bulk/compiled": stored}}), encoding="utf-8")
    monkeypatch.setattr(command, "BASELINE", baseline)
    assert command.hold_against_baseline({"bulk/compiled": now}, 1.0) == code
    assert command.hold_against_baseline({"bulk/compiled": now}, 0.5) == 2


def test_rows_survive_storing() -> None:
    rows = [_row("a", "compiled", 1.0, 2.0)]
    assert table.table(table.load_rows(table.dump_rows(rows))) == table.table(rows)


def test_the_stored_baseline_can_be_compared_with() -> None:
    stored = json.loads(command.BASELINE.read_text(encoding="utf-8"))
    assert command.hold_against_baseline(stored["rates"], stored["scale"]) == 0
    halved = {name: rate / 2 for name, rate in stored["rates"].items()}
    assert command.hold_against_baseline(halved, stored["scale"]) == 1
    assert len(halved) > 10
