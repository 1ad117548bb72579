"""The report on speed: tables -> statistics/, figures/, report.md and report.html, in a hidden folder first."""

from pathlib import Path

import pandas as pd

from actbench.compare.workloads import NothingToReportError
from actbench.figures import style
from actbench.report import page, statistics
from actbench.report.page import Markdown
from actbench.tables import atomic
from actbench.tables.schema import Tables
from actbench.tables.text import text
from benchmarks.speed import figure, limits
from benchmarks.speed.tables import aim, interval, number, ratio_rows, rounds
from benchmarks.speed.tables import rates as rates_of
from benchmarks.speed.tables import ratios as ratios_of

TITLE = "Speed: what actbench takes, and what the machine could"
# Comparison -> heading, what its arms are. The order is the report's.
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
    """Make report.md, report.html, figures/ and statistics/ in a results folder; the path of report.html.

    Raises:
        NothingToReportError: If no speed was measured.
    """
    atomic.refuse_links(folder)
    with atomic.beside(folder / "report") as hidden:
        (hidden / "figures").mkdir(parents=True)
        _make(tables, left_out, hidden)
        page.install(hidden, folder, figures=["targets"])
    return folder / "report.html"


def _make(tables: Tables, left_out: list[str], folder: Path) -> None:
    """Write all into an empty folder that has figures/."""
    measured = rounds(tables)
    if not len(measured):
        raise NothingToReportError("No round of a comparison of speed was measured, so there is nothing to report.")
    rates, ratios = rates_of(measured), ratios_of(measured)
    statistics.land(folder, {"rates": rates, "ratios": ratios})
    aimed = ratios[ratios["target"].notna()] if len(ratios) else ratios
    if len(aimed):
        style.save(figure.targets(ratios), folder / "figures" / "targets.png")
    markdown = page.template(Path(__file__).with_name("report.md.j2")).render(
        title=TITLE,
        opening=_opening(tables, rates),
        in_short=_in_short(aimed, on=_names(_measuring(tables, measured), "device_name")),
        figure=len(aimed) > 0,
        targets=page.table(ratio_rows(aimed)),
        limits=limits.sentences(ratios),
        settings=page.table(_settings(tables, measured)),
        sections=[_section(name, rates, ratios) for name in SECTIONS if name in set(rates["comparison"])],
        failed=[*_failed(tables.runs), *left_out],
    )
    (folder / "report.md").write_text(markdown, encoding="utf-8")
    (folder / "report.html").write_text(page.render(markdown, title=TITLE, folder=folder), encoding="utf-8")


def _section(name: str, rates: pd.DataFrame, ratios: pd.DataFrame) -> dict:
    title, read = SECTIONS[name]
    own = rates[rates["comparison"] == name]
    against = ratios[ratios["comparison"] == name] if len(ratios) else ratios
    return {
        "title": title,
        "read": Markdown(read),
        "ratios": page.table(ratio_rows(against)),
        "rates": page.table(_rate_rows(own)),
        "left_out": sorted(set(own["left_out"]) - {""}),
    }


def _rate_rows(rates: pd.DataFrame) -> list[list[str]]:
    rows = [["case", "arm", "rate", "per second", "seconds", "whole", "CPU share", "accuracy", "n", "load"]]
    for row in rates[rates["left_out"] == ""].to_dict("records"):
        rate = ["", ""] if row["unit"] == "part" else [interval(row["rate"], row["low"], row["high"]), row["unit"]]
        times = [number(row[name]) for name in ("seconds", "whole_seconds", "cpu_share")]
        accuracy = interval(row["accuracy"], *(row["accuracy"] + k * row["accuracy_std"] for k in (-1, 1)), digits=4)
        rows.append([row["case"], row["arm"], *rate, *times, accuracy, str(row["n"]), number(row["load"])])
    return rows


def _in_short(aimed: pd.DataFrame, *, on: str) -> list[str]:
    """How many targets are reached on what machine, and which are not."""
    if not len(aimed):
        return ["No ratio with a target was measured."]
    reached = aimed[aimed["verdict"] == "reached"]
    others = aimed[aimed["verdict"] != "reached"]
    said = [f"{len(reached)} of {len(aimed)} targets are reached{f' on {on}' if on else ''}."]
    for row in others.to_dict("records"):
        what = f"{row['arm']} against {row['against']} ({row['case']})"
        ratio = interval(row["ratio"], row["low"], row["high"])
        said.append(f"{row['verdict']}: {what}: {ratio}, aimed at {aim(row)}.")
    return said


def _opening(tables: Tables, rates: pd.DataFrame) -> str:
    n = rates["n"][rates["n"] > 0]
    told = f"{n.min()} to {n.max()}" if n.min() < n.max() else f"{n.min()}"
    count = rates["comparison"].nunique()
    return f"{count} comparison{'s' if count > 1 else ''}, {len(rates)} arms, {told} rounds each."


def _settings(tables: Tables, measured: pd.DataFrame) -> list[list[str]]:
    runs = _measuring(tables, measured)
    names = {"device_name": "ran on", "threads": "threads", "torch": "torch", "python": "Python", "commit": "commit"}
    names |= {"protocol": "PROTOCOL", "actbench": "actbench", "train.batch_size": "batch size"}
    names |= {"train.epochs": "epochs, where no case names others"}
    names |= {"data.num_train": "training examples, where no section says that runs see all"}
    told = [[label, _names(runs, name)] for name, label in names.items() if name in runs]
    load = measured["load"]
    return [["", ""], *told, ["load average", f"{load.min():.1f} to {load.max():.1f}"]]


def _names(runs: pd.DataFrame, column: str) -> str:
    """The different values of a column; nothing where it was not measured."""
    return ", ".join(sorted(set(runs[column].map(text)) - {""})) if column in runs else ""


def _measuring(tables: Tables, measured: pd.DataFrame) -> pd.DataFrame:
    """The runs that the rounds are of."""
    return tables.runs[tables.runs["run_id"].isin(set(measured["run_id"]))]


def _failed(runs: pd.DataFrame) -> list[str]:
    failed = runs[runs["status"] == "failed"]
    return [f"{row['task.comparison']}: {row['message']}" for _, row in failed.iterrows()]
