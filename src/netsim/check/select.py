"""Which rules run, and which findings count: --select, --ignore, --severity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from netsim.base.errors import UsageError
from netsim.check.model import SEVERITIES, Finding, Rule

if TYPE_CHECKING:
    from netsim.check.engine import Report


def codes(values: tuple[str, ...], rules: tuple[Rule, ...]) -> list[str]:
    """The prefixes (ACK003, ACK, names) given, split at commas and checked; UsageError for an unknown one."""
    wanted: list[str] = []
    for value in values:
        for part in value.split(","):
            word = part.strip()
            if not word:
                continue
            by_name = [rule.meta.code for rule in rules if rule.meta.name == word]
            if by_name:
                wanted.extend(by_name)
            elif word.upper() == "ALL":
                wanted.append("")
            elif any(rule.meta.code.startswith(word.upper()) for rule in rules):
                wanted.append(word.upper())
            else:
                families = ", ".join(dict.fromkeys(rule.meta.family for rule in rules))
                raise UsageError(f"no rule or family is called '{word}'; families are: {families} (see netsim rules)")
    return wanted


def chosen(rules: tuple[Rule, ...], select: list[str], ignore: list[str]) -> tuple[Rule, ...]:
    """The rules that run."""
    picked = [
        rule for rule in rules
        if (not select or any(rule.meta.code.startswith(code) for code in select))
        and not any(rule.meta.code.startswith(code) for code in ignore)
    ]  # fmt: skip
    return tuple(picked)


def filter_report(report: Report, severity: str) -> None:
    """Keep only findings of `severity` or worse."""
    worst = SEVERITIES.index(severity)
    report.connections.worst = worst
    report.capture_findings = [f for f in report.capture_findings if SEVERITIES.index(f.meta.severity) <= worst]


def fails(finding: Finding, select: list[str]) -> bool:
    """The finding makes the exit code 1: errors and deviations, but documented habits only if selected."""
    if finding.meta.off and not any(code and finding.meta.code.startswith(code) for code in select):
        return False
    return finding.meta.severity != "note"
