"""From candidates to findings: a rule's report counts only where the capture allows to say so.

Most false alarms in trace checking come from the tap, not from TCP. So a rule says what it
needs; here it is held against what is known of the capture of this connection, once all of
it is known. What cannot be decided is silent.
"""

from __future__ import annotations

from typing import Final

from netsim.check.flow import AT_CLIENT, AT_SERVER, Conn, Half
from netsim.check.model import (
    CERTAIN,
    LIKELY,
    NEED_AT_SENDER,
    NEED_BOTH,
    NEED_FAR_PROVEN,
    NEED_FAR_WHOLE,
    NEED_HANDSHAKE,
    NEED_OWN_WHOLE,
    NEED_WHOLE,
    Finding,
    Rule,
)

SHOWN: Final = 20


def has_gaps(h: Half) -> bool:
    """Packets of this endpoint were not seen."""
    return (
        h.missing > 0
        or h.id_gaps() > 0
        or bool(h.beyond and any(not entry.proof and not entry.sacked for entry in h.beyond))
    )


def is_proven_whole(h: Half) -> bool:
    """The IP identification counts this endpoint's packets, and none is missing."""
    return h.ids_count() and h.unseen == 0 and h.missing == 0


def judge(c: Conn, rules: tuple[Rule, ...]) -> list[Finding]:
    """The findings of a connection that is over."""
    candidates = c.candidates
    if not candidates:
        return []
    findings: list[Finding] = []
    for candidate in candidates.values():
        half = candidate.half
        far = half.peer
        meta = rules[candidate.rule_index].meta
        needs = meta.needs
        confidence = candidate.confidence
        if needs & NEED_BOTH and not (half.packets and far.packets):
            continue
        if needs & NEED_HANDSHAKE and (c.client.syn is None or c.server.syn is None):
            continue
        if needs & NEED_WHOLE and (has_gaps(half) or has_gaps(far)):
            continue
        if needs & NEED_FAR_WHOLE and has_gaps(far):
            continue
        if needs & NEED_OWN_WHOLE and has_gaps(half):
            continue
        if needs & NEED_FAR_PROVEN and not is_proven_whole(far):
            continue
        if (
            needs & NEED_AT_SENDER
            and not candidate.anywhere
            and c.vantage != (AT_CLIENT if half.name == "client" else AT_SERVER)
        ):
            continue
        if confidence == CERTAIN:
            if needs & NEED_WHOLE and not (is_proven_whole(half) and is_proven_whole(far)):
                confidence = LIKELY
            elif needs & NEED_FAR_WHOLE:
                confidence = LIKELY
        finding = Finding(meta, half.name, confidence, candidate.frames, candidate.message)
        finding.evidence = candidate.evidence
        finding.count = candidate.count
        finding.connection = c.ident
        findings.append(finding)
    findings.sort(key=Finding.sort_key)
    return findings
