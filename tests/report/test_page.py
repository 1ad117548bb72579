"""Pages: names are shown as text, pages need no other file, headings are linked, tables can be sorted."""

import re
from pathlib import Path

import jinja2
import pytest
from markdown_it import MarkdownIt

from actbench.report import page

EVIL = [
    "<script>alert(1)</script>", "a|b", "[x](javascript:alert(1))", "![x](http://a.b/c.png)", "`code`", "*b* _i_ __b__",
    "[x]: http://a.b", "<http://a.b>", "&lt;b&gt;", "# no", "a\nb\r\nc", "back\\slash", "\\|", "~~s~~",
    "http://a.b www.a.b",
    "{{ 7 * 7 }}", "{% raw %}", "</td><td>", '"><img src=x onerror=alert(1)>', "$x$", "[^1]", "a](b) [c", "\u202eabc",
]  # fmt: skip


@pytest.mark.parametrize("name", EVIL)
def test_a_name_is_shown_as_it_is_and_does_nothing(name: str) -> None:
    html = MarkdownIt("commonmark", {"html": False}).enable("table").render(page.table([["h", "n"], [name, "1"]]))
    assert html.count("<td>") == 2
    assert html.count("<tr>") == 2
    for forbidden in ("<a", "<img", "<script", "<em", "<strong", "<code", "<h1", "<del"):
        assert forbidden not in html


def test_numbers_and_usual_names_need_no_escape() -> None:
    for name in ("leaky_relu", "0.172 [0.160, 0.185]", "elu alpha=0.5", "optim.lr=1e-05", "−0.5"):
        assert page.escape(name) == name


def test_markdown_is_not_escaped_twice() -> None:
    once = page.escape("a|b")
    assert once == "a\\|b"
    assert page.escape(once) is once


def test_an_undefined_name_in_a_template_is_an_error() -> None:
    with pytest.raises(jinja2.UndefinedError):
        page.template(page.TEMPLATES / "experiment.md.j2").render(title="x")


def test_a_page_needs_no_other_file_and_no_network(tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (300).to_bytes(4, "big"))
    html = page.render("# T\n\n![alt <b>](figures/a.png)\n", title="<T>", folder=tmp_path)
    assert '<img alt="alt &lt;b&gt;" width="300" src="data:image/png;base64,' in html
    assert "<title>&lt;T&gt;</title>" in html
    assert "http://" not in html
    assert "https://" not in html


@pytest.mark.parametrize("source", ["../a.png", "/a.png", "http://a.b/c.png", "a.svg", "missing.png", "a/../../b.png"])
def test_pictures_from_elsewhere_are_left_out(source: str, tmp_path: Path) -> None:
    (tmp_path.parent / "a.png").write_bytes(b"\x89PNG")
    assert "<img" not in page.render(f"![x]({source})", title="t", folder=tmp_path)


def test_html_in_markdown_is_text(tmp_path: Path) -> None:
    html = page.render("<b onclick=x>hi</b>", title="t", folder=tmp_path)
    assert "&lt;b onclick=x&gt;hi" in html


def test_the_contents_lead_to_every_heading_even_of_the_same_name(tmp_path: Path) -> None:
    html = page.render("# T\n\n## Same\n\n### Same\n\n## Last & least\n", title="t", folder=tmp_path)
    for number, slug in ((3, "same"), (6, "same"), (9, "last-least")):
        assert f'href="#{slug}-{number}"' in html
        assert f'id="{slug}-{number}"' in html
    assert ">Last &amp; least</a>" in html


def test_tables_with_a_heading_can_be_sorted_and_intervals_are_in_small_letters(tmp_path: Path) -> None:
    rows = [["act", "loss"], ["relu", "−0.17 [−0.19, −0.15] (n = 9)"], ["f[0]", "–"]]
    html = page.render(str(page.table(rows)) + "\n\n" + page.table([["", ""], ["k", "v"]]), title="t", folder=tmp_path)
    assert '<table class="sortable">' in html
    assert '<table class="plain">' in html
    assert "<td>−0.17<small> [−0.19, −0.15] (n = 9)</small></td>" in html
    assert "<td>f[0]</td>" in html


def test_a_table_whose_first_heading_alone_is_empty_shows_the_others_and_is_not_sorted(tmp_path: Path) -> None:
    html = page.render(str(page.table([["", "shared", "tuned"], ["use", "relu", "elu"]])), title="t", folder=tmp_path)
    assert '<table class="advice">' in html
    assert "<th>shared</th>" in html


def test_the_contents_lead_to_the_folds_and_not_to_those_inside_of_them(tmp_path: Path) -> None:
    part = page.Part("Numbers", table=page.table([["a"], ["1"]]), folded=("How", page.table([["b"], ["2"]])))
    fold = page.Fold("What was decided", [part])
    markdown = page.template(page.TEMPLATES / "fold.md.j2").render(fold=fold)
    contents, main = page.render(markdown, title="t", folder=tmp_path).split("<main")
    (anchor,) = re.findall(r'<li class="level2"><a href="#([\w-]+)">What was decided</a>', contents)
    assert f'<summary id="{anchor}">What was decided</summary>' in main
    assert ">Numbers</a>" in contents
    assert ">How</a>" not in contents
    assert main.count("<details>") == main.count("</details>") == 2


def test_without_rows_there_is_no_table() -> None:
    assert page.table([]) == ""


def test_a_part_that_is_folded_opens_at_a_click_and_a_name_cannot_fold(tmp_path) -> None:
    table = page.table([["a", "b"], ["</details>", "1"]])
    part = page.Part("Title", folded=("How and why", table))
    markdown = page.template(page.TEMPLATES / "part.md.j2").render(part=part, is_sub=False)
    html = page.render(markdown, title="t", folder=tmp_path).split("<main")[1]
    assert len(re.findall(r'<details><summary id="[\w-]+">How and why</summary>', html)) == 1
    assert html.count("</details>") == 1
    assert html.index("<summary") < html.index("<table") < html.index("</details>")
    name = page.escape("<details><summary>x</summary>")
    assert "<details>" not in page.render(f"{name}\n", title="t", folder=tmp_path).split("<main")[1]


def test_a_verdict_has_its_mark_as_an_attribute_and_nothing_else_has(tmp_path: Path) -> None:
    html = page.render("| a | b |\n|---|---|\n| ● true | ●○ ·· |\n| □ ● | true |\n", title="t", folder=tmp_path)
    assert re.findall(r'<td data-mark="(.)">(.*?)</td>', html) == [("●", "● true")]


def test_a_page_of_the_same_folder_is_linked_as_html(tmp_path: Path) -> None:
    html = page.render("[a](C07.md) [b](../other/report.md) [c](#x)", title="t", folder=tmp_path)
    assert re.findall(r'href="([^"#]+)"', html) == ["C07.html", "../other/report.md"]
