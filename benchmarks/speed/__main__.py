"""python -m benchmarks.speed: comparisons of speed are measured, and reported."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from omegaconf import OmegaConf

from actbench.command import compose
from actbench.command.check import key_of
from actbench.command.job import Job
from actbench.command.options import ConfigError, nearest, options
from actbench.compare.workloads import NothingToReportError
from actbench.measure import check
from actbench.report.console import aligned
from actbench.tables import store
from benchmarks.speed import harness, report
from benchmarks.speed.tables import ratio_rows, ratios, rounds

CASES = ["mnist/mlp", "mnist/cnn", "cifar10/cnn"]
# A short run in each arm; of nine rounds the second and the last but one hold the median with 96 %.
SETTINGS = [
    "+act=relu",
    "data=mnist",
    "probes=none",
    "data.num_train=10240",
    "model.depth=4",
    "train.epochs=1",
    "train.batch_size=128",
    "num_seeds=9",
    "output.name=speed",
]


def main(argv: list[str] | None = None) -> int:
    """The command line; 0, or 2 after a sentence that says what is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed",
        description="Measure how fast actbench is. A round of all comparisons takes about 5 minutes on 2 idle cores.",
    )
    parser.add_argument("given", nargs="*", metavar="COMPARISON or KEY=VALUE", help=f"of {', '.join(report.SECTIONS)}")
    parser.add_argument("--cases", nargs="+", default=CASES, metavar="DATA/MODEL", help=f"default: {' '.join(CASES)}")
    parser.add_argument("--report", type=Path, metavar="FOLDER", help="only make the report of a folder again")
    arguments = parser.parse_intermixed_args(argv)
    try:
        folder = arguments.report or _measured(arguments.given, arguments.cases)
        tables, left_out = store.read(folder)
        path = report.write(folder, tables, list(left_out.values()))
    except (ConfigError, FileNotFoundError, NothingToReportError) as error:
        print(f"benchmarks.speed: {error}", file=sys.stderr)
        return 2
    print(aligned(ratio_rows(ratios(rounds(tables)))))
    print(f"\nReport: {path}")
    return 0


def _measured(given: list[str], cases: list[str]) -> Path:
    """Measure the comparisons that are named, or all, one after another; their results folder."""
    names, overrides = [text for text in given if "=" not in text], [text for text in given if "=" in text]
    for job in (found := jobs(names or list(report.SECTIONS), overrides, cases=cases)):
        print(f"{job.config.task.comparison}: {job.config.num_seeds} rounds", flush=True)
        harness.measure(job, show_progress=True)
    store.compact(found[0].folder)
    return found[0].folder


def jobs(names: list[str], overrides: list[str], *, cases: list[str]) -> list[Job]:
    """A run for each comparison, of the settings and what replaces them.

    Raises:
        ConfigError: If a comparison, a case or an override cannot be meant.
    """
    for name in names:
        if name not in report.SECTIONS:
            raise ConfigError(f"There is no comparison {name}: {nearest(name, report.SECTIONS)}")
    for case in cases:
        data, _, model = case.partition("/")
        if data not in options("data") or model not in options("model"):
            raise ConfigError(f"--cases has {case}: a case is a data set and a model, such as mnist/cnn.")
    replaced = {key_of(text) for text in overrides}
    job = compose.read([*(text for text in SETTINGS if key_of(text) not in replaced), *overrides])
    check.check([job])
    return [_comparison(job, name, cases) for name in names]


def _comparison(job: Job, name: str, cases: list[str]) -> Job:
    """The job with a task that is no option of conf/: it is measured by the comparison's arms."""
    config = OmegaConf.merge(job.config)
    config.task = {"comparison": name, "cases": cases}
    return replace(job, config=config, choices=job.choices | {"task": "speed"})


if __name__ == "__main__":
    sys.exit(main())
