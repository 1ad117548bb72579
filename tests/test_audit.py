"""Every interval, p and effect size of a published report, computed again from its tables by independent code.

actbench only reads the tables and splits them into workloads. Intervals are resampled with other draws, so they agree
up to resampling; everything else agrees to rounding.
"""

import audit
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from audit import folders_with, published
from statsmodels.stats.proportion import proportion_confint

TRACKS = ("corners", "corner_orders", "corner_difference", "tracks")
ACCURACY_MARGIN = {"mnist": 0.001, "cifar10": 0.005}


@pytest.mark.parametrize("folder", folders_with("differences"))
def test_differences_are_those_of_the_tables(folder):
    for tables, workload_rows in published(folder, "differences"):
        for value, rows in workload_rows.groupby("value"):
            rows = rows.reset_index(drop=True)
            wide, reference = audit.wide(tables.runs, str(value)), rows["reference"][0]
            margin, sign = rows["margin"][0], 1 if "accuracy" in str(value) else -1
            stated = ACCURACY_MARGIN.get(tables.runs["data"].iloc[0], np.nan)
            np.testing.assert_allclose(margin, 0.05 * wide[reference].mean() if sign < 0 else stated)
            pairs = [wide[[name, reference]].dropna().to_numpy() for name in rows["variant"]]
            assert rows["n"].tolist() == [len(pair) for pair in pairs]
            finite = rows.index[[bool(np.isfinite(pair).all()) for pair in pairs]]
            differences = [pairs[i][:, 0] - pairs[i][:, 1] for i in finite]
            spread = np.array([d.std(ddof=1) for d in differences])
            unpaired = np.array([pairs[i].var(axis=0, ddof=1).sum() for i in finite])
            mean = np.array([d.mean() for d in differences])
            tested = rows.loc[finite]
            varies = spread > 1e-9 * np.abs(mean)
            np.testing.assert_allclose(tested["mean"], mean, rtol=1e-9, atol=1e-15)
            np.testing.assert_allclose(tested["d_z"][varies], mean[varies] / spread[varies], rtol=1e-9)
            np.testing.assert_allclose(tested["variance_ratio"][varies], (spread**2 / unpaired)[varies], rtol=1e-9)
            superiority = [(np.sign(sign * d) + 1).mean() / 2 for d in differences]
            np.testing.assert_allclose(tested["superiority"], superiority)
            audit.check_intervals(differences, tested["low"].to_numpy(), tested["high"].to_numpy())
            p, equal = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
            p[finite] = [audit.signed_rank(d) for d in differences]
            equal[finite] = [audit.tost(d, margin) for d in differences]
            expected = {"p": p, "p_holm": audit.holm(p), "p_equivalent": equal, "p_equivalent_holm": audit.holm(equal)}
            for name, numbers in expected.items():
                np.testing.assert_allclose(rows[name], numbers, rtol=1e-6, atol=1e-12, err_msg=name)
            excludes = (rows["low"] * rows["high"] > 0).to_numpy() & (expected["p_holm"] < 0.05)
            verdict = np.where(excludes, np.where(sign * rows["mean"] > 0, "better", "worse"), "inconclusive")
            assert (
                rows["verdict"].tolist()
                == np.where(expected["p_equivalent_holm"] < 0.05, "equivalent", verdict).tolist()
            )


@pytest.mark.parametrize("column", ["low", "p_holm", "d_z"])
@pytest.mark.parametrize("folder", folders_with("differences")[:1])
def test_a_changed_number_fails_the_audit(folder, column, tmp_path):
    path = folder / "statistics" / "differences.csv"
    rows = pd.read_csv(path, keep_default_na=False, na_values=[""])
    (tmp_path / "statistics").mkdir()
    rows.assign(**{column: rows[column] * 1.3}).to_csv(tmp_path / "statistics" / path.name, index=False)
    (tmp_path / "tables").symlink_to(folder / "tables")
    with pytest.raises(AssertionError):
        test_differences_are_those_of_the_tables(tmp_path)


@pytest.mark.parametrize("folder", folders_with("pairs"))
def test_pairs_are_those_of_the_tables(folder):
    compared = {str(rows["workload"][0]): rows[rows["value"] != "test_accuracy"].iloc[0]
                for _, rows in published(folder, "differences")}  # fmt: skip
    for tables, rows in published(folder, "pairs"):
        comparison = compared[str(rows["workload"][0])]
        wide = audit.wide(tables.runs, comparison["value"])
        p, equal = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
        for i, row in rows.iterrows():
            pair = wide[[row["a"], row["b"]]].dropna().to_numpy()
            assert (row["wins"], row["losses"]) == ((pair[:, 0] < pair[:, 1]).sum(), (pair[:, 0] > pair[:, 1]).sum())
            if np.isfinite(pair).all():
                difference = pair[:, 0] - pair[:, 1]
                np.testing.assert_allclose(row["mean"], difference.mean(), rtol=1e-9, atol=1e-15)
                p[i], equal[i] = audit.signed_rank(difference), audit.tost(difference, comparison["margin"])
        equal_bh, p_bh = audit.benjamini_hochberg(equal), audit.benjamini_hochberg(p)
        for name, numbers in {"p": p, "p_bh": p_bh, "p_equivalent": equal, "p_equivalent_bh": equal_bh}.items():
            np.testing.assert_allclose(rows[name], numbers, rtol=1e-6, atol=1e-12, err_msg=name)
        different = np.where(p_bh < 0.05, np.where(rows["mean"] < 0, "better", "worse"), "inconclusive")
        assert rows["verdict"].tolist() == np.where(equal_bh < 0.05, "equivalent", different).tolist()


