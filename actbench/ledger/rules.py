"""What each rule computes: rows -> one number per seed -> a case that `compare.sequential` decides.

    bound        the column itself
    difference   the column minus the same column in the rows of `against`, seed by seed
    log_ratio    the difference of their logarithms; the ends of the claimed set are factors
    no_worse, worse, equivalent, differs, better, lower, at_least
                 error rates, seed by seed, against a multiple of the reference's, see ERRORS
    distance     the mean over layers of the absolute difference to the rows of `against`, minus that of `than` to them
    sooner       whether the column is lower than in the rows of `against`, by an exact sign test
    left_start   the root mean square over layers of a learned parameter's way from its first to its last value
    trend        the Theil–Sen slope of the column along the column `over`, minus that of `against`, if any
    computed     numbers of a table with their error bounds, see `facts`

A seed that was measured and has no number counts against the statement.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import scipy.stats

from actbench.compare.sequential import Bound, Change, Images
from actbench.compare.sequential import Case as Tested
from actbench.ledger.cases import Case
from actbench.ledger.claims import Atom, ClaimError
from actbench.ledger.evidence import Evidence, one_setting, select
from actbench.tables.bits import unpack

Side = Literal["above", "below"]
_SIDES: tuple[Side, Side] = ("above", "below")  # of the low end of a claimed set, and of its high end
_LIES = {True: "inside", False: "outside"}
# For each rule of error rates: factors f and the side of 0 on which the mean of e − f e_reference must lie. m: the margin.
ERRORS: dict[str, Callable[[float], list[tuple[float, Side]]]] = {
    "no_worse": lambda m: [(m, "below")],
    "worse": lambda m: [(m, "above")],
    "equivalent": lambda m: [(m, "below"), (2 - m, "above")],
    "differs": lambda m: [(m, "below"), (2 - m, "above")],  # and outside of these
    "better": lambda m: [(2 - m, "below")],
    "lower": lambda m: [(1, "below")],
    "at_least": lambda m: [(m, "above")],
}


@dataclass(frozen=True)
class Setting:
    """A case with its numbers.

    Attributes:
        tested: What `compare.sequential` decides.
        level, reference: The column in the rows and in those of the reference, by seed.
    """

    case: Case
    tested: Tested
    level: np.ndarray
    reference: np.ndarray | None = None


class Rows(NamedTuple):
    """The rows of a case: its own, those of the reference, those of a second comparison."""

    where: pd.DataFrame
    against: pd.DataFrame | None
    than: pd.DataFrame | None


def rows_of(atom: Atom, case: Case, evidence: Evidence) -> Rows | None:
    """The rows of a case; None where a table is not published."""
    reference = str(case.against.get("results", case.results))
    own, other = (evidence.frame(results, atom.table) for results in (case.results, reference))
    if own is None or other is None:
        return None

    def rows(frame: pd.DataFrame, where: Mapping[str, Any]) -> pd.DataFrame:
        rows = one_setting(select(frame, where), where) if atom.rule != "trend" else select(frame, where)
        if "seed" not in rows or atom.column not in rows:
            missing = "seed: with rule=computed it needs none" if "seed" not in rows else atom.column
            raise ClaimError(f"The table {atom.table} of {case.results} has no column {missing}.")
        return rows

    return Rows(
        rows(own, case.where),
        rows(other, case.reference) if case.against else None,
        rows(own, case.second) if case.than else None,
    )


def setting(atom: Atom, case: Case, rows: Rows, *, seeds: np.ndarray) -> Setting:
    """A case with its numbers on these seeds, by the atom's rule."""
    if atom.rule in ERRORS:
        return _errors(atom, case, rows, seeds)
    measure = {"distance": _distance, "sooner": _sooner, "left_start": _left_start, "trend": _trend}
    values, level, reference = measure.get(atom.rule, _column)(atom, rows)
    tested = _within(atom, values.reindex(seeds), measured=np.isin(seeds, values.index))
    other = None if reference is None else reference.reindex(seeds).to_numpy(float)
    return Setting(case, tested, level.reindex(seeds).to_numpy(float), other)


Numbers = tuple[pd.Series, pd.Series, pd.Series | None]  # by seed: the number of the rule, the levels of which it is made


def _column(atom: Atom, rows: Rows) -> Numbers:
    """Rules bound, difference and log_ratio."""
    level = by_seed(rows.where, atom.column, atom.reduce)
    if rows.against is None:
        return level, level, None
    reference = by_seed(rows.against, atom.column, atom.reduce)
    both = pd.DataFrame({"level": level, "reference": reference}).loc[level.index.intersection(reference.index)]
    with np.errstate(invalid="ignore", divide="ignore"):
        if atom.rule == "log_ratio":
            both = np.log(both)
        return both["level"] - both["reference"], level, reference


def _distance(atom: Atom, rows: Rows) -> Numbers:
    own, against, than = (
        _last(frame).groupby(["seed", "layer_index"])[atom.column].mean()
        for frame in (rows.where, rows.against, rows.than)
    )  # fmt: skip
    to_own, to_than = ((other - against).abs().groupby("seed").mean() for other in (own, than))
    seeds = to_own.index.intersection(to_than.index)
    return to_own[seeds] - to_than[seeds], to_own, to_than


def _sooner(atom: Atom, rows: Rows) -> Numbers:
    """+1 where it is sooner, −1 where later, 0 where not decided; a target that was missed is later than any."""
    level, reference = (by_seed(frame, atom.column, "mean") for frame in (rows.where, rows.against))
    seeds = level.index.intersection(reference.index)
    both = np.where(level[seeds].isna() | reference[seeds].isna(), np.nan, 0)
    signs = both + (level[seeds] < reference[seeds]) - (level[seeds] > reference[seeds])
    return pd.Series(signs, index=seeds), level, reference


