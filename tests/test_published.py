"""What is published says what its tables say: every report under results/, and the README's table."""

import functools
import inspect
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from actbench.compare import ranking
from actbench.compare.workloads import workloads
from actbench.figures import comparison, style, tracks
from actbench.ledger import decide, index, page
from actbench.ledger import figure as ledger_plots
from actbench.ledger.__main__ import main as ledger_main
from actbench.measure import identity
from actbench.report import across, numbers
from actbench.report import workloads as report
from actbench.report.workloads import PLOTS, write
from actbench.tables import store
from benchmarks.speed import tables

ROOT = Path(__file__).resolve().parent.parent
LISTED = re.findall(r"\]\((\w+)/report\.md\)", (ROOT / "results" / "README.md").read_text(encoding="utf-8"))
PUBLISHED = [
    ROOT / "results" / name for name in LISTED if (ROOT / "results" / name / "tables" / "runs.parquet").is_file()
]
CLAIMS = decide.claims()
# Of the others every number is recomputed by tests/test_audit.py.
WITH_EVERY_WORD = [
    pytest.param(folder, id=folder.name, marks=() if folder.name == "digits_mlp" else pytest.mark.slow)
    for folder in PUBLISHED
]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def undrawn(monkeypatch):
    """Figures are empty files: what is in them is tested elsewhere, and drawing takes most of the time."""

    def nothing(draw):
        return functools.wraps(draw)(lambda *given, **named: None)

    monkeypatch.setattr(style, "save", lambda figure, path: path.touch())
    monkeypatch.setattr(report, "PLOTS", tuple(replace(plot, draw=nothing(plot.draw)) for plot in PLOTS))
    for module in (comparison, ledger_plots, tracks):
        for name, draw in inspect.getmembers(module, inspect.isfunction):
            if draw.__module__ == module.__name__:
                monkeypatch.setattr(module, name, nothing(draw))


@pytest.mark.parametrize("folder", WITH_EVERY_WORD)
def test_a_report_is_made_of_its_tables(folder, tmp_path, undrawn):
    """Every number, interval and sentence again from the tables: the same bytes."""
    copy = tmp_path / folder.name
    shutil.copytree(folder / "tables", copy / "tables")
    write(copy)
    assert (copy / "report.md").read_bytes() == (folder / "report.md").read_bytes()
    for part in ("figures", "statistics"):
        drawn, shown = ({path.name for path in (where / part).iterdir()} for where in (copy, folder))
        assert drawn == shown
    for path in (copy / "statistics").iterdir():
        assert path.read_bytes() == (folder / "statistics" / path.name).read_bytes()


@pytest.mark.skipif(not (ROOT / "results" / "across").is_dir(), reason="Nothing is published over several workloads.")
def test_the_report_over_several_workloads_is_made_of_their_tables(tmp_path):
    """By the command that it names: the same bytes."""
    shown = ROOT / "results" / "across"
    (command,) = re.findall(r"`python -m actbench.report (.*?)`", (shown / "report.md").read_text(encoding="utf-8"))
    across.write([ROOT / folder for folder in command.split()], tmp_path)
    for name in ["report.md", *(f"statistics/{path.name}" for path in (shown / "statistics").iterdir())]:
        assert (tmp_path / name).read_bytes() == (shown / name).read_bytes(), name
    assert {p.name for p in (tmp_path / "figures").iterdir()} == {p.name for p in (shown / "figures").iterdir()}


def test_the_list_of_what_is_published_is_made_of_it():
    assert (ROOT / "results" / "README.md").read_text(encoding="utf-8") == index.listed(ROOT / "results")


def test_a_folder_is_listed_with_its_question_its_claims_and_its_first_finding(tmp_path):
    for name, text in {"mean_drift": "# Drift\n\n- It grows \\| fast.\n- More.\n", "own": "# own: mine\n"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.md").write_text(text)
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger" / "ledger.csv").write_text(
        "results,claim,verdict_on_claim\nmean_drift,C17,mixed\nmean_drift,C17,mixed\nmean_drift,C13,supported\n"
    )
    index.write(tmp_path)
    *_, first, second = (tmp_path / "README.md").read_text().splitlines()
    assert first == (
        "| [mean_drift](mean_drift/report.md) | Do the output means of stacked sigmoids drift from layer to layer, and "
        "does normalisation help? | C17 mixed, C13 supported | It grows \\| fast. |"
    )
    assert second == "| [own](own/report.md) | mine |  |  |"


def test_without_a_ledger_there_is_no_list(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        index.write(tmp_path)
    assert str(caught.value) == (
        f"There is no ledger in {tmp_path}: make it with python -m actbench.ledger {tmp_path}."
    )


def test_the_ledgers_command_writes_both(tmp_path, capsys):
    assert ledger_main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'ledger' / 'report.html'}\n{tmp_path / 'README.md'}\n"
    assert (tmp_path / "README.md").is_file()


@pytest.mark.parametrize("folder", PUBLISHED, ids=lambda folder: folder.name)
def test_what_is_published_can_be_compared(folder):
    """One PROTOCOL, this one; a commit without uncommitted changes; nothing failed."""
    runs = store.collect(folder).runs
    assert set(runs["protocol"]) == {identity.PROTOCOL}
    assert not runs["commit"].str.endswith("+").any()
    assert not (runs["status"] == "failed").any()


