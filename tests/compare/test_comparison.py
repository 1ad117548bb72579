"""The paired comparison in a report: its sentences, when there is a section, and that every figure can be drawn."""

import re
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
import synthetic
from pages import concatenated, folds, line, report_of
from pages import numbers as numbers_in

from actbench.compare import comparison
from actbench.compare.looks import USUAL, Looks
from actbench.compare.workloads import Workload, workloads
from actbench.figures import style
from actbench.report import numbers
from actbench.report.page import Part
from actbench.report.sections import comparison as comparison_section
from actbench.report.sections.verdicts import details, sentences, table
from actbench.report.writer import saver
from actbench.tables import functions
from actbench.tables.schema import Tables

FACTS = functions.read(Path(__file__).parents[2] / "results" / "functions", "properties")
pytestmark = pytest.mark.usefixtures("unrendered")
OTHERS = [name for name in synthetic.NAMES if name != "relu"]


def workload(count: int, *, seeds: int = 10, **options) -> Workload:
    """relu and others, `count` activations in all."""
    return workloads(synthetic.tables(["relu", *OTHERS[: count - 1]], seeds=seeds, depth=2, epochs=2, **options))[0]


def with_errors(tables: Tables, **errors) -> Tables:
    """The same tables with other test errors, a list over seeds for some activations, without the images."""
    keys = zip(tables.runs["act"], tables.runs["seed"], tables.runs["test_accuracy"], strict=True)
    accuracy = [1 - errors[act][seed] if act in errors else value for act, seed, value in keys]
    return tables._replace(runs=tables.runs.assign(test_accuracy=accuracy, test_right=None))


def test_a_comparison_opens_with_its_figure_and_folds_its_numbers(tmp_path) -> None:
    markdown, _ = report_of(tmp_path, synthetic.tables(["relu", *OTHERS[:7]], seeds=6, depth=1, epochs=1))
    titles = [title for title in folds(markdown) if title != "Failures, and loss against error"]
    assert titles == [
        "Each comparison in numbers", "How each was decided", "All results", "Training", "Diagnosis by layer",
        "To explore, not to conclude from", "What was run, and how to repeat it",
    ]  # fmt: skip
    assert markdown.index("(figures/differences.png)") < markdown.index("| use | ") < markdown.index("<details>")
    linked = re.findall(r"\]\((figures/.*\.png)\)", markdown)
    assert {"figures/differences.png", "figures/matrix.png", "figures/relations.png"} <= set(linked)
    assert sorted(linked) == sorted(f"figures/{p.name}" for p in (tmp_path / "here" / "figures").iterdir())
    assert "nan" not in markdown.lower()


@pytest.mark.parametrize(("names", "seeds"), [(["relu", "elu"], 5), (["elu", "mish"], 6), (["relu"], 6)])
def test_without_a_reference_or_the_first_looks_seeds_there_is_no_comparison(names: list[str], seeds: int) -> None:
    (work,) = workloads(synthetic.tables(names, seeds=seeds, depth=1))
    assert comparison.compare_workload(work) is None


def test_a_gan_is_compared_on_its_distance(tmp_path) -> None:
    """By the difference of logarithms."""
    tables = synthetic.tables(["relu", "elu"], seeds=6, depth=1, epochs=1)
    names = [f"{split}_{name}" for split in ("test", "val") for name in ("loss", "accuracy")]
    fld = np.where(tables.runs["act"] == "relu", 3.75, 3.0) + 0.1 * tables.runs["seed"]
    runs = tables.runs.assign(**dict.fromkeys(names, np.nan), test_fld=fld)
    markdown, _ = report_of(tmp_path, tables._replace(runs=runs))
    assert "Against relu on test FLD, paired by seed (6 seeds, 1 comparisons): 1 better (elu)." in markdown
    assert "the estimate is more than 10\u202f% of relu's test FLD" in markdown
    assert "| activation | verdict | Δ test FLD (%) |" in markdown
    assert "nats" not in markdown.split("In numbers")[1].split("</details>")[0]


def test_the_reference_can_be_another_activation() -> None:
    other = comparison.compare_workload(workload(3, reference=OTHERS[0]))
    assert other is not None
    assert other.reference == OTHERS[0]
    assert sorted(other.verdicts["variant"]) == sorted(["relu", OTHERS[1]])


def clear() -> comparison.Comparison:
    seeds = np.random.default_rng(0).uniform(0.09, 0.11, size=10)
    noise = np.random.default_rng(1).uniform(0.99, 1.01, size=(3, 10))
    errors = {"relu": seeds, "elu": seeds * 0.5, "mish": seeds * 2 * noise[0], "celu": seeds * noise[1]}
    errors["gelu"] = seeds + 0.05 * (noise[2] - 1) * np.arange(10)
    tables = with_errors(synthetic.tables(["relu", "elu", "mish", "celu", "gelu"], depth=1), **errors)
    compared = comparison.compare_workload(workloads(tables)[0])
    assert compared is not None
    return compared


