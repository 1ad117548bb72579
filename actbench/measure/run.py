"""One run: a pack of seeds with one config, from identity to landed tables."""

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
from actbench.measure import build, memory, probes
from actbench.measure.checkpoint import Checkpoint
from actbench.measure.data.splits import Split, Splits, split
from actbench.measure.environment import device, environment
from actbench.measure.identity import PROTOCOL, columns, run_id
from actbench.measure.streams import stream, stream_seed
from actbench.measure.trace import activations
from actbench.measure.train import History, Prober, Task, train
from actbench.tables import atomic, schema, store

# Measures one seed of a job, resumed from its checkpoint, epoch by epoch: its row of `runs`, its history.
MeasureSeed = Callable[[Job, int, Checkpoint, Iterator[int]], tuple[dict, History]]


def run(job: Job, *, show_progress: bool, measure_seed: MeasureSeed | None = None) -> None:
    """Measure a run and land it in its results folder, unless it is there already.

    A run that raises is recorded as failed, with its traceback, and does not raise: a sweep goes on.

    Args:
        job: The run.
        show_progress: Whether a bar counts its epochs.
        measure_seed: What measures each seed of the pack; training, probing and testing if not given.
    """
    name, runs = run_id(job), job.folder / "runs"
    failed = runs / f"{name}.failed"
    atomic.refuse_links(job.folder, names=atomic.MEASURED)
    if store.finished(job.folder, among={name}):
        if failed.is_dir():  # landed after the run, by another process that tried it too
            atomic.discard(failed)
        return
    atomic.check_room(runs / name)
    atomic.discard(failed)
    on = device(job.config.device)
    versions = environment(on)
    checkpoint = Checkpoint(runs / f".{name}", environment=versions, device=on)
    files = {
        "config.yaml": OmegaConf.to_yaml(job.config, resolve=True),
        "environment.json": json.dumps(versions, indent=2) + "\n",
    }
    try:
        bar = _bar(job, show_progress=show_progress)
        measured = _measure(job, name, checkpoint, bar, measure_seed or train_seed)
    except (Exception, SystemExit) as error:  # the user's activation may call sys.exit
        if _is_of_a_scheduler(error):
            raise
        record = {
            **_keys(job, name, job.config.seed),
            "status": "failed",
            "message": _storable(f"{type(error).__name__}: {error}"),
        }
        files["traceback.txt"] = _storable(traceback.format_exc())
        store.land(schema.from_rows(runs=[record]), failed, files=files)
    else:
        store.land(measured, runs / name, files=files)
        atomic.discard(failed)  # of another process that measured the same run
    checkpoint.remove()


def _is_of_a_scheduler(error: BaseException) -> bool:
    """Whether a handler of a signal raised it, as submitit's does at a job's time limit, wherever the run is just then.

    That is not the run's failure: its checkpoint stays.
    """
    handlers = [signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGUSR2)]
    codes = [getattr(handler, "__code__", None) for handler in handlers]
    return any(frame.f_code in codes for frame, _ in traceback.walk_tb(error.__traceback__))


def _storable(text: str) -> str:
    """Text as UTF-8 can hold it: half a surrogate pair, as file names may have it, is written as its escape."""
    return text.encode(errors="backslashreplace").decode()


def _keys(job: Job, name: str, seed: int) -> dict:
    """What every row of `runs` has, measured or failed."""
    return (
        columns(job)
        | environment(device(job.config.device))
        | {"run_id": name, "seed": seed, "epoch": 0, "step": 0, "protocol": PROTOCOL}
    )


def _bar(job: Job, *, show_progress: bool) -> tqdm:
    total = job.config.num_seeds * job.config.train.epochs
    return tqdm(total=total, unit="epoch", disable=None if show_progress else True)


def _measure(job: Job, name: str, checkpoint: Checkpoint, bar: tqdm, measure_seed: MeasureSeed) -> schema.Tables:
    """Every seed of the pack, one after another; those that the checkpoint holds are measured already."""
    first, epochs = job.config.seed, job.config.train.epochs
    rows = checkpoint.rows
    done = len(rows["runs"])
    begin_run(job.config.threads)
    on = device(job.config.device)
    with bar:
        bar.update(done * epochs)
        for seed in range(first + done, first + job.config.num_seeds):
            bar.set_description(f"{job.act}, seed {seed}")
            with torch.random.fork_rng(devices=[on] if on.type == "cuda" else []):
                memory.reset_peak(on)
                torch.manual_seed(stream_seed(seed, "global"))  # only rrelu's slopes are drawn from the global stream
                outcome, history = measure_seed(job, seed, checkpoint, _counted(epochs, bar))
            keys = {"run_id": name, "seed": seed}
            rows["runs"].append(_keys(job, name, seed) | outcome)
            rows["epochs"] += [keys | row for row in history.epochs]
            rows["layers"] += [keys | row for row in history.layers]
            checkpoint.save(None)
    return schema.from_rows(**rows)  # type: ignore[arg-type]


