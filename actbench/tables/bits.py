"""Whether each test image was classified rightly, eight images to the byte: the column `test_right` of `runs`.

The bits stand in the order of the test set, which is the same for all seeds that are tested on the same images.
"""

import numpy as np


def pack(right: np.ndarray) -> bytes:
    """The bits (N,) as bytes, the first image in the highest bit."""
    return np.packbits(right).tobytes()


def unpack(packed: bytes, count: float) -> np.ndarray:
    """The bits (N,) bool again, N = `count` from the column `num_test_images`."""
    return np.unpackbits(np.frombuffer(packed, np.uint8), count=int(count)).astype(bool)
