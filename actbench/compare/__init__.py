"""Frames -> frames: which activation is better, by how much and how surely; no figure, no page, no torch.

In: the tables of a results folder. Out: rankings, paired comparisons with intervals and p-values, what layers show.
Open `workloads.py` first, which tells what may be compared; then `paired.py`.
"""
