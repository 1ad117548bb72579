"""From a config to the objects of a run. Everything with a `_target_` is made by one call site, `_part`."""

import functools
import inspect
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hydra
import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn

from actbench.functions import properties
from actbench.measure.data.splits import Source, Splits
from actbench.measure.models.init import initialize
from actbench.measure.streams import stream
from actbench.measure.trace import Activation, activations


def _part(node: DictConfig) -> functools.partial:
    """What `_target_` names, with the node's values bound.

    Hydra's own partial checks its target anew at each call, which an activation in the training loop cannot afford.
    """
    part = hydra.utils.instantiate(node, _partial_=True, _convert_="all")
    return functools.partial(part.func, *part.args, **part.keywords)


def source(node: DictConfig) -> Source:
    """The stored data set, read once per process."""
    return _read_once(OmegaConf.to_yaml(node.load, resolve=True))


@functools.lru_cache(maxsize=1)
def _read_once(load: str) -> Source:
    return _part(OmegaConf.create(load))()  # type: ignore[arg-type]


def act_factory(node: DictConfig) -> Callable[[], Activation]:
    """Makes one layer per call: a class is instantiated each time, a function is shared."""
    part = _part(node)
    return lambda: Activation(part() if isinstance(part.func, type) else part)


def source_text(node: DictConfig) -> str:
    """The text of the file that defines the activation; empty where it has none (torch's own in C++)."""
    try:
        return Path(inspect.getfile(inspect.unwrap(_part(node).func))).read_text(encoding="utf-8")
    except (TypeError, OSError, UnicodeDecodeError):
        return ""


def gain(act: Callable[[], Activation], *, dropout: float) -> float:
    """sqrt(keep / E f(z)^2), z ~ N(0, 1): what `init=matched` scales by.

    Raises:
        ValueError: If E f(z)^2 is zero or does not exist.
    """
    moment = properties.second_moment(act())
    if not 0 < moment < math.inf:
        raise ValueError(f"init=matched needs a mean square of f under N(0, 1) above 0, but it is {moment}.")
    return ((1 - dropout) / moment) ** 0.5


def model(config: DictConfig, *, input_shape: torch.Size, seed: int, on: torch.device) -> nn.Module:
    """The model with the initial weights of `seed`."""
    act = act_factory(config.act)
    task_class: Any = _part(config.task).func
    with torch.random.fork_rng(devices=[]):  # torch's own initial weights, which are replaced below, are drawn here
        built = _part(config.model)(
            input_shape=input_shape,
            num_outputs=task_class.num_outputs(config.data.num_classes),
            act=act,
            norm=_part(config.norm),
            generator=stream(seed, "dropout", on),
        )
    scale = functools.partial(gain, act, dropout=config.model.dropout)
    initialize(built, _part(config.init), generator=stream(seed, "init"), gain=scale)
    return built.to(on)


def optimizer(config: DictConfig, built: nn.Module) -> torch.optim.Optimizer:
    """The optimizer; activation parameters are not decayed unless `train.decay_activations`."""
    learned = [p for layer in activations(built).values() for p in layer.parameters()]
    others = [p for p in built.parameters() if not any(p is q for q in learned)]
    undecayed = {} if config.train.decay_activations else {"weight_decay": 0.0}
    groups: list[dict[str, Any]] = [{"params": others}, *([{"params": learned} | undecayed] if learned else [])]
    return _part(config.optim)(groups)


def task(config: DictConfig, built: nn.Module, *, splits: Splits, seed: int) -> Any:
    """The task, which is given those of the following that its signature names."""
    part = _part(config.task)
    offered = {
        "model": built,
        "optimizer": optimizer(config, built),
        "optimizer_of": functools.partial(optimizer, config),
        "clip_grad_norm": config.train.clip_grad_norm,
        "num_classes": config.data.num_classes,
        "source": source(config.data),
        "splits": splits,
        "seed": seed,
    }
    return part(**{name: offered[name] for name in inspect.signature(part.func).parameters if name in offered})


def schedule(config: DictConfig) -> Callable[[float], float]:
    """The learning-rate schedule."""
    return _part(config.schedule)


def augment(config: DictConfig) -> Callable[..., Tensor]:
    """The augmentation of a training batch."""
    return _part(config.augment)


def probe_steps(config: DictConfig, *, num_steps: int) -> set[int]:
    """The steps after which to probe."""
    return _part(config.probes.steps)(num_steps=num_steps, steps_per_epoch=num_steps // config.train.epochs)
