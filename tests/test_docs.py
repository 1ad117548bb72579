"""The guide: its commands are valid, its Python runs, its links lead somewhere, and it defines every measure."""

import os
import re
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import commands
import pytest
from omegaconf import OmegaConf

from actbench.catalogue import entries
from actbench.command import compose, tuned
from actbench.command.options import CONF, options, split_config_dir, use_config_dir
from actbench.compare.errors import MARGIN
from actbench.compare.looks import USUAL
from actbench.measure import preflight
from actbench.measure.probes import PROBES
from actbench.sweep import settle
from actbench.tables.schema import RUNS

ROOT = Path(__file__).resolve().parent.parent
GUIDE = sorted((ROOT / "docs").glob("*.md"))
PAGES = [ROOT / "README.md", *GUIDE]
END = "\x1e"  # behind each argument, and once more behind each command
RECORD = f'#!/bin/bash\nprintf "%s{END}" "$(basename "$0")" "$@" "" >> "$COMMANDS"\n'
NEEDS_MORE = {"slurm": "hydra_plugins.hydra_submitit_launcher"}
NEEDS_MORE["submitit_local"] = NEEDS_MORE["slurm"]


def _blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def _commands(page: Path) -> list[list[str]]:
    """The commands of a page's blocks, run by a shell in the working folder; python and pip only record how."""
    tools = Path("tools").absolute()
    tools.mkdir()
    for name in ("python", "pip", "pytest"):
        (tools / name).write_text(RECORD)
        (tools / name).chmod(0o755)
    record = tools / "commands"
    record.touch()
    environment = {"PATH": f"{tools}:{os.defpath}", "COMMANDS": str(record)}
    subprocess.run(["bash", "-e", "-c", "\n".join(_blocks(page, "bash"))], env=environment, check=True)
    return [line.split(END) for line in record.read_text().split(END * 2)[:-1]]


@pytest.fixture
def forget_modules():
    """Have the modules that a page writes into the working folder be its own, not those of another test."""

    def forget():
        for path in Path().glob("*.py"):
            sys.modules.pop(path.stem, None)

    yield forget
    forget()
    use_config_dir(None)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_commands_of_a_page_are_valid(page, forget_modules, monkeypatch, capsys):
    """Each is composed and checked; what names something of the reader's is tried on a small network too."""
    monkeypatch.setattr(tuned, "_choice", lambda config, choices: {"lr": "0.01", "init": "lsuv"})
    lines = _commands(page)
    forget_modules()
    for tool, *arguments in lines:
        if tool == "python":
            flag, module, *words = arguments
            assert flag == "-m"
            _check(module, words, capsys)


def _check(module: str, words: list[str], capsys) -> None:
    launchers = [word.partition("=")[2] for word in words if word.startswith("hydra/launcher=")]
    if any(name in NEEDS_MORE and not find_spec(NEEDS_MORE[name]) for name in launchers):
        return
    if module == "actbench" and "--help" not in words:
        few = _few(words)
        is_sweep = "-m" in few or "+experiment=" in " ".join(few)
        jobs = commands.jobs(*few) if is_sweep else [compose.job_from(few)]
        if "hydra/sweeper=settle" in words:
            settle.check(jobs)
        if "--config-dir" in words or "act=custom" in " ".join(words):
            preflight.check(jobs)
    elif module == "actbench.catalogue" and "--cost" not in words:
        assert entries.read(words)
    elif module == "actbench.catalogue":
        folder, (_, *names) = split_config_dir(words)
        use_config_dir(folder)
        assert set(names) <= set(options("act"))
    elif module != "actbench":
        with pytest.raises(SystemExit) as ended:
            import_module(f"{module}.__main__").main(["--help"])
        assert ended.value.code == 0
        known = capsys.readouterr().out
        assert all(word in known for word in words if word.startswith("--"))


def _few(words: list[str]) -> list[str]:
    """A command's words for two of all activations, for one of those of our experiments: `test_conf` has the others."""
    is_ours = any(word.startswith("+experiment=") for word in words) and "--config-dir" not in words
    few = [word.replace("glob(*)", "relu,mish") for word in words if word not in ("--cfg", "job")]
    return [*few, "+act=relu"] if is_ours else few


def test_the_python_of_the_tables_page_reads_what_a_sweep_left(measure):
    for act in ("relu", "mish"):
        measure(f"+act={act}", "num_seeds=2", "train.epochs=1")
    names: dict = {}
    for block in _blocks(ROOT / "docs" / "tables.md", "python"):
        exec(block, names)
    assert list(names["wide"].columns) == ["mish", "relu"]
    assert len(names["wide"]) == 2
    assert names["right"].mean() == pytest.approx(names["runs"]["test_accuracy"].iloc[0])
    assert len(names["last"]) == 2 * 2 * names["layers"]["layer_index"].nunique()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_links_of_a_page_lead_somewhere(page):
    for target, place in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", page.read_text(encoding="utf-8")):
        file = page.parent / target if target else page
        assert file.exists(), target
        headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE) if place else []
        assert not place or place in [heading.lower().replace(" ", "-") for heading in headings], place


def test_the_index_of_the_guide_lists_its_pages():
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"\]\((\w+\.md)\)", index)) == [page.name for page in GUIDE if page.name != "README.md"]


def test_every_measure_is_defined():
    """Those of layers, those of a run on test data, and those that have a better direction."""
    page = (ROOT / "docs" / "measures.md").read_text(encoding="utf-8")
    defined = set(re.findall(r"`(\w+)`", page))
    on_test = {column.name for column in RUNS if column.name.startswith("test_") and column.dtype == "float64"}
    of_runs = on_test | {column.name for column in RUNS if column.better and column.name[:4] != "val_"}
    assert set(PROBES) | of_runs <= defined


def test_the_numbers_of_the_guide_are_those_of_the_code():
    measures, decisions, sweeps = (
        " ".join((ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8").replace("\u202f", " ").split())
        for name in ("measures", "decisions", "sweeps")
    )
    probes, halving = (OmegaConf.load(CONF / name) for name in ("probes/log_spaced.yaml", "hydra/sweeper/halving.yaml"))
    assert f"the first {probes.num_examples} validation examples" in measures
    assert f"below {probes.epsilon:.0%} of its".replace("%", " %") in measures
    assert f"more than {MARGIN - 1:.0%} of".replace("%", " %") in decisions
    looks = ", ".join(map(str, USUAL.sizes[:-1]))
    for page in (decisions, sweeps):
        assert f"by default {looks} and {USUAL.sizes[-1]}" in page
    first, second, third = (f"{100 * alpha:g} %" for alpha in USUAL.alphas)
    assert f"{first}, {second} and {third}" in decisions
    for key in ("rungs", "keep"):
        assert f"hydra.sweeper.{key}={list(halving[key])}".replace(" ", "") in sweeps
