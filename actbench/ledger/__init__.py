"""The ledger: every claim in experiments/claims/ is decided from the published tables, without torch.

In: the claims and the tables under results/. Out: results/ledger/ and the index results/README.md.
Open `decide.py` first.
"""