def test_sentences_and_tables_of_a_clear_case() -> None:
    compared = clear()
    first, *_, last = sentences(compared)
    assert first == (
        "Against relu on test error, paired by seed (10 seeds, 4 comparisons): "
        "1 better (elu); 1 worse (mish); 2 equivalent (celu and gelu)."
    )
    margin = compared.verdicts["margin_images"].median()
    assert numbers_in(last) == [10, pytest.approx(margin, rel=0.01), 5, 4, 6, 10]  # error, comparisons, looks
    heading, *rows = table(compared)
    assert [row[heading.index("verdict")] for row in rows] == ["better", "equivalent", "equivalent", "worse"]
    assert numbers_in(rows[0][heading.index("Δ test error (%)")])[0] == -50
    assert rows[0][heading.index("seeds")] == "6"  # decided at the first look
    heading, *rows = details(compared)
    assert [row[heading.index("P(better)")] for row in rows][::3] == ["1.00", "0.00"]
    assert {row[heading.index("level")] for row in rows} == {"98.0\u202f%"}


def test_what_is_undecided_has_a_price_and_a_next_look() -> None:
    compared = clear()
    verdicts = compared.verdicts.assign(verdict="undecided", look=[6, 6, 6, 0], price=[3.0, np.inf, 12.0, 4.0])
    texts = sentences(replace(compared, verdicts=verdicts))
    assert numbers_in(texts[1]) == [3, *numbers_in("10,000"), 10]  # all have the ten seeds of the next look already
    more = verdicts.assign(n=6, seconds=900.0)
    assert numbers_in(sentences(replace(compared, verdicts=more))[1]) == [
        3,
        *numbers_in("10,000"),
        10,
        3,
    ]  # of three, four seeds each
    assert numbers_in(texts[2]) == [1, 4, 6]
    at_the_end = replace(compared, verdicts=verdicts.assign(look=10))
    assert "there is no further look" in sentences(at_the_end)[1]
    never = replace(compared, verdicts=verdicts.assign(price=np.inf))
    assert "10,000" in sentences(never)[1]


def test_before_the_first_look_the_report_says_when_it_is(tmp_path) -> None:
    markdown, _ = report_of(tmp_path, synthetic.tables(["relu", "elu"], seeds=3, depth=1, epochs=1))
    assert numbers_in(line(markdown, "No verdicts yet")) == [6, 3]


def test_looks_are_those_that_the_first_seeds_stated() -> None:
    first = synthetic.tables(["relu", "elu"], seeds=2, looks="[2, 4]")
    later = synthetic.tables(["relu", "elu"], seeds=2, first_seed=2, looks="[2, 3, 4]")
    (work,) = workloads(concatenated(later, first))
    assert work.looks == Looks((2, 4))
    (stranger,) = workloads(synthetic.tables(["relu"], seeds=2, looks="soon"))
    assert stranger.looks == USUAL
    without = first._replace(runs=first.runs.drop(columns="looks"))
    assert workloads(without)[0].looks == USUAL


def test_the_a_a_test_finds_little() -> None:
    assert 0 <= clear().null_error <= 0.06


def test_a_variant_with_a_diverged_seed_counts_with_the_error_of_a_guess_and_can_be_drawn(tmp_path) -> None:
    diverged = workload(4, diverged=(OTHERS[0],))
    compared = comparison.compare_workload(diverged)
    assert compared is not None
    assert compared.verdicts.set_index("variant").loc[OTHERS[0], "lost"] == 0
    assert len(parts(diverged, tmp_path)) >= 3


def test_runs_that_diverge_or_stay_at_chance_count_as_failures(tmp_path) -> None:
    tables = synthetic.tables(["relu", "elu"], seeds=6, depth=1, diverged=("elu",))
    runs = tables.runs.assign(test_loss=tables.runs["test_loss"].fillna(np.log(10)), steps_to_target=10.0)
    runs = runs.assign(steps_to_target=runs["steps_to_target"].where(runs["status"] == "done", np.inf))
    titles = {part.title: part for part in parts(workloads(tables._replace(runs=runs))[0], tmp_path)}
    assert "| elu | 1 of 6 | 0.17 [0.00, 0.64] |" in titles["Failures"].table.replace("\\", "")


def parts(work: Workload, folder: Path) -> list[Part]:
    """The parts of the section on a workload, with its figures saved in a folder."""
    compared = comparison.compare_workload(work)
    assert compared is not None
    order = list(work.tables.runs.groupby("variant")["test_loss"].mean().sort_values().index)
    with mpl.rc_context(style.style()):
        return sections(work, compared, order=order, save=saver(folder))


def sections(work: Workload, compared: comparison.Comparison, *, order: list[str], save) -> list[Part]:
    """All that a page says of a comparison."""
    return [
        comparison_section.differences({"": compared}, save=save),
        *comparison_section.decided("", compared),
        *comparison_section.oddities("", compared),
        *comparison_section.exploratory("", work, compared, order=order, save=save),
    ]


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
        sections(with_steps, compared, order=sorted(runs["variant"].unique()), save=save)
    expected = {"differences", "matrix"} | ({"relations", "properties"} if count >= 8 else set())
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
    assert "Does the ranking survive tuning?" in folds(markdown)
    assert "|  | one learning rate for all | tuned for each |" in markdown
    assert "Tuned is worse than shared for 0 of 3." in markdown
    assert "\nKendall's τ = 1.00" in markdown
    assert "No verdict changes." in markdown
    assert "tuned optim.lr" in markdown
    assert "(figures/differences.png)" in markdown


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
