"""The report over several workloads, computed again from its folders' tables by independent code."""

import re
from pathlib import Path

import audit
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from pages import both_tracks
from statsmodels.stats.proportion import proportion_confint

from actbench.report import across
from actbench.tables.store import collect

RESULTS = Path(__file__).resolve().parent.parent / "results"
pytestmark = pytest.mark.usefixtures("unrendered")


def _runs(folders: list[Path], acts: set[str]) -> pd.DataFrame:
    runs = pd.concat([collect(folder).runs.assign(workload=folder.name) for folder in folders])
    runs = runs[runs["act"].isin(acts) & (runs["status"] != "failed")]
    return runs.assign(variant=runs["act"])


def check(report: Path, folders: list[Path]) -> None:
    """The statistics of a report are those of the folders' tables."""
    published = {path.stem: pd.read_csv(path) for path in (report / "statistics").iterdir()}
    runs = _runs(folders, set(published["iqm"]["variant"]))
    names = sorted(runs["act"].unique())
    losses = {
        (name, track): audit.wide(group, "test_loss")[names].to_numpy()
        for (name, track), group in runs.groupby(["workload", "track"])
    }
    workloads = sorted(runs["workload"].unique())
    units = {name: losses[name, "tuned"][:, names.index("relu")].mean() for name in workloads}
    relative = {key: values / units[key[0]] for key, values in losses.items()}
    for track in ("shared", "tuned"):
        statistics = {
            name: table[table["track"] == track].set_index("variant")
            for name, table in published.items()
            if name != "pairs"
        }
        pooled = np.concatenate([relative[name, track] for name in workloads])
        iqm = statistics["iqm"].loc[names]
        np.testing.assert_allclose(iqm["iqm"], scipy.stats.trim_mean(pooled, 0.25), rtol=1e-9)
        means = np.mean([relative[name, track].mean(axis=0) for name in workloads], axis=0)
        assert statistics["ranks"]["rank"].loc[names].tolist() == scipy.stats.rankdata(means, method="min").tolist()
        _check_resampled(losses, track, statistics, names)
        _check_pairs(published["pairs"].query("track == @track"), pd.DataFrame(pooled, columns=names))
        for name, row in statistics["failures"].iterrows():
            group = runs[(runs["track"] == track) & (runs["act"] == name)]
            chance = 0.99 * np.log(group.get("data.num_classes", pd.Series(np.inf, index=group.index)).astype(float))
            assert row["failed"] == ((group["status"] == "diverged") | (group["test_loss"] >= chance)).sum()
            bounds = np.nan_to_num(proportion_confint(row["failed"], row["n"], method="beta"))
            np.testing.assert_allclose([row["low"], row["high"]], bounds, atol=1e-9)


def _check_resampled(losses: dict, track: str, statistics: dict[str, pd.DataFrame], names: list[str]) -> None:
    rng, ranks, iqms = np.random.default_rng(21), [], []
    for _ in range(1500):
        relative = []
        for (name, loss_track), values in losses.items():
            if loss_track == track:
                seeds = rng.integers(0, len(values), len(values))
                relative.append(values[seeds] / losses[name, "tuned"][seeds, names.index("relu")].mean())
        ranks.append(scipy.stats.rankdata(np.mean([part.mean(axis=0) for part in relative], axis=0), method="min"))
        iqms.append(scipy.stats.trim_mean(np.concatenate(relative), 0.25))
    for name, resampled, room in (("ranks", ranks, 1.0), ("iqm", iqms, None)):
        low, high = np.quantile(resampled, [0.025, 0.975], axis=0)
        allowed = room if room is not None else 0.15 * (high - low) + 1e-9
        table = statistics[name].loc[names]
        assert (np.abs(table["low"] - low) <= allowed).all(), name
        assert (np.abs(table["high"] - high) <= allowed).all(), name


def _check_pairs(rows: pd.DataFrame, wide: pd.DataFrame) -> None:
    differences = [(wide[a] - wide[b]).to_numpy() for a, b in rows[["a", "b"]].itertuples(index=False)]
    p = np.array([audit.signed_rank(difference) for difference in differences])
    equal = np.array([audit.tost(difference, 0.05) for difference in differences])
    np.testing.assert_allclose(rows["mean"], [difference.mean() for difference in differences], rtol=1e-9, atol=1e-15)
    expected = {"p": p, "p_bh": audit.benjamini_hochberg(p), "p_equivalent": equal,
                "p_equivalent_bh": audit.benjamini_hochberg(equal)}  # fmt: skip
    for name, numbers in expected.items():
        np.testing.assert_allclose(rows[name], numbers, rtol=1e-6, atol=1e-12, err_msg=name)


def test_statistics_of_invented_tables_are_reproduced(tmp_path) -> None:
    folders = [both_tracks(tmp_path / "small", scale=1), both_tracks(tmp_path / "large", scale=50, seeds=8)]
    across.write(folders, tmp_path / "across")
    check(tmp_path / "across", folders)


@pytest.mark.skipif(not (RESULTS / "across").is_dir(), reason="Nothing is published over several workloads.")
def test_the_published_statistics_are_reproduced() -> None:
    text = (RESULTS / "across" / "report.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"`python -m actbench.report (.*?)`", text)
    check(RESULTS / "across", [RESULTS.parent / folder for folder in command.split()])
