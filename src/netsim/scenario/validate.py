"""Checks a scenario's data against the published schema, and says what is wrong for people."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from netsim.base.errors import ScenarioError
from netsim.base.hints import did_you_mean

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

    from netsim.scenario.yamltree import Path, Source


@lru_cache(maxsize=1)
def schema() -> dict[str, Any]:
    """The published schema of scenario files (`scenario/schema.json`)."""
    text = (FilePath(__file__).parent / "schema.json").read_text(encoding="utf-8")
    result: dict[str, Any] = json.loads(text)
    return result


def resolve(spec: dict[str, Any]) -> dict[str, Any]:
    """`spec`, or what its `$ref` points to with the description of `spec`."""
    while "$ref" in spec:
        target: Any = schema()
        for part in spec["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        merged = dict(target)
        if "description" in spec:
            merged["description"] = spec["description"]
        spec = merged
    return spec


def one_of(what: str, word: str, known: list[str]) -> str:
    """A hint: `hosts are: client, server. Did you mean 'server'?`."""
    shown = ", ".join(known[:20]) + (", ..." if len(known) > 20 else ".")
    return f"{what}: {shown}{did_you_mean(word, known)}" if known else f"there are no {what.split(maxsplit=1)[0]}"


def validate(source: Source) -> None:
    """ScenarioError for the first place (in the order of the file) where the data breaks the schema."""
    import jsonschema

    validator = jsonschema.Draft202012Validator(schema())
    worst: tuple[tuple[int, int], ScenarioError] | None = None
    for number, error in enumerate(validator.iter_errors(source.data)):
        found = explain(source, error)
        rank = (found.line or 0, found.column or 0)
        if worst is None or rank < worst[0]:
            worst = (rank, found)
        if number > 200:
            break
    if worst is not None:
        raise worst[1]


_TYPE_WORDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
    "null": "nothing",
}


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = str(value)
    return f"'{text[:40]}{'...' if len(text) > 40 else ''}'"


def _name(path: Path) -> str:
    """How to call the thing at `path`: the last key, `item 2 of script`."""
    if not path:
        return "the scenario"
    last = path[-1]
    if isinstance(last, str):
        return f"'{last}'"
    return f"item {last + 1} of {_name(path[:-1])}"


def explain(source: Source, error: ValidationError, base: Path = ()) -> ScenarioError:
    """One error of the schema for people; `base` is where the checked data stands in the file."""
    path: Path = (*base, *error.absolute_path)
    rule = str(error.validator)
    value: Any = error.instance
    spec: Any = error.schema
    if rule == "additionalProperties":
        known = list(spec.get("properties", {}))
        extra = next(key for key in value if key not in known)
        return source.error_at((*path, extra), f"unknown key '{extra}' in {_name(path)}",
                               one_of("keys are", extra, known), key=True)  # fmt: skip
    if rule == "required":
        missing = next(key for key in spec["required"] if key not in value)
        return source.error_at(path, f"{_name(path)} has no '{missing}'", f"add '{missing}:'")
    if rule == "type":
        wanted = spec["type"] if isinstance(spec["type"], list) else [spec["type"]]
        words = " or ".join(_TYPE_WORDS[kind] for kind in wanted)
        return source.error_at(path, f"{_name(path)} must be {words}, not {_shown(value)}", _example(spec))
    if rule == "enum":
        known = [str(item) for item in spec["enum"]]
        return source.error_at(path, f"{_name(path)} cannot be {_shown(value)}", one_of("one of", str(value), known))
    if "propertyNames" in error.absolute_schema_path:
        message = f"'{str(value)[:60]}' cannot be a name here"
        return source.error_at((*path, value), message, _pattern_hint(spec), key=True)
    if rule == "pattern":
        return source.error_at(path, f"{_name(path)} cannot be {_shown(value)}", _pattern_hint(spec))
    return source.error_at(path, *_limits(rule, path, value, spec))


def _example(spec: dict[str, Any]) -> str | None:
    examples = spec.get("examples")
    if examples:
        return "for example " + " or ".join(str(item) for item in examples[:2])
    return None


def _pattern_hint(spec: dict[str, Any]) -> str:
    if "!" in str(spec.get("pattern", "")):
        return "write control bits as SYN, 'FIN,ACK', 'SYN,!ACK' or '=ACK'"
    if str(spec.get("pattern", "")).startswith("^!?(mss"):
        return "options are mss, ws, sack-ok, ts, sack, dsack, tfo, md5"
    return "lower-case letters, digits and single hyphens or underscores, a letter first"


def _limits(rule: str, path: Path, value: Any, spec: dict[str, Any]) -> tuple[str, str]:
    name = _name(path)
    if rule == "minimum":
        return f"{name} cannot be {value}", f"at least {spec['minimum']}"
    if rule == "maximum":
        return f"{name} cannot be {value}", f"at most {spec['maximum']}"
    if rule == "minItems":
        return f"{name} has too few items", f"at least {spec['minItems']}"
    if rule == "maxItems":
        return f"{name} has too many items", f"at most {spec['maxItems']}"
    if rule == "minProperties":
        return f"{name} is empty", f"at least {spec['minProperties']} is needed"
    if rule == "maxProperties":
        return f"{name} has too many entries", f"at most {spec['maxProperties']}"
    if rule == "minLength":
        return f"{name} is empty", "write something"
    if rule == "maxLength":
        return f"{name} is too long", f"at most {spec['maxLength']} characters"
    return f"{name} breaks the schema ({rule})", "see docs/scenarios.md"
