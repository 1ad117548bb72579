"""Which activation suits a network: the rule, its sentences, and the first page that shows them."""

import dataclasses

import numpy as np
import pages
import pandas as pd
import pytest
import synthetic
from invented_site import PUBLISHED, invent

from actbench.command.options import options
from actbench.compare.tracks import SHARED, TUNED
from actbench.report import results_folder
from actbench.site import choice, home, learned, situations, sources, standing
from actbench.tables.store import write


def _rows(*verdicts: tuple[str, float, str, str]) -> pd.DataFrame:
    """Places of the MLP on digits, shared, from (variant, change, verdict, tier)."""
    table = pd.DataFrame(verdicts, columns=["variant", "change", "verdict", "tier"])
    fixed = {"results": "digits_mlp", "setting": "", "track": SHARED, "reference": "relu", "n": 10}
    ends = {"low": table["change"] - 0.1, "high": table["change"] + 0.1}
    return table.assign(**fixed, **ends, act=table["variant"].str.partition(" ")[0])


def test_the_default_is_the_largest_improvement_that_may_be_the_best():
    chosen = choice.choose(
        _rows(
            ("a", -0.5, "better", "failed"),
            ("b", -0.4, "better", "undecided"),  # not in the set of the best
            ("c", -0.3, "better", "may be the best"),
            ("d", -0.35, "better", "equivalent to the best"),
            ("e", -0.2, "undecided", "may be the best"),
            ("f", 0.3, "worse", "worse"),
            ("g", 0.9, "worse", "worse"),
            ("h", 0.0, "equivalent", "undecided"),
        )
    )
    assert (chosen.reference, chosen.default, chosen.alternatives) == ("relu", "d", ["c"])
    assert (chosen.avoid, chosen.undecided, chosen.num) == (["a", "g", "f"], ["e"], 8)


def test_the_reference_is_the_default_where_nothing_is_better():
    rows = _rows(
        ("a", 0.01, "equivalent", ""), ("b", -0.1, "undecided", "equivalent to the best"), ("c", 0.1, "undecided", "")
    )
    chosen = choice.choose(rows)
    assert (chosen.default, chosen.alternatives, chosen.avoid) == ("relu", ["b", "a"], [])
    assert chosen.undecided == ["c"]


def test_a_workload_without_a_best_set_has_a_choice_too():
    assert choice.choose(_rows(("a", -0.2, "better", ""), ("b", 0.2, "worse", "failed"))).default == "a"


def test_a_situation_takes_its_track_and_its_setting():
    rows = _rows(("a", 0, "better", ""), ("b", 0, "better", ""), ("c", 0, "better", "")).assign(
        setting=["model.depth=8", "model.depth=80", "init=he, model.depth=8"], track=[SHARED, SHARED, TUNED]
    )
    deep = situations.Situation("deep MLP", "MNIST", "digits_mlp", setting="model.depth=8")
    assert deep.rows(rows)["variant"].tolist() == ["a"]
    assert situations.Situation("MLP", "MNIST", "digits_mlp").rows(rows)["variant"].tolist() == ["a", "b"]


def test_every_situation_names_an_experiment_that_is_there():
    assert {one.experiment for one in situations.SITUATIONS} <= set(options("experiment"))
    assert len({(one.place, one.track) for one in situations.SITUATIONS}) == len(situations.SITUATIONS)


@pytest.fixture
def catalogue(tmp_path):
    return sources.read(invent(tmp_path))


def test_the_first_page_has_a_row_for_each_network(catalogue, tmp_path):
    to = tmp_path / "pages"
    (to / "activations").mkdir(parents=True)
    for name in ("mish", "relu"):
        (to / "activations" / f"{name}.md").touch()
    (to / "results" / "mnist_gan").mkdir(parents=True)
    (to / "results" / "mnist_gan" / "report.md").touch()
    home.write(catalogue, to)
    lines = (to / "index.md").read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| ")][1:]
    mish, relu = "[mish](activations/mish.md)", "[relu](activations/relu.md)"
    table = pd.read_parquet(PUBLISHED / "tables" / "cost.parquet").set_index(
        ["function", "pass", "size", "dtype", "mode"]
    )
    ratios = table.xs(("forward+backward", "outside cache", "float32", "eager"), level=[1, 2, 3, 4])["ratio"]
    fast = f"leaky_relu negative_slope=0.2, {ratios['leaky_relu']:.2g} × ReLU's time"  # as good, and the fastest
    assert cells[0][2:7] == ["one for all", mish, "–", fast, "gelu"]
    assert cells[1][2:7] == ["tuned for each", relu, mish, relu, "–"]
    assert cells[2][:3] == ["MLP", "MNIST", "one for all or tuned for each"]
    assert [cells[2][3], cells[2][7]] == [
        "not&nbsp;measured&nbsp;yet",
        "`+experiment=mnist_mlp`, an estimated 9 core-hours",
    ]
    assert [cells[-1][3], cells[-1][7]] == ["not compared yet", "[its report](results/mnist_gan/report.md)"]


