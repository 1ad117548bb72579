"""The report of a tuning: what was chosen for each activation, and every setting that was tried."""

import json
from pathlib import Path

import pandas as pd

from actbench.compare import halving
from actbench.compare.workloads import NothingToReportError, protocol_notes
from actbench.report import draws, folds, links, page, question, settings, writer
from actbench.report.console import aligned, paragraph
from actbench.report.numbers import enumeration, percent, rounded
from actbench.report.page import Fold, Part
from actbench.tables import atomic, store, tuning
from actbench.tables.text import one_line
from actbench.tables.text import text as text_of
from actbench.tables.tuning import Tuning

_READ_CHOICES = (
    "Chosen is the setting with the lowest mean validation error over the {seeds} seeds, of those that went on to the "
    "last rung; equal ones by the lower validation loss. A seed that diverged counts with the error of a guess. Beside "
    "it stands the error of the shared track's setting on the same seeds. These are the data that chose, so the "
    "difference flatters the choice; what it is worth, other seeds say."
)
_READ_SETTINGS = (
    "The mean validation error of each setting, with the number of seeds that it was given. Settings that were left "
    "behind have fewer. Rates outside the grid were tried where the best was at its edge."
)


def write(folder: Path) -> tuple[Path, list[str]]:
    """Make the report of a tuning in its results folder; returns report.html and what was left out, in sentences.

    Raises:
        NothingToReportError: If no run of the tuning is there.
    """
    atomic.refuse_links(folder)
    asked, runs, left_out = _read(folder)
    chosen, rungs = halving.choices(runs, asked)
    names, name = _names(runs), folder.resolve().name
    waiting, *said = sentences(asked, chosen, names)
    with writer.replacing(folder) as new:
        writer.write_tables(new, {"tuning": chosen, "tuning_rungs": rungs})
        writer.write_page(
            new,
            page.TEMPLATES / "experiment.md.j2",
            title=question.question(name, runs.assign(variant=runs["act"])),
            warnings=[*([waiting] if waiting else []), *_untuned(name, runs)],
            answer=[*said, *draws.summary(draws.beside(folder))],
            figure=_grid(chosen, names),
            box=page.table(_box(asked, runs)),
            choice="",
            links=links.beside(folder),
            folds=[
                Fold("What was chosen, with its validation error", [_choices(asked, chosen, rungs, names)]),
                Fold("Every setting", [Part("", _READ_SETTINGS, table=page.table(_every_setting(rungs, names)))]),
                _run(asked, runs, left_out, name=name),
            ],
        )
    return folder / "report.html", left_out


def text(folder: Path) -> str:
    """The choices as a table for the terminal, and what they amount to."""
    asked, runs, _ = _read(folder)
    chosen, rungs = halving.choices(runs, asked)
    names = _names(runs)
    _, *rows = _table(asked, chosen, rungs, names)
    heading = ["activation", "optim.lr", "init", "val error", "if shared", "val loss", ""]
    lines = (paragraph(one_line(sentence)) for sentence in sentences(asked, chosen, names) if sentence)
    return "\n".join([aligned([heading, *rows]), "", *lines])


def sentences(asked: Tuning, chosen: pd.DataFrame, names: dict[tuple[str, str], str]) -> list[str]:
    """What is not finished ("" where all is), which rate and initialisation are chosen most, what is at the edge."""
    ended = {(row.act, row.parameters) for row in chosen.itertuples()}
    waiting = [name for key, name in names.items() if key not in ended]
    said = [f"Not finished, the same command goes on: {enumeration(waiting)}." if waiting else ""]
    if not len(chosen):
        return said
    kept = int(chosen["is_shared"].sum())
    said.append(
        f"Chosen most often: {_commonest('rate', chosen['lr'])} and {_commonest('initialisation', chosen['init'])}; "
        f"{kept or 'none'} {'keeps' if kept <= 1 else 'keep'} the shared setting, rate {text_of(asked.shared.lr)} with "
        f"{asked.shared.init}."
    )
    edges = [_name(row, names) for row in chosen[chosen["at_edge"]].to_dict("records")]
    if edges:
        said.append(f"At the edge of the rates tried, so a better one may lie beyond: {enumeration(edges)}.")
    return said


def _commonest(noun: str, chosen: pd.Series) -> str:
    """`the rate 0.01 (28 of 42)`; of several that are chosen as often all."""
    counts = chosen.value_counts()
    most = sorted(counts.index[counts == counts.iloc[0]])
    several, each = ("s", " each") if len(most) > 1 else ("", "")
    return f"the {noun}{several} {enumeration(map(text_of, most))} ({counts.iloc[0]} of {len(chosen)}{each})"


def _untuned(name: str, runs: pd.DataFrame) -> list[str]:
    """That the experiment `name` would tune more activations than have been begun."""
    asked = question.functions(name)
    begun = asked & set(runs["act"])
    return [f"Tuned so far: {len(begun)} of {len(asked)} functions."] if len(begun) < len(asked) else []


def _read(folder: Path) -> tuple[Tuning, pd.DataFrame, list[str]]:
    """The tuning, its runs, and a sentence for each file that was left out."""
    asked = tuning.read(folder)
    tables, left_out = store.read(folder)
    runs = tables.runs[halving.belongs(tables.runs, asked)]
    if not len(runs):
        raise NothingToReportError("\n".join(left_out.values()) or f"The tuning in {folder} has no run yet.")
    return asked, runs, [*left_out.values(), *protocol_notes(tables.runs, run_ids=set(runs["run_id"]))]


