"""Every atom of a ledger decided again from its tables by pandas and scipy alone.

actbench provides the claims, which are data. Nothing that selects, computes or decides is its own: rows, numbers by
seed, choices on tuning seeds, p of tests and of partial conjunctions, Holm at each look, t intervals, verdicts.
"""

import itertools
import re
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.stats
from audit import holm

ALPHAS = {1: [0.05], 2: [0.02, 0.03], 3: [0.01, 0.015, 0.025], 4: [0.0125] * 4}
MARGIN = 1.1
OF_ERRORS = ("no_worse", "worse", "equivalent", "differs", "better", "lower", "at_least")
OF_RUNS = ("runs", "epochs", "layers", "vanishing")
REDUCTIONS = {
    "mean": np.mean, "min": np.min, "max": np.max, "max_abs": lambda x: np.max(np.abs(x)),
    "rms": lambda x: np.sqrt(np.mean(np.square(x))),
}  # fmt: skip
NAN = float("nan")


@cache
def parquet(path: Path) -> pd.DataFrame | None:
    return pd.read_parquet(path) if path.is_file() else None


@cache
def table(root: Path, results: str, name: str) -> pd.DataFrame | None:
    """A table, with the settings of each row's run if its rows have runs; runs of the latest PROTOCOL, 3 or later."""
    runs = parquet(root / results / "tables" / "runs.parquet")
    if runs is not None:
        runs = runs[(runs["protocol"] == max(3, runs["protocol"].max())) & (runs["status"] != "failed")]
        if not len(runs):
            return None
        assert not runs.duplicated(["run_id", "seed"]).any()
    if name == "runs":
        return runs
    if name not in OF_RUNS:
        path = root / results / f"{name}.csv"
        if "/" not in name:
            return parquet(root / results / "tables" / f"{name}.parquet")
        return pd.read_csv(path, keep_default_na=False, na_values=[""]) if path.is_file() else None
    if runs is None:
        return None
    rows = parquet(root / results / "tables" / f"{'layers' if name == 'vanishing' else name}.parquet")
    rows = gains(rows) if name == "vanishing" else rows.rename(columns=lambda key: re.sub(r"^act\.", "learned.", key))
    if name == "layers":
        rows = rows.assign(saturation=rows["saturation_low"] + rows["saturation_high"])
    return rows.merge(runs[["run_id", "seed", *runs.columns.difference(rows.columns)]], on=["run_id", "seed"])


def gains(layers: pd.DataFrame) -> pd.DataFrame:
    """`ratio` G_1 / G_L and `gain` (ln G_1 − ln G_L) / (L − 1) over L probed layers, by run, seed and step."""
    probed = ["run_id", "seed", "step"]
    index = layers.groupby(probed)["layer_index"]
    first, last = (layers.loc[at].set_index(probed)["grad_rms"] for at in (index.idxmin(), index.idxmax()))
    with np.errstate(divide="ignore", invalid="ignore"):
        frame = pd.DataFrame({"ratio": first / last, "gain": np.log(first / last) / (index.size() - 1)})
    return frame.where(index.size() > 1).reset_index()


def select(rows: pd.DataFrame, where: dict) -> pd.DataFrame:
    keep = np.ones(len(rows), dtype=bool)
    for column, values in where.items():
        if column not in rows:
            keep &= values is None
        elif isinstance(values, str) and values in ("first", "last"):
            part = rows[keep].groupby(["run_id", "seed"])[column].transform("min" if values == "first" else "max")
            keep[keep] = (rows.loc[keep, column] == part).to_numpy()
        elif values is None:
            keep &= rows[column].isna().to_numpy()
        else:
            values = values if isinstance(values, list) else [values]
            keep &= np.logical_or.reduce([rows[column].eq(value).fillna(False) for value in values]).astype(bool)
    return rows[keep]


