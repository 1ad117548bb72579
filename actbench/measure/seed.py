"""One seed of a run: trained, probed and tested."""

import functools
import io
import math
from collections.abc import Iterator

from omegaconf import OmegaConf
from PIL import Image
from torch import Tensor, nn

from actbench.command.job import Job
from actbench.measure import build, environment, memory, probes
from actbench.measure.checkpoint import Checkpoint
from actbench.measure.data.splits import Split, Splits, sizes, split
from actbench.measure.identity import layer_names
from actbench.measure.streams import stream
from actbench.measure.trace import Activation, activations
from actbench.measure.train import History, Prober, Task, train
from actbench.tables.bits import pack


def train_seed(job: Job, seed: int, checkpoint: Checkpoint, epochs: Iterator[int]) -> tuple[dict, History]:
    """Train, probe and test one seed: its row of `runs` without the keys, and its history."""
    config = job.config
    device = environment.device(config.device)
    splits = split(
        build.source(config.data),
        **sizes(config.data),
        standardize=config.data.standardize,
        seed=seed,
        device=device,
    )
    model = build.model(config, splits.train, seed=seed, on=device)
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
    epsilon, layers = job.config.probes.epsilon, activations(model).values()
    fixed = (_fixed_bounds(OmegaConf.to_yaml(node), epsilon) for node in build.act_nodes(job.config.act))
    cache = {layer: bounds for layer, bounds in zip(layers, fixed, strict=False) if bounds}

    def bounds(layer: Activation) -> list[probes.Bounds]:
        if layer in cache:
            return cache[layer]
        current = [probes.bounds_of(f, epsilon=epsilon) for f in layer.functions()]
        return current if _has_parameters(layer) else cache.setdefault(layer, current)

    return Prober(
        batch=val.first(job.config.probes.num_examples),
        steps=build.probe_steps(job.config, num_steps=num_steps),
        bounds=bounds,
        names=dict(zip(layers, layer_names(job), strict=False)),
    )


@functools.lru_cache(maxsize=8)
def _fixed_bounds(act: str, epsilon: float) -> list[probes.Bounds] | None:
    """The bounds of an activation without learned parameters, the same for every seed and layer; None of others."""
    layer = build.act_factory(OmegaConf.create(act))(1)  # type: ignore[arg-type]
    return None if _has_parameters(layer) else [probes.bounds_of(layer, epsilon=epsilon)]


def _has_parameters(layer: nn.Module) -> bool:
    return any(True for _ in layer.parameters())


def _outcome(job: Job, history: History, task: Task, splits: Splits) -> dict:
    """The measures of the last epoch, the held-out measures (at chance where the run diverged), time and memory.

    A diverged run classifies no image, so which ones it has right is missing.
    """
    last, diverged = history.epochs[-1], history.status == "diverged"
    val = {f"val_{name}": value for name, value in task.chance(splits.val).items()} if diverged else {}
    test, right = (task.chance(splits.test), None) if diverged else task.test(splits.test)
    bits = {} if right is None else {"num_test_images": len(right), "test_right": pack(right.numpy(force=True))}
    seconds = history.train_seconds or math.nan  # missing where nothing was trained
    return {
        **{name: value for name, value in last.items() if name != "lr"},
        "status": history.status,
        **val,
        **{f"test_{name}": value for name, value in test.items()},
        **bits,
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
