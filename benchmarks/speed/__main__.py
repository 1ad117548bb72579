"""python -m benchmarks.speed: measure the comparisons of speed and write their report."""

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
from actbench.measure import preflight
from actbench.report.console import failures
from actbench.tables import store
from benchmarks.speed import harness, report

CASES = ["mnist/mlp", "mnist/cnn", "cifar10/cnn"]
# Each arm is a short run. With six rounds the extremes hold the median with 97 %.
SETTINGS = [
    "+act=relu",
    "data=mnist",
    "probes=none",
    "schedule=constant",  # as in the loops that actbench is compared with
    "optim.lr=0.001",
    "data.num_train=10240",
    "model.depth=4",
    "train.epochs=1",
    "train.batch_size=128",
    "num_seeds=6",
    "output.name=speed",
]


def main(argv: list[str] | None = None) -> int:
    """Run the command line. Returns 0, or 2 after printing what is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed",
        description="Measure how fast actbench is. A round of all comparisons takes about 4 minutes on 2 idle cores.",
    )
    parser.add_argument(
        "words", nargs="*", metavar="COMPARISON or KEY=VALUE", help=f"default: all of {', '.join(report.SECTIONS)}"
    )
    parser.add_argument("--cases", nargs="+", default=CASES, metavar="DATA/MODEL", help=f"default: {' '.join(CASES)}")
    parser.add_argument("--report", type=Path, metavar="FOLDER", help="only write the report of a folder again")
    arguments = parser.parse_intermixed_args(argv)
    try:
        folder = arguments.report or _measure(arguments.words, arguments.cases)
        tables, left_out = store.read(folder)
        failed = tables.runs[tables.runs["status"] == "failed"]
        if len(failed):
            print(failures(folder, failed), file=sys.stderr)
        path = report.write(folder, tables, list(left_out.values()))
    except (ConfigError, FileNotFoundError, NothingToReportError) as error:
        print(f"benchmarks.speed: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("benchmarks.speed: Stopped: the same command goes on after the last whole round.", file=sys.stderr)
        return 130
    print(report.summary(tables))
    print(f"\nReport: {path}")
    return int(len(failed) > 0)


def _measure(words: list[str], cases: list[str]) -> Path:
    """Measure the named comparisons, or all, one after another. Returns their results folder."""
    names, overrides = [word for word in words if "=" not in word], [word for word in words if "=" in word]
    comparison_jobs = jobs(names or list(report.SECTIONS), overrides, cases=cases)
    for job in comparison_jobs:
        print(f"{job.config.task.comparison}: {job.config.num_seeds} rounds", flush=True)
        harness.measure(job, show_progress=True)
    store.compact(comparison_jobs[0].folder)
    return comparison_jobs[0].folder


def jobs(names: list[str], overrides: list[str], *, cases: list[str]) -> list[Job]:
    """The job of each comparison: `SETTINGS`, with the overrides in place of those with the same key.

    Raises:
        ConfigError: If a comparison, a case or an override is not valid.
    """
    for name in names:
        if name not in report.SECTIONS:
            raise ConfigError(f"There is no comparison {name}: {nearest(name, report.SECTIONS)}")
    for case in cases:
        data, _, model = case.partition("/")
        if data not in options("data") or model not in options("model"):
            raise ConfigError(f"--cases has {case}: a case is a data set and a model, such as mnist/cnn.")
    overridden = {key_of(override) for override in overrides}
    job = compose.job_from([*(setting for setting in SETTINGS if key_of(setting) not in overridden), *overrides])
    preflight.check([job])
    return [_comparison_job(job, name, cases) for name in names]


def _comparison_job(job: Job, name: str, cases: list[str]) -> Job:
    """The job with a task that is not in conf/: the arms of the comparison measure it."""
    config = OmegaConf.merge(job.config)
    config.task = {"comparison": name, "cases": cases}
    return replace(job, config=config, choices=job.choices | {"task": "speed"})


if __name__ == "__main__":
    sys.exit(main())
