"""The README: each of its numbers is computed here from published tables, or from what its command prints."""

import re
import sys
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from actbench.catalogue import entries
from actbench.catalogue.publish import facts_frame
from actbench.command.options import EXPERIMENTS
from actbench.compare import paired
from actbench.compare.intervals import Interval, mean_interval
from actbench.report.numbers import number

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "results"
README = (ROOT / "README.md").read_text(encoding="utf-8")
FOLDERS = re.findall(r"\]\(results/(\w+)/report\.md\)", README)


def _plain(text: str) -> str:
    """A text without line breaks and narrow spaces."""
    return " ".join(text.replace("\u202f", " ").split())


def _section(title: str) -> str:
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def _table(folder: str, name: str) -> pd.DataFrame:
    """A published table: a CSV file of statistics/, or the rows of tables/ with the settings of their runs."""
    if (path := RESULTS / folder / "statistics" / f"{name}.csv").is_file():
        return pd.read_csv(path)
    table = pd.read_parquet(RESULTS / folder / "tables" / f"{name}.parquet")
    if name != "layers":
        return table
    return table.merge(_table(folder, "runs"), on=["run_id", "seed"], suffixes=("", "_of_run"))


def _verdicts(track: str) -> pd.DataFrame:
    table = _table("digits_mlp", "differences")
    return table[table["workload"].str.contains(f"track={track}")]


def _accuracy(act: str, track: str) -> str:
    runs = _table("digits_mlp", "runs")
    return f"{runs.loc[(runs['act'] == act) & (runs['track'] == track), 'test_accuracy'].mean():.1%}".replace("%", " %")


def _at_one_rate() -> str:
    table = _verdicts("shared")
    better = table[table["verdict"] == "better"].sort_values("change")
    *names, last = better["variant"]
    counts = {word: int((table["verdict"] == word).sum()) for word in ("equivalent", "worse", "undecided")}
    least, most = (f"{-100 * change:.0f}" for change in (better["change"].max(), better["change"].min()))
    return (
        f"{len(better)} of {len(table)} functions are shown to make fewer errors than ReLU on 8×8 digits: "
        f"{', '.join(names)} and {last}, by an estimated {least} to {most} %. {counts['equivalent']} are equivalent, "
        f"{counts['worse']} worse, and {counts['undecided']} undecided"
    )


def _at_their_own() -> str:
    table = _verdicts("tuned")
    counts = {word: int((table["verdict"] == word).sum()) for word in paired.VERDICTS}
    assert not counts["better"]
    return (
        f"none of the {len(table)} is: {counts['equivalent']} is equivalent, {counts['worse']} are worse, and these "
        f"seeds cannot tell for {counts['undecided']}"
    )


def _on_mnist() -> str:
    table = _table("mnist_mlp", "differences")
    counts = table[table["workload"].str.contains("track=shared")]["verdict"].value_counts()
    assert "better" not in counts
    return (
        f"none of {counts.sum()} is shown to be better than ReLU: {counts['equivalent']} are equivalent, "
        f"{counts['worse']} worse, and {counts['undecided']} undecided"
    )


def _tuned_on_mnist() -> str:
    table = _table("mnist_mlp", "differences")
    tuned = table[table["workload"].str.contains("track=tuned")].set_index("variant")
    assert set(tuned.index[tuned["verdict"] == "equivalent"]) == {"gelu", "gelu_sigmoid"}
    worse = tuned[tuned["verdict"] == "worse"]
    assert len(worse) + 2 == len(tuned)
    more = {act: f"{change:.0%}".replace("%", " %") for act, change in worse["change"].items()}
    return (
        f"tanh still makes {more.pop('tanh')} more errors than ReLU, Hardtanh {more.pop('hardtanh')}, the sigmoid "
        f"{more.pop('sigmoid')} and the hard sigmoid {more.pop('hardsigmoid')}; GELU and its sigmoid form are "
        "equivalent to it"
    )


def _badly_tuned() -> str:
    acts = ("softshrink", "threshold")
    (guess,) = {_accuracy(act, "shared") for act in acts}
    chosen = _table("digits_mlp_tuning", "tuning")
    reached = " and ".join(_accuracy(act, "tuned") for act in acts)
    return (
        f"with {guess} of the digits right, and reach {reached} at their own "
        f"([the tuning](results/digits_mlp_tuning/report.md), which keeps the common settings for "
        f"{chosen['is_shared'].sum()} of {len(chosen)})"
    )


