"""The first page of the site: what a reader may ask, and where the answer is."""

from pathlib import Path

from actbench.report import page
from actbench.site import pages

TEMPLATES = Path(__file__).with_name("templates")


def write(results: Path, to: Path) -> str:
    """Write index.md below `to`, where the other pages are already; return its path there."""
    doors = [door for door in _doors(results, to) if (to / str(door["page"])).is_file()]
    text = page.template(TEMPLATES / "home.md.j2").render(
        answer="Small networks, every activation on the same seeds, a diagnosis of every layer, an interval on every "
        "number, and verdicts that a rule decides.",
        doors=[door | {"page": page.Markdown(door["page"])} for door in doors],
    )
    (to / "index.md").write_text(text, encoding="utf-8")
    return "index.md"


def _doors(results: Path, to: Path) -> list[dict[str, str]]:
    num = len(list((to / "activations").glob("*.md"))) - 1
    folders = len([file for file in results.glob("*/report.md") if file.parent.name != "ledger"])
    doors = [
        ("Which activation should I use?", "activations/index.md", "Every activation",
         f"{num} functions with their properties, cost and place in every published workload."),
        ("Is it true what is said of them?", "results/ledger/report.md", "The ledger",
         "each claim with its verdict, and how it was decided."),
        ("What was measured, and what came out?", "results/README.md", "All results",
         f"{folders} reports, each with its question."),
    ]  # fmt: skip
    doors += [
        ("How does it work?", f"docs/{file.name}", pages.title(file), "from the guide.")
        for file in sorted((to / "docs").glob("*.md"))
    ]
    return [dict(zip(("question", "page", "title", "answer"), door, strict=True)) for door in doors]