def _names(runs: pd.DataFrame) -> dict[tuple[str, str], str]:
    """The name of each activation, with its parameters where it was tuned with several."""
    rows = runs.drop_duplicates("run_id").to_dict("records")
    keys = sorted({tuning.variant({str(name): value for name, value in row.items()}) for row in rows})
    acts = [act for act, _ in keys]
    names = {}
    for act, parameters in keys:
        given = [f"{name}={text_of(value)}" for name, value in json.loads(parameters).items()]
        names[act, parameters] = " ".join([act, *given]) if acts.count(act) > 1 else act
    return names


def _name(row: dict, names: dict[tuple[str, str], str]) -> str:
    return names[row["act"], row["parameters"]]


def _grid(chosen: pd.DataFrame, names: dict[tuple[str, str], str]) -> Part:
    """The chosen settings as a table of rates by initialisations, the activations in its cells."""
    cells = {key: ", ".join(_name(row, names) for row in rows.to_dict("records"))
             for key, rows in chosen.groupby(["lr", "init"])}  # fmt: skip
    inits = sorted(chosen["init"].unique())
    rows = [["", *inits]] + [
        [f"rate {text_of(lr)}", *(cells.get((lr, init), "") for init in inits)] for lr in sorted(chosen["lr"].unique())
    ]
    return Part("What was chosen", table=page.table(rows) if len(chosen) else "")


def _box(asked: Tuning, runs: pd.DataFrame) -> list[list[str]]:
    workload = asked.workload
    network = [workload[key] for key in ("model",) if key in workload]
    network += [f"{key.partition('.')[2]} {workload[key]}" for key in ("model.depth", "model.width") if key in workload]
    rungs = ", ".join(map(str, asked.rungs))
    box = [
        ["network", ", ".join(network)],
        ["data", workload.get("data", "")],
        ["tried", f"rates {enumeration(map(text_of, asked.rates))}, each with {enumeration(asked.inits)}"],
        ["seeds", f"{rungs} (rung by rung), from {asked.first_seed} on, used for nothing else"],
        ["judged by", "validation error"],
        ["runs", "" if (runs["status"] == "done").all() else settings.counts(runs)],
    ]
    return [["", ""], *([name, value] for name, value in box if value)]


def _run(asked: Tuning, runs: pd.DataFrame, left_out: list[str], *, name: str) -> Fold:
    parts = [Part("", table=page.table([*_rows(asked, runs), ["runs", settings.counts(runs)]]))]
    return Fold(folds.WHAT_WAS_RUN, [*folds.repeated(question.command(name)), *parts, *folds.left(left_out)])


def _choices(asked: Tuning, chosen: pd.DataFrame, rungs: pd.DataFrame, names: dict[tuple[str, str], str]) -> Part:
    read = _READ_CHOICES.format(seeds=asked.rungs[-1])
    return Part("", read, table=page.table(_table(asked, chosen, rungs, names)))


def _table(
    asked: Tuning, chosen: pd.DataFrame, rungs: pd.DataFrame, names: dict[tuple[str, str], str]
) -> list[list[str]]:
    """Heading and rows: the choice for each activation, beside the shared track's setting."""
    last = rungs[(rungs["num_seeds"] == asked.rungs[-1]) & rungs["lr"].eq(asked.shared.lr)]
    shared = last[last["init"] == asked.shared.init].set_index(["act", "parameters"])["val_error"]
    heading = ["activation", "optim.lr", "init", "validation error", "at the shared setting", "validation loss", ""]
    rows = [
        [_name(row, names), rounded(row["lr"], 6), row["init"], percent(row["val_error"], 2),
         percent(shared[row["act"], row["parameters"]], 2), rounded(row["val_loss"]),
         "the shared setting" if row["is_shared"] else "at the edge" if row["at_edge"] else ""]
        for row in chosen.to_dict("records")
    ]  # fmt: skip
    return [heading, *rows]


def _every_setting(rungs: pd.DataFrame, names: dict[tuple[str, str], str]) -> list[list[str]]:
    """Heading and rows: an activation × a setting, the validation error at the last rung that it reached."""
    last = rungs.drop_duplicates(["act", "parameters", "lr", "init"], keep="last")
    columns = last[["init", "lr"]].drop_duplicates().sort_values(["init", "lr"]).to_numpy().tolist()
    cells = {
        (row["act"], row["parameters"], row["init"], row["lr"]): f"{percent(row['val_error'], 2)} ({row['num_seeds']})"
        for row in last.to_dict("records")
    }
    heading = ["activation", *(f"{init}, {rounded(lr, 6)}" for init, lr in columns)]
    return [
        heading,
        *([name, *(cells.get((*key, init, lr), "") for init, lr in columns)] for key, name in names.items()),
    ]


def _rows(asked: Tuning, runs: pd.DataFrame) -> list[list[str]]:
    """Rows of name and value under an empty heading: what all runs share, the rungs, and where it ran."""
    groups: dict[str, list[str]] = {}
    for key, value in asked.workload.items():
        group, _, name = key.partition(".")
        groups.setdefault(group, []).append(f"{name}={value}" if name else value)
    seeds = f"{asked.first_seed} to {asked.first_seed + asked.rungs[-1] - 1}"
    kept = ", ".join(map(str, asked.keep))
    table = [[group, ", ".join(options)] for group, options in groups.items() if group != "protocol"]
    table += [
        ["rungs", f"{', '.join(map(str, asked.rungs))} seeds; {kept} settings go on, and the shared track's"],
        ["seeds", seeds],
        ["rates", ", ".join(text_of(rate) for rate in asked.rates)],
        ["ran on", settings.distinct(runs["device_name"])],
        ["origin", settings.origin(runs)],
    ]
    return [["", ""], *table]