def _vanishing() -> str:
    layers = _table("vanishing", "layers")
    gradient = layers[layers["model.depth"] == 16].pivot_table("grad_rms", ["init", "act", "seed"], "layer_index")
    means = (gradient[1] / gradient[16]).groupby(["init", "act"]).mean()
    share = {key: f"{s:.0e}".replace("e-0", "e-") if s < 0.1 else f"{s:.1f}" for key, s in means.items()}
    return (
        f"At torch's initialisation the first of 16 layers receives {share['torch', 'sigmoid']} of what the last one "
        f"does; with tanh {share['torch', 'tanh']}, with ReLU {share['torch', 'relu']}. One that keeps the variance "
        f"mends ReLU ({share['matched', 'relu']}) and tanh ({share['matched', 'tanh']}), but not the sigmoid "
        f"({share['matched', 'sigmoid']})"
    )


def _drift() -> str:
    layers = _table("mean_drift", "layers")
    layers = layers[(layers["act"] == "sigmoid") & (layers["init"] == "torch")]
    means = layers[layers["norm"] == "none"].groupby("layer_index")["out_mean"].mean()
    ratio = layers.pivot_table("out_ratio", "norm", "layer_index")
    first, last = (f"{ratio.loc['none', layer]:.1f}" for layer in (1, 8))
    (held,) = {f"{value:.1f}" for value in ratio.loc["batch"]}
    return (
        f"stays within {(means - 0.5).abs().max():.3f} of 0.5 through {len(means)} layers, while the constant part of "
        f"the output grows from {first} to {last} times its spread; batch normalisation holds it at {held} "
        f"([mean drift](results/mean_drift/report.md)). Trained, {_drift_in_training()}"
    )


def _drift_in_training() -> str:
    layers = _table("mean_drift_trained", "layers")
    layers = layers[(layers["act"] == "sigmoid") & (layers["norm"] == "none")]
    first, *_, last = layers[layers["step"] == layers["step"].max()].groupby("layer_index")["out_mean"].mean()
    return f"the first layer's mean falls to {first:.2f}, and the last one's rises to {last:.2f}"


def _fixed_point() -> str:
    layers = _table("selu_fixed_point", "layers")
    spread = layers[layers["layer_index"] == 32].groupby(["act", "data.mean", "data.std"])["out_std"].mean()
    low, high = (f"{std:g}" for std in (layers["data.std"].min(), layers["data.std"].max()))
    (selu, selu_most), (elu, elu_most) = (
        (f"{spread[act].min():.2f}", f"{spread[act].max():.2f}") for act in ("selu", "elu")
    )
    reached = selu if selu == selu_most else f"{selu} to {selu_most}"
    return (
        f"From inputs of standard deviation {low} to {high} it reaches {reached} after 32 layers, ELU {elu} to "
        + elu_most
    )


def _collapse() -> str:
    runs = _table("linear_collapse", "runs")
    deepest = runs[(runs["act"] == "identity") & (runs["model.depth"] == runs["model.depth"].max())]
    gap = f"{deepest['test_midpoint_gap'].max():.0e}"
    return f"{deepest['model.depth'].iloc[0]} linear layers are one linear map, up to {gap}"


def _catalogue() -> str:
    facts = _table("functions", "properties")
    cost = _table("functions", "cost")
    each = facts.groupby("property")
    jump = int((each.get_group("num_jumps")["value"] > 0).sum())
    bent = int((each.get_group("monotonic")["text"] == "no").sum())
    rows = cost[(cost[["dtype", "mode", "size"]] == ["float32", "eager", "outside cache"]).all(axis=1)]
    rows = rows[rows["pass"] == "forward+backward"].groupby("function")["ratio"].median()
    return (
        f"Properties of {facts['function'].nunique()} functions, cost of {cost['function'].nunique()}**: "
        f"{jump} jump, {bent} are not monotonic; "
        f"eager Mish takes {rows['mish']:.1f} times as long as ReLU, forward and backward "
        f"outside the cache, Hardswish {rows['hardswish']:.1f} times"
    )


def _claims() -> str:
    return f"{len(list((EXPERIMENTS / 'claims').glob('C*.yaml')))} claims of an article"


def _speed() -> str:
    costs = _table("speed", "verdicts").set_index(["case", "factor"])["ratio"]
    digits, mnist = (f"{costs[f'{data}, mlp', 'whole']:.1f}" for data in ("digits", "mnist"))
    return (
        f"whether Mish is equivalent to ReLU, within 10 % of its errors, takes {digits} times as long on digits and "
        f"{mnist} times as long on MNIST with the loop of the tutorials and unpaired seeds"
    )


SENTENCES = [
    _at_one_rate, _at_their_own, _on_mnist, _tuned_on_mnist, _badly_tuned, _vanishing, _drift, _fixed_point,
    _collapse, _catalogue, _claims, _speed,
]  # fmt: skip


