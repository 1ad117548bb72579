"""The relatives of an activation: what is called identical to it or near it, and what is nearest by its curve."""

from collections.abc import Mapping

import pandas as pd

from actbench.tables.functions import named, number


def nearest(curves: pd.DataFrame, *, num: int = 3) -> pd.DataFrame:
    """Columns function, other, distance, slope_distance: for each function the `num` nearest by max |f − g|.

    The maximum is over the points of the table `curves`, |z| ≤ 8, at the default parameters; `slope_distance` is that
    of the derivatives.
    """
    defaults = curves[curves["parameter"] == ""].astype({"value": "float64"})
    f, slope = (
        defaults[defaults["order"] == order].pivot_table(index="function", columns="z", values="value")
        for order in (0, 1)
    )
    slope = slope.reindex(f.index)
    rows = [
        {
            "function": name,
            "other": other,
            "distance": distance,
            "slope_distance": (slope.loc[name] - slope.loc[other]).abs().max(),
        }
        for name in f.index
        for other, distance in f.sub(f.loc[name]).abs().max(axis=1).drop(name).nsmallest(num).items()
    ]
    return pd.DataFrame(rows, columns=["function", "other", "distance", "slope_distance"])


def identities(table: pd.DataFrame, name: str, *, titles: Mapping[str, str]) -> list[list[str]]:
    """Rows identity, type, inputs with other bits, spacings at most: of what is called identical to a function."""
    return [
        [row["identity"], row["dtype"], f"{row['num_different']:,} of {row['num']:,}", number(row["max_ulp"])]
        for _, row in _naming(table, "identity", name, titles=titles).iterrows()
    ]


def distances(table: pd.DataFrame, name: str, *, titles: Mapping[str, str]) -> list[list[str]]:
    """Rows pair, parameter, f or f′, largest distance: from what a function is said to be like; the two ends."""
    rows = _naming(table, "pair", name, titles=titles)
    if rows.empty:
        return []
    ends = rows.groupby("pair")["setting"].transform("min"), rows.groupby("pair")["setting"].transform("max")
    rows = rows[rows["setting"].isna() | rows["setting"].eq(ends[0]) | rows["setting"].eq(ends[1])]
    return [
        [
            row["pair"],
            f"{row['parameter']} = {number(row['setting'])}" if row["parameter"] else "",
            "f ′" if row["order"] else "f",
            number(row["distance"]),
        ]
        for _, row in rows.iterrows()
    ]


def _naming(table: pd.DataFrame, column: str, name: str, *, titles: Mapping[str, str]) -> pd.DataFrame:
    """The rows whose identity or pair names an activation."""
    return table if table.empty else table[table[column].map(lambda text: name in named(text, titles=titles))]
