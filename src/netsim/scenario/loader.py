"""Loads scenarios: a file or a built-in name, in; a checked `Scenario`, out."""

from __future__ import annotations

import sys
from pathlib import Path as FilePath
from typing import Any

from netsim.base.errors import ScenarioError, UsageError
from netsim.base.hints import did_you_mean
from netsim.capture.bytestream import CAPTURE_MAGIC
from netsim.scenario import catalog
from netsim.scenario.build import Parameters, build_world
from netsim.scenario.build_expect import build_expectations
from netsim.scenario.build_script import build_faults, build_script
from netsim.scenario.model import Scenario
from netsim.scenario.reader import Reader
from netsim.scenario.validate import validate
from netsim.scenario.yamltree import MAX_BYTES, Source, parse


def load(path_or_name: str, overrides: dict[str, str] | None = None, *, profile: str | None = None) -> Scenario:
    """The scenario of that name, or in that file, with `overrides` for its parameters.

    A text with a slash, a dot or the ending .yaml is a file; else a built-in name; else a file.
    `profile` ("rfc", "linux", "freebsd") replaces every host's.
    Raises ScenarioError (the file is wrong), UsageError (no such scenario, a bad override).
    """
    file, raw, builtin = _find(path_or_name)
    return load_text(raw, file, overrides, profile=profile, trusted=builtin)


def load_text(
    raw: bytes,
    file: str = "scenario.yaml",
    overrides: dict[str, str] | None = None,
    *,
    profile: str | None = None,
    trusted: bool = False,
) -> Scenario:
    """The scenario in `raw`. `trusted`: the schema was checked before (built-in scenarios: by the tests)."""
    source = parse(file, raw)
    if not trusted:
        validate(source)
    return _build(source, overrides or {}, profile, trusted)


def _build(source: Source, overrides: dict[str, str], profile: str | None, trusted: bool) -> Scenario:
    data: dict[str, Any] = source.data
    parameters = Parameters(source, overrides)
    scenario = Scenario(data.get("name") or FilePath(source.file).stem, source.file)
    scenario.title = data.get("title", "")
    scenario.lesson = " ".join(data.get("lesson", "").split())
    scenario.source = data.get("source", "")
    scenario.topic = data.get("topic", "other")
    scenario.seed = data.get("seed", 1)
    scenario.ip_version = data.get("ip", 4)
    scenario.parameters = dict(parameters.texts)
    reader = Reader(source, parameters.values)
    reader.trusted = trusted
    if "until" in data:
        scenario.until_ns = reader.duration(("until",), data["until"], positive=True)
    build_world(reader, scenario, parameters, profile)
    build_script(reader, scenario)
    build_faults(reader, scenario)
    build_expectations(reader, scenario)
    return scenario


def _find(path_or_name: str) -> tuple[str, bytes, bool]:
    """Find the name for messages, the content, and whether it is built in."""
    if path_or_name == "-":
        return "standard input", sys.stdin.buffer.read(MAX_BYTES + 1), False
    path = FilePath(path_or_name)
    looks_like_file = "/" in path_or_name or "\\" in path_or_name or path.suffix in (".yaml", ".yml")
    if not looks_like_file:
        builtin = catalog.path_of(path_or_name)
        if builtin is not None:
            return f"{path_or_name}.yaml", builtin.read_bytes(), True
        if path_or_name and path.is_dir():
            raise UsageError(f"{path_or_name}: it is a folder, and no scenario is called so")
        if not path.is_file():
            names = catalog.names()
            hint = did_you_mean(path_or_name, names).strip()
            raise UsageError(f"no scenario '{path_or_name}', and no such file. {hint}".strip()
                             + "\n  `netsim scenarios` lists the built-in ones")  # fmt: skip
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except IsADirectoryError:
        raise ScenarioError("it is a folder", file=path_or_name, hint="name a scenario file") from None
    except FileNotFoundError:
        raise UsageError(f"{path_or_name}: no such file") from None
    except (OSError, ValueError) as error:
        raise ScenarioError(f"cannot be read: {getattr(error, 'strerror', None) or error}", file=path_or_name) from None
    if content[:4] in CAPTURE_MAGIC:
        raise UsageError(f"{path_or_name}: it is a capture; look at it with `netsim check {path_or_name}`")
    return path_or_name, content, False