@pytest.mark.parametrize("sentence", SENTENCES, ids=lambda sentence: sentence.__name__.strip("_"))
def test_a_result_is_what_the_tables_say(sentence):
    assert sentence() in _plain(README)


def test_no_number_of_the_results_is_untested():
    """But for names: the sizes of images, links."""
    rest = _plain(_section("Results"))
    for sentence in SENTENCES:
        rest = rest.replace(sentence(), "")
    assert not re.findall(r"\d", rest)


def test_the_caption_counts_functions_and_seeds():
    table = pd.concat([_verdicts("shared"), _verdicts("tuned")])
    caption = _plain(README.split("\n## ")[0])
    assert f"{table['variant'].nunique()} activations against ReLU" in caption
    assert f"over {table['look'].min()} to {table['look'].max()} paired seeds" in caption
    assert f"![{table['variant'].nunique()} activations against ReLU" in caption


def test_the_printed_run_stands_where_the_published_one_does():
    """Its numbers in their order; the published sweep holds the same ten seeds, to the bit."""
    runs = _table("digits_mlp", "runs")
    runs = runs[(runs["track"] == "shared") & (runs["seed"] < 10)]
    runs = runs.assign(variant=runs["act"], test_error=1 - runs["test_accuracy"])
    means = runs.groupby("act")["test_error"].mean().round(12)  # equal means differ in their last bits
    place = int((means < means["mish"]).sum()) + 1
    accuracies = 100 * runs.pivot_table("test_accuracy", "seed", "act")
    best, n = str(means.idxmin()), len(accuracies)

    def points(reference: str) -> str:
        """The mean difference with its t interval at the level of the first of three looks."""
        difference = accuracies["mish"] - accuracies[reference]
        mean, half = difference.mean(), difference.sem() * scipy.stats.t.ppf(1 - 0.01 / 2, n - 1)
        return number(Interval(mean, mean - half, mean + half, n))

    pair = runs[runs["act"].isin(["mish", "relu"])]
    row = paired.compare(pair, value="test_error", rng=np.random.default_rng(0)).iloc[0]
    change, low, high = (f"{100 * row[name]:.0f}".replace("-", "−") for name in ("change", "low", "high"))
    expected = (
        f"{number(mean_interval(accuracies['mish'], rng=np.random.default_rng(0)))} {n} {place} {len(means)} {n} "
        f"{points('relu')} {change} [{low}, {high}] {n} {50 * (row['high'] - row['low']):.0f} "
        f"{100 * (paired.MARGIN - 1):.0f} {row['price']:.0f} {points(best)}"
    )
    block = README.split("```text\n")[1].split("```")[0]
    numerals = r"−?\d[\d,]*(?:\.\d+)?"
    assert re.findall(numerals, _plain(block)) == re.findall(numerals, expected)
    assert row["verdict"] in block
    assert best in block


def test_the_properties_are_those_that_the_command_computes(monkeypatch):
    block = README.split("```bash\n")[2].split("```")[0]
    definition, command = block.strip().splitlines()
    Path("mine.py").write_text(re.fullmatch(r"echo '(.*)' > mine\.py", definition)[1])
    monkeypatch.delitem(sys.modules, "mine", raising=False)  # of another test
    facts = facts_frame([entries.read(command.split()[3:])]).set_index(["property", "index"])
    heading, *lines = README.split("```text\n")[2].split("```")[0].strip().splitlines()
    assert heading.split()[:2] == ["property", "value"]
    assert len(lines) == 7
    for name, *words in map(str.split, lines):
        name, _, index = name.rstrip("]").partition("[")
        fact = facts.loc[(name, int(index or 0))]
        expected = [f"{fact['value']:#.6g}", fact["text"], f"{fact['error']:.0e}"]
        if fact["error"] < 1e-14:  # of a few roundings, which processors do not share
            assert float(words[-2]) == pytest.approx(fact["error"], rel=0.2), name
            expected[-1] = words[-2]
        assert words[:-1] == [word for word in expected if word not in ("", "nan")], name


def test_the_oldest_python_is_the_one_that_the_package_allows():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"Python {project['requires-python'].removeprefix('>=')} or newer" in README


def test_ci_runs_the_readmes_commands():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    lines = [line for block in re.findall(r"```bash\n(.*?)```", README, flags=re.DOTALL) for line in block.splitlines()]
    commands = [command for line in lines if line != "pip install -e ." for command in line.split(" && ")]
    assert len(commands) == 5
    for command in commands:  # the first is part of the others
        assert command.replace("pip install", "pip install --quiet") in script


def test_the_readme_stays_short():
    assert len(README.splitlines()) < 120
