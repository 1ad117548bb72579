"""The section on tracks: does the ranking survive tuning, and is it the init or the learning rate that changes it?"""

from pathlib import Path

import pandas as pd

from actbench.compare import tracks
from actbench.compare.init_or_rate import EFFECTS, Corners, varying_verdicts
from actbench.compare.tracks import TrackAgreement
from actbench.compare.workloads import TRACKS, Workload
from actbench.figures import tracks as tracks_figures
from actbench.report import numbers, page
from actbench.report.numbers import correlation, enumeration, interval_of, number, p_value, percent, rounded
from actbench.report.page import Part
from actbench.report.writer import Save, saver
from actbench.tables.text import text

_READ_TRACKS = (
    "The ranks with one learning rate and init for all, and those with the learning rate and the init that the tuning "
    "experiment chose for each variant on validation data of other seeds. "
    "τ is 1 where tuning changes no order, 0 where the two orders have nothing in common; its interval is of seeds "
    "drawn again, which adds noise to both orders and lowers τ."
)
_READ_HARM = (
    "Tuning chose a setting by the validation error of other seeds. Here both settings meet the same evaluation seeds: "
    "the validation error of each, and a one-sided paired t test of whether the tuned one is higher, adjusted by Holm."
)
_READ_CORNERS = (
    "Each variant against itself on the shared track, on the same seeds: with the tuned init alone, with the tuned "
    "learning rate alone, with both; left of 0 is a lower {metric}. Interaction is both less the two alone: at 0 init "
    "and learning rate add up, below it they do more together. Bars are 95 % intervals, filled where they exclude 0."
)


def parts(agreements: list[tuple[str, Workload, TrackAgreement]], corners: list[Corners], *, new: Path) -> list[Part]:
    """A part for each workload on the shared and the tuned track, then one for each on all four."""
    return [
        *(_agreement(*each) for each in agreements),
        *(_corners(each, save=saver(new, prefix=f"w{i}-")) for i, each in enumerate(corners, 1)),
    ]


def harm(tables: list[tuple[str, pd.DataFrame]]) -> list[str]:
    """The sentence for the top of the page where tuning was worse than not tuning; nothing where it was not."""
    sentences = []
    for title, table in tables:
        worse = table.loc[table["flagged"], "variant"]
        where = f" ({title})" if title else ""
        if len(worse):
            sentences.append(
                f"Tuning did harm{where}: with its tuned setting the validation error of {enumeration(worse)} is "
                f"higher than with the shared one (one-sided t, Holm p < .05), so what the tuned track says of "
                f"{'it' if len(worse) == 1 else 'them'} is no best case."
            )
    return sentences


def harm_parts(tables: list[tuple[str, pd.DataFrame]]) -> list[Part]:
    """The table of each workload on both tracks: validation errors, and whether tuning made them worse."""
    parts = []
    for title, table in tables:
        rows = [
            [row["variant"], percent(row["shared"], 2), percent(row["tuned"], 2), p_value(row["p_holm"]),
             "worse" if row["flagged"] else "", str(row["n"])]
            for row in table.sort_values("p", kind="stable").to_dict("records")
        ]  # fmt: skip
        heading = ["activation", "validation error, shared", "validation error, tuned", "p (Holm)", "tuned is", "n"]
        worse = int(table["flagged"].sum())
        shows = f"Tuned is worse than shared for {worse} of {len(table)}." if len(table) else ""
        parts.append(
            Part(f"{title or 'Both tracks'}, was tuning worse?", _READ_HARM, shows, table=page.table([heading, *rows]))
        )
    return parts


