"""Where the measuring and the reporting side meet: the tables of a results folder.

In: rows of a run. Out: `collect(folder)`, three pandas DataFrames. Open `schema.py` first: it holds every column with
its label and unit. `store.py` reads and writes a results folder.
"""

from actbench.tables.store import collect

__all__ = ["collect"]
