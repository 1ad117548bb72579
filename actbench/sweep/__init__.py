"""Checked jobs -> results: runs are launched and watched, tables compacted, a report written.

In: `Job`s of command/. Out: a results folder with compacted tables and a report, and the command's exit code. Here the
measuring side meets the reporting side. Open `entry.py` first, then hydra_plugins/actbench_sweeper.py, Hydra's sweeper.
"""
