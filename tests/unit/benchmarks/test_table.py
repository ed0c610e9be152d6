"""The table writer of the benchmarks. Nothing here looks at a clock."""

from __future__ import annotations

import pytest
from benchmarks import table
from benchmarks.table import Row


def _row(case: str, runner: str, *seconds: float, unit: str = "packets") -> Row:
    rounds = [{"work": 1000.0, "seconds": each, "rss_mb": 40.0 + i} for i, each in enumerate(seconds)]
    return Row(case, f"Work {case}", unit, runner, rounds)


def test_rate_is_the_median_of_the_rounds() -> None:
    assert _row("a", "compiled", 1.0, 4.0, 2.0).rate() == 500


def test_ratio_compares_the_same_rounds() -> None:
    """A machine that is busy in the second round is busy for both."""
    assert table.ratio(_row("a", "compiled", 1.0, 10.0, 1.0), _row("a", "tshark", 3.0, 30.0, 3.0)) == 3


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
    page = f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n"
    assert table.insert(page, "new\n") == f"before\n{table.BEGIN}\nnew\n{table.END}\nafter\n"
    with pytest.raises(ValueError, match="markers"):
        table.insert("no markers", "new")


def test_regressions_are_twenty_percent_relative_to_the_yardstick() -> None:
    before = table.baseline_of([_row("a", "compiled", 1.0), _row("yardstick", "interpreted", 1.0)])
    slow_machine = table.baseline_of([_row("a", "compiled", 2.0), _row("yardstick", "interpreted", 2.0)])
    slower = table.baseline_of([_row("a", "compiled", 1.3), _row("yardstick", "interpreted", 1.0)])
    assert table.regressions(slow_machine, before) == []
    assert table.regressions(slower, before) == ["a/compiled: 77% of the baseline's rate"]


def test_rows_survive_storing() -> None:
    rows = [_row("a", "compiled", 1.0, 2.0)]
    assert table.table(table.load_rows(table.dump_rows(rows))) == table.table(rows)
