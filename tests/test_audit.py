"""Every interval, p and effect size of a published report, computed again from its tables by independent code.

actbench only reads the tables and splits them into workloads. Intervals are resampled with other draws, so they agree
up to resampling; everything else agrees to rounding.
"""

import json

import audit
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from audit import folders_with, published
from audit_verdicts import (
    SPENDING,
    Contrast,
    Numbers,
    confidence_set,
    contrasts_of,
    decide_anew,
    of_distances,
    of_errors,
    wrong_images,
)
from statsmodels.stats.proportion import proportion_confint

TRACKS = ("corners", "corner_orders", "corner_difference", "tracks")


@pytest.mark.parametrize("folder", folders_with("differences"), indirect=True)
def test_verdicts_are_those_of_the_tables(folder):
    """Decided anew look by look; t intervals at the level of the look; BCa, signed ranks and shares beside them."""
    for tables, rows in published(folder, "differences"):
        value, reference = rows["value"][0], rows["reference"][0]
        assert value == audit.ranked_by(tables.runs)
        looks = json.loads(tables.runs.sort_values("seed")["looks"].iloc[0])
        wide = audit.wide(tables.runs, value)
        wide = wide[wide[reference].notna()].iloc[: looks[-1]]
        contrasts = contrasts_of(tables.runs, wide, value, reference)
        decided, rows = decide_anew(contrasts, looks), rows.set_index("variant")
        assert set(rows.index) == set(contrasts)
        taken = rows[rows["look"] > 0]
        expected = decided.reindex(taken.index)
        assert taken["verdict"].tolist() == expected["verdict"].tolist()
        assert taken["look"].tolist() == expected["look"].tolist()
        for name in ("alpha", "p_equivalent", "p_different", "p_holm"):
            np.testing.assert_allclose(taken[name], expected[name], rtol=1e-5, atol=1e-12, err_msg=name)
        assert (rows.loc[rows["look"] == 0, "verdict"] == "undecided").all()
        differences = []
        for name, row in taken.iterrows():
            n, (_, _, zero) = int(row["look"]), contrasts[name]
            a, b = wide[name].to_numpy()[:n], wide[reference].to_numpy()[:n]
            assert row["superiority"] == pytest.approx(((a < b) + (a == b) / 2).mean())
            if not np.isfinite(a).all():
                continue
            differences.append(a - b)
            reach = scipy.stats.t.ppf(1 - row["alpha"] / 2, n - 1)
            if value.endswith("_error"):
                ratio = a.mean() / b.mean()
                base = wrong_images(tables.runs, reference, list(wide.index))
                own = None if zero.images is None or base is None else zero.images + (1 - ratio) * base
                half = reach * Numbers(a - ratio * b, own).error(n) / b.mean()
                bounds = [ratio - 1, ratio - 1 - half, ratio - 1 + half]
                images = tables.runs["num_test_images"].mean() if value == "test_error" else np.nan
                assert row["margin_images"] == pytest.approx(0.1 * b.mean() * images, nan_ok=True)
            else:
                logs = zero.values[:n]
                bounds = np.expm1(logs.mean() + np.array([0, -1, 1]) * reach * logs.std(ddof=1) / np.sqrt(n))
            np.testing.assert_allclose(row[["change", "low", "high"]].astype(float), bounds, rtol=1e-5, atol=1e-9)
            assert row["difference"] == pytest.approx((a - b).mean(), abs=1e-12)
            assert row["p_signed_rank"] == pytest.approx(audit.signed_rank(a - b), rel=1e-6)
            excludes = min(1, 2 * min(zero.tails(n))) < row["alpha"]
            assert row["disagrees"] == (excludes != (row["p_signed_rank"] < row["alpha"]))
            unpaired = a.var(ddof=1) + b.var(ddof=1)
            assert row["variance_ratio"] == pytest.approx((a - b).var(ddof=1) / unpaired, rel=1e-6, abs=1e-12)
        finite = taken[np.isfinite(taken["difference"])]
        audit.check_intervals(differences, finite["difference_low"].to_numpy(), finite["difference_high"].to_numpy())
        _check_prices(taken, contrasts, looks, num_open=(rows["verdict"] == "undecided").sum())


