"""The objects of a run, built from its config. One function, `_partial`, resolves every `_target_`."""

import functools
import inspect
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import hydra
import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor, nn

from actbench.functions import properties
from actbench.measure import global_state
from actbench.measure.data.splits import Source, Split, Splits
from actbench.measure.models.init import initialize
from actbench.measure.optimizers import uncompiled
from actbench.measure.per_unit import PerUnit
from actbench.measure.streams import stream
from actbench.measure.trace import Activation, activations

CHANNEL = "channel"  # in the config of an activation: the number of units or channels of its layer
_NUM_UNITS = ("num_units", "num_parameters", "num_channels", "channels")
_NUM_IMAGES = 512  # behind a data-driven initialisation: the first of the training split, which is in random order


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


def act_nodes(node: DictConfig) -> Iterator[DictConfig]:
    """The config of each layer's activation from the input on: of one for all, without end."""
    return iter(node.by_layer) if "by_layer" in node else itertools.repeat(node)


def act_factory(node: DictConfig) -> Callable[[int], Activation]:
    """Makes a layer of so many units per call: a class is instantiated each time, a function is shared.

    A class takes the number of units where the config says `channel`, as in act.num_parameters=channel, or where it
    requires an argument of one of the names in `_NUM_UNITS` that the config does not give.
    """
    partial = _partial(node)
    if not isinstance(partial.func, type):
        return lambda num_units: Activation(partial)
    keys = [key for key, value in partial.keywords.items() if value == CHANNEL]
    if not keys:
        parameters = _signature(partial.func)
        keys = [
            name
            for name in _NUM_UNITS
            if name in parameters and parameters[name].default is inspect.Parameter.empty and name not in node
        ]
    if not keys:
        return lambda num_units: Activation(partial())
    return lambda num_units: PerUnit(lambda n: partial(**dict.fromkeys(keys, n)), num_units=num_units)


def _signature(cls: type) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(cls).parameters
    except (TypeError, ValueError):  # of a class in C
        return {}


def gain(act: Activation, *, dropout: float) -> float:
    """sqrt((1 − dropout) / E f(z)^2), z ~ N(0, 1): the scale of init=matched.

    Raises:
        ValueError: If E f(z)^2 is zero or does not exist.
    """
    moment = properties.second_moment(act.functions()[0])
    if not 0 < moment < math.inf:
        raise ValueError(
            f"init=matched needs E f(z)^2 under N(0, 1), finite and above 0, but it is {moment}: give another init."
        )
    return ((1 - dropout) / moment) ** 0.5


def model(config: DictConfig, train: Split, *, seed: int, on: torch.device) -> nn.Module:
    """The model for the images of `train`, with the initial weights of `seed`."""
    network = _network(config, train.pixels.shape[1:], generator=stream(seed, "dropout", on)).to(on)
    layers = list(activations(network).values())
    if "by_layer" in config.act and len(layers) != len(config.act.by_layer):
        raise ValueError(
            f"act_by_layer names {len(config.act.by_layer)} functions, but the model has {len(layers)} activation "
            "layers: give one for each, from the input to the output"
        )
    initialize(
        network,
        _partial(config.init),
        generator=stream(seed, "init"),
        gain=functools.partial(gain, dropout=config.model.get("dropout", 0.0)),
        inputs=lambda: train.first(_NUM_IMAGES).images,
    )
    return network


def _network(config: DictConfig, input_shape: Sequence[int], *, generator: torch.Generator) -> nn.Module:
    task_class: Any = _partial(config.task).func
    with torch.random.fork_rng(devices=[]):  # torch draws initial weights here, which `initialize` replaces
        return _called(
            _partial(config.model),
            input_shape=input_shape,
            num_outputs=task_class.num_outputs(config.data.num_classes),
            act=_acts(config.act),
            norm=_partial(config.norm),
            generator=generator,
        )


def gates(configs: Sequence[DictConfig]) -> str:
    """`42,814 parameters; 42,634 without gates` of the models that have gates, each count once; empty without gates."""
    gated = [config for config in configs if config.model.get("gate")]
    counts = [sorted({f"{_num_parameters(config, gate=gate):,}" for config in gated}) for gate in (True, False)]
    with_gates, without = (" or ".join(each) for each in counts)
    return f"{with_gates} parameters; {without} without gates" if gated else ""


def _num_parameters(config: DictConfig, *, gate: bool) -> int:
    config = OmegaConf.merge(config, {"model": {"gate": gate}})  # type: ignore[assignment]
    network = _network(config, source(config.data).images.shape[1:], generator=torch.Generator())
    return sum(parameter.numel() for parameter in network.parameters())


def _acts(node: DictConfig) -> Callable[[int], Activation]:
    """Makes the layers of a network in turn; a list too short begins again, so that the layers can be counted."""
    factories = itertools.cycle([act_factory(n) for n in node.get("by_layer", [node])])
    return lambda num_units: next(factories)(num_units)


def _called(partial: functools.partial, **arguments: Any) -> Any:
    """The result of a call with those of the arguments that its signature names."""
    parameters = inspect.signature(partial.func).parameters
    takes_all = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    return partial(**{name: value for name, value in arguments.items() if takes_all or name in parameters})


def optimizer(config: DictConfig, model: nn.Module) -> torch.optim.Optimizer:
    """The optimizer; activation parameters are not decayed unless `train.decay_activations`."""
    act_parameters = [p for layer in activations(model).values() for p in layer.parameters()]
    others = [p for p in model.parameters() if not any(p is q for q in act_parameters)]
    groups: list[dict[str, Any]] = [{"params": others}]
    if act_parameters:
        groups.append({"params": act_parameters} | ({} if config.train.decay_activations else {"weight_decay": 0.0}))
    partial = _partial(config.optim)
    return uncompiled(partial.func)(groups, *partial.args, **partial.keywords)


def takes(argument: str, config: DictConfig) -> bool:
    """Whether the task has this argument."""
    return argument in inspect.signature(_partial(config.task).func).parameters


def task(config: DictConfig, model: nn.Module, *, splits: Splits, seed: int) -> Any:
    """The task, called with those of the arguments below that its signature names."""
    return _called(
        _partial(config.task),
        model=model,
        optimizer=optimizer(config, model),
        optimizer_of=functools.partial(optimizer, config),
        clip_grad_norm=config.train.clip_grad_norm,
        num_classes=config.data.num_classes,
        precision=config.precision,
        source=source(config.data),
        splits=splits,
        seed=seed,
    )


def schedule(config: DictConfig) -> Callable[[float], float]:
    """The learning-rate schedule."""
    return _partial(config.schedule)


def augment(config: DictConfig) -> Callable[..., Tensor]:
    """The augmentation of a training batch."""
    return _partial(config.augment)


def probe_steps(config: DictConfig, *, num_steps: int) -> set[int]:
    """The steps after which to probe."""
    return _partial(config.probes.steps)(num_steps=num_steps, steps_per_epoch=num_steps // config.train.epochs)
