"""What `benchmarks/micro.py` measures with."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def timed(benchmark: Any) -> Any:
    """pytest-benchmark's fixture under a name of ours: the tests bring another, which calls its work once."""
    return benchmark
