"""Shared switches of the test suite."""

from __future__ import annotations

import os
import shutil
import sys

import pytest
from hypothesis import settings

# No deadlines: a loaded machine is not a failure. CI always tries the same examples.
settings.register_profile("netsim", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("netsim")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", default=False, help="run the long property and fuzz tests")


def _skip_reasons() -> dict[str, str | None]:
    kernel = None
    if sys.platform != "linux" or os.geteuid() != 0:
        kernel = "needs root on Linux"
    elif shutil.which("ip") is None:
        kernel = "needs the ip command (iproute2)"
    tshark = None if shutil.which("tshark") else "needs tshark"
    return {"kernel": kernel, "tshark": tshark}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    reasons = _skip_reasons()
    long_mode = config.getoption("--long")
    for item in items:
        if "long" in item.keywords and not long_mode:
            item.add_marker(pytest.mark.skip(reason="long mode only (--long)"))
        for marker, reason in reasons.items():
            if marker in item.keywords and reason:
                item.add_marker(pytest.mark.skip(reason=reason))
