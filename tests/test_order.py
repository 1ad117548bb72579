"""Which package may import which, and which libraries: imports point down, and the two sides meet in a few places."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1] / "actbench"
REPORTING, MEASURING = "matplotlib", "torch torchvision hydra"
# package: packages of ours that it may import; libraries that it may not. A package stands below those that import it.
RULES = {
    "activations": ("", REPORTING),
    "functions": ("", f"{REPORTING} hydra"),
    "tables": ("", f"{REPORTING} {MEASURING}"),
    "command": ("", f"{REPORTING} torch torchvision"),
    "compare": ("tables", f"{REPORTING} {MEASURING} omegaconf"),
    "measure": ("command functions tables", REPORTING),
    "figures": ("compare tables", f"{MEASURING} omegaconf"),
    "report": ("command compare figures tables", f"{MEASURING} omegaconf"),
    "ledger": ("command compare figures report tables", MEASURING),
    "catalogue": ("command functions measure report tables", REPORTING),
    "site": ("catalogue command compare figures report tables", "torch torchvision hydra"),
    "sweep": ("command compare ledger measure report tables", REPORTING),
    "__main__": ("command sweep", f"{REPORTING} torch"),
}


def _files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py")) or [ROOT / f"{package}.py"]


def _imports(package: str) -> set[str]:
    names: set[str] = set()
    for path in _files(package):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_every_package_has_its_rule():
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()} - {"__pycache__", "renamed"}
    assert folders | {path.stem for path in ROOT.glob("*.py")} == RULES.keys() | {"__init__"}


def test_the_rules_have_no_circle():
    below: set[str] = set()
    for package, (allowed, _) in RULES.items():
        assert set(allowed.split()) <= below, package
        below.add(package)


@pytest.mark.parametrize("package", RULES)
def test_a_package_imports_what_it_may(package):
    imports = _imports(package)
    allowed, forbidden = (set(words.split()) for words in RULES[package])
    ours = {name.split(".")[1] for name in imports if name.startswith("actbench.")} - {package, "__version__"}
    assert ours <= allowed
    assert {name.split(".")[0] for name in imports} & forbidden == set()


@pytest.mark.parametrize("package", [name for name in RULES if (ROOT / name).is_dir()])
def test_a_package_says_what_comes_in_what_goes_out_and_where_to_begin(package):
    front = ast.get_docstring(ast.parse((ROOT / package / "__init__.py").read_text(encoding="utf-8"))) or ""
    assert re.search(r"\bIn: .*\bOut: .*\bOpen `\w+\.py`", front, flags=re.DOTALL)
    assert all((ROOT / package / name).is_file() for name in re.findall(r"`(\w+\.py)`", front))
