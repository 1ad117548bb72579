"""The order of the site's pages: home, activations, claims, experiments, guide."""

from pathlib import Path, PurePosixPath
from typing import Any

from actbench.site import pages

_FIRST = ("across", "functions", "speed")  # not of one experiment


def tree(made: list[str], sources: Path) -> list[Any]:
    """MkDocs' `nav`: the pages under their sections, a section's own page first."""
    reports = [page for page in made if page.startswith("results/") and page.endswith("/report.md")]
    names = {PurePosixPath(page).parent.name: page for page in reports}
    ledger = names.pop("ledger", None)
    claims = [{"All claims": ledger}] if ledger else []
    claims += [
        {PurePosixPath(page).stem: page} for page in made if page.startswith("results/ledger/") and page != ledger
    ]
    order = sorted(names, key=lambda name: (_FIRST.index(name) if name in _FIRST else len(_FIRST), name))
    index = [page for page in made if page == "results/README.md"]
    sections = {
        "Activations": [
            page if page == "activations/index.md" else {PurePosixPath(page).stem: page}
            for page in made
            if page.startswith("activations/")
        ],
        "Claims": claims,
        "Experiments": [*index, *({name: names[name]} for name in order)],
        "Guide": _guide([page for page in made if page.startswith("docs/")], sources),
    }
    return [{"Home": "index.md"}, *({name: entries} for name, entries in sections.items() if entries)]


def _guide(made: list[str], sources: Path) -> list[Any]:
    """The pages of the guide by their titles, in the order in which its index, docs/README.md, links to them."""
    index = sources / "docs" / "README.md"
    links = pages.LINK.findall(index.read_text(encoding="utf-8")) if index.is_file() else []
    order = {f"docs/{target}": place for place, (_, target) in enumerate(links, 1)} | {"docs/README.md": 0}
    in_order = sorted(made, key=lambda page: order.get(page, len(order)))
    return [page if page == "docs/README.md" else {pages.title(sources / page): page} for page in in_order]
