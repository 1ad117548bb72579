"""What was run, in a few rows: the shared config, where it ran, and which runs diverged or failed."""

from collections.abc import Iterable

import pandas as pd

from actbench.compare.layers import networks
from actbench.compare.ranking import ranked
from actbench.compare.workloads import TRACKS, Workload
from actbench.report.numbers import fixed
from actbench.tables.schema import Tables
from actbench.tables.text import text

_TRACKS = {
    "shared": "one learning rate for all",
    "tuned": "tuned for each",
    "tuned_init": "tuned initialisation",
    "tuned_lr": "tuned learning rate",
}


def counts(runs: pd.DataFrame) -> str:
    """`360 runs: 357 done, 3 diverged, 0 failed`: a run is one activation on one seed."""
    status = runs["status"].value_counts()
    by_status = ", ".join(f"{status.get(word, 0)} {word}" for word in ("done", "diverged", "failed"))
    return f"{len(runs)} run{'s' if len(runs) > 1 else ''}: {by_status}"


def named(works: list[Workload]) -> list[str]:
    """The setting of each workload in words, `one learning rate for all` or `positive_mean, batch`; "" of a single one.

    What a track chooses for each activation is not named beside it, unless the workloads differ in nothing else.
    """
    if len(works) == 1:
        return [""]
    titles = [dict(setting.partition("=")[::2] for setting in work.title.split(", ")) for work in works]
    short = [_in_words(_without_chosen(settings)) for settings in titles]
    return short if len({*short}) == len(short) else [_in_words(settings) for settings in titles]


def _without_chosen(settings: dict[str, str]) -> dict[str, str]:
    """The settings without those that a track chooses, where it is named."""
    if "track" not in settings:
        return settings
    return {key: value for key, value in settings.items() if key.split(".")[0] not in ("init", "optim")}


def _in_words(settings: dict[str, str]) -> str:
    return ", ".join(_word(*setting) for setting in settings.items())


def _word(key: str, value: str) -> str:
    """`depth 8` of model.depth=8, `no norm` of norm=none, `batch` of norm=batch."""
    name = key.rpartition(".")[2]
    if key == "track":
        return _TRACKS.get(value, value)
    if value == "none":
        return f"no {name}"
    return value if value and value[0].isalpha() and value not in ("true", "false") else f"{name} {value}".strip()


def together(works: list[Workload]) -> tuple[Tables, list[str]]:
    """All settings as one, and the order of its variants: those of one activation, `sigmoid · batch`, side by side."""
    if len(works) == 1:
        return works[0].tables, ranked(works[0].tables.runs)
    several = [(name, work.tables, ranked(work.tables.runs)) for name, work in zip(named(works), works, strict=True)]
    frames = [
        [frame.assign(variant=frame["variant"].astype(str) + f" · {name}") for frame in tables]
        for name, tables, _ in several
    ]
    first = list(dict.fromkeys(act for *_, order in several for act in order))
    places = [(first.index(act), i, f"{act} · {name}") for i, (name, _, order) in enumerate(several) for act in order]
    joined = Tables(*(pd.concat(parts, ignore_index=True) for parts in zip(*frames, strict=True)))
    return joined, [name for *_, name in sorted(places)]


def seeds(runs: pd.DataFrame) -> str:
    """`10 seeds each` or `5 to 10 seeds each`; failed runs do not count."""
    num_seeds = runs[runs["status"] != "failed"].groupby("variant")["seed"].nunique()
    if not len(num_seeds):
        return "no seed finished"
    low, high = num_seeds.min(), num_seeds.max()
    return f"{low} to {high} seeds each" if low < high else f"{low} seed{'s' if low > 1 else ''} each"


def rows(works: list[Workload]) -> list[list[str]]:
    """Rows of name and value under an empty heading: the config that all workloads share, then where it ran."""
    runs = pd.concat([work.tables.runs for work in works])
    shared = {k: v for k, v in works[0].config.items() if all(work.config.get(k) == v for work in works)}
    groups: dict[str, list[str]] = {}
    for key, value in shared.items():
        group, _, name = key.partition(".")
        groups.setdefault(group, []).append(f"{name}={value}" if name else value)
    single = [group for group in groups if groups[group] == [shared.get(group)] and group not in ("data", "model")]
    table = [["activation", _activations(runs)]]
    table += [[group, ", ".join(options)] for group, options in groups.items() if group not in single]
    table.append(["also", ", ".join(f"{group}={shared[group]}" for group in single)])
    differing = sorted({key for work in works for key in work.config} - shared.keys())
    if differing:
        table.append(["differs by setting", ", ".join(differing)])
    table += _tuned(works)
    table += [["seeds", f"{seeds(runs)} ({_range(runs['seed'])})"], ["runs", counts(runs)]]
    for name, column in {"parameters": "num_parameters", "peak memory (MiB)": "peak_mib"}.items():
        if runs[column].notna().any():
            table.append([name, _range(runs[column].dropna().round())])
    if runs["score_accuracy"].notna().any():
        table.append(["score network's accuracy", distinct(runs["score_accuracy"].dropna().round(4))])
    table += [["gates", gates(runs)], *_networks(works)]
    table += [["ran on", distinct(runs["device_name"])], ["commit", distinct(runs["commit"])]]
    table.append(
        ["versions", ", ".join(f"{name} {distinct(runs[name.lower()])}" for name in ("actbench", "torch", "Python"))]
    )
    repeated = sum(work.twice for work in works)
    if repeated:
        table.append(["left out", f"{repeated} measured again on a seed that was there already"])
    return [["", ""], *([name, value] for name, value in table if value)]


