"""`netsim rules`: the list, or one rule's page."""

from __future__ import annotations

import json

import click

from netsim.base.errors import UsageError
from netsim.base.hints import nearest
from netsim.check.model import NEED_TEXTS, Meta
from netsim.report.console import examples, format_option, output_option, write_text

FAMILIES = {
    "HSK": "handshake", "SEQ": "sequence numbers and flags", "ACK": "acknowledgement", "WND": "window",
    "OPT": "options", "RTX": "retransmission", "TMR": "timers", "CWN": "congestion window", "CLS": "close",
    "RST": "reset", "ECN": "explicit congestion notification", "CAP": "capture quality",
}  # fmt: skip


def needs_text(meta: Meta) -> list[str]:
    """What the rule needs, in words."""
    return [words for bit, words in NEED_TEXTS if meta.needs & bit]


def page(meta: Meta) -> str:
    """A rule's page, as printed and as generated into docs/rules."""
    needs = ", ".join(needs_text(meta)) or "nothing: the segment itself proves it"
    head = f"# {meta.code} {meta.name}\n\n"
    head += f"Severity: {meta.severity} · Source: {meta.source}  \nNeeds from the capture: {needs}\n"
    if meta.off:
        head += "A documented habit of a widespread stack: reported, but not counted for the exit code.\n"
    return head + "\n" + meta.page


@click.command(epilog=examples("netsim rules ACK", "netsim rules ACK003"))
@click.argument("code", required=False)
@format_option("text", "json", "markdown")
@output_option
def rules(code: str | None, output_format: str, output: str | None) -> int:
    """List the checker's rules, or explain one: what it does, why it matters, an example."""
    from netsim.check.rules import RULES
    from netsim.check.rules.quality import QUALITY

    metas = sorted([rule.meta for rule in RULES] + list(QUALITY), key=lambda meta: meta.code)
    if code is not None:
        word = code.upper()
        found = [meta for meta in metas if meta.code == word or meta.name == code.lower()]
        if not found:
            near = nearest(word, [meta.code for meta in metas])
            family = [meta for meta in metas if meta.family == word]
            if not family:
                hint = f"; did you mean {near}?" if near else "; netsim rules lists them"
                raise UsageError(f"there is no rule '{code}'{hint}")
            metas = family
        else:
            metas = found
    if output_format == "json":
        write_text(output, json.dumps([_json(meta) for meta in metas], indent=1) + "\n")
    elif code is not None and len(metas) == 1:
        write_text(output, page(metas[0]))
    else:
        write_text(output, _listing(metas))
    return 0


def _json(meta: Meta) -> dict[str, object]:
    return {
        "code": meta.code, "name": meta.name, "severity": meta.severity, "source": meta.source,
        "needs": needs_text(meta), "off_exit_code": meta.off, "summary": meta.summary, "page": meta.page,
    }  # fmt: skip


def _listing(metas: list[Meta]) -> str:
    lines: list[str] = []
    family = ""
    for meta in metas:
        if meta.family != family:
            family = meta.family
            lines += ["", f" {family}  {FAMILIES.get(family, '')}"] if lines else [f" {family}  {FAMILIES[family]}"]
        lines.append(f"   {meta.code}  {meta.severity:<9}  {meta.name}")
    lines += ["", f" {len(metas)} rules. One in full: netsim rules CODE"]
    return "\n".join(lines) + "\n"
