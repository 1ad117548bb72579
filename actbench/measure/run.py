"""One run: a pack of seeds that share a config, from the run's identity to its tables in the results folder."""

import json
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch
from omegaconf import OmegaConf
from tqdm import tqdm

from actbench.command.job import Job
from actbench.command.options import GROUPS, options
from actbench.measure import environment, memory
from actbench.measure.checkpoint import Checkpoint
from actbench.measure.identity import act_name, columns, run_id, source, user_targets
from actbench.measure.seed import train_seed
from actbench.measure.streams import PROTOCOL, stream_seed
from actbench.measure.train import History
from actbench.tables import atomic, parquet, schema, store

# Measures one seed of a job over the given epochs, resuming from the checkpoint: its row of `runs` and its history.
MeasureSeed = Callable[[Job, int, Checkpoint, Iterator[int]], tuple[dict, History]]


def run(job: Job, *, show_progress: bool, measure_seed: MeasureSeed | None = None) -> None:
    """Measure a run and write its tables to its results folder, unless they are there already.

    An error in a run is recorded with its traceback and not raised again, so that a sweep continues.

    Args:
        job: The run.
        show_progress: Whether a bar counts its epochs.
        measure_seed: Measures each seed of the pack; None trains, probes and tests it.
    """
    name, runs = run_id(job), job.folder / "runs"
    failed = runs / f"{name}.failed"
    atomic.refuse_links(job.folder, names=atomic.MEASURED)
    if store.finished(job.folder, among={name}):
        if failed.is_dir():  # another process tried the same run, failed and wrote this later
            atomic.discard(failed)
        return
    atomic.check_space(runs / name)
    atomic.discard(failed)
    if _take_over(job, name):
        return
    device = environment.device(job.config.device)
    versions = environment.environment(device)
    checkpoint = Checkpoint(runs / f".{name}", environment=versions, device=device)
    files = {
        "config.yaml": OmegaConf.to_yaml(job.config, resolve=True),
        "environment.json": json.dumps(versions, indent=2) + "\n",
    }
    try:
        bar = _progress_bar(job, show_progress=show_progress)
        tables = _measure(job, name, checkpoint, bar, measure_seed or train_seed)
    except (Exception, SystemExit) as error:  # the user's activation may call sys.exit
        if _is_from_signal_handler(error):
            raise
        row = {
            **_run_columns(job, name, job.config.seed),
            "status": "failed",
            "message": _encodable(f"{type(error).__name__}: {error}"),
        }
        files["traceback.txt"] = _encodable(traceback.format_exc())
        store.land(schema.from_rows(runs=[row]), failed, files=files)
    else:
        store.land(tables, runs / name, files=files)
        atomic.discard(failed)  # written by another process that measured the same run
    checkpoint.remove()


def _take_over(job: Job, name: str) -> bool:
    """Land a run from one that differs in its track alone, and so in no number, where such a one is measured."""
    if _doubts(job):
        return False
    others = {run_id(replace(job, choices=job.choices | {"track": track})) for track in options("track")} - {name}
    for other in sorted(store.finished(job.folder, among=others)):
        try:
            tables = store.of_run(job.folder, other)
        except parquet.BrokenTablesError:
            continue
        runs = tables.runs.assign(track=job.choices["track"])
        tables = schema.Tables(*(frame.assign(run_id=name) for frame in (runs, tables.epochs, tables.layers)))
        store.land(
            tables, job.folder / "runs" / name, files={"config.yaml": OmegaConf.to_yaml(job.config, resolve=True)}
        )
        return True
    return False


def _doubts(job: Job) -> dict[str, str]:
    """Why the code or values of the user's that a job needs may change unseen, by dotted path."""
    targets = (t for group in GROUPS if group != "data" for t in user_targets(job, group))
    return {target: doubt for target in targets if (doubt := source(target).doubt)}


def renew(jobs: Sequence[Job]) -> list[str]:
    """Forget the runs with code or values of the user's that may have changed unseen; a sentence about each."""
    doubts: dict[str, str] = {}
    for job in jobs:
        if own := _doubts(job):
            doubts |= own
            store.forget(job.folder, {run_id(job)})
    return [f"{f} is measured anew each time, since an edit could go unseen: {doubt}." for f, doubt in doubts.items()]


def _is_from_signal_handler(error: BaseException) -> bool:
    """Whether a signal handler raised the error, as submitit's does when a job reaches its time limit.

    The handler may interrupt the run anywhere. That is no failure of the run, and its checkpoint stays.
    """
    handlers = [signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGUSR2)]
    codes = [getattr(handler, "__code__", None) for handler in handlers]
    return any(frame.f_code in codes for frame, _ in traceback.walk_tb(error.__traceback__))


def _encodable(text: str) -> str:
    """The text with escapes for what UTF-8 cannot hold: file names may contain lone surrogates."""
    return text.encode(errors="backslashreplace").decode()


def _run_columns(job: Job, name: str, seed: int) -> dict:
    """The columns that every row of `runs` has, measured or failed."""
    return (
        columns(job)
        | environment.environment(environment.device(job.config.device))
        | {"run_id": name, "seed": seed, "epoch": 0, "step": 0, "protocol": PROTOCOL}
    )


def _progress_bar(job: Job, *, show_progress: bool) -> tqdm:
    # tqdm's own lock, between processes, is a semaphore that a worker leaks as it is killed.
    tqdm.set_lock(threading.RLock())
    total = job.config.num_seeds * job.config.train.epochs
    return tqdm(total=total, unit="epoch", disable=None if show_progress else True)


def _measure(job: Job, name: str, checkpoint: Checkpoint, bar: tqdm, measure_seed: MeasureSeed) -> schema.Tables:
    """Measure, one after another, the seeds of the pack that the checkpoint does not hold yet."""
    first, epochs = job.config.seed, job.config.train.epochs
    rows = checkpoint.rows
    num_done = len(rows["runs"])
    begin_run(job.config.threads)
    device = environment.device(job.config.device)
    with bar:
        bar.update(num_done * epochs)
        for seed in range(first + num_done, first + job.config.num_seeds):
            bar.set_description(f"{act_name(job)}, seed {seed}")
            with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
                memory.reset_peak(device)
                torch.manual_seed(stream_seed(seed, "global"))  # only rrelu's slopes are drawn from the global stream
                outcome, history = measure_seed(job, seed, checkpoint, _epoch_numbers(epochs, bar))
            keys = {"run_id": name, "seed": seed}
            rows["runs"].append(_run_columns(job, name, seed) | outcome)
            rows["epochs"] += [keys | row for row in history.epochs]
            rows["layers"] += [keys | row for row in history.layers]
            checkpoint.save(None)
    return schema.from_rows(**rows)  # type: ignore[arg-type]


def begin_run(threads: int) -> None:
    """Set this process's threads and memory management for a run, whatever it ran before."""
    torch.set_num_threads(threads)
    memory.freeze_imports()
    memory.keep_freed_memory()
    memory.release_freed_memory()


def _epoch_numbers(num_epochs: int, bar: tqdm) -> Iterator[int]:
    """1, 2, …: the bar counts each epoch as it ends."""
    for epoch in range(1, num_epochs + 1):
        yield epoch
        bar.update()
