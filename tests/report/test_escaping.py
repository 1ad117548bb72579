"""Any text in a table or behind a word of a page is shown as itself, and is never markup."""

import html.parser
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from actbench.report import page
from actbench.tables.text import one_line

# Any text, and text of the characters that have a meaning in Markdown, in HTML or in a template.
TEXTS = st.text(max_size=40) | st.text(st.sampled_from("\\`*_{}[]()#+-.!|<>&;~$^@:/ \"'=%aB1\n\té"), max_size=40)


class _Shown(html.parser.HTMLParser):
    """The text inside of each element of one kind, and the tags in it."""

    def __init__(self, kind: str):
        super().__init__()
        self.kind, self.inside, self.texts, self.tags = kind, False, [], []

    def handle_starttag(self, tag, attrs):
        if self.inside:
            self.tags.append(tag)
        if tag == self.kind:
            self.inside = True
            self.texts.append("")

    def handle_endtag(self, tag):
        self.inside = self.inside and tag != self.kind

    def handle_data(self, data):
        if self.inside:
            self.texts[-1] += data


def _shown(markdown: str, kind: str) -> tuple[list[str], set[str]]:
    shown = _Shown(kind)
    shown.feed(page.render(markdown, title="t", folder=Path()).partition("<body")[2])
    return shown.texts, set(shown.tags)


@given(TEXTS, TEXTS)
@example("<script>alert(1)</script>", "a|b")
@example("![x](http://a.b/c.png)", "{{ 7 * 7 }}")
def test_a_cell_shows_its_characters(name, message):
    texts, tags = _shown(str(page.table([["name", "message"], [name, message]])), "td")
    assert texts == [one_line(name), one_line(message)]
    assert tags <= {"small"}  # of an interval behind a number


@given(TEXTS)
@example("[x](javascript:alert(1))")
@example("&lt;b&gt;")
def test_a_name_in_a_sentence_shows_its_characters(name):
    texts, tags = _shown(f"The activation {page.escape(name)} is better.\n", "p")
    assert texts == [" ".join(f"The activation {one_line(name)} is better.".split(" "))]
    assert tags == set()
