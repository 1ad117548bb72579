"""Checked jobs -> done: what must hold before the first run, the launcher, the bar, and what is written at the end.

In: `Job`s of command/. Out: a results folder with compacted tables and a report, and the command's exit code. Here the
measuring side meets the reporting side. Open `conclude.py` first, then hydra_plugins/actbench_sweeper.py.
"""
