"""torch's optimizers without torch's compiler, which they import at their first call: a second for nothing."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import torch

_MARKED = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")  # not to be compiled, besides `step`


@functools.cache
def uncompiled(optimizer: Callable[..., Any]) -> Callable[..., Any]:
    """A class of torch.optim whose methods lack the compiler's marks and do the same; any other is returned."""
    if not (isinstance(optimizer, type) and optimizer.__module__.startswith("torch.optim.")):
        return optimizer
    methods = {name: inspect.unwrap(getattr(optimizer, name)) for name in _MARKED}
    step = torch.no_grad()(inspect.unwrap(optimizer.step))  # type: ignore[attr-defined]
    return type(optimizer.__name__, (optimizer,), methods | {"step": step})
