"""Named random streams: one seed fixes them all, and none of them depends on what another one draws.

So two activations with the same seed share the split, the batch order, the dropout masks and the unscaled weight draws.
"""

import hashlib
from typing import Literal

import torch

Stream = Literal[
    "split", "init", "order", "augment", "dropout", "global", "generator", "latent", "sample", "cotangent", "images"
]


def stream_seed(seed: int, name: Stream) -> int:
    """The seed of a named stream, in [0, 2^32): SHA-256 of name and seed, so neighbours are unrelated."""
    return int.from_bytes(hashlib.sha256(f"{name}/{seed}".encode()).digest()[:4], "big")


def stream(seed: int, name: Stream, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator of its own for a named stream."""
    return torch.Generator(device).manual_seed(stream_seed(seed, name))
