"""Compare activations: which is better, by how much and how surely. Frames in, frames out; no figure, page or torch.

In: the tables of a results folder. Out: rankings, paired comparisons with intervals and p-values, diagnoses of layers.
Open `workloads.py` first, which decides what may be compared; then `paired.py`, whose verdicts `sequential.py` decides.
What it decides is in `statements.py`, and when in `looks.py`.
"""
