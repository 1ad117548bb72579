"""The four tracks from shared to tuned: effects by hand, the sentences on them, and when there is a section."""

import numpy as np
import pandas as pd
import pytest
import synthetic
from pages import concatenated, headings, report_of

from actbench.compare import comparison, init_or_rate
from actbench.compare.workloads import workloads
from actbench.report.sections.tracks import sentences
from actbench.tables.schema import Tables

SEEDS = 8
INIT = {"shared": "torch", "tuned_init": "matched", "tuned_lr": "torch", "tuned": "matched"}
BASE = {"relu": 0.2, "elu": 0.3, "mish": 0.4}
# What each track adds to the loss: the tuned init .05 for elu; the tuned rate −.15 for mish; and both .02 more.
ADDED = {
    "shared": {}, "tuned_init": {"elu": 0.05}, "tuned_lr": {"mish": -0.15}, "tuned": {"elu": 0.07, "mish": -0.15},
}  # fmt: skip


def tables(*tracks: str, seeds: int = SEEDS) -> Tables:
    parts = []
    for track in tracks:
        is_tuned = track in ("tuned_lr", "tuned")
        rates = {"relu": 0.1, "elu": 0.3, "mish": 0.01} if is_tuned else dict.fromkeys(BASE, 0.001)
        for name, base in BASE.items():
            config = {"track": track, "init": INIT[track], "optim.lr": rates[name]}
            part = synthetic.tables([name], seeds=seeds, depth=1, epochs=1, **config)
            noise = np.random.default_rng(0).uniform(-0.01, 0.01, size=seeds)
            run_noise = np.random.default_rng(sum(map(ord, track + name))).uniform(-1e-6, 1e-6, size=seeds)
            loss = base + ADDED[track].get(name, 0.0) + noise + run_noise
            measured = {"test_loss": loss, "test_accuracy": 1 - loss, "test_right": None, "steps_to_target": np.inf}
            parts.append(part._replace(runs=part.runs.assign(**measured)))
    frames = concatenated(*parts)
    return frames._replace(epochs=frames.epochs[:0], layers=frames.layers[:0])


def corners(*tracks: str, seeds: int = SEEDS) -> list[init_or_rate.Corners]:
    works = workloads(tables(*tracks, seeds=seeds))
    return init_or_rate.corners_of(works, [comparison.compare_workload(work) for work in works])


@pytest.fixture(scope="module")
def four() -> init_or_rate.Corners:
    (only,) = corners(*INIT)
    return only


def test_effects_by_hand(four) -> None:
    effects = four.effects.pivot_table("mean", "variant", "effect")
    for name, expected in {"relu": [0, 0, 0, 0], "elu": [0.05, 0, 0.07, 0.02], "mish": [0, -0.15, -0.15, 0]}.items():
        assert effects.loc[name, list(init_or_rate.EFFECTS)].tolist() == pytest.approx(expected, abs=1e-5)
    assert set(four.effects["n"]) == {SEEDS}


def test_orders_by_hand(four) -> None:
    """relu < elu < mish; with the tuned rate mish (.25) passes elu (.3): one of three pairs, τ = (2 − 1) / 3."""
    table = four.orders.set_index("track")
    assert table["turned"].to_dict() == {"tuned_init": 0, "tuned_lr": 1, "tuned": 1}
    assert table.loc["tuned_lr", ["pairs", "tau", "low", "high"]].tolist() == pytest.approx([3, 1 / 3, 1 / 3, 1 / 3])
    assert table["shown"].to_dict() == {"tuned_init": 0, "tuned_lr": 1, "tuned": 1}
    assert four.difference == pytest.approx((2 / 3, 2 / 3))


def test_sentences_on_the_four_tracks(four) -> None:
    verdicts = four.verdicts.copy()
    verdicts.loc["elu", "tuned"] = "undecided"
    assert "rate is the shared one" not in " ".join(sentences(four._replace(same_rate=None)))
    assert sentences(four._replace(verdicts=verdicts)) == [
        "Of 3 pairs of activations 1 stand the other way round on the tuned track than on the shared one "
        "(τ = 0.33 [0.33, 0.33]): the tuned init alone turns 0 of the 3 (τ = 1.00 [1.00, 1.00]), the tuned learning "
        "rate alone 1 (τ = 0.33 [0.33, 0.33]), and the learning rate changes the ranking more than the initialisation.",
        "The tuned rate is the shared one for 0 of 3.",
        "Turned is by the means: told apart on both tracks, one way and the other, are 0 of the 0 pairs, 1 of 1 and 1 "
        "of 1 (every pair tested, Benjamini and Hochberg).",
        "The verdict against relu depends on the corner for elu (shared: worse, tuned_init: worse, tuned_lr: worse, "
        "tuned: undecided).",
    ]


def test_variants_whose_tuned_rate_is_the_shared_one_are_counted() -> None:
    shared = pd.DataFrame({"variant": ["a", "a", "b", "c"], "optim.lr": [0.1, 0.1, 0.1, 0.1]})
    tuned = pd.DataFrame({"variant": ["c", "b", "a", "a"], "optim.lr": [0.3, 0.1, 0.1, 0.1]})
    assert init_or_rate._same_rate(shared, tuned, ["a", "b", "c"]) == 2
    assert init_or_rate._same_rate(shared, tuned, ["c"]) == 0
    assert init_or_rate._same_rate(shared, tuned.drop(columns="optim.lr"), ["a"]) is None


def test_without_all_four_tracks_there_are_no_corners() -> None:
    assert corners("shared", "tuned_init", "tuned") == []


def test_without_a_comparison_there_are_no_corners() -> None:
    assert corners(*INIT, seeds=3) == []


@pytest.mark.usefixtures("unrendered")
def test_the_section_of_a_report(tmp_path) -> None:
    markdown, _ = report_of(tmp_path, tables(*INIT))
    fold = markdown.split("<details><summary>Does the ranking survive tuning?</summary>")[1].split("</details>")[0]
    assert headings(fold, "###") == [
        "Both tracks, shared against tuned track",
        "Four tracks, initialisation or learning rate",
        "Both tracks, was tuning worse?",
    ]
    assert "\nOf 3 pairs of activations 1 stand" in fold
    assert "(figures/w1-corners.png)" in markdown
    assert "| elu | 0.05000 |" in markdown
    assert (tmp_path / "here" / "statistics" / "corners.csv").is_file()
