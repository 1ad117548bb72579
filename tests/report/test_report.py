"""The report of a results folder: its sections and figures, what it leaves out, its errors; from tables alone."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import synthetic
from pages import concatenated, folds, headings, line, numbers, report_of

from actbench.compare.workloads import NothingToReportError
from actbench.report import results_folder
from actbench.report.__main__ import main as report_main
from actbench.tables import atomic
from actbench.tables.schema import Tables
from actbench.tables.store import compact

FIELD = "How a run is set into its field"
FOLDS = ["All results", "Training", "Diagnosis by layer", "What was run, and how to repeat it"]
PARTS = [
    "In numbers", "Learning curves", "Saturation by layer", "Output mean and bias by layer", "Gradient by layer",
    "Learned parameters", "In numbers",
]  # fmt: skip


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results folder of a comparison with its report, every figure drawn."""
    tables = synthetic.tables(["prelu", "relu", "mish"], seeds=3, diverged=("mish",))
    folder = synthetic.results_folder(tmp_path_factory.mktemp("report") / "here", tables)
    results_folder.write(folder)
    return folder


@pytest.mark.xdist_group("comparison")  # its report is made once
def test_a_comparison_has_every_section_and_every_figure(comparison: Path) -> None:
    markdown, html = ((comparison / name).read_text("utf-8") for name in ("report.md", "report.html"))
    assert headings(markdown, "#") == ["How do mish, prelu and relu compare on digits?"]
    assert folds(markdown) == FOLDS
    assert headings(markdown, "###") == [*PARTS, "Runs that diverged or failed"]
    assert (
        markdown.index(" has the lowest mean test error, ")
        < markdown.index("![Ranking]")
        < markdown.index("| network |")
    )
    assert numbers(line(markdown.split("<details>")[0], "| runs | ")) == [9, 8, 1, 0]
    assert "| initialisation | he: He normal: N(0, 2 / fan_in), biases 0 (He et al. 2015, eq. 10) |" in markdown
    assert "| mish | diverged | 1 of 3 | 0 |  |" in markdown
    figures = re.findall(r"\]\((figures/.*\.png)\)", markdown)
    assert sorted(figures) == sorted(f"figures/{p.name}" for p in (comparison / "figures").iterdir())
    assert html.count("<img ") == len(figures) == 6


@pytest.mark.usefixtures("unrendered")
def test_a_single_run_of_one_seed_has_only_the_sections_that_apply(tmp_path: Path) -> None:
    markdown, _ = report_of(tmp_path, synthetic.tables(["relu"], seeds=1, depth=1))
    assert headings(markdown, "#") == ["What does relu reach on digits?"]
    assert folds(markdown) == [*FOLDS[:-1], FIELD, FOLDS[-1]]
    assert headings(markdown, "###") == [
        title for title in PARTS if title not in ("Gradient by layer", "Learned parameters")
    ]
    assert "others" not in markdown
    assert "| seeds | 1 seed each |" in markdown
    assert "overlap it" not in markdown
    assert "nan" not in markdown.lower()
    assert "first layer |" not in markdown


@pytest.mark.usefixtures("unrendered")
def test_runs_without_layers_or_epochs_have_no_empty_sections(tmp_path: Path) -> None:
    tables = synthetic.tables(["relu"], seeds=2)
    markdown, _ = report_of(tmp_path, tables._replace(epochs=tables.epochs[:0], layers=tables.layers[:0]))
    assert folds(markdown) == [FOLDS[0], FIELD, FOLDS[-1]]
    assert headings(markdown, "###") == ["In numbers"]


@pytest.mark.usefixtures("unrendered")
def test_probes_without_training_have_no_ranking_figure(tmp_path: Path) -> None:
    tables = synthetic.tables(["relu", "tanh"], seeds=2)
    measured = ["test_loss", "test_accuracy", "val_loss", "val_accuracy", "train_seconds", "samples_per_second"]
    runs = tables.runs.assign(**dict.fromkeys(measured, np.nan))
    layers = tables.layers[tables.layers["step"] == 0]
    markdown, _ = report_of(tmp_path, Tables(runs, tables.epochs[:0], layers))
    assert folds(markdown) == FOLDS[2:]
    assert not [title for title in headings(markdown, "###") if title.endswith("over training") or title == "Time"]
    assert "| training | none: measured at initialisation |" in markdown
    assert "at the end |" not in markdown


