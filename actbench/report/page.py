"""Markdown -> one self-contained HTML page: figures inside, table of contents, tables that sort."""

import base64
import hashlib
import html
import os
import re
from collections.abc import Collection, Sequence
from itertools import pairwise
from pathlib import Path

import jinja2
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from actbench.tables.text import one_line

TEMPLATES = Path(__file__).with_name("templates")
_CELL = re.compile(r"<td([^>]*)>([^<\[]*\d)( \[[^<]*)</td>")
_PICTURE = re.compile(r"[\w.-]+(/[\w.-]+)*\.png")
# What would be markup at its place: `leaky_relu` and `[0.1, 0.2]` stay as they are, `[text](link)` does not.
_MARKUP = re.compile(r"([\\`*<>|&~$#{}@^]|\](?=[(:\[])|(?<![^\W_])_|_(?![^\W_])|(?<=www)\.|:(?=//))")


class Markdown(str):
    """Text that is markdown already; any other text that meets a template is escaped."""


def escape(value: object) -> Markdown:
    """A value as markdown that shows exactly its characters, in one line: no link, no HTML, no table border."""
    if isinstance(value, Markdown):
        return value
    return Markdown(_MARKUP.sub(r"\\\1", one_line(value)))


def table(rows: Sequence[Sequence[object]]) -> Markdown:
    """A markdown table, its heading first; no rows, no table. Every cell is escaped."""
    if not rows:
        return Markdown("")
    lines = ["| " + " | ".join(escape(cell) for cell in row) + " |" for row in rows]
    return Markdown("\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]]))


def template(path: Path) -> jinja2.Template:
    """A markdown template: whatever is put into it is escaped, an unknown name is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(path.parent),
        undefined=jinja2.StrictUndefined,
        finalize=escape,
        autoescape=False,  # the escape here is for markdown; the page escapes for HTML
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(path.name)


def render(markdown: str, *, title: str, folder: Path) -> str:
    """A whole HTML page from markdown, which needs no other file and no network.

    Pictures are PNG files under `folder`, named by a relative path; any other picture is left out. HTML in the
    markdown is shown as text. A table whose first heading is not empty can be sorted by its headings; a cell like
    `0.17 [0.16, 0.19]` sorts by its first number.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(markdown)
    contents = _number_headings(tokens)
    parser.add_render_rule("image", lambda *given: _picture(*given, folder=folder))
    parser.add_render_rule("table_open", _open_table)
    parser.add_render_rule("table_close", lambda *given: "</table></div>\n")
    body = _CELL.sub(_split_cell, parser.renderer.render(tokens, parser.options, {}))
    script = (TEMPLATES / "page.js").read_text("utf-8")
    shell = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return shell.from_string((TEMPLATES / "page.html.j2").read_text("utf-8")).render(
        title=title,
        contents=contents,
        body=body,
        style=(TEMPLATES / "page.css").read_text("utf-8"),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def install(made: Path, folder: Path, *, figures: Collection[str]) -> None:
    """Put a new report in the place of the old one, file by file, and remove those that only the old one has.

    Args:
        made: The folder of report.md, report.html, figures/ and statistics/, which is emptied.
        folder: The results folder.
        figures: The names of figures that may be there; what else lies in figures/ is the user's.
    """
    for place, ours in (("figures", rf"(w\d+-)?({'|'.join(figures)})\.png"), ("statistics", r".*\.csv")):
        (folder / place).mkdir(exist_ok=True)
        new = {path.name for path in (made / place).iterdir()}
        for old in (folder / place).iterdir():
            if re.fullmatch(ours, old.name) and old.name not in new:
                old.unlink(missing_ok=True)
        for name in sorted(new):
            os.replace(made / place / name, folder / place / name)
    for name in ("report.md", "report.html"):
        os.replace(made / name, folder / name)


def _number_headings(tokens: Sequence[Token]) -> list[tuple[int, str, str]]:
    """Give each heading an id of its own; the contents as (level, id, text) of the second and third level."""
    contents = []
    for number, (opening, inline) in enumerate(pairwise(tokens)):
        if opening.type != "heading_open":
            continue
        text = "".join(child.content for child in inline.children or [])
        name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40]
        opening.attrSet("id", f"{name or 'part'}-{number}")
        if opening.tag in ("h2", "h3"):
            contents.append((int(opening.tag[1]), f"{name or 'part'}-{number}", text))
    return contents


def _picture(
    renderer: RendererHTML, tokens: Sequence[Token], at: int, options: object, env: object, *, folder: Path
) -> str:
    source = str(tokens[at].attrs["src"])
    path = folder / source
    if not _PICTURE.fullmatch(source) or ".." in Path(source).parts or not path.is_file():
        return ""
    data = base64.b64encode(path.read_bytes()).decode()
    width = int.from_bytes(path.read_bytes()[16:20], "big")
    alt = html.escape(tokens[at].content)
    return (
        f'<span class="figure" tabindex="0"><img alt="{alt}" width="{width}" src="data:image/png;base64,{data}"></span>'
    )


def _open_table(renderer: RendererHTML, tokens: Sequence[Token], at: int, options: object, env: object) -> str:
    heading = next(token for token in tokens[at:] if token.type == "inline")
    kind = ' class="sortable"' if heading.content.strip() else ' class="plain"'
    return f'<div class="scroll" tabindex="0" role="region" aria-label="table"><table{kind}>'


def _split_cell(found: re.Match[str]) -> str:
    """The interval behind its number, in small letters."""
    return f"<td{found[1]}>{found[2]}<small>{found[3]}</small></td>"