def _agreement(title: str, tuned: Workload, agreement: TrackAgreement) -> Part:
    """The part on the shared and the tuned track of one workload."""
    variants, n = agreement.variants, agreement.n
    changes = tracks.changed_verdicts(agreement).to_dict("records")
    verdicts = [f"{row['variant']} ({row['verdict_shared']}, then {row['verdict_tuned']})" for row in changes]
    higher = int((variants["mean_tuned"] > variants["mean_shared"]).sum())
    shows = [
        f"Kendall's τ = {correlation(agreement.tau, agreement.low, agreement.high)} over {n} variants, on the "
        f"{agreement.num_seeds} seeds that all of them have.",
        f"The verdict changes for {enumeration(verdicts)}." if verdicts else "No verdict changes.",
        f"On the tuned track {higher} of {n} have a higher mean than on the shared one.",
    ]
    runs = tuned.tables.runs[tuned.tables.runs["status"] != "failed"]
    chosen = runs.groupby("variant")[[name for name in ("optim.lr", "init") if name in runs]].first()
    heading = ["activation", "rank, shared", "rank, tuned", "verdict, shared", "verdict, tuned"]
    rows = [
        [row["variant"], rounded(row["rank_shared"], 6), rounded(row["rank_tuned"], 6),
         *(row[name] if isinstance(row[name], str) else "reference" for name in ("verdict_shared", "verdict_tuned")),
         *map(text, chosen.loc[row["variant"]])]
        for row in variants.to_dict("records")
    ]  # fmt: skip
    table = page.table([[*heading, *(f"tuned {name}" for name in chosen)], *rows])
    title = f"{title or 'Both tracks'}, shared against tuned track"
    return Part(title, _READ_TRACKS, " ".join(shows), table=table)


def _corners(corners: Corners, *, save: Save) -> Part:
    """The part on the four tracks of one workload."""
    means = corners.effects.pivot_table("mean", "variant", "effect")
    order = list(means.sort_values("both", kind="stable").index)
    metric, unit = numbers.metric(corners.value)
    change = f"Δ {unit.strip() or metric}"
    figure = save(tracks_figures.corners(corners.effects, {name: name for name in order}, change=change), "corners")
    cells = {(row["variant"], row["effect"]): number(interval_of(row)) for row in corners.effects.to_dict("records")}
    verdicts = corners.verdicts.reindex(order)
    rows = [
        [name, *(cells[name, effect] for effect in EFFECTS),
         *(verdict if isinstance(verdict, str) else "reference" for verdict in verdicts.loc[name, list(TRACKS)])]
        for name in order
    ]  # fmt: skip
    heading = [
        "activation",
        *(f"{effect} ({change})" for effect in EFFECTS),
        *(f"verdict, {track}" for track in TRACKS),
    ]
    title = f"{corners.title or 'Four tracks'}, initialisation or learning rate"
    return Part(
        title, _READ_CORNERS.format(metric=metric), " ".join(sentences(corners)), figure, page.table([heading, *rows])
    )


def sentences(corners: Corners) -> list[str]:
    """Whether the init or the rate changes the ranking more, and which verdicts depend on them, in sentences."""
    orders = corners.orders.set_index("track")
    turned, told_apart = orders["turned"], orders["shown"]
    tau = {track: f"τ = {correlation(row.tau, row.low, row.high)}" for track, row in orders.iterrows()}
    pairs, (low, high) = int(orders["pairs"].iloc[0]), corners.difference
    more = (
        "the learning rate changes the ranking more than the initialisation" if low > 0
        else "the initialisation changes the ranking more than the learning rate" if high < 0
        else "these seeds cannot tell which of the two changes the ranking more"
    )  # fmt: skip
    texts = [
        f"Of {pairs} pairs of activations {turned['tuned']} stand the other way round on the tuned track than on the "
        f"shared one ({tau['tuned']}): the tuned init alone turns {turned['tuned_init']} of the {pairs} "
        f"({tau['tuned_init']}), the tuned learning rate alone {turned['tuned_lr']} ({tau['tuned_lr']}), and {more}.",
        f"Turned is by the means: told apart on both tracks, one way and the other, are "
        f"{told_apart['tuned_init']} of the {turned['tuned_init']} pairs, {told_apart['tuned_lr']} of "
        f"{turned['tuned_lr']} and {told_apart['tuned']} of {turned['tuned']} (every pair tested, Benjamini and "
        "Hochberg).",
    ]
    if corners.same_rate is not None:
        num_variants = len(corners.effects) // len(EFFECTS)
        texts.insert(1, f"The tuned rate is the shared one for {corners.same_rate} of {num_variants}.")
    verdicts = [
        f"{name} ({', '.join(f'{track}: {row[track]}' for track in TRACKS)})"
        for name, row in varying_verdicts(corners).iterrows()
    ]
    if verdicts:
        texts.append(f"The verdict against {corners.reference} depends on the corner for {enumeration(verdicts)}.")
    else:
        texts.append(f"No verdict against {corners.reference} depends on the corner.")
    return texts
