"""The report for programs: JSON, JUnit XML, SARIF, the baseline file, comments for Wireshark."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from xml.sax.saxutils import escape, quoteattr

from netsim.base.errors import InputError
from netsim.check.engine import connection_json, finding_json, head_json
from netsim.check.model import DEVIATION, ERROR, Finding, Rule

if TYPE_CHECKING:
    from netsim.check.engine import Report
    from netsim.check.summary import ConnReport

BASELINE_SCHEMA: Final = "netsim.baseline/1"
_LEVELS: Final = {ERROR: "error", DEVIATION: "warning"}


def json_parts(reports: list[Report]) -> Iterator[str]:
    """As promised for `netsim check --format json`, in pieces: there may be very many connections."""
    yield '{"schema": "netsim.check/1", "captures": ['
    for number, report in enumerate(reports):
        yield (", " if number else "") + json.dumps(head_json(report))[:-1] + ', "connections": ['
        for place, connection in enumerate(report.connections):
            yield (", " if place else "") + json.dumps(connection_json(connection))
        found = [finding_json(finding) for finding in report.capture_findings]
        yield f'], "findings": {json.dumps(found)}}}' if found else "]}"
    yield "]}\n"


def to_json(reports: list[Report]) -> str:
    """All of `json_parts`."""
    return "".join(json_parts(reports))


def where(report: Report, finding: Finding) -> str:
    """`connection 3, client 10.0.0.1:40000`."""
    connection = connection_of(report, finding)
    if connection is None:
        return "capture"
    if not finding.side:
        return f"connection {connection.ident}"
    end = connection.client if finding.side == "client" else connection.server
    return f"connection {connection.ident}, {finding.side} {end.addr}:{end.port}"


def connection_of(report: Report, finding: Finding) -> ConnReport | None:
    """The connection a finding belongs to."""
    return None if finding.connection < 0 else report.connections[finding.connection]


def to_junit(reports: list[Report], rules: tuple[Rule, ...]) -> str:
    """One test suite per capture, one test case per rule; a finding that counts is a failure."""
    out = ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>"]
    for report in reports:
        by_code: dict[str, list[Finding]] = {}
        for finding in report.each_finding():
            by_code.setdefault(finding.meta.code, []).append(finding)
        failures = sum(
            1 for found in by_code.values() if any(f.meta.severity in _LEVELS and not f.meta.off for f in found)
        )
        out.append(f'  <testsuite name={quoteattr(report.path)} tests="{len(rules)}" failures="{failures}">')
        for rule in rules:
            found = by_code.get(rule.meta.code, [])
            name = quoteattr(f"{rule.meta.code} {rule.meta.name}")
            if not found:
                out.append(f'    <testcase classname="netsim.check" name={name}/>')
                continue
            out.append(f'    <testcase classname="netsim.check" name={name}>')
            fails = rule.meta.severity in _LEVELS and not rule.meta.off
            tag = "failure" if fails else "system-out"
            first = f" message={quoteattr(found[0].message)}" if fails else ""
            lines = [f"frame {f.frames[0] if f.frames else '-'}: {where(report, f)}: {f.message}" for f in found]
            out.append(f"      <{tag}{first}>{escape(chr(10).join(lines))}</{tag}>")
            out.append("    </testcase>")
        out.append("  </testsuite>")
    out.append("</testsuites>")
    return "\n".join(out) + "\n"


def to_sarif(reports: list[Report], rules: tuple[Rule, ...]) -> str:
    """SARIF 2.1.0; a frame number stands where a source file has its line."""
    from netsim import __version__

    described = [
        {
            "id": rule.meta.code,
            "name": "".join(word.capitalize() for word in rule.meta.name.split("-")),
            "shortDescription": {"text": rule.meta.name.replace("-", " ")},
            "fullDescription": {"text": rule.meta.summary},
            "help": {"text": rule.meta.page, "markdown": rule.meta.page},
            "defaultConfiguration": {"level": _LEVELS.get(rule.meta.severity, "note")},
        }
        for rule in rules
    ]
    results: list[dict[str, Any]] = []
    for report in reports:
        for finding in report.each_finding():
            frames = finding.frames[:10] or [1]
            results.append(
                {
                    "ruleId": finding.meta.code,
                    "level": _LEVELS.get(finding.meta.severity, "note"),
                    "message": {"text": f"{where(report, finding)}: {finding.message}"},
                    "locations": [
                        {
                            "physicalLocation": {
                                "artifactLocation": {"uri": report.path},
                                "region": {"startLine": frame},
                            }
                        }
                        for frame in frames
                    ],
                    "properties": {"confidence": finding.confidence, "frames": finding.frames},
                }
            )
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {"tool": {"driver": {"name": "netsim", "version": __version__, "rules": described}}, "results": results}
        ],
    }
    return json.dumps(document, indent=1) + "\n"


def fingerprint(report: Report, finding: Finding) -> str:
    """What makes a finding the same one in another run: file name, ends, rule, side, first frame."""
    connection = connection_of(report, finding)
    ends = "" if connection is None else (
        f"{connection.client.addr}:{connection.client.port}-{connection.server.addr}:{connection.server.port}"
    )  # fmt: skip
    frame = finding.frames[0] if finding.frames else 0
    return f"{Path(report.path).name}|{finding.meta.code}|{ends}|{finding.side}|{frame}"


def write_baseline(reports: list[Report]) -> str:
    """The text of a baseline file with every finding."""
    known = sorted({fingerprint(report, finding) for report in reports for finding in report.each_finding()})
    return json.dumps({"schema": BASELINE_SCHEMA, "findings": known}, indent=1) + "\n"


def read_baseline(path: str) -> set[str]:
    """The findings of a baseline file; InputError if it is none."""
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError("no such file", file=path, hint="Make one with --write-baseline.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the baseline file cannot be read: {error}", file=path) from None
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON: {error.msg}", file=path, line=error.lineno, column=error.colno) from None
    if not isinstance(document, dict) or document.get("schema") != BASELINE_SCHEMA:
        raise InputError(f'not a baseline file: expected "schema": "{BASELINE_SCHEMA}"', file=path)
    findings = document.get("findings")
    if not isinstance(findings, list) or not all(isinstance(item, str) for item in findings):
        raise InputError('"findings" is not a list of texts', file=path)
    return set(findings)


def comments(report: Report) -> dict[int, list[str]]:
    """What to write beside which frame, for Wireshark."""
    notes: dict[int, list[str]] = {}
    for finding in report.each_finding():
        for frame in finding.frames:
            text = (
                f"netsim {finding.meta.severity} {finding.meta.code} {finding.meta.name} "
                f"({finding.side or 'capture'}, {finding.confidence}): {finding.message} [{finding.meta.source}]"
            )
            notes.setdefault(frame, []).append(text)
    for connection in report.connections:
        for category, words in (
            ("timeout_retransmission", "sent again: retransmission timeout"),
            ("fast_retransmission", "sent again: fast retransmission or SACK recovery"),
            ("slow_start_retransmission", "sent again on the way out of a timeout"),
            ("tail_loss_probe", "tail loss probe"), ("spurious_retransmission", "proven needless"),
            ("out_of_order", "out of order: overtaken by later segments"),
        ):  # fmt: skip
            for frame in connection.frames(category):
                notes.setdefault(frame, []).append(f"netsim: {words}")
    for item in report.quality:
        for frame in item.frames:
            notes.setdefault(frame, []).append(f"netsim capture quality {item.code}: {item.message}")
    return notes
