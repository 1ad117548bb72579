"""The one writer of reports: made in a hidden folder, a report takes the place of the old one file by file."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from actbench.figures import style
from actbench.report import page
from actbench.report.page import Markdown
from actbench.tables import atomic

Save = Callable[[Figure, str], Markdown]
_NAMED = re.compile(r"\]\(figures/([\w.-]+\.png)\)")  # the figures that a page shows


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """An empty hidden folder to make a report in; at the end it takes the place of the old report.

    Figures drawn meanwhile have the reports' style. The page goes last, so that the figures and tables it names are
    there. Then the figures that only the old pages name and the old tables in statistics/ are removed; every other
    file is the user's and stays. After an error the old report stays as it was.

    Raises:
        NotADirectoryError: If a folder that is written to is a link.
    """
    atomic.refuse_links(folder)
    with atomic.temporary(folder / "report") as new, mpl.rc_context(style.style()):
        new.mkdir()
        yield new
        _install(new, folder)


def _install(new: Path, folder: Path) -> None:
    pages = [folder / page.name for page in new.glob("*.md")]
    text = "".join(page.read_text(encoding="utf-8", errors="replace") for page in pages if page.is_file())
    before = {folder / "figures" / name for name in _NAMED.findall(text)} | set((folder / "statistics").glob("*.csv"))
    paths = [path.relative_to(new) for path in new.rglob("*") if path.is_file()]
    for path in sorted(paths, key=lambda path: (-len(path.parts), path)):
        (folder / path).parent.mkdir(exist_ok=True)
        os.replace(new / path, folder / path)
    for old in before - {folder / path for path in paths}:
        old.unlink(missing_ok=True)


def write_page(new: Path, template: Path, *, title: str, name: str = "report", **values: object) -> None:
    """Write `name`.md from a template, and `name`.html from it with the figures that are in `new`."""
    markdown = page.template(template).render(title=title, **values)
    (new / f"{name}.md").write_text(markdown, encoding="utf-8")
    (new / f"{name}.html").write_text(page.render(markdown, title=title, folder=new), encoding="utf-8")


def write_tables(new: Path, tables: dict[str, pd.DataFrame]) -> None:
    """Write the tables that have rows as statistics/*.csv, rounded nowhere."""
    (new / "statistics").mkdir()
    for name, table in tables.items():
        if len(table):
            table.to_csv(new / "statistics" / f"{name}.csv", index=False)


def saver(new: Path, *, prefix: str = "") -> Save:
    """A function that writes a figure and returns the path by which the page names it."""
    (new / "figures").mkdir(exist_ok=True)

    def save(figure: Figure, name: str) -> Markdown:
        path = f"figures/{prefix}{name}.png"
        style.save(figure, new / path)
        return Markdown(path)

    return save
