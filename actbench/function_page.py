"""Markdown -> one self-contained HTML page: figures inside, tables that sort."""

import base64
import html
import re
from collections.abc import Sequence
from pathlib import Path

from markdown_it import MarkdownIt

_STYLE = """
body { max-width: 1000px; margin: 0 auto; padding: 1rem; color: #1f2328; }
body { font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif; }
h2, h3 { border-top: 1px solid #d5d9de; padding-top: .6rem; margin-top: 2rem; }
p, li { max-width: 46rem; overflow-wrap: anywhere; }
p:has(img) { max-width: none; overflow-x: auto; }
img { max-width: 100%; min-width: min(720px, 100%); }
@media (max-width: 700px) { img { max-width: none; width: 720px; } }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .8rem; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .5rem; text-align: left; border-bottom: 1px solid #d5d9de; white-space: nowrap; }
th { cursor: pointer; background: #f5f6f8; }
th:first-child, td:first-child { position: sticky; left: 0; background: #f5f6f8; }
@media (max-width: 700px) { td:first-child { white-space: normal; overflow-wrap: anywhere; min-width: 6.5rem; } }
"""
_SCRIPT = """
"use strict";
const key = (cell) => {
  const text = cell.textContent.trim().replace(/−/g, "-").replace("∞", "Infinity");
  return text === "" ? null : isNaN(text) ? text.toLowerCase() : Number(text);
};
const order = (a, b) => a === null || b === null ? (a === null) - (b === null)
  : typeof a !== typeof b ? (typeof a === "number" ? -1 : 1) : a < b ? -1 : a > b ? 1 : 0;
for (const table of document.querySelectorAll("table")) [...table.tHead.rows[0].cells].forEach((head, column) => {
  head.addEventListener("click", () => {
    const up = head.ariaSort !== "ascending";
    head.ariaSort = up ? "ascending" : "descending";
    const rows = [...table.tBodies[0].rows].map((row) => [key(row.cells[column]), row]);
    rows.sort((a, b) => (up || a[0] === null || b[0] === null ? 1 : -1) * order(a[0], b[0]));
    table.tBodies[0].append(...rows.map((row) => row[1]));
  });
});
"""


def render(markdown: str, *, title: str, folder: Path) -> str:
    """A page that needs no other file: pictures under `folder` are put inside, HTML is shown as text."""
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    body = body.replace("<table>", '<div class="scroll"><table>').replace("</table>", "</table></div>")

    def embedded(found: re.Match[str]) -> str:
        data = base64.b64encode((folder / found[1]).read_bytes()).decode()
        return f'src="data:image/png;base64,{data}"'

    body = re.sub(r'src="(figures/[\w.-]+\.png)"', embedded, body)
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{html.escape(title)}</title>'
    )
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}<style>{_STYLE}</style></head>\n'
        f"<body>\n{body}<script>{_SCRIPT}</script></body></html>\n"
    )


def table(rows: Sequence[Sequence[object]]) -> str:
    """A markdown table, its heading first."""
    lines = ["| " + " | ".join(escape(cell) for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|---" * len(rows[0]) + "|", *lines[1:]])


def escape(value: object) -> str:
    """A value as markdown that shows exactly its characters."""
    return re.sub(r"([\\`*_<>|\[\]#~$&])", r"\\\1", str(value))
