"""Compiles the hot path with mypyc where that is asked for; otherwise the package is pure Python.

NETSIM_COMPILE=1: compile, and fail loudly if that is impossible (wheels are built so)
NETSIM_COMPILE=auto: compile where a C compiler and mypy are present, else stay pure
NETSIM_PURE=1: never compile (and at run time: import no compiled module, see src/netsim/__init__.py)
NETSIM_OPT_LEVEL: the C compiler's -O (3; 0 compiles in a fraction of the time, for tests)
"""

from __future__ import annotations

import os
import sys
import sysconfig
import tempfile
from pathlib import Path

from setuptools import setup

SOURCE = Path(__file__).parent / "src"
COMPILED = ("base", "tcp", "wire", "sim", "host", "apps", "drive", "capture", "check")
"""The import closures of the two hot paths, a simulated packet and a checked one, compiled
together: a compiled caller of an interpreted function is slower than both interpreted."""
MORE = ("netsim/scenario/party.py", "netsim/scenario/pattern.py")
"""Applications of scenarios: they run for every segment."""
PURE = (
    "netsim/base/seams.py",
    "netsim/sim/topology.py",
    "netsim/drive/tun.py",
    *(f"netsim/capture/{name}.py" for name in ("command", "demo", "writer")),
    *(f"netsim/check/{name}.py" for name in (
        "command", "compare", "compare_command", "derive", "ladder_view", "outputs", "plot", "processes",
        "rules_command", "second_look", "select", "text", "trace",
    )),
)  # fmt: skip
"""Modules at the edge: they hold a library, a device or a command, and nothing hot."""


def modules() -> list[str]:
    """Paths of the modules to compile, as the build is run from the project's folder."""
    found = []
    for package in COMPILED:
        for path in sorted((SOURCE / "netsim" / package).rglob("*.py")):
            relative = path.relative_to(SOURCE).as_posix()
            if path.name != "__init__.py" and not relative.startswith(PURE):
                found.append(f"src/{relative}")
    return found + [f"src/{path}" for path in MORE]


def try_compiler() -> None:
    """Compile an empty extension's source. Any exception: there is no C compiler, or Python's headers are missing."""
    from setuptools._distutils.ccompiler import new_compiler
    from setuptools._distutils.sysconfig import customize_compiler

    compiler = new_compiler()
    customize_compiler(compiler)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "empty.c"
        source.write_text("#include <Python.h>\n", encoding="utf-8")
        compiler.compile([str(source)], output_dir=folder, include_dirs=[sysconfig.get_path("include")])


def extensions() -> list[object]:
    """The C extensions, [] for a pure build."""
    wanted = os.environ.get("NETSIM_COMPILE", "")
    if os.environ.get("NETSIM_PURE") == "1" or wanted not in ("1", "auto"):
        return []
    try:
        try_compiler()
        from mypyc.build import mypycify

        os.environ.setdefault("MYPYPATH", str(SOURCE))
        return list(
            mypycify(["--strict", *modules()], opt_level=os.environ.get("NETSIM_OPT_LEVEL", "3"), multi_file=False)
        )
    except (Exception, SystemExit) as problem:  # mypy exits where types do not hold
        if wanted == "1":
            raise
        sys.stderr.write(f"netsim: staying pure Python ({problem})\n")
        return []


setup(ext_modules=extensions())
