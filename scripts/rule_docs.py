"""Write docs/rules/: one page per rule of the checker, and their index. Run it after changing a rule.

python scripts/rule_docs.py [--check]
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from netsim.check.model import Meta
from netsim.check.rules import RULES
from netsim.check.rules.quality import QUALITY
from netsim.check.rules_command import FAMILIES, page

FOLDER = Path(__file__).parents[1] / "docs" / "rules"


def pages() -> dict[str, str]:
    """File name to content."""
    metas: list[Meta] = sorted([rule.meta for rule in RULES] + list(QUALITY), key=lambda meta: meta.code)
    files = {f"{meta.code}.md": page(meta) for meta in metas}
    lines = ["# The checker's rules", "", f"{len(metas)} rules. `netsim rules CODE` prints a page.", ""]
    family = ""
    for meta in metas:
        if meta.family != family:
            family = meta.family
            lines += [
                "",
                f"## {family}: {FAMILIES[family]}",
                "",
                "| code | severity | fault | source |",
                "|---|---|---|---|",
            ]
        lines.append(f"| [{meta.code}]({meta.code}.md) | {meta.severity} | {meta.name} | {meta.source} |")
    files["README.md"] = "\n".join(lines) + "\n"
    return files


def main() -> int:
    """Write, or with --check say what is out of date."""
    wanted = pages()
    stale = [
        name for name, text in wanted.items() if not (FOLDER / name).exists() or (FOLDER / name).read_text() != text
    ]
    if "--check" in sys.argv:
        print("\n".join(f"docs/rules/{name} is out of date" for name in stale))
        return 1 if stale else 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.md"):
        if old.name not in wanted:
            old.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
