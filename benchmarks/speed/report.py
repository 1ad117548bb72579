"""The report on speed: tables -> statistics/, figures/, report.md and report.html."""

from pathlib import Path

import pandas as pd

from actbench.compare.workloads import NothingToReportError
from actbench.report import console, page, writer
from actbench.report.numbers import bracketed, fixed, rounded
from actbench.report.page import Fold, Markdown, Part
from actbench.report.settings import distinct
from actbench.report.writer import Save
from actbench.tables.schema import Tables
from benchmarks.speed import answers, figure
from benchmarks.speed.tables import aim, ratio_rows
from benchmarks.speed.tables import rates as rates_of
from benchmarks.speed.tables import ratios as ratios_of
from benchmarks.speed.tables import rounds as rounds_of

TITLE = "How long until you know?"
_READ_GOALS = (
    "A ratio is of two arms in the same round: the median over rounds; in brackets stand the order statistics that "
    "hold the median with at least 95 %."
)
_READ = (
    "The arms of a comparison do the same work in one process, in turn, in every round in another order; a round is a "
    "seed. What an arm needs is built off the clock. `load` is the machine's load average as an arm began: above the "
    "run's own threads, others were at work. Accuracy is a mean with one standard deviation over rounds either way; "
    "what one arm gained over another is, as the ratio, a median over rounds."
)
# Comparison -> heading, description of its arms. The order is the report's.
SECTIONS = {
    "verdict": (
        "A verdict",
        "The question is whether mish is equivalent to relu, within 10 % of its test error: two one-sided t tests "
        "at 5 % that reject with a power of 90 % where the two are equal. The number of seeds follows from the "
        "published errors by seed: of differences by seed, or of seeds that the two do not share. actbench is its "
        "command from Enter to the report, start-up included, on two cores; its time is a line through a short and "
        "a long command. The tutorial's loop is a DataLoader with shuffle (torchvision's data set with ToTensor and "
        "Normalize; of digits tensors), zero_grad, backward, step and .item() of each loss, then its test loop; one "
        "training after another, without the time in which its libraries are imported. It is timed for at least a "
        "second of whole epochs and scaled to all. The whole is the product of the factors. Looks are not counted: "
        "where the two are equal they end few comparisons early.",
    ),
    "cifar": (
        "CIFAR-10 to 90 %",
        "+experiment=cifar10_conv beside Lightning's CIFAR10 baseline tutorial: torchvision's ResNet-18 for small "
        "images, batches of 64 of 45,000 images, SGD. The tutorial says that it reaches 92 to 93 % in 20 to 30 "
        "epochs; 20 are counted. A few steps of each are timed, one thread, and scaled to a training; evaluation, "
        "and the tutorial's loader, are left out. results/cifar10_conv has the accuracy that cifar10_conv reaches.",
    ),
    "startup": (
        "Start-up",
        "A process each; the first training step is of a run on digits, the whole run has ten seeds and a report.",
    ),
    "tutorial": (
        "A training against the tutorial's loop",
        "Same net, initial weights, examples, batch, Adam and epochs, one thread (as a second arm the DataLoader "
        "has two worker processes); the clock is around training, accuracy is taken off it on the same test set; "
        "`whole` of actbench holds its data and evaluation too.",
    ),
    "stacked": (
        "Stacked seeds",
        "A pack trained as one model (torch.func.vmap over stacked weights) against as many updates one seed after "
        "another.",
    ),
}


def write(folder: Path, tables: Tables, left_out: list[str]) -> Path:
    """Write report.md, report.html, figures/ and statistics/ into a results folder. Returns the path of report.html.

    Raises:
        NothingToReportError: If no speed was measured.
    """
    rounds = rounds_of(tables)
    if not len(rounds):
        raise NothingToReportError("No round of a comparison of speed was measured, so there is nothing to report.")
    rates, ratios, costs = rates_of(rounds), ratios_of(rounds), answers.answers(rounds)
    goals = _goals(ratios, costs)
    runs = tables.runs[tables.runs["run_id"].isin(set(rounds["run_id"]))]  # those that measured the rounds
    with writer.replacing(folder) as new:
        writer.write_tables(new, {"rates": rates, "ratios": ratios, "verdicts": costs})
        writer.write_page(
            new,
            page.TEMPLATES / "experiment.md.j2",
            title=TITLE,
            warnings=[],
            answer=[*_costs_in_words(costs)[:2], _in_short(goals, device=distinct(runs.get("device_name", [])))],
            figure=_goals_part(goals, save=writer.saver(new)),
            box=page.table(_settings(runs, rounds["load"], _size(rates))),
            choice="",
            links=[Markdown("To repeat: `python -m benchmarks.speed`")],
            folds=[
                Fold("How it was measured", [Part("", Markdown(_READ))]),
                *(_fold(name, rates, ratios, costs) for name in SECTIONS if name in set(rates["comparison"])),
                *_lost([*_failed(tables.runs), *left_out]),
            ],
        )
    return folder / "report.html"


def summary(tables: Tables) -> str:
    """The goals, as the terminal shows them."""
    rounds = rounds_of(tables)
    return console.aligned(_goal_rows(_goals(ratios_of(rounds), answers.answers(rounds))))


def _goals(ratios: pd.DataFrame, costs: pd.DataFrame) -> pd.DataFrame:
    """The ratios that have a target, verdicts first."""
    targeted = ratios[ratios["target"].notna()] if len(ratios) else ratios
    if not len(costs):
        return targeted
    whole = costs[costs["factor"] == "whole"].assign(
        comparison="verdict", arm="a verdict by actbench", against="by the tutorial's loop", is_part=False
    )
    return pd.concat([whole, targeted], ignore_index=True)


