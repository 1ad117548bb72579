"""Named random streams: one seed fixes all of them, and no stream depends on the draws from another.

Two activations with the same seed share the split, the batch order, the dropout masks and the unscaled weight draws.
"""

import hashlib
from typing import Literal

import torch

Stream = Literal[
    "split", "init", "order", "augment", "dropout", "global", "generator", "latent", "sample", "cotangent", "images"
]


def stream_seed(seed: int, name: Stream) -> int:
    """The seed of a named stream, in [0, 2^32).

    A SHA-256 hash of name and seed, so that neighbouring seeds give unrelated streams.
    """
    return int.from_bytes(hashlib.sha256(f"{name}/{seed}".encode()).digest()[:4], "big")


def stream(seed: int, name: Stream, device: torch.device | str = "cpu") -> torch.Generator:
    """A new generator at the start of a named stream."""
    return torch.Generator(device).manual_seed(stream_seed(seed, name))
