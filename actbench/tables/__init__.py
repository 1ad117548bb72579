"""The tables of a results folder, where the measuring side and the reporting side meet.

In: the rows of a run. Out: `collect(folder)`, three pandas DataFrames. Open `schema.py` first: it lists every column
with its label and unit. `store.py` reads and writes a results folder.
"""

from actbench.tables.store import collect

__all__ = ["collect"]
