"""Imports point down only; the measuring side never imports the reporting side's packages, nor the other way round."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "actbench"
FILES = sorted(PACKAGE.rglob("*.py"))

# Measuring and reporting side by side; a module imports from the lines above its own only.
_FLOORS = """
parts cache
streams config schedules tables activations properties stats page sparsity
landing trace checks help data data.splits data.augment kinks asymptotes variants tuning paired claims
function_tables fidelity coverage speed
models checkpoint memory composition probes data.files shape findings pairs joint verdicts speed_tables
plan tracks models.block models.init models.norm tasks train canvas settings summary sentences relations speed_limits
models.mlp models.cnn models.generator score tasks.classification tasks.propagation facts function_plots comparison
data.digits data.mnist data.fashion_mnist data.cifar data.gaussian tasks.gan build drawing function_report corners
preflight environment combined by_layer comparison_plots printed ledger_plots speed.harness speed.cases speed_plots
functions run plots sample_plots comparison_parts track_plots ledger_report speed_report speed.loops
speed.lightning_loop speed.onednn
speed.tutorial speed.stacked speed.startup
speed.workers speed.peak speed.probing speed.precision speed.other_probes
curves distances points identities cost track_parts ledger report_figures
report across published
sweep describe launching
__main__
"""
FLOORS = [{""}, *(set(line.split()) for line in _FLOORS.strip().splitlines())]
_REPORTING = """
stats variants findings sentences settings summary canvas drawing by_layer plots page report function_plots
function_report paired pairs joint tracks relations comparison corners combined comparison_plots track_plots
comparison_parts track_parts printed across claims verdicts ledger_plots ledger_report sample_plots
report_figures speed_tables speed_limits speed_plots speed_report
"""
REPORTING = set(_REPORTING.split())
# The command and what surrounds a sweep stand above both sides.
NEITHER = {
    "",
    "tables",
    "tuning",
    "function_tables",
    "config",
    "help",
    "ledger",
    "published",
    "sweep",
    "launching",
    "__main__",
}


def _module(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").removesuffix(".")


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _own(imports: set[str]) -> set[str]:
    modules = {_module(path) for path in FILES}
    return {name.removeprefix("actbench.") for name in imports if name.startswith("actbench.")} & modules


def test_every_module_has_a_floor():
    assert {_module(path) for path in FILES} == set().union(*FLOORS)


@pytest.mark.parametrize("path", FILES, ids=_module)
def test_imports_point_down(path):
    floor = {module: index for index, floor in enumerate(FLOORS) for module in floor}
    above = {name for name in _own(_imports(path)) if floor[name] >= floor[_module(path)]}
    assert not above


@pytest.mark.parametrize("path", FILES, ids=_module)
def test_the_two_sides_do_not_mix(path):
    module, packages = _module(path), {name.split(".")[0] for name in _imports(path)}
    if module in NEITHER:
        return
    if module in REPORTING:
        assert not packages & {"torch", "torchvision", "hydra", "omegaconf"}
        assert _own(_imports(path)) <= REPORTING | {"parts", "tables", "landing", "function_tables"}
    else:
        assert not packages & {"matplotlib", "seaborn", "scipy"} - ({"scipy"} if module == "properties" else set())
        assert not _own(_imports(path)) & REPORTING
