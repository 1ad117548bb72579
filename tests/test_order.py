"""The order of packages: imports point down only, and the measuring side never meets the reporting side's libraries."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1] / "actbench"
# From the bottom up; a package imports from the lines above its own.
ORDER = """
activations tables functions
command compare
measure figures
report
ledger catalogue sweep
__main__
"""
LEVEL = {name: level for level, line in enumerate(ORDER.strip().splitlines()) for name in line.split()}
NEVER = {
    "tables": "torch hydra matplotlib seaborn",
    "functions": "hydra matplotlib seaborn",
    "command": "torch matplotlib seaborn",
    "measure": "matplotlib seaborn",
    "compare": "torch hydra omegaconf matplotlib seaborn",
    "figures": "torch hydra omegaconf",
    "report": "torch hydra omegaconf",
    "ledger": "torch hydra",
}
PACKAGES = [name for name in LEVEL if (ROOT / name).is_dir()]


def _files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py")) or [ROOT / f"{package}.py"]


def _imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_every_package_has_a_place():
    here = {path.name for path in ROOT.iterdir() if path.is_dir()} - {"__pycache__", "renamed"}
    assert here == set(PACKAGES)
    assert {path.stem for path in ROOT.glob("*.py")} == {"__init__", "__main__", "activations"}


@pytest.mark.parametrize("package", LEVEL)
def test_imports_point_down(package):
    own = {name.split(".")[1] for path in _files(package) for name in _imports(path) if name.startswith("actbench.")}
    assert {name for name in own - {package, "__version__"} if LEVEL[name] >= LEVEL[package]} == set()


@pytest.mark.parametrize("package", NEVER)
def test_the_sides_do_not_mix(package):
    libraries = {name.split(".")[0] for path in _files(package) for name in _imports(path)}
    assert libraries & set(NEVER[package].split()) == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_says_what_comes_in_what_goes_out_and_where_to_begin(package):
    front = ast.get_docstring(ast.parse((ROOT / package / "__init__.py").read_text(encoding="utf-8"))) or ""
    assert re.search(r"\bIn: .*\bOut: .*\bOpen `\w+\.py`", front, flags=re.DOTALL)
    named = re.findall(r"`(\w+\.py)`", front)
    assert all((ROOT / package / name).is_file() for name in named)
