"""The objects of a run, built from its config. One function, `_partial`, resolves every `_target_`."""

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

import hydra
import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn

from actbench.functions import properties
from actbench.measure import global_state
from actbench.measure.data.splits import Source, Splits
from actbench.measure.models.init import initialize
from actbench.measure.streams import stream
from actbench.measure.trace import Activation, activations


def _partial(node: DictConfig) -> functools.partial:
    """The callable that `_target_` names, with the node's values bound.

    Hydra's own partial checks its target at each call, which is too slow for an activation in the training loop. The
    first call imports the target's file, which may be the user's.
    """
    with global_state.kept():
        partial = hydra.utils.instantiate(node, _partial_=True, _convert_="all")
    return functools.partial(partial.func, *partial.args, **partial.keywords)


def source(node: DictConfig) -> Source:
    """The stored data set, read once per process."""
    return _read_once(OmegaConf.to_yaml(node.load, resolve=True))


@functools.lru_cache(maxsize=1)
def _read_once(load: str) -> Source:
    return _partial(OmegaConf.create(load))()  # type: ignore[arg-type]


def act_factory(node: DictConfig) -> Callable[[], Activation]:
    """Makes one layer per call: a class is instantiated each time, a function is shared."""
    partial = _partial(node)
    return lambda: Activation(partial() if isinstance(partial.func, type) else partial)


def gain(act: Callable[[], Activation], *, dropout: float) -> float:
    """sqrt((1 − dropout) / E f(z)^2), z ~ N(0, 1): the scale of init=matched.

    Raises:
        ValueError: If E f(z)^2 is zero or does not exist.
    """
    moment = properties.second_moment(act())
    if not 0 < moment < math.inf:
        raise ValueError(
            f"init=matched needs E f(z)^2 under N(0, 1), finite and above 0, but it is {moment}: give another init."
        )
    return ((1 - dropout) / moment) ** 0.5


def model(config: DictConfig, *, input_shape: torch.Size, seed: int, on: torch.device) -> nn.Module:
    """The model with the initial weights of `seed`."""
    act = act_factory(config.act)
    task_class: Any = _partial(config.task).func
    with torch.random.fork_rng(devices=[]):  # torch draws initial weights here, which `initialize` replaces
        network = _partial(config.model)(
            input_shape=input_shape,
            num_outputs=task_class.num_outputs(config.data.num_classes),
            act=act,
            norm=_partial(config.norm),
            generator=stream(seed, "dropout", on),
        )
    scale = functools.partial(gain, act, dropout=config.model.dropout)
    initialize(network, _partial(config.init), generator=stream(seed, "init"), gain=scale)
    return network.to(on)


def optimizer(config: DictConfig, model: nn.Module) -> torch.optim.Optimizer:
    """The optimizer; activation parameters are not decayed unless `train.decay_activations`."""
    act_parameters = [p for layer in activations(model).values() for p in layer.parameters()]
    others = [p for p in model.parameters() if not any(p is q for q in act_parameters)]
    groups: list[dict[str, Any]] = [{"params": others}]
    if act_parameters:
        groups.append({"params": act_parameters} | ({} if config.train.decay_activations else {"weight_decay": 0.0}))
    return _partial(config.optim)(groups)


def takes(argument: str, config: DictConfig) -> bool:
    """Whether the task has this argument."""
    return argument in inspect.signature(_partial(config.task).func).parameters


def task(config: DictConfig, model: nn.Module, *, splits: Splits, seed: int) -> Any:
    """The task, called with those of the arguments below that its signature names."""
    partial = _partial(config.task)
    arguments = {
        "model": model,
        "optimizer": optimizer(config, model),
        "optimizer_of": functools.partial(optimizer, config),
        "clip_grad_norm": config.train.clip_grad_norm,
        "num_classes": config.data.num_classes,
        "precision": config.precision,
        "source": source(config.data),
        "splits": splits,
        "seed": seed,
    }
    names = inspect.signature(partial.func).parameters
    return partial(**{name: arguments[name] for name in names if name in arguments})


def schedule(config: DictConfig) -> Callable[[float], float]:
    """The learning-rate schedule."""
    return _partial(config.schedule)


def augment(config: DictConfig) -> Callable[..., Tensor]:
    """The augmentation of a training batch."""
    return _partial(config.augment)


def probe_steps(config: DictConfig, *, num_steps: int) -> set[int]:
    """The steps after which to probe."""
    return _partial(config.probes.steps)(num_steps=num_steps, steps_per_epoch=num_steps // config.train.epochs)
