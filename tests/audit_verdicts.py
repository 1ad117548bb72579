"""The verdicts of a family of comparisons, decided anew look by look, by textbook formulas and without actbench's."""

import audit
import numpy as np
import pandas as pd
import scipy.special
import scipy.stats

SPENDING = {1: [0.05], 2: [0.02, 0.03], 3: [0.01, 0.015, 0.025], 4: [0.0125] * 4}


class Numbers:
    """One statement's numbers by seed, and by test image where all seeds are tested on the same ones."""

    def __init__(self, values: np.ndarray, images: np.ndarray | None) -> None:
        self.values, self.images = values, images

    def error(self, n: int) -> float:
        """The standard error of the mean: over seeds and, what is beyond their noise, over images."""
        by_seeds = np.var(self.values[:n], ddof=1) / n
        if self.images is None:
            return float(np.sqrt(by_seeds))
        d = self.images[:n][~np.isnan(self.images[:n, 0])]
        by_images = d.mean(axis=0).var(ddof=1) - d.var(axis=0, ddof=1).mean() / len(d)
        return float(np.sqrt(by_seeds + max(0.0, by_images) / d.shape[1]))

    def tails(self, n: int) -> tuple[float, float]:
        """The one-sided p of "not above 0" and "not below 0": of t, doubled where skewed, or of an exact sign test."""
        x = self.values[:n]
        if not np.isfinite(x).all() or np.ptp(x) <= 1e-12 * np.abs(x).max():
            above, below = int((x > 0).sum()), int((x < 0).sum())
            if not above + below:
                return 1.0, 1.0
            return tuple(scipy.stats.binomtest(k, above + below, alternative="greater").pvalue for k in (above, below))
        t = x.mean() / self.error(n)
        deviations = x - x.mean()
        is_skewed = abs((deviations**3).mean()) > (deviations**2).mean() ** 1.5
        p = (2 if is_skewed else 1) * scipy.special.betainc((n - 1) / 2, 0.5, (n - 1) / (n - 1 + t * t)) / 2
        other = (2 if is_skewed else 1) - p
        return (min(1, p), min(1, other)) if t > 0 else (min(1, other), min(1, p))


def wrong_images(runs: pd.DataFrame, name: str, seeds: list[int]) -> np.ndarray | None:
    """Which test images are wrong, (seeds, images), nan for a seed without; None where they are not the same images."""
    rows = runs[runs["variant"] == name].set_index("seed").reindex(seeds)
    if rows.get("data.num_folds", pd.Series(dtype=float)).notna().any() or rows["test_right"].isna().all():
        return None
    size = int(rows["num_test_images"].max())
    blank = np.full(size, np.nan)
    bits = [blank if not isinstance(cell, bytes) else 1.0 - np.unpackbits(np.frombuffer(cell, np.uint8), count=size)
            for cell in rows["test_right"]]  # fmt: skip
    return np.stack(bits)


Contrast = tuple[Numbers, Numbers, Numbers]  # less the low and the high end of the margin, and the difference


def of_errors(a: np.ndarray, b: np.ndarray, images: tuple = (None, None)) -> Contrast:
    of_a, of_b = images
    has_images = of_a is not None and of_b is not None
    low, high, zero = (Numbers(a - f * b, of_a - f * of_b if has_images else None) for f in (0.9, 1.1, 1.0))
    return low, high, zero


def of_distances(a: np.ndarray, b: np.ndarray) -> Contrast:
    with np.errstate(invalid="ignore"):
        logs = np.where(np.isinf(a) & np.isinf(b), 0.0, np.log(a) - np.log(b))
    low, high, zero = (Numbers(logs - end, None) for end in (-np.log(1.1), np.log(1.1), 0.0))
    return low, high, zero


def contrasts_of(runs: pd.DataFrame, wide: pd.DataFrame, value: str, reference: str) -> dict[str, Contrast]:
    seeds, base, others = list(wide.index), wide[reference].to_numpy(), wide.columns.drop(reference)
    if not value.endswith("_error"):
        return {name: of_distances(wide[name].to_numpy(), base) for name in others}
    images = {name: wrong_images(runs, name, seeds) if value == "test_error" else None for name in wide}
    return {name: of_errors(wide[name].to_numpy(), base, (images[name], images[reference])) for name in others}


def _tests(contrast: Contrast, n: int) -> tuple[float, float]:
    """The p of TOST, and of a difference where the estimate lies outside the margin."""
    low, high, zero = contrast
    side = (lambda x: x) if np.isfinite(low.values[:n]).all() else np.sign
    is_outside = np.mean(side(low.values[:n])) < 0 or np.mean(side(high.values[:n])) > 0
    return max(low.tails(n)[0], high.tails(n)[1]), min(1, 2 * min(zero.tails(n))) if is_outside else 1.0


def decide_anew(contrasts: dict[str, Contrast], looks: list[int]) -> pd.DataFrame:
    """The verdicts of a family, decided look by look; a row for each variant with a look."""
    found: dict[str, dict] = {}
    for size, alpha in zip(looks, SPENDING[len(looks)], strict=True):
        is_open = [name for name in contrasts if found.get(name, {"verdict": "undecided"})["verdict"] == "undecided"]
        measured = [n for n in is_open if len(contrasts[n][0].values) >= size
                    and not np.isnan(contrasts[n][0].values[:size]).any()]  # fmt: skip
        p = {name: _tests(contrasts[name], size) for name in measured}
        adjusted = audit.holm(np.array([min(p.get(name, (1.0,))) for name in is_open]))
        for name, p_holm in zip(is_open, adjusted, strict=True):
            if name in p:
                above, below = contrasts[name][2].tails(size)
                differs = ("better" if below < above else "worse") if p[name][1] < p[name][0] else "equivalent"
                found[name] = {
                    "p_equivalent": p[name][0], "p_different": p[name][1], "p_holm": p_holm, "look": size,
                    "alpha": alpha, "verdict": differs if p_holm < alpha else "undecided",
                }  # fmt: skip
    return pd.DataFrame.from_dict(found, orient="index")


def confidence_set(values: pd.DataFrame) -> pd.Series:
    """The p of each column: the largest of those of the eliminations up to its own."""
    rng, left, p, highest = np.random.default_rng(5), list(values), {}, 0.0
    drawn = values.to_numpy()[rng.integers(0, len(values), (3000, len(values)))].mean(axis=1)
    means = values.mean().to_numpy()
    while len(left) > 1:
        at = [values.columns.get_loc(name) for name in left]
        excess = means[at] - means[at].mean()
        errors = drawn[:, at] - drawn[:, at].mean(axis=1, keepdims=True) - excess
        spread = np.sqrt((errors**2).mean(axis=0))
        highest = max(highest, float(((errors / spread).max(axis=1) > (excess / spread).max()).mean()))
        worst = left[int((excess / spread).argmax())]
        p[worst] = highest
        left.remove(worst)
    return pd.Series(p | {left[0]: 1.0})
