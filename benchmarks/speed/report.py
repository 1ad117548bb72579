"""The report on speed: tables -> statistics/, figures/, report.md and report.html."""

from pathlib import Path

import pandas as pd

from actbench.compare.workloads import NothingToReportError
from actbench.report import console, page, writer
from actbench.report.numbers import bracketed, fixed, rounded
from actbench.report.page import Markdown
from actbench.report.settings import distinct
from actbench.tables.schema import Tables
from benchmarks.speed import answers, figure
from benchmarks.speed.tables import aim, ratio_rows
from benchmarks.speed.tables import rates as rates_of
from benchmarks.speed.tables import ratios as ratios_of
from benchmarks.speed.tables import rounds as rounds_of

TITLE = "How long until you know?"
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
            Path(__file__).with_name("report.md.j2"),
            title=TITLE,
            opening=[*_costs_in_words(costs), _opening(rates)],
            in_short=_in_short(goals, device=distinct(runs.get("device_name", []))),
            figure=writer.saver(new)(figure.targets(goals), "targets") if len(goals) else "",
            goals=page.table(_goal_rows(goals)),
            settings=page.table(_settings(runs, rounds["load"])),
            sections=[_section(name, rates, ratios, costs) for name in SECTIONS if name in set(rates["comparison"])],
            failed=[*_failed(tables.runs), *left_out],
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


def _section(name: str, rates: pd.DataFrame, ratios: pd.DataFrame, costs: pd.DataFrame) -> dict:
    title, read = SECTIONS[name]
    arms = rates[rates["comparison"] == name]
    against = ratios[ratios["comparison"] == name] if len(ratios) else ratios
    return {
        "title": title,
        "read": Markdown(read),
        "ratios": page.table(_cost_rows(costs) if name == "verdict" and len(costs) else ratio_rows(against)),
        "rates": page.table(_rate_rows(arms)),
        "left_out": sorted(set(arms["left_out"]) - {""}),
    }


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
    return f"{reached} of {len(goals)} goals are reached{f' on {device}' if device else ''}."


def _opening(rates: pd.DataFrame) -> str:
    n = rates["n"][rates["n"] > 0]
    span = f"{n.min()} to {n.max()}" if n.min() < n.max() else f"{n.min()}"
    count = rates["comparison"].nunique()
    return f"{count} comparison{'s' if count > 1 else ''}, {len(rates)} arms, {span} rounds each."


def _settings(runs: pd.DataFrame, load: pd.Series) -> list[list[str]]:
    names = {"device_name": "ran on", "threads": "threads", "torch": "torch", "python": "Python", "commit": "commit"}
    names |= {"protocol": "PROTOCOL", "actbench": "actbench", "train.batch_size": "batch size"}
    names |= {"train.epochs": "epochs, where no case names others"}
    names |= {"data.num_train": "training examples, where no section says that runs see all"}
    rows = [[label, distinct(runs[name])] for name, label in names.items() if name in runs]
    return [["", ""], *rows, ["load average", f"{fixed(load.min(), 1)} to {fixed(load.max(), 1)}"]]


def _failed(runs: pd.DataFrame) -> list[str]:
    failed = runs[runs["status"] == "failed"]
    return [f"{row['task.comparison']}: {row['message']}" for _, row in failed.iterrows()]
