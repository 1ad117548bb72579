"""One job -> three tables: a pack of seeds trained, probed and tested; torch, but no figure.

In: a checked `Job`. Out: its rows of `runs`, `epochs` and `layers`, landed in its results folder. Open `run.py` first,
then `train.py`, `trace.py` and `probes.py`; `build.py` makes the objects that a config names.
"""
