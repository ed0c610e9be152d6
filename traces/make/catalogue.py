"""Loads every module that registers plans."""

from __future__ import annotations

import importlib

MODULES = (
    "plans_open",
    "plans_close",
    "plans_loss",
    "plans_window",
    "plans_path",
    "plans_wrong_data",
    "plans_wrong_form",
    "plans_wrong_more",
)


def load() -> None:
    """Fill :data:`traces.make.plan.PLANS`."""
    for name in MODULES:
        importlib.import_module(f".{name}", __package__)
