"""What each rule computes: rows -> one number per seed -> a case that `compare.sequential` decides.

    bound        the column itself
    difference   the column minus the same column in the rows of `against`, seed by seed
    log_ratio    the difference of their logarithms; the ends of the claimed set are factors
    no_worse, worse, equivalent, differs, better, lower, at_least
                 error rates, seed by seed, against a multiple of the reference's, see `compare.errors`
    distance     the mean over layers of the absolute difference to the rows of `against`, minus that of `than` to them
    sooner       whether the column is lower than in the rows of `against`, by an exact sign test
    left_start   the root mean square over layers of a learned parameter's way from its first to its last value
    trend        the Theil–Sen slope of the column along the column `over`, minus that of `against`, if any
    computed     numbers of a table with their error bounds, see `fact`

A seed that was measured and has no number counts against the statement.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import scipy.stats

from actbench.compare import errors
from actbench.compare.statements import Bound
from actbench.compare.statements import Case as Tested
from actbench.ledger.cases import Case
from actbench.ledger.claims import Atom, ClaimError
from actbench.ledger.evidence import Evidence, evaluated, one_setting, select

Side = Literal["above", "below"]
_SIDES: tuple[Side, Side] = ("above", "below")  # of the low end of a claimed set, and of its high end
Narrow = Callable[[pd.DataFrame], pd.DataFrame]


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
    """The rows of a case: its own, those of the reference, those of a second comparison; empty where there is none."""

    where: pd.DataFrame
    against: pd.DataFrame
    than: pd.DataFrame

    @property
    def is_contrast(self) -> bool:
        return len(self.against.columns) > 0


def rows_of(atom: Atom, case: Case, evidence: Evidence, *, narrow: Narrow = evaluated) -> Rows | None:
    """The rows of a case, of them those on evaluation seeds; None where a table is not published."""
    reference = str(case.against.get("results", case.results))
    own, other = (evidence.frame(results, atom.table) for results in (case.results, reference))
    if own is None or other is None:
        return None

    def rows(frame: pd.DataFrame, where: Mapping[str, Any]) -> pd.DataFrame:
        rows = narrow(select(frame, where))
        rows = rows if atom.rule == "trend" else one_setting(rows, where)  # a trend may be over settings
        return _with_column(rows, atom, case) if len(rows) else frame.iloc[:0].assign(**{atom.column: np.nan})

    return Rows(
        rows(own, case.where),
        rows(other, case.reference) if case.against else pd.DataFrame(),
        rows(own, case.second) if case.than else pd.DataFrame(),
    )


def setting(atom: Atom, case: Case, rows: Rows, *, seeds: np.ndarray) -> Setting:
    """A case with its numbers on these seeds, by the atom's rule."""
    if atom.rule in errors.RULES:
        return _errors(atom, case, rows, seeds)
    measure = {"distance": _distance, "sooner": _sooner, "left_start": _left_start, "trend": _trend}
    values, level, reference = measure.get(atom.rule, _column)(atom, rows)
    tested = _within(atom, case, values.reindex(seeds), measured=np.isin(seeds, values.index))
    other = None if reference is None else reference.reindex(seeds).to_numpy(float)
    return Setting(case, tested, level.reindex(seeds).to_numpy(float), other)


# By seed: the number of the rule, and the one or two levels of which it is made.
Numbers = tuple[pd.Series, pd.Series, pd.Series | None]


def _column(atom: Atom, rows: Rows) -> Numbers:
    """Rules bound, difference and log_ratio."""
    level = by_seed(rows.where, atom.column, atom.reduce)
    if not rows.is_contrast:
        return level, level, None
    reference = by_seed(rows.against, atom.column, atom.reduce)
    seeds = level.index.intersection(reference.index)
    own, other = level[seeds], reference[seeds]
    with np.errstate(invalid="ignore", divide="ignore"):
        difference = _log(own) - _log(other) if atom.rule == "log_ratio" else own - other
    return difference, level, reference


def _distance(atom: Atom, rows: Rows) -> Numbers:
    own, against, than = (
        _last(frame).groupby(["seed", "layer_index"])[atom.column].mean()
        for frame in (rows.where, rows.against, rows.than)
    )  # fmt: skip
    to_own, to_than = (_gaps(other, against).groupby("seed").mean() for other in (own, than))
    seeds = to_own.index.intersection(to_than.index)
    return to_own[seeds] - to_than[seeds], to_own, to_than


def _gaps(own: pd.Series, other: pd.Series) -> pd.Series:
    layers = own.index.intersection(other.index)
    return (own[layers] - other[layers]).abs()


def _sooner(atom: Atom, rows: Rows) -> Numbers:
    """+1 where it is sooner, −1 where later, 0 where not decided; a target that was missed is later than any."""
    level, reference = (by_seed(frame, atom.column, "mean") for frame in (rows.where, rows.against))
    seeds = level.index.intersection(reference.index)
    own, other = level[seeds], reference[seeds]
    signs = (own < other).astype(float) - (own > other).astype(float)
    return signs.where(own.notna() & other.notna()), level, reference