def test_failed_runs_are_listed_and_have_no_other_section(tmp_path: Path) -> None:
    tables = synthetic.tables(["relu"], seeds=1)
    runs = tables.runs.assign(status="failed", message="Traceback\n  line\nValueError: a | b", test_loss=np.nan)
    markdown, _ = report_of(tmp_path, Tables(runs, tables.epochs[:0], tables.layers[:0]))
    assert folds(markdown) == FOLDS[-1:]
    assert "![" not in markdown
    assert "| relu | failed | 1 of 1 | 0 | ValueError: a \\| b |" in markdown


@pytest.mark.usefixtures("undrawn")
def test_settings_stand_side_by_side_in_every_figure_and_table(tmp_path: Path) -> None:
    tables = concatenated(
        *(synthetic.tables(["relu", "elu"], seeds=2, depth=1, data=data) for data in ("mnist", "digits"))
    )
    markdown, _ = report_of(tmp_path, tables)
    assert folds(markdown) == FOLDS
    assert len(headings(markdown, "###")) == len({*headings(markdown, "###")}) + 1  # two tables, all else once
    results = markdown.split("### In numbers")[1]
    rows = [re.findall(rf"^\| {act} · (\w+) \|", results, flags=re.M) for act in ("relu", "elu")]
    assert [row[:2] for row in rows] == [["digits", "mnist"]] * 2
    assert "| differs by setting | data |" in markdown
    assert "(figures/ranking.png)" in markdown


@pytest.mark.usefixtures("undrawn")
def test_more_rows_than_a_table_has_room_for_are_a_table_for_each_setting(tmp_path: Path) -> None:
    tables = concatenated(
        *(synthetic.tables(synthetic.NAMES[:21], seeds=1, depth=1, epochs=1, data=data) for data in ("mnist", "digits"))
    )
    markdown, _ = report_of(tmp_path, tables)
    assert {"In numbers: mnist", "In numbers: digits"} <= {*headings(markdown, "###")}
    assert headings(markdown, "###").count("Saturation by layer") == 1


@pytest.mark.usefixtures("undrawn")
def test_run_ids_narrow_the_report_and_old_figures_are_removed(tmp_path: Path) -> None:
    digits, mnist = (synthetic.tables(["relu", "elu"], seeds=1, depth=1, data=data) for data in ("digits", "mnist"))
    folder = synthetic.results_folder(tmp_path, concatenated(digits, mnist))
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "mine.png").write_bytes(b"")
    results_folder.write(folder)
    results_folder.write(folder, run_ids={mnist.runs["run_id"].iloc[0]})
    markdown = (folder / "report.md").read_text("utf-8")
    assert "| data | mnist: " in markdown
    assert "data=digits" not in markdown
    assert "8×8" not in markdown
    assert "| elu |" in markdown
    names = {path.name for path in (folder / "figures").iterdir()}
    assert "mine.png" in names
    assert not [name for name in names if name.startswith("w")]


@pytest.mark.xdist_group("comparison")
def test_the_same_tables_give_the_same_bytes_compacted_or_not(comparison: Path, tmp_path: Path) -> None:
    again = tmp_path / comparison.name
    shutil.copytree(comparison / "runs", again / "runs")
    compact(again)
    assert results_folder.write(again) == again / "report.html"
    names = ["report.md", "report.html", *(f"figures/{path.name}" for path in (comparison / "figures").iterdir())]
    assert len(names) > 2
    assert {name: (again / name).read_bytes() for name in names} == {
        name: (comparison / name).read_bytes() for name in names
    }


def test_everything_in_a_strangers_tables_is_shown_as_text(tmp_path: Path) -> None:
    evil = "<img src=x onerror=alert(1)>|[a](javascript:alert(1)) $\\frac{ {{ 7 * 7 }}"
    tables = synthetic.tables(["relu"], seeds=2, data=evil, **{"act.kind": evil})
    runs = tables.runs.assign(act=evil, status="diverged", message=evil, device_name=evil, commit=evil)
    _, html = report_of(tmp_path, tables._replace(runs=runs))
    assert "<img src=x" not in html
    assert 'href="javascript' not in html
    assert "&lt;img src=x onerror=alert(1)&gt;|[a](javascript:alert(1)) $\\frac{ {{ 7 * 7 }}" in html
    for row in re.findall(r"<tr>.*?</tr>", html, flags=re.S):
        assert len(re.findall(r"<t[dh]", row)) in (2, 5, 8, 11, 12)


