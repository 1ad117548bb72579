"""How far does the tuning draw matter? The report of NAME_retuned: the choices of NAME_tuning, NAME_tuning_2, …

What each chose is copied to tables/choices.parquet of the folder, and what was found of it to tables/draws.parquet of
NAME and NAME_tuning, so that each report can be made again from its own folder.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from actbench.compare.draws import COLUMNS, DECIDED, SETTING, changes, draws
from actbench.compare.workloads import NothingToReportError
from actbench.figures import differences as differences_figure
from actbench.report import folds, links, page, question, settings, writer
from actbench.report.console import aligned
from actbench.report.numbers import enumeration, interval_of, number, percent, rounded
from actbench.report.page import Fold, Part
from actbench.tables import atomic, store, tuning
from actbench.tables.schema import REFERENCE
from actbench.tables.text import one_line

SUFFIX = "_retuned"
_OF_TUNING = "_tuning"
CHOICES = ["draw", "first_seed", "num_seeds", *SETTING]
_READ = (
    "Each draw tunes every activation on {seeds} tuning seeds of its own; what it chose meets the same evaluation "
    "seeds. The point is the relative change of the test error against {reference} with its choice of the same draw, "
    "the bar its t interval, the grey band the margin of 10 %. Filled: better or worse; square: equivalent; hollow: "
    "undecided. Shown are the activations whose verdict is not the same in all draws."
)
_READ_VERDICTS = (
    "Verdict and relative change of the test error against {reference} (%, with the interval of its look, n = {n}) for "
    "the choices of each draw; how many settings were chosen, and in how many draws the activation is in the 95 % "
    "confidence set of the best."
)


def is_retuned(folder: Path) -> bool:
    """Whether a results folder holds the choices of several tunings on the same seeds."""
    return folder.resolve().name.endswith(SUFFIX)


def write(folder: Path) -> tuple[Path, list[str]]:
    """Make the report of such a folder; returns report.html and what was left out, in sentences.

    Raises:
        NothingToReportError: If there is no tuning beside it, or no run has a setting that was chosen.
    """
    atomic.refuse_links(folder)
    tables, left_out = store.read(folder)
    chosen = _choices(folder)
    table = draws(tables, chosen)
    if not len(table):
        raise NothingToReportError(f"No run in {folder} has a setting that a tuning beside it chose.")
    name, counted = folder.resolve().name, Part("", f"{settings.counts(tables.runs)}.")
    first, second, *more = sentences(table)
    with writer.replacing(folder) as new:
        writer.write_tables(new, {"draws": table, "choices": chosen})
        writer.write_page(
            new,
            page.TEMPLATES / "experiment.md.j2",
            title=question.question(name, tables.runs.assign(variant=tables.runs["act"])),
            warnings=[],
            answer=[first, second],
            figure=_figure(table, chosen, save=writer.saver(new)),
            box=page.table(_rows(tables.runs, chosen)),
            choice="",
            links=links.beside(folder),
            folds=[
                Fold("Every verdict, and what each draw chose", [_every_verdict(table, said=more)]),
                Fold(folds.WHAT_WAS_RUN, [counted, *folds.left(list(left_out.values()))]),
            ],
        )
    return folder / "report.html", list(left_out.values())


def text(folder: Path) -> str:
    """What depends on the draw as a table for the terminal, and in sentences."""
    table = draws(store.read(folder)[0], _choices(folder))
    if not len(table):
        raise NothingToReportError(f"No run in {folder} has a setting that a tuning beside it chose.")
    return "\n".join([aligned(_verdicts(table, with_changes=False)), "", *map(one_line, sentences(table))])


def beside(folder: Path) -> pd.DataFrame:
    """The published table of NAME_retuned for the folder NAME or NAME_tuning; without rows where there is none."""
    folder = folder.resolve()
    kept = folder / "tables" / "draws.parquet"
    source = folder.with_name(folder.name.removesuffix(_OF_TUNING) + SUFFIX) / "statistics" / "draws.csv"
    if source.is_file():
        table = pd.read_csv(source)
        kept.parent.mkdir(exist_ok=True)
        table.to_parquet(kept, index=False)
        return table
    return pd.read_parquet(kept) if kept.is_file() else pd.DataFrame(columns=COLUMNS)


def summary(table: pd.DataFrame) -> list[str]:
    """How many verdicts depend on the tuning draw, and of how many no draw says anything; nothing without rows."""
    if not len(table):
        return []
    found = changes(table)
    compared = found[found["verdicts"] > 0]
    turned, opposed = (compared["verdicts"] > 1).sum(), compared["contradicts"].sum()
    ways = (
        f"{opposed} of them {'are' if opposed > 1 else 'is'} decided differently by different draws." if opposed
        else "None of them is decided in two ways: some draws leave undecided what others decide."
    )  # fmt: skip
    never = set(compared["variant"]) - set(table.loc[table["verdict"].isin(DECIDED), "variant"])
    unsaid = (
        f" {len(never)} {'are' if len(never) > 1 else 'is'} undecided in every draw: a verdict on them from more seeds "
        "rests on one draw." if never else ""
    )  # fmt: skip
    return [
        f"{turned} of {len(compared)} verdicts against {REFERENCE} on the tuned track depend on the draw of the tuning "
        f"seeds ({table['draw'].nunique()} draws, judged on the same {_num_seeds(table)} seeds). {ways}{unsaid}"
    ]


def sentences(table: pd.DataFrame) -> list[str]:
    """What depends on the tuning draw, and how much it moves an error beside what the seeds leave open."""
    found, num_draws = changes(table), table["draw"].nunique()
    names = found.loc[found["contradicts"], "variant"]
    said = summary(table)
    if len(names):
        said.append(f"Decided differently: {enumeration(_by_draw(table[table['variant'] == name]) for name in names)}.")
    base = found[found["variant"] == REFERENCE].iloc[0]
    same = (found["settings"] == 1).sum()
    said.append(
        f"{same} of {len(found)} activations get the same setting in every draw; {REFERENCE}, which all others are "
        f"compared with, gets {base['settings']}."
    )
    always, ever = found[found["sets"] == num_draws], found[found["sets"] > 0]
    said.append(
        f"{len(ever)} of {len(found)} may be the best in some draw, "
        + (f"{len(always)} in all: {enumeration(always['variant'])}." if len(always) else "none in all.")
    )
    widths = (table["high"] - table["low"]).groupby(table["variant"]).median() / 2
    ranges = table.groupby("variant")["change"].agg(np.ptp)
    said.append(
        f"From draw to draw the change against {REFERENCE} varies by {percent(ranges.median(), 1)} (median over "
        f"activations of the largest less the smallest); half the width of its interval, which knows nothing of the "
        f"draw, is {percent(widths.median(), 1)}."
    )
    return said


def _choices(folder: Path) -> pd.DataFrame:
    """`CHOICES` of each tuning beside the folder, and from its own copy of those that are no longer there."""
    folder = folder.resolve()
    kept = folder / "tables" / "choices.parquet"
    name = folder.name.removesuffix(SUFFIX) + _OF_TUNING
    copied = pd.read_parquet(kept) if kept.is_file() else pd.DataFrame(columns=CHOICES)
    by_first_seed = dict(iter(copied.groupby("first_seed"))) | {
        (first := tuning.read(path).first_seed): pd.read_csv(path / "statistics" / "tuning.csv").assign(
            first_seed=first
        )
        for path in folder.parent.glob(f"{name}*")
        if tuning.is_tuning(path)
    }
    if not by_first_seed:
        raise NothingToReportError(f"There is no tuning {name} beside {folder}, whose choices were measured there.")
    numbered = enumerate(sorted(by_first_seed.items()), 1)
    chosen = pd.concat([table.assign(draw=draw)[CHOICES] for draw, (_, table) in numbered], ignore_index=True)
    kept.parent.mkdir(parents=True, exist_ok=True)
    chosen.to_parquet(kept, index=False)
    return chosen


def _num_seeds(table: pd.DataFrame) -> str:
    low, high = table["n"].min(), table["n"].max()
    return f"{low}" if low == high else f"{low} to {high}"


def _by_draw(rows: pd.DataFrame) -> str:
    """`elu (better by draw 1, worse by draws 2 and 3)`."""
    decided = rows[rows["verdict"].isin(DECIDED)].groupby("verdict", sort=False)["draw"]
    words = [f"{verdict} by draw{'s' if len(each) > 1 else ''} {enumeration(each)}" for verdict, each in decided]
    return f"{rows['variant'].iloc[0]} ({', '.join(words)})"


def _figure(table: pd.DataFrame, chosen: pd.DataFrame, *, save: writer.Save) -> Part:
    """The verdicts that are not the same in all draws, a panel for each draw."""
    found = changes(table)
    turned = found.loc[found["verdicts"] > 1, "variant"]
    if not len(turned):
        return Part("")
    panels = {f"draw {draw}": rows[rows["verdict"].notna()] for draw, rows in table.groupby("draw")}
    none = pd.DataFrame(columns=["variant", "rate"])
    drawn = differences_figure.differences(
        panels,
        dict.fromkeys(panels, none),
        {name: name for name in turned},
        change=f"change of the test error against {REFERENCE}",
    )
    read = _READ.format(reference=REFERENCE, seeds=enumeration(chosen["num_seeds"].unique()))
    return Part("Which verdicts flip", read, figure=save(drawn, "draws"))


def _every_verdict(table: pd.DataFrame, *, said: list[str]) -> Part:
    read = _READ_VERDICTS.format(reference=REFERENCE, n=_num_seeds(table))
    folded = ("What each draw chose", page.table(_settings(table)))
    return Part("", read, " ".join(said), table=page.table(_verdicts(table, with_changes=True)), folded=folded)


def _verdicts(table: pd.DataFrame, *, with_changes: bool) -> list[list[str]]:
    """Heading and rows: a column for each draw; the activations whose verdicts vary come first."""
    found = changes(table).sort_values(["contradicts", "verdicts"], ascending=False, kind="stable")
    cells = {(row["variant"], row["draw"]): _cell(row, with_changes=with_changes) for row in table.to_dict("records")}
    numbers = sorted(table["draw"].unique())
    rows = [
        [
            row["variant"],
            *(cells.get((row["variant"], draw), "") for draw in numbers),
            f"{row['settings']}",
            f"{row['sets']}",
        ]
        for row in found.to_dict("records")
    ]
    return [["activation", *(f"draw {draw}" for draw in numbers), "settings", "may be the best"], *rows]


def _cell(row: dict, *, with_changes: bool) -> str:
    """`worse 31 [12, 50]`, or the verdict alone."""
    if not isinstance(row["verdict"], str):
        return "reference"
    change = {"mean": row["change"], "low": row["low"], "high": row["high"], "n": row["n"]}
    return f"{row['verdict']} {number(interval_of(change, scale=100))}" if with_changes else row["verdict"]


def _settings(table: pd.DataFrame) -> list[list[str]]:
    """Heading and rows: the learning rate and the initialisation that each draw chose."""
    cells = table.assign(setting=[f"{rounded(row['lr'], 6)}, {row['init']}" for row in table.to_dict("records")])
    wide = cells.pivot_table("setting", "variant", "draw", aggfunc="first").fillna("")
    return [["activation", *(f"draw {draw}" for draw in wide)], *([name, *row] for name, *row in wide.itertuples())]


def _rows(runs: pd.DataFrame, chosen: pd.DataFrame) -> list[list[str]]:
    """Rows of name and value under an empty heading: the seeds of each draw, those of the evaluation, the origin."""
    draws = chosen.drop_duplicates("draw").to_dict("records")
    seeds = "; ".join(f"{each['draw']}: {each['first_seed']} to {each['first_seed'] + each['num_seeds'] - 1}"
                      for each in draws)  # fmt: skip
    return [
        ["", ""],
        ["data, model", enumeration(settings.distinct(runs[name]) for name in ("data", "model"))],
        ["tuning seeds of each draw", seeds],
        ["evaluation seeds", f"{runs['seed'].min()} to {runs['seed'].max()}"],
        ["ran on", settings.distinct(runs["device_name"])],
        ["origin", settings.origin(runs)],
    ]
