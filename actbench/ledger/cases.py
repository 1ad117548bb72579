"""The cases of an atom: the settings over which it says all, most or any.

    cases: {model.depth: [1, 2, 4], act: relu}                                a grid: the product of its lists
    cases: [{results: [mnist_mlp, mnist_cnn]}, {results: digits, seeds: 10}]  grids, one after another
    cases: [{act: smelu, against: {act: relu}}, {act: elu, against: {act: celu}}]  pairs

Keys are columns and narrow `where`; the words of WORDS set something else.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from actbench.tables.text import text

WORDS = ("results", "seeds", "claimed", "where", "against", "than", "chosen_on", "best_of")
_UNNAMED = ("seeds", "claimed", "chosen_on", "best_of")  # no part of a case's name
_MAPPINGS = ("where", "against", "than", "chosen_on", "best_of")


@dataclass(frozen=True)
class Case:
    """One setting of an atom.

    Attributes:
        name: The case in words, `depth 8`; empty for the only one.
        results: The results folder.
        where: The rows: column -> a value, a list of values, None (empty), or `first` or `last` of the column per run
            and seed.
        against: What differs from `where` in the rows of the reference; `results` there names another folder.
        than: What differs from `where` in the rows of a second comparison, see `rules.distance`.
        claimed: The ends of its claimed set, as they are written.
        seeds: The most seeds that this case will ever have, if they are fewer than the last look's.
        chosen_on: For `needs: any`, `results`: the folder with tuning seeds; `without`: keys that do not hold there.
        best_of: Likewise, where lists in `against` stand for the one with the lowest validation error.
    """

    name: str
    results: str
    claimed: Sequence[float | None] | None = None
    where: Mapping[str, Any] = field(default_factory=dict)
    against: Mapping[str, Any] = field(default_factory=dict)
    than: Mapping[str, Any] = field(default_factory=dict)
    seeds: int | None = None
    chosen_on: Mapping[str, Any] | None = None
    best_of: Mapping[str, Any] | None = None

    @property
    def low(self) -> float:
        """The lower end of the claimed set."""
        return -np.inf if self.claimed is None or self.claimed[0] is None else float(self.claimed[0])

    @property
    def high(self) -> float:
        """The upper end of the claimed set."""
        return np.inf if self.claimed is None or self.claimed[1] is None else float(self.claimed[1])

    @property
    def reference(self) -> dict[str, Any]:
        """The rows of the reference, without the name of their folder."""
        return _without_results({**self.where, **self.against})

    @property
    def second(self) -> dict[str, Any]:
        """The rows of the second comparison."""
        return _without_results({**self.where, **self.than})


def expand(entry: Mapping[str, Any]) -> tuple[Case, ...]:
    """The cases of an atom as it is written; one without a name where it has no `cases`."""
    grids = entry.get("cases", {})
    points = [point for grid in (grids if isinstance(grids, list) else [grids]) for point in _product(grid)]
    names = entry.get("names") or _names(points)
    return tuple(_case(entry, point, str(name)) for point, name in zip(points, names, strict=True))


def _product(grid: Mapping[str, Any]) -> list[dict[str, Any]]:
    lists = [value if isinstance(value, list) and key != "claimed" else [value] for key, value in grid.items()]
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*lists)]


def _case(entry: Mapping[str, Any], point: Mapping[str, Any], name: str) -> Case:
    columns = {key: value for key, value in point.items() if key not in WORDS}
    merged: dict[str, Any] = {
        key: {**entry.get(key, {}), **point.get(key, {})} for key in _MAPPINGS if key in entry or key in point
    }
    merged["where"] = {**merged.get("where", {}), **columns}
    results = str(point.get("results", entry.get("results", "")))
    claimed = point.get("claimed", entry.get("claimed"))
    return Case(name, results, claimed, seeds=point.get("seeds"), **merged)


def _names(points: Sequence[Mapping[str, Any]]) -> list[str]:
    """What differs between the points, in words: `depth 8`, `mnist_mlp`, `smelu against relu`."""
    if len(points) < 2:
        return [""] * len(points)
    keys = dict.fromkeys(key for point in points for key in point if key not in _UNNAMED)
    differing = [key for key in keys if any(point.get(key) != points[0].get(key) for point in points)]
    return [", ".join(_words(key, point[key]) for key in differing if key in point) for point in points]


def _words(key: str, value: Any) -> str:
    if isinstance(value, Mapping):
        inner = ", ".join(_words(name, item) for name, item in value.items())
        return inner if key == "where" else f"{key} {inner}"
    word = " or ".join(map(text, value)) if isinstance(value, list) else text(value) or "none"
    return f"{key.rpartition('.')[2].replace('_', ' ')} {word.replace('-', '−')}" if "." in key else word


def _without_results(where: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in where.items() if key != "results"}
