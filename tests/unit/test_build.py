"""What an installation does with NETSIM_PURE and NETSIM_COMPILE, as far as it can be told without compiling."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VARIABLES = ("NETSIM_PURE", "NETSIM_COMPILE", "CC", "PYTHONPATH")


def python(code: str, where: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run code in a folder, with these of our variables and no other."""
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES} | variables
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=where, env=environment, check=False)


# --- which modules run ---------------------------------------------------------------------------

VERSION = "import netsim.cli, sys; sys.exit(netsim.cli.main(['--version']))"


@pytest.fixture
def half_compiled(tmp_path: Path) -> Path:
    """A copy of the package in which one module is also there "compiled": a file that cannot be loaded."""
    wanted = shutil.ignore_patterns("__pycache__", "*.so", "*.pyd")
    shutil.copytree(ROOT / "src" / "netsim", tmp_path / "netsim", ignore=wanted)
    (tmp_path / "netsim" / "base" / f"seqnum{sysconfig.get_config_var('EXT_SUFFIX')}").write_bytes(
        b"no such machine code"
    )
    return tmp_path


def test_a_compiled_module_comes_before_its_source(half_compiled: Path) -> None:
    done = python(VERSION, half_compiled, PYTHONPATH=str(half_compiled))
    assert "ImportError" in done.stderr
    assert done.returncode != 0


def test_netsim_pure_passes_compiled_modules_by(half_compiled: Path) -> None:
    done = python(VERSION, half_compiled, PYTHONPATH=str(half_compiled), NETSIM_PURE="1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "pure Python" in done.stdout


def test_netsim_pure_leaves_other_packages_alone(half_compiled: Path) -> None:
    code = "import netsim.base.seqnum, matplotlib.ft2font as m; print(m.__file__)"
    done = python(code, half_compiled, PYTHONPATH=str(half_compiled), NETSIM_PURE="1")
    assert not done.stdout.strip().endswith(".py"), done.stderr


# --- what is built -------------------------------------------------------------------------------

EXTENSIONS = """
import setuptools
from distutils.core import run_setup
print(len(run_setup("setup.py", stop_after="init").ext_modules or []))
"""


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"NETSIM_PURE": "1", "NETSIM_COMPILE": "1"},
        {"NETSIM_COMPILE": "auto", "CC": "false"},
        {"NETSIM_COMPILE": "0"},
    ],
    ids=["by default", "NETSIM_PURE wins", "auto without a compiler", "off"],
)
def test_a_pure_build(variables: dict[str, str]) -> None:
    pytest.importorskip("setuptools", minversion="77", reason="what pip would build with")
    done = python(EXTENSIONS, ROOT, **variables)
    assert done.stdout.splitlines()[-1:] == ["0"], done.stderr


def test_asked_to_compile_it_fails_without_a_compiler() -> None:
    """A wheel that is pure by accident would be published as a compiled one."""
    pytest.importorskip("setuptools", minversion="77", reason="what pip would build with")
    done = python(EXTENSIONS, ROOT, NETSIM_COMPILE="1", CC="false")
    assert done.returncode != 0
    assert "CompileError" in done.stderr


REQUIRES = (
    "import sys; sys.path.insert(0, 'scripts/backend'); import netsim_build as b; print(b.get_requires_for_build_{}())"
)


@pytest.mark.parametrize("kind", ["wheel", "editable"])
@pytest.mark.parametrize(
    ("variables", "compiles"),
    [
        ({}, False),
        ({"NETSIM_COMPILE": "1"}, True),
        ({"NETSIM_COMPILE": "auto"}, True),
        ({"NETSIM_COMPILE": "1", "NETSIM_PURE": "1"}, False),
    ],
)
def test_only_a_compiled_build_fetches_the_compiler(kind: str, variables: dict[str, str], compiles: bool) -> None:
    pytest.importorskip("setuptools", minversion="77", reason="what pip would build with")
    done = python(REQUIRES.format(kind), ROOT, **variables)
    assert done.returncode == 0, done.stderr
    assert ("mypy" in done.stdout) == compiles


SDIST = "import sys; sys.path.insert(0, 'scripts/backend'); import netsim_build as b; print(b.build_sdist({!r}))"


def test_a_source_distribution_carries_what_builds_it(tmp_path: Path) -> None:
    pytest.importorskip("setuptools", minversion="77", reason="what pip would build with")
    tree = tmp_path / "tree"
    wanted = shutil.ignore_patterns("__pycache__", "*.so", "*.egg-info")
    for name in ("src", "scripts"):
        shutil.copytree(ROOT / name, tree / name, ignore=wanted)
    for name in ("setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md"):
        shutil.copy(ROOT / name, tree / name)
    done = python(SDIST.format(str(tmp_path)), tree)
    assert done.returncode == 0, done.stderr
    with tarfile.open(tmp_path / done.stdout.splitlines()[-1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"setup.py", "pyproject.toml", "scripts/backend/netsim_build.py", "src/netsim/cli.py"} <= names
    assert {"src/netsim/scenario/builtin/bulk.yaml", "src/netsim/scenario/schema.json", "src/netsim/py.typed"} <= names