def _check_prices(rows: pd.DataFrame, contrasts: dict[str, Contrast], looks: list[int], *, num_open: int) -> None:
    """At n + price seeds, with the same mean and spread, one of the two tests decides at the last look's level.

    What lacks a seed is open too, and counts for Holm.
    """
    undecided = rows[rows["verdict"] == "undecided"]
    assert rows.loc[rows["verdict"] != "undecided", "price"].isna().all()
    level = SPENDING[len(looks)][-1] / max(1, num_open)
    for name, row in undecided[np.isfinite(undecided["price"])].iterrows():
        n, more = int(row["look"]), int(row["price"])
        reached = [_smaller_p(contrasts[name], n, at) < level for at in (n + more, n + more - 1)]
        assert reached[0], name
        assert not reached[1] or more == 1, name  # one more seed is the least, since there is no look at this n


def _smaller_p(contrast: Contrast, n: int, at: int) -> float:
    tails = []
    for numbers in contrast:
        x = numbers.values[:n]
        spread = np.var(x, ddof=1)
        error = np.sqrt(spread / at + numbers.error(n) ** 2 - spread / n)
        twice = 2 if abs(scipy.stats.skew(x)) > 1 else 1
        t = x.mean() / error
        tails.append([min(1, twice * p) for p in (scipy.stats.t.sf(t, at - 1), scipy.stats.t.cdf(t, at - 1))])
    outside = contrast[0].values[:n].mean() < 0 or contrast[1].values[:n].mean() > 0
    return min(max(tails[0][0], tails[1][1]), 2 * min(tails[2]) if outside else 1.0)


@pytest.mark.parametrize("column", ["low", "p_holm", "price", "p_signed_rank", "difference_low"])
@pytest.mark.parametrize("folder", folders_with("differences")[:1], indirect=True)
def test_a_changed_number_fails_the_audit(folder, column, tmp_path):
    path = folder / "statistics" / "differences.csv"
    rows = pd.read_csv(path, keep_default_na=False, na_values=[""])
    (tmp_path / "statistics").mkdir()
    rows.assign(**{column: rows[column] * 1.3}).to_csv(tmp_path / "statistics" / path.name, index=False)
    (tmp_path / "runs").symlink_to(folder / "runs")
    with pytest.raises(AssertionError):
        test_verdicts_are_those_of_the_tables(tmp_path)


@pytest.mark.parametrize("folder", folders_with("best_set"), indirect=True)
def test_the_best_set_is_that_of_a_plain_bootstrap(folder):
    """Hansen, Lunde & Nason's maximum statistic by numpy, with other draws; equal columns as one."""
    for tables, rows in published(folder, "best_set"):
        rows = rows.set_index("variant")
        value = audit.ranked_by(tables.runs)
        wide = audit.wide(tables.runs, value)
        bad = {str(name) for name, group in tables.runs.groupby("variant") if (group["status"] == "diverged").any()
               or (group["test_loss"] >= 0.99 * np.log(group.get("data.num_classes", np.inf))).any()}  # fmt: skip
        assert set(rows.index[rows["tier"] == "failed"]) == bad & set(wide)
        members = [name for name in rows.index if np.isfinite(rows.loc[name, "p"])]
        common = wide[members].dropna()
        assert len(common) >= 20
        np.testing.assert_allclose(rows.loc[members, "mean"], common.mean(), rtol=1e-9)
        for name, other in rows["same_as"].dropna().items():
            assert (common[name] == common[other]).all()
            assert rows.loc[name, "p"] == rows.loc[other, "p"]
        single = [name for name in members if not isinstance(rows.loc[name, "same_as"], str)]
        p = confidence_set(common[single])
        assert rows.loc[single, "p"].to_numpy() == pytest.approx(p[single].to_numpy(), abs=0.03)
        assert (rows["in_set"] == (rows["p"] > 0.05)).all()
        assert rows["tier"].iloc[0] == "best"
        assert not rows.loc[rows["in_set"], "tier"].isin(["worse", "failed"]).any()


def _on_both_tracks(runs: pd.DataFrame, value: str, *tracks: str) -> dict[str, pd.DataFrame]:
    """A value by seed and variant on each track, of what all variants of all tracks have."""
    wide = {track: audit.wide(audit.of_all(runs[runs["track"] == track]), value) for track in tracks}
    names = sorted(set.intersection(*(set(frame) for frame in wide.values())))
    seeds = sorted(set.intersection(*(set(frame.index) for frame in wide.values())))
    return {track: frame.loc[seeds, names] for track, frame in wide.items()}


