"""The state machine drawn from `tcp.state.EDGES`: text, mermaid, dot, SVG, JSON.

Given which edges a run took, every form marks them. The SVG is placed by hand after figure 5
of RFC 9293; a test keeps it complete: each edge of that figure has its place.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, Final

from netsim.report.cells import Line, line
from netsim.report.mermaid import escape as mermaid_escape
from netsim.tcp.state import EDGES, State

if TYPE_CHECKING:
    from netsim.tcp.state import Edge

Coverage = dict[tuple[str, str, str], list[str]]
"""(old, cause, new) -> names of the runs that took this edge."""


def key_of(edge: Edge) -> tuple[str, str, str]:
    """How coverage names an edge."""
    return (str(edge.old.value), edge.cause, str(edge.new.value))


def _label(edge: Edge) -> str:
    return f"{edge.event} / {edge.action}" if edge.action else edge.event


def text_lines(covered: Coverage | None, width: int, *, figure5: bool = False) -> list[Line]:
    """State by state: each edge with what causes it, what is sent, its source; ✓ where a run took it."""
    lines: list[Line] = []
    total = taken = 0
    for state in State:
        edges = [edge for edge in EDGES if edge.old is state and (edge.figure5 or not figure5)]
        if not edges:
            continue
        lines.append(line((f" {state.value}", "title")))
        for edge in edges:
            total += 1
            made = Line()
            if covered is not None:
                by = covered.get(key_of(edge), [])
                taken += bool(by)
                made.put(1, "✓" if by else "·", "pass" if by else "dim")
            made.put(3, "→ ")
            made.put(5, str(edge.new.value), "state")
            made.put(19, _label(edge))
            cite = edge.cite
            if len(made.text) + 2 + len(cite) > width:
                lines.append(made)
                made = Line()
            made.put(max(19, width - len(cite)), cite, "cite")
            lines.append(made)
        lines.append(Line())
    summary = f" {total} edges"
    if covered is not None:
        summary += f", {taken} taken (✓), {total - taken} not (·)"
    lines.append(line((summary, "title")))
    return lines


def json_object(covered: Coverage | None) -> dict[str, Any]:
    """Schema `netsim.states/1`."""
    edges = []
    for edge in EDGES:
        old, cause, new = key_of(edge)
        made: dict[str, Any] = {
            "old": old, "new": new, "cause": cause, "event": edge.event, "action": edge.action,
            "cite": edge.cite, "figure5": edge.figure5,
        }  # fmt: skip
        if covered is not None:
            made["covered_by"] = covered.get((old, cause, new), [])
        edges.append(made)
    return {"schema": "netsim.states/1", "states": [str(state.value) for state in State], "edges": edges}


def _drawn(figure5: bool) -> list[Edge]:
    return [edge for edge in EDGES if edge.figure5 or not figure5]


def mermaid(covered: Coverage | None, *, figure5: bool = False) -> str:
    """A mermaid state diagram. Edges that no run took are marked "(not taken)"."""
    lines = ["stateDiagram-v2"]
    lines += [f'    state "{state.value}" as {state.name}' for state in State]
    lines.append("    [*] --> CLOSED")
    for edge in _drawn(figure5):
        label = mermaid_escape(_label(edge)).replace(":", "#58;")
        if covered is not None and key_of(edge) not in covered:
            label += " (not taken)"
        lines.append(f"    {edge.old.name} --> {edge.new.name}: {label}")
    return "\n".join(lines) + "\n"


def dot(covered: Coverage | None, *, figure5: bool = False) -> str:
    """A graphviz graph. Edges that no run took are dashed."""
    lines = ["digraph tcp {", '    node [shape=box, style=rounded, fontname="monospace"];',
             '    edge [fontname="monospace", fontsize=10];']  # fmt: skip
    lines += [f'    {state.name} [label="{state.value}"];' for state in State]
    for edge in _drawn(figure5):
        look = ""
        if covered is not None:
            look = ", color=darkgreen, penwidth=2" if key_of(edge) in covered else ", style=dashed"
        label = _label(edge).replace('"', '\\"').replace(" / ", "\\n")
        lines.append(f'    {edge.old.name} -> {edge.new.name} [label="{label}"{look}];')
    lines.append("}")
    return "\n".join(lines) + "\n"


# --- the picture ---------------------------------------------------------------------------

BOX: Final = (128, 34)
PLACES: Final[dict[str, tuple[int, int]]] = {
    "CLOSED": (480, 60), "LISTEN": (480, 190), "SYN-RECEIVED": (150, 320), "SYN-SENT": (810, 320),
    "ESTABLISHED": (480, 450), "FIN-WAIT-1": (290, 560), "CLOSE-WAIT": (810, 560),
    "FIN-WAIT-2": (110, 700), "CLOSING": (520, 700), "LAST-ACK": (810, 700),
    "TIME-WAIT": (290, 830), "CLOSED ": (810, 830),
}  # fmt: skip
"""Centres of the boxes; "CLOSED " is the same state once more at the bottom, as in figure 5."""

Path = tuple[tuple[tuple[int, int], ...], tuple[int, int, str]]
PATHS: Final[dict[tuple[str, str, str], Path]] = {
    ("CLOSED", "passive-open", "LISTEN"): (((465, 77), (465, 173)), (455, 120, "end")),
    ("LISTEN", "close", "CLOSED"): (((495, 173), (495, 77)), (505, 120, "start")),
    ("CLOSED", "active-open", "SYN-SENT"): (((544, 60), (840, 60), (840, 303)), (690, 52, "middle")),
    ("LISTEN", "open-from-listen", "SYN-SENT"): (((544, 185), (790, 185), (790, 303)), (552, 163, "start")),
    ("LISTEN", "rcv-syn", "SYN-RECEIVED"): (((416, 185), (170, 185), (170, 303)), (290, 177, "middle")),
    ("SYN-RECEIVED", "rcv-rst", "LISTEN"): (((130, 303), (130, 215), (416, 203)), (182, 230, "start")),
    ("SYN-SENT", "rcv-syn", "SYN-RECEIVED"): (((746, 320), (214, 320)), (480, 312, "middle")),
    ("SYN-SENT", "close", "CLOSED"): (((770, 303), (770, 120), (546, 68)), (762, 240, "end")),
    ("SYN-SENT", "rcv-syn-ack", "ESTABLISHED"): (((810, 337), (810, 440), (544, 440)), (690, 432, "middle")),
    ("SYN-RECEIVED", "rcv-ack-of-syn", "ESTABLISHED"): (((170, 337), (170, 440), (416, 440)), (300, 432, "middle")),
    ("SYN-RECEIVED", "close", "FIN-WAIT-1"): (((130, 337), (130, 560), (226, 560)), (122, 450, "end")),
    ("ESTABLISHED", "close", "FIN-WAIT-1"): (((450, 467), (450, 510), (330, 543)), (400, 505, "end")),
    ("ESTABLISHED", "rcv-fin", "CLOSE-WAIT"): (((544, 460), (780, 460), (780, 543)), (690, 492, "middle")),
    ("FIN-WAIT-1", "rcv-ack-of-fin", "FIN-WAIT-2"): (((240, 577), (140, 683)), (170, 640, "end")),
    ("FIN-WAIT-1", "rcv-fin", "CLOSING"): (((340, 577), (490, 683)), (438, 622, "start")),
    ("FIN-WAIT-1", "rcv-fin-and-ack-of-fin", "TIME-WAIT"): (((290, 577), (290, 813)), (298, 690, "start")),
    ("FIN-WAIT-2", "rcv-fin", "TIME-WAIT"): (((140, 717), (240, 813)), (176, 776, "end")),
    ("CLOSING", "rcv-ack-of-fin", "TIME-WAIT"): (((490, 717), (345, 813)), (438, 778, "start")),
    ("CLOSE-WAIT", "close", "LAST-ACK"): (((810, 577), (810, 683)), (820, 634, "start")),
    ("LAST-ACK", "rcv-ack-of-fin", "CLOSED"): (((810, 717), (810, 813)), (820, 769, "start")),
    ("TIME-WAIT", "time-wait-timeout", "CLOSED"): (((354, 830), (746, 830)), (550, 822, "middle")),
}
"""For each edge of figure 5 and of its note 2: its line, and where its words stand (x, y, text-anchor)."""

_STYLE: Final = (
    "text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#1f2328}"
    ".bg{fill:#fff}.box{fill:#f6f8fa;stroke:#57606a;stroke-width:1.5}.name{font-weight:bold;font-size:13px}"
    ".edge{fill:none;stroke:#57606a;stroke-width:1.5}.head{fill:#57606a}.taken .edge{stroke:#1a7f37;stroke-width:3}"
    ".taken .head{fill:#1a7f37}.taken text{fill:#116329;font-weight:bold}"
    ".missed .edge{stroke-dasharray:5 4}.soft{fill:#57606a}"
)
_DARK: Final = (
    "@media (prefers-color-scheme:dark){text{fill:#e6edf3}.bg{fill:#0d1117}.box{fill:#161b22;stroke:#9198a1}"
    ".edge{stroke:#9198a1}.head{fill:#9198a1}.taken .edge{stroke:#3fb950}.taken .head{fill:#3fb950}"
    ".taken text{fill:#56d364}.soft{fill:#9198a1}}"
)


def _arrow(path: Path, edge: Edge, css: str) -> list[str]:
    import math

    points, (x, y, anchor) = path
    (x1, y1), (x2, y2) = points[-2], points[-1]
    angle = math.atan2(y2 - y1, x2 - x1)
    tips = [(x2 - 10 * math.cos(angle + turn), y2 - 10 * math.sin(angle + turn)) for turn in (0.35, -0.35)]
    head = " ".join(f"{px:.1f},{py:.1f}" for px, py in ((float(x2), float(y2)), *tips))
    out = [
        f'<g class="{css}"><title>{escape(edge.cite)}</title>',
        f'<polyline class="edge" points="{" ".join(f"{px},{py}" for px, py in points)}"/>',
        f'<polygon class="head" points="{head}"/>',
    ]
    words = [edge.event, edge.action] if edge.action else [edge.event]
    for number, text in enumerate(words):
        up = 14 * (len(words) - 1 - number) if anchor == "middle" else -14 * number
        out.append(f'<text x="{x}" y="{y - up}" text-anchor="{anchor}">{escape(text)}</text>')
    return [*out, "</g>"]


def svg(covered: Coverage | None) -> str:
    """Figure 5 with the edges that a run took in green, and the other edges counted below."""
    plain = [edge for edge in EDGES if key_of(edge) in PATHS]
    rest = [edge for edge in EDGES if key_of(edge) not in PATHS]
    notes = [f"{len(rest)} more edges (resets, aborts, time-outs, early FINs) end in CLOSED or LISTEN: `netsim states`"]
    if covered is not None:
        taken = sum(key_of(edge) in covered for edge in plain)
        more = sum(key_of(edge) in covered for edge in rest)
        notes.insert(0, f"taken: {taken} of the {len(plain)} edges shown, {more} of the {len(rest)} others")
    height = 880 + 18 * len(notes)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 960 {height}" width="960" height="{height}" role="img">',
        "<title>The TCP state machine, after figure 5 of RFC 9293</title>",
        f"<style>{_STYLE}</style><style>{_DARK}</style>",
        f'<rect class="bg" width="960" height="{height}" fill="#fff"/>',
    ]
    for edge in plain:
        css = "" if covered is None else "taken" if key_of(edge) in covered else "missed"
        out += _arrow(PATHS[key_of(edge)], edge, css)
    for name, (x, y) in PLACES.items():
        w, h = BOX
        out.append(f'<rect class="box" x="{x - w // 2}" y="{y - h // 2}" width="{w}" height="{h}" rx="8"/>')
        out.append(f'<text class="name" x="{x}" y="{y + 5}" text-anchor="middle">{name.strip()}</text>')
    for number, text in enumerate(notes):
        out.append(f'<text class="soft" x="20" y="{884 + 18 * number}">{escape(text)}</text>')
    out.append("</svg>")
    return "\n".join(out) + "\n"