def _tuned(works: list[Workload]) -> list[list[str]]:
    """`tuned, track=tuned | relu optim.lr=0.01, init=lsuv; …`: what each track chose for each variant."""
    rows = []
    for work in works:
        track, runs = work.config.get("track", ""), work.tables.runs
        if keys := [key for key in reversed(TRACKS.get(track, ())) if key in runs]:
            first = runs.groupby("variant")[keys].first()
            chosen = (", ".join(f"{key}={text(row[key])}" for key in keys) for _, row in first.iterrows())
            cells = (f"{name} {setting}" for name, setting in zip(first.index, chosen, strict=True))
            rows.append([f"chosen, track={track}", "; ".join(cells)])
    return rows


def _networks(works: list[Workload]) -> list[list[str]]:
    """`layers | 1 to 2 generator, 3 to 5 discriminator` of a task with more than one network."""
    frames = [work.tables.layers for work in works if len(work.tables.layers)]
    if not frames:
        return []
    layers = pd.concat(frames)
    spans = layers.groupby(networks(layers), sort=False)["layer_index"].agg(["min", "max"]).drop("", errors="ignore")
    value = ", ".join(
        f"{low} {name}" if low == high else f"{low} to {high} {name}"
        for name, low, high in spans.sort_values("min").itertuples()
    )
    return [["layers", value]] if len(spans) > 1 else []


def gates(runs: pd.DataFrame) -> str:
    """What gates do to the number of parameters, with both numbers where both were measured; empty without gates."""
    if "model.gate" not in runs:
        return ""
    gated = runs["model.gate"].eq(True)
    counts = [
        f"{_range(runs.loc[rows, 'num_parameters'])} {words}"
        for rows, words in ((gated, "with gates"), (~gated, "without"))
        if rows.any()
    ]
    return f"gated layers are narrower, so that the number of parameters stays: {', '.join(counts)}" * bool(gated.any())


def origin(runs: pd.DataFrame) -> str:
    """`PROTOCOL 2, commit abc` for each origin of these runs; "unknown" where an older table lacks one of the two."""
    origins = runs.reindex(columns=["protocol", "commit"]).fillna("unknown").drop_duplicates()
    return ", ".join(f"PROTOCOL {protocol}, commit {commit}" for protocol, commit in origins.to_numpy())


def lost(works: list[Workload]) -> list[list[str]]:
    """Heading and rows: which seeds of which variant diverged or failed, and why; empty where none did."""
    table: list[list[str]] = []
    for work in works:
        runs = work.tables.runs
        for (name, status), group in runs[runs["status"] != "done"].groupby(["variant", "status"]):
            total = int((runs["variant"] == name).sum())
            message = next((message for message in group["message"].dropna() if message), "")
            numbers = ", ".join(map(str, sorted(group["seed"])))
            row = [str(name), str(status), f"{len(group)} of {total}", numbers, _last_line(message)]
            table.append([row[0], work.title, *row[1:]] if len(works) > 1 else row)
    if not table:
        return []
    heading = ["activation", *(["workload"] if len(works) > 1 else []), "status", "runs", "seeds", "why"]
    return [heading, *table]


def _activations(runs: pd.DataFrame) -> str:
    """Every activation with its parameters; the user's own with its dotted path and the hash of what it needs."""
    columns = [name for name in runs.columns if name.startswith("act.")]
    entries = []
    for name, group in runs.groupby("act"):
        values = {column.removeprefix("act."): [v for v in group[column].map(text).unique() if v] for column in columns}
        parameters = ", ".join(f"{key}={'|'.join(options)}" for key, options in values.items() if options)
        entries.append(f"{name} ({parameters})" if parameters else str(name))
    return "; ".join(entries)


def _range(values: pd.Series) -> str:
    low, high = values.min(), values.max()
    return f"{fixed(low)} to {fixed(high)}" if low < high else fixed(low)


def distinct(values: Iterable[object]) -> str:
    """The values that are not missing, each once."""
    return ", ".join(sorted({text(value) for value in values} - {""}))


def _last_line(message: str) -> str:
    """The last line of an error's message, which says what happened, cut to fit in a cell."""
    line = message.strip().splitlines()[-1] if message.strip() else ""
    return line if len(line) <= 160 else line[:159] + "…"
