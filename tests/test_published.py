"""Published pages agree with their tables: every report under results/."""

import re
import shutil
from pathlib import Path

import audit
import pandas as pd
import pytest

from actbench.ledger import index
from actbench.measure.streams import PROTOCOL
from actbench.report import across
from actbench.report.results_folder import write
from actbench.tables import store
from benchmarks.speed import report as speed_report

pytestmark = pytest.mark.published
ROOT = Path(__file__).resolve().parent.parent
LISTED = re.findall(r"\]\((\w+)/report\.md\)", (ROOT / "results" / "README.md").read_text(encoding="utf-8"))
PUBLISHED = [
    ROOT / "results" / name for name in LISTED if (ROOT / "results" / name / "tables" / "runs.parquet").is_file()
]
REMADE = [
    pytest.param(folder, id=folder.name)
    for folder in PUBLISHED
    if audit.protocol(folder) == PROTOCOL  # reports of older ones were made by older rules
]


def assert_the_same(path: Path, published: Path) -> None:
    pd.testing.assert_frame_equal(pd.read_csv(path), pd.read_csv(published), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("folder", REMADE)
def test_a_report_is_made_from_its_tables(folder, tmp_path):
    """Made again from the tables, a page is the same to the byte, and its statistics are but for rounding.

    They are written with all their bits, of which processors differ in the last.
    """
    copy = tmp_path / folder.name
    shutil.copytree(folder / "tables", copy / "tables")
    for beside in {one.parent for one in folder.parent.glob("*/report.md")} - {folder}:
        (tmp_path / beside.name).symlink_to(beside)
    runs, _, _ = measured = store.collect(copy)
    if "task.comparison" in runs:
        speed_report.write(copy, measured, [])
    else:
        write(copy)
    assert (copy / "report.md").read_bytes() == (folder / "report.md").read_bytes()
    for name in ("figures", "statistics"):
        files, published = ({path.name for path in (root / name).glob("*")} for root in (copy, folder))
        assert files == published
    for path in (copy / "statistics").iterdir():
        assert_the_same(path, folder / "statistics" / path.name)


@pytest.mark.skipif(not (ROOT / "results" / "across").is_dir(), reason="Nothing is published over several workloads.")
def test_the_report_over_several_workloads_is_made_from_their_tables(tmp_path, undrawn):
    """The command that it names makes the same bytes again."""
    published = ROOT / "results" / "across"
    (command,) = re.findall(r"`python -m actbench.report (.*?)`", (published / "report.md").read_text(encoding="utf-8"))
    if any(audit.protocol(ROOT / folder) < PROTOCOL for folder in command.split()):
        pytest.skip("It was made under an older PROTOCOL, by older rules.")
    across.write([ROOT / folder for folder in command.split()], tmp_path)
    assert (tmp_path / "report.md").read_bytes() == (published / "report.md").read_bytes()
    for path in (published / "statistics").iterdir():
        assert_the_same(tmp_path / "statistics" / path.name, path)
    figures, published_figures = (
        {path.name for path in (root / "figures").iterdir()} for root in (tmp_path, published)
    )
    assert figures == published_figures


def test_the_list_of_published_folders_is_made_from_them():
    assert (ROOT / "results" / "README.md").read_text(encoding="utf-8") == index.render(ROOT / "results")


@pytest.mark.parametrize("folder", PUBLISHED, ids=lambda folder: folder.name)
def test_published_runs_can_be_compared(folder):
    """They have one PROTOCOL, this one or an older one, a commit without uncommitted changes, and none has failed."""
    runs = store.collect(folder).runs
    (protocol,) = runs["protocol"].unique()
    assert 1 <= protocol <= PROTOCOL
    assert not runs["commit"].str.endswith("+").any()
    assert not (runs["status"] == "failed").any()
