"""The table of requirements is complete, and the page generated from it is up to date."""

from .requirements import NOT_APPLICABLE, RECOMMENDED, RECOMMENDED_SCRIPTS, TEXT
from .table import PAGE, ROOT, pinned_by_tests, render


def test_every_label_is_there() -> None:
    assert {f"MUST-{n}" for n in range(1, 70)} | {f"SHLD-{n}" for n in range(1, 32)} == set(TEXT)


def test_every_requirement_is_pinned_or_explained() -> None:
    pinned = pinned_by_tests()
    missing = [label for label in TEXT if label not in pinned and label not in NOT_APPLICABLE]
    assert missing == []


def test_every_recommendation_is_pinned() -> None:
    pinned = pinned_by_tests()
    assert [section for section in RECOMMENDED if section not in pinned] == []
    scripts = [name for names in RECOMMENDED_SCRIPTS.values() for name in names]
    assert [name for name in scripts if not (ROOT / "tests" / "packetdrill" / f"{name}.pkt").is_file()] == []


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), "run: python -m tests.conformance.table"