@pytest.mark.parametrize("folder", folders_with("tuned_worse"), indirect=True)
def test_where_tuning_was_worse_is_that_of_the_runs(folder):
    path = folder / "statistics" / "tuned_worse.csv"
    tables = audit.tables_of(folder)
    runs = pd.concat([workload.runs for workload in tables.values()])
    for title, rows in pd.read_csv(path).groupby("workload", dropna=False):
        assert pd.isna(title)
        shared, tuned = _on_both_tracks(runs, "val_error", "shared", "tuned").values()
        assert set(rows["variant"]) == set(shared)
        np.testing.assert_allclose(rows["shared"], shared[rows["variant"]].mean(), rtol=1e-9)
        np.testing.assert_allclose(rows["tuned"], tuned[rows["variant"]].mean(), rtol=1e-9)
        p = []
        for name in rows["variant"]:
            difference = (tuned[name] - shared[name]).to_numpy()
            assert len(difference) == rows.set_index("variant").loc[name, "n"]
            p.append(Numbers(difference, None).tails(len(difference))[0])
        np.testing.assert_allclose(rows["p"], p, rtol=1e-6, atol=1e-12)
        np.testing.assert_allclose(rows["p_holm"], audit.holm(np.array(p)), rtol=1e-6, atol=1e-12)
        assert rows["flagged"].tolist() == (rows["p_holm"] < 0.05).tolist()


@pytest.mark.parametrize("folder", folders_with("disagreements"), indirect=True)
def test_where_error_and_loss_disagree_is_that_of_the_means(folder):
    for work, tables in audit.tables_of(folder).items():
        runs = audit.of_all(tables.runs)
        means = runs.assign(error=1 - runs["test_accuracy"]).groupby("variant")[["error", "test_loss"]].mean()
        ranks = means.rank(method="min")
        expected = set(ranks.index[(ranks["error"] - ranks["test_loss"]).abs() > 5])
        rows = pd.read_csv(folder / "statistics" / "disagreements.csv", keep_default_na=False)
        assert set(rows.loc[rows["workload"] == work, "variant"]) == expected


