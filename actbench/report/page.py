"""Markdown -> one self-contained HTML page: embedded figures, a table of contents, tables that sort."""

import base64
import hashlib
import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import jinja2
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from actbench.tables.text import one_line

TEMPLATES = Path(__file__).with_name("templates")
_CELL = re.compile(r"<td([^>]*)>([^<\[]*\d)( \[[^<]*)</td>")
_FOLD = re.compile(r"<details><summary>([^<>]+)</summary>|</details>")
# Marks that begin a cell with a verdict, and a word behind: each has its colour, which adds to both.
MARKS = "●○◐◌⊘■□◆·"
_VERDICT = re.compile(rf"<td>([{MARKS}])(?= \w)")
_NEIGHBOUR = re.compile(r'<a href="([\w-]+)\.md"')  # a page of the same folder, whose HTML lies beside it
_PICTURE = re.compile(r"[\w.-]+(/[\w.-]+)*\.png")
# Characters that would be markup where they stand: `leaky_relu` and `[0.1, 0.2]` stay, `[text](link)` is escaped.
_MARKUP = re.compile(r"([\\`*<>|&~$#{}@^]|\](?=[(:\[])|(?<![^\W_])_|_(?![^\W_])|(?<=www)\.|:(?=//))")


class Markdown(str):
    """Text that is markdown already. Any other value put into a template is escaped."""


@dataclass(frozen=True)
class Part:
    """One part of a section: a heading, how to read what stands there, what it shows, a figure's path, a table.

    `folded` is a table that opens at a click on its summary, with that summary.
    """

    title: str
    read: str = ""
    shows: str = ""
    figure: str = ""
    table: str = ""
    folded: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class Fold:
    """Parts of a page that open at a click on their title."""

    title: str
    parts: Sequence[Part]


def escape(value: object) -> Markdown:
    """A value as markdown that shows exactly its characters, on one line: no link, no HTML, no table border."""
    if isinstance(value, Markdown):
        return value
    return Markdown(_MARKUP.sub(r"\\\1", one_line(value)))


def table(rows: Sequence[Sequence[object]]) -> Markdown:
    """A markdown table whose first row is the heading; empty without rows. Every cell is escaped."""
    if not rows:
        return Markdown("")
    lines = ["| " + " | ".join(escape(cell) for cell in row) + " |" for row in rows]
    return Markdown("\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]]))


def template(path: Path) -> jinja2.Template:
    """A markdown template. Every value put into it is escaped; an undefined name is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(path.parent),
        undefined=jinja2.StrictUndefined,
        finalize=escape,
        autoescape=False,  # `escape` is for markdown; `render` escapes for HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(path.name)


def render(markdown: str, *, title: str, folder: Path) -> str:
    """An HTML page from markdown that needs no other file and no network.

    Pictures are PNG files under `folder`, named by a relative path; any other picture is left out. HTML in the
    markdown is shown as text. A table can be sorted by its headings unless the first of them is empty; one without any
    shows no headings. A cell such as `0.17 [0.16, 0.19]` sorts by its first number.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = _folds(parser.parse(markdown))
    contents = _number_headings(tokens)
    parser.add_render_rule("image", lambda *arguments: _picture(*arguments, folder=folder))
    parser.add_render_rule("table_open", _open_table)
    parser.add_render_rule("table_close", lambda *arguments: "</table></div>\n")
    body = _CELL.sub(_split_cell, parser.renderer.render(tokens, parser.options, {}))
    body = _VERDICT.sub(r'<td data-mark="\1">\1', _NEIGHBOUR.sub(r'<a href="\1.html"', body))
    script = "".join((TEMPLATES / name).read_text("utf-8") for name in ("sort.js", "page.js"))
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string((TEMPLATES / "page.html.j2").read_text("utf-8")).render(
        title=title,
        contents=contents,
        body=body,
        style=(TEMPLATES / "page.css").read_text("utf-8"),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _folds(tokens: Sequence[Token]) -> list[Token]:
    """The tokens with `<details><summary>TEXT</summary>` and `</details>`, each a paragraph of its own, as HTML.

    Escaped text never reads so: a backslash stands before each <. A fold that is in no other has an id, in its meta.
    """
    folded, depth = list(tokens), 0
    for i, token in enumerate(tokens):
        if match := _FOLD.fullmatch(token.content) if token.type == "inline" else None:
            title, anchor = match[1], f"fold-{i}"
            opening = f'<details><summary id="{anchor}">{html.escape(title)}</summary>\n' if title else ""
            meta = {anchor: title} if title and not depth else {}
            fold = Token("html_block", "", 0, content=opening or "</details>\n", meta=meta)
            folded[i - 1 : i + 2] = [fold, *[Token("text", "", 0)] * 2]
            depth += 1 if title else -1
    return folded


def _number_headings(tokens: Sequence[Token]) -> list[tuple[int, str, str]]:
    """Give each heading a unique id; return (level, id, text) of the headings of level 2 and 3, and of folds as 2."""
    contents = []
    for number, (opening, inline) in enumerate(pairwise(tokens)):
        contents += [(2, anchor, title) for anchor, title in opening.meta.items()]
        if opening.type != "heading_open":
            continue
        text = "".join(child.content for child in inline.children or [])
        slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40]
        anchor = f"{slug or 'part'}-{number}"
        opening.attrSet("id", anchor)
        if opening.tag in ("h2", "h3"):
            contents.append((int(opening.tag[1]), anchor, text))
    return contents


def _picture(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: object, env: object, *, folder: Path
) -> str:
    source = str(tokens[index].attrs["src"])
    path = folder / source
    if not _PICTURE.fullmatch(source) or ".." in Path(source).parts or not path.is_file():
        return ""
    data = base64.b64encode(path.read_bytes()).decode()
    width = int.from_bytes(path.read_bytes()[16:20], "big")  # of the IHDR chunk, the first of a PNG file
    alt = html.escape(tokens[index].content)
    return (
        f'<span class="figure" tabindex="0"><img alt="{alt}" width="{width}" src="data:image/png;base64,{data}"></span>'
    )


def _open_table(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: object, env: object) -> str:
    end = next(i for i, token in enumerate(tokens[index:], index) if token.type == "thead_close")
    headings = [token.content.strip() for token in tokens[index:end] if token.type == "inline"]
    kind = "sortable" if headings[0] else "advice" if any(headings) else "plain"
    return f'<div class="scroll" tabindex="0" role="region" aria-label="table"><table class="{kind}">'


def _split_cell(match: re.Match[str]) -> str:
    """A cell with the interval in small letters behind its number."""
    return f"<td{match[1]}>{match[2]}<small>{match[3]}</small></td>"