def begin_run(threads: int) -> None:
    """What a run sets in its process, whatever ran there before."""
    torch.set_num_threads(threads)
    memory.set_imports_aside()
    memory.keep_freed()
    memory.give_back()


def _counted(epochs: int, bar: tqdm) -> Iterator[int]:
    for epoch in range(1, epochs + 1):
        yield epoch
        bar.update()


def train_seed(job: Job, seed: int, checkpoint: Checkpoint, epochs: Iterator[int]) -> tuple[dict, History]:
    """Train, probe and test one seed: its row of `runs` without the keys, and its history."""
    cfg = job.config
    on = device(cfg.device)
    splits = split(
        build.source(cfg.data),
        **{key: cfg.data[key] for key in ("num_val", "num_test", "num_train", "standardize")},
        seed=seed,
        device=on,
    )
    model = build.model(cfg, input_shape=splits.train.pixels.shape[1:], seed=seed, on=on)
    task = build.task(cfg, model, splits=splits, seed=seed)
    num_steps = cfg.train.epochs * (len(splits.train.labels) // cfg.train.batch_size)
    history = train(
        task,
        splits,
        epochs=epochs,
        num_steps=num_steps,
        batch_size=cfg.train.batch_size,
        schedule=build.schedule(cfg),
        augment=build.augment(cfg),
        prober=_prober(job, model, splits.val, num_steps=num_steps),
        order=stream(seed, "order"),
        augmentation=stream(seed, "augment"),
        checkpoint=checkpoint,
    )
    outcome = _outcome(job, history, task, splits)
    outcome |= {"num_parameters": sum(p.numel() for p in model.parameters())}
    return outcome | ({"picture": _png(task.picture())} if seed == cfg.seed else {}), history


def _prober(job: Job, model: nn.Module, val: Split, *, num_steps: int) -> Prober:
    """Probes on the first validation images; the shape of an activation without learned parameters is found once.

    What a task has beside the model has functions of its own.
    """
    epsilon = job.config.probes.epsilon
    fixed = _fixed_shape(OmegaConf.to_yaml(job.config.act), epsilon)
    shapes: dict[nn.Module, probes.Shape] = dict.fromkeys(activations(model).values(), fixed) if fixed else {}

    def shape(f: nn.Module) -> probes.Shape:
        if f in shapes:
            return shapes[f]
        found = probes.shape_of(f, epsilon=epsilon)
        return found if any(True for _ in f.parameters()) else shapes.setdefault(f, found)

    return Prober(
        batch=val.first(job.config.probes.num_examples),
        steps=build.probe_steps(job.config, num_steps=num_steps),
        shape=shape,
    )


@functools.lru_cache(maxsize=1)
def _fixed_shape(act: str, epsilon: float) -> probes.Shape | None:
    """The shape of an activation that learns nothing, the same for every seed and layer; None of one that learns."""
    fixed = build.act_factory(OmegaConf.create(act))()  # type: ignore[arg-type]
    return None if any(True for _ in fixed.parameters()) else probes.shape_of(fixed, epsilon=epsilon)


def _outcome(job: Job, history: History, task: Task, splits: Splits) -> dict:
    """What the last epoch measured, held-out measures (chance level where the run diverged), time to target, cost."""
    last, diverged = history.epochs[-1], history.status == "diverged"
    val = {f"val_{name}": value for name, value in task.chance(splits.val).items()} if diverged else {}
    test = task.chance(splits.test) if diverged else task.evaluate(splits.test)
    seconds = history.train_seconds or math.nan  # missing where nothing was trained
    return {
        **{name: value for name, value in last.items() if name != "lr"},
        "status": history.status,
        **val,
        **{f"test_{name}": value for name, value in test.items()},
        **_to_target(history, job.config.data.target_loss),
        "train_seconds": seconds,
        "probe_seconds": history.probe_seconds,
        "samples_per_second": history.step * job.config.train.batch_size / seconds,
        "peak_mib": memory.peak_mib(device(job.config.device)),
    }


def _to_target(history: History, target: float) -> dict[str, float]:
    """When the validation loss was first at most the target: never is ∞; nothing of a task without such a loss."""
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
