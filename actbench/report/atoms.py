"""What the ledger found in a results folder: the atoms of claims that its runs help to decide, with their sentences."""

from pathlib import Path

import pandas as pd

from actbench.report.numbers import enumeration

COLUMNS = ["claim", "atom", "kind", "states", "verdict", "n", "low", "high", "column", "act", "is_relative", "sentence"]
# Whether the network can show anything comes before what it shows; then the order in which a claim is read.
_KINDS = ("claimed", "popular", "definition", "fact", "mechanism", "control")


def of(folder: Path) -> pd.DataFrame:
    """COLUMNS, a row for each atom that names this folder, what the article claims first; without a ledger no rows.

    They are read from the folder `ledger` beside this one, where there is one, and copied to tables/atoms.parquet, so
    that a report can be made again from its own folder.
    """
    folder = folder.resolve()
    ledger, kept = folder.with_name("ledger"), folder / "tables" / "atoms.parquet"
    if not all((ledger / name).is_file() for name in ("ledger.csv", "sentences.csv")):
        return pd.read_parquet(kept) if kept.is_file() else pd.DataFrame(columns=COLUMNS)
    atoms, sentences = (_read(ledger / name) for name in ("ledger.csv", "sentences.csv"))
    here = atoms[[folder.name in results.split(", ") for results in atoms["results"].fillna("")]]
    joined = here.merge(sentences, on=["claim", "atom"]).reindex(columns=COLUMNS).fillna({"act": ""})
    joined = joined.sort_values("kind", key=lambda kinds: kinds.map(_KINDS.index), kind="stable", ignore_index=True)
    kept.parent.mkdir(parents=True, exist_ok=True)
    joined.to_parquet(kept, index=False)
    return joined


def choice(folder: Path) -> list[str]:
    """`The ledger chose alpha 0.5 here, of 3 settings for C10.` of a folder NAME_choice; nothing of another one.

    What is chosen may be another setting than the best of all: a claim asks about some of them.
    """
    folder = folder.resolve()
    name, file = folder.name.removesuffix("_choice"), folder.with_name("ledger") / "ledger.csv"
    if name == folder.name or not file.is_file():
        return []
    atoms = _read(file).dropna(subset=["chosen"])
    judged = atoms[[name in results.split(", ") for results in atoms["results"].fillna("")]]
    return [
        f"The ledger chose {chosen} here, "
        + enumeration(f"of {row['cases']} settings for {row['claim']}" for row in rows.to_dict("records"))
        + "."
        for chosen, rows in judged.groupby("chosen", sort=False)
    ]


def measured(atoms: pd.DataFrame) -> pd.DataFrame:
    """Those that have numbers; a control that failed comes first, since it takes the ground from under the others."""
    rows = atoms[~atoms["verdict"].isin(["not measured", "cited"])]
    failed = rows["kind"].eq("control") & rows["verdict"].ne("true")
    return pd.concat([rows[failed], rows[~failed]], ignore_index=True)


def _read(file: Path) -> pd.DataFrame:
    return pd.read_csv(file, keep_default_na=False, na_values=[""])
