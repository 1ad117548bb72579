"""What a user's file may change for the whole process when it is imported, and how it is put back."""

import os
import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.backends import cudnn


def _flushes_denormals() -> bool:
    return float(torch.tensor(1e-40, dtype=torch.float32, device="cpu") * 1) == 0  # torch has no function that tells


# How each setting is read, and set.
_SETTINGS: tuple[tuple[Callable[[], Any], Callable[[Any], Any]], ...] = (
    (torch.get_default_dtype, torch.set_default_dtype),
    (torch.is_grad_enabled, torch._C._set_grad_enabled),
    (torch.get_num_threads, torch.set_num_threads),
    (torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode),
    (torch.get_float32_matmul_precision, torch.set_float32_matmul_precision),
    (torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly),
    (_flushes_denormals, torch.set_flush_denormal),
    *((partial(torch.is_autocast_enabled, on), partial(torch.set_autocast_enabled, on)) for on in ("cpu", "cuda")),
    *(
        (partial(getattr, cudnn, name), partial(setattr, cudnn, name))
        for name in ("enabled", "benchmark", "deterministic", "allow_tf32")
    ),
    (os.getcwd, os.chdir),
)


@contextmanager
def kept() -> Iterator[None]:
    """Put back what changes inside: torch's settings, seeds, warnings, numpy's errors, the working folder.

    Environment variables and sys.path stay as they were changed: a function may need them when it is called.
    """
    before = [read() for read, _ in _SETTINGS]
    numpys = np.random.get_state()  # noqa: NPY002 - a file may seed it
    pythons = random.getstate()
    with warnings.catch_warnings(), np.errstate(), torch.random.fork_rng(devices=[]):
        try:
            yield
        finally:
            torch.set_default_device(None)  # which the command never sets; a set one slows every call of torch down
            for (read, put), value in zip(_SETTINGS, before, strict=True):
                if read() != value:
                    put(value)
            np.random.set_state(numpys)  # noqa: NPY002
            random.setstate(pythons)
