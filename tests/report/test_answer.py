"""What a page says first: choices among many, the ledger's statements, means over settings; and the figure for it."""

import numpy as np
import pandas as pd
import pytest
import synthetic
from pages import concatenated, numbers

from actbench.compare.comparison import compare_workload
from actbench.compare.workloads import workloads
from actbench.report import answer, atoms, means, measures, question
from actbench.tables.schema import Tables

MANY = ["relu", *[name for name in synthetic.NAMES if name not in ("relu", "custom")][:14]]


def with_errors(tables: Tables, errors: dict[str, float], *, chance: tuple[str, ...] = ()) -> Tables:
    """The same tables with these test errors up to noise; what is at chance has the loss of a guess."""
    rng = np.random.default_rng(3)
    noise = rng.normal(0, 0.0004, size=len(tables.runs))
    error = tables.runs["act"].map(errors).astype(float) + noise
    guess = tables.runs["act"].isin(chance)
    losses = tables.runs["test_loss"].mask(guess, np.log(10))
    changed = {"test_accuracy": 1 - error, "test_right": None, "test_loss": losses, "data.num_classes": 10}
    return tables._replace(runs=tables.runs.assign(**changed))


def said(tables: Tables, found: pd.DataFrame | None = None, *, is_yes_or_no: bool = False) -> list[str]:
    works = workloads(tables)
    comparisons = [compare_workload(work) for work in works]
    found = pd.DataFrame(columns=atoms.COLUMNS) if found is None else found
    return answer.answer(works, comparisons, found, is_yes_or_no=is_yes_or_no)


def test_a_choice_among_many_names_the_better_counts_the_equal_and_warns_of_what_does_not_learn():
    errors = dict.fromkeys(MANY, 0.2) | {"relu": 0.1, MANY[1]: 0.05, MANY[2]: 0.06, MANY[3]: 0.1, MANY[4]: 0.9}
    tables = synthetic.tables(MANY, seeds=10, depth=1, epochs=1)
    better, equal, avoid = said(with_errors(tables, errors, chance=(MANY[4],)))
    assert better == f"{MANY[1]} and {MANY[2]} are better than relu."
    assert numbers(equal)[:3] == [1, 14, 10]
    assert avoid == f"Avoid {MANY[4]} (10 of 10 seeds): so many seeds diverge or stay at chance."


def test_two_tracks_are_answered_in_one_sentence_each():
    errors = dict.fromkeys(MANY, 0.1) | {MANY[1]: 0.05}
    shared, tuned = (synthetic.tables(MANY, seeds=10, depth=1, epochs=1, track=t) for t in ("shared", "tuned"))
    tables = concatenated(with_errors(shared, errors), with_errors(tuned, dict.fromkeys(MANY, 0.1)))
    better, equal = said(tables)
    assert better == (
        f"With one learning rate for all, {MANY[1]} is better than relu; "
        "tuned for each, none of 14 is shown to be better than relu."
    )
    assert numbers(equal)[:2] == [13, 14]


def atom(**values) -> dict:
    row = {
        "claim": "C90",
        "atom": "a",
        "kind": "claimed",
        "states": "It is so.",
        "verdict": "true",
        "n": 10,
        "low": 0.1,
    }
    row |= {"high": 0.3, "column": "out_mean", "act": "tanh", "is_relative": False, "sentence": "By 0.2."}
    return row | values


def test_a_question_for_yes_or_no_is_answered_by_statements_any_other_by_means():
    tables = concatenated(*(synthetic.tables(["relu", "tanh"], seeds=3, norm=norm) for norm in ("none", "batch")))
    found = pd.DataFrame([atom(), atom(atom="b", verdict="false", act="")])
    first, second, third = said(tables, found, is_yes_or_no=True)
    assert (first, second) == ("True for tanh: “It is so.” By 0.2.", "False: “It is so.” By 0.2.")
    assert third.startswith("With relu the change of the output mean from the first to the last layer is ")
    assert said(tables, found) == [third, first, second]


def test_a_control_that_failed_comes_first():
    found = pd.DataFrame([atom(), atom(atom="c", kind="control", verdict="not shown", states="It learns.")])
    first, *_ = said(synthetic.tables(["tanh"], seeds=3), found, is_yes_or_no=True)
    assert first == "Not shown for tanh: “It learns.” By 0.2."


def test_what_is_not_measured_is_no_answer():
    found = pd.DataFrame([atom(verdict="not measured"), atom(verdict="cited")])
    (sentence,) = said(synthetic.tables(["tanh"], seeds=3), found, is_yes_or_no=True)
    assert sentence.startswith("tanh has a mean test error of ")


def test_means_over_settings_are_those_of_the_tables_with_the_settings_of_their_ends():
    """The change from the first layer to the last, by hand: at the last step, mean over seeds, by setting."""
    several = [synthetic.tables(["elu", "tanh"], seeds=4, norm=norm) for norm in ("none", "batch")]
    halved = several[1].layers.assign(out_mean=lambda layers: layers["out_mean"] / 2)
    tables = concatenated(several[0], several[1]._replace(layers=halved))
    works = workloads(tables)
    measure = measures.of("out_mean", works)
    assert measure is not None
    sentence = means.sentence(measure, "out_mean", works)
    runs = tables.runs.set_index(["run_id", "seed"])[["act", "norm"]]
    last = tables.layers[tables.layers["step"] == tables.layers["step"].max()]
    wide = last.pivot_table("out_mean", ["run_id", "seed"], "layer_index")
    change = (wide[3] - wide[1]).groupby([runs["act"], runs["norm"]]).mean()
    words = {"none": "no norm", "batch": "batch"}
    for name in ("elu", "tanh"):
        each = [f"{change[name][norm]:.2f}".replace("-", "−") + f" ({words[norm]})" for norm in ("batch", "none")]
        assert f"th {name} " in sentence
        assert " and ".join(each) in sentence
    assert sentence.endswith("(means of 4 seeds).")