@pytest.mark.parametrize("folder", folders_with("pairs"), indirect=True)
def test_pairs_are_those_of_the_tables(folder):
    for tables, rows in published(folder, "pairs"):
        wide = audit.wide(tables.runs, audit.ranked_by(tables.runs))
        p = np.full(len(rows), np.nan)
        for i, row in rows.iterrows():
            pair = wide[[row["a"], row["b"]]].dropna().to_numpy()
            assert (row["wins"], row["losses"]) == ((pair[:, 0] < pair[:, 1]).sum(), (pair[:, 0] > pair[:, 1]).sum())
            if np.isfinite(pair).all():
                difference = pair[:, 0] - pair[:, 1]
                np.testing.assert_allclose(row["mean"], difference.mean(), rtol=1e-9, atol=1e-15)
                p[i] = audit.signed_rank(difference)
        for name, numbers in {"p": p, "p_bh": audit.benjamini_hochberg(p)}.items():
            np.testing.assert_allclose(rows[name], numbers, rtol=1e-6, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("folder", folders_with("ranks"), indirect=True)
def test_ranks_are_those_of_the_means(folder):
    for tables, rows in published(folder, "ranks"):
        wide = audit.wide(audit.of_all(tables.runs), audit.ranked_by(tables.runs))
        assert set(rows["variant"]) == set(wide)
        assert (rows["n"] == len(wide)).all()
        wide = wide[rows["variant"].tolist()]
        assert rows["rank"].tolist() == scipy.stats.rankdata(wide.mean().round(12), method="min").tolist()
        means = audit.resampled_means(wide.to_numpy(), np.random.default_rng(7))
        ranks = scipy.stats.rankdata(means, axis=1, method="min")
        low, high = np.quantile(ranks, [0.025, 0.975], axis=0)
        assert np.abs(rows["low"] - low).max() <= 1
        assert np.abs(rows["high"] - high).max() <= 1


@pytest.mark.parametrize("folder", folders_with("profile"), indirect=True)
def test_the_profile_is_that_of_the_steps_to_the_target(folder):
    """The share of seeds on which a variant's steps to the target are at most τ times the seed's fewest."""
    for tables, rows in published(folder, "profile"):
        steps = audit.wide(audit.of_all(tables.runs), "steps_to_target")
        fewest = steps.min(axis=1)
        for variant, points in rows.groupby("variant"):
            taken, most = steps[variant], np.outer(fewest, points["tau"]) * (1 + 1e-12)
            within = np.isfinite(taken).to_numpy()[:, None] & (taken.to_numpy()[:, None] <= most)
            assert points["share"].tolist() == pytest.approx(within.mean(axis=0))


@pytest.mark.parametrize("folder", folders_with("failures"), indirect=True)
def test_failures_are_counted_from_the_runs(folder):
    for tables, rows in published(folder, "failures"):
        for row in rows.to_dict("records"):
            runs = tables.runs[tables.runs["variant"] == row["variant"]]
            chance = 0.99 * np.log(runs.get("data.num_classes", pd.Series(np.inf, index=runs.index)).astype(float))
            assert row["failed"] == ((runs["status"] == "diverged") | (runs["test_loss"] >= chance)).sum()
            bounds = proportion_confint(row["failed"], row["n"], method="beta")
            np.testing.assert_allclose([row["low"], row["high"]], np.nan_to_num(bounds, nan=0), atol=1e-9)


@pytest.mark.parametrize("folder", folders_with(*TRACKS), indirect=True)
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
            losses = _on_both_tracks(runs, "test_error", *runs["track"].unique())
            _check_tracks(name, rows, losses)


def _check_tracks(name: str, rows: pd.DataFrame, losses: dict[str, pd.DataFrame]) -> None:
    shared = losses["shared"]
    one_pair = 2 / (len(shared.columns) * (len(shared.columns) - 1) / 2)
    room = max(0.05, 1.1 * one_pair)  # of a quantile of τ
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
        means, init, rate = map(_resampled, compared)
        bounds = np.quantile(_taus(means, init) - _taus(means, rate), [0.025, 0.975])
        assert rows.loc[0, ["low", "high"]].tolist() == pytest.approx(bounds, abs=room)
        return
    for row in rows.to_dict("records"):
        other = losses[row.get("track", "tuned")]
        assert row["tau"] == pytest.approx(scipy.stats.kendalltau(shared.mean(), other.mean())[0])
        if name == "tracks":
            assert (row["n"], row["num_seeds"]) == (shared.shape[1], shared.shape[0])
        bounds = np.quantile(_taus(_resampled(shared), _resampled(other)), [0.025, 0.975])
        assert [row["low"], row["high"]] == pytest.approx(bounds, abs=room)


def _resampled(wide: pd.DataFrame) -> np.ndarray:
    """A thousand means of each variant; of tables with the same seeds, on the same draws."""
    return audit.resampled_means(wide.to_numpy(), np.random.default_rng(3), resamples=1000)


def _taus(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Kendall's τ of each resample, of which a few are computed by scipy too."""
    taus = audit.kendalls_tau(a, b)
    few = [scipy.stats.kendalltau(*pair)[0] for pair in zip(a[:20], b[:20], strict=True)]
    assert taus[:20] == pytest.approx(few)
    return taus


@pytest.mark.parametrize("folder", folders_with("null"), indirect=True)
def test_the_error_rate_of_a_against_a_is_reproduced(folder):
    """Variant and reference are exchanged at random, with other draws, and decided anew: the rate agrees."""
    for tables, rows in published(folder, "null"):
        wide = audit.wide(tables.runs, audit.ranked_by(tables.runs)).replace(np.inf, np.nan).dropna(axis=1)
        looks = json.loads(tables.runs.sort_values("seed")["looks"].iloc[0])
        if len(wide) != looks[-1]:
            continue  # with fewer seeds than the last look asks for, some are drawn twice
        rng, base, wrong = np.random.default_rng(11), wide["relu"].to_numpy(), 0
        contrast_of = of_errors if audit.ranked_by(tables.runs).endswith("_error") else of_distances
        for _ in range(60):
            swap, order = rng.random(len(wide)) < 0.5, rng.permutation(len(wide))
            pairs = {name: wide[name].to_numpy() for name in wide.columns.drop("relu")}
            pairs = {n: (np.where(swap, base, a)[order], np.where(swap, a, base)[order]) for n, a in pairs.items()}
            decided = decide_anew({name: contrast_of(*pair) for name, pair in pairs.items()}, looks)
            wrong += decided["verdict"].isin(["better", "worse"]).any()
        assert rows["family"][0] == pytest.approx(wrong / 60, abs=0.08)
        assert rows["family"][0] <= 0.06
