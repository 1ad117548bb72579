"""Named random streams: one seed fixes all of them, and no stream depends on the draws from another.

Two activations with the same seed share the split, the batch order, the dropout masks and the unscaled weight draws.
Every PROTOCOL draws anew. Runs that are compared have the seeds 0, 1, …; those that choose settings have 1000, 1001, ….
"""

import hashlib
from typing import Literal

import torch

# Results of equal PROTOCOL may be compared. Every change that changes a number raises it (CHANGELOG, "Numbers").
PROTOCOL = 3
Stream = Literal[
    "split", "init", "order", "augment", "dropout", "global", "generator", "latent", "sample", "cotangent", "images",
    "folds",
]  # fmt: skip


def stream_seed(seed: int, name: Stream) -> int:
    """The seed of a named stream, in [0, 2^32).

    A SHA-256 hash of PROTOCOL, name and seed, so that neighbouring seeds give unrelated streams.
    """
    return int.from_bytes(hashlib.sha256(f"{PROTOCOL}/{name}/{seed}".encode()).digest()[:4], "big")


def stream(seed: int, name: Stream, device: torch.device | str = "cpu") -> torch.Generator:
    """A new generator at the start of a named stream."""
    return torch.Generator(device).manual_seed(stream_seed(seed, name))
