"""Measures one job: trains, probes and tests a pack of seeds and writes three tables. Uses torch; draws no figure.

In: a checked `Job`. Out: its rows of `runs`, `epochs` and `layers` in its results folder. Open `run.py` first, then
`train.py`, `trace.py` and `probes.py`; `build.py` makes the objects that a config names.
"""