def _left_start(atom: Atom, rows: Rows) -> Numbers:
    layers = rows.where.sort_values("step").groupby(["seed", "layer_index"])[atom.column]
    way = (layers.last() - layers.first()) ** 2
    level = np.sqrt(way.groupby("seed").mean())
    return level, level, None


def _trend(atom: Atom, rows: Rows) -> Numbers:
    slopes = _slopes(atom, rows.where)
    if rows.against is None:
        return slopes, slopes, None
    reference = _slopes(atom, rows.against)
    return (slopes - reference)[slopes.index.intersection(reference.index)], slopes, reference


def _slopes(atom: Atom, rows: pd.DataFrame) -> pd.Series:
    numbers = rows.assign(value=pd.to_numeric(rows[atom.column]), over=pd.to_numeric(rows[atom.over]))
    slopes = {
        seed: scipy.stats.theilslopes(points, points.index.to_numpy(float)).slope
        for seed, line in numbers.groupby("seed")
        if len(points := by_seed(line.assign(seed=line["over"]), "value", atom.reduce).dropna()) > 1
    }
    return pd.Series(slopes, dtype=float)


def by_seed(rows: pd.DataFrame, column: str, reduce: str) -> pd.Series:
    """A column reduced to one number per seed; nan where it has none."""
    values = pd.to_numeric(rows[column]).astype(float)
    if reduce == "rms":
        return np.sqrt((values**2).groupby(rows["seed"]).mean())
    if reduce == "max_abs":
        return values.abs().groupby(rows["seed"]).max()
    return values.groupby(rows["seed"]).agg(reduce)


def _last(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["step"] == rows.groupby(["run_id", "seed"])["step"].transform("max")]


def _within(atom: Atom, values: pd.Series, *, measured: np.ndarray) -> Tested:
    """The claim that the mean lies in the claimed set; by an exact sign test for orders."""
    numbers, ends = values.to_numpy(float), np.array([atom.low, atom.high])
    if atom.rule == "log_ratio":
        with np.errstate(divide="ignore"):
            ends = np.log(ends)
    bounds = []
    for end, side in zip(ends, _SIDES, strict=True):
        worst = np.inf if (side == "below") != atom.outside else -np.inf
        if np.isfinite(end):
            bounds.append(Bound(np.where(measured & np.isnan(numbers), worst, numbers - end), side))
    shown = (1 + numbers) / 2 if atom.rule == "sooner" else numbers
    return Tested(tuple(bounds), shown, outside=atom.outside, exact=atom.rule == "sooner")


def _errors(atom: Atom, case: Case, rows: Rows, seeds: np.ndarray) -> Setting:
    """A rule of error rates, with the variance over test images where all seeds are tested on the same."""
    frames = (rows.where, rows.against)
    a, b = (1 - by_seed(frame, atom.column, "mean").reindex(seeds).to_numpy(float) for frame in frames)
    images = _images(frames, seeds) if atom.column == "test_accuracy" else None
    bounds = tuple(
        Bound(a - factor * b, side, images and images.weighted(1.0, -factor))
        for factor, side in ERRORS[atom.rule](atom.margin)
    )
    tested = Tested(bounds, Change(a, b, images), outside=atom.rule == "differs")
    return Setting(case, tested, a, b)


def _images(frames: Sequence[pd.DataFrame], seeds: np.ndarray) -> Images | None:
    """Which images each of the two has wrong, by seed; None where seeds have test sets of their own, or it is unknown.

    A seed that diverged classifies no image.
    """
    needed = ("test_right", "num_test_images")
    if any(name not in frame for frame in frames for name in needed) or any(
        frame.get("data.num_folds", pd.Series(dtype=float)).notna().any() for frame in frames
    ):
        return None
    rights = [frame.dropna(subset=list(needed)).drop_duplicates("seed").set_index("seed") for frame in frames]
    counts = {int(count) for right in rights for count in right["num_test_images"]}
    known = np.isin(seeds, rights[0].index) & np.isin(seeds, rights[1].index)
    if len(counts) != 1 or not known.any():
        return None
    wrong = np.zeros((2, len(seeds), counts.pop()), dtype=bool)
    for place, right in zip(wrong, rights, strict=True):
        for row in np.flatnonzero(known):
            place[row] = ~unpack(*right.loc[seeds[row], list(needed)])
    return Images(((1.0, wrong[0]), (-1.0, wrong[1])), known)


@dataclass(frozen=True)
class Fact:
    """A computed number with its bounds, and whether it lies in the claimed set: inside, outside, or across its end."""

    case: Case
    value: float
    low: float
    high: float
    lies: str


def facts(atom: Atom, case: Case, frame: pd.DataFrame) -> list[Fact]:
    """The numbers of a table under a case, one per row.

    The lower end of a number is `<column>_low`, else `low`, else the number minus its `error`; its upper end likewise.
    """
    rows = select(frame, case.where)
    if atom.column not in rows:
        raise ClaimError(f"The table {atom.table} of {case.results} has no column {atom.column}.")
    values = pd.to_numeric(rows[atom.column]).to_numpy(float)
    error = rows["error"].fillna(0).to_numpy(float) if "error" in rows else 0.0
    lows, highs = (
        np.asarray(rows.get(f"{atom.column}_{end}", rows.get(end, values + sign * error)), dtype=float)
        for end, sign in (("low", -1), ("high", 1))
    )
    found = []
    for value, low, high in zip(values, lows, highs, strict=True):
        inside = atom.low <= low and high <= atom.high
        outside = high < atom.low or low > atom.high
        found.append(Fact(case, value, low, high, _LIES[inside != atom.outside] if inside or outside else "across"))
    return found
