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
    groups = runs.assign(variant=runs["act"]).groupby(["workload", "track"])
    return pd.concat([audit.of_all(group) for _, group in groups])


def check(report: Path, folders: list[Path]) -> None:
    """The statistics of a report are those of the folders' tables."""
    published = {path.stem: pd.read_csv(path) for path in (report / "statistics").iterdir()}
    runs = _runs(folders, set(published["iqm"]["variant"]))
    names = sorted(runs["act"].unique())
    losses = {
        (name, track): audit.wide(group, "test_error")[names].to_numpy()
        for (name, track), group in runs.groupby(["workload", "track"])
    }
    workloads = sorted(runs["workload"].unique())
    units = {name: losses[name, "tuned"][:, names.index("relu")].mean() for name in workloads}
    relative = {key: values / units[key[0]] for key, values in losses.items()}
    for track in ("shared", "tuned"):
        statistics = {
            name: table[table["track"] == track].set_index("variant")
            for name, table in published.items()
            if name != "verdicts"
        }
        pooled = np.concatenate([relative[name, track] for name in workloads])
        iqm = statistics["iqm"].loc[names]
        np.testing.assert_allclose(iqm["iqm"], scipy.stats.trim_mean(pooled, 0.25), rtol=1e-9)
        single = np.array([relative[name, track].mean(axis=0) for name in workloads])
        np.testing.assert_allclose(iqm[["least", "most"]], np.stack([single.min(0), single.max(0)], axis=1), rtol=1e-9)
        means = np.mean([relative[name, track].mean(axis=0) for name in workloads], axis=0)
        assert statistics["ranks"]["rank"].loc[names].tolist() == scipy.stats.rankdata(means, method="min").tolist()
        _check_resampled(losses, track, statistics, names)
        _check_verdicts(published["verdicts"].query("track == @track"), losses, track, names)
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


def _check_verdicts(rows: pd.DataFrame, losses: dict, track: str, names: list[str]) -> None:
    """The relative changes; tests/test_audit.py decides anew what each workload's own report says."""
    assert set(rows["variant"]) == set(names) - {"relu"}
    for row in rows.to_dict("records"):
        errors = losses[row["workload"], track][: row["look"] or row["n"]].mean(axis=0)
        ratio = errors[names.index(row["variant"])] / errors[names.index("relu")]
        assert row["change"] == pytest.approx(ratio - 1, rel=1e-9)
        assert (row["verdict"] == "better") <= (ratio < 0.9)
        assert (row["verdict"] == "worse") <= (ratio > 1.1)


def test_statistics_of_invented_tables_are_reproduced(tmp_path) -> None:
    folders = [both_tracks(tmp_path / "small", scale=1), both_tracks(tmp_path / "large", scale=50, seeds=8)]
    across.write(folders, tmp_path / "across")
    check(tmp_path / "across", folders)


@pytest.mark.published
@pytest.mark.skipif(not (RESULTS / "across").is_dir(), reason="Nothing is published over several workloads.")
def test_the_published_statistics_are_reproduced() -> None:
    text = (RESULTS / "across" / "report.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"`python -m actbench.report (.*?)`", text)
    if any(audit.protocol(RESULTS.parent / folder) < 3 for folder in command.split()):
        pytest.skip("It was made under an older PROTOCOL, by older rules.")
    check(RESULTS / "across", [RESULTS.parent / folder for folder in command.split()])
