"""Whether each layer of the user's activation has its own parameters and state, as the layers of every seed must."""

from collections.abc import Iterator

import torch
from hydra.utils import get_object
from omegaconf import DictConfig
from torch import Tensor, nn

from actbench.command.options import ConfigError
from actbench.measure import build
from actbench.measure.per_unit import tensors
from actbench.measure.state import State

_OWN = "so that each layer makes its own"


def check_instance(node: DictConfig, name: str) -> None:
    """Raise a ConfigError if the activation is a module that is made already: all layers and seeds would share it."""
    target = str(node["_target_"])
    f = get_object(target)
    module = getattr(f, "__self__", f)  # `sw.forward` is of the module sw
    if isinstance(module, nn.Module):
        cls = type(module)
        raise ConfigError(
            f"{name}: {target} is one {cls.__name__}, which all layers and seeds would share: name its class, "
            f"act._target_={cls.__module__}.{cls.__qualname__}, {_OWN}."
        )


def check_layers(node: DictConfig, name: str) -> None:
    """Raise a ConfigError if layers of the activation share a tensor, or if a parameter would never learn.

    A tensor that requires a gradient and is no parameter of its layer, as one that a function closes over, is never
    given to the optimizer. A value that a call changes is carried from layer to layer and from seed to seed.
    The activation has passed `trial.try_activation`.
    """
    factory, target = build.act_factory(node), str(node["_target_"])
    first, second = factory(3), factory(3)
    ids = {id(tensor) for tensor in tensors(second).values()}
    shared = next((key.removeprefix("f.") for key, tensor in tensors(first).items() if id(tensor) in ids), None)
    if shared:
        raise ConfigError(f"{name}: all layers of {target} would share {shared}: make it in __init__, {_OWN}.")
    leaf = torch.linspace(-3, 3, 21).reshape(7, 3).requires_grad_()
    _call(first, leaf)  # it may fill a cache
    before = _state(target)
    a = _call(first, leaf)
    known = {id(leaf), *map(id, first.parameters())}
    stray = next((tensor for tensor in _leaves(a) if id(tensor) not in known), None)
    if stray is not None:
        raise ConfigError(
            f"{name}: {target} uses a parameter of shape {tuple(stray.shape)} that is not its layer's own and would "
            f"never learn: name a class derived from torch.nn.Module that makes it in __init__, {_OWN}."
        )
    if _state(target) != before:
        raise ConfigError(
            f"{name}: a call of {target} changes a value that all layers and seeds would share: name a class derived "
            f"from torch.nn.Module that keeps it in self, {_OWN}."
        )


def _call(f: nn.Module, z: Tensor) -> Tensor:
    """f(z) in training mode, where a module may update what it keeps."""
    with torch.random.fork_rng(devices=[]):
        return f.train()(z * 1)  # not a leaf, as in a network


def _state(target: str) -> str:
    state = State()
    state.add(get_object(target))
    return state.digest()


def _leaves(a: Tensor) -> Iterator[Tensor]:
    """The tensors that autograd would give a gradient when `a` is differentiated."""
    waiting, seen = [a.grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            yield node.variable
        waiting += [following for following, _ in node.next_functions]
