"""What the site's pages have beyond the published Markdown: figures that are links, intervals that do not break,
verdicts that can have a colour."""

import re
from xml.etree.ElementTree import Element, SubElement

from markdown import Extension, Markdown
from markdown.treeprocessors import Treeprocessor

from actbench.report.page import MARKS

_BEFORE_LINKS = 10  # MkDocs makes links relative to the page at 0
_INTERVAL = re.compile(r"(.*\d )(\[[^\[\]]*\])(.*)")  # `0.17 [0.16, 0.19]`
_VERDICT = re.compile(rf"([{MARKS}]) \w")


class FiguresAsLinks(Treeprocessor):
    """Put each picture into a link to its file."""

    def run(self, root: Element) -> None:
        """Change the tree of a page in place."""
        for parent in list(root.iter()):
            if parent.tag == "a":
                continue
            for place, child in enumerate(list(parent)):
                if child.tag == "img":
                    parent[place] = _linked(child)


class Verdicts(Treeprocessor):
    """Give a cell that begins with the mark of a verdict this mark as an attribute, for its colour."""

    def run(self, root: Element) -> None:
        """Change the tree of a page in place."""
        for cell in root.iter("td"):
            if match := _VERDICT.match(cell.text or ""):
                cell.set("data-mark", match[1])


class Intervals(Treeprocessor):
    """Put the interval behind a cell's number into small letters, on one line."""

    def run(self, root: Element) -> None:
        """Change the tree of a page in place."""
        for cell in root.iter("td"):
            if len(cell) == 0 and (match := _INTERVAL.fullmatch(cell.text or "")):
                cell.text = match[1]
                small = SubElement(cell, "small", {"class": "interval"})
                small.text, small.tail = match[2], match[3]


def _linked(picture: Element) -> Element:
    link = Element("a", {"href": picture.get("src", ""), "class": "figure", "title": "full size"})
    link.tail, picture.tail = picture.tail, None
    SubElement(link, "img", picture.attrib)
    return link


class SiteExtension(Extension):
    """The extension that MkDocs loads by the name of this module."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 (the name that Python-Markdown calls)
        """Register what changes a page."""
        md.treeprocessors.register(FiguresAsLinks(md), "figures as links", _BEFORE_LINKS)
        md.treeprocessors.register(Verdicts(md), "verdicts", _BEFORE_LINKS)
        md.treeprocessors.register(Intervals(md), "intervals", _BEFORE_LINKS)


def makeExtension(**options: object) -> SiteExtension:  # noqa: N802
    """The extension, as Python-Markdown asks for it."""
    return SiteExtension(**options)
