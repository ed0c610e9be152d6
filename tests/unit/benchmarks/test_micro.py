"""Every micro-benchmark, once, without a clock: they call what is there, and it answers as they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from benchmarks.micro import *  # noqa: F403


@pytest.fixture
def timed() -> Callable[[Callable[[], Any]], Any]:
    """Instead of the fixture that measures: calls it once."""

    def once(work: Callable[[], Any]) -> Any:
        return work()

    return once
