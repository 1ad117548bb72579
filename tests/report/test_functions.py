"""The report on functions: made from tables alone, self-contained, complete, every number computed."""

import re
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from pages import line, numbers

from actbench.catalogue import cost, curves, entries, identities, points, publish
from actbench.figures.functions import _with_gaps
from actbench.report import functions, page
from actbench.report.__main__ import main
from actbench.tables.functions import Facts, comparison, interval, number, read, write

pytestmark = pytest.mark.xdist_group("functions")  # the folder is made once
NAMES = ("binary_step", "elu", "gelu", "hardsigmoid", "snake", "softplus", "squared_relu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, distances):
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("functions")
    loaded = [entries.load(name) for name in NAMES]
    write(publish.facts_frame(loaded), folder, "properties")
    write(pd.concat(map(curves.curves_of, loaded), ignore_index=True), folder, "curves", csv=False)
    write(distances, folder, "distances")
    write(points.points(), folder, "points")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(identities, "_SPREAD", 16)
        write(identities.identities(), folder, "identities")
    write(identities.overflows(), folder, "overflows")
    sizes = (cost.Size("inside cache", 1024, 1, 3), cost.Size("outside cache", 4096, 1, 3))
    write(cost.costs(loaded[1:3], device=torch.device("cpu"), sizes=sizes, modes=("eager",)), folder, "cost")
    functions.write(folder)
    return folder


def test_the_comparison_holds_the_facts_of_every_function(folder):
    table = comparison(read(folder, "properties")).set_index("function")
    assert list(table.index) == sorted(NAMES)
    assert table.loc["elu", "inf f, sup f"] == "(−1, ∞)"
    assert table.loc["gelu", "inf f, sup f"] == "[−0.16997, ∞)"
    assert table.loc["binary_step", ["zeros", "jumps", "continuity"]].tolist() == ["(−∞, 0]", "0", "jumps"]
    assert table.loc["hardsigmoid", ["kinks", "kinks of f'"]].tolist() == ["−3, 3", "not determined"]
    assert table.loc["elu", ["kinks", "kinks of f'", "continuity"]].tolist() == ["none", "0", "C1"]
    assert table.loc["gelu", ["continuity", "monotonic"]].tolist() == ["≥ C3", "no"]
    assert table.loc["softplus", "at"] == "→ ∞"
    assert table.loc["snake", "at"] == "not determined"
    assert table.loc["elu", "z_hi"] == np.inf


def test_every_function_has_a_card_with_formula_figure_and_facts(folder):
    markdown = (folder / "report.md").read_text("utf-8")
    for name in NAMES:
        card = markdown.split(f"\n### {name}\n")[1].split("\n### ")[0]
        assert entries.load(name).formula[:20].replace("|", r"\|") in card.replace("\\", "")
        assert f"![{name}](figures/{name}.png)" in card
        assert (folder / "figures" / f"{name}.png").stat().st_size > 5000
        for fact in ("inf f, sup f", "asymptotes", "zeros", "order of continuity", "E f²", "gain", "χ\\*"):
            assert f"| {fact}" in card
    assert "| f′′ jumps at 0 | f′′ goes from 1 to 0 |" in markdown  # two primes are written as two
    assert "| jump at 0 | f goes from 0 to 1 |" in markdown
    assert "| kink at 3 | f′ goes from 0.16667 to 0 |" in markdown
    assert "| minimum | −0.169971207 at −0.75179 |" in markdown
    assert "| sup abs f ′, at | ∞, → ∞ |" in markdown


def test_points_have_every_digit(folder):
    markdown = (folder / "report.md").read_text("utf-8")
    assert numbers(line(markdown, "| sigmoid |", "(f(z + h) − f(z)) / h | 1 |"))[-4:] == [
        1, 0.001, 0.1965664984852067, 4e-13,
    ]  # fmt: skip
    assert numbers(line(markdown, "| elu | alpha = 0.01 |", "| left |", "f ′")) == [0.01, 0, 0.01, 9e-16]
    assert numbers(line(markdown, "| hardtanh(−∞, ∞) = identity |", "| float16 |")) == [63488, 0, 0, 0]
    assert numbers(line(markdown, "| log(1 + e\\^z) |"))[-4:] == [709.78, 88.723, 88.5, 11.086]


def test_the_page_opens_with_an_answer_one_figure_and_a_box_and_folds_the_rest(folder):
    """Of the seven, by hand: the step jumps; hardsigmoid has kinks; gelu turns; step and hardsigmoid are flat."""
    markdown = (folder / "report.md").read_text("utf-8")
    opening, *_ = markdown.partition("<details>")
    shapes, costs = re.search(r"\*\*(.+)\*\*\n\n(.+)\n", opening).groups()
    assert numbers(shapes) == [7, 1, 1, 5, 1, 2, 1]
    ratios = read(folder, "cost").query("dtype == 'float32' and size == 'outside cache'")
    ratios = ratios[ratios["pass"] == "forward+backward"].set_index("function")["ratio"]
    assert numbers(costs)[:3] == [float(f"{ratios.median():.2g}"), (ratios <= 1.5).sum(), len(ratios)]
    assert ratios.idxmax() in costs
    assert re.findall(r"!\[.*\]\((.*)\)", opening) == ["figures/overview.png"]
    box = line(opening, "| cost |")
    assert numbers(box)[:2] == [2, len(NAMES)]
    assert "not timed: binary_step, hardsigmoid, snake, softplus, squared_relu;" in box
    assert "\n## " not in re.sub("<details>.*?</details>", "", markdown, flags=re.DOTALL)


def test_the_summary_is_computed_from_the_facts(folder):
    markdown = (folder / "report.md").read_text("utf-8")
    assert numbers(line(markdown, "- Of ", " jump: ", "binary_step")) == [7, 1]
    assert numbers(line(markdown, "minimum is gelu's").partition("gelu's")[2])[0] == -0.16997
    assert numbers(line(markdown, "softplus's of").partition("softplus's of")[2]) == [-2.0611e-09, 20]
    assert "hardsigmoid's `num_derivative_kinks` (" in markdown


def test_the_page_needs_no_other_file_and_its_tables_sort(folder):
    page = (folder / "report.html").read_text("utf-8")
    assert page.count("data:image/png;base64,") == len(NAMES) + 3
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert "aria-sort" in page
    assert page.count("<table") == len(NAMES) + 8


@pytest.mark.slow
def test_a_report_made_again_has_the_same_bytes(folder):
    paths = [folder / "report.html", folder / "report.md", *sorted((folder / "figures").glob("*.png"))]
    before = [path.read_bytes() for path in paths]
    functions.write(folder)
    assert [path.read_bytes() for path in paths] == before


@pytest.mark.usefixtures("unrendered")
def test_cost_is_left_out_where_it_was_not_measured(folder, tmp_path):
    for name in ("properties", "curves", "distances", "points", "identities", "overflows"):
        write(read(folder, name), tmp_path, name)
    functions.write(tmp_path)
    markdown = (tmp_path / "report.md").read_text("utf-8")
    assert "<summary>Cost</summary>" not in markdown
    assert "Forward and backward" not in markdown
    assert not (tmp_path / "figures" / "cost.png").exists()


@pytest.mark.parametrize(
    ("name", "command"), [("properties", "actbench.catalogue"), ("cost", "actbench.catalogue --cost")]
)
def test_the_error_of_a_missing_table_names_the_command_that_writes_it(name, command, tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        read(tmp_path, name)
    path = tmp_path / "tables" / f"{name}.parquet"
    assert str(error.value) == f"There is no {path}: run python -m {command}, which writes it."


@pytest.mark.usefixtures("unrendered")
def test_the_report_command_recognises_a_folder_of_functions(folder, tmp_path, capsys):
    shutil.copytree(folder / "tables", tmp_path / "tables")
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'report.html'}\n"
    assert (tmp_path / "report.md").read_bytes() == (folder / "report.md").read_bytes()


def test_html_in_a_table_is_text(folder):
    rows = [["name"], ["<img src=x onerror=alert(1)> | a_b *c*"]]
    html = page.render(page.table(rows), title="<b>", folder=folder)
    assert "&lt;img src=x onerror=alert(1)&gt; | a_b *c*</td>" in html
    assert "<title>&lt;b&gt;</title>" in html


def test_a_curve_is_broken_where_it_jumps_and_connected_elsewhere():
    z = pd.Series(np.linspace(-1, 1, 64))
    step = pd.Series(np.where(z > 0, 1.0, 0.0))
    assert np.isnan(_with_gaps(step)).sum() == 1
    assert not np.isnan(_with_gaps(np.tanh(5 * z))).any()
    assert np.isnan(_with_gaps(z, z, [0.0])).sum() == 1


def test_the_settings_of_a_family_are_far_enough_apart_to_be_distinguished():
    assert curves.family(1.0) == [0.25, 0.5, 1, 2, 4]
    assert curves.family(0.01) == [0.01, 0.03, 0.1, 0.3]
    assert curves.family(20) == [1, 2, 5, 20]
    assert curves.family(0.0) == [-1, -0.5, 0, 0.5, 1]
    assert curves.family("none") == curves.family(True) == curves.family([1.0]) == []


def test_a_family_leaves_out_settings_that_the_activation_refuses():
    table = curves.curves_of(entries.load("rrelu"))
    assert sorted(table.loc[table["parameter"] == "lower", "setting"].unique()) == [1 / 32, 1 / 16, 1 / 8, 1 / 4]


def test_an_end_within_its_error_of_zero_is_zero():
    facts = [("range_inf", 0, -1.2e-20, "open", 1e-12, ""), ("range_sup", 0, np.inf, "unbounded", np.nan, "")]
    frame = pd.DataFrame(facts, columns=["property", "index", "value", "text", "error", "method"])
    assert Facts(frame).range() == "(0, ∞)"


def test_numbers_and_intervals_in_words():
    assert [number(x) for x in (0.0, -0.0, -1.5, 1 / 3, float("inf"), -float("inf"), float("nan"))] == [
        "0", "0", "−1.5", "0.33333", "∞", "−∞", "",
    ]  # fmt: skip
    assert interval(-float("inf"), 0) == "(−∞, 0]"
    assert interval(2, 2) == "2"
    assert interval(float("inf"), float("inf")) == "→ ∞"


def test_asymptotes_in_words(folder):
    facts = {name: Facts(frame) for name, frame in read(folder, "properties").groupby("function")}
    assert facts["elu"].asymptote("left") == "y = −1"
    assert facts["elu"].asymptote("right") == "y = z"
    assert facts["snake"].asymptote("right") == "none"
