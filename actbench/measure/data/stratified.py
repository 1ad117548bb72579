"""Random splits in which every class keeps its share: scikit-learn's to the bit, without its import."""

import numpy as np


def stratified_split(
    rows: np.ndarray, labels: np.ndarray, *, num_held_out: int, random_state: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw `num_held_out` of the rows with the classes' shares, as sklearn.model_selection.train_test_split does.

    Args:
        rows: (N,), what is split.
        labels: (N,), the classes that are balanced.
        num_held_out: How many to draw.
        random_state: Fixes the draw.

    Returns:
        The other rows and those drawn, each in random order.

    Raises:
        ValueError: If a side is too small to hold every class.
    """
    _, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    sizes = len(rows) - num_held_out, num_held_out
    if counts.min() < 2 or min(sizes) < len(counts):
        sides = f"{sizes[0]} and {sizes[1]} of {len(rows)} examples"
        raise ValueError(f"{sides} cannot both hold all {len(counts)} classes")
    draws = np.random.RandomState(random_state)
    num_kept = _shares(counts, sizes[0], draws)
    num_drawn = _shares(counts - num_kept, sizes[1], draws)
    kept: list[np.ndarray] = []
    drawn: list[np.ndarray] = []
    for label, (first, second) in enumerate(zip(num_kept, num_drawn, strict=True)):
        of_class = np.flatnonzero(classes == label)[draws.permutation(counts[label])]
        kept.append(of_class[:first])
        drawn.append(of_class[first : first + second])
    return rows[draws.permutation(np.concatenate(kept))], rows[draws.permutation(np.concatenate(drawn))]


def _shares(counts: np.ndarray, size: int, draws: np.random.RandomState) -> np.ndarray:
    """How many of each class belong to `size` examples: rounded by the largest remainders, ties drawn."""
    exact = counts / counts.sum() * size
    shares = np.floor(exact)
    remainders, left = exact - shares, int(size - shares.sum())
    for remainder in np.unique(remainders)[::-1]:
        if left > 0:
            tied = np.flatnonzero(remainders == remainder)
            chosen = draws.choice(tied, size=min(len(tied), left), replace=False)
            shares[chosen] += 1
            left -= len(chosen)
    return shares.astype(int)
