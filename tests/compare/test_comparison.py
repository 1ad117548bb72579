"""The paired comparison in a report: its sentences, when there is a section, and that every figure can be drawn."""

import re
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import synthetic
from pages import concatenated, headings, report_of

from actbench.compare import comparison
from actbench.compare.workloads import Workload, workloads
from actbench.figures import style
from actbench.report import numbers
from actbench.report.page import Part
from actbench.report.sections import comparison as comparison_section
from actbench.report.sections.verdicts import sentences, table
from actbench.report.writer import saver
from actbench.tables import functions
from actbench.tables.schema import Tables

FACTS = functions.read(Path(__file__).parents[2] / "results" / "functions", "properties")
pytestmark = pytest.mark.usefixtures("unrendered")
OTHERS = [name for name in synthetic.NAMES if name != "relu"]


def workload(count: int, *, seeds: int = 10, **options) -> Workload:
    """relu and others, `count` activations in all."""
    return workloads(synthetic.tables(["relu", *OTHERS[: count - 1]], seeds=seeds, depth=2, epochs=2, **options))[0]


def with_losses(tables: Tables, **losses) -> Tables:
    """The same tables with other losses, a list over seeds for some activations."""
    runs = tables.runs.assign(
        test_loss=[
            losses[act][seed] if act in losses else loss
            for act, seed, loss in zip(tables.runs["act"], tables.runs["seed"], tables.runs["test_loss"], strict=True)
        ]
    )
    return tables._replace(runs=runs)


def test_the_section_stands_after_the_ranking(tmp_path) -> None:
    markdown, _ = report_of(tmp_path, synthetic.tables(["relu", *OTHERS[:7]], seeds=6, depth=1, epochs=1))
    titles = headings(markdown)
    start = titles.index("Ranking")
    assert titles[start + 1 : start + 7] == [
        "Against relu, paired by seed",
        "Rank intervals",
        "Every pair",
        "What goes with a low loss",
        "What goes with a high accuracy",
        "Why: the layers in numbers",
    ]
    linked = re.findall(r"\]\((figures/.*\.png)\)", markdown)
    assert {"figures/forest.png", "figures/rank_intervals.png", "figures/matrix.png"} <= set(linked)
    assert sorted(linked) == sorted(f"figures/{p.name}" for p in (tmp_path / "here" / "figures").iterdir())
    assert "nan" not in markdown.lower()


@pytest.mark.parametrize(("names", "seeds"), [(["relu", "elu"], 4), (["elu", "mish"], 6), (["relu"], 6)])
def test_without_a_reference_or_five_seeds_there_is_no_comparison(names: list[str], seeds: int) -> None:
    (work,) = workloads(synthetic.tables(names, seeds=seeds, depth=1))
    assert comparison.compare_workload(work) is None


def test_a_gan_is_compared_on_its_distance(tmp_path) -> None:
    """FLD has no unit; like that of a loss its margin is a share of the reference's mean."""
    tables = synthetic.tables(["relu", "elu"], seeds=6, depth=1, epochs=1)
    names = [f"{split}_{name}" for split in ("test", "val") for name in ("loss", "accuracy")]
    fld = np.where(tables.runs["act"] == "relu", 3.75, 3.0) + 0.1 * tables.runs["seed"]
    runs = tables.runs.assign(**dict.fromkeys(names, np.nan), test_fld=fld)
    markdown, _ = report_of(tmp_path, tables._replace(runs=runs))
    assert "Against relu on test FLD, paired by seed (6 seeds, 1 comparisons): 1 better (elu)." in markdown
    assert "equivalent means closer to relu than 0.2 (5 % of its mean)." in markdown
    assert "| activation | verdict | Δ test FLD |" in markdown
    assert "±0.2, 5 % of the reference's mean FLD" in markdown
    assert "nats" not in markdown.split("## Ranking")[1].split("## Why")[0]


def test_the_reference_can_be_another_activation() -> None:
    other = comparison.compare_workload(workload(3), reference=OTHERS[0])
    assert other is not None
    assert other.reference == OTHERS[0]
    assert sorted(other.loss["variant"]) == sorted(["relu", OTHERS[1]])


def test_sentences_and_table_of_a_clear_case() -> None:
    seeds = np.random.default_rng(0).uniform(0.9, 1.1, size=10)
    jitter = np.random.default_rng(1).uniform(0.999, 1.001, size=10)
    losses = {"relu": seeds, "elu": seeds * 0.5, "mish": seeds * 2 * jitter, "celu": seeds * jitter}
    tables = with_losses(synthetic.tables(["relu", "elu", "mish", "celu"], depth=1), **losses)
    clear = comparison.compare_workload(workloads(tables)[0])
    assert clear is not None
    texts = sentences(clear)
    assert texts[0] == (
        "Against relu on test loss, paired by seed (10 seeds, 3 comparisons): "
        "1 better (elu); 1 worse (mish); 1 equivalent (celu)."
    )
    assert texts[-1].startswith("What may be concluded: ")
    heading, *rows = table(clear)
    assert [row[heading.index("verdict")] for row in rows] == ["better", "equivalent", "worse"]
    assert [row[heading.index("P(better)")] for row in rows][::2] == ["1.00", "0.00"]