def test_of_many_variants_a_title_names_the_lowest_and_the_highest():
    names = ["celu", "elu", "gelu", "mish", "prelu", "relu", "silu", "tanh"]
    works = workloads(synthetic.tables(names, seeds=3))
    by_act = works[0].tables.runs.groupby("act")["test_accuracy"].mean()
    measure = measures.of("test_accuracy", works)
    assert measure is not None
    assert means.sentence(measure, "test_accuracy", works) == ""
    title = means.title(measure, "test_accuracy", works)
    low, high = (f"{100 * by_act[name]:.1f}\u202f% with {name}" for name in (by_act.idxmin(), by_act.idxmax()))
    assert f" {low} to {high}, the ends of 8 variants " in title


def test_a_learned_parameter_is_said_of_those_that_learn_it_however_many_do_not():
    tables = synthetic.tables(["celu", "elu", "gelu", "mish", "prelu", "relu", "silu", "tanh"], seeds=2)
    learning = tables.layers["run_id"].isin(tables.runs.loc[tables.runs["act"] == "prelu", "run_id"])
    slopes = tables.layers["layer_index"].where(learning) / 8
    works = workloads(tables._replace(layers=tables.layers.assign(**{"act.weight": slopes})))
    measure = measures.of("learned.weight", works)
    assert measure is not None
    sentence = means.sentence(measure, "learned.weight", works)
    assert sentence.startswith("With prelu the learned weight by layer is ")
    assert "tanh" not in sentence


@pytest.mark.parametrize(("depth", "listed"), [(3, True), (9, False)])
def test_a_learned_parameter_is_listed_by_layer_where_there_are_few(depth: int, listed: bool):
    tables = synthetic.tables(["prelu"], seeds=2, depth=depth)
    slopes = tables.layers["layer_index"] / 8
    works = workloads(tables._replace(layers=tables.layers.assign(**{"act.weight": slopes})))
    measure = measures.of("learned.weight", works)
    assert measure is not None
    sentence = means.sentence(measure, "learned.weight", works).partition(" (means")[0]
    expected = [layer / 8 for layer in (range(1, depth + 1) if listed else (1, depth))]
    assert numbers(sentence) == pytest.approx(expected, abs=0.006)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("gain", 0.5),
        ("w2_normal", 0.25),
        ("saturation", 60.0),
        ("saturation_high", 15.0),
        ("dead", 50.0),
        ("learned.weight", 0.1),
    ],
)
def test_a_measure_of_layers_by_hand(column: str, expected: float):
    """Two layers at one probe: the gradient halves from the second to the first, the last layer's distance is 1/4."""
    layers = pd.DataFrame({
        "run_id": "r", "seed": 0, "variant": "f", "step": 0, "layer": ["hidden.0", "hidden.1"], "layer_index": [1, 2],
        "grad_rms": [0.5, 1.0], "w2_normal": [0.75, 0.25], "saturation_low": [0.1, 0.5], "saturation_high": [0.2, 0.1],
        "dead": [0.5, 0.25], "act.weight": [0.1, 0.1],
    })  # fmt: skip
    runs = pd.DataFrame({"run_id": ["r"], "seed": [0], "variant": ["f"]})
    measure = measures.of(column, [])
    assert measure is not None
    values = measure.values(Tables(runs, runs[:0], layers), column)["value"]
    assert numbers(measure.write(float(values.iloc[0])).replace("\u202f%", "")) == [expected]


def test_questions_are_read_from_the_experiments():
    assert question.is_yes_or_no(question.question("linear_collapse", pd.DataFrame()))
    assert not question.is_yes_or_no(question.question("vanishing", pd.DataFrame()))
    assert question.command("vanishing") == "python -m actbench +experiment=vanishing"
    assert question.command("adhoc") == ""


def test_atoms_are_those_that_name_the_folder_and_are_kept_beside_its_tables(tmp_path):
    rows = [
        atom(results="mine, other"),
        atom(atom="b", kind="control", results="mine"),
        atom(atom="c", results="other"),
    ]
    ledger = pd.DataFrame(rows)
    (tmp_path / "ledger").mkdir()
    sentences = ["claim", "atom", "column", "act", "is_relative", "sentence"]
    ledger[sentences].to_csv(tmp_path / "ledger" / "sentences.csv", index=False)
    ledger.drop(columns=sentences[2:]).to_csv(tmp_path / "ledger" / "ledger.csv", index=False)
    found = atoms.of(tmp_path / "mine")
    assert found["atom"].tolist() == ["a", "b"]
    assert found["sentence"].tolist() == ["By 0.2."] * 2
    (tmp_path / "ledger" / "ledger.csv").unlink()
    pd.testing.assert_frame_equal(atoms.of(tmp_path / "mine"), found)
    assert not len(atoms.of(tmp_path / "other"))