@pytest.mark.parametrize(
    ("prepare", "sentence"),
    [
        (
            lambda folder: None,
            "There are no results in {folder}: a results folder holds tables/ or runs/. "
            "Give the folder that a run printed, for instance results/adhoc.",
        ),
        (
            lambda folder: (folder / "runs").mkdir(parents=True),
            "There are no results in {folder}: a results folder holds tables/ or runs/. "
            "Give the folder that a run printed, for instance results/adhoc.",
        ),
        (
            lambda folder: next(
                synthetic.results_folder(folder, synthetic.tables(["relu"])).rglob("epochs.parquet")
            ).unlink(),
            "{folder}/runs/01914927/epochs.parquet is missing: a run has the tables runs, epochs, layers.",
        ),
        (
            lambda folder: next(
                synthetic.results_folder(folder, synthetic.tables(["relu"])).rglob("runs.parquet")
            ).write_bytes(b"?"),
            "{folder}/runs/01914927/runs.parquet cannot be read: Parquet file size is 1 bytes, smaller than ",
        ),
    ],
    ids=["no folder", "empty", "a table missing", "a table corrupt"],
)
def test_an_error_is_one_sentence_on_stderr(prepare, sentence: str, tmp_path: Path, capsys) -> None:
    folder = tmp_path / "results"
    prepare(folder)
    assert report_main([str(folder)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert printed.err.startswith(f"actbench.report: {sentence.format(folder=folder)}")
    assert not (folder / "report.md").exists()


@pytest.mark.usefixtures("undrawn")
def test_the_path_of_the_report_is_printed(tmp_path: Path, capsys) -> None:
    folder = synthetic.results_folder(tmp_path, synthetic.tables(["relu"], seeds=1, epochs=1))
    assert report_main([str(folder)]) == 0
    assert capsys.readouterr().out == f"{folder / 'report.html'}\n"


@pytest.mark.usefixtures("undrawn")
def test_a_file_that_is_left_out_is_named_on_stderr(tmp_path: Path, capsys) -> None:
    folder = synthetic.results_folder(tmp_path, synthetic.tables(["relu", "tanh"], seeds=1, epochs=1))
    missing = next(folder.rglob("epochs.parquet"))
    missing.unlink()
    assert report_main([str(folder)]) == 0
    assert capsys.readouterr() == (
        f"{folder / 'report.html'}\n",
        f"left out: {missing} is missing: a run has the tables runs, epochs, layers.\n",
    )


def test_the_error_names_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch, capsys) -> None:
    folder = synthetic.results_folder(tmp_path, synthetic.tables(["relu"], seeds=1, epochs=1))

    def read_only(path: Path) -> None:
        raise OSError(30, "Read-only file system", f"{path}/.report.1@here")

    monkeypatch.setattr(atomic, "temporary", read_only)
    assert report_main([str(folder)]) == 2
    assert capsys.readouterr() == (
        "",
        f"actbench.report: The report cannot be written to {folder} (Read-only file system).\n",
    )


@pytest.mark.usefixtures("undrawn")
def test_a_sweep_with_the_properties_of_its_functions_has_a_sweeps_report(tmp_path: Path, capsys) -> None:
    """As digits_mlp: only the catalogue's own folder has the catalogue's report."""
    folder = synthetic.results_folder(tmp_path, synthetic.tables(["relu"], seeds=1, epochs=1))
    (folder / "tables").mkdir(exist_ok=True)
    shutil.copy(
        Path(__file__).parents[2] / "results" / "functions" / "tables" / "properties.parquet", folder / "tables"
    )
    assert report_main([str(folder)]) == 0
    assert capsys.readouterr().out == f"{folder / 'report.html'}\n"
    assert (folder / "report.md").read_text("utf-8").startswith("# What does relu reach on digits?")


def test_unknown_run_ids_are_an_error(tmp_path: Path) -> None:
    folder = synthetic.results_folder(tmp_path, synthetic.tables(["relu"], seeds=1, epochs=1))
    with pytest.raises(NothingToReportError) as error:
        results_folder.write(folder, run_ids=["nothing"])
    assert str(error.value) == "None of the runs nothing is in the tables."


def test_the_reporting_side_never_imports_torch_or_hydra() -> None:
    modules = "actbench.report.__main__, actbench.report.functions"
    code = f"import sys, {modules}; print({{'torch', 'hydra', 'omegaconf'}} & set(sys.modules))"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout == "set()\n"
