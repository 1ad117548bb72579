"""A small invented results root, to make a site of."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from actbench.tables import functions

PUBLISHED = Path(__file__).resolve().parents[1] / "results" / "functions"
FUNCTIONS = ["gelu", "leaky_relu", "mish", "relu", "silu"]
REPORT = """\
# invented: does a report become a page?

A name with marks: \\<script\\>alert(1)\\</script\\>, leaky_relu, 3 \\* 4, \\`code\\`, a \\~ b. See
[the ledger](../ledger/report.md), [the guide](../../docs/guide.md), [gelu](../functions/report.md#gelu)
and [a file](../../conf/act/mish.yaml), [one more](../../conf/act/tanh.yaml).
Later [on MNIST](../mnist_mlp/report.md).

![losses of four runs](figures/losses.png)

| variant | test loss | track | diverged | reference |
|---|---|---|---|---|
| relu | 0.30 [0.2, 0.4] | shared | 0 | gelu |
| mish | 0.20 [0.1, 0.3] | shared | 0 | relu |
| silu | −1.50 | tuned | 2 | relu |
| gelu | – | tuned | 0 | relu |

<details><summary>How it was decided</summary>

| rule | p |
|---|---|
| bound | 0.01 |

</details>

|  |  |
|---|---|
| seeds | 10 |
"""
SHARED, TUNED = "init=torch, track=shared, optim.lr=0.003", "track=tuned"
DIFFERENCES = pd.DataFrame({
    "workload": [SHARED, TUNED, SHARED, SHARED],
    "variant": ["mish", "mish", "leaky_relu negative_slope=0.2", "gelu"],
    "n": [10, 20, 9, 10],
    "change": [-0.25, 0.01, 0.4, 12.0],
    "low": [-0.3, -0.06, -0.1, 3.0],
    "high": [-0.2, 0.08, 0.9, 15.0],
    "verdict": ["better", "equivalent", "undecided", "worse"],
    "value": "test_error",
    "reference": "relu",
})  # fmt: skip
BEST_SET = pd.DataFrame({
    "workload": [SHARED, SHARED, SHARED],
    "variant": ["mish", "leaky_relu negative_slope=0.2", "gelu"],
    "in_set": [True, False, True],
    "tier": ["best", "equivalent to the best", "undecided"],
})  # fmt: skip
CLAIMS = pd.DataFrame({
    "claim": ["C99"],
    "says": ["Mish beats ReLU."],
    "verdict": ["false"],
    "mark": ["○"],
    "activations": ["mish relu"],
})  # fmt: skip
PAIRS = pd.DataFrame({
    "workload": [SHARED, TUNED],
    "a": ["gelu", "relu"],
    "b": ["mish", "mish"],
    "wins": [1, 7],
    "ties": [2, 3],
    "losses": [7, 10],
    "p_bh": [0.0004, 0.5],
})  # fmt: skip
FAILURES = pd.DataFrame({"workload": [SHARED, TUNED], "variant": ["gelu", "mish"], "failed": [3, 0]})


@dataclass(frozen=True)
class Site:
    """The results root that a site was made of, and the site."""

    results: Path
    folder: Path
    num_pages: int

    def pages(self) -> list[Path]:
        """Every HTML file of the site."""
        return sorted(self.folder.rglob("*.html"))


def invent(root: Path) -> Path:
    """A results root with a report, a ledger, the catalogue of FUNCTIONS, an index, and a guide beside it."""
    results = root / "results"
    folders = ("invented/figures", "invented/statistics", "invented/tables", "digits_mlp/statistics", "ledger")
    for name in (*folders, "functions/figures"):
        (results / name).mkdir(parents=True)
    (results / "README.md").write_text("# All results\n\n- [invented](invented/report.md)\n", encoding="utf-8")
    (results / "digits_mlp" / "report.md").write_text("# Which suits digits?\n\nMish does.\n", encoding="utf-8")
    tables = {"differences": DIFFERENCES, "best_set": BEST_SET, "failures": FAILURES, "pairs": PAIRS}
    for name, table in tables.items():
        table.to_csv(results / "digits_mlp" / "statistics" / f"{name}.csv", index=False)
    (results / "invented" / "report.md").write_text(REPORT, encoding="utf-8")
    DIFFERENCES.to_csv(results / "invented" / "statistics" / "differences.csv", index=False)
    pd.DataFrame({"act": ["relu"]}).to_parquet(results / "invented" / "tables" / "runs.parquet")
    (results / "ledger" / "report.md").write_text("# The ledger\n\n- [C99](C99.md)\n", encoding="utf-8")
    (results / "ledger" / "C99.md").write_text("# Does Mish beat ReLU?\n\nNo.\n", encoding="utf-8")
    CLAIMS.to_csv(results / "ledger" / "claims.csv", index=False)
    shutil.copyfile(PUBLISHED / "figures" / "mish.png", results / "invented" / "figures" / "losses.png")
    shutil.copyfile(PUBLISHED / "figures" / "mish.png", results / "functions" / "figures" / "mish.png")
    for name in ("properties", "curves", "cost", "identities", "distances"):
        table = functions.read(PUBLISHED, name)
        rows = table[table["function"].isin(FUNCTIONS)] if "function" in table else table
        functions.write(rows, results / "functions", name, csv=name == "properties")
    (root / "docs").mkdir()
    (root / "docs" / "README.md").write_text("# The guide\n\n- [How to begin](guide.md)\n")
    (root / "docs" / "guide.md").write_text("# How to begin\n\nRead [a report](../results/invented/report.md).\n")
    (root / "conf" / "act").mkdir(parents=True)
    (root / "conf" / "act" / "mish.yaml").write_text("# Mish.\n", encoding="utf-8")
    return results
