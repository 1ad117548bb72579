"""The built site: every link leads somewhere, nothing comes from elsewhere, and what is published is there."""

import re
import shutil
import sys
from collections import defaultdict
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from invented_site import FUNCTIONS, REPORT

from actbench.command.options import DOCS
from actbench.site import build, navigation
from actbench.site.__main__ import main
from actbench.tables.schema import REFERENCE

pytestmark = pytest.mark.xdist_group("site")


class Page(HTMLParser):
    """The links, ids and texts of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.ids = path, set()
        self.links: list[tuple[str, str]] = []  # tag, target
        self.open: list[str] = []
        self.inside: dict[str, str] = defaultdict(str)
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        named = dict(attrs)
        self.ids.add(named.get("id"))
        self.links += [(tag, named[key]) for key in ("href", "src") if named.get(key) is not None]
        self.open.append(tag)

    def handle_endtag(self, tag):
        while tag in self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        for tag in set(self.open):
            self.inside[tag] += data


def _check_links(folder: Path) -> None:
    """Every link of every page leads to a file of the site, and to a heading that is there."""
    pages = {path: Page(path) for path in folder.rglob("*.html")}
    dead = []
    for path, page in pages.items():
        if path.name == "404.html":  # for a server, with links from its root
            continue
        for tag, link in page.links:
            parts = urlsplit(link)
            assert (parts.scheme, parts.netloc) == ("", ""), (path, tag, link)
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file() or (parts.fragment and target in pages and parts.fragment not in pages[target].ids):
                dead.append((path.name, link))
    assert dead == []


def test_no_link_is_dead_and_nothing_is_fetched_from_elsewhere(site):
    _check_links(site.folder)
    scripts = "".join(path.read_text(encoding="utf-8") for path in site.folder.glob("assets/*.*s"))
    assert "://" not in scripts


@pytest.mark.slow
def test_the_site_of_what_is_published_is_whole_and_small(site, tmp_path, caplog):
    build.build(Path(__file__).resolve().parents[2] / "results", tmp_path / "site")
    assert caplog.text == ""  # MkDocs warns of links that lead nowhere
    _check_links(tmp_path / "site")
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < 60e6


def test_every_published_page_and_every_function_has_its_page(site):
    names = {path.relative_to(site.folder).as_posix() for path in site.pages()}
    published = {"index.html", "results/index.html", "results/invented/report.html", "results/ledger/report.html"}
    assert published | {"docs/index.html", "docs/guide.html", "activations/index.html"} <= names
    assert {f"activations/{name}.html" for name in FUNCTIONS} <= names
    assert len(names) == site.num_pages + 1  # and 404.html


def test_a_report_keeps_its_text_and_details_are_read_as_markdown(site):
    page = Page(site.folder / "results" / "invented" / "report.html")
    assert "<script>alert(1)</script>, leaky_relu, 3 * 4, `code`, a ~ b." in page.inside["p"]
    assert not any("alert(1)" in page.inside[tag] for tag in ("script", "code"))
    text = page.path.read_text(encoding="utf-8")
    (details,) = re.findall("<details>.*?</details>", text, flags=re.DOTALL)
    assert "<td>bound</td>" in details


def test_a_figure_is_linked_at_full_size_and_its_file_is_the_published_one(site):
    page = Page(site.folder / "results" / "invented" / "report.html")
    assert ("a", "figures/losses.png") in page.links
    assert ("img", "figures/losses.png") in page.links
    published = site.results / "invented" / "figures" / "losses.png"
    assert (page.path.parent / "figures" / "losses.png").read_bytes() == published.read_bytes()


def test_the_tables_of_a_report_are_beside_it_and_nothing_that_no_page_shows(site):
    page = Page(site.folder / "results" / "invented" / "report.html")
    assert ("a", "statistics/differences.csv") in page.links
    table = "invented/statistics/differences.csv"
    assert (site.folder / "results" / table).read_bytes() == (site.results / table).read_bytes()
    assert not list(site.folder.rglob("*.parquet"))


def test_an_activation_s_file_and_its_place_in_the_catalogue_lead_to_its_page(site):
    page = Page(site.folder / "results" / "invented" / "report.html")
    assert {("a", f"../../activations/{name}.html") for name in ("gelu", "mish")} <= set(page.links)
    assert not any("tanh" in link for _, link in page.links)  # it has no page


def test_a_file_outside_the_site_is_named_without_a_link(site):
    page = Page(site.folder / "results" / "invented" / "report.html")
    assert "a file" in page.inside["p"]
    assert not any("mish.yaml" in link for _, link in page.links)


def test_a_report_that_is_not_there_yet_is_named_without_a_link(site):
    page = Page(site.folder / "results" / "invented" / "report.html")
    assert "Later on MNIST (not measured yet)." in page.inside["p"]


def test_an_activation_page_links_its_workloads_claims_and_relatives(site):
    page = Page(site.folder / "activations" / "mish.html")
    links = {link for _, link in page.links}
    assert {"../results/digits_mlp/report.html", "../results/ledger/C99.html", "silu.html"} <= links
    assert "C99" in page.inside["td"]
    assert "−25 [−30, −20]" in page.inside["td"]
    assert "C99" not in Page(site.folder / "activations" / "gelu.html").inside["td"]


def test_the_script_marks_the_reference_of_the_reports():
    assert f'const REFERENCE = "{REFERENCE}";' in (build.ASSETS / "tables.js").read_text(encoding="utf-8")


def _as_html(pages: list[str]) -> list[str]:
    return sorted("index.html" if page == "README.md" else page.replace(".md", ".html") for page in pages)


def test_a_site_takes_the_place_of_an_older_one_and_of_nothing_else(site, tmp_path, capsys, caplog):
    to = tmp_path / "site"
    results = tmp_path / "published"  # a results root may have any name
    (results / "one").mkdir(parents=True)
    (results / "one" / "report.md").write_text(REPORT.replace("../../docs/guide.md", "report.md"), encoding="utf-8")
    (results / "ledger").mkdir()
    (results / "ledger" / "report.md").write_text("# The ledger\n", encoding="utf-8")
    shutil.copytree(site.results / "invented" / "figures", results / "one" / "figures")
    assert main([str(results), "--to", str(to)]) == 0
    (to / "old.html").touch()
    assert main([str(results), "--to", str(to)]) == 0
    assert not (to / "old.html").exists()
    assert (to / "results" / "one" / "report.html").is_file()
    assert not (to / "activations").exists()
    guide = sorted(file.name for file in DOCS.glob("*.md"))  # of the package, since none stands beside the results
    assert sorted(page.name for page in (to / "docs").glob("*.html")) == _as_html(guide)
    assert capsys.readouterr().out.endswith(f"\n{3 + len(guide)} pages: {to / 'index.html'}\n")
    assert "Doc file 'docs/" not in caplog.text  # no link of the guide leads to what is not there
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").touch()
    assert main([str(results), "--to", str(tmp_path / "mine")]) == 2
    assert "name an empty or a new folder by --to" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_without_results_or_mkdocs_the_message_says_what_to_do(site, tmp_path, capsys, monkeypatch):
    assert main([str(tmp_path / "none")]) == 2
    assert "name the parent of your results folders" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "mkdocs.commands.build", None)
    assert main([str(site.results), "--to", str(tmp_path / "site")]) == 2
    assert "pip install 'actbench[site]'" in capsys.readouterr().err
    assert not (tmp_path / "site").exists()


def test_the_guide_is_in_the_order_of_its_index(tmp_path):
    """Pages that the index leaves out come last."""
    (tmp_path / "docs").mkdir()
    for name, text in {"README": "# Guide\n[b](b.md)\n[a](a.md)\n", "a": "# A", "b": "# B", "c": "# C"}.items():
        (tmp_path / "docs" / f"{name}.md").write_text(text)
    *_, guide = navigation.tree([f"docs/{name}.md" for name in ("README", "a", "b", "c")], tmp_path)
    assert guide == {"Guide": ["docs/README.md", {"B": "docs/b.md"}, {"A": "docs/a.md"}, {"C": "docs/c.md"}]}
