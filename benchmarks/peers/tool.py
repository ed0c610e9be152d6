"""Any command line on a capture: `tool.py PACKETS COMMAND...`. Seconds are CPU time of the command."""

from __future__ import annotations

import json
import resource
import subprocess
import sys


def main(packets: int, command: list[str]) -> None:
    """Run the command with its output thrown away."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = used.ru_utime + used.ru_stime
    print(json.dumps({"work": packets, "seconds": seconds, "rss_mb": used.ru_maxrss / 1024}))


main(int(sys.argv[1]), sys.argv[2:])
