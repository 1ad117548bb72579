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
[the ledger](../ledger/report.md), [the guide](../../docs/guide.md) and [a file](../../conf/act/mish.yaml).

![losses of four runs](figures/losses.png)

| variant | test loss | track | diverged |
|---|---|---|---|
| relu | 0.30 [0.2, 0.4] | shared | 0 |
| mish | 0.20 [0.1, 0.3] | shared | 0 |
| silu | −1.50 | tuned | 2 |
| gelu | – | tuned | 0 |

<details><summary>How it was decided</summary>

| rule | p |
|---|---|
| bound | 0.01 |

</details>

|  |  |
|---|---|
| seeds | 10 |
"""
DIFFERENCES = pd.DataFrame({
    "workload": ["track=shared", "track=shared", "init=matched, track=tuned", "track=shared"],
    "variant": ["mish", "mish", "mish", "leaky_relu negative_slope=0.2"],
    "n": [10, 10, 10, 9],
    "mean": [-0.02, 0.011, 0.0, 0.4],
    "low": [-0.03, 0.01, -0.001, -0.1],
    "high": [-0.01, 0.012, 0.001, 0.9],
    "verdict": ["better", "better", "equivalent", "inconclusive"],
    "value": ["test_loss", "test_accuracy", "test_loss", "test_fld"],
    "reference": "relu",
})  # fmt: skip


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
    for name in ("invented/figures", "invented/statistics", "invented/tables", "ledger", "functions/figures"):
        (results / name).mkdir(parents=True)
    (results / "README.md").write_text("# All results\n\n- [invented](invented/report.md)\n", encoding="utf-8")
    (results / "invented" / "report.md").write_text(REPORT, encoding="utf-8")
    DIFFERENCES.to_csv(results / "invented" / "statistics" / "differences.csv", index=False)
    pd.DataFrame({"act": ["relu"]}).to_parquet(results / "invented" / "tables" / "runs.parquet")
    (results / "ledger" / "report.md").write_text("# The ledger\n\nNothing is decided.\n", encoding="utf-8")
    shutil.copyfile(PUBLISHED / "figures" / "mish.png", results / "invented" / "figures" / "losses.png")
    shutil.copyfile(PUBLISHED / "figures" / "mish.png", results / "functions" / "figures" / "mish.png")
    for name in ("properties", "curves", "cost", "identities", "distances"):
        table = functions.read(PUBLISHED, name)
        rows = table[table["function"].isin(FUNCTIONS)] if "function" in table else table
        functions.write(rows, results / "functions", name, csv=name == "properties")
    (root / "docs").mkdir()
    (root / "docs" / "guide.md").write_text("# How to begin\n\nRead [a report](../results/invented/report.md).\n")
    (root / "conf" / "act").mkdir(parents=True)
    (root / "conf" / "act" / "mish.yaml").write_text("# Mish.\n", encoding="utf-8")
    return results
