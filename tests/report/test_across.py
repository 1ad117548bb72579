"""The report over several workloads: results against those computed by hand, its sentences, its errors."""

from pathlib import Path

import pages
import pandas as pd
import pytest
from pages import LOSS, both_tracks, headings, line, numbers

from actbench.compare.across import compute, gather
from actbench.figures.tracks import relative
from actbench.report.__main__ import main

pytestmark = pytest.mark.usefixtures("unrendered")


@pytest.fixture
def folders(tmp_path) -> list[Path]:
    return [both_tracks(tmp_path / "small", scale=1), both_tracks(tmp_path / "large", scale=50, seeds=8)]


def test_means_ranks_and_pairs_are_those_computed_by_hand(folders) -> None:
    """In units of the tuned relu: tuned 1, 1/2, 2; shared half as much more; the same on both workloads."""
    comparison = compute(gather(folders))
    assert comparison.workloads == {"large": 8, "small": 6}
    iqm = comparison.iqm.pivot_table("iqm", "variant", "track")
    assert iqm["tuned"].to_dict() == pytest.approx({"relu": 1, "elu": 0.5, "mish": 2}, rel=0.01)
    assert iqm["shared"].to_dict() == pytest.approx({"relu": 1.5, "elu": 0.75, "mish": 3}, rel=0.01)
    for _, ranks in comparison.ranks.groupby("track"):
        assert ranks[["variant", "rank", "low", "high"]].values.tolist() == [
            ["elu", 1, 1, 1], ["relu", 2, 2, 2], ["mish", 3, 3, 3],
        ]  # fmt: skip
    verdicts = comparison.verdicts.query("track == 'tuned' and variant == 'elu'").set_index("workload")
    assert verdicts["verdict"].to_dict() == {"small": "better", "large": "better"}
    assert verdicts["n"].to_dict() == {"small": 6, "large": 8}
    assert verdicts["change"].tolist() == pytest.approx([-0.5, -0.5], rel=0.01)
    shares = comparison.profile.query("track == 'tuned'").pivot_table("share", "variant", "tau")
    assert shares.loc[["relu", "elu", "mish"], 2.0].tolist() == [1, 1, 0]
    assert comparison.failures["n"].tolist() == [14] * 6


def test_the_report_says_whether_relu_is_still_a_good_default(folders, capsys) -> None:
    assert main([str(folder) for folder in folders]) == 0
    folder = folders[0].parent / "across"
    assert capsys.readouterr().out == f"{folder / 'report.html'}\n"
    markdown = (folder / "report.md").read_text("utf-8")
    assert numbers(line(markdown, "- 3 activations on ", "large", "small")) == [3, 2, 8, 6]
    by_mean, by_iqm = line(markdown, "- Tuned track: ", "relu", "elu").split("interquartile mean")
    assert numbers(by_mean) == [2, 2, 2, 3, 1]
    relu, _, _, rank, elu = numbers(by_iqm)[:5]
    assert numbers(by_iqm)[7:9] == pytest.approx([0.5, 0.5], abs=0.02)  # elu from one workload to another
    assert (relu, rank, elu) == (pytest.approx(1, abs=0.02), 2, pytest.approx(0.5, abs=0.02))
    for verdict in ("1 better on all (elu)", "1 worse on all (mish)"):
        assert markdown.count(verdict) == 2  # a track each
    assert line(markdown, "- Is relu still a good default?").endswith(" is elu.")
    assert "`python -m actbench.report results/small results/large`" in markdown
    assert headings(markdown)[:3] == [
        "Against relu on each workload, shared track", "Against relu on each workload, tuned track",
        "In units of the tuned reference",
    ]  # fmt: skip
    assert {path.stem for path in (folder / "figures").iterdir()} == {
        "verdicts_shared",
        "verdicts_tuned",
        "iqm",
        "ranks",
    }
    assert {path.stem for path in (folder / "statistics").iterdir()} == {
        "ranks",
        "iqm",
        "profile",
        "failures",
        "verdicts",
    }
    written = pd.read_csv(folder / "statistics" / "iqm.csv")
    computed = compute(gather(folders)).iqm
    pd.testing.assert_frame_equal(written, computed, check_exact=True, check_dtype=False)


def test_every_interval_and_the_reference_are_inside_the_axis(folders) -> None:
    tables = dict(iter(compute(gather(folders)).iqm.groupby("track")))
    figure = relative(tables, {name: name for name in LOSS})
    for panel, table in zip(figure.axes, tables.values(), strict=True):
        low, high = panel.get_xlim()
        assert low < min(table["low"].min(), 1)
        assert high > max(table["high"].max(), 1)


def test_a_folder_without_both_tracks_is_refused(tmp_path, capsys) -> None:
    folder = both_tracks(tmp_path / "one", scale=1, tracks=("shared",))
    assert main([str(folder), str(both_tracks(tmp_path / "two", scale=1))]) == 2
    assert capsys.readouterr().err == (
        f"actbench.report: {folder} has no workload on both tracks: run its experiment with track=shared,tuned.\n"
    )


def test_workloads_without_a_second_common_activation_are_refused(tmp_path, monkeypatch) -> None:
    first = both_tracks(tmp_path / "first", scale=1)
    monkeypatch.setattr(pages, "LOSS", {"elu": 0.1})
    with pytest.raises(ValueError, match="one other") as error:
        gather([first, both_tracks(tmp_path / "second", scale=1)])
    assert str(error.value) == ("relu and one other activation must be in every workload on both tracks; elu is.")
