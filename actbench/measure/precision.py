"""The precision in which a run computes: float32, or bfloat16 under torch.autocast.

With bfloat16 the products, convolutions and activations of training and evaluation are in bfloat16. Weights, their
gradients, the optimizer, losses and the statistics of batch normalisation are in float32, and so are probes, which
measure the function that the weights give, with numbers that are as exact in every run. A device without instructions
for bfloat16 computes the same, slowly.
"""

from contextlib import AbstractContextManager, nullcontext

import torch

_BFLOAT16 = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")  # instructions of x86 and of ARM


def computing(precision: str, device: torch.device) -> AbstractContextManager:
    """The context in which a model's forward pass has that precision."""
    return torch.autocast(device.type, torch.bfloat16) if precision == "bfloat16" else nullcontext()


def is_emulated(precision: str, device: torch.device) -> bool:
    """Whether a processor has no instructions for a precision: it then computes the same, several times slower."""
    if precision != "bfloat16" or device.type != "cpu":
        return False
    has = torch.cpu.get_capabilities()
    return not any(has.get(name) for name in _BFLOAT16)
