"""The site in a browser, from its folder: it fits the screen, the search finds, tables sort and filter."""

import json

import pytest
from browser import CHROMIUM, Browser

pytestmark = [
    pytest.mark.xdist_group("site"),
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium"),
]
SHOWN = "[...document.querySelector('table').tBodies[0].rows].filter(row => !row.hidden)"
ROWS = f"{SHOWN}.map(row => row.cells[0].innerText)"
TYPE = """(selector, value) => {
    const field = document.querySelector(selector);
    if (field.type === "checkbox") field.checked = value; else field.value = value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
}"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def report(browser, site):
    """The page of the invented report."""
    browser.open(site.folder / "results" / "invented" / "report.html", width=1280)
    return browser


def _type(browser: Browser, selector: str, value: object) -> None:
    browser.run(f"({TYPE})({json.dumps(selector)}, {json.dumps(value)})")


@pytest.mark.parametrize("width", [1280, 400])
def test_no_page_is_wider_than_the_screen(browser, site, width):
    too_wide = {}
    for path in site.pages():
        browser.open(path, width=width)
        page_width = browser.run("document.scrollingElement.scrollWidth")
        if page_width > width:
            too_wide[path.name] = page_width
    assert too_wide == {}


def test_the_tools_of_a_table_stand_above_it_and_only_the_claims_share_one_screen(browser, site):
    """The page of all claims is set small; that of a function, which names claims too, is not."""
    browser.open(site.folder / "activations" / "mish.html", width=1280)
    top = "document.querySelector('{}').getBoundingClientRect().top"
    assert browser.run(top.format(".table-tools")) > browser.run(top.format("h2"))
    assert browser.run("parseFloat(getComputedStyle(document.querySelector('h1')).fontSize)") > 20


def test_nothing_is_asked_of_a_server(browser, site):
    browser.open(site.folder / "activations" / "mish.html", width=1280)
    assert {url.partition(":")[0] for url in browser.requests} <= {"file", "data", "about", "blob"}
    assert any(url.endswith("mish.png") for url in browser.requests)


def test_the_search_finds_mish(browser, site):
    browser.open(site.folder / "index.html", width=1280)
    browser.run("document.querySelector('.md-search__input').focus()")
    browser.run("document.querySelector('.md-search__input').value = 'mish'")
    links = browser.run("""new Promise((resolve) => {
        const input = document.querySelector(".md-search__input");
        const look = () => {
            const links = [...document.querySelectorAll(".md-search-result__link")].map((link) => link.href);
            if (links.length) resolve(links);
            else { input.dispatchEvent(new Event("keyup", { bubbles: true })); setTimeout(look, 100); }
        };
        look();
        setTimeout(() => resolve([]), 8000);
    })""")
    assert "activations/mish.html" in links[0]


def test_a_table_sorts_by_numbers_with_what_is_missing_last(report):
    heading = "document.querySelectorAll('table th')[1].querySelector('button').click()"
    report.run(heading)
    assert report.run(ROWS) == ["silu", "mish", "relu", "gelu"]
    report.run(heading)
    assert report.run(ROWS) == ["relu", "mish", "silu", "gelu"]


def test_a_table_filters_by_words_by_track_and_without_failures(report):
    _type(report, ".table-tools input[type=search]", "GEL")
    assert report.run(ROWS) == ["relu", "gelu"]
    _type(report, ".table-tools input[type=search]", "")
    _type(report, ".table-tools select", "tuned")
    assert report.run(ROWS) == ["silu", "gelu"]
    _type(report, ".table-tools input[type=checkbox]", True)
    assert report.run(ROWS) == ["gelu"]
    assert report.run("document.querySelector('.table-tools output').value") == "1 of 4"


def test_a_table_filters_by_reference(report):
    _type(report, ".table-tools label:nth-of-type(2) select", "relu")
    assert report.run(ROWS) == ["mish", "silu", "gelu"]


def test_the_first_page_is_one_screen(browser, site):
    browser.open(site.folder / "index.html", width=1280)
    assert browser.run("document.querySelector('.md-content').getBoundingClientRect().bottom") <= 900
    assert browser.run("document.querySelectorAll('.table-tools').length") == 0


def test_the_rows_shown_are_saved_as_csv(report):
    _type(report, ".table-tools select", "tuned")
    text = report.run("""new Promise((resolve) => {
        HTMLAnchorElement.prototype.click = function () { window.saved = this.download; };
        URL.createObjectURL = (blob) => { blob.text().then(resolve); return "#"; };
        [...document.querySelectorAll(".table-tools button")].at(-1).click();
    })""")
    assert text == "variant,test loss,track,diverged,reference\nsilu,-1.50,tuned,2,relu\ngelu,–,tuned,0,relu\n"
    assert report.run("window.saved") == "invented-1.csv"


def test_the_reference_is_highlighted(report):
    assert report.run("[...document.querySelectorAll('tr.reference')].map(row => row.cells[0].innerText)") == ["relu"]


def test_a_box_has_no_tools_and_details_open(report):
    assert report.run("document.querySelectorAll('.table-tools').length") == 1
    report.run("document.querySelector('details summary').click()")
    assert report.run("document.querySelector('details').open") is True


def test_the_colours_of_dark_mode_are_dark(report):
    report.run("document.querySelectorAll('input[name=__palette]')[2].click()")
    assert report.run("document.body.dataset.mdColorScheme") == "slate"