def sides(root: Path, atom, case, *, low: int = 0, high: int = 1000, choice: dict | None = None) -> list | None:
    """The rows of a case, of its reference and of what else it compares, on the seeds from low to high."""
    without = (choice or {}).get("without", [])
    own = (choice or {}).get("results", case.results)
    frames = []
    for changes in ({}, {} if choice is not None and "results" in case.against else case.against, case.than):
        where = {key: value for key, value in {**case.where, **changes}.items() if key not in (*without, "results")}
        rows = table(root, changes.get("results", own), atom.table)
        if rows is None:
            return None
        rows = select(rows, where)
        frames.append(rows[(rows["seed"] >= low) & (rows["seed"] < high)])
    return frames


def numbers(rows: pd.DataFrame, column: str, reduce: str) -> dict[int, float]:
    found = {}
    for seed, group in rows.groupby("seed"):
        if reduce == "last_first":
            by_layer = group.groupby("layer_index")[column].mean()
            found[seed] = by_layer.iloc[-1] - by_layer.iloc[0]
        else:
            values = group[column].astype(float).dropna().to_numpy()
            found[seed] = float(REDUCTIONS[reduce](values)) if len(values) else NAN
    return found


def slopes(rows: pd.DataFrame, atom) -> dict[int, float]:
    """The median slope between any two points (Theil–Sen), by seed."""
    found = {}
    for seed, group in rows.groupby("seed"):
        points = group.groupby(atom.over)[atom.column].agg(atom.reduce).dropna()
        pairs = list(itertools.combinations(points.items(), 2))
        if pairs:
            found[seed] = float(np.median([(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairs]))
    return found


def distances(own: pd.DataFrame, other: pd.DataFrame, column: str) -> dict[int, float]:
    found = {}
    for seed in set(own["seed"]) & set(other["seed"]):
        a, b = (
            rows[rows["step"] == rows["step"].max()].set_index("layer_index")[column]
            for rows in (own[own["seed"] == seed], other[other["seed"] == seed])
        )
        found[seed] = float((a - b).abs().mean())
    return found


def by_seed(atom, frames: list) -> dict[int, float]:
    """The number of a rule that is no error rate, for each seed that all sides have."""
    own, against, than = frames
    if atom.rule == "distance":
        to_own, to_than = (distances(rows, against, atom.column) for rows in (own, than))
        return {seed: to_own[seed] - to_than[seed] for seed in to_own.keys() & to_than.keys()}
    if atom.rule == "left_start":
        found = {}
        for seed, group in own.groupby("seed"):
            ways = [
                layer.sort_values("step")[atom.column].iloc[[0, -1]].diff().iloc[1]
                for _, layer in group.groupby("layer_index")
            ]
            found[seed] = float(np.sqrt(np.mean(np.square(ways))))
        return found
    measure = slopes if atom.rule == "trend" else numbers
    keys = (atom,) if atom.rule == "trend" else (atom.column, atom.reduce)
    a = measure(own, *keys)
    if not any(case.against for case in atom.cases):
        return a
    b = measure(against, *keys)
    pairs = {seed: (a[seed], b[seed]) for seed in a.keys() & b.keys()}
    if atom.rule == "sooner":
        return {seed: float(np.sign(y - x)) if x != y else 0.0 for seed, (x, y) in pairs.items()}
    if atom.rule == "log_ratio":
        return {seed: np.log(x / y) for seed, (x, y) in pairs.items()}
    return {seed: x - y for seed, (x, y) in pairs.items()}


def factors(atom) -> list[tuple[float, str]]:
    """On which side of which multiple of the reference's error rate an error rate is claimed to lie."""
    m = MARGIN if atom.margin is None else atom.margin
    return {
        "no_worse": [(m, "below")], "worse": [(m, "above")], "better": [(2 - m, "below")], "lower": [(1, "below")],
        "at_least": [(m, "above")], "equivalent": [(m, "below"), (2 - m, "above")],
        "differs": [(m, "below"), (2 - m, "above")],
    }[atom.rule]  # fmt: skip


def images(rows: pd.DataFrame) -> dict[int, np.ndarray]:
    """Which images each seed has wrong, where all have one test set."""
    if "test_right" not in rows or rows.reindex(columns=["data.num_folds", "data.num_test"]).notna().any(axis=None):
        return {}
    known = rows.dropna(subset=["test_right"])
    return {
        seed: 1.0 - np.unpackbits(np.frombuffer(right, np.uint8), count=int(count))
        for seed, right, count in known[["seed", "test_right", "num_test_images"]].itertuples(index=False)
    }


def image_variance(differences: np.ndarray) -> float:
    """What N test images add to the variance of the mean of (n, N) numbers."""
    n, size = differences.shape
    if n < 2:
        return 0.0
    return max(0.0, differences.mean(axis=0).var(ddof=1) - differences.var(axis=0, ddof=1).mean() / n) / size


def tail(values: np.ndarray, side: str, extra: float, *, exact: bool) -> tuple[float, float]:
    """p of "the mean does not lie on that side of 0" and of "it does"."""
    sign = 1 if side == "above" else -1
    is_equal = np.isfinite(values).all() and np.ptp(values) <= 1e-12 * np.abs(values).max()
    if exact or is_equal or not np.isfinite(values).all():
        wins, losses = int((sign * values > 0).sum()), int((sign * values < 0).sum())
        if not wins + losses:
            return 1.0, 1.0
        return tuple(
            scipy.stats.binomtest(count, wins + losses, alternative="greater").pvalue for count in (wins, losses)
        )
    error = np.sqrt(values.var(ddof=1) / len(values) + extra)
    t = sign * values.mean() / error
    doubled = 2 if abs(scipy.stats.skew(values)) > 1 else 1
    return tuple(min(1.0, doubled * scipy.stats.t.sf(x, len(values) - 1)) for x in (t, -t))


class Case:
    """The numbers of a case by seed, and its p and q, mean and interval at a look."""

    def __init__(self, root: Path, atom, case, frames: list | None) -> None:
        self.atom, self.case, self.frames = atom, case, frames
        self.most = min(atom.looks.sizes[-1], case.seeds or atom.looks.sizes[-1])
        self.is_error = atom.rule in OF_ERRORS
        self.values: dict[int, float] = {}
        if frames is not None and self.is_error:
            self.a, self.b = (
                {seed: 1 - x for seed, x in numbers(rows, "test_accuracy", "mean").items()} for rows in frames[:2]
            )
            self.values = dict.fromkeys(self.a.keys() & self.b.keys(), 0.0)
            self.wrong = [images(rows) for rows in frames[:2]]
        elif frames is not None:
            self.values = by_seed(atom, frames)

    def has(self, size: int) -> bool:
        return all(seed in self.values for seed in range(min(size, self.most)))

    def at(self, size: int) -> tuple[float, float]:
        """p against and q for the contrary."""
        seeds = range(min(size, self.most))
        if self.is_error:
            a, b = (np.array([of[seed] for seed in seeds]) for of in (self.a, self.b))
            pairs = [tail(a - f * b, side, self.extra(f, seeds), exact=False) for f, side in factors(self.atom)]
        else:
            values = np.array([self.values[seed] for seed in seeds])
            ends = self.ends()
            pairs = []
            for end, side in zip(ends, ("above", "below"), strict=True):
                if np.isfinite(end):
                    against = np.inf if (side == "below") != self.atom.outside else -np.inf
                    centred = np.where(np.isnan(values), against, values - end)
                    pairs.append(tail(centred, side, 0.0, exact=self.atom.rule == "sooner"))
        p, q = max(p for p, _ in pairs), min(1.0, len(pairs) * min(q for _, q in pairs))
        return (q, p) if self.atom.outside or self.atom.rule == "differs" else (p, q)

    def ends(self) -> tuple[float, float]:
        low, high = self.case.claimed if self.atom.rule != "sooner" else (0, None)
        if self.atom.rule == "log_ratio":
            low, high = (None if end is None else np.log(end) for end in (low, high))
        return -np.inf if low is None else low, np.inf if high is None else high

    def extra(self, factor: float, seeds: range) -> float:
        common = [seed for seed in seeds if all(seed in wrong for wrong in self.wrong)]
        if not common:
            return 0.0
        return image_variance(np.array([self.wrong[0][seed] - factor * self.wrong[1][seed] for seed in common]))

    def estimate(self, size: int, alpha: float) -> tuple[float, float, float]:
        """What is shown, with its t interval at the look's level."""
        seeds = range(min(size, self.most))
        t = scipy.stats.t.ppf(1 - alpha / 2, len(seeds) - 1)
        if self.is_error:
            a, b = (np.array([of[seed] for seed in seeds]) for of in (self.a, self.b))
            ratio = a.mean() / b.mean()
            error = np.sqrt((a - ratio * b).var(ddof=1) / len(seeds) + self.extra(ratio, seeds)) / b.mean()
            return ratio - 1, ratio - 1 - t * error, ratio - 1 + t * error
        values = np.array([self.values[seed] for seed in seeds])
        values = (1 + values) / 2 if self.atom.rule == "sooner" else values
        if not np.isfinite(values).all():
            return NAN, NAN, NAN
        half = t * values.std(ddof=1) / np.sqrt(len(seeds))
        ends = values.mean(), values.mean() - half, values.mean() + half
        return tuple(np.expm1(ends)) if self.atom.rule == "log_ratio" else ends


def loss(rows: pd.DataFrame) -> float:
    return float(rows["val_loss"].mean()) if "val_loss" in rows and rows["val_loss"].notna().any() else 0.0


def best_setting(rows: pd.DataFrame) -> pd.DataFrame:
    """Of rows with several rates or initialisations those of the best by validation error, among the most seeds."""
    keys = [key for key in ("init", "optim.lr") if key in rows and len(rows[key].unique()) > 1]
    if not keys:
        return rows
    groups = [group for _, group in rows.groupby(keys)]
    most = max(group["seed"].nunique() for group in groups)
    full = [group for group in groups if group["seed"].nunique() == most]
    return min(full, key=lambda group: (1 - group["val_accuracy"].mean(), loss(group)))


def strength(atom, case, frames: list) -> float:
    """How far tuning seeds lie into the claimed set."""
    if atom.rule in OF_ERRORS:
        a, b = ({seed: 1 - x for seed, x in numbers(rows, "val_accuracy", "mean").items()} for rows in frames[:2])
        seeds = a.keys() & b.keys()
        a, b = (np.array([of[seed] for seed in seeds]) for of in (a, b))
        depths = [(f * b - a).mean() / b.mean() * (1 if s == "below" else -1) for f, s in factors(atom)]
        return -min(depths) if atom.rule == "differs" else min(depths)
    values = np.array(list(by_seed(atom, frames).values()))
    low, high = (end if end is None or atom.rule != "log_ratio" else np.log(end) for end in case.claimed)
    depths = [values.mean() - low] if low is not None else []
    depths += [high - values.mean()] if high is not None else []
    return -min(depths) if atom.outside else min(depths)


def resolved(root: Path, atom) -> list | None:
    """The cases that are tested, each with its rows: the chosen one of an `any`, and the best of several references."""
    cases = []
    for case in atom.cases:
        if case.best_of is not None:
            lists = {key: value for key, value in case.against.items() if isinstance(value, list)}
            ranked = []
            for values in itertools.product(*lists.values()):
                candidate = case.against | dict(zip(lists, values, strict=True))
                changed = type(case)(**{**vars(case), "against": candidate})
                frames = sides(root, atom, changed, low=1000, high=10**9, choice=case.best_of)
                if frames is None or not len(frames[1]):
                    return None
                rows = best_setting(frames[1])
                ranked.append((1 - rows["val_accuracy"].mean(), loss(rows), len(ranked), changed))
            case = min(ranked, key=lambda one: one[:3])[3]
        cases.append(case)
    if atom.needs == "any":
        found = []
        for case in cases:
            frames = sides(root, atom, case, low=1000, high=10**9, choice=case.chosen_on)
            if frames is None or not len(frames[0]) or (case.against and not len(frames[1])):
                return None
            frames = [best_setting(rows) for rows in frames]
            if "results" in case.against:  # a reference elsewhere is the same for all
                is_low = atom.rule in ("no_worse", "better", "lower")
                level = frames[0].groupby("seed")["val_accuracy"].mean().mean()
                found.append((level if is_low else -level, -loss(frames[0])))
            else:
                found.append((strength(atom, case, frames), -loss(frames[0])))
        cases = [cases[max(range(len(cases)), key=found.__getitem__)]]
    return [Case(root, atom, case, sides(root, atom, case)) for case in cases]


def family(atoms: list, cases: dict[str, list | None]) -> dict[str, dict]:
    """The atoms of a family at their looks."""
    sizes = max((atom.looks.sizes for atom in atoms), key=len)
    found: dict[str, dict] = {atom.name: {"verdict": "not measured", "n": 0} for atom in atoms}
    open_atoms = list(atoms)
    for size, alpha in zip(sizes, ALPHAS[len(sizes)], strict=True):
        p = dict.fromkeys((atom.name for atom in open_atoms), (1.0, 1.0))
        taken = [a for a in open_atoms if cases[a.name] and all(case.has(size) for case in cases[a.name])]
        for atom in taken:
            ps, qs = (sorted(x) for x in zip(*(case.at(size) for case in cases[atom.name]), strict=True))
            m = len(ps)
            u = {"all": m, "any": 1, "most": m // 2 + 1}[atom.needs]
            p[atom.name] = min(1.0, (m - u + 1) * ps[u - 1]), min(1.0, u * qs[m - u])
        adjusted = holm(np.array([min(pair) for pair in p.values()]))
        for atom, smallest in zip(list(open_atoms), adjusted, strict=True):
            if atom not in taken:
                continue
            against, contrary = p[atom.name]
            estimates = [case.estimate(size, alpha) for case in cases[atom.name]]
            verdict = "undecided"
            if smallest < alpha:
                verdict = "true" if against < contrary else "not shown" if atom.needs == "any" else "false"
                open_atoms.remove(atom)
            found[atom.name] = {
                "verdict": verdict, "n": size, "p": against, "q": contrary, "smallest": smallest,
                "estimates": estimates, "each": [case.at(size) for case in cases[atom.name]],
            }  # fmt: skip
    return found


def computed(root: Path, atom) -> dict:
    """What the rows of each case say, with their error bounds."""
    lies, spans = [], []
    for case in atom.cases:
        rows = table(root, case.results, atom.table)
        rows = None if rows is None else select(rows, case.where)
        if rows is None or not len(rows) or rows[atom.column].isna().all():
            return {"verdict": "not measured"}
        rows = rows[rows[atom.column].notna()]
        value = rows[atom.column].to_numpy(float)
        error = rows["error"].fillna(0).to_numpy(float) if "error" in rows else 0
        low, high = value - error, value + error
        for prefix in ("", f"{atom.column}_"):
            if f"{prefix}low" in rows:
                low, high = rows[f"{prefix}low"].to_numpy(float), rows[f"{prefix}high"].to_numpy(float)
        if atom.reduce != "each":
            value, low, high = (np.array([REDUCTIONS[atom.reduce](x)]) for x in (value, low, high))
        ends = [(-np.inf, np.inf)[i] if end is None else end for i, end in enumerate(case.claimed)]
        within = (ends[0] <= low) & (high <= ends[1])
        beyond = (high < ends[0]) | (low > ends[1])
        within, beyond = (beyond, within) if atom.outside else (within, beyond)
        lies.append(True if within.all() else False if beyond.any() else None)
        spans.append((value.mean(), low.min(), high.max()))
    needed = {"all": len(lies), "most": len(lies) // 2 + 1, "any": 1}[atom.needs]
    verdict = (
        "true" if lies.count(True) >= needed else "false" if lies.count(False) > len(lies) - needed else "undecided"
    )
    return {"verdict": verdict, "estimates": spans}


def decided(root: Path, claim) -> dict[str, dict]:
    """What became of each atom of a claim, by its name."""
    found = {}
    seeds = [atom for atom in claim.atoms if atom.rule not in ("computed", "cited")]
    cases = {atom.name: resolved(root, atom) for atom in seeds}
    groups = [[atom for atom in seeds if atom.kind == kind] for kind in ("claimed", "popular", "control")]
    groups += [[atom] for atom in seeds if atom.kind == "mechanism"]
    for atoms in groups:
        found |= family(atoms, cases) if atoms else {}
    for atom in claim.atoms:
        if atom.rule == "computed":
            found[atom.name] = computed(root, atom)
        elif atom.rule == "cited":
            found[atom.name] = {"verdict": "cited"}
    return found


def check(claim, expected_atoms: dict[str, dict], atoms: pd.DataFrame, cases: pd.DataFrame) -> None:
    """The rows of a claim in ledger.csv and cases.csv are what `decided` makes of the tables."""
    rows = atoms[atoms["claim"] == claim.id].set_index("atom")
    assert rows.index.tolist() == [atom.name for atom in claim.atoms]
    for name, expected in expected_atoms.items():
        row, of_cases = rows.loc[name], cases[(cases["claim"] == claim.id) & (cases["atom"] == name)]
        place = f"{claim.id}, {name}"
        assert row["verdict"] == expected["verdict"], place
        spans = expected.get("estimates", [])
        assert len(of_cases) == len(spans), place
        if spans:
            published = of_cases[["mean", "low", "high"]].to_numpy(float)
            np.testing.assert_allclose(published, np.array(spans, dtype=float), rtol=1e-5, atol=1e-9, err_msg=place)
            worst = row[["mean", "low", "high"]].to_numpy(float)
            assert any(np.allclose(worst, span, rtol=1e-5, atol=1e-9, equal_nan=True) for span in spans), place
        if "p" in expected:
            np.testing.assert_allclose(row[["p", "q"]].astype(float), [expected["p"], expected["q"]], rtol=1e-4)
            smallest = min(row["p_holm"], row["q_holm"])
            np.testing.assert_allclose(smallest, expected["smallest"], rtol=1e-4, err_msg=place)
            np.testing.assert_allclose(of_cases[["p", "q"]].to_numpy(float), expected["each"], rtol=1e-4)
    verdicts = {
        kind: {row["verdict"] for _, row in rows.iterrows() if row["kind"] == kind} for kind in set(rows["kind"])
    }
    assert set(rows["verdict_on_claim"]) == {worded(verdicts)}, claim.id


def worded(verdicts: dict[str, set[str]]) -> str:
    """The verdict of a claim with these verdicts of its atoms, by kind."""
    control, claimed, definition = (verdicts.get(kind, set()) for kind in ("control", "claimed", "definition"))
    if "false" in control:
        return "not testable here"
    if claimed:
        for waiting in ("not measured", "undecided"):
            if waiting in control:
                return waiting
        if {"true", "false"} <= claimed:
            return "partly true"
        if "not measured" in claimed:
            return "not measured"
        return next(iter(claimed)) if claimed in ({"true"}, {"false"}) else "undecided"
    if definition:
        if "false" in definition:
            return "false by definition"
        return "true by definition" if definition == {"true"} else sorted(definition - {"true"})[0]
    return "cited"
