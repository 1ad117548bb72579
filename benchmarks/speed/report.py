"""The report on speed: tables -> statistics/, figures/, report.md and report.html."""

from pathlib import Path

import pandas as pd

from actbench.compare.workloads import NothingToReportError
from actbench.report import page, writer
from actbench.report.numbers import bracketed, fixed, rounded
from actbench.report.page import Markdown
from actbench.report.settings import distinct
from actbench.tables.schema import Tables
from benchmarks.speed import figure, limits
from benchmarks.speed.tables import aim, ratio_rows
from benchmarks.speed.tables import rates as rates_of
from benchmarks.speed.tables import ratios as ratios_of
from benchmarks.speed.tables import rounds as rounds_of

TITLE = "Speed: what actbench takes, and what the machine could"
# Comparison -> heading, description of its arms. The order is the report's.
SECTIONS = {
    "tutorial": (
        "A run against the tutorial's loop and Lightning",
        "The tutorial loop is what PyTorch's own tutorials write: torchvision's data set, ToTensor, Normalize, a "
        "DataLoader with shuffle (no workers; as a second arm two, which are two more processes), zero_grad, "
        "backward, step, .item() of each loss. Lightning is its Trainer over the same DataLoader without logger, "
        "checkpoints or bar. Same net, initial weights, examples, batch, Adam and epochs; the clock is around "
        "training, accuracy is taken off it on the same test set; `whole` of actbench holds its data and "
        "evaluation too.",
    ),
    "workers": (
        "A sweep with two workers",
        "Four runs by joblib's workers, one thread each, started off the clock; whole runs with data, evaluation and "
        "all. The tutorial's loops train as many one after another, each followed by its test loop. Where they are "
        "compared, runs see all training examples. Parts are of one worker: training by the runs' own clocks, the "
        "making of splits, evaluation; each as often as the runs have it. torch.mm alone is a reference for what a "
        "second core is worth here, as two cores of a virtual machine may be two threads of one; work that waits for "
        "memory or Python may gain more.",
    ),
    "peak": (
        "Share of the machine's peak, and where the rest goes",
        "GFLOP are those of matrix products and convolutions, forward and backward, none for the gradient at the "
        "images; the peak is the best of torch.mm on squares of 512, 1024, 2048, or of conv2d with 32, 64, 128 "
        "channels stored last. A part is timed alone, as often as training does it; its ratio is the share of the "
        "time of training. Parts overlap: forward and backward hold the products, and what they take beyond them is "
        "biases, activations, pooling, the loss, autograd and Python.",
    ),
    "stacked": (
        "Stacked seeds",
        "A pack trained as one model (torch.func.vmap over stacked weights) against as many updates one seed after "
        "another.",
    ),
    "probing": (
        "What probing costs",
        "Training and probing together, without evaluation; runs see all training examples. Probes alone are a run's "
        "own clock of them, as a share of "
        "both: 0.0291 is 3 % of the time of training. It falls with the length of a run, as probed steps are "
        "log-spaced: beside runs of the default length stand those of mnist_mlp and mnist_cnn; in shorter ones it "
        "is more. Their parts are timed at the initial weights, as often as the run is probed. Whole runs "
        "with probes against whole runs without hold the same cost and what else differed between the two meanwhile, "
        "so their ratio is less sure.",
    ),
    "precision": (
        "float32 and bfloat16, eager and compiled",
        "bfloat16 is torch.autocast; compiling is off the clock. Accuracy is the mean over rounds, by seed the same "
        "weights, examples and order in each arm.",
    ),
    "startup": (
        "Start-up",
        "A process each; the first training step is of a run on digits. torch's optimizers import torch's compiler "
        "before their first step, in whatever program.",
    ),
    "other_probes": (
        "Layers looked at by other tools",
        "Each against its own loop without it, on batches in memory: actbench with every probe of every layer after "
        "each epoch; delve's SaturationTracker; Lightning with forward hooks that take mean, spread, zero gradients "
        "and effective rank of each activation layer.",
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
    rates, ratios = rates_of(rounds), ratios_of(rounds)
    targeted = ratios[ratios["target"].notna()] if len(ratios) else ratios
    runs = tables.runs[tables.runs["run_id"].isin(set(rounds["run_id"]))]  # those that measured the rounds
    with writer.replacing(folder) as new:
        writer.write_tables(new, {"rates": rates, "ratios": ratios})
        writer.write_page(
            new,
            Path(__file__).with_name("report.md.j2"),
            title=TITLE,
            opening=_opening(rates),
            in_short=_in_short(targeted, device=distinct(runs.get("device_name", []))),
            figure=writer.saver(new)(figure.targets(ratios), "targets") if len(targeted) else "",
            targets=page.table(ratio_rows(targeted)),
            limits=limits.sentences(ratios),
            settings=page.table(_settings(runs, rounds["load"])),
            sections=[_section(name, rates, ratios) for name in SECTIONS if name in set(rates["comparison"])],
            failed=[*_failed(tables.runs), *left_out],
        )
    return folder / "report.html"


def _section(name: str, rates: pd.DataFrame, ratios: pd.DataFrame) -> dict:
    title, read = SECTIONS[name]
    arms = rates[rates["comparison"] == name]
    against = ratios[ratios["comparison"] == name] if len(ratios) else ratios
    return {
        "title": title,
        "read": Markdown(read),
        "ratios": page.table(ratio_rows(against)),
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


def _in_short(targeted: pd.DataFrame, *, device: str) -> list[str]:
    """How many targets are reached on this device, and a sentence for each that is not."""
    if not len(targeted):
        return ["No ratio with a target was measured."]
    reached = targeted[targeted["verdict"] == "reached"]
    others = targeted[targeted["verdict"] != "reached"]
    sentences = [f"{len(reached)} of {len(targeted)} targets are reached{f' on {device}' if device else ''}."]
    for row in others.to_dict("records"):
        comparison = f"{row['arm']} against {row['against']} ({row['case']})"
        ratio = bracketed(row["ratio"], row["low"], row["high"])
        sentences.append(f"{row['verdict']}: {comparison}: {ratio}, aimed at {aim(row)}.")
    return sentences


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
