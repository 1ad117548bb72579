"""The site: published pages and those made here -> a folder of Markdown -> MkDocs -> a folder of HTML."""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from actbench.report.page import TEMPLATES
from actbench.site import activations, home, navigation, pages
from actbench.site.own import Own
from actbench.site.sources import read
from actbench.tables import atomic

ASSETS = Path(__file__).with_name("assets")
_MARK = ".made-by-actbench-site"
# What a page needs comes with the site: no font, and a worker for the search that runs from a folder.
_THEME = {
    "name": "material",
    "font": False,
    "features": [
        "navigation.tabs",
        "navigation.indexes",
        "navigation.prune",
        "navigation.top",
        "toc.follow",
        "search.highlight",
        "search.suggest",
        "content.code.copy",
    ],
    "palette": [
        {"media": "(prefers-color-scheme)", "toggle": {"icon": "material/brightness-auto", "name": "To light mode"}},
        {
            "media": "(prefers-color-scheme: light)",
            "scheme": "default",
            "primary": "indigo",
            "toggle": {"icon": "material/weather-sunny", "name": "To dark mode"},
        },
        {
            "media": "(prefers-color-scheme: dark)",
            "scheme": "slate",
            "primary": "indigo",
            "toggle": {"icon": "material/weather-night", "name": "To the system's mode"},
        },
    ],
}


def build(results: Path, to: Path, *, own: Own | None = None) -> int:
    """Make the site of a results root in the folder `to`, in place of one made before; return its number of pages.

    With `own`, a function that the command names has its page too.

    Raises:
        FileNotFoundError: If nothing is published under `results`.
        FileExistsError: If `to` holds something else than a site made before.
        ModuleNotFoundError: If MkDocs is not installed.
    """
    results, to = results.resolve(), to.resolve()
    if not pages.published(results):
        raise FileNotFoundError(f"There is no report under {results}: name the parent of your results folders.")
    if to.exists() and any(to.iterdir()) and not (to / _MARK).is_file():
        raise FileExistsError(f"{to} holds files that are no site of actbench: name an empty or a new folder by --to.")
    with tempfile.TemporaryDirectory() as folder, atomic.temporary(to) as new:
        sources = Path(folder) / "pages"
        catalogue = read(results, own=own)
        made = [*pages.gather(results, sources, activations=catalogue.facts), *activations.write(catalogue, sources)]
        made.append(home.write(catalogue, sources))
        _run_mkdocs(sources, new, navigation.tree(made, sources))
        (new / _MARK).touch()
        atomic.discard(to)
        os.replace(new, to)
    return len(made)


def _run_mkdocs(sources: Path, to: Path, tree: list[Any]) -> None:
    """Turn the folder of pages into HTML; MkDocs says on stderr which links lead nowhere."""
    os.environ.setdefault("NO_MKDOCS_2_WARNING", "1")  # Material's notice about another project
    from mkdocs.commands.build import build as build_pages
    from mkdocs.config import load_config

    for asset in (*ASSETS.iterdir(), TEMPLATES / "sort.js"):
        (sources / "assets").mkdir(exist_ok=True)
        (sources / "assets" / asset.name).write_bytes(asset.read_bytes())
    file = sources.parent / "mkdocs.yml"
    file.write_text(json.dumps(_config(sources, to, tree)), encoding="utf-8")  # JSON is YAML too
    build_pages(load_config(config_file=str(file)))


def _config(sources: Path, to: Path, tree: list[Any]) -> dict[str, Any]:
    return {
        "site_name": "actbench",
        "docs_dir": str(sources),
        "site_dir": str(to),
        "use_directory_urls": False,
        "theme": _THEME,
        "plugins": [{"search": {"separator": r"[\s\-_,:=!?.;()\[\]|/]+"}}, "offline"],
        "markdown_extensions": ["tables", "md_in_html", "sane_lists", "pymdownx.escapeall", "actbench.site.markdown"],
        "extra_css": ["assets/site.css"],
        "extra_javascript": ["assets/sort.js", "assets/tables.js"],
        "extra": {"generator": False, "polyfills": ["assets/iframe-worker.js"]},
        "nav": tree,
        "validation": {"links": {"not_found": "warn", "absolute_links": "warn", "anchors": "warn"}},
    }
