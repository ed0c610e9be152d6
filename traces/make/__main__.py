"""Command line: make some or all captures, or write the README anew."""

from __future__ import annotations

import argparse
import os
import sys
import time

from . import catalogue, other, readme
from .plan import PLANS
from .runner import UnlikeError, make


def main() -> int:
    """Make what was asked for; exit code 1 when a capture could not be made as promised."""
    parser = argparse.ArgumentParser(prog="python -m traces.make", description="Make the captures in traces/.")
    parser.add_argument("names", nargs="*", help="captures to make (default: all)")
    parser.add_argument("--list", action="store_true", help="list the captures")
    parser.add_argument("--readme", action="store_true", help="only write traces/README.md from the files there")
    arguments = parser.parse_args()
    catalogue.load()
    if arguments.list:
        for plan in PLANS.values():
            print(f"{plan.family:<11}{plan.name:<36}{plan.shows}")
        for name, (shows, _) in other.OTHERS.items():
            print(f"{'other':<11}{name:<36}{shows}")
        return 0
    unknown = [name for name in arguments.names if name not in PLANS and name not in other.OTHERS]
    if unknown:
        parser.error(f"no such capture: {', '.join(unknown)} (see --list)")
    failed = 0
    if not arguments.readme:
        if os.geteuid() != 0:
            parser.error("root is needed to make network namespaces")
        for name in arguments.names or [*PLANS, *other.OTHERS]:
            began = time.monotonic()
            try:
                said = other.make(name) if name in other.OTHERS else make(PLANS[name])
                print(f"{name}: {said}, {time.monotonic() - began:.1f} s", flush=True)
            except UnlikeError as error:
                failed += 1
                print(f"NOT MADE {error}", file=sys.stderr, flush=True)
    readme.write()
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
