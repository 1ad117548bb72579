"""What the pages of the activations are made of: the catalogue's tables, the published differences, the claims."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from actbench.site import claims, diagnosis, learned, pairs, places, relatives, training
from actbench.site.claims import Claim
from actbench.site.own import Own, curves_of_ours
from actbench.tables import functions
from actbench.tables.functions import Facts

_TABLES = ("properties", "curves", "distances", "identities", "cost")
_NAME = re.compile(r"[A-Za-z_][\w.]*")  # a name is a file's too: none leads out of the site's folder


@dataclass(frozen=True)
class Catalogue:
    """The facts of each function, and what else speaks of it; `own` is the one that the command names."""

    results: Path
    facts: Mapping[str, Facts]
    tables: Mapping[str, pd.DataFrame]
    places: pd.DataFrame
    diagnosis: pd.DataFrame
    learned: pd.DataFrame
    training: pd.DataFrame
    pairs: pd.DataFrame
    claims: list[Claim]
    titles: Mapping[str, str]
    own: Own | None = None

    @cached_property
    def nearest(self) -> pd.DataFrame:
        """The nearest functions of each by their curves."""
        return relatives.nearest(self.tables["curves"])


def read(results: Path, *, own: Own | None = None) -> Catalogue:
    """The catalogue of a results root, as far as it was made, and the user's own function with it."""
    tables = {name: _table(results / "functions", name) for name in _TABLES}
    if own is not None:
        tables["properties"] = pd.concat([tables["properties"], own.properties], ignore_index=True)
        others = curves_of_ours() if tables["curves"].empty else tables["curves"]
        tables["curves"] = pd.concat([others, own.curves], ignore_index=True)
    groups = tables["properties"].groupby("function", sort=True) if len(tables["properties"]) else ()
    facts = {str(name): Facts(frame) for name, frame in groups if _NAME.fullmatch(str(name))}
    titles = {name: one.text("formula").partition(":")[0] for name, one in facts.items()}
    return Catalogue(
        results=results,
        facts=facts,
        tables=tables,
        places=places.read(results),
        diagnosis=diagnosis.read(results),
        learned=learned.read(results),
        training=training.read(results),
        pairs=pairs.read(results),
        claims=claims.read(results),
        titles=titles,
        own=own,
    )


def _table(folder: Path, name: str) -> pd.DataFrame:
    is_made = (folder / "tables" / f"{name}.parquet").is_file()
    return functions.read(folder, name) if is_made else pd.DataFrame()