def test_a_track_that_is_not_measured_has_its_command(catalogue, tmp_path):
    """Though its experiment has a report, of the other track."""
    to = tmp_path / "pages"
    (to / "results" / "digits_mlp").mkdir(parents=True)
    (to / "results" / "digits_mlp" / "report.md").touch()
    home.write(dataclasses.replace(catalogue, places=catalogue.places.query("track == 'shared'")), to)
    lines = (to / "index.md").read_text(encoding="utf-8").splitlines()
    (row,) = [line for line in lines if "8×8 digits" in line and "tuned for each" in line]
    assert "not&nbsp;measured&nbsp;yet" in row
    assert "`+experiment=digits_mlp`" in row


def test_a_sweep_without_relu_is_compared_with_the_reference_that_it_states(tmp_path):
    """A GAN's discriminator with slopes of which 0 is the reference: from tables over the report to the chooser."""
    fld = {0.0: 4.0, 0.1: 4.0, 0.2: 2.0, 0.3: 8.0}
    stated = {"seeds": 6, "depth": 1, "epochs": 1, "reference": "leaky_relu negative_slope=0.0"}
    tables = pages.concatenated(
        *(synthetic.tables(["leaky_relu"], **stated, **{"act.negative_slope": slope}) for slope in fld)
    )
    level = tables.runs["act.negative_slope"].map(fld) * np.random.default_rng(0).uniform(0.99, 1.01, len(tables.runs))
    others = [f"{split}_{name}" for split in ("test", "val") for name in ("loss", "accuracy")]
    runs = tables.runs.assign(test_fld=level, **dict.fromkeys(others, np.nan))
    results_folder.write(synthetic.results_folder(tmp_path / "results" / "mnist_gan", tables._replace(runs=runs)))
    found = sources.read(tmp_path / "results").places
    gan = next(one for one in situations.SITUATIONS if one.experiment == "mnist_gan")
    chosen = choice.choose(gan.rows(found))
    zero, tenth, fifth, most = (f"leaky_relu negative_slope={slope}" for slope in (0, 0.1, 0.2, 0.3))
    assert (chosen.reference, chosen.default, chosen.avoid) == (zero, fifth, [most])
    assert set(found["variant"]) == {tenth, fifth, most}
    assert home.answer({gan: chosen}).endswith(f"{fifth} is better than {zero}.")
    assert standing.against_reference("leaky_relu", found).startswith("No published sweep compares")
    assert gan.place not in standing.not_measured("leaky_relu", found)


def test_the_answer_counts_the_measured_situations():
    one, two, three = situations.SITUATIONS[:3]
    better = choice.choose(_rows(("mish", -0.2, "better", "")))
    kept = choice.choose(_rows(("mish", 0.2, "worse", "")))
    assert "yet" in home.answer({})
    assert home.answer({one: better, two: kept}) == (
        "In the MLP on 8×8 digits, at one learning rate for all, mish is better than relu. "
        "In the MLP on 8×8 digits, tuned for each, none is shown to be better than relu."
    )
    assert home.answer(dict.fromkeys((one, two, three), better)).startswith("In 3 of the 3 situations")


def test_an_activation_s_answer_names_the_network_and_both_tracks(catalogue):
    said = standing.against_reference("mish", catalogue.places)
    assert said == (
        "In the MLP on 8×8 digits, mish is better than relu at one learning rate for all (−25\u202f% [−30, −20]) and "
        "is as good as relu, within 10 % of its error, tuned for each (1\u202f% [−6, 8])."
    )
    assert "fails in at least one run" in standing.against_reference("gelu", catalogue.places)
    assert "No published sweep" in standing.against_reference("silu", catalogue.places)
    elsewhere = _rows(("mish beta=2", -0.2, "better", "")).assign(results="adhoc")
    assert standing.against_reference("mish", elsewhere) == "Against relu, mish is better in 1 of 1 comparison."
    assert standing.not_measured("mish", catalogue.places)[0] == "MLP on MNIST"
    assert standing.not_measured("silu", catalogue.places)[0] == "MLP on 8×8 digits"


def test_of_many_networks_the_answer_has_the_numbers():
    folders = ("digits_mlp", "mnist_mlp", "mnist_cnn")
    rows = pd.concat([_rows(("mish", 0, "better", "")).assign(results=name) for name in folders])
    rows.iloc[2, rows.columns.get_loc("verdict")] = "worse"
    assert (
        standing.against_reference("mish", rows) == "Against relu, mish is better in 2 and worse in 1 of 3 comparisons."
    )


def test_what_was_learned_is_the_mean_of_the_last_step_by_layer(tmp_path):
    (tmp_path / "swept" / "tables").mkdir(parents=True)
    write(synthetic.tables(["prelu", "relu"], seeds=3, depth=2), tmp_path / "swept" / "tables")
    (row,) = learned.read(tmp_path).to_dict("records")
    assert (row["results"], row["act"], row["parameter"], row["at the start"]) == ("swept", "prelu", "weight", "0.25")
    ends = [float(row[f"layer {i}"].partition(" ")[0].replace("−", "-")) for i in (1, 2)]
    assert ends == pytest.approx([0.25 - 0.05 * i * 3.0004 for i in (1, 2)], abs=2e-4)  # log10(1001) = 3.0004