def _goal_rows(goals: pd.DataFrame) -> list[list[str]]:
    """A row for each goal; empty where there is none."""
    if not len(goals):
        return []
    rows = [["goal", "ratio", "aimed at", "", "rounds"]]
    for row in goals.to_dict("records"):
        ratio = bracketed(row["ratio"], row["low"], row["high"])
        rows.append([f"{row['case']}: {row['arm']} / {row['against']}", ratio, aim(row), row["verdict"], str(row["n"])])
    return rows


def _costs_in_words(costs: pd.DataFrame) -> list[str]:
    """For each case how long a verdict takes, and of which factors the difference is the product."""
    sentences = []
    for case, rows in costs.groupby("case", sort=False) if len(costs) else ():
        ratios, cost = rows.set_index("factor")["ratio"], rows.iloc[0]
        if ratios.isna().any():
            continue
        factors = ", ".join(f"{name} {rounded(ratios[name])}" for name in answers.FACTORS[:-1])
        sentences.append(
            f"{case}: whether mish is equivalent to relu is known after {rounded(cost['ours'])} s "
            f"({cost['paired']} paired seeds); with the tutorial's loop and {cost['unpaired']} unpaired seeds it takes "
            f"{rounded(cost['tutorial'])} s, {rounded(ratios['whole'])} times as long ({factors})."
        )
    return sentences


def _cost_rows(costs: pd.DataFrame) -> list[list[str]]:
    rows = [["case", "factor", "times as fast", "aimed at", ""]]
    for row in costs.to_dict("records"):
        aimed = "" if pd.isna(row["target"]) else f"≥ {rounded(row['target'])}"
        rows.append(
            [row["case"], row["factor"], bracketed(row["ratio"], row["low"], row["high"]), aimed, row["verdict"]]
        )
    return rows


def _goals_part(goals: pd.DataFrame, *, save: Save) -> Part:
    """The figure of all goals, with the table of their numbers."""
    if not len(goals):
        return Part("")
    return Part("Ratios with a target", _READ_GOALS, figure=save(figure.targets(goals), "targets"),
                table=page.table(_goal_rows(goals)))  # fmt: skip


def _fold(name: str, rates: pd.DataFrame, ratios: pd.DataFrame, costs: pd.DataFrame) -> Fold:
    """One comparison: its ratios, then the rates of its arms, and why an arm was left out."""
    title, read = SECTIONS[name]
    arms = rates[rates["comparison"] == name]
    against = ratios[ratios["comparison"] == name] if len(ratios) else ratios
    compared = page.table(_cost_rows(costs) if name == "verdict" and len(costs) else ratio_rows(against))
    left_out = [Part("", f"Left out: {sentence}") for sentence in sorted(set(arms["left_out"]) - {""})]
    return Fold(
        title, [Part("", Markdown(read), table=compared), Part("", table=page.table(_rate_rows(arms))), *left_out]
    )


def _lost(sentences: list[str]) -> list[Fold]:
    return [Fold("Failed", [Part("", sentence) for sentence in sentences])] if sentences else []


def _rate_rows(rates: pd.DataFrame) -> list[list[str]]:
    rows = [["case", "arm", "rate", "per second", "seconds", "whole", "CPU share", "accuracy", "n", "load"]]
    for row in rates[rates["left_out"] == ""].to_dict("records"):
        rate = ["", ""] if row["unit"] == "part" else [bracketed(row["rate"], row["low"], row["high"]), row["unit"]]
        times = [rounded(row[name]) for name in ("seconds", "whole_seconds", "cpu_share")]
        accuracy = bracketed(row["accuracy"], *(row["accuracy"] + k * row["accuracy_std"] for k in (-1, 1)), digits=4)
        rows.append([row["case"], row["arm"], *rate, *times, accuracy, str(row["n"]), rounded(row["load"])])
    return rows


def _in_short(goals: pd.DataFrame, *, device: str) -> str:
    """How many goals are reached on this device."""
    if not len(goals):
        return "No ratio with a target was measured."
    reached = (goals["verdict"] == "reached").sum()
    is_or_are = "is" if reached == 1 else "are"
    return f"{reached} of {len(goals)} goals {is_or_are} reached{f' on {device}' if device else ''}."


def _size(rates: pd.DataFrame) -> str:
    """`8 comparisons, 117 arms, 9 rounds each`"""
    n = rates["n"][rates["n"] > 0]
    span = f"{n.min()} to {n.max()}" if n.min() < n.max() else f"{n.min()}"
    count = rates["comparison"].nunique()
    return f"{count} comparison{'s' if count > 1 else ''}, {len(rates)} arms, {span} rounds each"


def _settings(runs: pd.DataFrame, load: pd.Series, size: str) -> list[list[str]]:
    names = {"device_name": "ran on", "threads": "threads", "torch": "torch", "python": "Python", "commit": "commit"}
    names |= {"protocol": "PROTOCOL", "actbench": "actbench", "train.batch_size": "batch size"}
    names |= {"train.epochs": "epochs, where no case names others"}
    names |= {"data.num_train": "training examples, where no section says that runs see all"}
    rows = [[label, distinct(runs[name])] for name, label in names.items() if name in runs]
    return [["", ""], ["measured", size], *rows, ["load average", f"{fixed(load.min(), 1)} to {fixed(load.max(), 1)}"]]


def _failed(runs: pd.DataFrame) -> list[str]:
    failed = runs[runs["status"] == "failed"]
    return [f"{row['task.comparison']}: {row['message']}" for _, row in failed.iterrows()]