def _left_start(atom: Atom, rows: Rows) -> Numbers:
    layers = rows.where.sort_values("step").groupby(["seed", "layer_index"])[atom.column]
    way = (layers.last() - layers.first()) ** 2
    level = way.groupby("seed").mean() ** 0.5
    return level, level, None


def _trend(atom: Atom, rows: Rows) -> Numbers:
    slopes = _slopes(atom, rows.where)
    if not rows.is_contrast:
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
        return (values**2).groupby(rows["seed"]).mean() ** 0.5
    if reduce == "max_abs":
        return values.abs().groupby(rows["seed"]).max()
    if reduce == "last_first":
        by_layer = values.groupby([rows["seed"], rows["layer_index"]]).mean().groupby("seed")
        return by_layer.last() - by_layer.first()
    return values.groupby(rows["seed"]).agg(reduce)


def _log(values: pd.Series) -> pd.Series:
    return pd.Series(np.log(values.to_numpy()), index=values.index)


def _last(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["step"] == rows.groupby(["run_id", "seed"])["step"].transform("max")]


def _within(atom: Atom, case: Case, values: pd.Series, *, measured: np.ndarray) -> Tested:
    """The claim that the mean lies in the claimed set; by an exact sign test for orders."""
    numbers, ends = values.to_numpy(float), (case.low, case.high)
    if atom.rule == "log_ratio":
        ends = (np.log(case.low) if case.low > 0 else -np.inf, np.log(case.high))
    bounds = []
    for end, side in zip(ends, _SIDES, strict=True):
        worst = np.inf if (side == "below") != atom.outside else -np.inf
        if np.isfinite(end):
            bounds.append(Bound(np.where(measured & np.isnan(numbers), worst, numbers - end), side))
    shown = (1 + numbers) / 2 if atom.rule == "sooner" else numbers
    return Tested(tuple(bounds), shown, outside=atom.outside, exact=atom.rule == "sooner")


def _errors(atom: Atom, case: Case, rows: Rows, seeds: np.ndarray) -> Setting:
    """A rule of error rates, on test data with the variance over test images."""
    own, reference = (_errors_of(frame, atom.column, seeds) for frame in (rows.where, rows.against))
    margin = () if atom.margin is None else (atom.margin,)
    return Setting(case, errors.RULES[atom.rule](own, reference, *margin), own.rates, reference.rates)


def _errors_of(rows: pd.DataFrame, column: str, seeds: np.ndarray) -> errors.Errors:
    if rows["seed"].duplicated().any():
        raise ClaimError("An error rate needs one run a seed: say in `where` which.")
    if column == "test_accuracy":
        return errors.errors_of(rows, list(seeds))
    rates = 1 - by_seed(rows, column, "mean").reindex(seeds).to_numpy(float)
    return errors.Errors(rates, None, np.zeros(len(seeds), dtype=bool))


@dataclass(frozen=True)
class Fact:
    """The computed numbers of a case: their mean, the ends of their error bounds, and where they lie.

    `lies` is inside where all lie in the claimed set, outside where one certainly does not, else across.
    """

    case: Case
    mean: float
    low: float
    high: float
    lies: str


def fact(atom: Atom, case: Case, frame: pd.DataFrame) -> Fact | None:
    """What the rows of a table say of a case, one number each; None without a number.

    The lower end of a number is `<column>_low`, else `low`, else the number minus its `error`; its upper end likewise.
    """
    rows = select(frame, case.where)
    if not len(rows):
        return None
    rows = _with_column(rows, atom, case).dropna(subset=[atom.column])
    values = pd.to_numeric(rows[atom.column]).to_numpy(float)
    if not len(values):
        return None
    error = rows["error"].fillna(0).to_numpy(float) if "error" in rows else 0.0
    lows, highs = (
        np.asarray(rows.get(f"{atom.column}_{end}", rows.get(end, values + sign * error)), dtype=float)
        for end, sign in (("low", -1), ("high", 1))
    )
    if atom.reduce != "each":
        values, lows, highs = (
            by_seed(rows.assign(n=x, seed=0), "n", atom.reduce).to_numpy() for x in (values, lows, highs)
        )
    within, beyond = (lows >= case.low) & (highs <= case.high), (highs < case.low) | (lows > case.high)
    inside, outside = (beyond, within) if atom.outside else (within, beyond)
    lies = "inside" if inside.all() else "outside" if outside.any() else "across"
    return Fact(case, values.mean(), lows.min(), highs.max(), lies)


def _with_column(rows: pd.DataFrame, atom: Atom, case: Case) -> pd.DataFrame:
    missing = [
        name for name in ((atom.column,) if atom.rule == "computed" else (atom.column, "seed")) if name not in rows
    ]
    if missing:
        raise ClaimError(f"The table {atom.table} of {case.results} has no column {missing[0]}.")
    return rows
