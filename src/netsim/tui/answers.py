"""Answer files of the quiz: reading them, and a grade as text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from netsim.base.errors import InputError, UsageError


def read_answers(path: str) -> list[dict[str, Any]]:
    """The answers of a YAML file: a list with one mapping per segment, or a mapping with `answers:`.

    UsageError: no such file. InputError: it is not of that form, with the line where it can be told.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    try:
        data = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = None if mark is None else mark.line + 1
        raise InputError(f"not YAML: {getattr(error, 'problem', error)}", file=path, line=where) from None
    if isinstance(data, dict):
        data = data.get("answers")
    if not isinstance(data, list) or not all(isinstance(entry, dict) for entry in data):
        raise InputError(
            "a list of answers was expected, one per segment", file=path,
            hint="for example:  - {from: client, flags: SYN, seq: 0, state: SYN-SENT}",
        )  # fmt: skip
    return data


def grade_text(result: dict[str, Any]) -> str:
    """The grade for people."""
    lines = [f"{result['scenario']}: {result['points']} of {result['possible']} points"]
    for question in result["questions"]:
        wrong = [part for part in question["parts"] if not part["right"]]
        if not wrong:
            lines.append(f"  ✓ segment {question['segment']}")
            continue
        for part in wrong:
            lines.append(
                f"  ✗ segment {question['segment']}: {part['key']} is {part['truth']}"
                + (f", not {part['answer']}" if part["answer"] else ", not answered")
            )
        lines.append(f"      {question['why']} {question['source']}".rstrip())
    return "\n".join(lines) + "\n"
