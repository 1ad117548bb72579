"""Frames and figures -> pages: what a reader sees of a results folder, without torch.

In: tables of a results folder, comparisons of compare/. Out: report.md, report.html, figures/ and statistics/ in
that folder. Open `results_folder.py` first: a page is a question (`question.py`), its answer (`answer.py`), a figure
(`opening.py`), a box (`box.py`), links and `folds.py`. `writer.py` writes every report, `page.py` turns Markdown into
HTML, and `numbers.py` has the formats of all numbers.
"""