@pytest.mark.parametrize("folder", folders_with("ranks"))
def test_ranks_are_those_of_the_means(folder):
    for tables, rows in published(folder, "ranks"):
        wide = audit.wide(tables.runs, audit.ranked_by(tables.runs))[rows["variant"].tolist()]
        assert rows["rank"].tolist() == scipy.stats.rankdata(wide.mean(), method="min").tolist()
        means = audit.resampled_means(wide.to_numpy(), np.random.default_rng(7))
        ranks = scipy.stats.rankdata(means, axis=1, method="min")
        low, high = np.quantile(ranks, [0.025, 0.975], axis=0)
        assert np.abs(rows["low"] - low).max() <= 1
        assert np.abs(rows["high"] - high).max() <= 1


@pytest.mark.parametrize("folder", folders_with("profile"))
def test_the_profile_is_that_of_the_steps_to_the_target(folder):
    """The share of seeds on which a variant's steps to the target are at most τ times the seed's fewest."""
    for tables, rows in published(folder, "profile"):
        steps = audit.wide(tables.runs, "steps_to_target")
        fewest = steps.min(axis=1)
        for row in rows.to_dict("records"):
            taken = steps[row["variant"]]
            within = np.isfinite(taken) & (taken <= row["tau"] * fewest * (1 + 1e-12))
            assert row["share"] == pytest.approx(within.mean())


@pytest.mark.parametrize("folder", folders_with("failures"))
def test_failures_are_counted_from_the_runs(folder):
    for tables, rows in published(folder, "failures"):
        for row in rows.to_dict("records"):
            runs = tables.runs[tables.runs["variant"] == row["variant"]]
            chance = 0.99 * np.log(runs.get("data.num_classes", pd.Series(np.inf, index=runs.index)).astype(float))
            assert row["failed"] == ((runs["status"] == "diverged") | (runs["test_loss"] >= chance)).sum()
            bounds = proportion_confint(row["failed"], row["n"], method="beta")
            np.testing.assert_allclose([row["low"], row["high"]], np.nan_to_num(bounds, nan=0), atol=1e-9)


@pytest.mark.parametrize("folder", folders_with(*TRACKS))
def test_tracks_and_corners_are_those_of_the_runs(folder):
    """Kendall's τ is scipy's; effects are differences, and differences of differences, by seed."""
    tables = audit.tables_of(folder)
    runs = pd.concat([workload.runs for workload in tables.values()]) if len(tables) > 1 else pd.DataFrame()
    for name in TRACKS:
        path = folder / "statistics" / f"{name}.csv"
        if not path.is_file():
            continue
        for title, rows in pd.read_csv(path).groupby("workload", dropna=False):
            assert pd.isna(title), "A published folder holds one workload on several tracks, which has no title."
            losses = {track: audit.wide(group, "test_loss").dropna(axis=1) for track, group in runs.groupby("track")}
            names = sorted(set.intersection(*(set(wide) for wide in losses.values())))
            _check_tracks(name, rows, {track: wide[names].dropna() for track, wide in losses.items()})


def _check_tracks(name: str, rows: pd.DataFrame, losses: dict[str, pd.DataFrame]) -> None:
    shared = losses["shared"]
    init_alone = next((track for track in losses if track.endswith("_init")), "")
    if name == "corners":
        init, rate, both = (losses[track] - shared for track in (init_alone, "tuned_lr", "tuned"))
        effects = {"init": init, "learning rate": rate, "both": both, "interaction": both - init - rate}
        samples = [effects[row["effect"]][row["variant"]].to_numpy() for row in rows.to_dict("records")]
        np.testing.assert_allclose(rows["mean"], [sample.mean() for sample in samples], rtol=1e-9, atol=1e-12)
        audit.check_intervals(samples, rows["low"].to_numpy(), rows["high"].to_numpy())
        return
    if name == "corner_difference":
        compared = [losses[track] for track in ("shared", init_alone, "tuned_lr")]
        means = [audit.resampled_means(wide.to_numpy(), np.random.default_rng(3))[:1000] for wide in compared]
        differences = [
            scipy.stats.kendalltau(a, b)[0] - scipy.stats.kendalltau(a, c)[0] for a, b, c in zip(*means, strict=True)
        ]
        bounds = np.quantile(differences, [0.025, 0.975])
        assert rows.loc[0, ["low", "high"]].tolist() == pytest.approx(bounds, abs=0.05)
        return
    for row in rows.to_dict("records"):
        other = losses[row.get("track", "tuned")]
        assert row["tau"] == pytest.approx(scipy.stats.kendalltau(shared.mean(), other.mean())[0])
        means = [audit.resampled_means(wide.to_numpy(), np.random.default_rng(3))[:1000] for wide in (shared, other)]
        taus = [scipy.stats.kendalltau(a, b)[0] for a, b in zip(*means, strict=True)]
        assert [row["low"], row["high"]] == pytest.approx(np.quantile(taus, [0.025, 0.975]), abs=0.05)


@pytest.mark.parametrize("folder", folders_with("null"))
def test_the_error_rates_of_a_against_a_are_reproduced(folder):
    """Variant and reference are exchanged at random, with other draws: the rate agrees to two points."""
    for tables, rows in published(folder, "null"):
        wide = audit.wide(tables.runs, audit.ranked_by(tables.runs)).replace(np.inf, np.nan).dropna(axis=1)
        differences = wide.drop(columns="relu").sub(wide["relu"], axis=0).to_numpy()
        rng = np.random.default_rng(11)
        swapped = rng.choice([-1.0, 1.0], size=(400, len(wide), 1)) * differences
        p = scipy.stats.wilcoxon(swapped, axis=1, method="asymptotic").pvalue
        assert rows["tests"][0] == differences.shape[1]
        assert rows["single"][0] == pytest.approx((p < 0.05).mean(), abs=0.02)
        assert rows["family"][0] <= 0.07
