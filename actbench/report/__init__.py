"""Frames and figures -> pages: what a reader sees of a results folder, without torch.

In: tables of a results folder, comparisons of compare/. Out: report.md, report.html, figures/ and statistics/ in
that folder. Open `results_folder.py` first; `writer.py` writes every report, `page.py` turns Markdown into HTML, and
`numbers.py` has the formats of all numbers.
"""
