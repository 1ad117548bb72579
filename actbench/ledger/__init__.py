"""Claims -> verdicts -> pages: every claim of experiments/ decided from what is published, without torch.

In: the claims and the tables under results/. Out: results/ledger/ and the list results/README.md.
Open `decide.py` first.
"""
