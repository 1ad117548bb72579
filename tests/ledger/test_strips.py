"""The figure of a claim: one axis for what has one unit, a strip for each case with its seeds and its claimed set."""

import itertools

import evidence
import invented_outcomes
import numpy as np
import pytest

from actbench.ledger import figure, words
from actbench.ledger.claims import Atom

LOSS = {"rule": "bound", "results": "here", "column": "test_loss", "claimed": [None, 2.5]}
CHANGE = {"rule": "differs", "results": "here", "where": {"act": "a"}, "against": {"act": "b"}}
FOUR = ("true", "false", "partly", "undecided")


def _decided(verdicts: dict[str, str], **atoms):
    claim = evidence.claim(FOUR if len(atoms) > 1 else None, **atoms)
    return [invented_outcomes.decided(atom, verdicts[atom.name]) for atom in claim.atoms]


def _strips(panel) -> list[tuple[float, float, float]]:
    """The mean and the ends of the interval of each strip, from above."""
    bars = {line.get_ydata()[0]: line.get_xdata() for line in panel.lines if line.get_alpha()}
    dots = {line.get_ydata()[0]: line.get_xdata()[0] for line in panel.lines if line.get_marker() == "o"}
    assert bars.keys() == dots.keys()
    return [(dots[y], *bars[y]) for y in sorted(dots)]


def _shades(panel) -> list[tuple[float, float]]:
    """The ends of the grey behind each strip, from above."""
    boxes = [collection.get_paths()[0].get_extents() for collection in panel.collections]
    return [(box.x0, box.x1) for box in sorted(boxes, key=lambda box: (box.y0, box.x0))]


def test_atoms_of_one_unit_share_an_axis():
    several = {"low": LOSS, "high": {**LOSS, "rule": "difference", "against": {"act": "b"}, "kind": "popular"},
               "other": CHANGE, "sooner": {"rule": "sooner", "results": "here", "against": {"act": "b"}},
               "right": {**LOSS, "column": "test_accuracy", "claimed": [0.9, None]}}  # fmt: skip
    drawn = figure.claim(_decided(dict.fromkeys(several, "true"), **several))
    labels = [panel.get_xlabel() for panel in drawn.axes]
    assert labels == ["test NLL (nats)", "change against the reference", "share"]
    assert [len(_strips(panel)) for panel in drawn.axes] == [2, 1, 2]
    for panel in drawn.axes:
        low, high = panel.get_xlim()
        assert all(low < end < high for strip in _strips(panel) for end in strip)
    height = drawn.get_figheight()
    places = [panel.get_position() for panel in drawn.axes]
    assert all(above.y0 * height > below.y1 * height + 0.3 for above, below in itertools.pairwise(places))


def test_a_strip_has_the_mean_its_interval_each_seed_and_the_claimed_set():
    decided = _decided({"gap": "true"}, gap={**LOSS, "cases": {"act": ["a", "b"]}})
    (panel,) = figure.claim(decided).axes
    estimates = decided[0].estimates
    np.testing.assert_allclose(_strips(panel), [one[1:4] for one in estimates])
    seeds = [line.get_xdata() for line in panel.lines if line.get_marker() == "|"]
    np.testing.assert_allclose(seeds, [setting.tested.shown for setting in decided[0].settings])
    assert [end for _, end in _shades(panel)] == [2.5, 2.5]
    texts = [text.get_text() for text in panel.texts]
    assert texts == ["● So.", "a", "n = 20, look 2 of 3", "b", "n = 20, look 2 of 3"]


def test_a_set_in_which_the_mean_is_claimed_not_to_lie_is_white():
    (panel,) = figure.claim(_decided({"gap": "true"}, gap=CHANGE)).axes
    low, _ = panel.get_xlim()
    below, above = _shades(panel)
    assert below == pytest.approx((low, -0.1))
    assert above[0] == pytest.approx(0.1)
    assert panel.xaxis.get_major_formatter()(0.1).startswith("10")


def test_the_seeds_of_a_change_are_in_the_unit_of_its_mean():
    """FLD ratios of 0.8 and 1.0 are changes of −20 % and 0 %."""
    gap = {
        "rule": "log_ratio",
        "results": "here",
        "column": "test_fld",
        "claimed": [None, 0.9],
        "against": {"act": "b"},
    }
    (atom,) = evidence.claim(gap=gap).atoms
    decided = invented_outcomes.decided(atom, "true", seeds=2)
    decided.settings[0].tested.shown[:] = np.log([0.8, 1.0])
    (values,) = decided.seeds
    np.testing.assert_allclose(values, [-0.2, 0.0], atol=1e-12)


def test_what_is_one_number_for_all_seeds_is_not_drawn():
    (decided,) = _decided({"gap": "true"}, gap=LOSS)
    assert words.is_drawn(decided)
    decided.settings[0].tested.shown[:] = 1.0
    assert not words.is_drawn(decided)
    fact = Atom("custom", "fact", "So.", "cited", ())
    assert not words.is_drawn(invented_outcomes.decided(fact, "cited"))
    assert not words.is_drawn(invented_outcomes.decided(decided.atom, "not measured"))