def test_the_readmes_table_is_the_reports():
    (work,) = workloads(store.collect(ROOT / "results" / "digits_mlp"))
    runs = work.tables.runs
    heading, *rows = numbers.ranking_table(ranking.ranking(runs), runs, ranking.ranked(runs))
    wanted = ["activation", "test loss (nats)", "test accuracy", "n"]
    expected = [[row[heading.index(name)] for name in wanted] for row in rows]
    shown = [[cell.strip() for cell in line.strip("|").split("|")] for line in README.splitlines()]
    start = shown.index(wanted)
    found = shown[start + 2 : start + 14]
    assert found == expected[:12]


def test_the_readme_tells_where_its_numbers_come_from():
    runs = store.collect(ROOT / "results" / "digits_mlp").runs
    for column in ("device_name", "torch", "commit"):
        (value,) = runs[column].unique()
        assert value in README
    assert f"PROTOCOL {identity.PROTOCOL}" in README


def test_the_readmes_speed_is_the_reports():
    measured = store.collect(ROOT / "results" / "speed")
    ratios = tables.ratios(tables.rounds(measured)).set_index(["case", "arm", "against"])
    row = ratios.loc["mnist, mlp", "actbench", "tutorial loop"]
    (commit,) = measured.runs.loc[measured.runs["task.comparison"] == "tutorial", "commit"].unique()
    assert (
        f"Training the MLP takes the tutorial's loop {tables.interval(row['ratio'], row['low'], row['high'])} "
        f"times as long (median of {row['n']} rounds, one thread, Intel Xeon, PROTOCOL {identity.PROTOCOL}, "
        f"commit {commit})"
    ) in " ".join(README.split())
    row = ratios.loc["mnist, cnn", "actbench", "tutorial loop"]
    told = f"the CNN on MNIST {tables.interval(row['ratio'], row['low'], row['high'])};"
    assert told in " ".join(README.split())


def test_the_readmes_count_of_pairs_that_are_turned():
    orders = pd.read_csv(ROOT / "results" / "mnist_mlp_corners" / "statistics" / "corner_orders.csv").set_index("track")
    turned, pairs = orders["turned"], orders["pairs"].iloc[0]
    assert set(orders["shown"]) == {0}
    told = (
        f"Of {pairs} pairs of means there the initialisation alone turns {turned['matched_init']} round, the rate "
        f"{turned['tuned_lr']}, both {turned['tuned']}, none of them told apart both ways"
    )
    assert told in " ".join(README.split())


def test_the_readmes_count_of_verdicts_that_stay():
    """`differences.csv` of the three workloads: better or worse on the shared track, and the same on the tuned one."""
    kept, found = {}, {}
    for name in ("mnist_mlp", "mnist_cnn", "cifar10_cnn"):
        table = pd.read_csv(ROOT / "results" / name / "statistics" / "differences.csv")
        table = table[table["value"] == "test_loss"]
        tuned = table["workload"].str.contains("track=tuned")
        shared, tuned = (table[rows].set_index("variant")["verdict"] for rows in (~tuned, tuned))
        shared = shared[shared.isin(["better", "worse"])]
        found[name], kept[name] = len(shared), int((tuned.reindex(shared.index) == shared).sum())
    told = (
        f"Of {sum(found.values())} verdicts better or worse at one learning rate {sum(kept.values())} stay when each "
        f"has its own, {kept['mnist_mlp']} of {found['mnist_mlp']} in the MLP, "
        f"{kept['mnist_cnn'] + kept['cifar10_cnn']} of {found['mnist_cnn'] + found['cifar10_cnn']} in the CNNs;"
    )
    assert told in " ".join(README.split())


def test_the_readmes_losses_that_are_higher_on_the_tuned_track():
    runs = store.collect(ROOT / "results" / "mnist_mlp").runs
    loss, rate = (runs.pivot_table(index="act", columns="track", values=name) for name in ("test_loss", "optim.lr"))
    higher = loss["tuned"] > loss["shared"]
    same = int((rate["tuned"] == rate["shared"])[higher].sum())
    told = f"In the MLP {higher.sum()} of {len(loss)} losses are higher on it, {same} of them at the same rate."
    assert told in " ".join(README.split())


def test_the_readmes_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).is_file(), target


def test_the_readme_stays_short():
    assert len(README.splitlines()) < 150


def test_the_ledger_is_decided_from_what_is_published(tmp_path, undrawn):
    """The same bytes again; a verdict is what its interval says of the claimed set; n is as declared; figures exist."""
    shown = ROOT / "results" / "ledger"
    evidence = decide.Evidence(ROOT / "results")
    decided = [(claim, decide.decisions(claim, evidence)) for claim in CLAIMS]
    assert decide.table(decided, evidence).to_csv(index=False) == (shown / "ledger.csv").read_text(encoding="utf-8")
    page.write(tmp_path, decided, sources=decide.sources(decided, evidence))
    assert (tmp_path / "report.md").read_bytes() == (shown / "report.md").read_bytes()
    for claim, own in decided:
        assert (shown / "figures" / f"{claim.id}.png").is_file() == any(len(decision.values) for decision in own)
        for decision in own:
            regime = decision.regime
            inside = regime.low <= decision.low and decision.high <= regime.high
            outside = decision.high < regime.low or decision.low > regime.high
            if decision.verdict in ("supported", "refuted"):
                assert (inside, outside) == (decision.verdict == "supported", decision.verdict == "refuted")
                assert regime.rule == "identity" or len(decision.values) == regime.n