def test_the_report_says_when_seeds_are_too_few_for_the_number_of_comparisons() -> None:
    underpowered = comparison.compare_workload(workload(36, seeds=10))
    assert underpowered is not None
    assert sentences(underpowered)[1] == (
        "With 10 seeds and 35 comparisons the smallest p after Holm is 0.068, so nothing can be called better or worse "
        "here, whatever the difference; 11 seeds could."
    )


def test_five_seeds_are_a_smoke_test() -> None:
    smoke = comparison.compare_workload(workload(3, seeds=5))
    assert smoke is not None
    assert sentences(smoke)[1] == (
        "Smoke: with 5 seeds the smallest p of a signed-rank test is .0625, so nothing can be better or worse."
    )


def test_a_variant_without_a_finite_loss_is_inconclusive_and_can_be_drawn(tmp_path) -> None:
    diverged = workload(4, diverged=(OTHERS[0],))
    compared = comparison.compare_workload(diverged)
    assert compared is not None
    assert "Without a finite loss on every seed, so without a test and inconclusive: 1 of 3." in sentences(compared)
    assert compared.loss.set_index("variant").loc[OTHERS[0], "verdict"] == "inconclusive"
    assert len(parts(diverged, tmp_path)) >= 3


def test_runs_that_diverge_or_stay_at_chance_count_as_failures(tmp_path) -> None:
    tables = synthetic.tables(["relu", "elu"], seeds=6, depth=1, diverged=("elu",))
    runs = tables.runs.assign(test_loss=tables.runs["test_loss"].fillna(np.log(10)), steps_to_target=10.0)
    runs = runs.assign(steps_to_target=runs["steps_to_target"].where(runs["status"] == "done", np.inf))
    titles = {part.title: part for part in parts(workloads(tables._replace(runs=runs))[0], tmp_path)}
    assert "| elu | 1 of 6 | 0.17 [0.00, 0.64] |" in titles["Failures"].table.replace("\\", "")
    assert titles["Steps to the target"].figure == "figures/profiles.png"


def parts(work: Workload, folder: Path) -> list[Part]:
    """The parts of the section on a workload, with its figures saved in a folder."""
    compared = comparison.compare_workload(work)
    assert compared is not None
    order = list(work.tables.runs.groupby("variant")["test_loss"].mean().sort_values().index)
    with mpl.rc_context(style.style()):
        return comparison_section.parts(work, compared, order=order, save=saver(folder))


@pytest.mark.parametrize("count", [2, pytest.param(36, marks=pytest.mark.slow)])
def test_every_figure_can_be_drawn_and_fits_a_page(count: int, tmp_path) -> None:
    tables = workload(count, seeds=6).tables
    runs = tables.runs.assign(steps_to_target=tables.runs["seed"] + 1.0)
    figures = {}

    def save(figure, name):
        figures[name] = figure
        return saver(tmp_path)(figure, name)

    with_steps = Workload("", {}, tables._replace(runs=runs), 0)
    compared = comparison.compare_workload(with_steps, facts=FACTS)
    assert compared is not None
    with mpl.rc_context(style.style()):
        comparison_section.parts(with_steps, compared, order=sorted(runs["variant"].unique()), save=save)
    expected = {"forest", "rank_intervals", "profiles", "matrix"}
    expected |= {"relations", "relations_accuracy", "properties"} if count >= 8 else set()
    expected |= {"matrix_first"} if count > 12 else set()
    assert set(figures) == expected
    for figure in figures.values():
        assert figure.get_figwidth() == style.WIDTH
        assert figure.get_figheight() < 10.7


def both_tracks(**tuned) -> Tables:
    shared = synthetic.tables(["relu", "elu", "mish"], seeds=6, depth=1, epochs=1, track="shared")
    second = synthetic.tables(["relu", "elu", "mish"], seeds=6, depth=1, epochs=1, track="tuned", **tuned)
    return concatenated(shared, second)._replace(epochs=shared.epochs[:0], layers=shared.layers[:0])


def test_two_tracks_are_compared_in_a_section_of_their_own(tmp_path) -> None:
    markdown, _ = report_of(tmp_path, both_tracks(init="matched"))
    assert headings(markdown)[-2:] == ["Does the ranking survive tuning?", "How to read the numbers"]
    assert "- Both tracks, shared against tuned track: Kendall's τ = 1.00" in markdown
    assert "No verdict changes." in markdown
    assert "tuned optim.lr" in markdown
    assert "(figures/w1-tracks.png)" in markdown


def test_the_same_tables_give_the_same_bytes(tmp_path) -> None:
    once, twice = tmp_path / "once", tmp_path / "twice"
    for folder in (once, twice):
        folder.mkdir()
        parts(workload(3, seeds=6), folder)
    assert [p.read_bytes() for p in sorted(once.glob("figures/*"))] == [
        p.read_bytes() for p in sorted(twice.glob("figures/*"))
    ]


def test_a_p_value_in_a_cell() -> None:
    assert [numbers.p_value(p) for p in (np.nan, 0.0001, 0.0123, 1.0)] == ["–", "<0.001", "0.012", "1.000"]
