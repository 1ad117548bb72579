"""Published pages as pages of the site: results/*.md, results/*/*.md and docs/*.md, with the files that they show.

The site is laid out as the repository, so that links between pages hold as they are. The guide, docs/, stands beside
the results or, where it does not, in the package.
"""

import os
import re
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

from actbench.command.options import DOCS, options

LINK = re.compile(r"(?<!!)\[((?:[^\[\]\\]|\\.)*)\]\(([^()\s]+)\)")
_PICTURE = re.compile(r"!\[(?:[^\[\]\\]|\\.)*\]\(([^()\s]+)\)")
_DETAILS = re.compile(r"<details(?=[ >])")
_TABLES = ("*.csv", "statistics/*.csv", "tables/*.csv")
_OPTIONS = "conf/act"
_MADE_HERE = "activations"  # pages that only the site has
TITLE = re.compile(r"^# (.+)$", flags=re.MULTILINE)


def published(results: Path) -> list[Path]:
    """The pages of a results root."""
    reports = sorted(path for path in results.glob("*/*.md") if not path.name.startswith("."))
    return [*sorted(results.glob("*.md")), *reports]


def _guide(results: Path) -> Path:
    """The folder with the pages of the guide."""
    beside = results.parent / "docs"
    return beside if (beside / "README.md").is_file() else DOCS


def gather(results: Path, to: Path, *, activations: Collection[str] = ()) -> list[str]:
    """Copy the published pages with their figures and tables below `to`; return the pages' paths there.

    A link to one of these activations, to its file or its place in the catalogue, leads to its page.
    """
    files = [*published(results), *sorted(_guide(results).glob("*.md"))]
    sources = {_place(path, results): path for path in files}
    for place, path in sources.items():
        text = path.read_text(encoding="utf-8")
        for file in _shown(text, path, results):
            copy(file, results, to)
        target = to / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_adapted(text, path, results, activations) + _data(path, to, results), encoding="utf-8")
    return list(sources)


def _is_published(file: Path, results: Path) -> bool:
    return file.is_relative_to(results) or file.is_relative_to(_guide(results))


def _place(path: Path, results: Path) -> str:
    """Where a file stands in the site: results/… whatever the results root is called, docs/…"""
    if path.is_relative_to(results):
        return f"results/{path.relative_to(results).as_posix()}"
    return f"docs/{path.relative_to(_guide(results)).as_posix()}"


def _stands(page: Path, results: Path) -> Path:
    """Where a page stands beside the results: the package's guide as if it were there."""
    return page if page.is_relative_to(results) else results.parent / _place(page, results)


def _target(link: str, page: Path, results: Path) -> Path:
    """The file to which a link leads."""
    target = Path(os.path.normpath(_stands(page, results).parent / link))
    folders = {results.parent / "docs": _guide(results)}
    folders |= {} if page.is_relative_to(results) else {results.parent / "results": results}  # whatever it is called
    return next((to / target.relative_to(of) for of, to in folders.items() if target.is_relative_to(of)), target)


def _shown(text: str, page: Path, results: Path) -> Iterator[Path]:
    """The pictures that a page shows, and the tables that it links to."""
    for target in [*_PICTURE.findall(text), *(target for _, target in LINK.findall(text))]:
        file = _target(target, page, results)
        if _is_published(file, results) and file.suffix in (".png", ".csv") and file.is_file():
            yield file


def _adapted(text: str, page: Path, results: Path, activations: Collection[str]) -> str:
    """A page's text with Markdown read inside <details>, and without links to what the site does not have."""
    root, is_of_guide = results.parent, not page.is_relative_to(results)

    def link(match: re.Match[str]) -> str:
        words, (path, _, place) = match[1], match[2].partition("#")
        if not path or "://" in path:
            return match[0]
        target = _target(path, page, results)
        if (name := _activation(target, place, results)) in activations:
            return f"[{words}]({os.path.relpath(root / _MADE_HERE / f'{name}.md', _stands(page, results).parent)})"
        if target.name == "report.md" and not target.exists() and target.parent.name in options("experiment"):
            return f"{words} (not measured yet)"
        is_page = target.suffix in (".md", ".png", ".csv") and _is_published(target, results)
        if is_of_guide and not (is_page and target.exists()):
            return words
        is_file_here = target.exists() or target.parent == root / _OPTIONS
        is_left_out = is_file_here and not is_page and _MADE_HERE not in target.parts
        return words if is_left_out else match[0]

    return LINK.sub(link, _DETAILS.sub('<details markdown="1"', text))


def _activation(target: Path, place: str, results: Path) -> str:
    """The activation whose file, or whose place in the catalogue, a link names; "" of any other link."""
    if target.parent == results.parent / _OPTIONS:
        return target.stem
    return place if target == results / "functions" / "report.md" else ""


def _data(page: Path, to: Path, results: Path) -> str:
    """A last section that links the tables of a report as CSV files, which it copies."""
    if page.name != "report.md":
        return ""
    links = []
    for file in sorted(file for pattern in _TABLES for file in page.parent.glob(pattern)):
        copy(file, results, to)
        links.append(f"[{file.name}]({file.relative_to(page.parent).as_posix()})")
    return f"\n## Tables of this page\n\nRounded nowhere, as CSV: {', '.join(links)}.\n" if links else ""


def copy(file: Path, results: Path, to: Path) -> str:
    """Copy a file below a results root or docs/ to its place in the site, and return that; "" if there is no file."""
    if not file.is_file() or not _is_published(file.resolve(), results):  # a stranger's link leads to a file of yours
        return ""
    place = _place(file, results)
    (to / place).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, to / place)
    return place


def title(path: Path) -> str:
    """The heading of a page without marks, or its name where it has none."""
    heading = TITLE.search(path.read_text(encoding="utf-8"))
    return re.sub(r"[\\`*]", "", heading[1]) if heading else path.stem
