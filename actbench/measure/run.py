"""One run: a pack of seeds that share a config, from the run's identity to its tables in the results folder."""

import functools
import io
import json
import math
import signal
import traceback
from collections.abc import Callable, Iterator

import torch
from omegaconf import OmegaConf
from PIL import Image
from torch import Tensor, nn
from tqdm import tqdm

from actbench.command.job import Job
from actbench.measure import build, environment, memory, probes
from actbench.measure.checkpoint import Checkpoint
from actbench.measure.data.splits import Split, Splits, split
from actbench.measure.identity import PROTOCOL, columns, run_id
from actbench.measure.streams import stream, stream_seed
from actbench.measure.trace import activations
from actbench.measure.train import History, Prober, Task, train
from actbench.tables import atomic, schema, store

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
            bar.set_description(f"{job.act}, seed {seed}")
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


def train_seed(job: Job, seed: int, checkpoint: Checkpoint, epochs: Iterator[int]) -> tuple[dict, History]:
    """Train, probe and test one seed: its row of `runs` without the keys, and its history."""
    config = job.config
    device = environment.device(config.device)
    splits = split(
        build.source(config.data),
        **{key: config.data[key] for key in ("num_val", "num_test", "num_train", "standardize")},
        seed=seed,
        device=device,
    )
    model = build.model(config, input_shape=splits.train.pixels.shape[1:], seed=seed, on=device)
    task = build.task(config, model, splits=splits, seed=seed)
    num_steps = config.train.epochs * (len(splits.train.labels) // config.train.batch_size)
    history = train(
        task,
        splits,
        epochs=epochs,
        num_steps=num_steps,
        batch_size=config.train.batch_size,
        schedule=build.schedule(config),
        augment=build.augment(config),
        prober=_prober(job, model, splits.val, num_steps=num_steps),
        order=stream(seed, "order"),
        augmentation=stream(seed, "augment"),
        checkpoint=checkpoint,
    )
    outcome = _outcome(job, history, task, splits)
    outcome |= {"num_parameters": sum(p.numel() for p in model.parameters())}
    return outcome | ({"picture": _png(task.picture())} if seed == config.seed else {}), history


def _prober(job: Job, model: nn.Module, val: Split, *, num_steps: int) -> Prober:
    """A prober of the first validation images.

    The bounds of a function without learned parameters are computed once. A task may trace layers that are not the
    model's, such as a GAN's generator, with functions of their own.
    """
    epsilon = job.config.probes.epsilon
    fixed = _fixed_bounds(OmegaConf.to_yaml(job.config.act), epsilon)
    cache: dict[nn.Module, probes.Bounds] = dict.fromkeys(activations(model).values(), fixed) if fixed else {}

    def bounds(f: nn.Module) -> probes.Bounds:
        if f in cache:
            return cache[f]
        current = probes.bounds_of(f, epsilon=epsilon)
        return current if _has_parameters(f) else cache.setdefault(f, current)

    return Prober(
        batch=val.first(job.config.probes.num_examples),
        steps=build.probe_steps(job.config, num_steps=num_steps),
        bounds=bounds,
    )


@functools.lru_cache(maxsize=1)
def _fixed_bounds(act: str, epsilon: float) -> probes.Bounds | None:
    """The bounds of an activation without learned parameters, the same for every seed and layer; None of others."""
    layer = build.act_factory(OmegaConf.create(act))()  # type: ignore[arg-type]
    return None if _has_parameters(layer) else probes.bounds_of(layer, epsilon=epsilon)


def _has_parameters(layer: nn.Module) -> bool:
    return any(True for _ in layer.parameters())


def _outcome(job: Job, history: History, task: Task, splits: Splits) -> dict:
    """The measures of the last epoch, the held-out measures (at chance where the run diverged), time and memory."""
    last, diverged = history.epochs[-1], history.status == "diverged"
    val = {f"val_{name}": value for name, value in task.chance(splits.val).items()} if diverged else {}
    test = task.chance(splits.test) if diverged else task.evaluate(splits.test)
    seconds = history.train_seconds or math.nan  # missing where nothing was trained
    return {
        **{name: value for name, value in last.items() if name != "lr"},
        "status": history.status,
        **val,
        **{f"test_{name}": value for name, value in test.items()},
        **_time_to_target(history, job.config.data.target_loss),
        "train_seconds": seconds,
        "probe_seconds": history.probe_seconds,
        "samples_per_second": history.step * job.config.train.batch_size / seconds,
        "peak_mib": memory.peak_mib(environment.device(job.config.device)),
    }


def _time_to_target(history: History, target: float) -> dict[str, float]:
    """The first epoch and step with a validation loss of at most `target`, or ∞; empty for a task without that loss."""
    if "val_loss" not in history.epochs[0]:
        return {}
    reached = [row for row in history.epochs if row["val_loss"] <= target and history.status != "diverged"]
    first = reached[0] if reached else dict.fromkeys(("epoch", "step"), float("inf"))
    return {"epochs_to_target": first["epoch"], "steps_to_target": first["step"]}


def _png(picture: Tensor | None) -> bytes | None:
    """A picture (C, H, W) uint8, grey or in colour, as the bytes of a PNG file."""
    if picture is None:
        return None
    file = io.BytesIO()
    Image.fromarray(picture.permute(1, 2, 0).squeeze(2).numpy()).save(file, "png", optimize=True)
    return file.getvalue()
